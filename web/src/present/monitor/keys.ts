// The keys of the operator's page, once: the table drives the handler and the caps on the buttons.

import { nameOf } from "../../keys";

export const operatorKeys = {
  R: "remind", "1": "reason 1", "2": "reason 2", "3": "reason 3", "4": "reason 4", "5": "reason 5",
  G: "begin", C: "check", B: "baseline", A: "automatic", P: "pause", S: "stop", N: "note", K: "acknowledge",
} as const;
export type OperatorAction = (typeof operatorKeys)[keyof typeof operatorKeys];

/** Listens for the keys. A key that is held down acts once; the time is that of the key itself. */
export function listenForOperator(act: (action: OperatorAction, pressed_ms: number) => void): () => void {
  const onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.isComposing || event.repeat) return;
    const target = event.target;
    const inField = target instanceof HTMLElement && target.matches("input:not([type=checkbox], [type=radio]), textarea, select");
    if (event.key === "Escape" && inField) return target.blur();
    const name = nameOf(event, event.getModifierState("AltGraph"));
    const action = operatorKeys[name as keyof typeof operatorKeys];
    if (action === undefined || inField) return;
    // a question that is open has the keys to itself, but for the reminder: that cannot wait
    if (document.querySelector("dialog[open]") && action !== "remind") return;
    event.preventDefault();
    act(action, event.timeStamp > 0 ? event.timeStamp : performance.now());
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}
