import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FrameCache, type Picture } from "../src/frames";

class FakePicture implements Picture {
  static open = 0;
  closed = false;
  readonly width = 10;
  readonly height = 10; // 400 bytes
  constructor(readonly frame: number) {
    FakePicture.open += 1;
  }
  close(): void {
    if (this.closed) throw new Error(`frame ${this.frame} closed twice`);
    this.closed = true;
    FakePicture.open -= 1;
  }
}

interface Request {
  frame: number;
  signal: AbortSignal;
  answer: () => void;
  fail: () => void;
}

function server(): { load: (frame: number, signal: AbortSignal) => Promise<FakePicture>; open: Request[]; asked: number[] } {
  const open: Request[] = [];
  const asked: number[] = [];
  const load = (frame: number, signal: AbortSignal): Promise<FakePicture> =>
    new Promise((resolve, reject) => {
      asked.push(frame);
      const request: Request = {
        frame, signal,
        answer: () => { open.splice(open.indexOf(request), 1); resolve(new FakePicture(frame)); },
        fail: () => { open.splice(open.indexOf(request), 1); reject(new Error("cut")); },
      };
      open.push(request);
      signal.addEventListener("abort", () => { open.splice(open.indexOf(request), 1); reject(new DOMException("", "AbortError")); });
    });
  return { load, open, asked };
}

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);
const answerAll = async (open: Request[]): Promise<void> => {
  for (let round = 0; round < 200 && open.length > 0; round++) {
    open[0]!.answer();
    await settle();
  }
};

beforeEach(() => {
  FakePicture.open = 0;
  vi.useFakeTimers();
});
afterEach(() => void vi.useRealTimers());

describe("the cache of frames", () => {
  it("fetches in the order wanted, a few at a time", async () => {
    const { load, open, asked } = server();
    const arrived: number[] = [];
    const cache = new FrameCache(load, { bytes: 1e6, parallel: 2 }, (frame) => arrived.push(frame));
    cache.want([5, 6, 7]);
    expect(asked).toEqual([5, 6]);
    await answerAll(open);
    cache.want([5, 6, 7]);
    await answerAll(open);
    expect(arrived).toEqual([5, 6, 7]);
    expect(cache.get(6)?.frame).toBe(6);
    cache.close();
    expect(FakePicture.open).toBe(0);
  });

  it("puts the frame asked last first, and aborts what nobody wants any more", () => {
    const { load, open, asked } = server();
    const cache = new FrameCache(load, { bytes: 1e6, parallel: 2 }, () => undefined);
    cache.want([1, 2, 3]);
    cache.want([50, 51]);
    expect(asked).toEqual([1, 2, 50, 51]);
    expect(open.map(({ frame }) => frame)).toEqual([50, 51]);
    cache.close();
  });

  it("pushes the least urgent request aside for the most urgent frame only", () => {
    const { load, open } = server();
    const cache = new FrameCache(load, { bytes: 1e6, parallel: 2 }, () => undefined);
    cache.want([1, 2]);
    cache.want([9, 1, 2]);
    expect(open.map(({ frame }) => frame).sort()).toEqual([1, 9]);
    cache.close();
  });

  it("stays within its bytes over an hour of play, and closes every bitmap once", async () => {
    const { load, open } = server();
    const bytes = 400 * 20;
    const cache = new FrameCache(load, { bytes, parallel: 4 }, () => undefined);
    let most = 0;
    for (let frame = 0; frame < 3000; frame++) {
      cache.want(Array.from({ length: 90 }, (_, place) => frame + place), [frame]);
      for (let served = 0; served < 3 && open.length > 0; served++) {
        open[0]!.answer();
        await settle();
      }
      most = Math.max(most, FakePicture.open);
      expect(cache.bytes).toBe(FakePicture.open * 400);
    }
    expect(most).toBeLessThanOrEqual(21);
    cache.close();
    expect(FakePicture.open).toBe(0);
  });

  it("never drops the frame wanted first nor a pinned one", async () => {
    const { load, open } = server();
    const cache = new FrameCache(load, { bytes: 400 * 6, parallel: 2 }, () => undefined);
    cache.want([0], [0]);
    await answerAll(open);
    for (let frame = 10; frame < 60; frame++) {
      cache.want([frame, frame + 1, frame + 2], [0]);
      await answerAll(open);
      expect(cache.has(0)).toBe(true);
      expect(cache.has(frame)).toBe(true);
    }
    cache.close();
  });

  it("does not fetch again and again what does not fit", async () => {
    const { load, open, asked } = server();
    const cache = new FrameCache(load, { bytes: 400 * 8, parallel: 2 }, () => undefined);
    const want = Array.from({ length: 40 }, (_, frame) => frame);
    cache.want(want);
    await answerAll(open);
    cache.want(want);
    await answerAll(open);
    cache.want(want);
    await answerAll(open);
    expect(asked.length).toBeLessThanOrEqual(10);
    cache.close();
  });

  it("keeps a frame of another width until the new one came", async () => {
    const { load, open, asked } = server();
    const cache = new FrameCache(load, { bytes: 1e6, parallel: 2 }, () => undefined);
    cache.want([1]);
    await answerAll(open);
    const old = cache.get(1)!;
    cache.refresh();
    expect(asked).toEqual([1, 1]);
    expect(cache.get(1)).toBe(old);
    await answerAll(open);
    expect(cache.get(1)).not.toBe(old);
    expect(old.closed).toBe(true);
    cache.close();
  });

  it("tries a failed frame again after a while, others meanwhile", async () => {
    const { load, open, asked } = server();
    const failed: number[] = [];
    const cache = new FrameCache(load, { bytes: 1e6, parallel: 1 }, () => undefined, (frame) => failed.push(frame));
    cache.want([1, 2]);
    open[0]!.fail();
    await settle();
    expect(failed).toEqual([1]);
    expect(asked).toEqual([1, 2]);
    await answerAll(open);
    expect(cache.has(2)).toBe(true);
    await vi.advanceTimersByTimeAsync(300);
    await answerAll(open);
    expect(cache.has(1)).toBe(true);
    cache.close();
  });

  it("leaves a server that is down alone between tries", async () => {
    const { load, open, asked } = server();
    const cache = new FrameCache(load, { bytes: 1e6, parallel: 2 }, () => undefined);
    cache.want(Array.from({ length: 90 }, (_, frame) => frame));
    for (let round = 0; round < 50; round++) {
      while (open.length > 0) {
        open[0]!.fail();
        await settle();
      }
      await vi.advanceTimersByTimeAsync(20);
    }
    expect(asked.length).toBeLessThan(30); // within one second
    cache.close();
  });

  it("closes a picture that arrives after the end", async () => {
    const late: ((picture: FakePicture) => void)[] = [];
    const cache = new FrameCache(() => new Promise<FakePicture>((resolve) => late.push(resolve)), { bytes: 1e6, parallel: 1 }, () => undefined);
    cache.want([1]);
    cache.close();
    late[0]!(new FakePicture(1));
    await settle();
    expect(FakePicture.open).toBe(0);
  });
});
