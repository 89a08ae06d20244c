// What every screen of a running session stands on: the plan, the words, how to tell the server, and who may hold it.

import type { Incident, Plan, PlannedTrial, Step } from "../wire";
import type { Words } from "../words";
import type { FullScreen } from "./fullscreen";
import type { Films } from "./preload";

/** Something with a running time that can stand still while the participant is asked whether to stop. */
export interface Holdable { hold(): void; go(): void; close(): void }

export interface Stage {
  plan: Plan;
  words: Words;
  films: Films;
  full: FullScreen;
  refresh_hz: number | null;
  /** ends the screens of this run: the session stopped, or is to be taken up anew */
  signal: AbortSignal;
  paused: () => boolean;
  /** resolves when the session is not paused; at once where it is not */
  goesOn: () => Promise<void>;
  onPause: (hear: (paused: boolean) => void) => () => void;
  say: (trial: Pick<PlannedTrial, "number" | "practice">, what: Step | Incident, more?: Record<string, unknown>, page_ms?: number) => void;
  /** what runs now; null: nothing that needs holding */
  running: (what: Holdable | null) => void;
  /** the looks of the page while a clip fills it */
  look: (look: "text" | "clip") => void;
}
