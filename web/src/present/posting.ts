// The way of what a page has to say to the server: one at a time, in the order it happened, under the same id until an
// answer comes. A line that is cut or a server that begins anew loses nothing and repeats nothing; what is unsent outlasts
// a reload in this tab. Nobody has to wait for it: the page goes on.

import { uuid } from "../dom";
import type { Stamp } from "./clock";
import { Refusal, type KeyShelf } from "./door";

export interface Post { path: string; body: Record<string, unknown> & { id: string } }

export interface PostingHands {
  send: (path: string, body: unknown) => Promise<unknown>;
  /** shows the key once more to a server that does not know this page; false where that did not help */
  reenter: () => Promise<boolean>;
  stamp: (page_ms?: number) => Stamp;
  shelf: KeyShelf;
  name: string;
  /** the server took it */
  taken?: (post: Post, answer: unknown) => void;
  /** the server will not have it; it is not sent again */
  refused: (post: Post, refusal: Refusal) => void;
  /** how many wait, and whether the last try got no answer */
  changed?: (waiting: number, cut: boolean) => void;
  later?: (work: () => void, after_ms: number) => void;
  newId?: () => string;
}

const WAITS_MS = [250, 500, 1000, 2000, 4000];

export class Posting {
  private readonly posts: Post[];
  private running = false;
  private underWay: Post | null = null;
  private cuts = 0;
  /** the post for which the key was shown once more */
  private shown = "";
  private waitingUntil: (() => void)[] = [];

  constructor(private readonly hands: PostingHands) {
    this.posts = this.kept();
  }

  /** Takes a post; `page_ms` is when it happened on this page, now unless said otherwise. */
  add(path: string, body: Record<string, unknown>, page_ms?: number): string {
    const id = (this.hands.newId ?? uuid)();
    this.posts.push({ path, body: { ...body, id, ...this.hands.stamp(page_ms) } });
    this.keep();
    void this.run();
    return id;
  }

  get waiting(): number {
    return this.posts.length;
  }

  /** Takes back what has not been sent, where `which` says so: it belongs to something that is to be done anew. */
  drop(which: (post: Post) => boolean): void {
    const staying = this.posts.filter((post) => post === this.underWay || !which(post));
    this.posts.splice(0, this.posts.length, ...staying);
    this.keep();
  }

  /** Resolves when nothing waits. */
  settled(): Promise<void> {
    if (this.posts.length === 0) return Promise.resolve();
    void this.run();
    return new Promise((resolve) => void this.waitingUntil.push(resolve));
  }

  /** Sends what waits, without waiting for the next try. */
  resume(): void {
    this.cuts = 0;
    void this.run();
  }

  private async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    try {
      for (let post = this.posts[0]; post; post = this.posts[0]) {
        if (!(await this.one(post))) break;
      }
    } finally {
      this.running = false;
    }
    if (this.posts.length === 0) for (const go of this.waitingUntil.splice(0)) go();
  }

  /** Whether the post is settled, one way or the other. */
  private async one(post: Post): Promise<boolean> {
    let answer: unknown;
    this.underWay = post;
    try {
      answer = await this.hands.send(post.path, post.body).finally(() => (this.underWay = null));
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal(0, "cut", String(error));
      if (refusal.passing) return this.again();
      if (refusal.shut && this.shown !== post.body.id) {
        if (await this.hands.reenter()) this.shown = post.body.id; // a second refusal behind an open door is a real one
        return this.again(); // else whoever opens the page by its link again sends it
      }
      this.done(post);
      this.hands.refused(post, refusal);
      return true;
    }
    this.done(post);
    this.hands.taken?.(post, answer);
    return true;
  }

  private done(post: Post): void {
    this.cuts = 0;
    const place = this.posts.indexOf(post);
    if (place >= 0) this.posts.splice(place, 1);
    this.keep();
  }

  private again(): false {
    const wait = WAITS_MS[Math.min(this.cuts, WAITS_MS.length - 1)]!;
    this.cuts += 1;
    this.hands.changed?.(this.posts.length, true);
    (this.hands.later ?? ((work, after_ms) => void setTimeout(work, after_ms)))(() => void this.run(), wait);
    return false;
  }

  private get shelfName(): string {
    return `mien-posts-${this.hands.name}`;
  }

  private keep(): void {
    try {
      this.hands.shelf.setItem(this.shelfName, JSON.stringify(this.posts));
    } catch {
      // a browser that keeps nothing still sends what it has
    }
    this.hands.changed?.(this.posts.length, this.cuts > 0);
  }

  private kept(): Post[] {
    try {
      const kept = JSON.parse(this.hands.shelf.getItem(this.shelfName) ?? "[]") as unknown;
      return Array.isArray(kept) ? (kept as Post[]).filter((post) => typeof post?.path === "string" && typeof post.body?.id === "string") : [];
    } catch {
      return [];
    }
  }
}
