// The screens of a session as plugins of jsPsych: message, ready, clip, report, neutral clip, break. They write elements,
// never markup: the page allows no inline style.

import type { JsPsych, JsPsychPlugin, TrialType } from "jspsych";
import { ParameterType } from "jspsych";
import { fill, h } from "../../dom";
import { ReportForm } from "../report";
import type { PlannedTrial } from "../wire";
import { emotionWord } from "../words";
import { Film, type FilmEnd } from "./film";
import { painted, spaceBar, wait } from "./keys";
import { paragraphs, prompt, screen } from "./screens";
import type { ScreenStep } from "./steps";
import type { Stage } from "./stage";

const info = { version: "1", parameters: { step: { type: ParameterType.OBJECT, default: null } }, data: {} } as const;
type Info = typeof info & { name: string };
type Shown = Record<string, unknown>;
export type PluginClass = { new (jsPsych: JsPsych): JsPsychPlugin<Info>; info: Info };

/** A plugin out of a function that shows a screen and resolves when it is over. */
function plugin<S>(name: string, show: (host: HTMLElement, step: S) => Promise<Shown | void>): PluginClass {
  return class implements JsPsychPlugin<Info> {
    static info: Info = { ...info, name };
    constructor(readonly jsPsych: JsPsych) {}
    trial(host: HTMLElement, trial: TrialType<Info>, loaded?: () => void): Promise<Shown> {
      const over = show(host, trial.step as unknown as S);
      loaded?.();
      return over.then((data) => data ?? {});
    }
  };
}

export type TrialStep = Extract<ScreenStep, { screen: "trial" }>;
export type MessageStep = Extract<ScreenStep, { screen: "message" }>;
export type BreakStep = Extract<ScreenStep, { screen: "break" }>;

export interface Plugins { message: PluginClass; ready: PluginClass; clip: PluginClass; report: PluginClass; neutral: PluginClass; rest: PluginClass }

export function pluginsFor(stage: Stage): Plugins {
  const { words, signal, say } = stage;

  const message = plugin<MessageStep>("mien-message", async (host, { name }) => {
    const texts = name === "instructions" ? stage.plan.instructions : [words(name === "practice" ? "practice_text" : "trials_text")];
    const title = words(name === "instructions" ? "instructions_title" : name === "practice" ? "practice_title" : "trials_title");
    fill(host, screen(title, paragraphs(texts), prompt(words(stage.full.missing ? "space_fullscreen" : "space"))));
    await spaceBar(signal);
    await stage.full.enter();
  });

  const ready = plugin<TrialStep>("mien-ready", async (host, { trial, of }) => {
    const line = prompt("");
    const label = trial.practice ? words("practice_label") : words("trial_label", { number: trial.number, of });
    fill(host, h("section", { class: "screen ready" }, line, h("p", { class: "dim" }, label)));
    const draw = (): void => fill(line, words(stage.paused() ? "pause_text" : stage.full.missing ? "space_fullscreen" : "space_start"));
    if (stage.paused()) draw();
    await stage.goesOn();
    const unhear = stage.onPause(draw);
    draw();
    for (; stage.full.missing; draw()) {
      await spaceBar(signal, () => !stage.paused());
      await stage.full.enter();
    }
    say(trial, "ready", {}, await painted());
    const pressed_ms = await spaceBar(signal, () => !stage.paused());
    unhear();
    return { pressed_ms };
  });

  /** Shows a film to its end; null where it broke, which the server is told. */
  async function play(host: HTMLElement, trial: PlannedTrial, id: string, limit_s: number, what: "clip-shown" | "neutral-shown"): Promise<FilmEnd | null> {
    const film = new Film(stage.films.get(id) ?? "", limit_s, ({ shown_ms, media_time }) =>
      say(trial, what, what === "clip-shown" ? { media_time, refresh_hz: stage.refresh_hz } : { media_time }, shown_ms),
    );
    stage.look("clip");
    stage.running(film);
    host.replaceChildren(film.element);
    try {
      return await film.play();
    } catch (error) {
      say(trial, "trouble", { sentence: `The clip ${id} could not be played: ${(error as Error).message}.` });
      return null;
    } finally {
      stage.running(null);
      host.replaceChildren();
      stage.look("text");
    }
  }

  const clip = plugin<TrialStep & { pressed: () => number }>("mien-clip", async (host, { trial, pressed }) => {
    say(trial, "requested", {}, pressed());
    const end = await play(host, trial, trial.clip, stage.plan.clip_limit_s, "clip-shown");
    if (end !== null) {
      const { cut, ...counted } = end;
      say(trial, "clip-ended", counted);
      return { failed: false, cut };
    }
    fill(host, h("section", { class: "screen" }, prompt(words("clip_failed"))));
    await spaceBar(signal);
    return { failed: true };
  });

  const report = plugin<TrialStep>("mien-report", (host, { trial }) =>
    new Promise<Shown>((resolve) => {
      const own = stage.plan.words;
      const { emotions, scale, limit_s } = stage.plan.report;
      const form = new ReportForm({ emotions, scale, limit_s }, words, (emotion) => emotionWord(own, emotion), (answer) => {
        stage.running(null);
        say(trial, "reported", { ...answer });
        resolve({ ...answer });
      });
      signal.addEventListener("abort", () => form.close());
      fill(host, form.element);
      stage.running(form);
      form.begin();
      void painted().then((shown_ms) => say(trial, "report-shown", {}, shown_ms));
    }),
  );

  const neutral = plugin<TrialStep>("mien-neutral", async (host, { trial }) => {
    if (trial.neutral === null) return;
    const end = await play(host, trial, trial.neutral, stage.plan.neutral_s, "neutral-shown");
    // a calm clip that breaks keeps nobody from the next trial, but for a rest as long
    if (end === null) await wait(2000, signal);
    say(trial, "neutral-ended", end === null ? {} : { frames_shown: end.frames_shown, frames_dropped: end.frames_dropped, stalled_ms: end.stalled_ms });
  });

  const rest = plugin<BreakStep>("mien-break", async (host, { after, rest: { least_s, text } }) => {
    const line = prompt("");
    fill(host, screen(words("break_title"), text === null || text === "" ? null : paragraphs([text]), line));
    say(after, "break-begun", {}, await painted());
    const end_ms = performance.now() + least_s * 1000;
    for (let left_ms = least_s * 1000; left_ms > 0; left_ms = end_ms - performance.now()) {
      fill(line, words("break_wait", { seconds: Math.ceil(left_ms / 1000) }));
      await wait(Math.min(1000, left_ms), signal);
    }
    fill(line, words("break_ready"));
    const pressed_ms = await spaceBar(signal);
    say(after, "break-ended", {}, pressed_ms);
    await stage.full.enter();
  });

  return { message, ready, clip, report, neutral, rest };
}
