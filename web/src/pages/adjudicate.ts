// Adjudication: what each coder marked, side by side, expression by expression, and the final sheet that is made of it.
// One key takes a coder's whole expression; the form below edits the final one.

import { api, ApiError } from "../api";
import type { Bench, Page } from "../bench";
import { fieldName, frames, inWords, unitsInWords } from "../bodies";
import { Desk, framesOf } from "../desk";
import { confirm, tell } from "../dialogs";
import { announce, button, cap, fill, h, uuid } from "../dom";
import { filesDialog } from "../files";
import { ExpressionForm, type Mark } from "../form";
import { listen, type Actions } from "../keys";
import { ms, durations, verdict } from "../rule";
import type { Row } from "../shelf";
import { begin, Sheet } from "../sheet";
import type { Bar } from "../timeline";
import type { Adjudication, Body, EditAnswer, Expression, Group } from "../types";
import { deletedOn, idFrom, recall } from "../ids";

/** A group under an id that stays, however its expression is moved: selection and timeline hold it, never a place in the
 *  list, which is sorted anew with every change. It is also the id that the group's final expression gets when it is taken
 *  from a coder: two adjudicators who take it make one expression, and the second is asked which version stands. */
interface Place extends Group {
  readonly id: string;
}

const compared: readonly (keyof Body)[] = ["onset", "apex", "offset", "kind", "action_units", "no_action_unit", "emotion", "basis", "valence", "arousal", "certainty", "comment"];

export async function adjudicatePage(bench: Bench, id: string): Promise<Page> {
  const rows = await bench.queue.rows();
  const clip = await api.adjudication(id);
  const mine = rows.filter(({ edit }) => edit.clip === id && edit.sheet === clip.sheet.coder);
  bench.queue.loaded(id, mine);
  const gone = clip.groups.some(({ final }) => final === null) ? await deletedOn(clip) : new Map<string, number>();
  return new AdjudicatePage(bench, clip, mine, gone);
}

class AdjudicatePage implements Page {
  readonly element: HTMLElement;
  private readonly sheet: Sheet;
  private readonly desk: Desk;
  private readonly form: ExpressionForm;
  private readonly groups: Place[];
  private readonly list = h("div", { id: "groups", class: "groups", role: "listbox", tabindex: 0, "aria-label": "expressions of all coders" });
  private readonly columns = h("div", { id: "columns", class: "columns" });
  private readonly unlisten: () => void;
  /** the id of the selected group */
  private selected: string | null = null;
  /** where it stood in the list last: its neighbour follows it when it goes */
  private stood = 0;

  constructor(
    private readonly bench: Bench,
    private readonly clip: Adjudication,
    waiting: readonly Row[],
    gone: ReadonlyMap<string, number>,
  ) {
    const send = (edit: Parameters<typeof bench.queue.add>[0]): void =>
      void bench.queue.add(edit).catch((error: unknown) => void tell("This change could not be kept", String(error)));
    // those of a final expression alone are made again where no group of coders has it
    this.groups = clip.groups.filter(({ members }) => members.length > 0).map((group) => ({ ...group, id: idOf(clip.id, group) }));
    this.sheet = new Sheet(clip.id, clip.sheet.coder, clip, waiting, send, () => this.show());
    this.desk = new Desk(clip, { selected: () => this.shownBody(), picked: (bar) => this.picked(bar), renewed: bench.renew });
    this.form = new ExpressionForm(bench.study, clip.times_s, {
      change: (fields, visit) => {
        const final = this.final();
        if (final && this.editable()) this.sheet.change(final.id, fields, visit);
      },
      mark: (which) => this.mark(which),
      jump: (which) => this.desk.jump(which),
      leave: () => this.desk.focus(),
      announce,
    });
    this.list.style.setProperty("--frames", `${String(clip.n_frames).length * 3 + 5}ch`);
    this.list.addEventListener("keydown", (event) => {
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      if (step === 0 || event.ctrlKey || event.altKey) return;
      event.preventDefault();
      this.move(step);
    });
    this.element = h("main", { class: "coding deciding", "data-clip": clip.id, "data-sheet": clip.sheet.coder }, this.desk.element,
      h("aside", { class: "side", "aria-label": "decision" }, this.header(), this.list, this.columns, this.form.element));
    this.unlisten = listen("adjudicate", this.actions(), () => this.desk.focus());
    recall(this.sheet, gone, this.groups.map((group) => group.id), waiting);
    this.show();
    window.setTimeout(() => void this.desk.start(framesOf(this.shownBody())[0] ?? 0));
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
    const editable = this.clip.sheet.may_edit;
    const { context } = this.clip;
    return h("header", { class: "side-head" },
      h("h1", {}, `${this.clip.id}: final sheet`),
      h("p", { class: "dim small" }, `stage: ${this.clip.stage} · coders: ${this.clip.coders.join(", ")}`,
        context ? ` · clip: ${context.clip_emotion ?? "not recorded"} · self-report: ${context.self_report ?? "not recorded"}` : ""),
      h("div", { class: "toolbar" },
        editable ? button("Take all that agree", () => void this.takeAgreed(), { id: "take-agreed" }) : null,
        button("Files", () => void filesDialog(this.clip.id, this.clip.sheet.coder, false, this.bench.renew), { id: "files" }),
        button("Keys", this.desk.actions("adjudicate")["help"]!, { id: "keys" }, "?"),
        editable ? button("Finish", () => void this.finish(), { id: "done", class: "main" }, "Ctrl+⏎") : null));
  }

  private actions(): Actions {
    const focus = (name: Parameters<ExpressionForm["focus"]>[0]) => (): void => (this.final() ? this.form.focus(name) : announce("no final expression yet: take one first"));
    const take = (place: number) => (): void => this.take(place);
    return {
      ...this.desk.actions("adjudicate"),
      previous: () => this.move(-1),
      following: () => this.move(1),
      "take-1": take(0), "take-2": take(1), "take-3": take(2), "take-4": take(3),
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
      done: () => void this.finish(),
    };
  }

  /** Groups in order of time; one that lost its only member, a final expression, is no group any more. */
  private alive(): Place[] {
    const first = (group: Group): number => Math.min(...[...group.members.map(({ body }) => body), this.sheet.get(group.final)?.body].map((body) => (body ? begin(body) : Infinity)));
    this.settleOwners();
    return this.groups.filter((group) => group.members.length > 0 || this.sheet.get(group.final)).sort((a, b) => first(a) - first(b));
  }

  /** An expression that was taken from a group stays its decision, wherever its times went since (the server groups by
   *  time alone) and whichever tab took it; a final expression of no group makes one of its own. */
  private settleOwners(): void {
    for (const group of this.groups) {
      if (group.final === group.id || !this.sheet.get(group.id)) continue;
      for (const other of this.groups) if (other.final === group.id) other.final = null;
      group.final = group.id;
    }
    const known = new Set(this.groups.map(({ final }) => final));
    for (const { id } of this.sheet.expressions) if (!known.has(id)) this.groups.push({ members: [], final: id, agree: false, id });
  }

  private group(): Place | undefined {
    return this.alive().find(({ id }) => id === this.selected);
  }

  private final(): Expression | undefined {
    return this.sheet.get(this.group()?.final ?? null);
  }

  /** The body that loop, jumps and comparison use: what was decided, else what the first coder marked. */
  private shownBody(): Body | null {
    return this.final()?.body ?? this.group()?.members[0]?.body ?? null;
  }

  private show(): void {
    const groups = this.alive();
    this.keepSelection(groups);
    fill(this.list, groups.length === 0 ? h("p", { class: "dim empty" }, "Nobody marked an expression in this clip. N makes one.") : groups.map((group, place) => this.row(group, place)));
    const current = this.list.querySelector<HTMLElement>("[aria-selected=true]");
    current?.scrollIntoView({ block: "nearest" });
    if (current) this.list.setAttribute("aria-activedescendant", current.id);
    this.showColumns();
    this.form.show(this.final(), this.clip.sheet.may_edit, this.clip.sheet.revealed || this.clip.context !== null);
    this.showLanes(groups);
  }

  /** The selection stays on its group while there is one; else the group that stands in its place has it. */
  private keepSelection(groups: readonly Place[]): void {
    const now = groups.findIndex(({ id }) => id === this.selected);
    this.stood = now >= 0 ? now : Math.min(this.stood, Math.max(0, groups.length - 1));
    this.selected = groups[this.stood]?.id ?? null;
  }

  private row(group: Place, place: number): HTMLElement {
    const final = this.sheet.get(group.final);
    const body = final?.body ?? group.members[0]?.body;
    const who = group.members.map(({ coder }) => coder).join(", ") || "final only";
    const state = final ? "✓ decided" : group.agree ? "agree" : group.members.length < this.clip.coders.length ? "one-sided" : "differ";
    const props = { role: "option", id: `group-${place}`, class: "group-row", "data-group": place, "data-final": final?.id ?? "", "aria-selected": String(group.id === this.selected), onclick: () => this.select(group.id) };
    return h("div", props,
      h("span", { class: "dim" }, String(place + 1)),
      h("span", {}, body ? frames(body) : ""),
      h("span", {}, `${who}${body ? ` · ${unitsInWords(body)}` : ""}`),
      h("span", { class: `state ${final ? "" : "open"}` }, state));
  }

  private showColumns(): void {
    const group = this.group();
    if (!group) return fill(this.columns);
    const final = this.final();
    const bodies: { name: string; body: Body | null; take: number | null }[] = this.clip.coders.map((coder, place) => ({
      name: coder,
      body: group.members.find((member) => member.coder === coder)?.body ?? null,
      take: place,
    }));
    bodies.push({ name: "final", body: final?.body ?? null, take: null });
    const head = bodies.map(({ name, body, take }) =>
      h("th", { scope: "col" }, name, take !== null && body && this.clip.sheet.may_edit ? button("take", () => this.take(take), { class: "small", "data-take": name, "aria-label": `take the expression of ${name}` }, `⇧${take + 1}`) : null));
    const row = (title: string, words: (body: Body) => string): HTMLElement => {
      const said = bodies.map(({ body }) => (body ? words(body) : null));
      const differs = new Set(said.filter((text) => text !== null)).size > 1;
      return h("tr", {}, h("th", { scope: "row" }, differs ? `≠ ${title}` : title), said.map((text) => h("td", { class: differs && text !== null ? "differs" : "" }, text ?? "not marked")));
    };
    const visible = compared.filter((name) => bodies.some(({ body }) => body && inWords(name, body[name]) !== "–"));
    fill(this.columns, h("table", {},
      h("thead", {}, h("tr", {}, h("th", {}, h("span", { class: "unseen" }, "field")), head)),
      h("tbody", {},
        row("by the rule", (body) => verdict(body, this.clip.times_s).byRule ?? "not decided"),
        row("onset–offset", (body) => ms(durations(body, this.clip.times_s).length_ms)),
        visible.map((name) => row(fieldName(name), (body) => inWords(name, body[name]))))),
      final ? null : h("p", { class: "dim small empty" }, "Nothing is decided for this expression: ", cap("Shift+1"), " takes the first coder's. What is left undecided is not in the final sheet."));
  }

  private showLanes(groups: readonly Place[]): void {
    const bar = ({ id }: Place, body: Body): Bar => ({ id, body, full: body, ghost: false, selected: id === this.selected });
    const lanes = this.clip.coders.map((coder) => ({
      name: coder,
      bars: groups.flatMap((group) => group.members.filter((member) => member.coder === coder).map(({ body }) => bar(group, body))),
    }));
    const finals = groups.flatMap((group) => {
      const final = this.sheet.get(group.final);
      return final ? [bar(group, final.body)] : [];
    });
    this.desk.timeline.show([...lanes, { name: "final", bars: finals }]);
  }

  private select(id: string): void {
    this.selected = id;
    this.show();
    this.desk.selectionChanged();
    const frame = framesOf(this.shownBody())[0];
    if (frame !== undefined) this.desk.video.player.seek(frame);
    const group = this.group();
    if (group) announce(`expression ${this.stood + 1}, ${group.members.map(({ coder }) => coder).join(" and ") || "final only"}${this.final() ? ", decided" : group.agree ? ", agree" : ""}`);
  }

  private move(step: number): void {
    const groups = this.alive();
    const next = groups[groups.findIndex(({ id }) => id === this.selected) + step];
    if (next) this.select(next.id);
    else announce(step > 0 ? "last expression" : "first expression");
  }

  private picked(bar: Bar): void {
    this.selected = bar.id;
    this.show();
    this.desk.selectionChanged();
  }

  private editable(): boolean {
    if (!this.clip.sheet.may_edit) announce("the final sheet is read only at this stage");
    return this.clip.sheet.may_edit;
  }

  private take(place: number): void {
    const group = this.group();
    const coder = this.clip.coders[place];
    const member = group?.members.find((candidate) => candidate.coder === coder);
    if (!group || !this.editable()) return;
    if (!member) return announce(coder === undefined ? `there is no coder ${place + 1}` : `${coder} did not mark this expression`);
    this.adopt(group, member.body);
    announce(`taken from ${member.coder}`);
  }

  private adopt(group: Place, body: Body): void {
    const final = this.sheet.get(group.final);
    if (final) return this.sheet.change(final.id, body);
    group.final = group.id;
    this.sheet.create(group.id, body);
  }

  private async takeAgreed(): Promise<void> {
    const open = this.alive().filter((group) => group.agree && !this.sheet.get(group.final) && group.members.length > 0);
    if (open.length === 0) return tell("Nothing to take", "Every expression on which all coders agree is decided.");
    const sentence = `${open.length} expressions have the same kind, action units and emotion from all coders. The frames of the first coder are taken; they can be changed afterwards.`;
    this.desk.focus();
    if (!(await confirm("Take all that agree?", sentence, "Take"))) return;
    for (const group of open) this.adopt(group, group.members[0]!.body);
    announce(`${open.length} taken`);
  }

  private create(): void {
    const frame = this.editable() ? this.desk.seen() : null;
    if (frame === null) return;
    const id = uuid();
    this.selected = id;
    this.sheet.create(id, { onset: frame });
    this.desk.selectionChanged();
    announce(`new final expression, onset at frame ${frame}`);
  }

  private mark(which: Mark): void {
    const final = this.final();
    if (!this.editable()) return;
    if (!final) return announce("no final expression yet: take one first");
    const frame = this.desk.seen();
    if (frame === null) return;
    this.sheet.change(final.id, { [which]: frame });
    this.desk.selectionChanged();
    announce(`${which} set at frame ${frame}`);
  }

  private delete(): void {
    const final = this.final();
    if (!final || !this.editable()) return;
    this.sheet.delete(final.id);
    announce("removed from the final sheet; Control Z brings it back");
  }

  private again(id: string | null, said: string): void {
    if (id === null) return announce("nothing to undo");
    this.selected = this.alive().find(({ final }) => final === id)?.id ?? this.selected;
    this.show();
    announce(said);
  }

  private async finish(): Promise<void> {
    if (!this.editable()) return;
    const open = this.alive().filter((group) => !this.sheet.get(group.final)).length;
    const note = open > 0 ? `${open} expression${open > 1 ? "s are" : " is"} undecided and will not be in the final sheet.` : "Every expression is decided.";
    this.desk.focus();
    if (!(await confirm(`Finish ${this.clip.id}?`, `${note} The clip is locked then.`, "Finish"))) return;
    try {
      if (!(await this.bench.queue.drained(10_000))) return await tell("Not yet", "Some changes have not reached the server. They are kept here; finish when they are saved.");
      await api.move(this.clip.id, "final", "");
      location.hash = "#/clips";
    } catch (error) {
      await tell("Not finished", error instanceof ApiError ? error.message : String(error));
    }
  }
}

/** By its members, in whatever order they are told. */
function idOf(clip: string, group: Group): string {
  return idFrom("adopted", clip, ...group.members.map(({ coder, id }) => `${coder}/${id}`).sort());
}
