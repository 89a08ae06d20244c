import { beforeEach, describe, expect, it } from "vitest";
import { Alarms, failuresOf } from "../../src/present/monitor/alarms";
import { TraceBuffer, upperEnd } from "../../src/present/monitor/buffer";
import { age, bytes, milliseconds, minutes, rate } from "../../src/present/monitor/format";
import { operatorKeys } from "../../src/present/monitor/keys";
import type { Snapshot, TraceSample } from "../../src/present/wire";

const snapshot = (more: Partial<Snapshot> = {}): Snapshot => ({
  study: "s", participant: "sub-001", phase: "trials", paused: false, trial: null, now_s: 100, consent: 1,
  pages: { participant: true, display: true },
  camera: { name: "0", width: 640, height: 480, rate_hz: 30, lost: 0, age_s: 0.03, error: null },
  recording: { on: true, run: 1, frames: 10, lost: 0, free_bytes: 1e11, left_s: 36_000, trouble: null },
  streams: [], trigger: { name: "null", last_code: null, last_at_s: null, trouble: null },
  baseline: null, baseline_left_s: null, automatic: { on: false, threshold: 6, refractory_s: 10 },
  reminders: [], notices: [], checks: null, timing: {}, operator: "AB", estimated_left_s: 3600, ...more,
});

describe("the last minute of motion", () => {
  const sample = (time_s: number, value: number | null = 1, found: 0 | 1 = 1): TraceSample => [time_s, value, value, value, found];

  it("keeps 60 seconds, as seconds before now", () => {
    const buffer = new TraceBuffer();
    for (let n = 0; n < 1000; n += 1) buffer.add([sample(n / 8)], false);
    expect(buffer.length).toBe(481);
    const [times] = buffer.since(999 / 8, "head");
    expect([times[0], times.at(-1)]).toEqual([-60, 0]);
  });

  it("shows a gap where the face was not found or nothing came, never a zero", () => {
    const buffer = new TraceBuffer();
    buffer.add([sample(1), sample(1.1, 5, 0), sample(1.2, null), sample(1.3, Number.NaN), sample(3)], false);
    expect(buffer.since(3, "face")).toEqual([[-2, -1.9, -1.8, -1.7, expect.closeTo(-0.85, 6), 0], [1, null, null, null, null, 1]]);
  });

  it("begins anew in another unit, and takes nothing twice", () => {
    const buffer = new TraceBuffer();
    buffer.add([sample(1), sample(1.1)], false);
    buffer.add([sample(1), sample(1.1), sample(1.2)], false);
    expect(buffer.length).toBe(3);
    buffer.add([sample(1.3, 4)], true);
    expect([buffer.length, buffer.largest("head"), buffer.relative]).toEqual([1, 4, true]);
    buffer.clear();
    expect([buffer.largest("head"), buffer.newest_s]).toEqual([null, null]);
  });

  it("has an axis that holds what is seen, and the threshold whatever is seen", () => {
    for (const largest of [null, 0.03, 0.4, 3, 999]) {
      const end = upperEnd(largest, null);
      expect(end).toBeGreaterThan(largest ?? 0);
      expect(end).toBeLessThanOrEqual(Math.max(2.2 * (largest ?? 0), 0.2));
      for (const threshold of [1, 5, 6, 100]) {
        expect(upperEnd(largest, threshold)).toBeGreaterThan(threshold * 1.2);
        expect(upperEnd(largest, threshold)).toBeLessThanOrEqual(threshold * 4);
      }
    }
  });
});

describe("what must not be overlooked", () => {
  let kept: Map<string, string>;
  const alarms = (): Alarms => new Alarms(() => undefined, { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => void kept.set(name, value) });
  const said = (of: Alarms): string[] => of.shown.map(({ sentence, lasting }) => (lasting ? sentence : `${sentence} over`));
  const gone = snapshot({ trigger: { name: "serial", last_code: 101, last_at_s: 1, trouble: "the port is gone." } });
  beforeEach(() => void (kept = new Map()));

  it("is found in the state", () => {
    expect([...failuresOf(snapshot()).keys()]).toEqual([]);
    expect([...failuresOf(gone).values()]).toEqual(["the port is gone."]);
    const broken = snapshot({
      camera: { ...snapshot().camera!, age_s: 5 },
      recording: { ...snapshot().recording, left_s: 600, trouble: "x" },
      streams: [{ name: "eeg", kind: "EEG", rate_hz: null, age_s: null, error: "no samples" }],
      pages: { participant: false, display: true },
    });
    expect([...failuresOf(broken).keys()]).toEqual(["camera", "recording", "disk", "stream eeg", "participant"]);
    expect([...failuresOf(snapshot({ phase: "room", camera: null, trigger: null, pages: { participant: false, display: false } })).keys()]).toEqual([]);
  });

  it("stays until it is acknowledged, also when it is over", () => {
    const of = alarms();
    of.look(gone);
    of.look(snapshot());
    expect(said(of)).toEqual(["the port is gone. over"]);
    of.acknowledge();
    expect(said(of)).toEqual([]);
  });

  it("is not said again while it lasts, but is when it comes back", () => {
    const of = alarms();
    of.look(gone);
    of.acknowledge();
    of.look(gone);
    expect(said(of)).toEqual([]);
    of.look(snapshot());
    of.look(gone);
    expect(said(of)).toEqual(["the port is gone."]);
  });

  it("is shown after a reload until it was acknowledged, and not after", () => {
    const state = snapshot({ notices: [{ n: 1, at_s: 1, level: "failure", sentence: "Gone." }, { n: 2, at_s: 1, level: "warning", sentence: "Late." }] });
    const first = alarms();
    first.look(state);
    expect(said(first)).toEqual(["Gone."]);
    const reloaded = alarms();
    reloaded.look(state);
    reloaded.acknowledge();
    const again = alarms();
    again.look(state);
    expect(said(again)).toEqual([]);
  });

  it("says a thing once that is both told and seen in the state", () => {
    const told = { n: 1, at_s: 1, level: "failure" as const, sentence: "the port is gone." };
    for (const before of [true, false]) {
      kept.clear();
      const of = alarms();
      if (before) of.raise("notice 1", told.sentence);
      of.look({ ...gone, notices: [told] });
      expect(said(of)).toEqual(["the port is gone."]);
      of.acknowledge();
      of.look({ ...gone, notices: [told] });
      expect(said(of)).toEqual([]);
    }
  });

  it("keeps what the page itself raised over the next state", () => {
    const of = alarms();
    of.raise("server", "no answer");
    of.look(snapshot());
    expect(said(of)).toEqual(["no answer"]);
    of.clear("server");
    expect(said(of)).toEqual(["no answer over"]);
  });
});

describe("numbers", () => {
  it("read well", () => {
    expect([minutes(65), minutes(4500), minutes(null), minutes(-3)]).toEqual(["1:05", "1:15:00", "–", "0:00"]);
    expect([bytes(2.31e11), bytes(4.2e9), bytes(5e7), bytes(2e12), bytes(null)]).toEqual(["231 GB", "4.2 GB", "50 MB", "2.0 TB", "–"]);
    expect([age(0.05), age(3.24), rate(29.97), rate(500.4), milliseconds(5.14), milliseconds(51), milliseconds(null)]).toEqual(["50 ms", "3.2 s", "30.0 Hz", "500 Hz", "5.1 ms", "51 ms", "–"]);
  });

  it("have one key for one thing", () => {
    expect(new Set(Object.values(operatorKeys)).size).toBe(Object.keys(operatorKeys).length);
  });
});
