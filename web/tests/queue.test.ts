import "fake-indexeddb/auto";
import { beforeEach, describe, expect, it } from "vitest";
import { ApiError } from "../src/api";
import { Queue, type QueueState, type Surroundings } from "../src/queue";
import { MemoryShelf, openShelf, type Row, type Shelf } from "../src/shelf";
import { nothing_coded, type Body, type Edit, type EditAnswer } from "../src/types";

const body = (fields: Partial<Body> = {}): Body => ({ ...nothing_coded, ...fields });
const put = (expression: string, base: number, fields: Partial<Body> = {}): Omit<Edit, "key"> => ({
  clip: "sub-001_run-01", sheet: "alice", action: "put", expression, base, body: body(fields),
});

/** A server with the contract's rules: versions, keys, conflicts. `trouble` answers instead of it, or cuts the answer. */
class FakeServer {
  versions = new Map<string, { version: number; body: Body | null }>();
  answers = new Map<string, { content: string; answer: EditAnswer }>();
  received: Edit[] = [];
  accepted: Edit[] = [];
  trouble: (("cut" | "cut-answer" | "out" | "forbidden" | null) | undefined)[] = [];
  private busy = false;

  post = async (edit: Edit): Promise<EditAnswer> => {
    if (this.busy) throw new Error("two changes were sent at once");
    this.busy = true;
    await new Promise((resolve) => setTimeout(resolve, 1));
    this.busy = false;
    this.received.push(structuredClone(edit));
    const trouble = this.trouble.shift();
    if (trouble === "cut") throw new ApiError(0, "cut", "cut");
    if (trouble === "out") throw new ApiError(401, "session", "out");
    if (trouble === "forbidden") throw new ApiError(403, "sheet", "The sheet is done.");
    const answer = this.accept(edit);
    if (trouble === "cut-answer") throw new ApiError(0, "cut", "cut");
    return answer;
  };

  private accept(edit: Edit): EditAnswer {
    const content = JSON.stringify({ ...edit, key: "" });
    const before = this.answers.get(edit.key);
    if (before) {
      if (before.content !== content) throw new ApiError(400, "key", "same key, other content");
      return { ...before.answer, repeated: true };
    }
    const now = this.versions.get(edit.expression!) ?? { version: 0, body: null };
    if (edit.base !== now.version) throw new ApiError(409, "conflict", "changed", { ...now, by: "bob", at: "2024-01-01T00:00:00Z" });
    const version = now.version + 1;
    this.versions.set(edit.expression!, { version, body: edit.action === "put" ? edit.body! : null });
    const answer = { seq: this.accepted.length + 1, version, at: "", repeated: false, doubts: {} };
    this.answers.set(edit.key, { content, answer });
    this.accepted.push(edit);
    return answer;
  }
}

class World {
  server = new FakeServer();
  states: QueueState[] = [];
  answered: Row[] = [];
  stuck: Row[] = [];
  later: { work: () => void; after_ms: number }[] = [];
  private keys = 0;

  constructor(readonly shelf: Shelf = new MemoryShelf()) {}

  queue(more: Partial<Surroundings> = {}): Queue {
    return new Queue({
      shelf: this.shelf,
      post: (edit) => this.server.post(edit),
      study: "s", by: "alice", tab: "tab-1",
      newKey: () => `key-${++this.keys}`,
      now: () => "2024-01-01T00:00:00Z",
      alone: (work) => work(),
      later: (work, after_ms) => void this.later.push({ work, after_ms }),
      changed: (state) => void this.states.push(state),
      sent: () => undefined,
      answered: (row) => void this.answered.push(row),
      stuck: (row) => void this.stuck.push(row),
      ...more,
    });
  }

  get state(): string {
    return this.states.at(-1)!.name;
  }

  /** Lets everything that can happen happen, timers of the queue included. */
  async settle(rounds = 60): Promise<void> {
    for (let round = 0; round < rounds; round++) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  async timers(): Promise<void> {
    for (const { work } of this.later.splice(0)) work();
    await this.settle();
  }
}

let world: World;
beforeEach(() => void (world = new World()));

describe("the queue of changes", () => {
  it("keeps a change before it is sent, sends in order, one at a time, and ends saved", async () => {
    const queue = world.queue();
    const onShelf: boolean[] = [];
    const post = world.server.post;
    world.server.post = async (edit) => {
      onShelf.push((await world.shelf.all()).some((row) => row.edit.key === edit.key && row.sent));
      return post(edit);
    };
    await Promise.all([queue.add(put("a", 0, { onset: 1 })), queue.add(put("b", 0)), queue.add(put("a", 1, { onset: 2 }))]);
    await world.settle();
    expect(onShelf).toEqual([true, true, true]);
    expect(world.server.accepted.map(({ expression, body: sent }) => [expression, sent!.onset])).toEqual([["a", 1], ["b", null], ["a", 2]]);
    expect(world.state).toBe("saved");
    expect(await world.shelf.all()).toEqual([]);
  });

  it("sends again under the same key after a cut, with growing pauses", async () => {
    const queue = world.queue();
    world.server.trouble = ["cut", "cut", null];
    await queue.add(put("a", 0));
    await world.settle();
    expect(world.state).toBe("offline");
    expect(world.states.at(-1)!.sentence).toMatch(/offline: 1/);
    const first = world.later[0]!.after_ms;
    await world.timers();
    expect(world.later[0]!.after_ms).toBeGreaterThan(first);
    await world.timers();
    expect(world.server.received.map(({ key }) => key)).toEqual(["key-1", "key-1", "key-1"]);
    expect(world.state).toBe("saved");
  });

  it("is not made twice where only the answer was cut", async () => {
    const queue = world.queue();
    world.server.trouble = ["cut-answer"];
    await queue.add(put("a", 0, { onset: 5 }));
    await queue.add(put("a", 1, { onset: 6 }));
    await world.settle();
    await world.timers();
    expect(world.server.accepted.map(({ body: sent }) => sent!.onset)).toEqual([5, 6]);
    expect(world.server.versions.get("a")!.version).toBe(2);
    expect(world.state).toBe("saved");
  });

  it("survives a closed tab: another page sends what was left, under the same key", async () => {
    const shelf = await openShelf(indexedDB, `closed-${Math.random()}`);
    expect(shelf.lasting).toBe(true);
    world = new World(shelf);
    world.server.trouble = ["cut-answer", "cut", "cut"];
    const first = world.queue();
    await first.add(put("a", 0, { onset: 5 }));
    await first.add(put("b", 0));
    await world.settle();
    first.stop();
    expect((await shelf.all()).map(({ edit }) => edit.expression)).toEqual(["a", "b"]);
    world.server.trouble = [];
    const second = world.queue();
    second.resume();
    await world.settle();
    expect(new Set(world.server.received.map(({ key }) => key)).size).toBe(2);
    expect(world.server.accepted.map(({ key }) => key)).toEqual(["key-1", "key-2"]);
    expect(await shelf.all()).toEqual([]);
  });

  it("waits after a lost session and loses nothing", async () => {
    const queue = world.queue();
    world.server.trouble = ["out"];
    await queue.add(put("a", 0));
    await queue.add(put("b", 0));
    await world.settle();
    expect(world.state).toBe("signed-out");
    expect(world.states.at(-1)!.sentence).toMatch(/sign in again.*nothing is lost/);
    expect(world.server.received.length).toBe(1);
    queue.resume();
    await world.settle();
    expect(world.server.accepted.map(({ key }) => key)).toEqual(["key-1", "key-2"]);
    expect(world.state).toBe("saved");
  });

  it("never sends one person's changes as another's, nor into another study", async () => {
    world.server.trouble = ["cut"];
    await world.queue().add(put("a", 0));
    await world.settle();
    for (const other of [{ by: "bob" }, { study: "t" }]) {
      world.queue(other).resume();
      await world.settle();
    }
    expect(world.server.received.length).toBe(1);
    world.queue().resume();
    await world.settle();
    expect(world.server.accepted.length).toBe(1);
  });
});

describe("two versions", () => {
  async function conflict(): Promise<Queue> {
    world.server.versions.set("a", { version: 3, body: body({ onset: 99 }) });
    const queue = world.queue();
    await queue.add(put("a", 2, { onset: 1 }));
    await queue.add(put("a", 3, { onset: 2 }));
    await queue.add(put("b", 0));
    await world.settle();
    return queue;
  }

  it("stop the queue with both at hand", async () => {
    await conflict();
    expect(world.state).toBe("conflict");
    expect(world.server.accepted).toEqual([]);
    expect(world.stuck[0]!.problem).toMatchObject({ kind: "conflict", theirs: { version: 3, by: "bob" } });
    expect(world.server.received.length).toBe(1);
  });

  it("mine: my last state goes on theirs under a new key, the rest follows", async () => {
    const queue = await conflict();
    await queue.keepMine(world.stuck[0]!);
    await world.settle();
    expect(world.server.accepted.map(({ expression, base, body: sent }) => [expression, base, sent!.onset])).toEqual([["a", 3, 2], ["b", 0, null]]);
    expect(world.server.accepted[0]!.key).not.toBe("key-1");
    expect(world.state).toBe("saved");
    // the sheet counted two changes of mine where the server has one: the next change must still fit
    await queue.add(put("a", 5, { onset: 7 }));
    await world.settle();
    expect(world.server.versions.get("a")).toMatchObject({ version: 5, body: { onset: 7 } });
  });

  it("theirs: mine and what was built on it go, the rest follows", async () => {
    const queue = await conflict();
    await queue.giveUp(world.stuck[0]!);
    await world.settle();
    expect(world.server.accepted.map(({ expression }) => expression)).toEqual(["b"]);
    await queue.add(put("a", 3, { onset: 7 }));
    await world.settle();
    expect(world.server.versions.get("a")).toMatchObject({ version: 4, body: { onset: 7 } });
  });

  it("are decided also after the page was closed over them", async () => {
    await conflict();
    world.stuck = [];
    const queue = world.queue();
    queue.resume();
    await world.settle();
    expect(world.stuck[0]!.problem?.kind).toBe("conflict");
    await queue.keepMine(world.stuck[0]!);
    await world.settle();
    expect(world.state).toBe("saved");
  });

  it("after a reload the versions of the fetched sheet count, not those of before", async () => {
    const queue = world.queue();
    await queue.add(put("a", 0));
    await world.settle();
    world.server.versions.set("a", { version: 6, body: body() });
    queue.loaded("sub-001_run-01", []);
    await queue.add(put("a", 6, { onset: 3 }));
    await world.settle();
    expect(world.server.versions.get("a")!.version).toBe(7);
  });
});

describe("two tabs of one person", () => {
  it("meet as a conflict where both changed one expression, whoever sends", async () => {
    world.server.versions.set("a", { version: 1, body: body() });
    world.server.trouble = ["cut"];
    const first = world.queue();
    const second = world.queue({ tab: "tab-2" });
    await first.add(put("a", 1, { onset: 1 }));
    await world.settle();
    world.server.trouble = ["cut"];
    await second.add(put("a", 1, { onset: 2 }));
    await world.settle();
    first.resume();
    await world.settle();
    expect(world.server.versions.get("a")).toMatchObject({ version: 2, body: { onset: 1 } });
    expect(world.stuck[0]!.problem).toMatchObject({ kind: "conflict", theirs: { version: 2 } });
  });

  it("follow each other where one shows what the other made", async () => {
    const first = world.queue({ sent: (row, answer) => second.heard(row, answer) });
    const heard: boolean[] = [];
    const second: Queue = world.queue({ tab: "tab-2", answered: (_, __, own) => void heard.push(own) });
    await first.add(put("a", 0, { onset: 1 }));
    await world.settle();
    expect(heard).toEqual([false]);
    second.took({ ...put("a", 0), key: "" }, 1);
    await second.add(put("a", 1, { onset: 2 }));
    await world.settle();
    expect(world.server.versions.get("a")).toMatchObject({ version: 2, body: { onset: 2 } });
    expect(world.stuck).toEqual([]);
  });

  it("what a closed tab left goes on, with changes of the new page on top", async () => {
    world.server.versions.set("a", { version: 1, body: body() });
    world.server.trouble = ["cut", "cut"];
    const closed = world.queue();
    await closed.add(put("a", 1, { onset: 1 }));
    await closed.add(put("a", 2, { onset: 2 }));
    await world.settle();
    closed.stop();
    world.server.trouble = ["cut"];
    const page = world.queue({ tab: "tab-2" });
    page.loaded("sub-001_run-01", await page.rows());
    await page.add(put("a", 3, { onset: 3 }));
    await world.settle();
    page.resume();
    await world.settle();
    expect(world.server.versions.get("a")).toMatchObject({ version: 4, body: { onset: 3 } });
    expect(world.stuck).toEqual([]);
  });
});

describe("a refused change", () => {
  it("stays and is shown with the server's sentence; it can be tried again", async () => {
    const queue = world.queue();
    world.server.trouble = ["forbidden"];
    await queue.add(put("a", 0));
    await queue.add(put("b", 0));
    await world.settle();
    expect(world.state).toBe("conflict");
    expect(world.stuck[0]!.problem).toEqual({ kind: "refused", message: "The sheet is done." });
    await queue.retry(world.stuck[0]!);
    await world.settle();
    expect(world.server.accepted.map(({ expression }) => expression)).toEqual(["a", "b"]);
  });
});

describe("what waits", () => {
  it("drained tells whether the server has everything", async () => {
    const queue = world.queue({ later: (work, after_ms) => void setTimeout(work, Math.min(after_ms, 5)) });
    await queue.add(put("a", 0));
    expect(await queue.drained(1000)).toBe(true);
    world.server.trouble = Array.from({ length: 500 }, () => "cut" as const);
    await queue.add(put("b", 0));
    expect(await queue.drained(200)).toBe(false);
    queue.stop();
  });
});
