// The way of a change from the coder's hand to the server. It is written to the shelf first, then sent; one at a time, in
// the order made, under the same key until an answer comes: a cut line, a closed tab or a lost session loses nothing and
// repeats nothing. Rows carry who made them and in which study: a shared browser never sends one person's marks as
// another's. Several tabs share the shelf; a lock lets one of them send at a time. A change takes the newest version as
// its base only where it was made on top of what this page shows; else the server finds the conflict, as it should.

import { ApiError } from "./api";
import type { Row, Shelf } from "./shelf";
import type { Edit, EditAnswer } from "./types";

export type StateName = "saved" | "waiting" | "offline" | "signed-out" | "conflict";

export interface QueueState {
  name: StateName;
  waiting: number;
  sentence: string;
  /** what the server or the network said last, where it did not take a change */
  detail: string;
  /** what stands in the way goes by itself: there is nothing to decide */
  passing: boolean;
}

export interface Surroundings {
  shelf: Shelf;
  post: (edit: Edit) => Promise<EditAnswer>;
  study: string;
  by: string;
  tab: string;
  newKey: () => string;
  now: () => string;
  /** runs work while no other tab sends */
  alone: <T>(work: () => Promise<T>) => Promise<T>;
  later: (work: () => void, after_ms: number) => void;
  changed: (state: QueueState) => void;
  /** this tab sent a row: others are to hear of it */
  sent: (row: Row, answer: EditAnswer) => void;
  /** `own`: the page already shows the change */
  answered: (row: Row, answer: EditAnswer, own: boolean) => void;
  /** the row at the head cannot go on without a decision; `later` are further changes of the same expression */
  stuck: (row: Row, later: Row[]) => void;
}

const WAITS_MS = [500, 1000, 2000, 4000, 8000, 15_000];

export class Queue {
  private sending = false;
  private again = false;
  private cuts = 0;
  private signedOut = false;
  private cut = false;
  private detail = "";
  private readonly shown = new Set<string>();
  private writing: Promise<unknown> = Promise.resolve();
  private stopped = false;
  /** changes made whose rows the shelf has not confirmed */
  private unwritten = 0;
  private last: Row[] = [];
  /** versions by expression that the server gave to changes of this browser since the clip was loaded */
  private readonly versions = new Map<string, number>();

  constructor(private readonly at: Surroundings) {}

  /** Takes a change; resolves when it is on the shelf. It is handed to the shelf at once: where the page is about to go
   *  there is no later. The shelf keeps the order in which it was handed rows. */
  add(edit: Omit<Edit, "key">): Promise<void> {
    const row = { study: this.at.study, by: this.at.by, made_at: this.at.now(), tab: this.at.tab, edit: { ...edit, key: this.at.newKey() }, sent: false, problem: null };
    this.unwritten += 1;
    this.say();
    const write = this.at.shelf.add(row).finally(() => (this.unwritten -= 1)).then(() => this.tell());
    this.writing = Promise.allSettled([this.writing, write]);
    return write.then(() => void this.run());
  }

  /** Resolves when every change made so far is on the shelf, or was refused by it. */
  async written(): Promise<void> {
    await this.writing;
  }

  /** Rows of this person in this study that the server does not have yet, in order. */
  async rows(): Promise<Row[]> {
    return (await this.at.shelf.all()).filter((row) => row.study === this.at.study && row.by === this.at.by);
  }

  /** Sends what waits, now: after signing in, when the network is back, when another tab is done. */
  resume(): void {
    this.signedOut = false;
    this.cuts = 0;
    void this.run();
  }

  /** Something else than a change found that the session is over: nothing is sent until there is a new one. */
  lostSession(): void {
    this.signedOut = true;
    void this.tell();
  }

  /** A clip was fetched anew, and shows these waiting rows on top: changes made from here on start from there. */
  loaded(clip: string, waiting: readonly Row[]): void {
    for (const row of waiting) this.shown.add(row.edit.key);
    for (const name of [...this.versions.keys()]) if (name.startsWith(`${clip}\n`)) this.versions.delete(name);
  }

  /** Another tab sent a row of this person. */
  heard(row: Row, answer: EditAnswer): void {
    if (row.study !== this.at.study || row.by !== this.at.by) return;
    if (this.own(row)) this.know(row.edit, answer.version);
    this.at.answered(row, answer, this.own(row));
    void this.tell();
  }

  /** Another tab may have settled a row. */
  look(): void {
    void this.tell();
  }

  /** The page shows what another tab made: changes from here on are made on top of it. */
  took(edit: Edit, version: number): void {
    this.know(edit, version);
  }

  /** True once the server has everything; false where that takes longer than a while. */
  async drained(patience_ms: number): Promise<boolean> {
    await this.writing;
    this.resume();
    for (let waited = 0; waited < patience_ms; waited += 50) {
      if ((await this.rows()).length === 0) return true;
      await new Promise<void>((resolve) => this.at.later(resolve, 50));
    }
    return (await this.rows()).length === 0;
  }

  stop(): void {
    this.stopped = true;
  }

  /** Mine stands: my last state of the expression goes on top of their version, as a new change. False where the row
   *  was settled meanwhile, in another window. */
  keepMine(row: Row): Promise<boolean> {
    return this.settleStuck(row, async () => {
      const later = await this.laterOf(row);
      const last = later.at(-1) ?? row;
      const theirs = row.problem?.kind === "conflict" ? row.problem.theirs.version : (row.edit.base ?? 0);
      const edit: Edit = { ...last.edit, key: this.at.newKey(), base: theirs };
      this.know(edit, theirs);
      await this.at.shelf.put({ ...row, edit, sent: false, problem: null });
      await this.at.shelf.remove(later.map((other) => other.order));
    });
  }

  /** Theirs stands, or a refused change is given up: mine and what was built on it leave the shelf. */
  giveUp(row: Row): Promise<boolean> {
    return this.settleStuck(row, async () => {
      const later = await this.laterOf(row);
      if (row.problem?.kind === "conflict") this.know(row.edit, row.problem.theirs.version);
      await this.at.shelf.remove([row.order, ...later.map((other) => other.order)]);
    });
  }

  /** A refused change once more, unchanged. */
  retry(row: Row): Promise<boolean> {
    return this.settleStuck(row, () => this.at.shelf.put({ ...row, problem: null }));
  }

  /** The row still lies there, with the same problem: nobody decided on it since it was read. */
  async stands(row: Row): Promise<boolean> {
    const now = (await this.rows()).find(({ order }) => order === row.order);
    return now !== undefined && now.edit.key === row.edit.key && JSON.stringify(now.problem) === JSON.stringify(row.problem);
  }

  /** A decision counts once, whichever window makes it first; no window sends in between. */
  private async settleStuck(row: Row, decision: () => Promise<void>): Promise<boolean> {
    const stands = await this.at.alone(async () => {
      if (!(await this.stands(row))) return false;
      await decision();
      return true;
    });
    this.resume();
    return stands;
  }

  async laterOf(row: Row): Promise<Row[]> {
    const same = (other: Row): boolean =>
      other.order > row.order &&
      other.edit.clip === row.edit.clip &&
      other.edit.sheet === row.edit.sheet &&
      row.edit.expression !== undefined &&
      other.edit.expression === row.edit.expression;
    return (await this.rows()).filter(same);
  }

  /** Sends until nothing waits or something stops it. Only one run at a time; a call meanwhile makes it look again. */
  async run(): Promise<void> {
    if (this.sending) {
      this.again = true;
      return;
    }
    this.sending = true;
    try {
      do {
        this.again = false;
        while (!this.stopped && (await this.at.alone(() => this.sendFirst())));
      } while (this.again && !this.stopped);
    } finally {
      this.sending = false;
      await this.tell();
    }
  }

  /** True where the head of the queue was sent and the next may follow. */
  private async sendFirst(): Promise<boolean> {
    const row = (await this.rows())[0];
    if (!row || this.stopped || this.signedOut) return false;
    if (row.problem && !passing(row)) {
      this.at.stuck(row, await this.laterOf(row));
      return false;
    }
    const ready = await this.prepare(row);
    let answer: EditAnswer;
    try {
      answer = await this.at.post(ready.edit);
    } catch (error) {
      return this.failed(ready, error);
    }
    this.cuts = 0;
    this.cut = false;
    await this.settle(ready, answer);
    return true;
  }

  /** A row that was never sent takes the newest version as its base; that is written down before it leaves. */
  private async prepare(row: Row): Promise<Row> {
    if (row.sent) return row;
    const base = row.edit.expression === undefined ? undefined : ((this.own(row) ? this.versions.get(nameOf(row.edit)) : undefined) ?? row.edit.base);
    const ready: Row = { ...row, sent: true, edit: base === undefined ? row.edit : { ...row.edit, base } };
    await this.at.shelf.put(ready);
    return ready;
  }

  private own(row: Row): boolean {
    return row.tab === this.at.tab || this.shown.has(row.edit.key);
  }

  private know(edit: Edit, version: number | undefined): void {
    if (version !== undefined && edit.expression !== undefined) this.versions.set(nameOf(edit), version);
  }

  /** Later changes of the expression go on top of the version the server gave; then the row may leave the shelf. */
  private async settle(row: Row, answer: EditAnswer): Promise<void> {
    if (this.own(row)) this.know(row.edit, answer.version);
    if (answer.version !== undefined) {
      let base = answer.version;
      for (const other of await this.laterOf(row)) {
        if (other.tab !== row.tab && !(this.own(row) && this.own(other))) continue;
        if (!other.sent && other.edit.base !== base) await this.at.shelf.put({ ...other, edit: { ...other.edit, base } });
        base += 1;
      }
    }
    await this.at.shelf.remove([row.order]);
    this.at.sent(row, answer);
    this.at.answered(row, answer, this.own(row));
    await this.tell();
  }

  private async failed(row: Row, error: unknown): Promise<boolean> {
    this.detail = error instanceof Error ? error.message : String(error);
    if (!(error instanceof ApiError) || error.cut) {
      this.cut = true;
      return this.pause();
    }
    this.cut = false;
    if (error.status === 401) {
      this.signedOut = true;
      return false;
    }
    if (error.full) {
      await this.at.shelf.put({ ...row, problem: { kind: "refused", message: error.message, passing: true } });
      return this.pause();
    }
    const problem: Row["problem"] =
      error.status === 409 && error.theirs
        ? { kind: "conflict", theirs: error.theirs }
        : { kind: "refused", message: error.message };
    const stuck = { ...row, problem };
    await this.at.shelf.put(stuck);
    this.at.stuck(stuck, await this.laterOf(stuck));
    return false;
  }

  /** Sends again by itself, after a pause that grows. */
  private pause(): false {
    const wait_ms = WAITS_MS[Math.min(this.cuts, WAITS_MS.length - 1)]!;
    this.cuts += 1;
    this.at.later(() => void this.run(), wait_ms);
    return false;
  }

  private async tell(): Promise<void> {
    if (this.stopped) return;
    this.last = await this.rows();
    this.say();
  }

  private say(): void {
    if (this.stopped) return;
    const name = this.stateOf(this.last);
    const waiting = this.last.length + this.unwritten;
    const refusal = name === "conflict" ? refusalOf(this.last[0]) : null;
    const sentence = refusal ? this.refusedSentence(refusal, waiting) : this.sentenceOf(name, waiting);
    this.at.changed({ name, waiting, sentence, detail: name === "saved" ? "" : this.detail, passing: refusal !== null });
  }

  private stateOf(rows: Row[]): StateName {
    const [first] = rows;
    if (first?.problem && !(passing(first) && (this.cut || this.signedOut))) return "conflict";
    if (this.signedOut) return "signed-out";
    if (rows.length + this.unwritten === 0) return "saved";
    return this.cut ? "offline" : "waiting";
  }

  private refusedSentence(refusal: string, waiting: number): string {
    return `refused: ${refusal} ${waiting} ${this.kept()}, tried again by itself`;
  }

  private kept(): string {
    return this.at.shelf.lasting ? "kept on this computer" : "kept only while this page is open";
  }

  private sentenceOf(name: StateName, waiting: number): string {
    const kept = this.kept();
    if (name === "saved") return "saved";
    if (name === "waiting") return `${waiting} waiting`;
    if (name === "offline") return `offline: ${waiting} ${kept}`;
    if (name === "signed-out") return waiting > 0 ? `sign in again: ${waiting} ${kept}, nothing is lost` : "sign in again";
    return `your decision is needed: ${waiting} ${kept}`;
  }
}

function passing(row: Row): boolean {
  return row.problem?.kind === "refused" && row.problem.passing === true;
}

/** The server's sentence on a change that it will take once what stands in its way is gone. */
function refusalOf(row: Row | undefined): string | null {
  return row?.problem?.kind === "refused" && row.problem.passing ? row.problem.message : null;
}

function nameOf(edit: Edit): string {
  return `${edit.clip}\n${edit.sheet}\n${edit.expression ?? ""}`;
}
