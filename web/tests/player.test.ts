import { describe, expect, it } from "vitest";
import { firstAtOrAfter, lastAtOrBefore, Player, type Screen } from "../src/player";

// uneven on purpose: a dropped frame after 3, a stall after 6
const TIMES = [0, 0.01, 0.02, 0.03, 0.05, 0.06, 0.07, 0.17, 0.18, 0.19];

class FakeScreen implements Screen {
  here = new Set<number>();
  all = true;
  shown: { frame: number; at_ms: number }[] = [];
  wanted: number[] = [];
  now_ms = 0;
  has = (frame: number): boolean => this.all || this.here.has(frame);
  show = (frame: number): void => void this.shown.push({ frame, at_ms: this.now_ms });
  want = (frames: number[]): void => void (this.wanted = frames);
  changed = (): void => undefined;
  get frames(): number[] {
    return this.shown.map(({ frame }) => frame);
  }
}

function set(all = true): { player: Player; screen: FakeScreen } {
  const screen = new FakeScreen();
  screen.all = all;
  const player = new Player(TIMES, screen);
  return { player, screen };
}

function run(player: Player, screen: FakeScreen, until_ms: number, step_ms: number): void {
  for (const begin = screen.now_ms; screen.now_ms <= begin + until_ms; screen.now_ms += step_ms) player.tick(screen.now_ms);
}

describe("stepping", () => {
  it("shows the frame at once where it is there, and stays inside the clip", () => {
    const { player, screen } = set();
    player.seek(3);
    player.step(1);
    player.step(-10);
    player.seek(99);
    expect(screen.frames).toEqual([3, 4, 0, 9]);
  });

  it("waits for a frame and never shows another one under its number", () => {
    const { player, screen } = set(false);
    screen.here = new Set([0]);
    player.seek(0);
    player.step(1);
    player.step(1);
    expect([player.asked, player.shown, player.waiting]).toEqual([2, 0, true]);
    player.arrived(1);
    expect(screen.frames).toEqual([0]);
    screen.here.add(2);
    player.arrived(2);
    expect(screen.frames).toEqual([0, 2]);
    expect(player.waiting).toBe(false);
  });

  it("asks for the frame asked last first, then in the direction of the step", () => {
    const { player, screen } = set();
    player.seek(5);
    player.step(-1);
    expect(screen.wanted.slice(0, 4)).toEqual([4, 3, 5, 2]);
  });

  it("skips a second by the stamps, at least one frame", () => {
    const { player } = set();
    player.seek(2);
    player.skip(0.05);
    expect(player.asked).toBe(6);
    player.skip(0.01);
    expect(player.asked).toBe(7);
    player.skip(-0.1);
    expect(player.asked).toBe(6);
    player.skip(1);
    expect(player.asked).toBe(9);
  });
});

describe("playing by the clock", () => {
  it.each([1, 0.25])("shows at speed %s the last frame whose time has come, never earlier", (speed) => {
    const { player, screen } = set();
    player.seek(0);
    player.setSpeed(speed);
    screen.shown = [];
    player.play(1);
    run(player, screen, 1200, 1000 / 60);
    for (const { frame, at_ms } of screen.shown) expect(TIMES[frame]! * 1000).toBeLessThanOrEqual(at_ms * speed + 1e-6);
    expect(screen.frames).toEqual([...screen.frames].sort((a, b) => a - b));
    expect(player.shown).toBe(9);
    expect(player.playing).toBe(0);
  });

  it("shows every frame at a display of 1000 Hz, each on time to 1 ms", () => {
    const { player, screen } = set();
    player.seek(0);
    player.play(1);
    screen.shown = [];
    run(player, screen, 200, 1);
    const firsts = new Map<number, number>();
    for (const { frame, at_ms } of screen.shown) if (!firsts.has(frame)) firsts.set(frame, at_ms);
    for (const [frame, at_ms] of firsts) expect(at_ms - TIMES[frame]! * 1000).toBeLessThanOrEqual(1 + 1e-6);
    expect([...firsts.keys()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("keeps a dropped frame's time: nothing happens during the stall", () => {
    const { player, screen } = set();
    player.seek(6);
    player.play(1);
    run(player, screen, 95, 5);
    expect(player.shown).toBe(6);
    run(player, screen, 20, 5);
    expect(player.shown).toBeGreaterThanOrEqual(7);
  });

  it("is the mirror image in reverse", () => {
    const { player, screen } = set();
    player.seek(9);
    player.play(-1);
    screen.shown = [];
    run(player, screen, 400, 1);
    for (const { frame, at_ms } of screen.shown) expect((TIMES[9]! - TIMES[frame]!) * 1000).toBeLessThanOrEqual(at_ms + 1e-6);
    expect([...new Set(screen.frames)]).toEqual([8, 7, 6, 5, 4, 3, 2, 1, 0]);
    expect([player.shown, player.playing]).toEqual([0, 0]);
  });

  it("stops the clock for a frame that has not come, and goes on from its time", () => {
    const { player, screen } = set(false);
    screen.here = new Set([0, 1, 2, 4, 5, 6, 7, 8, 9]);
    player.seek(0);
    player.play(1);
    run(player, screen, 500, 1);
    expect([player.shown, player.asked, player.waiting]).toEqual([2, 3, true]);
    screen.here.add(3);
    player.arrived(3);
    const came_ms = screen.now_ms;
    screen.shown = [];
    run(player, screen, 60, 1);
    expect(screen.frames.slice(0, 2)).toEqual([3, 4]);
    expect(screen.shown[1]!.at_ms - came_ms).toBeGreaterThanOrEqual(20 - 1e-6);
  });

  it("says at which share of the speed it really plays", () => {
    const { player, screen } = set();
    player.setLoop([0, 9]);
    player.seek(0);
    player.play(1);
    run(player, screen, 3000, 1000 / 60);
    expect(player.pace).toBeGreaterThan(0.97);
    // from here on each frame takes 40 ms to come: 10 frames of 0.2 s take 0.4 s
    screen.all = false;
    screen.here.clear();
    let asked = -1;
    let since = 0;
    for (const begin = screen.now_ms; screen.now_ms < begin + 6000; screen.now_ms += 10) {
      if (player.asked !== asked) [asked, since] = [player.asked, screen.now_ms];
      if (screen.now_ms - since >= 40) screen.here = new Set([asked]);
      player.tick(screen.now_ms);
    }
    expect(player.pace).toBeLessThan(0.7);
    expect(player.pace).toBeGreaterThan(0.1);
  });

  it("keeps true speed by leaving frames out, says so, and still shows the last one", () => {
    const times = Array.from({ length: 900 }, (_, n) => n / 150);
    const screen = new FakeScreen();
    screen.all = false;
    const player = new Player(times, screen);
    screen.here.add(0);
    player.seek(0);
    player.play(1);
    // the way to the server gives 25 frames a second, in the order in which they are wanted
    let finished_ms = 0;
    for (; screen.now_ms < 12_000; screen.now_ms += 16) {
      if (screen.now_ms % 40 < 16) {
        const next = screen.wanted.find((frame) => !screen.here.has(frame));
        if (next !== undefined) screen.here.add(next);
      }
      player.tick(screen.now_ms);
      if (player.playing === 0 && finished_ms === 0) finished_ms = screen.now_ms;
    }
    expect(screen.frames.at(-1)).toBe(899);
    expect(screen.frames).toEqual([...screen.frames].sort((a, b) => a - b));
    expect(finished_ms).toBeGreaterThan(5_900);
    expect(finished_ms).toBeLessThan(9_500); // all 900 frames would take 36 s
  });

  it("leaves no frame out at a quarter of the speed", () => {
    const { player, screen } = set(false);
    screen.here = new Set([0]);
    player.setSpeed(0.25);
    player.seek(0);
    player.play(1);
    for (; screen.now_ms < 12_000; screen.now_ms += 16) {
      if (screen.now_ms % 400 < 16) screen.here.add(screen.wanted.find((frame) => !screen.here.has(frame)) ?? 0);
      player.tick(screen.now_ms);
    }
    expect([...new Set(screen.frames)]).toEqual(TIMES.map((_, n) => n));
  });

  it("does not take the pause of a hidden page for time of the video", () => {
    const { player, screen } = set();
    player.seek(0);
    player.setSpeed(0.25);
    player.play(1);
    player.tick(0);
    player.tick(60_000);
    expect(player.shown).toBeLessThanOrEqual(5);
    expect(screen.frames.every((frame) => frame <= 5)).toBe(true);
  });

  it("drops what it waited for when the coder pauses", () => {
    const { player, screen } = set(false);
    screen.here = new Set([0]);
    player.seek(0);
    player.play(1);
    run(player, screen, 100, 10);
    player.pause();
    screen.here.add(1);
    player.arrived(1);
    expect([player.shown, player.asked]).toEqual([0, 0]);
  });
});

describe("looping", () => {
  it("repeats a stretch, with the last frame for its own time", () => {
    const { player, screen } = set();
    player.seek(0);
    player.setLoop([1, 3]);
    player.play(1);
    screen.shown = [];
    run(player, screen, 200, 1);
    const order = screen.frames.filter((frame, place, all) => frame !== all[place - 1]);
    expect(order.slice(0, 7)).toEqual([2, 3, 1, 2, 3, 1, 2]);
    const third = screen.shown.find(({ frame }) => frame === 3)!.at_ms;
    const next = screen.shown.find(({ frame, at_ms }) => frame === 1 && at_ms > third)!.at_ms;
    expect(next - third).toBeGreaterThanOrEqual(20 - 1e-6); // to the stamp of frame 4
    expect(player.playing).toBe(1);
  });

  it("repeats backwards", () => {
    const { player, screen } = set();
    player.seek(3);
    player.setLoop([1, 3]);
    player.play(-1);
    screen.shown = [];
    run(player, screen, 100, 1);
    const order = screen.frames.filter((frame, place, all) => frame !== all[place - 1]);
    expect(order.slice(0, 5)).toEqual([2, 1, 3, 2, 1]);
  });

  it("prefetches around the corner of the loop, each frame once", () => {
    const { player, screen } = set();
    player.setLoop([1, 4]);
    player.seek(3);
    player.play(1);
    expect(screen.wanted).toEqual([3, 4, 1, 2]);
  });
});

describe("looking up stamps", () => {
  it("finds the neighbours of a time", () => {
    expect([0, 0.014, 0.05, 0.16, 9].map((time) => lastAtOrBefore(TIMES, time))).toEqual([0, 1, 4, 6, 9]);
    expect([-1, 0.014, 0.05, 0.16, 9].map((time) => firstAtOrAfter(TIMES, time))).toEqual([0, 2, 4, 7, 9]);
  });

  it("does nothing in a clip without frames", () => {
    const player = new Player([], new FakeScreen());
    player.play(1);
    player.step(1);
    player.tick(0);
    expect([player.shown, player.playing]).toEqual([null, 0]);
  });
});
