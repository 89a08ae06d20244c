import { describe, expect, it } from "vitest";
import { shownAt } from "../../src/present/participant/film";
import { mediaOf, stepsOf, type ScreenStep } from "../../src/present/participant/steps";
import { timelineOf } from "../../src/present/participant/timeline";
import type { Plugins } from "../../src/present/participant/plugins";
import type { Plan, PlannedTrial } from "../../src/present/wire";

const trial = (number: number, more: Partial<PlannedTrial> = {}): PlannedTrial => ({ number, practice: false, block: 1, clip: `c${number}`, neutral: "n1", clip_s: 3, done: false, break_after: null, ...more });
const rest = { least_s: 60, text: "rest" };
const plan = (trials: PlannedTrial[], more: Partial<Plan> = {}): Plan => ({
  study: "s", participant: "sub-001", phase: "trials",
  consent: { text: [], levels: [], given: 1 },
  instructions: ["read"],
  report: { emotions: [], limit_s: 25, scale: { low: 1, high: 9 } },
  clip_limit_s: 60, neutral_s: 30, trials,
  media: ["c1", "c2", "c3", "p1", "n1"].map((id) => ({ id, url: `/media/${id}`, seconds: 3 })),
  words: {}, ...more,
});
const told = (steps: ScreenStep[]): string[] => steps.map((step) => (step.screen === "message" ? step.name : step.screen === "break" ? `break after ${step.after.number}` : `${step.trial.practice ? "p" : "t"}${step.trial.number}/${step.of}`));
const practice = (number: number, done = false): PlannedTrial => trial(number, { practice: true, clip: `p${number}`, done });

describe("the steps of a session", () => {
  it("begin with the instructions and practice, then the trials in the order of the plan, with breaks", () => {
    expect(told(stepsOf(plan([practice(1), trial(1, { break_after: rest }), trial(2), trial(3)])))).toEqual(["instructions", "practice", "p1/1", "trials", "t1/3", "break after 1", "t2/3", "t3/3"]);
  });

  it("put practice first wherever the plan has it", () => {
    expect(told(stepsOf(plan([trial(1), practice(1)], { instructions: [] })))).toEqual(["practice", "p1/1", "trials", "t1/1"]);
  });

  it("go on at the trial that was reached, from its beginning, without the instructions", () => {
    expect(told(stepsOf(plan([practice(1, true), trial(1, { done: true, break_after: rest }), trial(2), trial(3)])))).toEqual(["t2/3", "t3/3"]);
  });

  it("go on within practice", () => {
    expect(told(stepsOf(plan([practice(1, true), practice(2), trial(1)])))).toEqual(["practice", "p2/2", "trials", "t1/1"]);
  });

  it("end with the last trial, not with a break", () => {
    expect(told(stepsOf(plan([trial(1), trial(2, { break_after: rest })], { instructions: [] })))).toEqual(["t1/2", "t2/2"]);
  });

  it("are none where nothing is left", () => {
    expect(stepsOf(plan([trial(1, { done: true })]))).toEqual([]);
    expect(stepsOf(plan([trial(1)], { phase: "stopped" }))).toEqual([]);
  });

  it("need their clips once each, in the order of use, and one that is nowhere is asked for all the same", () => {
    const of = plan([trial(1), trial(2), trial(9, { neutral: null })]);
    expect(mediaOf(of, stepsOf(of)).map(({ id, url }) => [id, url])).toEqual([["c1", "/media/c1"], ["n1", "/media/n1"], ["c2", "/media/c2"], ["c9", ""]]);
  });
});

describe("the timeline", () => {
  const plugins = Object.fromEntries(["message", "ready", "clip", "report", "neutral", "rest"].map((name) => [name, name])) as unknown as Plugins;
  interface Node { type?: unknown; timeline?: Node[]; loop_function?: () => boolean; conditional_function?: () => boolean; on_finish?: (data: object) => void; step?: { pressed?: () => number } }

  it("shows a clip that broke again from the space bar on, and asks no report of it", () => {
    const [node] = timelineOf(stepsOf(plan([trial(1)], { instructions: [] })), plugins) as unknown as Node[];
    const [ready, clip, after] = node!.timeline!;
    expect([ready!.type, clip!.type, after!.timeline!.map(({ type }) => type)]).toEqual(["ready", "clip", ["report", "neutral"]]);
    ready!.on_finish!({ pressed_ms: 1234 });
    expect(clip!.step!.pressed!()).toBe(1234);
    clip!.on_finish!({ failed: true });
    expect([after!.conditional_function!(), node!.loop_function!()]).toEqual([false, true]);
    clip!.on_finish!({ failed: false });
    expect([after!.conditional_function!(), node!.loop_function!()]).toEqual([true, false]);
  });
});

describe("when a frame was seen", () => {
  it("is when the browser expects it on the display", () => {
    expect(shownAt({ presentationTime: 1000, expectedDisplayTime: 1016.7, mediaTime: 0 })).toBe(1016.7);
  });

  it.each([990, 1500, Number.NaN])("is when it was handed over, where the expectation (%d) cannot be", (expectedDisplayTime) => {
    expect(shownAt({ presentationTime: 1000, expectedDisplayTime, mediaTime: 0 })).toBe(1000);
  });
});
