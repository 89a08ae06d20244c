// Modal dialogs. The element <dialog> keeps the focus inside, closes on Escape and gives the focus back.

import { button, cap, fill, h, type Child } from "./dom";

export interface Choice<T> {
  text: string;
  value: T;
  kind?: "main" | "danger";
  key?: string;
}

/** Shows a dialog; resolves with the choice, or null where it was closed without one. One that comes up unasked has the
 *  focus on its title: a key that was on its way to the page must decide nothing. */
export function choose<T>(title: string, content: Child, choices: readonly Choice<T>[], unasked = false): Promise<T | null> {
  return new Promise((resolve) => {
    let chosen: T | null = null;
    const name = h("h2", { id: "dialog-title", tabindex: -1 }, title);
    const buttons = h("div", { class: "dialog-buttons" });
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, name, h("div", { class: "dialog-content" }, content), buttons);
    for (const choice of choices) {
      const take = (): void => {
        chosen = choice.value;
        dialog.close();
      };
      const element = button(choice.text, take, { class: choice.kind ?? "", "data-choice": String(choice.value) }, choice.key);
      if (choice.kind === "main") element.autofocus = true;
      buttons.appendChild(element);
    }
    dialog.addEventListener("keydown", (event) => {
      const choice = choices.find(({ key }) => key !== undefined && key.toLowerCase() === event.key.toLowerCase());
      if (!choice || event.ctrlKey || event.altKey || event.metaKey || (event.target as Element).matches("input, textarea, select")) return;
      event.preventDefault();
      chosen = choice.value;
      dialog.close();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(chosen);
    });
    document.body.appendChild(dialog);
    dialog.showModal();
    if (unasked) name.focus();
  });
}

export async function confirm(title: string, content: Child, yes: string, kind: "main" | "danger" = "main"): Promise<boolean> {
  const choices: Choice<boolean>[] = [
    { text: yes, value: true, kind },
    { text: "Cancel", value: false },
  ];
  return (await choose(title, content, choices)) === true;
}

export async function tell(title: string, content: Child): Promise<void> {
  await choose(title, content, [{ text: "Close", value: true, kind: "main" }]);
}

/** Asks for one line; `check` gives a sentence where the line will not do. */
export function askLine(title: string, label: string, yes: string, check: (line: string) => string | null, first = ""): Promise<string | null> {
  return new Promise((resolve) => {
    let answer: string | null = null;
    const input = h("input", { id: "dialog-line", type: "text", value: first, autocomplete: "off", "aria-describedby": "dialog-error" });
    const error = h("p", { id: "dialog-error", class: "error", role: "alert" });
    const submit = (): void => {
      const wrong = check(input.value.trim());
      fill(error, wrong);
      if (wrong !== null) return;
      answer = input.value.trim();
      dialog.close();
    };
    const form = h("div", {}, h("label", { class: "field" }, h("span", { class: "field-name" }, label), input), error);
    const buttons = h("div", { class: "dialog-buttons" }, button(yes, submit, { class: "main" }), button("Cancel", () => dialog.close()));
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, h("h2", { id: "dialog-title" }, title), form, buttons);
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      submit();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.appendChild(dialog);
    dialog.showModal();
    input.focus();
    input.select();
  });
}

/** A table of keys and what they do, grouped. */
export function keyTable(rows: readonly { keys: string; what: string }[]): HTMLElement {
  return h("dl", { class: "keys" }, rows.map(({ keys, what }) => h("div", {}, h("dt", {}, cap(keys), h("span", { class: "unseen" }, keys)), h("dd", {}, what))));
}
