// The quiet screens around the clips: texts, consent, waiting, the question whether to stop.

import { button, fill, h, type Child } from "../../dom";
import type { Plan } from "../wire";
import type { Words } from "../words";

export function screen(title: string, ...content: Child[]): HTMLElement {
  return h("section", { class: "screen" }, h("h1", { tabindex: -1 }, title), ...content);
}

export function paragraphs(texts: readonly string[]): HTMLElement[] {
  return texts.map((text) => h("p", {}, text));
}

export function prompt(text: string): HTMLElement {
  return h("p", { class: "prompt" }, text);
}

/** Asks for consent: two levels and no, side by side and alike, none chosen beforehand. */
export function askConsent(host: Element, plan: Plan, words: Words): Promise<1 | 2 | null> {
  return new Promise((resolve) => {
    const choice = (level: 1 | 2 | null, title: string, text: string): HTMLElement =>
      h("button", { type: "button", class: "consent-choice", "data-consent": level ?? "none", onclick: () => resolve(level) }, h("strong", {}, title), h("span", {}, text));
    const levels = plan.consent.levels.map(({ level, title, text }) => choice(level, title, text));
    const all = [...levels, choice(null, words("consent_none"), words("consent_none_text"))];
    fill(host, screen(words("consent_title"), paragraphs(plan.consent.text), h("div", { class: "consent-choices" }, all)));
    host.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
  });
}

export type StopChoice = "go on" | "keep" | "discard";

/** Asks whether to stop. Closing the question means going on. */
export function askStop(words: Words): { answer: Promise<StopChoice>; close: () => void } {
  const dialog = h("dialog", { class: "stop-question", "aria-labelledby": "stop-title" });
  const answer = new Promise<StopChoice>((resolve) => {
    let chosen: StopChoice = "go on";
    const take = (choice: StopChoice) => (): void => {
      chosen = choice;
      dialog.close();
    };
    fill(
      dialog,
      h("h1", { id: "stop-title", tabindex: -1 }, words("stop_title")),
      h("p", {}, words("stop_text")),
      h(
        "div",
        { class: "stop-choices" },
        button(words("stop_not"), take("go on"), { "data-stop": "no" }),
        button(words("stop_keep"), take("keep"), { "data-stop": "keep" }),
        button(words("stop_discard"), take("discard"), { "data-stop": "discard" }),
      ),
    );
    dialog.addEventListener("keydown", (event) => {
      const buttons = [...dialog.querySelectorAll("button")];
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      if (step === 0) return;
      event.preventDefault();
      const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
      buttons[(at + step + buttons.length) % buttons.length]?.focus();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(chosen);
    });
    document.body.appendChild(dialog);
    dialog.showModal();
    dialog.querySelector<HTMLElement>("h1")?.focus(); // a key on its way decides nothing
  });
  return { answer, close: () => dialog.close() };
}
