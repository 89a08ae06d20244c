// The decision on a change that the server did not take: somebody else changed the same expression, or it is not allowed
// any more. Both versions stand side by side; nothing is dropped without being asked for. Of several windows of one
// person the one that made the change asks: "yours" and "theirs" are said from there.

import { differing, fieldName, inWords } from "./bodies";
import { choose } from "./dialogs";
import { h } from "./dom";
import type { Queue } from "./queue";
import type { Row } from "./shelf";
import type { Body } from "./types";

export type Outcome = "mine" | "theirs" | "retry" | "give-up" | "later";

/** Asks until there is a decision, and carries it out; "later" leaves the queue standing. A decision that was made
 *  meanwhile in another window stands: then this one is "later" too, and nothing is done. */
export async function decide(queue: Queue, row: Row, later: readonly Row[]): Promise<Outcome> {
  if (!row.problem || !(await queue.stands(row))) return "later";
  const outcome = row.problem.kind === "conflict" ? await conflict(row, later) : await refused(row, later);
  asking = null;
  if (outcome === "mine") return (await queue.keepMine(row)) ? outcome : "later";
  if (outcome === "theirs" || outcome === "give-up") return (await queue.giveUp(row)) ? outcome : "later";
  if (outcome === "retry") return (await queue.retry(row)) ? outcome : "later";
  return outcome;
}

let asking: { row: Row; content: HTMLElement } | null = null;

/** Closes the question where its row was settled in another window. */
export async function dropStale(queue: Queue): Promise<void> {
  const asked = asking;
  if (asked && !(await queue.stands(asked.row)) && asking === asked) asked.content.closest("dialog")?.close();
}

/** What windows of one browser say to each other about a change that needs a decision: decide it, it is mine, and look
 *  again, for it may be settled. */
export type Word = { say: "decide" | "mine" | "look"; tab: string; by: string; order: number };

/** Finds the window that made a change. It answers even while its own dialog is open; one that is closed does not. */
export class Windows {
  private readonly answers = new Map<number, () => void>();

  constructor(
    private readonly tab: string,
    private readonly post: (word: Word) => void,
    private readonly patience_ms = 500,
  ) {}

  /** True where the window that made the row lives: it asks then. */
  async handOver(row: Row): Promise<boolean> {
    if (row.tab === this.tab) return false;
    return new Promise((resolve) => {
      const end = (found: boolean): void => {
        this.answers.delete(row.order);
        resolve(found);
      };
      this.answers.set(row.order, () => end(true));
      setTimeout(() => end(false), this.patience_ms);
      this.post({ say: "decide", tab: row.tab, by: row.by, order: row.order });
    });
  }

  /** A word of another window; true where this one is to ask. */
  hear(word: Word, by: string): boolean {
    if (word.say === "mine") this.answers.get(word.order)?.();
    if (word.say !== "decide" || word.tab !== this.tab || word.by !== by) return false;
    this.post({ ...word, say: "mine" });
    return true;
  }
}

async function conflict(row: Row, later: readonly Row[]): Promise<Outcome> {
  if (row.problem?.kind !== "conflict") return "later";
  const { theirs } = row.problem;
  const last = (later.at(-1) ?? row).edit;
  const mine = last.action === "delete" ? null : (last.body ?? null);
  const more = later.length > 0 ? ` Yours holds ${later.length + 1} changes in a row.` : "";
  const own = theirs.by === row.by;
  const who = own ? "You changed this expression" : `${theirs.by} changed this expression`;
  const where = own ? " in another window of yours" : "";
  const content = h("div", {},
    h("p", {}, `${who} of ${row.edit.clip}${where} while ${own ? "the change made here" : "your change"} was on its way.${more} Which one stands? The log keeps both.`),
    sideBySide(mine, theirs.body, own ? "in another window of yours" : theirs.by, theirs.at));
  asking = { row, content };
  const outcome = await choose<Outcome>("Two versions of one expression", content, [
    { text: "Keep mine", value: "mine" },
    { text: "Take theirs", value: "theirs" },
    { text: "Decide later", value: "later" },
  ], true);
  return outcome ?? "later";
}

async function refused(row: Row, later: readonly Row[]): Promise<Outcome> {
  if (row.problem?.kind !== "refused") return "later";
  const body = row.edit.body ?? null;
  const content = h("div", {},
    h("p", {}, `The server did not take a change in ${row.edit.clip} (sheet ${row.edit.sheet}), made ${row.made_at}:`),
    h("p", { class: "error" }, row.problem.message),
    body ? h("pre", { class: "small", tabindex: 0 }, JSON.stringify(body, null, 1)) : null,
    later.length > 0 ? h("p", {}, `${later.length} later change${later.length > 1 ? "s" : ""} of the same expression would go with it.`) : null);
  asking = { row, content };
  const outcome = await choose<Outcome>("A change was refused", content, [
    { text: "Try again", value: "retry" },
    { text: "Give this change up", value: "give-up", kind: "danger" },
    { text: "Decide later", value: "later" },
  ], true);
  return outcome ?? "later";
}

export function sideBySide(mine: Body | null, theirs: Body | null, by: string, at: string): HTMLElement {
  const names = differing(mine, theirs);
  const cell = (body: Body | null, name: string): string => (body === null ? "deleted" : inWords(name, body[name as keyof Body]));
  return h("table", { class: "versions" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "field"), h("th", { scope: "col" }, "yours"), h("th", { scope: "col" }, `theirs (${by}, ${at})`))),
    h("tbody", {},
      names.length === 0 ? h("tr", {}, h("td", { colspan: 3 }, "The two say the same.")) : null,
      names.map((name) => h("tr", {}, h("th", { scope: "row" }, fieldName(name)), h("td", {}, cell(mine, name)), h("td", {}, cell(theirs, name))))));
}
