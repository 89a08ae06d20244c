// The last minute of motion: a sample per analysed picture, gaps where the face was not found or nothing came.

import type { TraceSample } from "../wire";

export const TRACES = ["head", "body", "face"] as const;
export type TraceName = (typeof TRACES)[number];
export const WINDOW_S = 60;
/** a longer silence than this is a gap, not a line */
const SILENCE_S = 0.7;

export class TraceBuffer {
  private times: number[] = [];
  private readonly values: Record<TraceName, (number | null)[]> = { head: [], body: [], face: [] };
  relative = false;

  constructor(private readonly window_s = WINDOW_S) {}

  /** Takes samples in order of time. What was measured in the other unit goes: it has no place on the new axis. */
  add(samples: readonly TraceSample[], relative: boolean): void {
    if (relative !== this.relative) this.clear();
    this.relative = relative;
    for (const sample of samples) this.one(sample);
    const newest = this.times.at(-1);
    if (newest !== undefined) this.forget(newest - this.window_s);
  }

  clear(): void {
    this.times = [];
    for (const name of TRACES) this.values[name] = [];
  }

  get length(): number {
    return this.times.length;
  }

  get newest_s(): number | null {
    return this.times.at(-1) ?? null;
  }

  /** Seconds before `now_s` (negative) and values, as a plot takes them. */
  since(now_s: number, name: TraceName): [times: number[], values: (number | null)[]] {
    return [this.times.map((time) => time - now_s), this.values[name].slice()];
  }

  /** The largest value of a trace in the window; null of none. */
  largest(name: TraceName): number | null {
    return this.values[name].reduce<number | null>((most, value) => (value !== null && (most === null || value > most) ? value : most), null);
  }

  private one([time_s, head, body, face, found]: TraceSample): void {
    const before = this.times.at(-1);
    if (before !== undefined && time_s <= before) return; // said twice, after a new connection
    if (before !== undefined && time_s - before > SILENCE_S) this.push((before + time_s) / 2, null, null, null);
    if (found) this.push(time_s, head, body, face);
    else this.push(time_s, null, null, null);
  }

  private push(time_s: number, head: number | null, body: number | null, face: number | null): void {
    this.times.push(time_s);
    const finite = (value: number | null): number | null => (value !== null && Number.isFinite(value) ? value : null);
    this.values.head.push(finite(head));
    this.values.body.push(finite(body));
    this.values.face.push(finite(face));
  }

  private forget(before_s: number): void {
    const first = this.times.findIndex((time) => time >= before_s);
    if (first <= 0) return;
    this.times.splice(0, first);
    for (const name of TRACES) this.values[name].splice(0, first);
  }
}

/** how many thresholds an axis goes up to; what is higher is cut off, so that threshold and baseline stay readable */
const THRESHOLDS = 2.5;

/** The upper end of an axis: without a threshold all that is seen fits, with one it goes up to two and a half of them. */
export function upperEnd(largest: number | null, threshold: number | null): number {
  const seen = largest ?? 0;
  const wanted = threshold === null ? Math.max(seen, 0.1) : Math.min(Math.max(seen, threshold * 1.25), threshold * THRESHOLDS);
  const power = 10 ** Math.floor(Math.log10(wanted));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((step) => step >= wanted * 1.02) ?? 15 * power;
}
