// The expressions of a sheet as a list box: one row each with kind, frames, units and doubts.

import { frames, spoken, unitsInWords } from "./bodies";
import { fill, h } from "./dom";
import { durations, ms, verdict } from "./rule";
import type { Expression } from "./types";

export class ExpressionList {
  readonly element: HTMLElement;

  constructor(
    private readonly times_s: readonly number[],
    private readonly chosen: (id: string) => void,
  ) {
    this.element = h("div", { id: "expressions", class: "expressions", role: "listbox", tabindex: 0, "aria-label": "expressions" });
    // columns stand under each other for clips of a hundred frames and of a hundred thousand
    this.element.style.setProperty("--frames", `${String(times_s.length).length * 3 + 5}ch`);
    this.element.addEventListener("keydown", (event) => this.key(event));
  }

  show(expressions: readonly Expression[], selected: string | null): void {
    if (expressions.length === 0) {
      fill(this.element, h("p", { class: "dim empty" }, "No expression yet. N makes one at the frame on the screen."));
      this.element.removeAttribute("aria-activedescendant");
      return;
    }
    fill(this.element, expressions.map((expression, place) => this.row(expression, place, expression.id === selected)));
    const current = this.element.querySelector<HTMLElement>("[aria-selected=true]");
    if (current) this.element.setAttribute("aria-activedescendant", current.id);
    else this.element.removeAttribute("aria-activedescendant");
    current?.scrollIntoView({ block: "nearest" });
  }

  private row({ id, body, doubts }: Expression, place: number, selected: boolean): HTMLElement {
    const { kind } = verdict(body, this.times_s);
    const { length_ms, rise_ms } = durations(body, this.times_s);
    const length = length_ms ?? rise_ms;
    const doubt = doubts.length > 0 ? `, ${doubts.length} doubt${doubts.length > 1 ? "s" : ""}` : "";
    return h(
      "div",
      {
        role: "option",
        id: `expression-${id}`,
        class: "row",
        "data-expression": id,
        "aria-selected": String(selected),
        "aria-label": `${place + 1}: ${spoken(body, this.times_s)}${doubt}`,
        onclick: () => this.chosen(id),
      },
      h("span", { class: `kind ${kind ?? "undecided"}` }, kind ?? "?"),
      h("span", { class: "frames" }, frames(body)),
      h("span", { class: "length" }, length === null ? "" : ms(length)),
      h("span", { class: "what" }, body.emotion ? `${unitsInWords(body)} · ${body.emotion}` : unitsInWords(body)),
      h("span", { class: "doubt-count" }, doubts.length > 0 ? `⚠ ${doubts.length}` : ""),
    );
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const rows = [...this.element.querySelectorAll<HTMLElement>("[data-expression]")];
    const now = rows.findIndex((row) => row.getAttribute("aria-selected") === "true");
    const next = event.key === "ArrowDown" ? now + 1 : event.key === "ArrowUp" ? now - 1 : null;
    if (next === null) return;
    event.preventDefault();
    const row = rows[Math.min(Math.max(next, 0), rows.length - 1)];
    if (row) this.chosen(row.dataset["expression"]!);
  }
}
