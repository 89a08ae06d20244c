// The report after a clip: which emotion, how pleasant, how exciting. Three groups of radio buttons, nothing chosen
// beforehand; mouse, touch or keyboard alone (digits choose and lead to the next question, Enter ends). Where there is a
// limit a bar shows the time that is left, and what has been chosen by then is the answer.

import { button, fill, h } from "../dom";
import type { ScaleRange } from "./wire";
import type { Words } from "./words";

export interface Report {
  emotion: string | null;
  valence: number | null;
  arousal: number | null;
  timed_out: boolean;
  /** seconds from the form's appearance, without the time it was held */
  took_s: number;
}

export interface ReportAsked {
  emotions: readonly string[];
  scale: ScaleRange;
  /** null: as long as it takes */
  limit_s: number | null;
}

type Question = "emotion" | "valence" | "arousal";
const QUESTIONS: readonly Question[] = ["emotion", "valence", "arousal"];
const TICK_MS = 100;
const NEARLY_S = 5;
let forms = 0;

export class ReportForm {
  readonly element: HTMLFormElement;
  private readonly groups = new Map<Question, HTMLFieldSetElement>();
  private readonly missing = h("p", { class: "report-missing", role: "alert" });
  private readonly bar = h("div", { class: "time-left-bar" });
  private readonly left = h("span", { class: "time-left-text" });
  private readonly name = `report-${(forms += 1)}`;
  private spent_ms = 0;
  private since_ms: number | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;
  private over = false;

  constructor(
    private readonly asked: ReportAsked,
    private readonly words: Words,
    wordFor: (emotion: string) => string,
    private readonly finished: (report: Report) => void,
  ) {
    const { low, high } = asked.scale;
    const numbers = Array.from({ length: high - low + 1 }, (_, place) => String(low + place));
    this.element = h(
      "form",
      { class: "report", novalidate: true, "aria-labelledby": `${this.name}-title` },
      asked.limit_s === null ? null : h("div", { class: "time-left", role: "timer" }, h("div", { class: "time-left-track", "aria-hidden": "true" }, this.bar), this.left),
      h("h1", { id: `${this.name}-title` }, words("report_title")),
      this.group("emotion", asked.emotions.map((emotion) => [emotion, wordFor(emotion)])),
      this.group("valence", numbers.map((number) => [number, number]), [words("valence_low"), words("valence_high")]),
      this.group("arousal", numbers.map((number) => [number, number]), [words("arousal_low"), words("arousal_high")]),
      h("div", { class: "report-end" }, button(words("report_done"), () => this.done(), { class: "main report-done" }), h("span", { class: "dim" }, words("report_keys")), this.missing),
    );
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("submit", (event) => event.preventDefault());
    this.element.addEventListener("change", () => fill(this.missing));
  }

  /** The form is on the screen: the time runs from here. */
  begin(): void {
    this.go();
    this.groups.get("emotion")?.querySelector("input")?.focus({ preventScroll: true });
  }

  /** Holds the time, while something else stands before the form. */
  hold(): void {
    clearInterval(this.timer);
    if (this.since_ms !== null) this.spent_ms += performance.now() - this.since_ms;
    this.since_ms = null;
  }

  go(): void {
    if (this.over || this.since_ms !== null) return;
    this.since_ms = performance.now();
    if (this.asked.limit_s === null) return;
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.draw();
  }

  /** Ends without an answer: the form is taken away. */
  close(): void {
    this.over = true;
    clearInterval(this.timer);
  }

  /** Puts an earlier answer back. */
  show(answer: { emotion: string | null; valence: number | null; arousal: number | null }): void {
    for (const question of QUESTIONS) {
      const value = answer[question];
      for (const input of this.inputs(question)) input.checked = value !== null && input.value === String(value);
    }
  }

  private get spent_s(): number {
    return (this.spent_ms + (this.since_ms === null ? 0 : performance.now() - this.since_ms)) / 1000;
  }

  private inputs(question: Question): HTMLInputElement[] {
    return [...(this.groups.get(question)?.querySelectorAll("input") ?? [])];
  }

  private chosen(question: Question): string | null {
    return this.inputs(question).find((input) => input.checked)?.value ?? null;
  }

  private group(question: Question, choices: readonly (readonly [value: string, text: string])[], ends?: readonly [string, string]): HTMLElement {
    const options = choices.map(([value, text]) => {
      const input = h("input", { type: "radio", name: `${this.name}-${question}`, value, class: "choice-input" });
      return h("label", { class: "choice" }, input, h("span", { class: "choice-text" }, text));
    });
    const [low, high] = ends ?? [];
    const legend = h("legend", {}, this.words(`${question}_question`), low === undefined ? null : h("span", { class: "unseen" }, ` ${low}, ${high}`));
    const row = h("div", { class: "choices" }, options);
    const scale = h("div", { class: "scale" }, low === undefined ? null : h("span", { class: "scale-end low", "aria-hidden": "true" }, low), row, high === undefined ? null : h("span", { class: "scale-end high", "aria-hidden": "true" }, high));
    const group = h("fieldset", { class: `question ${question}`, "data-question": question }, legend, scale);
    this.groups.set(question, group);
    return group;
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const question = (event.target as Element).closest?.<HTMLElement>("[data-question]")?.dataset["question"] as Question | undefined;
    if (event.key === "Enter") {
      if ((event.target as Element).closest?.("button")) return;
      event.preventDefault();
      this.enter(question);
      return;
    }
    if (!question || !/^[0-9]$/.test(event.key)) return;
    event.preventDefault();
    const inputs = this.inputs(question);
    // scales go by the number that stands on the button, emotions by their place
    const input = question === "emotion" ? inputs[Number(event.key) - 1] : inputs.find(({ value }) => value === event.key);
    if (!input) return;
    input.checked = true;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    this.lead(question);
  }

  private enter(question: Question | undefined): void {
    if (question !== undefined && this.chosen(question) !== null && this.open().length > 0) this.lead(question);
    else this.done();
  }

  /** The focus goes to the next question without an answer, or to the end. */
  private lead(from: Question): void {
    const next = [...QUESTIONS.slice(QUESTIONS.indexOf(from) + 1), ...QUESTIONS].find((question) => this.chosen(question) === null);
    const target = next === undefined ? this.element.querySelector<HTMLElement>(".report-done") : this.inputs(next)[0];
    target?.focus({ preventScroll: true });
  }

  private open(): Question[] {
    return QUESTIONS.filter((question) => this.chosen(question) === null);
  }

  private done(): void {
    const open = this.open();
    if (open.length === 0) return this.finish(false);
    fill(this.missing, this.words("report_missing", { questions: open.map((question) => this.words(`report_${question}`)).join(", ") }));
    this.inputs(open[0]!)[0]?.focus({ preventScroll: true });
  }

  private tick(): void {
    if (this.asked.limit_s !== null && this.spent_s >= this.asked.limit_s) this.finish(true);
    else this.draw();
  }

  private draw(): void {
    const limit_s = this.asked.limit_s ?? 0;
    const left_s = Math.max(0, limit_s - this.spent_s);
    this.bar.style.transform = `scaleX(${(left_s / limit_s).toFixed(4)})`;
    const text = this.words("seconds_left", { seconds: Math.ceil(left_s) });
    if (this.left.textContent !== text) this.left.textContent = text;
    this.element.classList.toggle("nearly", left_s <= NEARLY_S);
  }

  private finish(timed_out: boolean): void {
    if (this.over) return;
    const took_s = Math.round(this.spent_s * 1000) / 1000;
    this.close();
    const number = (question: Question): number | null => {
      const value = this.chosen(question);
      return value === null ? null : Number(value);
    };
    this.finished({ emotion: this.chosen("emotion"), valence: number("valence"), arousal: number("arousal"), timed_out, took_s });
  }
}
