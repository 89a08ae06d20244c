// The emotion as a list box with a letter for each word. Shut until the action units are coded: the face is described
// before it is interpreted.

import { fill, h } from "./dom";

/** A letter for each word: its first letter that no earlier word has; a digit where none is left. */
export function lettersOf(words: readonly string[]): string[] {
  const taken = new Set<string>();
  return words.map((word, place) => {
    const letter = [...word.toUpperCase()].find((candidate) => /[A-Z]/.test(candidate) && !taken.has(candidate)) ?? String((place + 1) % 10);
    taken.add(letter);
    return letter;
  });
}

export class EmotionBox {
  readonly element: HTMLElement;
  readonly why = h("p", { id: "emotion-why", class: "dim small" });
  private readonly letters: string[];
  private readonly options: HTMLElement[];
  private foreign: HTMLElement | null = null;
  private at = 0;
  private value: string | null = null;
  private shut = true;

  constructor(
    private readonly emotions: readonly string[],
    private readonly chosen: (emotion: string | null) => void,
    private readonly leave: () => void,
  ) {
    this.letters = lettersOf(emotions);
    this.options = emotions.map((emotion, place) => this.option(emotion, place));
    this.element = h("div", { id: "emotion", class: "emotions", role: "listbox", tabindex: 0, "aria-label": "emotion", "aria-describedby": "emotion-why" });
    fill(this.element, this.options);
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.draw();
  }

  show(value: string | null, shutBecause: string | null): void {
    this.shut = shutBecause !== null;
    this.value = value;
    this.at = Math.max(0, value === null ? this.at : this.emotions.indexOf(value));
    this.element.setAttribute("aria-disabled", String(this.shut));
    this.why.textContent = shutBecause ?? "";
    this.why.hidden = shutBecause === null;
    this.draw();
  }

  /** The options stay the same elements: one that is replaced between the press and the release of a mouse button gets
   *  no click, and leaving another field by that press draws this box. */
  private draw(): void {
    const known = this.value === null || this.emotions.includes(this.value);
    this.options.forEach((option, place) => {
      option.className = place === this.at ? "emotion active" : "emotion";
      option.setAttribute("aria-selected", String(this.emotions[place] === this.value));
    });
    this.foreign?.remove();
    this.foreign = known ? null : h("div", { role: "option", "aria-selected": "true", class: "emotion" }, `${this.value} (not a word of this study)`);
    if (this.foreign) this.element.appendChild(this.foreign);
    this.element.setAttribute("aria-activedescendant", `emotion-${this.at}`);
  }

  private option(emotion: string, place: number): HTMLElement {
    const take = (): void => this.take(emotion === this.value ? null : emotion);
    const props = { role: "option", id: `emotion-${place}`, "data-emotion": emotion, onclick: take };
    return h("div", props, h("kbd", { "aria-hidden": "true" }, this.letters[place]), emotion);
  }

  private take(emotion: string | null): void {
    if (this.shut) return;
    this.chosen(emotion);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey || event.key === "Tab" || event.key === "Escape" || event.key === "?") return;
    event.preventDefault();
    event.stopPropagation();
    if (this.shut) return;
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      this.at = (this.at + step + this.emotions.length) % this.emotions.length;
      this.draw();
      return;
    }
    const place = this.letters.indexOf(event.key.toUpperCase());
    if (place >= 0) this.take(this.emotions[place]!);
    else if (event.key === "Enter" || event.key === " ") this.take(this.emotions[this.at]!);
    else if (event.key === "Backspace" || event.key === "Delete") this.take(null);
    else return;
    this.leave();
  }
}
