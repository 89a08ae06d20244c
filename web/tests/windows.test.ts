// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError, api } from "../src/api";
import { decide, dropStale, Windows, type Word } from "../src/conflict";
import { Queue, type QueueState, type Surroundings } from "../src/queue";
import { MemoryShelf, type Row } from "../src/shelf";
import { nothing_coded, type Edit, type EditAnswer, type Theirs } from "../src/types";

const SENTENCE = "The study's disk refused: nothing was kept; free space.";
const edit = (onset: number): Omit<Edit, "key"> => ({ clip: "c", sheet: "alice", action: "put", expression: "a", base: 1, body: { ...nothing_coded, onset } });
const theirs: Theirs = { version: 2, body: { ...nothing_coded, onset: 9 }, by: "alice", at: "2024-01-01T00:00:00Z" };

let states: QueueState[];
let stuck: Row[];
let later: (() => void)[];
let keys: number;
let posted: Edit[];
let answer: () => EditAnswer;
const shelf = { now: new MemoryShelf() };
const queue = (more: Partial<Surroundings> = {}): Queue =>
  new Queue({
    shelf: shelf.now, study: "s", by: "alice", tab: "tab-1",
    post: (sent) => Promise.resolve().then(() => (posted.push(sent), answer())),
    newKey: () => `key-${++keys}`, now: () => "", alone: (work) => work(), later: (work) => void later.push(work),
    changed: (state) => void states.push(state), sent: () => undefined, answered: () => undefined, stuck: (row) => void stuck.push(row), ...more,
  });
const settle = async (): Promise<void> => {
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setTimeout(resolve, 1));
};
const refuse = (error: ApiError) => (): EditAnswer => {
  throw error;
};
const fine = (): EditAnswer => ({ seq: 1, version: 2, at: "", repeated: false, doubts: {} });

beforeEach(() => {
  [states, stuck, later, posted, keys, answer] = [[], [], [], [], 0, fine];
  shelf.now = new MemoryShelf();
  document.body.replaceChildren();
});

describe("a full disk", () => {
  it("is a refusal in the server's words, tried again by itself, and nothing to decide", async () => {
    answer = refuse(new ApiError(507, "disk", SENTENCE));
    const own = queue();
    await own.add(edit(1));
    await settle();
    expect(states.at(-1)).toMatchObject({ name: "conflict", passing: true, waiting: 1 });
    expect(states.at(-1)!.sentence).toContain(SENTENCE);
    expect(stuck).toEqual([]);
    answer = refuse(new ApiError(0, "cut", "cut"));
    later.pop()!();
    await settle();
    expect(states.at(-1)).toMatchObject({ name: "offline", passing: false });
    answer = fine;
    later.pop()!();
    await settle();
    expect(states.at(-1)!.name).toBe("saved");
    expect(new Set(posted.map(({ key }) => key)).size).toBe(1);
  });
});

describe("saved", () => {
  it("is not said of a change that the shelf does not have yet", async () => {
    const own = queue();
    const added = own.add(edit(1));
    expect(states.map(({ name, waiting }) => [name, waiting])).toEqual([["waiting", 1]]);
    await added;
    await settle();
    expect(states.map(({ name }) => name).join(" ")).toMatch(/^(waiting )+(saved ?)+$/);
  });

  it("a change is given to the shelf at once, also while another is being written", () => {
    const own = queue();
    const add = vi.spyOn(shelf.now, "add");
    void own.add(edit(1));
    void own.add(edit(2));
    expect(add.mock.calls.map(([row]) => row.edit.body!.onset)).toEqual([1, 2]);
  });
});

describe("an import", () => {
  it("is given two minutes", async () => {
    const timeout = vi.spyOn(AbortSignal, "timeout");
    vi.stubGlobal("fetch", () => Promise.resolve(new Response('{"added": 1, "problems": []}')));
    await api.importFile("c", "csv", new File(["x"], "x.csv"));
    await api.clips();
    expect(timeout.mock.calls).toEqual([[120_000], [20_000]]);
    vi.unstubAllGlobals();
  });
});

describe("a conflict of one person's windows", () => {
  async function conflict(): Promise<Queue> {
    answer = refuse(new ApiError(409, "conflict", "changed", theirs));
    const own = queue();
    await own.add(edit(1));
    await settle();
    answer = fine;
    return own;
  }
  const dialog = (): HTMLDialogElement | null => document.querySelector("dialog");
  const press = (choice: string): void => document.querySelector<HTMLElement>(`[data-choice=${choice}]`)!.click();

  it("is asked in the window that made the change, where that lives", async () => {
    const words: Word[] = [];
    const [one, two]: Windows[] = [
      new Windows("tab-1", (word) => (words.push(word), void two!.hear(word, "alice")), 20),
      new Windows("tab-2", (word) => (words.push(word), void one!.hear(word, "alice")), 20),
    ];
    const row = { order: 3, by: "alice", tab: "tab-2" } as Row;
    expect(await one!.handOver(row)).toBe(true);
    expect(words.map(({ say }) => say)).toEqual(["decide", "mine"]);
    expect(await two!.handOver(row)).toBe(false);
    expect(await one!.handOver({ ...row, tab: "closed" })).toBe(false);
    expect(await one!.handOver({ ...row, by: "bob" })).toBe(false);
  });

  it("says where the other version comes from", async () => {
    const own = await conflict();
    const outcome = decide(own, stuck[0]!, []);
    await settle();
    expect(dialog()!.textContent).toContain("You changed this expression of c in another window of yours");
    expect(dialog()!.querySelector("thead")!.textContent).not.toContain("alice");
    press("mine");
    expect(await outcome).toBe("mine");
    await settle();
    expect(posted.at(-1)).toMatchObject({ base: 2, body: { onset: 1 } });
  });

  it("that was settled elsewhere is not raised again by an old question", async () => {
    const own = await conflict();
    const outcome = decide(own, stuck[0]!, []);
    await settle();
    await queue({ tab: "tab-2" }).giveUp(stuck[0]!);
    press("mine");
    expect(await outcome).toBe("later");
    await settle();
    expect([posted.length, await shelf.now.all()]).toEqual([1, []]);
    expect(await decide(own, stuck[0]!, [])).toBe("later");
    expect(dialog()).toBeNull();
  });

  it("closes the question once another window has settled it", async () => {
    const own = await conflict();
    const outcome = decide(own, stuck[0]!, []);
    await settle();
    await dropStale(own);
    expect(dialog()).not.toBeNull();
    await queue({ tab: "tab-2" }).giveUp(stuck[0]!);
    await dropStale(own);
    expect(await outcome).toBe("later");
  });
});
