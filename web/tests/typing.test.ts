// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ExpressionForm, leaveDrafts, onDrafts, PAUSE_MS, saveDrafts } from "../src/form";
import { listen } from "../src/keys";
import { Sheet } from "../src/sheet";
import { nothing_coded, type Body, type Edit, type Study } from "../src/types";

const TIMES = Array.from({ length: 200 }, (_, frame) => frame * 0.02);
const study: Study = { name: "s", emotions: ["happiness", "surprise"], action_units: [], method: null };

let sent: Omit<Edit, "key">[];
let sheet: Sheet;
let form: ExpressionForm;
let said: string[];
let words: string;
let revealed: boolean;
const get = <T extends HTMLElement = HTMLInputElement>(id: string): T => document.getElementById(id) as T;
const bodies = (): Body[] => sent.map(({ body }) => body!);

/** Letter by letter, as keys do it; `change` comes when the field is left. */
const type = (id: string, text: string): void => {
  get(id).focus();
  get(id).value = "";
  for (const letter of text) {
    get(id).value += letter;
    get(id).dispatchEvent(new Event("input", { bubbles: true }));
  }
};
const leave = (id: string): void => {
  get(id).dispatchEvent(new Event("change", { bubbles: true }));
  get(id).blur();
};
const choose = (value: string): void => {
  get("kind").focus();
  get("kind").value = value;
  for (const name of ["input", "change"]) get("kind").dispatchEvent(new Event(name, { bubbles: true }));
};
const press = (id: string, key: string): void => void get(id).dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));

const begin = (fields: Partial<Body> = {}): void => {
  document.body.replaceChildren();
  const source = { expressions: [{ id: "e", version: 1, body: { ...nothing_coded, ...fields }, doubts: [] }], suggestions: [] };
  sheet = new Sheet("c", "alice", source, [], (edit) => sent.push(edit), () => form.show(sheet.get("e"), true, revealed));
  form = new ExpressionForm(study, TIMES, {
    change: (changed, visit) => sheet.change("e", changed, visit),
    mark: () => undefined,
    jump: () => undefined,
    leave: () => (document.activeElement as HTMLElement | null)?.blur(),
    announce: (text) => void said.push(text),
  });
  document.body.appendChild(form.element);
  form.show(sheet.get("e"), true, revealed);
};

beforeEach(() => {
  vi.useFakeTimers();
  [sent, said, words, revealed] = [[], [], "", false];
  onDrafts((now) => (words = now));
  begin();
});
afterEach(() => {
  leaveDrafts();
  vi.useRealTimers();
});

describe("another kind than the rule's, by keyboard", () => {
  it("is not taken from the select by its first letter, and goes on to the reason by Enter", () => {
    for (const value of ["micro", "macro"]) choose(value);
    expect(document.activeElement).toBe(get("kind"));
    vi.runAllTimers();
    expect(document.activeElement).toBe(get("kind"));
    expect(sent).toEqual([]);
    press("kind", "Enter");
    expect(document.activeElement).toBe(get("kind-reason"));
    type("kind-reason", "slow fade");
    leave("kind-reason");
    expect(bodies().map(({ kind, kind_reason }) => [kind, kind_reason])).toEqual([["macro", "slow fade"]]);
    expect([words, get("kind-reason-error").textContent]).toEqual(["", ""]);
  });

  it("is saved when the select is left, where the reason stands already", () => {
    begin({ kind: "micro", kind_reason: "slow fade" });
    choose("macro");
    expect(sent).toEqual([]);
    get("kind").blur();
    expect(bodies().at(-1)).toMatchObject({ kind: "macro", kind_reason: "slow fade" });
    choose("");
    get("kind").blur();
    expect(bodies().at(-1)).toMatchObject({ kind: null, kind_reason: "" });
  });
});

describe("what is typed", () => {
  it("is saved after a pause, and not said to be saved before", () => {
    type("comment", "an eyebrow");
    expect([words, sent.length]).toEqual(["typing…", 0]);
    vi.advanceTimersByTime(PAUSE_MS - 50);
    get("comment").dispatchEvent(new Event("input"));
    vi.advanceTimersByTime(PAUSE_MS - 50);
    expect(sent).toEqual([]);
    vi.advanceTimersByTime(100);
    expect([words, bodies().map(({ comment }) => comment)]).toEqual(["", ["an eyebrow"]]);
    leave("comment");
    expect(sent).toHaveLength(1);
  });

  it.each([["units", "12b", { action_units: ["AU12B"] }], ["valence", "3", { valence: 3 }], ["comment", "x", { comment: "x" }], ["frame-apex", "150", { apex: 150 }]])(
    "into %s is saved before the page goes", (id, text, wanted) => {
      type(id, text);
      saveDrafts();
      expect(bodies()).toMatchObject([wanted]);
      expect(words).toBe("");
    });

  it("is one step of undo for one visit to a field", () => {
    for (const text of ["one", "one two", "one two three"]) {
      get("comment").focus();
      get("comment").value = text;
      get("comment").dispatchEvent(new Event("input"));
      vi.advanceTimersByTime(PAUSE_MS + 1);
    }
    get("comment").blur();
    expect(bodies().map(({ comment }) => comment)).toEqual(["one", "one two", "one two three"]);
    type("comment", "four");
    leave("comment");
    sheet.undo();
    expect(sheet.get("e")!.body.comment).toBe("one two three");
    sheet.undo();
    expect(sheet.get("e")!.body.comment).toBe("");
    expect(sheet.undo()).toBeNull();
    sheet.redo();
    expect(sheet.get("e")!.body.comment).toBe("one two three");
  });

  it("waits where it cannot be saved: units that cannot be read, a kind without a reason, the start of a frame", () => {
    type("units", "12+sm");
    choose("macro");
    type("frame-onset", "1");
    vi.runAllTimers();
    expect([sent, words]).toEqual([[], "typing…"]);
    leave("frame-onset");
    leave("units");
    expect(bodies()).toMatchObject([{ onset: 1 }]);
    expect([words, get("units").value]).toEqual(["a field is not saved", "12+sm"]);
    form.show(undefined, true, false);
    expect(words).toBe("");
  });

  it("does not cost the emotion while the units are empty for a moment", () => {
    begin({ action_units: ["AU12"], emotion: "happiness", basis: ["aus"] });
    get("units").focus();
    get("units").value = "";
    get("units").dispatchEvent(new Event("input"));
    vi.runAllTimers();
    saveDrafts();
    expect([sent, words]).toEqual([[], "typing…"]);
    type("units", "4");
    vi.runAllTimers();
    expect(bodies()).toMatchObject([{ action_units: ["AU4"], emotion: "happiness" }]);
  });
});

describe("what an emotion is judged by", () => {
  it("comes with the emotion and goes with it, in one step each", () => {
    begin({ action_units: ["AU12"] });
    press("emotion", "h");
    expect(bodies()).toMatchObject([{ emotion: "happiness", basis: ["aus"] }]);
    press("emotion", "Delete");
    expect(bodies().at(-1)).toMatchObject({ emotion: null, basis: [] });
    sheet.undo();
    expect(sheet.get("e")!.body).toMatchObject({ emotion: "happiness", basis: ["aus"] });
    sheet.undo();
    expect(sheet.get("e")!.body).toMatchObject({ emotion: null, basis: [] });
  });

  it("stays as it was said, where the emotion changes", () => {
    revealed = true;
    begin({ action_units: ["AU12"], emotion: "happiness", basis: ["aus", "clip"] });
    press("emotion", "s");
    expect(bodies()).toMatchObject([{ emotion: "surprise", basis: ["aus", "clip"] }]);
  });

  it("goes round by one key, as far as it may be said", () => {
    revealed = true;
    begin({ action_units: ["AU12"] });
    for (let n = 0; n < 5; n++) form.cycleBasis();
    expect(bodies().map(({ basis }) => basis.join("+"))).toEqual(["aus", "aus+clip", "aus+self-report", "aus+clip+self-report", "aus"]);
    [revealed, sent] = [false, []];
    begin({ action_units: ["AU12"] });
    for (let n = 0; n < 3; n++) form.cycleBasis();
    expect(bodies().map(({ basis }) => basis)).toEqual([["aus"]]);
    expect(said.at(-1)).toMatch(/revealed/);
    sent = [];
    begin();
    form.cycleBasis();
    expect([sent, said.at(-1)]).toEqual([[], expect.stringMatching(/action units first/)]);
  });

  it("has the key Y, which a page without that action leaves alone", () => {
    const done: string[] = [];
    const key = (): KeyboardEvent => {
      const event = new KeyboardEvent("keydown", { key: "y", bubbles: true, cancelable: true });
      document.body.dispatchEvent(event);
      return event;
    };
    let stop = listen("code", {}, () => undefined);
    expect(key().defaultPrevented).toBe(false);
    stop();
    stop = listen("adjudicate", { basis: () => void done.push("basis") }, () => undefined);
    expect([key().defaultPrevented, done]).toEqual([true, ["basis"]]);
    stop();
  });
});
