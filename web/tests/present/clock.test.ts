import { afterEach, describe, expect, it, vi } from "vitest";
import { best, reading, SessionClock } from "../../src/present/clock";

/** A server whose clock is ahead of the page's by `ahead_s`, behind a line with these delays of question and answer. */
class Line {
  page_ms = 1000;
  private place = 0;
  constructor(readonly ahead_s: number, readonly delays: readonly (readonly [to_ms: number, back_ms: number] | "cut")[]) {}
  ask = async (): Promise<{ now_s: number }> => {
    const delay = this.delays[this.place++ % this.delays.length]!;
    if (delay === "cut") throw new Error("cut");
    this.page_ms += delay[0];
    const now_s = this.page_ms / 1000 + this.ahead_s;
    this.page_ms += delay[1];
    return { now_s };
  };
  clock = (): SessionClock => new SessionClock(this.ask, () => this.page_ms);
}

afterEach(() => vi.useRealTimers());

describe("the session's clock on a page", () => {
  it("takes the middle of question and answer, half of the round trip is the largest error", () => {
    expect(reading(100, 140, 5.0)).toEqual({ offset_s: 4.88, uncertainty_ms: 20 });
  });

  it("is exact where question and answer take the same time", async () => {
    const clock = new Line(500, [[7, 7]]).clock();
    await clock.set();
    expect(clock.at(2000)).toBeCloseTo(502, 9);
  });

  it.each([[0, 30], [30, 0], [3, 27]])("is never off by more than it says, with %i ms to and %i ms back", async (to, back) => {
    const line = new Line(123.456, [[to, back]]);
    const clock = line.clock();
    await clock.set();
    const { at_s, uncertainty_ms } = clock.stamp(2000);
    const error_ms = Math.abs(at_s! - 125.456) * 1000;
    expect(uncertainty_ms).toBeCloseTo(15, 6);
    expect(error_ms).toBeLessThanOrEqual(uncertainty_ms! + 1e-6);
    expect(error_ms).toBeCloseTo(Math.abs(to - back) / 2, 6);
  });

  it("keeps the shortest of ten exchanges, wherever it comes", async () => {
    const slow = [40, 2] as const;
    const clock = new Line(10, [slow, slow, slow, slow, slow, slow, slow, slow, [1, 1.5], slow]).clock();
    await clock.set();
    expect(clock.stamp(0).uncertainty_ms).toBeCloseTo(1.25, 9);
    expect(Math.abs(clock.at(0)! - 10)).toBeLessThan(0.00126);
    expect(best([])).toBeNull();
  });

  it("goes on with what it knew while no server answers", async () => {
    const line = new Line(10, [...Array.from({ length: 10 }, () => [2, 2] as const), "cut", "cut"]);
    const clock = line.clock();
    await clock.set();
    const before = clock.at(5000);
    await clock.set();
    expect(clock.at(5000)).toBe(before);
  });

  it("says nothing before it was set, and asks again soon", async () => {
    vi.useFakeTimers();
    const line = new Line(10, ["cut", ...Array.from({ length: 10 }, () => [1, 1] as const)]);
    const clock = line.clock();
    await clock.keep();
    expect(clock.stamp(3)).toEqual({ at_s: null, page_ms: 3, uncertainty_ms: null });
    await vi.advanceTimersByTimeAsync(2000);
    expect(clock.set_yet).toBe(true);
    clock.stop();
  });
});
