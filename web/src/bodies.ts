// The body of an expression in words: for the list, for two versions side by side, for the log.

import { ms, verdict, durations } from "./rule";
import type { Body } from "./types";
import { writeUnits } from "./units";

export const names: Readonly<Record<keyof Body, string>> = {
  onset: "onset",
  apex: "apex",
  offset: "offset",
  kind: "kind given by the coder",
  kind_reason: "reason for the kind",
  action_units: "action units",
  no_action_unit: "no action unit seen",
  emotion: "emotion",
  basis: "basis of the emotion",
  valence: "valence",
  arousal: "arousal",
  certainty: "certainty",
  comment: "comment",
  suggestion: "made from suggestion",
};

/** One field in words; an empty one is a dash. */
export function inWords(name: string, value: unknown): string {
  if (value === null || value === undefined || value === "" || value === false) return "–";
  if (value === true) return "yes";
  if (Array.isArray(value)) {
    if (value.length === 0) return "–";
    return name === "action_units" ? writeUnits(value.map(String)) : value.map(String).join(", ");
  }
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The fields in which two bodies differ; a missing body differs in every field that is not empty. */
export function differing(a: Readonly<Record<string, unknown>> | Body | null, b: Readonly<Record<string, unknown>> | Body | null): string[] {
  const [left, right] = [(a ?? {}) as Record<string, unknown>, (b ?? {}) as Record<string, unknown>];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].filter((name) => inWords(name, left[name]) !== inWords(name, right[name]));
}

export function fieldName(name: string): string {
  return names[name as keyof Body] ?? name;
}

/** "12–15–21" with question marks for what was not marked. */
export function frames(body: Body): string {
  const at = (frame: number | null): string => (frame === null ? "?" : String(frame));
  return `${at(body.onset)} · ${at(body.apex)} · ${at(body.offset)}`;
}

export function unitsInWords(body: Body): string {
  if (body.action_units.length > 0) return writeUnits(body.action_units);
  return body.no_action_unit ? "none seen" : "not coded";
}

/** A sentence for screen readers: everything that the row of the list shows. */
export function spoken(body: Body, times_s: readonly number[]): string {
  const { kind } = verdict(body, times_s);
  const { length_ms, rise_ms } = durations(body, times_s);
  const onset = body.onset === null ? "no onset" : `onset ${body.onset}`;
  const apex = body.apex === null ? "no apex" : `apex ${body.apex}`;
  const offset = body.offset === null ? "no offset" : `offset ${body.offset}`;
  const length = length_ms !== null ? ms(length_ms) : rise_ms !== null ? `rise ${ms(rise_ms)}` : "";
  return [kind ?? "kind not decided", onset, apex, offset, length, `action units ${unitsInWords(body)}`, body.emotion ?? ""].filter((part) => part !== "").join(", ");
}
