// The form of the selected expression. A field is saved when it is left (Enter, Escape, Tab, a click elsewhere), after a
// pause in typing, and before the page goes; what cannot be saved stays in the field with a sentence that says why. A
// field being typed in is never overwritten.

import { button, cap, field, fill, h } from "./dom";
import { EmotionBox } from "./emotions";
import { durations, ms, verdict } from "./rule";
import type { Basis, Body, Expression, Kind, Study } from "./types";
import { describeUnit, parseUnits, writeUnits } from "./units";

export type Mark = "onset" | "apex" | "offset";
const marks: readonly Mark[] = ["onset", "apex", "offset"];
const mark_keys = { onset: ["Q", "1"], apex: ["W", "2"], offset: ["E", "3"] } as const;
const bases: readonly { value: Basis; text: string }[] = [
  { value: "aus", text: "action units" },
  { value: "clip", text: "clip" },
  { value: "self-report", text: "self-report" },
];

/** How many keyless milliseconds save what is typed: long enough not to save every letter. */
export const PAUSE_MS = 800;

/** "left": the coder is done with the field; "pause": the coder may still be in the middle of a word. */
type When = "pause" | "left";
type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

const basis_cycle: readonly (readonly Basis[])[] = [["aus"], ["aus", "clip"], ["aus", "self-report"], ["aus", "clip", "self-report"]];

export interface Hands {
  /** `visit` is the same for all changes of one stay in a field: they are one step of undo */
  change(fields: Partial<Body>, visit?: number): void;
  mark(which: Mark): void;
  jump(which: Mark): void;
  leave(): void;
  announce(sentence: string): void;
}

let drafting: Drafts | null = null;
let draftsTold: (words: string) => void = () => undefined;

/** Who is to hear what is typed and not saved: words for the head line, "" where there is nothing of that kind. */
export function onDrafts(listener: (words: string) => void): void {
  draftsTold = listener;
}

/** Saves what is typed and can be saved, without ending the typing: the page may be about to go. */
export function saveDrafts(): void {
  drafting?.saveAll("pause");
}

/** The page with the form is left for another one: what can be saved is saved, the rest goes with the form. */
export function leaveDrafts(): void {
  drafting?.saveAll("left");
  drafting?.drop();
}

/** What was typed into fields and is not saved yet. */
class Drafts {
  private readonly open = new Map<Control, { timer: number; failed: boolean }>();
  private readonly savers = new Map<Control, { save: (when: When) => boolean; pauses: boolean }>();

  /** `save` returns false where the text cannot be saved as it is; without `pauses` a pause in typing saves nothing. */
  watch(control: Control, save: (when: When) => boolean, pauses = true): void {
    this.savers.set(control, { save, pauses });
    control.addEventListener("input", () => this.typed(control));
    // a select says "change" at every letter typed into it: its choice counts when it is left
    const focused = (): boolean => control instanceof HTMLSelectElement && document.activeElement === control;
    // what a pause has saved is not saved once more: another window may have changed it since
    const left = (): void => (this.open.has(control) && !focused() ? this.save(control, "left") : undefined);
    control.addEventListener("change", left);
    if (control instanceof HTMLSelectElement) control.addEventListener("blur", () => this.open.has(control) && this.save(control, "left"));
  }

  has(control: Control): boolean {
    return this.open.has(control);
  }

  save(control: Control, when: When): void {
    this.forget(control);
    if (!this.savers.get(control)!.save(when)) this.open.set(control, { timer: 0, failed: when === "left" });
    this.tell();
  }

  saveAll(when: When): void {
    for (const control of [...this.open.keys()]) this.save(control, when);
  }

  /** Another save held this field too. */
  settle(control: Control): void {
    this.forget(control);
    this.tell();
  }

  drop(): void {
    for (const control of [...this.open.keys()]) this.forget(control);
    this.tell();
  }

  private typed(control: Control): void {
    this.forget(control);
    const timer = this.savers.get(control)!.pauses ? window.setTimeout(() => this.save(control, "pause"), PAUSE_MS) : 0;
    this.open.set(control, { timer, failed: false });
    this.tell();
  }

  private forget(control: Control): void {
    window.clearTimeout(this.open.get(control)?.timer);
    this.open.delete(control);
  }

  private tell(): void {
    if (this.open.size > 0) drafting = this;
    else if (drafting === this) drafting = null;
    else return;
    const drafts = [...this.open.values()];
    draftsTold(drafts.length === 0 ? "" : drafts.every(({ failed }) => failed) ? "a field is not saved" : "typing…");
  }
}

export class ExpressionForm {
  readonly element = h("section", { id: "expression-form", class: "form", "aria-label": "selected expression" });
  private readonly inputs: Record<Mark, HTMLInputElement>;
  private readonly times: Record<Mark, HTMLElement>;
  private readonly lengths = h("p", { id: "durations", class: "durations" });
  private readonly rule = h("p", { id: "rule", class: "rule" });
  private readonly units = h("input", { id: "units", type: "text", autocomplete: "off", spellcheck: "false", autocapitalize: "off", placeholder: "1+2+L12B", "aria-describedby": "units-said units-error", "aria-keyshortcuts": "U" });
  private readonly unitsSaid = h("p", { id: "units-said", class: "dim small" });
  private readonly noUnits = h("input", { id: "no-action-unit", type: "checkbox", "aria-keyshortcuts": "0" });
  private readonly emotion: EmotionBox;
  private readonly basis: Record<Basis, HTMLInputElement>;
  private readonly scales: Record<"valence" | "arousal" | "certainty", HTMLInputElement>;
  private readonly comment = h("textarea", { id: "comment", rows: 2, maxlength: 2000, "aria-keyshortcuts": "T" });
  private readonly kind = h("select", { id: "kind", "aria-keyshortcuts": "X" }, h("option", { value: "" }, "by the rule"), h("option", { value: "micro" }, "micro"), h("option", { value: "macro" }, "macro"));
  private readonly reason = h("input", { id: "kind-reason", type: "text", maxlength: 500, placeholder: "why", autocomplete: "off" });
  private readonly doubts = h("ul", { id: "doubts", class: "doubts", "aria-label": "doubts" });
  private readonly errors = new Map<string, HTMLElement>();
  private readonly body = h("div", { class: "form-body" });
  private readonly none = h("p", { class: "dim empty" }, "Nothing is selected. N makes an expression at this frame, comma and period move through the list.");
  private readonly drafts = new Drafts();
  private current: Expression | undefined;
  private editable = false;
  private visit = 0;

  constructor(
    private readonly study: Study,
    private readonly times_s: readonly number[],
    private readonly hands: Hands,
  ) {
    this.inputs = { onset: this.frameInput("onset"), apex: this.frameInput("apex"), offset: this.frameInput("offset") };
    this.times = { onset: h("span", { class: "time" }), apex: h("span", { class: "time" }), offset: h("span", { class: "time" }) };
    this.emotion = new EmotionBox(study.emotions, (emotion) => this.emotionChosen(emotion), hands.leave);
    this.basis = { aus: this.basisInput("aus"), clip: this.basisInput("clip"), "self-report": this.basisInput("self-report") };
    this.scales = { valence: this.scaleInput("valence", 9, "V"), arousal: this.scaleInput("arousal", 9, "B"), certainty: this.scaleInput("certainty", 5, "C") };
    this.wire();
    this.build();
  }

  /** Shows an expression. `revealed` opens the bases that need the clip's category and the self-report. */
  show(expression: Expression | undefined, editable: boolean, revealed: boolean): void {
    const other = expression?.id !== this.current?.id;
    this.current = expression;
    this.editable = editable;
    this.none.hidden = expression !== undefined;
    this.body.hidden = expression === undefined;
    if (other) this.drafts.drop();
    if (other) this.visit += 1;
    if (!expression) return;
    if (other) for (const name of this.errors.keys()) this.error(name, null);
    const { body } = expression;
    this.showTimes(body);
    this.showTyped(body, other);
    this.showUnits(body);
    this.noUnits.checked = body.no_action_unit;
    this.emotion.show(body.emotion, this.shutBecause(body));
    for (const { value } of bases) {
      this.basis[value].checked = body.basis.includes(value);
      this.basis[value].disabled = !editable || (value !== "aus" && (!revealed || this.shutBecause(body) !== null));
    }
    fill(this.doubts, expression.doubts.map((doubt) => h("li", { "data-doubt": doubt.code }, h("span", { "aria-hidden": "true" }, "⚠ "), doubt.message)));
    for (const control of this.body.querySelectorAll<HTMLInputElement>("input, textarea, select, button.set")) if (!control.id.startsWith("basis-")) control.disabled = !editable;
  }

  focus(name: "units" | "emotion" | "valence" | "arousal" | "certainty" | "comment" | "kind"): void {
    const targets = { units: this.units, emotion: this.emotion.element, comment: this.comment, kind: this.kind, ...this.scales };
    const target = targets[name];
    target.focus();
    if (target instanceof HTMLInputElement) target.select();
    target.scrollIntoView({ block: "nearest" });
  }

  /** The coder looked and saw no action unit. */
  toggleNoUnits(): void {
    const body = this.current?.body;
    if (!body || !this.editable) return;
    if (body.action_units.length > 0) {
      this.error("units", "Action units are coded here: clear them before saying that none was seen.");
      this.noUnits.checked = false;
      return;
    }
    if (body.no_action_unit) this.changeUnits({ no_action_unit: false });
    else this.changeUnits({ no_action_unit: true });
    this.hands.announce(body.no_action_unit ? "action units not coded" : "no action unit seen");
  }

  /** The next of the bases that may be named here. */
  cycleBasis(): void {
    const body = this.current?.body;
    if (!body || !this.editable) return;
    const shut = this.shutBecause(body);
    if (shut !== null) return this.hands.announce(shut);
    const open = basis_cycle.filter((basis) => basis.every((value) => !this.basis[value].disabled));
    const now = open.findIndex((basis) => basis.join() === body.basis.join());
    const next = open[(now + 1) % open.length]!;
    if (now >= 0 && open.length === 1) return this.hands.announce("judged by action units; clip and self-report may be named once they are revealed");
    this.hands.change({ basis: [...next] });
    this.hands.announce(`judged by ${bases.filter(({ value }) => next.includes(value)).map(({ text }) => text).join(", ")}`);
  }

  private shutBecause(body: Body): string | null {
    if (body.action_units.length > 0 || body.no_action_unit) return this.editable ? null : "";
    return "Code the action units first (U), or say that none was seen (0).";
  }

  private wire(): void {
    this.units.addEventListener("input", () => this.unitsError());
    this.drafts.watch(this.units, (when) => this.saveUnits(when));
    this.noUnits.addEventListener("change", () => this.toggleNoUnits());
    this.drafts.watch(this.comment, () => this.typed({ comment: this.comment.value }));
    this.kind.addEventListener("change", () => this.askReason());
    this.drafts.watch(this.kind, () => this.saveKind(), false);
    this.drafts.watch(this.reason, () => this.saveKind());
    this.element.addEventListener("focusin", () => (this.visit += 1));
    // a field that was left shows what is kept, as it is written there
    this.element.addEventListener("focusout", () => window.setTimeout(() => this.current && this.showTyped(this.current.body, false)));
    this.element.addEventListener("keydown", (event) => this.enter(event));
  }

  /** Enter leaves a field; from a kind that overrides the rule it goes on to the reason. Only Enter does: a select is
   *  typed into, and letters that follow the first one must not land in the reason. */
  private enter(event: KeyboardEvent): void {
    const { target } = event;
    const leaves = target === this.kind || (target instanceof HTMLInputElement && target.type !== "checkbox");
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || !leaves) return;
    event.preventDefault();
    event.stopPropagation();
    if (target === this.kind && this.kind.value !== "") this.reason.focus();
    else this.hands.leave();
  }

  /** Saves what was typed into the field that has the focus. */
  private typed(fields: Partial<Body>): true {
    this.hands.change(fields, this.visit);
    return true;
  }

  private build(): void {
    const fieldset = (name: string, ...children: (Node | null)[]): HTMLElement => h("div", { class: `group ${name}` }, children);
    fill(
      this.body,
      this.doubts,
      fieldset("marks", ...marks.map((which) => this.markRow(which)), this.errorLine("frames")),
      this.lengths,
      this.rule,
      fieldset("units", field("Action units", this.units, "U"), this.errorLine("units"), this.unitsSaid, h("label", { class: "check" }, this.noUnits, "none seen", cap("0"))),
      fieldset("feeling", h("div", { class: "field-name" }, "Emotion", cap("M")), this.emotion.why, this.emotion.element),
      fieldset("basis", h("span", { class: "field-name" }, "judged by", cap("Y")), ...bases.map(({ value, text }) => h("label", { class: "check" }, this.basis[value], text))),
      fieldset("scales", field("Valence 1–9", this.scales.valence, "V"), field("Arousal 1–9", this.scales.arousal, "B"), field("Certainty 1–5", this.scales.certainty, "C")),
      this.errorLine("scales"),
      fieldset("kind-row", field("Kind", this.kind, "X"), h("label", { class: "field grow" }, h("span", { class: "unseen" }, "reason for the other kind"), this.reason)),
      this.errorLine("kind-reason"),
      field("Comment", this.comment, "T"),
    );
    fill(this.element, this.none, this.body);
  }

  private markRow(which: Mark): HTMLElement {
    const [set, go] = mark_keys[which];
    return h(
      "div",
      { class: "mark" },
      h("label", { for: `frame-${which}` }, which),
      this.inputs[which],
      this.times[which],
      button("set", () => this.hands.mark(which), { class: "small set", "aria-label": `set ${which} to the frame on the screen` }, set),
      button("go", () => this.hands.jump(which), { class: "small", "aria-label": `go to the ${which}` }, go),
    );
  }

  private frameInput(which: Mark): HTMLInputElement {
    const input = h("input", { id: `frame-${which}`, class: "number", type: "text", inputmode: "numeric", autocomplete: "off", placeholder: "–" });
    const save = (): boolean => {
      const text = input.value.trim();
      const frame = text === "" ? null : Number(text);
      const last = this.times_s.length - 1;
      if (frame !== null && !(Number.isInteger(frame) && frame >= 0 && frame <= last)) {
        this.error("frames", `The ${which} must be a frame from 0 to ${last}; "${text.slice(0, 20)}" was not saved.`);
        return false;
      }
      this.error("frames", null);
      return this.typed({ [which]: frame });
    };
    // the first digits of a frame are a frame as well: a pause does not save them
    this.drafts.watch(input, save, false);
    return input;
  }

  private scaleInput(name: "valence" | "arousal" | "certainty", most: number, key: string): HTMLInputElement {
    const input = h("input", { id: name, class: "number", type: "text", inputmode: "decimal", autocomplete: "off", "aria-keyshortcuts": key, "aria-describedby": "scales-error" });
    const save = (): boolean => {
      const text = input.value.trim().replace(",", ".");
      const value = text === "" ? null : Number(text);
      const whole = name !== "certainty" || value === null || Number.isInteger(value);
      if (value !== null && !(value >= 1 && value <= most && whole)) {
        this.error("scales", `${name[0]!.toUpperCase()}${name.slice(1)} is a ${name === "certainty" ? "whole " : ""}number from 1 to ${most}; "${text.slice(0, 20)}" was not saved.`);
        return false;
      }
      this.error("scales", null);
      return this.typed({ [name]: value });
    };
    this.drafts.watch(input, save);
    return input;
  }

  private basisInput(value: Basis): HTMLInputElement {
    const input = h("input", { id: `basis-${value}`, type: "checkbox", "aria-keyshortcuts": "Y" });
    input.addEventListener("change", () => this.hands.change({ basis: bases.map((basis) => basis.value).filter((basis) => this.basis[basis].checked) }));
    return input;
  }

  private unitsError(): boolean {
    const { error } = parseUnits(this.units.value);
    this.error("units", error);
    this.units.setAttribute("aria-invalid", String(error !== null));
    return error !== null;
  }

  private saveUnits(when: When): boolean {
    if (this.unitsError()) return false;
    const units = parseUnits(this.units.value).units!;
    // a field that is empty for a moment, between two codes, must not cost the emotion
    if (when === "pause" && units.length === 0 && this.judged()) return false;
    this.changeUnits({ action_units: units, ...(units.length > 0 ? { no_action_unit: false } : {}) }, this.visit);
    return true;
  }

  private judged(): boolean {
    const body = this.current?.body;
    return body !== undefined && (body.emotion !== null || body.basis.length > 0);
  }

  /** Without action units an emotion may not stand: it leaves in the same step, and undo brings both back. */
  private changeUnits(fields: Pick<Partial<Body>, "action_units" | "no_action_unit">, visit?: number): void {
    const body = this.current?.body;
    if (!body) return;
    const after = { ...body, ...fields };
    const coded = after.action_units.length > 0 || after.no_action_unit;
    if (coded || !this.judged()) return this.hands.change(fields, visit);
    this.hands.change({ ...fields, emotion: null, basis: [] }, visit);
    this.hands.announce("the emotion was removed with the action units");
  }

  /** An emotion is judged by something: by the action units, until the coder says otherwise. */
  private emotionChosen(emotion: string | null): void {
    if (emotion === null) this.hands.change({ emotion, basis: [] });
    else this.hands.change(this.current?.body.basis.length === 0 ? { emotion, basis: ["aus"] } : { emotion });
    this.hands.announce(emotion === null ? "emotion cleared" : `emotion ${emotion}`);
  }

  /** Kind or reason are being changed: what is in them is the coder's, not the sheet's. */
  private inKind(): boolean {
    const fields = [this.kind, this.reason];
    return fields.some((field) => document.activeElement === field || this.drafts.has(field)) || this.errors.get("kind-reason")?.textContent !== "";
  }

  /** Opens the reason beside a kind that overrides the rule. True where it is still to be given. */
  private askReason(): boolean {
    const missing = this.kind.value !== "" && this.reason.value.trim() === "";
    this.reason.hidden = this.kind.value === "";
    this.error("kind-reason", missing ? "Say why the rule does not hold here; the kind is saved with the reason." : null);
    return missing;
  }

  private saveKind(): boolean {
    if (this.askReason()) return false;
    const kind = (this.kind.value || null) as Kind | null;
    this.typed({ kind, kind_reason: kind === null ? "" : this.reason.value.trim() });
    for (const field of [this.kind, this.reason]) this.drafts.settle(field);
    return true;
  }

  /** Everything that is typed into, but for fields that hold what is not saved yet. */
  private showTyped(body: Body, other: boolean): void {
    for (const which of marks) this.put(this.inputs[which], body[which] === null ? "" : String(body[which]), other);
    this.put(this.units, writeUnits(body.action_units), other);
    for (const scale of ["valence", "arousal", "certainty"] as const) this.put(this.scales[scale], body[scale] === null ? "" : String(body[scale]), other);
    this.put(this.comment, body.comment, other);
    if (other || !this.inKind()) {
      this.kind.value = body.kind ?? "";
      this.reason.value = body.kind_reason;
    }
    this.reason.hidden = this.kind.value === "";
  }

  private showTimes(body: Body): void {
    for (const which of marks) {
      const frame = body[which];
      this.times[which].textContent = frame === null ? "–" : `${(this.times_s[frame] ?? NaN).toFixed(3)} s`;
    }
    const { rise_ms, fall_ms, length_ms } = durations(body, this.times_s);
    fill(this.lengths, h("span", {}, "onset–apex ", h("b", {}, ms(rise_ms))), h("span", {}, "apex–offset ", h("b", {}, ms(fall_ms))), h("span", {}, "onset–offset ", h("b", {}, ms(length_ms))));
    const { kind, sentence } = verdict(body, this.times_s);
    this.rule.className = `rule ${kind ?? "undecided"}`;
    this.rule.textContent = sentence;
  }

  private showUnits(body: Body): void {
    const known = new Map(this.study.action_units.map(({ number, name }) => [number, name]));
    this.unitsSaid.textContent = body.action_units.map((unit) => describeUnit(unit, known)).join(" · ");
  }

  private put(control: HTMLInputElement | HTMLTextAreaElement, value: string, other: boolean): void {
    if (!other && (document.activeElement === control || this.drafts.has(control))) return;
    if (other) control.removeAttribute("aria-invalid");
    if (control.value !== value) control.value = value;
  }

  private errorLine(name: string): HTMLElement {
    const line = h("p", { id: `${name}-error`, class: "error", role: "alert" });
    this.errors.set(name, line);
    return line;
  }

  private error(name: string, sentence: string | null): void {
    const line = this.errors.get(name);
    if (line && line.textContent !== (sentence ?? "")) line.textContent = sentence ?? "";
  }
}
