// The coding page: the clip at the left, what is marked in it at the right, everything by keyboard.

import { api, ApiError } from "../api";
import { spoken } from "../bodies";
import type { Bench, Page } from "../bench";
import { Desk, framesOf } from "../desk";
import { choose, confirm, tell } from "../dialogs";
import { announce, button, fill, h, uuid } from "../dom";
import { filesDialog } from "../files";
import { ExpressionForm, type Mark } from "../form";
import { deletedOn, idFrom, recall } from "../ids";
import { listen, type Actions } from "../keys";
import { ExpressionList } from "../list";
import type { Row } from "../shelf";
import { Sheet } from "../sheet";
import type { Bar } from "../timeline";
import type { Clip, Context, EditAnswer, Expression, Suggestion } from "../types";


export async function codePage(bench: Bench, id: string, whose: string | null): Promise<Page> {
  // what waits is read before the sheet: a change that arrives in between is then in both, which is harmless
  const rows = await bench.queue.rows();
  const clip = await api.clip(id, whose ?? undefined);
  // somebody else signed in in another tab: their sheet is not to be shown under this person's name
  if (whose === null && clip.sheet.coder !== bench.me.label) location.reload();
  const mine = rows.filter(({ edit }) => edit.clip === id && edit.sheet === clip.sheet.coder);
  bench.queue.loaded(id, mine);
  const gone = clip.suggestions.length > 0 ? await deletedOn(clip) : new Map<string, number>();
  return new CodePage(bench, clip, mine, gone);
}

/** What is still open on a sheet that is to be done, in words. */
export function openInWords(expressions: readonly Expression[], suggestions: number): string {
  const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;
  const doubts = expressions.reduce((sum, { doubts: its }) => sum + its.length, 0);
  const uncoded = expressions.filter(({ body }) => body.action_units.length === 0 && !body.no_action_unit).length;
  const without = uncoded > 0 ? `, ${uncoded} without action units` : "";
  const notes = [`${count(expressions.length, "expression")}${without}.`];
  if (doubts > 0) notes.push(`${count(doubts, "doubt stays", "doubts stay")} open.`);
  if (suggestions > 0) notes.push(`${count(suggestions, "suggestion is", "suggestions are")} undecided.`);
  return notes.join(" ");
}

class CodePage implements Page {
  readonly element: HTMLElement;
  private readonly sheet: Sheet;
  private readonly desk: Desk;
  private readonly list: ExpressionList;
  private readonly form: ExpressionForm;
  private readonly ghostLine = h("p", { id: "ghost", class: "ghost-line", "aria-live": "polite" });
  private readonly contextLine = h("p", { id: "context", class: "context" });
  private readonly unlisten: () => void;
  private selected: string | null = null;
  private ghost: string | null = null;

  constructor(
    private readonly bench: Bench,
    private readonly clip: Clip,
    waiting: readonly Row[],
    gone: ReadonlyMap<string, number>,
  ) {
    const send = (edit: Parameters<typeof bench.queue.add>[0]): void => void bench.queue.add(edit).catch((error: unknown) => this.lost(error));
    this.sheet = new Sheet(clip.id, clip.sheet.coder, clip, waiting, send, () => this.show());
    this.selected = this.sheet.expressions[0]?.id ?? null;
    this.desk = new Desk(clip, { selected: () => this.sheet.get(this.selected)?.body ?? null, picked: (bar) => this.picked(bar), renewed: bench.renew });
    this.list = new ExpressionList(clip.times_s, (expression) => this.select(expression, true));
    this.form = new ExpressionForm(bench.study, clip.times_s, {
      change: (fields, visit) => this.selected !== null && this.editable() && this.sheet.change(this.selected, fields, visit),
      mark: (which) => this.mark(which),
      jump: (which) => this.desk.jump(which),
      leave: () => this.desk.focus(),
      announce,
    });
    this.element = h("main", { class: "coding", "data-clip": clip.id, "data-sheet": clip.sheet.coder }, this.desk.element,
      h("aside", { class: "side", "aria-label": "marks" }, this.header(), this.contextLine, this.list.element, this.ghostLine, this.form.element));
    this.unlisten = listen("code", this.actions(), () => this.desk.focus());
    this.showContext(clip.context);
    recall(this.sheet, gone, clip.suggestions.map((suggestion) => this.idOf(suggestion)), waiting);
    this.show();
    window.setTimeout(() => void this.desk.start(0));
  }

  close(): void {
    this.unlisten();
    this.desk.close();
  }

  repaint(): void {
    this.desk.repaint();
  }

  answered(row: Row, answer: EditAnswer, own: boolean): void {
    const { edit } = row;
    if (edit.clip !== this.clip.id || edit.sheet !== this.clip.sheet.coder) return;
    if (own) this.sheet.settled(edit.expression ?? null, answer.version, answer.doubts);
    else if (this.sheet.elsewhere(edit, answer)) this.bench.queue.took(edit, answer.version!);
  }

  replaced(row: Row): void {
    if (row.edit.clip !== this.clip.id || row.edit.expression === undefined || row.problem?.kind !== "conflict") return;
    this.sheet.replace(row.edit.expression, row.problem.theirs);
  }

  private header(): HTMLElement {
    const { sheet } = this.clip;
    const own = sheet.coder === this.bench.me.label;
    const state = sheet.state === "done" ? "done" : sheet.may_edit ? "open" : "read only";
    const reopen = own && sheet.state === "done" && this.clip.stage === "code";
    return h("header", { class: "side-head" },
      h("h1", {}, this.clip.id),
      h("p", { class: "dim small" }, `${own ? "your sheet" : `sheet of ${sheet.coder}`} · ${state} · stage: ${this.clip.stage}`,
        this.clip.clock === "camera" ? " · times by the camera's clock" : ""),
      sheet.returned ? h("p", { class: "notice", role: "note" }, h("b", {}, "Returned: "), sheet.returned) : null,
      h("div", { class: "toolbar" },
        sheet.may_edit && !sheet.revealed ? button("Reveal", () => void this.reveal(), { id: "reveal", title: "Show the clip's category and the self-report" }, "H") : null,
        button("Files", () => void filesDialog(this.clip.id, sheet.coder, own && sheet.may_edit, this.bench.renew), { id: "files" }),
        button("Keys", this.desk.actions("code")["help"]!, { id: "keys" }, "?"),
        sheet.may_edit ? button("Done", () => void this.done(), { id: "done", class: "main" }, "Ctrl+⏎") : null,
        reopen ? button("Reopen", () => void this.reopen(), { id: "reopen" }) : null));
  }

  private actions(): Actions {
    const focus = (name: Parameters<ExpressionForm["focus"]>[0]) => (): void => (this.selected === null ? announce("no expression is selected") : this.form.focus(name));
    return {
      ...this.desk.actions("code"),
      previous: () => this.move(-1),
      following: () => this.move(1),
      new: () => this.create(),
      onset: () => this.mark("onset"),
      apex: () => this.mark("apex"),
      offset: () => this.mark("offset"),
      delete: () => this.delete(),
      undo: () => this.again(this.sheet.undo(), "undone"),
      redo: () => this.again(this.sheet.redo(), "done again"),
      units: focus("units"), emotion: focus("emotion"), valence: focus("valence"), arousal: focus("arousal"),
      certainty: focus("certainty"), comment: focus("comment"), kind: focus("kind"),
      "no-units": () => this.form.toggleNoUnits(),
      basis: () => this.form.cycleBasis(),
      "ghost-previous": () => this.moveGhost(-1),
      "ghost-next": () => this.moveGhost(1),
      confirm: () => this.confirmGhost(),
      reject: () => this.rejectGhost(),
      reveal: () => void this.reveal(),
      done: () => void this.done(),
    };
  }

  private show(): void {
    const expressions = this.sheet.expressions;
    if (this.selected !== null && !this.sheet.get(this.selected)) this.selected = null;
    this.list.show(expressions, this.selected);
    this.form.show(this.sheet.get(this.selected), this.clip.sheet.may_edit, this.clip.sheet.revealed);
    const bars = expressions.map(({ id, body }): Bar => ({ id, body, full: body, ghost: false, selected: id === this.selected }));
    const ghosts = this.ghosts().map((ghost): Bar => ({ id: ghost.id, body: ghost, full: null, ghost: true, selected: ghost.id === this.ghost }));
    const lanes = [{ name: this.clip.sheet.coder, bars }];
    this.desk.timeline.show(this.clip.suggestions.length > 0 ? [...lanes, { name: "suggested", bars: ghosts }] : lanes);
    this.showGhost();
  }

  private select(id: string | null, jump: boolean): void {
    this.selected = id;
    this.show();
    this.desk.selectionChanged();
    const expression = this.sheet.get(id);
    if (!expression) return;
    const frame = framesOf(expression.body)[0];
    if (jump && frame !== undefined) this.desk.video.player.seek(frame);
    announce(spoken(expression.body, this.clip.times_s));
  }

  private move(step: 1 | -1): void {
    const expressions = this.sheet.expressions;
    const now = expressions.findIndex(({ id }) => id === this.selected);
    const next = expressions[now < 0 ? (step > 0 ? 0 : expressions.length - 1) : now + step];
    if (next) this.select(next.id, true);
    else announce(expressions.length === 0 ? "no expression yet" : step > 0 ? "last expression" : "first expression");
  }

  private editable(): boolean {
    if (this.clip.sheet.may_edit) return true;
    announce(this.clip.sheet.state === "done" ? "this sheet is done: reopen it to change it" : "this sheet is read only");
    return false;
  }

  private create(): void {
    const frame = this.editable() ? this.desk.seen() : null;
    if (frame === null) return;
    const id = uuid();
    this.selected = id;
    this.sheet.create(id, { onset: frame });
    this.desk.selectionChanged();
    announce(`new expression, onset at frame ${frame}`);
  }

  private mark(which: Mark): void {
    if (!this.editable()) return;
    if (this.selected === null) return announce("no expression is selected: N makes one");
    const frame = this.desk.seen();
    if (frame === null) return;
    this.sheet.change(this.selected, { [which]: frame });
    this.desk.selectionChanged();
    announce(`${which} set at frame ${frame}`);
  }

  private delete(): void {
    if (!this.editable() || this.selected === null) return;
    const expressions = this.sheet.expressions;
    const place = expressions.findIndex(({ id }) => id === this.selected);
    const gone = this.selected;
    this.selected = (expressions[place + 1] ?? expressions[place - 1])?.id ?? null;
    this.sheet.delete(gone);
    this.desk.selectionChanged();
    announce("expression deleted; Control Z brings it back");
  }

  private again(id: string | null, said: string): void {
    if (id === null) return announce("nothing to undo");
    if (this.sheet.get(id)) this.select(id, false);
    else this.show();
    this.desk.selectionChanged();
    announce(said);
  }

  private ghosts(): Suggestion[] {
    const open = this.clip.suggestions.filter((suggestion) => this.sheet.decision(suggestion) === null);
    return open.sort((a, b) => (framesOf(a)[0] ?? 0) - (framesOf(b)[0] ?? 0));
  }

  private moveGhost(step: 1 | -1): void {
    const ghosts = this.ghosts();
    const now = ghosts.findIndex(({ id }) => id === this.ghost);
    const here = this.desk.video.player.asked;
    // without a current ghost the search begins at the frame on the screen
    const from = step > 0 ? ghosts.findIndex((ghost) => (framesOf(ghost)[0] ?? 0) >= here) : ghosts.findLastIndex((ghost) => (framesOf(ghost)[0] ?? 0) <= here);
    const next = now < 0 ? (ghosts[from] ?? ghosts.at(step > 0 ? 0 : -1)) : ghosts[now + step];
    if (!next) return announce(ghosts.length === 0 ? "no open suggestion" : "no further suggestion");
    this.ghost = next.id;
    this.show();
    this.desk.video.player.seek(framesOf(next)[0] ?? here);
  }

  /** The id of the expression that a suggestion becomes on this sheet: two tabs that take it make one of it. */
  private idOf(suggestion: Suggestion): string {
    return idFrom("suggestion", this.clip.id, this.clip.sheet.coder, suggestion.id);
  }

  private confirmGhost(): void {
    const ghost = this.ghosts().find(({ id }) => id === this.ghost);
    if (!ghost || !this.editable()) return;
    const id = this.idOf(ghost);
    this.selected = id;
    this.ghost = null;
    this.sheet.create(id, { onset: ghost.onset, apex: ghost.apex, offset: ghost.offset, suggestion: ghost.id });
    this.desk.selectionChanged();
    announce("suggestion taken: check its frames and code its action units");
  }

  private rejectGhost(): void {
    const ghosts = this.ghosts();
    const place = ghosts.findIndex(({ id }) => id === this.ghost);
    if (place < 0 || !this.editable()) return;
    this.ghost = ghosts[place + 1]?.id ?? null;
    this.sheet.reject(ghosts[place]!.id, true);
    announce("suggestion rejected");
  }

  private showGhost(): void {
    const ghosts = this.ghosts();
    const place = ghosts.findIndex(({ id }) => id === this.ghost);
    const ghost = ghosts[place];
    this.ghostLine.hidden = this.clip.suggestions.length === 0;
    if (!ghost) {
      fill(this.ghostLine, ghosts.length === 0 ? "Every suggestion is decided." : `${ghosts.length} open suggestion${ghosts.length > 1 ? "s" : ""}: ] goes to the next.`);
      return;
    }
    const regions = ghost.regions.length > 0 ? `, ${ghost.regions.join(", ")}` : "";
    const frames = [ghost.onset, ghost.apex, ghost.offset].map((frame) => frame ?? "?").join(" · ");
    fill(this.ghostLine, h("b", {}, `Suggestion ${place + 1} of ${ghosts.length}: `), `${frames}, ${ghost.kind ?? "kind open"}, ${ghost.score === null ? "no score" : `score ${ghost.score.toFixed(2)}`}${regions} (${ghost.method}). Enter takes it, Backspace rejects it.`);
  }

  private picked(bar: Bar): void {
    if (bar.ghost) {
      this.ghost = bar.id;
      this.show();
    } else this.select(bar.id, false);
  }

  private async reveal(): Promise<void> {
    if (!this.editable() || this.clip.sheet.revealed) return;
    const sure = await confirm("Reveal the clip's category and the self-report?", "From then on you are no longer blind to what was shown and felt; the log says when. Every expression needs its action units first.", "Reveal");
    this.desk.focus();
    if (!sure) return;
    try {
      if (!(await this.bench.queue.drained(10_000))) return await tell("Not yet", "Some changes have not reached the server. Reveal when they are saved.");
      this.showContext(await api.reveal(this.clip.id));
      this.clip.sheet.revealed = true;
      document.getElementById("reveal")?.remove();
      this.show();
    } catch (error) {
      await tell("Not revealed", error instanceof ApiError ? error.message : String(error));
    }
  }

  private showContext(context: Context | null): void {
    this.contextLine.hidden = context === null;
    if (!context) return;
    const word = (value: string | number | null): string => (value === null ? "not recorded" : String(value));
    fill(this.contextLine, "clip: ", h("b", {}, word(context.clip_emotion)), " · self-report: ", h("b", {}, word(context.self_report)), ` · valence ${word(context.valence)} · arousal ${word(context.arousal)}`);
  }

  private async done(): Promise<void> {
    if (!this.editable()) return;
    this.desk.focus();
    if (!(await confirm(`Done with ${this.clip.id}?`, openInWords(this.sheet.expressions, this.ghosts().length), "Done"))) return;
    try {
      if (!(await this.bench.queue.drained(10_000))) return await tell("Not yet", "Some changes have not reached the server. They are kept here; say done again when they are saved.");
      await api.done(this.clip.id);
    } catch (error) {
      return await tell("Not done", error instanceof ApiError ? error.message : String(error));
    }
    announce("clip done");
    await this.afterDone();
  }

  private async afterDone(): Promise<void> {
    const clips = await api.clips().catch(() => []);
    const next = clips.find((row) => row.id !== this.clip.id && row.mine === "open" && row.can.includes("code") && row.problem === null);
    const where = next
      ? await choose(`${this.clip.id} is done`, `Next open clip: ${next.id}`, [{ text: `Open ${next.id}`, value: "next", kind: "main" }, { text: "List of clips", value: "list" }])
      : "list";
    location.hash = where === "next" && next ? `#/clip/${next.id}` : "#/clips";
  }

  private async reopen(): Promise<void> {
    try {
      await api.open(this.clip.id);
      this.bench.renew();
    } catch (error) {
      await tell("Not reopened", error instanceof ApiError ? error.message : String(error));
    }
  }

  private lost(error: unknown): void {
    void tell("This change could not be kept", `The browser refused to write it down (${String(error)}). Free some disk space, then reload the page.`);
  }
}
