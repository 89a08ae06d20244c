// The operator's page: the participant live, motion against the baseline, the state of the session, and one key that
// reminds.

import "../../style.css";
import "../present.css";
import { askLine, choose } from "../../dialogs";
import { announce, button, cap, fill, h, uuid } from "../../dom";
import { applyTheme, nextTheme } from "../../theme";
import { Refusal } from "../door";
import { openPage, type SessionPage } from "../page";
import type { Notice, Reminder, Snapshot, TraceSample } from "../wire";
import { Alarms } from "./alarms";
import { TraceBuffer } from "./buffer";
import { milliseconds, minutes } from "./format";
import { listenForOperator, type OperatorAction } from "./keys";
import { Card, checkLines, recordingLines, reminderLines, sessionLines, streamLines } from "./panels";
import { Plots } from "./plots";

const REASONS = ["head movement", "body movement", "facial expression", "talking", "eyes closed"] as const;
const BASELINE_S = 20;
const CHECK_MS = 30_000;
/** a reminder that comes later than this is for another moment */
const REMIND_MS = 2_000;
const OFFLINE_MS = 2_500;

class MonitorPage {
  private state: Snapshot | null = null;
  private reason: string = REASONS[0];
  private readonly reminders = new Map<string, Reminder>();
  private readonly buffer = new TraceBuffer();
  private readonly plots = new Plots(this.buffer);
  private readonly alarms: Alarms;
  private asking = false;
  private naming: Promise<boolean> | null = null;
  private offline = 0;
  private drawing = false;

  private readonly title = h("strong", { class: "brand" });
  private readonly phase = h("span", { class: "phase" });
  private readonly operator = h("button", { type: "button", class: "quiet", title: "change the operator", onclick: () => void this.askInitials(true) });
  private readonly band = h("div", { class: "alarm-band", role: "alert", hidden: true });
  private readonly camera = h("img", { class: "camera", alt: "live picture of the participant", hidden: true });
  private readonly noCamera = h("p", { class: "no-camera dim" }, "No camera.");
  private readonly session = new Card("Session");
  private readonly recording = new Card("Recording");
  private readonly streams = new Card("Streams");
  private readonly checkButton = button("Check the room", () => void this.check(), {}, "C");
  private readonly checks = new Card("Checks", h("div", { class: "toolbar" }, this.checkButton));
  private readonly warnings = h("ul", { class: "warnings" });
  private readonly baselineButton = button("Baseline", () => void this.baseline(), {}, "B");
  private readonly baselineText = h("span", { class: "dim" });
  private readonly automatic = h("input", { type: "checkbox", id: "automatic", onchange: () => void this.setAutomatic() });
  private readonly threshold = h("input", { type: "number", id: "threshold", min: 1, max: 100, step: 0.5, onchange: () => void this.setAutomatic() });
  private readonly refractory = h("input", { type: "number", id: "refractory", min: 1, max: 120, step: 1, onchange: () => void this.setAutomatic() });
  private readonly remindButton = h("button", { type: "button", class: "main remind", "aria-keyshortcuts": "R", onclick: (event: MouseEvent) => void this.remind(event.timeStamp) });
  private readonly reasons = h("div", { class: "reasons", role: "radiogroup", "aria-label": "reason" });
  private readonly log = h("div", { class: "log-box", tabindex: 0, role: "region", "aria-label": "reminders sent" });
  private readonly sum = h("span", { class: "dim" });
  private readonly note = h("input", { type: "text", id: "note", maxlength: 500, "aria-label": "note", placeholder: "note", autocomplete: "off" });
  private readonly beginButton = button("Begin", () => void this.begin(), { class: "main" }, "G");
  private readonly pauseButton = button("Pause", () => void this.pause(), {}, "P");
  private readonly stopButton = button("Stop…", () => void this.stop(), { class: "danger" }, "S");
  private readonly said = h("p", { class: "error said", role: "alert" });

  constructor(
    private readonly page: SessionPage,
    host: HTMLElement,
  ) {
    this.alarms = new Alarms(() => this.drawAlarms(), sessionStorage);
    fill(host, this.header(), this.band, h("main", { class: "monitor" }, this.left(), this.right()));
    this.drawReasons();
    this.note.addEventListener("keydown", (event) => {
      if (event.key === "Enter") void this.sendNote();
    });
    this.camera.addEventListener("error", () => setTimeout(() => this.watch(), 2000));
    this.camera.addEventListener("load", () => void (this.camera.hidden = false));
    listenForOperator((action, pressed_ms) => this.act(action, pressed_ms));
    page
      .live((up) => this.connected(up))
      .on<Snapshot>("state", (state) => this.hear(state))
      .on<{ samples: TraceSample[]; relative: boolean }>("traces", ({ samples, relative }) => this.trace(samples, relative))
      .on<Reminder>("reminder", (reminder) => this.reminded(reminder))
      .on<Notice>("notice", (notice) => {
        if (notice.level === "failure") this.alarms.raise(`notice ${notice.n}`, notice.sentence);
      })
      .start();
  }

  // --- the page

  private header(): HTMLElement {
    const look = button("Theme", () => void nextTheme(), { class: "quiet" });
    return h("header", { class: "head monitor-head" }, this.title, this.phase, h("span", { class: "grow" }), this.beginButton, this.pauseButton, this.stopButton, this.operator, look);
  }

  private left(): HTMLElement {
    return h("div", { class: "monitor-left" }, h("div", { class: "camera-box" }, this.camera, this.noCamera), this.plots.element);
  }

  private right(): HTMLElement {
    const baseline = h("div", { class: "toolbar" }, this.baselineButton, this.baselineText);
    const automatic = h(
      "div",
      { class: "toolbar automatic" },
      h("label", { class: "check", for: "automatic" }, this.automatic, "automatic", cap("A")),
      h("label", {}, "from ", this.threshold, " spreads"),
      h("label", {}, "every ", this.refractory, " s at most"),
    );
    fill(this.remindButton, "Remind", cap("R"));
    const reminding = h("section", { class: "monitor-card reminding", "aria-label": "Reminders" }, h("h2", {}, "Reminders ", this.sum), h("div", { class: "remind-row" }, this.remindButton, this.reasons), baseline, automatic, this.log);
    const notes = h("section", { class: "monitor-card notes", "aria-label": "Notes" }, h("div", { class: "toolbar" }, this.note, button("Keep", () => void this.sendNote(), {}), cap("N")), this.said, this.warnings);
    return h("div", { class: "monitor-right" }, this.session.element, this.recording.element, reminding, this.checks.element, this.streams.element, notes);
  }

  private watch(): void {
    if (this.state === null || this.state.camera === null) return;
    // the number keeps a browser from showing the old, ended stream
    this.camera.src = this.page.door.address(`/api/operator/camera?t=${Date.now()}`);
  }

  // --- what the server says

  private hear(state: Snapshot): void {
    const first = this.state === null;
    this.state = state;
    for (const reminder of state.reminders) this.reminders.set(reminder.id, reminder);
    this.alarms.look(state);
    this.draw(state);
    if (first) this.watch();
    if (first && state.operator === null) void this.askInitials(false);
  }

  private reminded(reminder: Reminder): void {
    this.reminders.set(reminder.id, { ...this.reminders.get(reminder.id), ...reminder });
    this.drawReminders();
    announce(`reminder ${reminder.n}: ${reminder.reason}`);
  }

  private trace(samples: readonly TraceSample[], relative: boolean): void {
    this.buffer.add(samples, relative);
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => {
      this.drawing = false;
      this.drawTraces();
    });
  }

  private connected(up: boolean): void {
    clearTimeout(this.offline);
    if (up) this.alarms.clear("server");
    else this.offline = window.setTimeout(() => this.alarms.raise("server", "The server of the session does not answer: what you see is old, and reminders do not go out."), OFFLINE_MS);
    if (up) this.watch();
  }

  // --- drawing

  private draw(state: Snapshot): void {
    const now_s = this.page.clock.now_s() ?? state.now_s;
    document.title = `${state.participant} – ${state.study}`;
    fill(this.title, `${state.participant} · ${state.study}`);
    this.phase.textContent = state.phase === "stopped" ? "stopped" : state.paused ? "paused" : state.phase === "room" ? "not begun" : state.phase;
    this.phase.dataset["phase"] = state.paused ? "paused" : state.phase;
    const over = state.phase === "done" || state.phase === "stopped";
    this.beginButton.hidden = state.phase !== "room";
    this.pauseButton.hidden = state.phase === "room" || over;
    this.stopButton.disabled = state.phase === "done" || (state.phase === "stopped" && state.choice !== null && state.choice !== undefined);
    fill(this.pauseButton, state.paused ? "Continue" : "Pause", cap("P"));
    fill(this.operator, state.operator === null ? "initials?" : `operator ${state.operator}`);
    for (const [card, { of, content }] of [
      [this.session, sessionLines(state, now_s)],
      [this.recording, recordingLines(state, now_s)],
      [this.streams, streamLines(state)],
      [this.checks, checkLines(state)],
    ] as const) card.show(of, content);
    this.noCamera.hidden = state.camera !== null && state.camera.error === null;
    this.noCamera.textContent = state.camera === null ? "No camera." : (state.camera.error ?? "");
    this.drawBaseline(state);
    this.drawReminders();
    const warnings = state.notices.filter(({ level }) => level === "warning").slice(-2).reverse();
    if (this.warnings.textContent !== warnings.map(({ sentence }) => sentence).join("")) fill(this.warnings, warnings.map(({ sentence }) => h("li", {}, sentence)));
  }

  private drawBaseline(state: Snapshot): void {
    const { baseline, baseline_left_s, automatic } = state;
    const measuring = baseline_left_s !== null && baseline_left_s > 0;
    this.baselineButton.disabled = measuring || state.camera === null;
    this.baselineText.textContent = measuring ? `still ${minutes(Math.ceil(baseline_left_s))}: face neutral, head still` : baseline === null ? `none yet; takes ${BASELINE_S} s` : `measured over ${Math.round(baseline.seconds)} s`;
    this.automatic.checked = automatic.on;
    this.automatic.disabled = baseline === null && !automatic.on;
    if (document.activeElement !== this.threshold) this.threshold.value = String(automatic.threshold);
    if (document.activeElement !== this.refractory) this.refractory.value = String(automatic.refractory_s);
  }

  private drawReminders(): void {
    const all = [...this.reminders.values()].sort((a, b) => a.n - b.n);
    const said = JSON.stringify(all);
    if (this.log.dataset["said"] === String(said.length) + String(all.length) && all.every(({ shown_ms }) => shown_ms !== null)) return;
    this.log.dataset["said"] = String(said.length) + String(all.length);
    fill(this.log, reminderLines(all));
    const shown = all.flatMap(({ shown_ms }) => (shown_ms === null ? [] : [shown_ms])).sort((a, b) => a - b);
    fill(this.sum, shown.length === 0 ? "" : `${all.length} sent · median ${milliseconds(shown[Math.floor(shown.length / 2)])}, worst ${milliseconds(shown.at(-1))}`);
  }

  private drawTraces(): void {
    const now_s = this.page.clock.now_s() ?? this.buffer.newest_s ?? 0;
    this.plots.draw(now_s, { reminders: [...this.reminders.values()].map(({ at_s }) => at_s), threshold: this.state?.automatic.threshold ?? null });
  }

  private drawReasons(): void {
    fill(this.reasons, REASONS.map((reason, place) =>
      h("button", { type: "button", role: "radio", class: "reason", "aria-checked": String(reason === this.reason), "aria-keyshortcuts": place + 1, onclick: () => this.choose(reason) }, cap(String(place + 1)), reason)));
  }

  private drawAlarms(): void {
    const shown = this.alarms.shown;
    this.band.hidden = shown.length === 0;
    const said = JSON.stringify(shown);
    if (this.band.dataset["said"] === said) return;
    this.band.dataset["said"] = said;
    const sentences = shown.map(({ sentence, lasting }) => h("li", {}, sentence, lasting ? null : h("span", {}, " (over now)")));
    fill(this.band, h("ul", {}, sentences), button("Seen", () => this.alarms.acknowledge(), {}, "K"));
  }

  // --- what the operator does

  private act(action: OperatorAction, pressed_ms: number): void {
    if (action.startsWith("reason ")) return this.choose(REASONS[Number(action.slice(-1)) - 1]!);
    const acts: Partial<Record<OperatorAction, () => void>> = {
      remind: () => void this.remind(pressed_ms),
      begin: () => this.beginButton.hidden || void this.begin(),
      check: () => void this.check(),
      baseline: () => void this.baseline(),
      automatic: () => this.automatic.disabled || this.automatic.click(),
      pause: () => this.pauseButton.hidden || void this.pause(),
      stop: () => void this.stop(),
      note: () => this.note.focus(),
      acknowledge: () => this.alarms.acknowledge(),
    };
    acts[action]?.();
  }

  private choose(reason: string): void {
    this.reason = reason;
    this.drawReasons();
    announce(`reason: ${reason}`);
  }

  /** Goes out by itself and at once, behind nothing else. One that the server did not get within two seconds is given up:
   *  the moment is over, and a reminder that comes late would disturb another. */
  private async remind(pressed_ms: number): Promise<void> {
    const body = { id: uuid(), reason: this.reason, pressed_ms, ...this.page.clock.stamp(pressed_ms) };
    this.remindButton.classList.add("sent");
    setTimeout(() => this.remindButton.classList.remove("sent"), 400);
    for (;;) {
      const left_ms = REMIND_MS - (performance.now() - pressed_ms);
      try {
        await this.page.door.post("/api/operator/reminder", body, Math.max(100, left_ms));
        return;
      } catch (error) {
        const passing = error instanceof Refusal && error.passing;
        if (passing && performance.now() - pressed_ms < REMIND_MS) await new Promise((resolve) => setTimeout(resolve, 100));
        else {
          this.alarms.clear("reminder");
          return this.alarms.raise("reminder", `A reminder (${this.reason}) did not go out: ${(error as Error).message}`);
        }
      }
    }
  }

  private async ask(path: string, more: Record<string, unknown> = {}, patience_ms?: number): Promise<boolean> {
    try {
      await this.page.door.post(path, { ...more, id: uuid(), ...this.page.clock.stamp() }, patience_ms);
      fill(this.said);
      return true;
    } catch (error) {
      if (error instanceof Refusal && error.shut) await this.page.door.enter().catch(() => undefined);
      fill(this.said, (error as Error).message);
      return false;
    }
  }

  private async check(): Promise<void> {
    if (this.checkButton.disabled) return;
    this.checkButton.disabled = true;
    fill(this.checkButton, "Checking…");
    await this.ask("/api/operator/check", {}, CHECK_MS);
    this.checkButton.disabled = false;
    fill(this.checkButton, "Check the room", cap("C"));
  }

  private async baseline(): Promise<void> {
    if (!this.baselineButton.disabled) await this.ask("/api/operator/baseline", { seconds: BASELINE_S });
  }

  private async setAutomatic(): Promise<void> {
    const threshold = this.threshold.valueAsNumber;
    const refractory_s = this.refractory.valueAsNumber;
    if (!this.threshold.validity.valid || !this.refractory.validity.valid || Number.isNaN(threshold) || Number.isNaN(refractory_s))
      return fill(this.said, "The threshold goes from 1 to 100 spreads, the pause from 1 to 120 s.");
    await this.ask("/api/operator/automatic", { on: this.automatic.checked, threshold, refractory_s });
    if (this.state) this.drawBaseline(this.state);
  }

  private async begin(): Promise<void> {
    if (this.state?.operator === null && !(await this.askInitials(false))) return;
    await this.ask("/api/operator/begin");
  }

  private async pause(): Promise<void> {
    await this.ask(this.state?.paused ? "/api/operator/continue" : "/api/operator/pause");
  }

  private async stop(): Promise<void> {
    if (this.stopButton.disabled || this.asking) return;
    this.asking = true;
    const choice = await choose<"keep" | "discard" | "no">("Stop the session?", h("p", {}, "The participant's page ends at once. What becomes of what was recorded?"), [
      { text: "Go on", value: "no" },
      { text: "Stop and keep", value: "keep" },
      { text: "Stop and discard", value: "discard", kind: "danger" },
    ], true);
    this.asking = false;
    if (choice === "keep" || choice === "discard") await this.ask("/api/operator/stop", { choice });
  }

  private async sendNote(): Promise<void> {
    const text = this.note.value.trim();
    if (text === "") return this.note.blur();
    if (!(await this.ask("/api/operator/note", { text }))) return;
    this.note.value = "";
    this.note.blur();
    announce("note kept");
  }

  /** Resolves once the server knows the initials; asked again while that is under way, it is the same question. */
  private askInitials(again: boolean): Promise<boolean> {
    this.naming ??= this.name(again).finally(() => (this.naming = null));
    return this.naming;
  }

  private async name(again: boolean): Promise<boolean> {
    if (this.asking) return false;
    this.asking = true;
    const check = (line: string): string | null => (/^[\p{L}\p{N}.-]{1,12}$/u.test(line) ? null : "One to twelve letters or digits.");
    const initials = await askLine("Who operates?", "Your initials stand beside each reminder.", "Go on", check, again ? (this.state?.operator ?? "") : "");
    this.asking = false;
    if (initials === null || !(await this.ask("/api/operator/name", { operator: initials }))) return false;
    if (this.state) this.state.operator = initials; // the next state says it too
    return true;
  }
}

applyTheme();
const host = document.getElementById("page")!;
const opened = await openPage("operator", host);
if (opened !== null) new MonitorPage(opened, host);
