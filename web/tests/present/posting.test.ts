import { describe, expect, it } from "vitest";
import { Refusal } from "../../src/present/door";
import { Posting, type Post, type PostingHands } from "../../src/present/posting";

type Trouble = "cut" | "cut-answer" | 500 | 409 | 400 | 401 | 403 | null;

class Shelf {
  readonly kept = new Map<string, string>();
  getItem = (name: string): string | null => this.kept.get(name) ?? null;
  setItem = (name: string, value: string): void => void this.kept.set(name, value);
}

/** A server that takes each id once, and a page before it. */
class World {
  taken: { path: string; id: string; n: number }[] = [];
  asked: string[] = [];
  trouble: Trouble[] = [];
  refused: [Post, Refusal][] = [];
  waiting: (() => void)[] = [];
  entered = 0;
  opens = true;
  busy = false;
  private ids = 0;
  constructor(readonly shelf = new Shelf()) {}

  posting(more: Partial<PostingHands> = {}): Posting {
    return new Posting({
      send: async (path, body) => {
        if (this.busy) throw new Error("two at once");
        this.busy = true;
        await Promise.resolve();
        this.busy = false;
        const { id, n } = body as { id: string; n: number };
        this.asked.push(id);
        const trouble = this.trouble.shift() ?? null;
        if (trouble === "cut") throw new Refusal(0, "cut", "no answer");
        if (typeof trouble === "number") throw new Refusal(trouble, trouble === 409 ? "order" : "", `said ${trouble}`, trouble === 409 ? { expected: { trial: 2, practice: false } } : {});
        if (!this.taken.some((post) => post.id === id)) this.taken.push({ path, id, n });
        if (trouble === "cut-answer") throw new Refusal(0, "cut", "no answer");
        return { ok: true };
      },
      reenter: async () => ((this.entered += 1), this.opens),
      stamp: (page_ms = 50) => ({ at_s: 100 + page_ms / 1000, page_ms, uncertainty_ms: 1 }),
      shelf: this.shelf,
      name: "participant",
      refused: (post, refusal) => void this.refused.push([post, refusal]),
      later: (work) => void this.waiting.push(work),
      newId: () => `id-${(this.ids += 1)}`,
      ...more,
    });
  }
  async quiet(): Promise<void> {
    for (let turn = 0; turn < 60; turn += 1) await Promise.resolve();
  }
  async tries(): Promise<void> {
    for (let round = 0; round < 20; round += 1) {
      await this.quiet();
      for (const work of this.waiting.splice(0)) work();
    }
    await this.quiet();
  }
}

const numbers = (world: World): number[] => world.taken.map(({ n }) => n);

describe("posting", () => {
  it("sends in the order of what happened, one at a time, with its stamp", async () => {
    const world = new World();
    const posting = world.posting();
    for (const n of [1, 2, 3]) posting.add("/e", { n }, n * 10);
    expect(JSON.parse(world.shelf.getItem("mien-posts-participant")!)[1].body).toEqual({ n: 2, id: "id-2", at_s: 100.02, page_ms: 20, uncertainty_ms: 1 });
    await posting.settled();
    expect(numbers(world)).toEqual([1, 2, 3]);
    expect(world.shelf.getItem("mien-posts-participant")).toBe("[]");
  });

  it("repeats until there is an answer, under the same id, and keeps the order", async () => {
    const world = new World();
    world.trouble = ["cut", 500, "cut-answer", null, "cut"];
    const posting = world.posting();
    for (const n of [1, 2, 3]) posting.add("/e", { n });
    await world.tries();
    expect(world.asked).toEqual(["id-1", "id-1", "id-1", "id-1", "id-2", "id-2", "id-3"]);
    expect(numbers(world)).toEqual([1, 2, 3]);
    expect(world.refused).toEqual([]);
  });

  it("lets nothing pass the one that waits", async () => {
    const world = new World();
    world.trouble = ["cut"];
    const posting = world.posting();
    posting.add("/e", { n: 1 });
    await world.quiet();
    posting.add("/e", { n: 2 });
    await world.tries();
    expect(numbers(world)).toEqual([1, 2]);
  });

  it("hands a refused post over, and goes on with the next", async () => {
    const world = new World();
    world.trouble = [409, 400];
    const posting = world.posting();
    for (const n of [1, 2, 3]) posting.add("/e", { n });
    await posting.settled();
    expect(world.refused.map(([post, { status, said }]) => [post.body["n"], status, said["expected"]])).toEqual([[1, 409, { trial: 2, practice: false }], [2, 400, undefined]]);
    expect(numbers(world)).toEqual([3]);
  });

  it("drops what is void once the server said that the page is elsewhere", async () => {
    const world = new World();
    world.trouble = [409];
    let posting: Posting;
    posting = world.posting({ refused: () => posting.drop(({ path }) => path === "/e") });
    posting.add("/e", { n: 1 });
    posting.add("/e", { n: 2 });
    posting.add("/stop", { n: 3 });
    await posting.settled();
    expect(world.taken.map(({ path }) => path)).toEqual(["/stop"]);
  });

  it("keeps what is unsent over a reload, ids included", async () => {
    const world = new World();
    world.trouble = ["cut-answer"];
    const before = world.posting();
    before.add("/e", { n: 1 });
    before.add("/e", { n: 2 });
    await world.quiet();
    world.waiting.length = 0; // the page is gone
    const after = world.posting({ newId: () => "id-9" });
    expect(after.waiting).toBe(2);
    after.add("/e", { n: 3 });
    await after.settled();
    expect(world.taken.map(({ id }) => id)).toEqual(["id-1", "id-2", "id-9"]);
  });

  it("shows its key again to a server that began anew, after any number of cuts", async () => {
    const world = new World();
    world.trouble = ["cut", "cut", 403, null];
    world.posting().add("/e", { n: 1 });
    await world.tries();
    expect(world.entered).toBe(1);
    expect(numbers(world)).toEqual([1]);
  });

  it("waits for a new link where the door is shut, and gives up a post that is forbidden behind an open one", async () => {
    const world = new World();
    world.opens = false;
    world.trouble = [401, 401, 401];
    world.posting().add("/e", { n: 1 });
    await world.tries();
    expect(numbers(world)).toEqual([1]);
    const other = new World();
    other.trouble = [403, 403];
    other.posting().add("/e", { n: 1 });
    await other.tries();
    expect(other.refused.map(([, { status }]) => status)).toEqual([403]);
  });

  it("does without a shelf that keeps nothing", async () => {
    const world = new World();
    const posting = world.posting({ shelf: { getItem: () => "not json", setItem: () => { throw new Error("full"); } } });
    posting.add("/e", { n: 1 });
    await posting.settled();
    expect(numbers(world)).toEqual([1]);
  });
});
