// What the server of a session says, as it says it. Every `*_s` is seconds of the session's clock.

export type RoleName = "operator" | "participant" | "display" | "rater";
export type Phase = "room" | "consent" | "practice" | "trials" | "done" | "stopped";
/** What happens in a trial, in this order; a break is between trials. */
export type Step =
  | "ready" | "requested" | "clip-shown" | "clip-ended" | "report-shown" | "reported"
  | "neutral-shown" | "neutral-ended" | "break-begun" | "break-ended";
export type Incident = "page-hidden" | "page-visible" | "left-fullscreen" | "trouble";

export interface ScaleRange { low: number; high: number }
export interface ConsentLevel { level: 1 | 2; title: string; text: string }
export interface Break { least_s: number; text: string | null }
export interface PlannedTrial {
  number: number;
  practice: boolean;
  block: number;
  clip: string;
  neutral: string | null;
  clip_s: number;
  done: boolean;
  break_after: Break | null;
}
export interface Medium { id: string; url: string; seconds: number }
export interface Plan {
  study: string;
  participant: string;
  phase: Phase;
  consent: { text: string[]; levels: ConsentLevel[]; given: 1 | 2 | null };
  instructions: string[];
  report: { emotions: string[]; limit_s: number; scale: ScaleRange };
  clip_limit_s: number;
  neutral_s: number;
  trials: PlannedTrial[];
  media: Medium[];
  words: Record<string, string>;
  /** what is around a clip; black where the plan does not say */
  surround?: "black" | "grey";
}

export interface Spread { median: number; spread: number }
export interface Baseline { seconds: number; head: Spread; body: Spread; face: Spread }
export interface Reminder {
  id: string;
  n: number;
  trial: number | null;
  at_s: number;
  reason: string;
  by: "operator" | "automatic";
  operator: string | null;
  shown_ms: number | null;
}
export interface Notice { n: number; at_s: number; level: "warning" | "failure"; sentence: string }
export interface Check { name: string; passed: boolean; sentence: string; value: number | null; unit: string }
export interface Timing { median: number | null; worst: number | null; n: number }

/** The whole of a session as the operator sees it. */
export interface Snapshot {
  study: string;
  participant: string;
  phase: Phase;
  paused: boolean;
  trial: { number: number; practice: boolean; of: number; step: Step | null; clip: string; emotion: string | null; since_s: number } | null;
  now_s: number;
  consent: 1 | 2 | null;
  pages: { participant: boolean; display: boolean };
  camera: { name: string; width: number; height: number; rate_hz: number | null; lost: number; age_s: number | null; error: string | null } | null;
  recording: { on: boolean; run: number | null; frames: number; lost: number; free_bytes: number | null; left_s: number | null; trouble: string | null };
  streams: { name: string; kind: string; rate_hz: number | null; age_s: number | null; error: string | null }[];
  trigger: { name: string; last_code: number | null; last_at_s: number | null; trouble: string | null } | null;
  baseline: Baseline | null;
  baseline_left_s: number | null;
  automatic: { on: boolean; threshold: number; refractory_s: number };
  reminders: Reminder[];
  notices: Notice[];
  checks: Check[] | null;
  timing: { shown_ms?: Timing | null; trigger_ms?: Timing | null };
  operator: string | null;
  /** what becomes of the recordings of a stopped session; null: nobody has said */
  choice?: "keep" | "discard" | null;
  estimated_left_s: number | null;
}

/** time_s, head, body, face, found: null where nothing was found. */
export type TraceSample = [number, number | null, number | null, number | null, 0 | 1];

export interface RatingPlan {
  rater: string;
  emotions: string[];
  scale: ScaleRange;
  clips: { id: string; url: string; seconds: number; done: boolean }[];
  left: number;
}
