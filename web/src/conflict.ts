// The decision on a change that the server did not take: somebody else changed the same expression, or it is not allowed
// any more. Both versions stand side by side; nothing is dropped without being asked for.

import { differing, fieldName, inWords } from "./bodies";
import { choose } from "./dialogs";
import { h } from "./dom";
import type { Queue } from "./queue";
import type { Row } from "./shelf";
import type { Body } from "./types";

export type Outcome = "mine" | "theirs" | "retry" | "give-up" | "later";

/** Asks until there is a decision, and carries it out; "later" leaves the queue standing. */
export async function decide(queue: Queue, row: Row, later: readonly Row[]): Promise<Outcome> {
  if (!row.problem) return "later";
  const outcome = row.problem.kind === "conflict" ? await conflict(row, later) : await refused(row, later);
  if (outcome === "mine") await queue.keepMine(row);
  else if (outcome === "theirs" || outcome === "give-up") await queue.giveUp(row);
  else if (outcome === "retry") await queue.retry(row);
  return outcome;
}

async function conflict(row: Row, later: readonly Row[]): Promise<Outcome> {
  if (row.problem?.kind !== "conflict") return "later";
  const { theirs } = row.problem;
  const last = (later.at(-1) ?? row).edit;
  const mine = last.action === "delete" ? null : (last.body ?? null);
  const more = later.length > 0 ? ` Yours holds ${later.length + 1} changes in a row.` : "";
  const content = h("div", {},
    h("p", {}, `${theirs.by} changed this expression of ${row.edit.clip} while your change was on its way.${more} Which one stands? The log keeps both.`),
    sideBySide(mine, theirs.body, theirs.by, theirs.at));
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
