import { beforeEach, describe, expect, it } from "vitest";
import { Showing } from "../../src/present/showing";

/** A screen whose frames and time the test moves. */
class Screen {
  now_ms = 0;
  log: string[] = [];
  private frames: ((time_ms: number) => void)[] = [];
  private timers = new Map<number, { at_ms: number; work: () => void }>();
  private next = 1;
  showing = new Showing({
    show: (text) => void this.log.push(`${this.now_ms} show ${text}`),
    blank: () => void this.log.push(`${this.now_ms} dark`),
    shown: (id, page_ms) => void this.log.push(`shown ${id} at ${page_ms}`),
    frame: (work) => void this.frames.push(work),
    later: (work, after_ms) => {
      this.timers.set(this.next, { at_ms: this.now_ms + after_ms, work });
      return this.next++;
    },
    forget: (timer) => void this.timers.delete(timer as number),
  });
  frame(time_ms: number): void {
    this.to(time_ms);
    for (const work of this.frames.splice(0)) work(time_ms);
  }
  to(time_ms: number): void {
    this.now_ms = time_ms;
    for (const [id, { at_ms, work }] of [...this.timers]) {
      if (at_ms > time_ms) continue;
      this.timers.delete(id);
      work();
    }
  }
}

let screen: Screen;
beforeEach(() => void (screen = new Screen()));

describe("the small display", () => {
  it("shows at once, tells the time of the second frame, and is dark again after its time", () => {
    screen.to(1000);
    screen.showing.remind({ id: "a", text: "still", seconds: 2.5 });
    expect(screen.log).toEqual(["1000 show still"]);
    screen.frame(1004);
    expect(screen.log.length).toBe(1);
    screen.frame(1021);
    screen.frame(1037);
    screen.to(3499);
    expect(screen.log).toEqual(["1000 show still", "shown a at 1021"]);
    screen.to(3500);
    expect(screen.log.at(-1)).toBe("3500 dark");
  });

  it("tells nothing of what was never painted: a page behind another gets no frames", () => {
    screen.showing.remind({ id: "a", text: "still", seconds: 1 });
    screen.to(1000);
    screen.frame(5000);
    screen.frame(5016);
    expect(screen.log).toEqual(["0 show still", "1000 dark"]);
  });

  it("lets a second one take the first one's place without a dark moment", () => {
    screen.showing.remind({ id: "a", text: "one", seconds: 2 });
    screen.frame(10);
    screen.frame(26);
    screen.to(1500);
    screen.showing.remind({ id: "b", text: "two", seconds: 2 });
    screen.frame(1510);
    screen.frame(1526);
    screen.to(2000);
    screen.to(3500);
    expect(screen.log).toEqual(["0 show one", "shown a at 26", "1500 show two", "shown b at 1526", "3500 dark"]);
  });

  it("shows one that is told twice once", () => {
    screen.showing.remind({ id: "a", text: "one" });
    screen.showing.remind({ id: "a", text: "one" });
    expect(screen.log).toEqual(["0 show one"]);
  });

  it("never flashes faster than 3 times a second, whatever a study asks for", () => {
    for (let n = 0; n < 40; n += 1) {
      screen.to(n * 50);
      screen.showing.remind({ id: String(n), text: "x", seconds: 0.01 });
    }
    screen.to(10_000);
    expect(screen.log.filter((line) => line.endsWith("dark")).length).toBe(1);
    screen.showing.remind({ id: "z", text: "x", seconds: 0.01 });
    screen.to(10_699);
    expect(screen.log.at(-1)).toBe("10000 show x");
  });
});
