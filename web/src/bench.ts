// What every page of the bench is given, and what a page is.

import type { Queue } from "./queue";
import type { Row } from "./shelf";
import type { EditAnswer, Me, Study } from "./types";

export interface Bench {
  me: Me;
  study: Study;
  queue: Queue;
  /** opens the page of the address anew */
  renew(): void;
}

export interface Page {
  element: HTMLElement;
  close(): void;
  /** an answer to a change; `own`: the page shows it already, else another tab made it */
  answered?(row: Row, answer: EditAnswer, own: boolean): void;
  /** their version of an expression was taken */
  replaced?(row: Row): void;
  repaint?(): void;
}

export const isLead = (bench: Bench): boolean => bench.me.role === "lead";
export const mayCompare = (bench: Bench): boolean => bench.me.role !== "coder";
