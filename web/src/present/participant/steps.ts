// What a plan comes to on the screen: the steps in order, from where the session stands. Trials that are done are left
// out; the one that was running when a page or a server fell is there from its beginning.

import type { Break, Medium, Plan, PlannedTrial } from "../wire";

export type ScreenStep =
  | { screen: "message"; name: "instructions" | "practice" | "trials" }
  | { screen: "trial"; trial: PlannedTrial; of: number }
  | { screen: "break"; after: PlannedTrial; rest: Break };

/** The steps of the session that are left. Empty where nothing is. */
export function stepsOf(plan: Plan): ScreenStep[] {
  if (plan.phase === "done" || plan.phase === "stopped") return [];
  const practice = plan.trials.filter((trial) => trial.practice);
  const trials = plan.trials.filter((trial) => !trial.practice);
  const begun = plan.trials.some((trial) => trial.done);
  const steps: ScreenStep[] = [];
  if (!begun && plan.instructions.length > 0) steps.push({ screen: "message", name: "instructions" });
  if (practice.some((trial) => !trial.done)) {
    steps.push({ screen: "message", name: "practice" });
    steps.push(...inOrder(practice));
    if (trials.some((trial) => !trial.done)) steps.push({ screen: "message", name: "trials" });
  }
  steps.push(...inOrder(trials));
  // a break after the last trial would keep somebody who is done
  if (steps.at(-1)?.screen === "break") steps.pop();
  return steps;
}

function inOrder(trials: readonly PlannedTrial[]): ScreenStep[] {
  return trials
    .filter((trial) => !trial.done)
    .flatMap((trial): ScreenStep[] => {
      const one: ScreenStep = { screen: "trial", trial, of: trials.length };
      return trial.break_after ? [one, { screen: "break", after: trial, rest: trial.break_after }] : [one];
    });
}

/** The clips that the steps need, in the order in which they need them. */
export function mediaOf(plan: Plan, steps: readonly ScreenStep[]): Medium[] {
  const byId = new Map(plan.media.map((medium) => [medium.id, medium]));
  const wanted = new Set(steps.flatMap((step) => (step.screen === "trial" ? [step.trial.clip, ...(step.trial.neutral === null ? [] : [step.trial.neutral])] : [])));
  return [...wanted].map((id) => byId.get(id) ?? { id, url: "", seconds: 0 });
}
