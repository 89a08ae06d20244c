// The form of the selected expression. A field is saved when it is left (Enter, Escape, Tab, a click elsewhere); what
// cannot be saved stays in the field with a sentence that says why. A field being typed in is never overwritten.

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

export interface Hands {
  change(fields: Partial<Body>): void;
  mark(which: Mark): void;
  jump(which: Mark): void;
  leave(): void;
  announce(sentence: string): void;
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
  private current: Expression | undefined;
  private editable = false;

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
    if (!expression) return;
    if (other) for (const name of this.errors.keys()) this.error(name, null);
    const { body } = expression;
    this.showTimes(body, other);
    this.put(this.units, writeUnits(body.action_units), other);
    this.showUnits(body);
    this.noUnits.checked = body.no_action_unit;
    this.emotion.show(body.emotion, this.shutBecause(body));
    for (const { value } of bases) {
      this.basis[value].checked = body.basis.includes(value);
      this.basis[value].disabled = !editable || (value !== "aus" && (!revealed || this.shutBecause(body) !== null));
    }
    for (const scale of ["valence", "arousal", "certainty"] as const) this.put(this.scales[scale], body[scale] === null ? "" : String(body[scale]), other);
    this.put(this.comment, body.comment, other);
    if (other || (document.activeElement !== this.kind && document.activeElement !== this.reason && !this.errors.get("kind-reason")?.textContent)) {
      this.kind.value = body.kind ?? "";
      this.reason.value = body.kind_reason;
    }
    this.reason.hidden = this.kind.value === "";
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

  private shutBecause(body: Body): string | null {
    if (body.action_units.length > 0 || body.no_action_unit) return this.editable ? null : "";
    return "Code the action units first (U), or say that none was seen (0).";
  }

  private wire(): void {
    this.units.addEventListener("change", () => this.unitsTyped());
    this.units.addEventListener("input", () => this.unitsError());
    this.noUnits.addEventListener("change", () => this.toggleNoUnits());
    this.comment.addEventListener("change", () => this.hands.change({ comment: this.comment.value }));
    this.kind.addEventListener("change", () => this.kindChosen());
    this.reason.addEventListener("change", () => this.kindChosen());
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.ctrlKey || event.metaKey || !(event.target instanceof HTMLInputElement) || event.target.type === "checkbox") return;
      event.preventDefault();
      event.stopPropagation();
      this.hands.leave();
    });
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
      fieldset("basis", h("span", { class: "field-name" }, "judged by"), ...bases.map(({ value, text }) => h("label", { class: "check" }, this.basis[value], text))),
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
    input.addEventListener("change", () => {
      const text = input.value.trim();
      const frame = text === "" ? null : Number(text);
      const last = this.times_s.length - 1;
      if (frame !== null && !(Number.isInteger(frame) && frame >= 0 && frame <= last)) {
        this.error("frames", `The ${which} must be a frame from 0 to ${last}; "${text.slice(0, 20)}" was not saved.`);
        return;
      }
      this.error("frames", null);
      this.hands.change({ [which]: frame });
    });
    return input;
  }

  private scaleInput(name: "valence" | "arousal" | "certainty", most: number, key: string): HTMLInputElement {
    const input = h("input", { id: name, class: "number", type: "text", inputmode: "decimal", autocomplete: "off", "aria-keyshortcuts": key, "aria-describedby": "scales-error" });
    input.addEventListener("change", () => {
      const text = input.value.trim().replace(",", ".");
      const value = text === "" ? null : Number(text);
      const whole = name !== "certainty" || value === null || Number.isInteger(value);
      if (value !== null && !(value >= 1 && value <= most && whole)) {
        this.error("scales", `${name[0]!.toUpperCase()}${name.slice(1)} is a ${name === "certainty" ? "whole " : ""}number from 1 to ${most}; "${text.slice(0, 20)}" was not saved.`);
        return;
      }
      this.error("scales", null);
      this.hands.change({ [name]: value });
    });
    return input;
  }

  private basisInput(value: Basis): HTMLInputElement {
    const input = h("input", { id: `basis-${value}`, type: "checkbox" });
    input.addEventListener("change", () => this.hands.change({ basis: bases.map((basis) => basis.value).filter((basis) => this.basis[basis].checked) }));
    return input;
  }

  private unitsError(): boolean {
    const { error } = parseUnits(this.units.value);
    this.error("units", error);
    this.units.setAttribute("aria-invalid", String(error !== null));
    return error !== null;
  }

  private unitsTyped(): void {
    if (this.unitsError()) return;
    const { units } = parseUnits(this.units.value);
    this.changeUnits({ action_units: units!, ...(units!.length > 0 ? { no_action_unit: false } : {}) });
  }

  /** Without action units an emotion may not stand: it leaves in the same step, and undo brings both back. */
  private changeUnits(fields: Pick<Partial<Body>, "action_units" | "no_action_unit">): void {
    const body = this.current?.body;
    if (!body) return;
    const after = { ...body, ...fields };
    const coded = after.action_units.length > 0 || after.no_action_unit;
    const judged = body.emotion !== null || body.basis.length > 0;
    if (coded || !judged) return this.hands.change(fields);
    this.hands.change({ ...fields, emotion: null, basis: [] });
    this.hands.announce("the emotion was removed with the action units");
  }

  private emotionChosen(emotion: string | null): void {
    this.hands.change({ emotion });
    this.hands.announce(emotion === null ? "emotion cleared" : `emotion ${emotion}`);
  }

  private kindChosen(): void {
    const kind = (this.kind.value || null) as Kind | null;
    this.reason.hidden = kind === null;
    const reason = this.reason.value.trim();
    if (kind !== null && reason === "") {
      this.error("kind-reason", "Say why the rule does not hold here; the kind is saved with the reason.");
      window.setTimeout(() => this.reason.focus());
      return;
    }
    this.error("kind-reason", null);
    this.hands.change({ kind, kind_reason: kind === null ? "" : reason });
  }

  private showTimes(body: Body, other: boolean): void {
    for (const which of marks) {
      const frame = body[which];
      this.put(this.inputs[which], frame === null ? "" : String(frame), other);
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
    const wrong = control.getAttribute("aria-invalid") === "true";
    if (!other && (document.activeElement === control || wrong)) return;
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
