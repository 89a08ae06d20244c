// The two-part rule of micro-expressions, live: onset to offset at most 500 ms, or onset to apex at most 250 ms
// (Yan et al. 2013, doi:10.1007/s10919-013-0159-8). Durations come from measured stamps, never from a rate.

import type { Body, Kind } from "./types";

const MOST_LENGTH_S = 0.5;
const MOST_RISE_S = 0.25;
// stamps are decimal seconds: a float's rounding must not decide
const ROUNDING_S = 1e-9;

export interface Durations {
  rise_ms: number | null;
  fall_ms: number | null;
  length_ms: number | null;
}

export interface Verdict {
  kind: Kind | null;
  /** by the rule, before any override of the coder */
  byRule: Kind | null;
  sentence: string;
}

type Times = Pick<Body, "onset" | "apex" | "offset">;

/** Onset-apex, apex-offset and onset-offset in ms; an offset equal to the apex was not observed. */
export function durations(body: Times, times_s: readonly number[]): Durations {
  const at = (frame: number | null): number | null => (frame === null ? null : (times_s[frame] ?? null));
  const onset = at(body.onset);
  const apex = at(body.apex);
  const offset = body.offset !== null && body.offset === body.apex ? null : at(body.offset);
  const between = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : (b - a) * 1000);
  return { rise_ms: between(onset, apex), fall_ms: between(apex, offset), length_ms: between(onset, offset) };
}

/** What the rule says of an expression, in a sentence that names the part that decided. */
export function verdict(body: Body, times_s: readonly number[]): Verdict {
  const { rise_ms, fall_ms, length_ms } = durations(body, times_s);
  const rule = byRule(rise_ms, fall_ms, length_ms, body);
  if (body.kind === null) return { ...rule, byRule: rule.kind };
  const same = rule.kind === body.kind ? ", as the rule says" : rule.kind === null ? "" : `; the rule says ${rule.kind}`;
  return { kind: body.kind, byRule: rule.kind, sentence: `${body.kind} by the coder${same} (${rule.sentence})` };
}

function byRule(rise: number | null, fall: number | null, length: number | null, body: Times): { kind: Kind | null; sentence: string } {
  if ([rise, fall, length].some((ms) => ms !== null && ms < -ROUNDING_S * 1000)) {
    return { kind: null, sentence: "not decided: onset, apex and offset are out of order" };
  }
  const rises = rise !== null && rise <= (MOST_RISE_S + ROUNDING_S) * 1000;
  const short = length !== null && length <= (MOST_LENGTH_S + ROUNDING_S) * 1000;
  if (short) return { kind: "micro", sentence: `micro: onset-offset ${ms(length)} ≤ 500 ms` };
  if (rises) return { kind: "micro", sentence: `micro: onset-apex ${ms(rise)} ≤ 250 ms` };
  if (rise === null && length === null) return { kind: null, sentence: "not decided: needs an onset and an apex or offset" };
  const parts = [
    length === null ? null : `onset-offset ${ms(length)} > 500 ms`,
    rise === null ? null : `onset-apex ${ms(rise)} > 250 ms`,
  ].filter((part) => part !== null);
  const unseen = body.offset !== null && body.offset === body.apex ? "; offset not observed" : "";
  return { kind: "macro", sentence: `macro: ${parts.join(", ")}${unseen}` };
}

/** Milliseconds for people; a value that is over a limit never rounds to the limit itself. */
export function ms(value: number | null): string {
  if (value === null) return "–";
  const rounded = Math.round(value);
  const exact = Math.abs(value - rounded) < 1e-6;
  return `${exact || (rounded !== 250 && rounded !== 500) ? rounded : value.toFixed(1)} ms`;
}
