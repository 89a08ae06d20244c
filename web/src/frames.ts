// Decoded frames in bounded memory. What is wanted is an ordered list made anew at every move: its first frame is always
// fetched first, requests that fell off the list are aborted, bitmaps that fall out of the cache are closed.

export interface Picture {
  readonly width: number;
  readonly height: number;
  close(): void;
}

export type Load<P extends Picture> = (frame: number, signal: AbortSignal) => Promise<P>;

export interface Limits {
  bytes: number;
  /** requests under way at once; a browser opens six per server, and marks must get through too */
  parallel: number;
}

interface Kept<P> {
  picture: P;
  bytes: number;
  /** fetched at another width: still the right frame, to be replaced when it is wanted */
  stale: boolean;
}

const WAITS_MS = [250, 500, 1000, 2000, 4000];
const DOWN = 3;
// before the first frame came its size is unknown: ask for a few only
const FIRST = 8;

export class FrameCache<P extends Picture> {
  private readonly kept = new Map<number, Kept<P>>(); // in order of use: the first is the longest unused
  private readonly running = new Map<number, AbortController>();
  private readonly failures = new Map<number, { times: number; until_ms: number }>();
  private failuresInARow = 0;
  private wanted: number[] = [];
  private pinned: ReadonlySet<number> = new Set();
  private retry: ReturnType<typeof setTimeout> | null = null;
  private closed = false;
  private bytes_ = 0;

  constructor(
    private readonly load: Load<P>,
    private readonly limits: Limits,
    private readonly arrived: (frame: number) => void,
    private readonly failed: (frame: number, error: unknown) => void = () => undefined,
  ) {}

  get bytes(): number {
    return this.bytes_;
  }

  has(frame: number): boolean {
    return this.kept.has(frame);
  }

  get(frame: number): P | undefined {
    const entry = this.kept.get(frame);
    if (!entry) return undefined;
    this.kept.delete(frame);
    this.kept.set(frame, entry);
    return entry.picture;
  }

  /** What is wanted now, most urgent first; `pinned` frames (shown, compared with) are never dropped. */
  want(frames: readonly number[], pinned: Iterable<number> = []): void {
    if (this.closed) return;
    this.pinned = new Set(pinned);
    this.wanted = [...new Set([...frames.slice(0, 1), ...this.pinned, ...frames])].slice(0, this.room());
    const still = new Set(this.wanted);
    for (const [frame, request] of this.running) if (!still.has(frame)) this.abort(frame, request);
    this.pump();
  }

  /** All kept frames are of another width from now on: fetch the wanted ones again, keep them until then. */
  refresh(): void {
    for (const entry of this.kept.values()) entry.stale = true;
    for (const [frame, request] of this.running) this.abort(frame, request);
    this.failures.clear();
    this.pump();
  }

  close(): void {
    this.closed = true;
    if (this.retry !== null) clearTimeout(this.retry);
    for (const [frame, request] of this.running) this.abort(frame, request);
    for (const frame of [...this.kept.keys()]) this.drop(frame);
    this.wanted = [];
  }

  /** How many frames fit, judged by the largest one seen; two places stay free for pinned frames. */
  private room(): number {
    let largest = 0;
    for (const entry of this.kept.values()) largest = Math.max(largest, entry.bytes);
    return largest === 0 ? FIRST : Math.max(2, Math.floor(this.limits.bytes / largest) - 2);
  }

  private pump(): void {
    if (this.closed || (this.retry !== null && this.failuresInARow >= DOWN)) return;
    for (const frame of this.wanted) {
      const entry = this.kept.get(frame);
      if ((entry && !entry.stale) || this.running.has(frame)) continue;
      if ((this.failures.get(frame)?.until_ms ?? 0) > Date.now()) continue;
      if (this.running.size >= this.limits.parallel) {
        // only the most urgent frame may push another request aside, and only the least urgent one
        if (frame !== this.wanted[0]) return;
        const last = [...this.wanted].reverse().find((other) => this.running.has(other));
        if (last !== undefined) this.abort(last, this.running.get(last)!);
      }
      void this.fetch(frame);
    }
  }

  private async fetch(frame: number): Promise<void> {
    const request = new AbortController();
    this.running.set(frame, request);
    try {
      const picture = await this.load(frame, request.signal);
      if (request.signal.aborted || this.closed) {
        picture.close();
        return;
      }
      this.running.delete(frame);
      this.failures.delete(frame);
      this.failuresInARow = 0;
      this.keep(frame, picture);
      this.arrived(frame);
    } catch (error) {
      if (request.signal.aborted || this.closed) return;
      this.running.delete(frame);
      this.wait(frame);
      this.failed(frame, error);
    }
    this.pump();
  }

  /** A frame that failed is left alone for a while; after several in a row everything is, for a server that is down. */
  private wait(frame: number): void {
    const times = this.failures.get(frame)?.times ?? 0;
    const pause_ms = WAITS_MS[Math.min(times, WAITS_MS.length - 1)]!;
    this.failures.set(frame, { times: times + 1, until_ms: Date.now() + pause_ms });
    this.failuresInARow += 1;
    this.retry ??= setTimeout(() => {
      this.retry = null;
      this.pump();
    }, pause_ms + 1);
  }

  private keep(frame: number, picture: P): void {
    this.drop(frame);
    const bytes = picture.width * picture.height * 4;
    this.kept.set(frame, { picture, bytes, stale: false });
    this.bytes_ += bytes;
    if (this.bytes_ <= this.limits.bytes) return;
    const rank = new Map(this.wanted.map((wanted, place) => [wanted, place]));
    // first what nobody wants, longest unused first; then what is wanted last
    const unwanted = [...this.kept.keys()].filter((other) => !rank.has(other) && !this.pinned.has(other));
    const least = [...this.wanted].reverse().filter((other) => !this.pinned.has(other) && other !== this.wanted[0]);
    for (const victim of [...unwanted, ...least]) {
      if (this.bytes_ <= this.limits.bytes) break;
      this.drop(victim);
    }
    // what was dropped though wanted must not be fetched again at once
    this.wanted = this.wanted.filter((other, place) => place < this.room() || this.pinned.has(other));
  }

  private drop(frame: number): void {
    const entry = this.kept.get(frame);
    if (!entry) return;
    entry.picture.close();
    this.bytes_ -= entry.bytes;
    this.kept.delete(frame);
  }

  private abort(frame: number, request: AbortController): void {
    request.abort();
    this.running.delete(frame);
  }
}
