// @vitest-environment happy-dom
// The pages of coding and adjudication on a desk without a video: which expression a key changes, and under which id.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { api } from "../src/api";
import type { Bench, Page } from "../src/bench";
import { adjudicatePage } from "../src/pages/adjudicate";
import { idFrom } from "../src/ids";
import { codePage, openInWords } from "../src/pages/code";
import type { Row } from "../src/shelf";
import type { Bar, Lane } from "../src/timeline";
import { nothing_coded, type Adjudication, type Body, type Clip, type Edit, type Expression, type Group, type LogRow, type Suggestion } from "../src/types";

const desk = vi.hoisted(() => ({ frame: 0, lanes: [] as Lane[], pick: (_: Bar): void => undefined }));

vi.mock("../src/desk", () => ({
  framesOf: (body: Body | null) => (body ? [body.onset, body.apex, body.offset].filter((frame) => frame !== null) : []),
  Desk: class {
    element = document.createElement("div");
    video = { player: { seek: () => undefined, asked: 0 } };
    timeline = { show: (lanes: Lane[]) => void (desk.lanes = lanes) };
    constructor(_: unknown, owner: { picked(bar: Bar): void }) {
      desk.pick = (bar) => owner.picked(bar);
    }
    seen = (): number => desk.frame;
    actions = (): object => ({ help: () => undefined });
    start = (): Promise<void> => Promise.resolve();
    selectionChanged(): void {}
    focus(): void {}
    close(): void {}
  },
}));

const CLIP = "sub-001_run-01";
const body = (fields: Partial<Body>): Body => ({ ...nothing_coded, ...fields });
const member = (coder: string, id: string, onset: number): Group["members"][number] => ({ coder, id, body: body({ onset, apex: onset + 3, offset: onset + 6 }) });
const expression = (id: string, fields: Partial<Body>, version = 1): Expression => ({ id, version, body: body(fields), doubts: [] });
const group = (onset: number, name: string, final: string | null = null): Group => ({ members: [member("A", `a-${name}`, onset), member("B", `b-${name}`, onset + 1)], final, agree: false });
const suggestion: Suggestion = { id: "s1", onset: 5, apex: 6, offset: 7, kind: "micro", score: null, regions: [], method: "m", decision: null };
const adopted = (name: string): string => idFrom("adopted", CLIP, `A/a-${name}`, `B/b-${name}`);
const logged = (fields: Partial<LogRow>): LogRow => ({ seq: 1, at: "", by: "E", clip: CLIP, sheet: "final", what: "put", expression: null, version: null, before: null, after: null, ...fields });

let sent: Omit<Edit, "key">[];
let page: Page | null = null;
let log: LogRow[];

const clip = (sheet: string): Clip => ({
  id: CLIP, participant: "sub-001", run: "run-01", trial: null, stage: "adjudicate", width: 1, height: 1, n_frames: 1000, key_every: 1,
  times_s: Array.from({ length: 1000 }, (_, frame) => frame * 0.02), clock: "master", rate_hz: 50, proxy: { state: "ready", done: 1, of: 1, problem: null }, face: null,
  sheet: { coder: sheet, state: "open", revealed: true, returned: null, may_edit: true }, expressions: [], suggestions: [], context: null,
});
const bench = (waiting: Row[] = []): Bench => ({
  me: { label: "A", name: "", role: "coder", csrf: "" },
  study: { name: "s", emotions: [], action_units: [], method: null },
  queue: { rows: () => Promise.resolve(waiting), loaded: () => undefined, took: () => undefined, add: (edit: Omit<Edit, "key">) => Promise.resolve(void sent.push(edit)) },
  renew: () => undefined,
}) as unknown as Bench;

function put(next: Page): Page {
  page?.close();
  page = next;
  document.body.replaceChildren(next.element);
  return next;
}
async function adjudicate(groups: Group[], expressions: Expression[] = [], waiting: Row[] = []): Promise<Page> {
  const fetched: Adjudication = { ...clip("final"), coders: ["A", "B"], groups: structuredClone(groups), expressions: structuredClone(expressions) };
  vi.spyOn(api, "adjudication").mockResolvedValue(fetched);
  return put(await adjudicatePage(bench(waiting), CLIP));
}
async function code(expressions: Expression[] = [], waiting: Row[] = []): Promise<Page> {
  vi.spyOn(api, "clip").mockResolvedValue({ ...clip("A"), suggestions: [{ ...suggestion }], expressions: structuredClone(expressions) });
  return put(await codePage(bench(waiting), CLIP, null));
}
const press = (key: string, more: KeyboardEventInit = {}): void => void document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
const take = (place: number): void => press("!", { code: `Digit${place}`, shiftKey: true });
const undo = (): void => press("z", { ctrlKey: true });
const mark = (key: string, frame: number): void => {
  desk.frame = frame;
  press(key);
};
const chosen = (): string | null => document.querySelector("#groups [aria-selected=true]")!.getAttribute("data-final");
const rows = (): (string | null)[] => [...document.querySelectorAll("#groups [role=option]")].map((row) => row.getAttribute("data-final"));
const steps = (): unknown[] => sent.map(({ action, expression: id, base }) => [action, id, base]);
const waits = (edit: Omit<Edit, "key">): Row => ({ order: 1, study: "", by: "", made_at: "", tab: "other", sent: false, problem: null, edit: { ...edit, key: "k" } });

beforeEach(() => {
  sent = [];
  log = [];
  desk.lanes = [];
  vi.spyOn(api, "log").mockImplementation((after) => Promise.resolve(log.filter(({ seq }) => seq > after).slice(0, 1000)));
});
afterEach(() => {
  page?.close();
  page = null;
  vi.restoreAllMocks();
});

describe("an id that follows from its parts", () => {
  it("is FNV-1a of 128 bits as a UUID that the server takes", () => {
    // 31a73c0a2bad1eeb2e1d7b566b36a044 by the definition, in Python; then version 8 and the variant
    expect(idFrom("adopted", CLIP, "A/é")).toBe("31a73c0a-2bad-8eeb-ae1d-7b566b36a044");
  });

  it("differs with every part, and with where a part ends", () => {
    const ids = [["a", "b"], ["a", "c"], ["b", "a"], ["ab"], ["a,b"], ["a", "b", ""], []].map((parts) => idFrom(...parts));
    expect(new Set(ids).size).toBe(ids.length);
    const many = Array.from({ length: 5000 }, (_, n) => idFrom("adopted", CLIP, `A/${n}`));
    expect(new Set(many).size).toBe(5000);
    expect(many.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).toBe(true);
  });
});

describe("what is selected in adjudication", () => {
  const groups = [group(100, "one", "f1"), group(200, "two", "f2")];
  const finals = [expression("f1", { onset: 100 }), expression("f2", { onset: 200 })];

  it("stays when its onset moves over a neighbour", async () => {
    await adjudicate([{ ...groups[0]!, members: [] }, { ...groups[1]!, members: [] }], finals);
    mark("q", 300);
    expect(rows()).toEqual(["f2", "f1"]);
    mark("w", 305);
    mark("e", 310);
    expect(sent.map(({ expression: id }) => id)).toEqual(["f1", "f1", "f1"]);
    expect(sent.at(-1)!.body).toMatchObject({ onset: 300, apex: 305, offset: 310 });
    expect(chosen()).toBe("f1");
  });

  it("is the new expression after N, wherever it stands", async () => {
    await adjudicate(groups, finals);
    press(".");
    mark("n", 150);
    const made = sent[0]!.expression!;
    mark("w", 152);
    mark("q", 400);
    mark("e", 410);
    expect(rows()).toEqual(["f1", "f2", made]);
    expect(sent.map(({ expression: id }) => id)).toEqual([made, made, made, made]);
    press(",");
    expect(chosen()).toBe("f2");
  });

  it("is what a bar of the timeline stands for, even one drawn before the list was sorted anew", async () => {
    await adjudicate(groups, finals);
    const second = desk.lanes.at(-1)!.bars[1]!;
    mark("n", 50);
    desk.pick(second);
    mark("w", 207);
    expect(sent.at(-1)).toMatchObject({ expression: "f2", body: { onset: 200, apex: 207 } });
    expect(desk.lanes.at(-1)!.bars.filter(({ selected }) => selected).map(({ body: { onset } }) => onset)).toEqual([200]);
  });

  it("goes to the neighbour where an expression of no coder is deleted, and comes back with undo", async () => {
    await adjudicate(groups, finals);
    mark("n", 150);
    const made = sent[0]!.expression!;
    press("Delete");
    expect(chosen()).toBe("f2");
    undo();
    expect(chosen()).toBe(made);
  });
});

describe("an expression taken in adjudication", () => {
  it("has the same id for whoever takes it, whichever coder's it is", async () => {
    await adjudicate([group(100, "one"), group(200, "two")]);
    take(1);
    await adjudicate([group(50, "zero"), { ...group(100, "one"), members: [...group(100, "one").members].reverse() }]);
    press(".");
    take(2);
    expect(steps()).toEqual([["put", adopted("one"), 0], ["put", adopted("one"), 0]]);
    expect(sent.map(({ body: its }) => its!.onset)).toEqual([100, 101]);
  });

  it("is taken again on top of its deletion here", async () => {
    await adjudicate([group(100, "one")]);
    take(1);
    press("Delete");
    take(2);
    undo();
    take(1);
    const id = adopted("one");
    expect(steps()).toEqual([["put", id, 0], ["delete", id, 1], ["put", id, 2], ["delete", id, 3], ["put", id, 4]]);
    expect(rows()).toEqual([id]);
  });

  it("is taken again on top of a deletion that the log tells, however long the log", async () => {
    const id = adopted("one");
    log = Array.from({ length: 1000 }, (_, n) => logged({ seq: n + 1, expression: "x", version: n + 1, after: {} }));
    log.push(logged({ seq: 1001, expression: id, version: 1, after: {} }), logged({ seq: 1002, expression: id, version: 2, what: "delete" }));
    log.push(logged({ seq: 1003, expression: id, version: 9, sheet: "A", what: "delete" }));
    await adjudicate([group(100, "one")]);
    take(1);
    expect(steps()).toEqual([["put", id, 2]]);
  });

  it("can be taken where the log cannot be read", async () => {
    vi.spyOn(api, "log").mockRejectedValue(new Error("cut"));
    await adjudicate([group(100, "one")]);
    take(1);
    expect(steps()).toEqual([["put", adopted("one"), 0]]);
  });

  it("belongs to its group when it waits on the shelf, or was moved to where the server sees another group", async () => {
    const id = adopted("one");
    await adjudicate([group(100, "one")], [], [waits({ clip: CLIP, sheet: "final", action: "put", expression: id, base: 0, body: body({ onset: 100 }) })]);
    expect(rows()).toEqual([id]);
    await adjudicate([group(100, "one"), group(200, "two", id)], [expression(id, { onset: 203 })]);
    expect(rows()).toEqual([id, ""]);
    take(2);
    expect(steps()).toEqual([["put", id, 1]]);
    await adjudicate([group(100, "one"), { members: [], final: id, agree: false }], [expression(id, { onset: 500 })]);
    expect(rows()).toEqual([id]);
  });

  it("belongs to its group when another tab took it, and when theirs was chosen", async () => {
    const id = adopted("one");
    const open = await adjudicate([group(100, "one")]);
    const row = waits({ clip: CLIP, sheet: "final", action: "put", expression: id, base: 0, body: body({ onset: 101 }) });
    open.answered!(row, { seq: 1, version: 1, at: "", repeated: false, doubts: {} }, false);
    expect(rows()).toEqual([id]);
    mark("w", 105);
    expect(steps()).toEqual([["put", id, 1]]);
    open.replaced!({ ...row, problem: { kind: "conflict", theirs: { version: 4, body: null, by: "L", at: "" } } });
    expect(rows()).toEqual([""]);
    take(1);
    expect(steps().at(-1)).toEqual(["put", id, 4]);
  });

  it("has a random id only where N makes it", async () => {
    await adjudicate([]);
    mark("n", 10);
    mark("n", 10);
    expect(new Set(sent.map(({ expression: id }) => id)).size).toBe(2);
  });
});

describe("a suggestion taken in coding", () => {
  const id = idFrom("suggestion", CLIP, "A", "s1");
  const confirm = (): void => {
    press("]");
    press("Enter");
  };

  it("becomes the same expression in every tab", async () => {
    await code();
    confirm();
    await code();
    confirm();
    expect(steps()).toEqual([["put", id, 0], ["put", id, 0]]);
    expect(sent[0]!.body).toMatchObject({ onset: 5, apex: 6, offset: 7, suggestion: "s1" });
  });

  it("can be taken again after undo and after deletion", async () => {
    await code();
    confirm();
    undo();
    confirm();
    press("Delete");
    confirm();
    expect(steps()).toEqual([["put", id, 0], ["delete", id, 1], ["put", id, 2], ["delete", id, 3], ["put", id, 4]]);
  });

  it("can be taken again where it was deleted before the page was loaded, or is still being deleted", async () => {
    log = [logged({ sheet: "A", expression: id, version: 2, what: "delete" })];
    await code();
    confirm();
    await code([expression(id, { onset: 5, suggestion: "s1" }, 3)], [waits({ clip: CLIP, sheet: "A", action: "delete", expression: id, base: 3, body: null })]);
    confirm();
    expect(steps()).toEqual([["put", id, 2], ["put", id, 4]]);
  });
});

describe("what the dialog says before a sheet is done", () => {
  const coded = { ...expression("a", { no_action_unit: true }), doubts: [{ code: "x", message: "y" }] };
  it.each<[Expression[], number, string]>([
    [[], 0, "0 expressions."],
    [[coded], 1, "1 expression. 1 doubt stays open. 1 suggestion is undecided."],
    [[coded, coded, expression("b", {}), expression("c", { action_units: ["AU4"] })], 2, "4 expressions, 1 without action units. 2 doubts stay open. 2 suggestions are undecided."],
  ])("counts in words (%#)", (expressions, suggestions, words) => expect(openInWords(expressions, suggestions)).toBe(words));
});
