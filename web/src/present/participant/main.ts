// The participant's page: waits for the experimenter, asks for consent, loads the clips, lets jsPsych run the session, and
// takes it up where it stood after a reload, a fallen server, or a server that is elsewhere than this page.

import "../../style.css";
import "../present.css";
import { initJsPsych } from "jspsych";
import { button, fill, h } from "../../dom";
import { Refusal } from "../door";
import type { Live } from "../live";
import { openPage, type SessionPage } from "../page";
import type { Post } from "../posting";
import type { Phase, Plan, PlannedTrial } from "../wire";
import { wordsOf, type Words } from "../words";
import { refreshRate } from "./film";
import { FullScreen } from "./fullscreen";
import { pluginsFor } from "./plugins";
import { preload, type Failed, type Films } from "./preload";
import { askConsent, askStop, paragraphs, screen } from "./screens";
import type { Holdable, Stage } from "./stage";
import { mediaOf, stepsOf, type ScreenStep } from "./steps";
import { timelineOf } from "./timeline";

const EVENT = "/api/participant/event";
/** what the server takes at any time */
const ASIDE = new Set(["break-begun", "break-ended", "page-hidden", "page-visible", "left-fullscreen", "trouble"]);
const AGAIN_MS = 1000;
const POINTER_MS = 2000;

class ParticipantPage {
  private words: Words = wordsOf();
  private readonly films: Films = new Map();
  private readonly live: Live;
  private readonly full: FullScreen;
  private phase: Phase | null = null;
  private paused = false;
  private hearers = new Set<() => void>();
  private run = new AbortController();
  private running: Holdable | null = null;
  private trial: Pick<PlannedTrial, "number" | "practice"> | null = null;
  private asking: { close: () => void } | null = null;
  private over = false;
  private refresh_hz: number | null = null;
  private readonly stopButton = button("", () => void this.ask(), { class: "stop-button", hidden: true });

  constructor(
    private readonly page: SessionPage,
    private readonly host: HTMLElement,
  ) {
    this.live = page.live(() => undefined).on<{ phase: Phase; paused: boolean }>("state", (state) => this.hear(state));
    this.full = new FullScreen(
      () => {
        this.tell("left-fullscreen");
        void this.ask();
      },
      (sentence) => this.tell("trouble", { sentence }),
    );
    document.body.appendChild(this.stopButton);
    document.addEventListener("visibilitychange", () => this.tell(document.hidden ? "page-hidden" : "page-visible"));
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented || event.repeat || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      setTimeout(() => void this.ask()); // a question that opened in this very press would be closed by it
    });
    this.showPointer();
    this.live.start();
  }

  /** Goes through the session from wherever it stands, until it is over. */
  async conduct(): Promise<void> {
    while (!this.over) {
      await this.page.posting.settled();
      const plan = await this.plan();
      if (this.over) return;
      this.words = wordsOf(plan.words);
      fill(this.stopButton, this.words("stop"));
      document.title = plan.study;
      const signal = (this.run = new AbortController()).signal;
      await Promise.race([this.once(plan, signal), new Promise((resolve) => signal.addEventListener("abort", resolve))]);
      if (signal.aborted) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS / 4));
    }
  }

  /** The server is not where this page is: what is unsent of it is void, the plan says where to go on. */
  refused(post: Post, refusal: Refusal): void {
    if (post.path === EVENT && refusal.status === 409) {
      this.page.posting.drop(({ path, body }) => path === EVENT && !ASIDE.has(String(body["what"])));
      this.run.abort();
    } else if (post.body["what"] !== "trouble") this.tell("trouble", { sentence: `The server did not take what the participant's page said (${String(post.body["what"] ?? post.path)}): ${refusal.message}` });
  }

  private async once(plan: Plan, signal: AbortSignal): Promise<void> {
    if (plan.phase === "stopped") return this.end(screen(this.words("stopped_by_operator_title"), paragraphs([this.words("stopped_text")])));
    if (plan.phase === "done") return this.end(screen(this.words("done_title"), paragraphs([this.words("done_text")])));
    if (plan.phase === "room") return this.waitInRoom(signal);
    if (plan.consent.given === null) return this.consent(plan);
    const steps = stepsOf(plan);
    if (steps.length === 0) return this.waitForEnd(signal);
    this.stopButton.hidden = false;
    if (!(await this.load(plan, steps, signal)) || signal.aborted) return;
    await this.play(plan, steps, signal);
    await this.page.posting.settled();
  }

  private async waitInRoom(signal: AbortSignal): Promise<void> {
    fill(this.host, screen(this.words("wait_title"), paragraphs([this.words("wait_text")])));
    await this.until(() => this.phase !== null && this.phase !== "room", signal);
  }

  /** All trials are done but the server has not said so yet. */
  private async waitForEnd(signal: AbortSignal): Promise<void> {
    fill(this.host, screen(this.words("done_title"), paragraphs([this.words("done_text")])));
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    await this.until(() => this.phase === "done" || this.phase === "stopped", signal);
  }

  private async consent(plan: Plan): Promise<void> {
    const level = await askConsent(this.host, plan, this.words);
    if (level === null) {
      this.page.posting.add("/api/participant/stop", { choice: "discard" });
      this.end(screen(this.words("refused_title"), paragraphs([this.words("refused_text")])));
      return;
    }
    fill(this.host, screen(this.words("wait_title")));
    this.page.posting.add("/api/participant/consent", { level });
    await this.page.posting.settled();
  }

  /** Loads every clip that is needed; false where one cannot be played and it is to be tried again. */
  private async load(plan: Plan, steps: readonly ScreenStep[], signal: AbortSignal): Promise<boolean> {
    const media = mediaOf(plan, steps);
    if (media.every(({ id }) => this.films.has(id))) return true;
    const bar = h("progress", { max: 1, value: 0, "aria-label": this.words("preload_title") });
    fill(this.host, screen(this.words("preload_title"), paragraphs([this.words("preload_text")]), bar));
    const failed = await preload(this.page.door, media, this.films, (share) => void (bar.value = share));
    if (signal.aborted) return false;
    this.refresh_hz = await refreshRate();
    this.page.posting.add("/api/participant/preloaded", {
      ok: failed.length === 0,
      failed,
      screen: { width: window.screen.width, height: window.screen.height, refresh_hz: this.refresh_hz },
      agent: navigator.userAgent.slice(0, 400),
    });
    if (failed.length === 0 || signal.aborted) return !signal.aborted;
    await this.showFailed(failed);
    return false;
  }

  private showFailed(failed: readonly Failed[]): Promise<void> {
    return new Promise((resolve) => {
      const list = h("ul", { class: "failed-clips" }, failed.map(({ id, reason }) => h("li", {}, `${id}: ${reason}`)));
      fill(this.host, screen(this.words("preload_failed_title"), paragraphs([this.words("preload_failed_text")]), list, button(this.words("preload_again"), () => resolve())));
    });
  }

  private async play(plan: Plan, steps: readonly ScreenStep[], signal: AbortSignal): Promise<void> {
    const stage: Stage = {
      plan,
      words: this.words,
      films: this.films,
      full: this.full,
      refresh_hz: this.refresh_hz,
      signal,
      paused: () => this.paused,
      goesOn: () => this.until(() => !this.paused, signal),
      onPause: (hear) => {
        const told = (): void => hear(this.paused);
        this.hearers.add(told);
        return () => this.hearers.delete(told);
      },
      say: (trial, what, more = {}, page_ms) => {
        if (signal.aborted) return;
        this.trial = trial;
        this.page.posting.add(EVENT, { trial: trial.number, practice: trial.practice, what, ...more }, page_ms);
      },
      running: (what) => void (this.running = what),
      look: (look) => {
        document.documentElement.dataset["look"] = look;
        document.documentElement.dataset["surround"] = plan.surround ?? "black";
      },
    };
    const first = steps.find((step) => step.screen === "trial");
    if (first?.screen === "trial") this.trial = first.trial;
    const host = h("div", { class: "jspsych-host" });
    fill(this.host, host);
    const jsPsych = initJsPsych({ display_element: host, default_iti: 0 });
    signal.addEventListener("abort", () => {
      this.running?.close();
      this.running = null;
      stage.look("text");
      this.asking?.close();
      jsPsych.abortExperiment();
    });
    await jsPsych.run(timelineOf(steps, pluginsFor(stage)));
    stage.look("text");
  }

  // --- what the participant or the operator may do at any moment

  private async ask(): Promise<void> {
    if (this.asking || this.over || this.stopButton.hidden) return;
    this.running?.hold();
    const held = this.running;
    this.tell("trouble", { sentence: "The participant was asked whether to stop." });
    this.asking = { close: () => undefined };
    const question = askStop(this.words);
    this.asking = question;
    const choice = await question.answer;
    this.asking = null;
    if (this.over) return;
    if (choice === "go on") {
      await this.full.enter();
      if (held !== null && held === this.running) held.go();
      return;
    }
    this.page.posting.add("/api/participant/stop", { choice });
    this.run.abort();
    this.end(screen(this.words("stopped_title"), paragraphs([this.words(choice === "keep" ? "stopped_keep" : "stopped_discard")])));
  }

  private hear({ phase, paused }: { phase: Phase; paused: boolean }): void {
    this.phase = phase;
    this.paused = paused;
    if (phase === "stopped" && !this.over) this.run.abort(); // the plan then says the same, and the end is shown
    for (const told of [...this.hearers]) told();
  }

  private end(content: HTMLElement): void {
    this.over = true;
    this.stopButton.hidden = true;
    fill(this.host, content);
    this.host.querySelector<HTMLElement>("h1")?.focus();
    void this.full.leave();
  }

  private tell(what: "page-hidden" | "page-visible" | "left-fullscreen" | "trouble", more: Record<string, unknown> = {}): void {
    if (this.over || this.trial === null) return;
    this.page.posting.add(EVENT, { trial: this.trial.number, practice: this.trial.practice, what, ...more });
  }

  private until(reached: () => boolean, signal: AbortSignal): Promise<void> {
    if (reached()) return Promise.resolve();
    return new Promise((resolve) => {
      const look = (): void => {
        if (!reached() && !signal.aborted) return;
        this.hearers.delete(look);
        if (!signal.aborted) resolve();
      };
      this.hearers.add(look);
      signal.addEventListener("abort", look);
    });
  }

  private async plan(): Promise<Plan> {
    for (;;) {
      try {
        return await this.page.door.get<Plan>("/api/participant/plan");
      } catch (error) {
        if (error instanceof Refusal && error.shut) await this.page.door.enter().catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  /** The pointer, and the button for stopping, show for a moment when the mouse moves over a clip. */
  private showPointer(): void {
    let timer = 0;
    document.addEventListener("pointermove", () => {
      document.documentElement.dataset["pointer"] = "moved";
      clearTimeout(timer);
      timer = window.setTimeout(() => delete document.documentElement.dataset["pointer"], POINTER_MS);
    });
  }
}

const host = document.getElementById("page")!;
let here: ParticipantPage | null = null;
const opened = await openPage("participant", host, { refused: (post, refusal) => here?.refused(post, refusal) });
if (opened !== null) {
  here = new ParticipantPage(opened, host);
  await here.conduct();
}
