// What one coder marks in one clip, as this page knows it: the server's state with the changes made here on top. Undo is
// a new change that says the opposite; nothing is ever taken back from the log.

import type { Row } from "./shelf";
import { nothing_coded, type Body, type Clip, type Decision, type Doubt, type Edit, type EditAnswer, type Expression, type Suggestion, type Theirs } from "./types";

type Change =
  | { what: "expression"; id: string; before: Body | null; after: Body | null; visit?: number | undefined }
  | { what: "suggestion"; id: string; before: Decision | null; after: Decision | null };

interface Entry {
  /** the last version known from the server or expected from changes under way */
  version: number;
  body: Body | null;
  doubts: Doubt[];
  /** changes made here that the server has not answered yet */
  pending: number;
}

export class Sheet {
  private readonly entries = new Map<string, Entry>();
  private readonly decisions = new Map<string, Decision | null>();
  private readonly undone: Change[] = [];
  private readonly done: Change[] = [];

  constructor(
    readonly clip: string,
    readonly coder: string,
    source: Pick<Clip, "expressions" | "suggestions">,
    waiting: readonly Row[],
    private readonly send: (edit: Omit<Edit, "key">) => void,
    private readonly changed: () => void,
  ) {
    for (const { id, version, body, doubts } of source.expressions) this.entries.set(id, { version, body, doubts, pending: 0 });
    for (const { id, decision } of source.suggestions) this.decisions.set(id, decision);
    for (const { edit } of waiting) this.overlay(edit);
  }

  /** Expressions in order of time; those without an onset go by the first time they have, then last. */
  get expressions(): Expression[] {
    const all = [...this.entries].flatMap(([id, entry]) =>
      entry.body === null ? [] : [{ id, version: entry.version, body: entry.body, doubts: entry.doubts }],
    );
    return all.sort((a, b) => begin(a.body) - begin(b.body));
  }

  get(id: string | null): Expression | undefined {
    if (id === null) return undefined;
    const entry = this.entries.get(id);
    return entry?.body ? { id, version: entry.version, body: entry.body, doubts: entry.doubts } : undefined;
  }

  decision(suggestion: Pick<Suggestion, "id">): Decision | null {
    const confirmed = [...this.entries.values()].some((entry) => entry.body?.suggestion === suggestion.id);
    return confirmed ? "confirmed" : (this.decisions.get(suggestion.id) ?? null);
  }

  create(id: string, body: Partial<Body>): void {
    this.make({ what: "expression", id, before: null, after: { ...nothing_coded, ...body } });
  }

  /** Changes fields of an expression; nothing is sent where nothing differs. What is typed in one `visit` to a field is
   *  saved in pieces and undone at once. */
  change(id: string, fields: Partial<Body>, visit?: number): void {
    const before = this.entries.get(id)?.body;
    if (!before) return;
    const after = { ...before, ...fields };
    if (JSON.stringify(before) === JSON.stringify(after)) return;
    const last = this.done.at(-1);
    const same = visit !== undefined && last?.what === "expression" && last.id === id && last.visit === visit;
    if (same) this.done.pop();
    this.make({ what: "expression", id, before, after, visit }, same ? last.before : before);
    // typed and taken away again: there is nothing to undo
    if (same && JSON.stringify(last.before) === JSON.stringify(after)) this.done.pop();
  }

  delete(id: string): void {
    const before = this.entries.get(id)?.body;
    if (before) this.make({ what: "expression", id, before, after: null });
  }

  reject(suggestion: string, rejected: boolean): void {
    const before = this.decisions.get(suggestion) ?? null;
    const after = rejected ? "rejected" : null;
    if (before !== after) this.make({ what: "suggestion", id: suggestion, before, after });
  }

  /** Takes the last change back by its opposite; the id that changed, or null where there is nothing. */
  undo(): string | null {
    const change = this.done.pop();
    if (!change) return null;
    this.undone.push(change);
    this.apply(opposite(change));
    return change.id;
  }

  redo(): string | null {
    const change = this.undone.pop();
    if (!change) return null;
    this.done.push(change);
    this.apply(change);
    return change.id;
  }

  /** The server has a change: its version, and the doubts of the whole sheet. */
  settled(id: string | null, version: number | undefined, doubts: Record<string, Doubt[]> | undefined): void {
    const entry = id === null ? undefined : this.entries.get(id);
    if (entry && version !== undefined) entry.version = Math.max(entry.version, version);
    if (entry) entry.pending = Math.max(0, entry.pending - 1);
    if (doubts) for (const [other, its] of this.entries) its.doubts = doubts[other] ?? [];
    this.changed();
  }

  /** Another page of the same person changed an expression: it is shown, unless changes made here are on their way (then
   *  the server finds the conflict). True where it is shown now. */
  elsewhere(edit: Edit, answer: EditAnswer): boolean {
    if (edit.suggestion !== undefined) this.decisions.set(edit.suggestion, edit.action === "reject" ? "rejected" : null);
    const free = edit.expression !== undefined && (this.entries.get(edit.expression)?.pending ?? 0) === 0;
    if (free && answer.version !== undefined) this.replace(edit.expression!, { version: answer.version, body: edit.action === "delete" ? null : (edit.body ?? null) });
    this.settled(null, undefined, answer.doubts);
    return free && answer.version !== undefined;
  }

  /** Their state replaces mine; steps of undo that lead back to mine are no longer true and go. */
  replace(id: string, theirs: Pick<Theirs, "version" | "body">): void {
    this.entries.set(id, { version: theirs.version, body: theirs.body, doubts: [], pending: 0 });
    for (const steps of [this.done, this.undone]) {
      for (let place = steps.length - 1; place >= 0; place--) if (steps[place]!.id === id) steps.splice(place, 1);
    }
    this.changed();
  }

  /** `from`: where undo leads back to, if that is not just before this change. */
  private make(change: Change, from?: Body | null): void {
    this.done.push(change.what === "expression" && from !== undefined ? { ...change, before: from } : change);
    this.undone.length = 0;
    this.apply(change);
  }

  private apply(change: Change): void {
    if (change.what === "suggestion") {
      this.decisions.set(change.id, change.after);
      const action = change.after === "rejected" ? "reject" : "unreject";
      this.send({ clip: this.clip, sheet: this.coder, action, suggestion: change.id });
    } else {
      const entry = this.entries.get(change.id) ?? { version: 0, body: null, doubts: [], pending: 0 };
      const base = entry.version;
      this.entries.set(change.id, { version: base + 1, body: change.after, doubts: change.after ? entry.doubts : [], pending: entry.pending + 1 });
      const action = change.after === null ? "delete" : "put";
      this.send({ clip: this.clip, sheet: this.coder, action, expression: change.id, base, body: change.after });
    }
    this.changed();
  }

  private overlay(edit: Edit): void {
    if (edit.suggestion !== undefined) {
      this.decisions.set(edit.suggestion, edit.action === "reject" ? "rejected" : null);
    } else if (edit.expression !== undefined) {
      const entry = this.entries.get(edit.expression) ?? { version: 0, body: null, doubts: [], pending: 0 };
      // an answer may have been lost: then the server's version is already that of this change
      const version = Math.max(entry.version, (edit.base ?? 0) + 1);
      this.entries.set(edit.expression, { version, body: edit.action === "delete" ? null : (edit.body ?? null), doubts: entry.doubts, pending: 0 });
    }
  }
}

export function begin(body: Body): number {
  return body.onset ?? body.apex ?? body.offset ?? Number.MAX_SAFE_INTEGER;
}

function opposite(change: Change): Change {
  return change.what === "expression"
    ? { ...change, before: change.after, after: change.before }
    : { ...change, before: change.after, after: change.before };
}
