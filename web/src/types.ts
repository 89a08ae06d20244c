// What the server says, word for word. Frames count from 0; seconds are measured stamps from the clip's first frame.

export type Role = "coder" | "expert" | "lead";
export type Stage = "code" | "verify" | "adjudicate" | "final";
export type Kind = "micro" | "macro";
export type Basis = "aus" | "clip" | "self-report";
export type SheetState = "open" | "done";
export type Can = "code" | "verify" | "adjudicate" | "reopen";
export type Decision = "confirmed" | "rejected";

export interface Me {
  label: string;
  name: string;
  role: Role;
  csrf: string;
}

export interface Study {
  id?: string;
  name: string;
  emotions: string[];
  action_units: { number: number; name: string; region: string }[];
  method: string | null;
}

export interface Coder {
  label: string;
  name: string;
  role: Role;
  active: boolean;
}

export interface ClipRow {
  id: string;
  participant: string;
  run: number;
  trial: string | number | null;
  n_frames: number | null;
  duration_s: number | null;
  stage: Stage;
  mine: SheetState | null;
  n_mine: number;
  returned: string | null;
  coders: { label: string; state: SheetState; n: number }[];
  /** for the lead: who codes it, also where their sheets may not be seen */
  assigned: string[] | null;
  can: Can[];
  problem: string | null;
}

export interface Body {
  onset: number | null;
  apex: number | null;
  offset: number | null;
  kind: Kind | null;
  kind_reason: string;
  action_units: string[];
  no_action_unit: boolean;
  emotion: string | null;
  basis: Basis[];
  valence: number | null;
  arousal: number | null;
  certainty: number | null;
  comment: string;
  suggestion: string | null;
}

export interface Doubt {
  code: string;
  message: string;
}

export interface Expression {
  id: string;
  version: number;
  body: Body;
  doubts: Doubt[];
}

export interface Suggestion {
  id: string;
  onset: number | null;
  apex: number | null;
  offset: number | null;
  kind: Kind | null;
  score: number | null;
  regions: string[];
  method: string;
  decision: Decision | null;
}

export interface Proxy {
  state: "ready" | "making" | "missing" | "failed";
  done: number;
  of: number;
  problem: string | null;
}

export interface Context {
  clip_emotion: string | null;
  self_report: string | null;
  valence: number | null;
  arousal: number | null;
}

export interface Clip {
  id: string;
  participant: string;
  run: string;
  trial: string | number | null;
  stage: Stage;
  width: number;
  height: number;
  n_frames: number;
  /** frames from one key frame of the viewing copy to the next */
  key_every: number;
  times_s: number[];
  clock: "master" | "camera";
  rate_hz: number | null;
  problem?: string | null;
  proxy: Proxy;
  face: [number, number, number, number] | null;
  sheet: { coder: string; state: SheetState; revealed: boolean; returned: string | null; may_edit: boolean };
  expressions: Expression[];
  suggestions: Suggestion[];
  context: Context | null;
}

export interface Group {
  members: { coder: string; id: string; body: Body }[];
  final: string | null;
  agree: boolean;
}

export interface Adjudication extends Clip {
  coders: string[];
  groups: Group[];
}

export interface Flow {
  width: number;
  height: number;
  vectors: [number, number, number, number][];
}

export interface Trace {
  name: string;
  unit: string;
  t: number[];
  y: (number | null)[];
}

export interface LogRow {
  seq: number;
  at: string;
  by: string;
  clip: string | null;
  sheet: string | null;
  what: string;
  expression: string | null;
  version: number | null;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

/** One change as it is sent; `key` makes sending it twice the same as sending it once. */
export interface Edit {
  key: string;
  clip: string;
  sheet: string;
  action: "put" | "delete" | "reject" | "unreject";
  expression?: string;
  base?: number;
  body?: Body | null;
  suggestion?: string;
}

export interface EditAnswer {
  seq: number;
  version?: number;
  at: string;
  repeated: boolean;
  doubts?: Record<string, Doubt[]>;
}

export interface Theirs {
  version: number;
  body: Body | null;
  by: string;
  at: string;
}

export const nothing_coded: Body = {
  onset: null,
  apex: null,
  offset: null,
  kind: null,
  kind_reason: "",
  action_units: [],
  no_action_unit: false,
  emotion: null,
  basis: [],
  valence: null,
  arousal: null,
  certainty: null,
  comment: "",
  suggestion: null,
};
