// The steps of a session as a timeline of jsPsych. A clip that broke is shown again from the space bar on.

import type { JsPsych } from "jspsych";
import type { Plugins, TrialStep } from "./plugins";
import type { ScreenStep } from "./steps";

// jsPsych has the type of a timeline, and does not export it
type Timeline = Extract<Parameters<JsPsych["run"]>[0], readonly unknown[]>;
type Node = Timeline[number];

export function timelineOf(steps: readonly ScreenStep[], plugins: Plugins): Timeline {
  return steps.map((step): Node => {
    if (step.screen === "message") return { type: plugins.message, step };
    if (step.screen === "break") return { type: plugins.rest, step };
    return trialNode(step, plugins);
  });
}

function trialNode(step: TrialStep, plugins: Plugins): Node {
  let failed = false;
  let pressed_ms = 0;
  const data = { trial: step.trial.number, practice: step.trial.practice };
  return {
    data,
    timeline: [
      { type: plugins.ready, step, on_finish: (shown: { pressed_ms?: number }) => void (pressed_ms = shown.pressed_ms ?? performance.now()) },
      { type: plugins.clip, step: { ...step, pressed: () => pressed_ms }, on_finish: (shown: { failed?: boolean }) => void (failed = shown.failed === true) },
      { timeline: [{ type: plugins.report, step }, { type: plugins.neutral, step }], conditional_function: () => !failed },
    ],
    loop_function: () => failed,
  };
}
