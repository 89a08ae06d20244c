// The state of a session in cards: texts that change once a second in elements that stay, so that the focus does too.

import { fill, h, type Child } from "../../dom";
import type { Check, Reminder, Snapshot, Step } from "../wire";
import { age, bytes, milliseconds, minutes, rate } from "./format";

const STEPS: Readonly<Record<Step, string>> = {
  ready: "waits for the space bar",
  requested: "clip asked for",
  "clip-shown": "watches the clip",
  "clip-ended": "clip over",
  "report-shown": "reports",
  reported: "has reported",
  "neutral-shown": "neutral clip",
  "neutral-ended": "trial over",
  "break-begun": "break",
  "break-ended": "break over",
};
const PHASES: Readonly<Record<Snapshot["phase"], string>> = {
  room: "not begun", consent: "consent", practice: "practice", trials: "trials", done: "done", stopped: "stopped",
};

type Line = [name: string, value: Child, state?: "good" | "bad" | "off" | ""];

function lines(rows: readonly Line[]): HTMLElement {
  return h("dl", { class: "lines" }, rows.map(([name, value, state]) => h("div", {}, h("dt", {}, name), h("dd", { class: state ?? "" }, value))));
}

/** A card whose content is written anew only where it became another. */
export class Card {
  readonly element: HTMLElement;
  private readonly body = h("div", { class: "card-body" });
  private said = "";

  constructor(title: string, ...fixed: Child[]) {
    this.element = h("section", { class: "monitor-card", "aria-label": title }, h("h2", {}, title), this.body, ...fixed);
  }

  show(of: unknown, content: () => Child): void {
    const said = JSON.stringify(of);
    if (said === this.said) return;
    this.said = said;
    fill(this.body, content());
  }
}

export function sessionLines(state: Snapshot, now_s: number): { of: unknown; content: () => Child } {
  const { trial } = state;
  const since = trial?.since_s === null || trial?.since_s === undefined ? null : Math.max(0, now_s - trial.since_s);
  const step = trial === null ? PHASES[state.phase] : trial.step === null ? "next" : STEPS[trial.step];
  const rows: Line[] = [
    ["trial", trial === null ? "–" : `${trial.practice ? "practice " : ""}${trial.number} of ${trial.of}`],
    ["step", state.paused ? `${step}; paused` : step],
    ["for", since === null ? "–" : minutes(since)],
    ["clip", trial === null ? "–" : `${trial.clip}${trial.emotion ? ` · ${trial.emotion}` : ""}`],
    ["time left", state.estimated_left_s === null ? "–" : `about ${minutes(state.estimated_left_s)}`],
    ["consent", state.consent === null ? "not given" : `level ${state.consent}`],
    ["participant", state.pages.participant ? "connected" : "not connected", state.pages.participant ? "good" : "bad"],
    ["display", state.pages.display ? "connected" : "not connected", state.pages.display ? "good" : "bad"],
  ];
  return { of: rows, content: () => lines(rows) };
}

export function recordingLines({ recording, camera, trigger, timing }: Snapshot, now_s: number): { of: unknown; content: () => Child } {
  const rows: Line[] = [
    recording.on ? ["frames", `${recording.frames}, ${recording.lost} lost`, recording.lost > 0 ? "bad" : ""] : ["frames", "not recorded", "off"],
    ["now", recording.run === null ? "–" : `● run ${recording.run}`, recording.run === null ? "" : "good"],
    ["disk", `${bytes(recording.free_bytes)} free${recording.left_s === null ? "" : ` · ${minutes(recording.left_s)}`}`],
    camera === null ? ["camera", "none", "off"] : ["camera", camera.error ? "gone" : `${camera.width}×${camera.height} · ${rate(camera.rate_hz)}`, camera.error ? "bad" : "good"],
    trigger === null
      ? ["trigger", "none", "off"]
      : ["trigger", trigger.trouble ? "gone" : `${trigger.last_code === null ? "" : `${trigger.last_code}, ${minutes(now_s - (trigger.last_at_s ?? now_s))} ago · `}${trigger.name}`, trigger.trouble ? "bad" : "good"],
    ["shown after", timing.shown_ms && timing.shown_ms.n > 0 ? `${milliseconds(timing.shown_ms.median)}, worst ${milliseconds(timing.shown_ms.worst)}` : "–"],
  ];
  return { of: rows, content: () => lines(rows) };
}

export function streamLines({ streams }: Snapshot): { of: unknown; content: () => Child } {
  // ages below a second tell nothing: what is old is
  const rows = streams.map(({ name, kind, rate_hz, age_s, error }): Line => {
    const old = age_s !== null && age_s >= 1;
    return [name, error ? "gone" : `${rate(rate_hz)}${old ? ` · ${age(age_s)} old` : ""} · ${kind}`, error ? "bad" : old ? "bad" : "good"];
  });
  return { of: rows, content: () => (rows.length === 0 ? h("p", { class: "dim" }, "none chosen") : lines(rows)) };
}

export function checkLines({ checks }: Snapshot): { of: unknown; content: () => Child } {
  return {
    of: checks,
    content: () =>
      checks === null
        ? h("p", { class: "dim" }, "not checked yet")
        : h("ul", { class: "checks" }, failedFirst(checks).map(({ name, passed, sentence }) =>
            h("li", { class: passed ? "good" : "bad", title: sentence }, h("span", { class: "check-mark", "aria-label": passed ? "passed" : "failed" }, passed ? "✓" : "✕"), h("span", {}, h("b", {}, name), passed ? null : ` ${sentence}`)))),
  };
}

function failedFirst(checks: readonly Check[]): Check[] {
  return [...checks].sort((a, b) => Number(a.passed) - Number(b.passed));
}

export function reminderLines(reminders: readonly Reminder[]): Child {
  if (reminders.length === 0) return h("p", { class: "dim" }, "none yet");
  return h("ol", { class: "reminder-log" }, [...reminders].reverse().map(({ n, reason, by, operator, trial, shown_ms }) =>
    h("li", {},
      h("span", { class: "number" }, n),
      h("span", { class: "what" }, reason),
      h("span", { class: "dim" }, by === "automatic" ? "auto" : (operator ?? "")),
      h("span", { class: "dim" }, trial === null ? "" : `t ${trial}`),
      h("span", { class: shown_ms === null ? "number bad" : "number" }, shown_ms === null ? "not shown" : milliseconds(shown_ms)))));
}
