// Signing in with the token that the lead handed out; also over a page that was open when the session ended.

import { api, ApiError } from "../api";
import { button, fill, h } from "../dom";
import type { Me } from "../types";

/** The form; `done` gets who signed in. */
export function signInForm(note: string, done: (me: Me) => void): HTMLElement {
  const token = h("input", { id: "token", type: "password", autocomplete: "off", spellcheck: "false", "aria-describedby": "sign-in-error" });
  const error = h("p", { id: "sign-in-error", class: "error", role: "alert" });
  const submit = async (): Promise<void> => {
    const typed = token.value.trim();
    if (typed === "") return fill(error, "Enter the token that the lead of the study gave you.");
    try {
      done(await api.signIn(typed));
    } catch (failure) {
      fill(error, failure instanceof ApiError ? failure.message : String(failure));
      token.select();
    }
  };
  token.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    void submit();
  });
  return h("div", { class: "sign-in" },
    h("p", {}, note),
    h("label", { class: "field" }, h("span", { class: "field-name" }, "Token"), token),
    error,
    button("Sign in", () => void submit(), { id: "sign-in", class: "main" }));
}

export function signInPage(note: string, done: (me: Me) => void): HTMLElement {
  return h("main", { class: "narrow" }, h("h1", {}, "Coding bench"), signInForm(note, done));
}

/** Over the open page, which stays as it is: nothing typed or marked is lost. */
export function signInDialog(expected: Me, done: (me: Me) => void): void {
  if (document.getElementById("sign-in-again")) return;
  const dialog = h("dialog", { id: "sign-in-again", "aria-labelledby": "sign-in-title" });
  const note = `Your session has ended. Sign in again as ${expected.label}: nothing is lost, what waits is sent then.`;
  const form = signInForm(note, (me) => {
    dialog.close();
    done(me);
  });
  dialog.append(h("h2", { id: "sign-in-title" }, "Sign in again"), form);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.appendChild(dialog);
  dialog.showModal();
  dialog.querySelector("input")?.focus();
}
