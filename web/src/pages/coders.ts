// The people of a study, for the lead: who they are, in which role, and a new token for each, shown once.

import { api, ApiError } from "../api";
import type { Page } from "../bench";
import { confirm, tell } from "../dialogs";
import { button, fill, h } from "../dom";
import type { Coder, Role } from "../types";

const roles: readonly { role: Role; text: string }[] = [
  { role: "coder", text: "coder: codes the clips assigned to them" },
  { role: "expert", text: "expert: also verifies and adjudicates" },
  { role: "lead", text: "lead: also assigns, and sees everything" },
];

export async function codersPage(): Promise<Page> {
  const element = h("main", { class: "wide" });
  const load = async (): Promise<void> => fill(element, h("h1", {}, "Coders"), list(await api.coders(), load), form(load));
  await load();
  return { element, close: () => undefined };
}

function list(coders: readonly Coder[], load: () => Promise<void>): HTMLElement {
  const row = (coder: Coder): HTMLElement =>
    h("tr", { "data-coder": coder.label },
      h("th", { scope: "row" }, coder.label), h("td", {}, coder.name), h("td", {}, coder.role), h("td", {}, coder.active ? "active" : "deactivated"),
      h("td", {}, h("div", { class: "toolbar" },
        coder.active ? button("New token", () => void act(async () => showToken(coder.label, (await api.newToken(coder.label)).token), load)) : null,
        coder.active ? button("Deactivate", () => void deactivate(coder, load)) : null)));
  return h("table", {}, h("thead", {}, h("tr", {}, ["Label", "Name", "Role", "State", ""].map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, coders.map(row)));
}

function form(load: () => Promise<void>): HTMLElement {
  const label = h("input", { id: "new-label", type: "text", autocomplete: "off", maxlength: 32 });
  const name = h("input", { id: "new-name", type: "text", autocomplete: "off" });
  const role = h("select", { id: "new-role" }, roles.map(({ role: value, text }) => h("option", { value }, text)));
  const error = h("p", { class: "error", role: "alert" });
  const add = async (): Promise<void> => {
    if (!/^[0-9A-Za-z]{1,32}$/.test(label.value) || ["final", "unmerged"].includes(label.value)) {
      return fill(error, "A label has 1 to 32 letters and digits, and is neither final nor unmerged: it stands in the coding table.");
    }
    fill(error);
    await act(async () => showToken(label.value, (await api.addCoder(label.value, name.value.trim(), role.value as Role)).token), load);
  };
  return h("section", { class: "card" }, h("h2", {}, "Add a coder"),
    h("div", { class: "toolbar" },
      h("label", { class: "field" }, h("span", { class: "field-name" }, "Label"), label),
      h("label", { class: "field" }, h("span", { class: "field-name" }, "Name"), name),
      h("label", { class: "field" }, h("span", { class: "field-name" }, "Role"), role),
      button("Add", () => void add(), { id: "add-coder", class: "main" })),
    error);
}

async function deactivate(coder: Coder, load: () => Promise<void>): Promise<void> {
  const sure = await confirm(`Deactivate ${coder.label}?`, "They can no longer sign in. What they coded stays.", "Deactivate", "danger");
  if (sure) await act(async () => void (await api.deactivate(coder.label)), load);
}

async function act(work: () => Promise<void>, load: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await tell("This was not done", error instanceof ApiError ? error.message : String(error));
  }
  await load();
}

async function showToken(label: string, token: string): Promise<void> {
  const link = `${location.origin}/#sign-in=${encodeURIComponent(token)}`;
  await tell(`Token of ${label}`, h("div", {},
    h("p", {}, "It is shown only now. Hand it over in person or by a channel you trust."),
    h("p", {}, h("code", { id: "new-token", class: "token" }, token)),
    h("p", { class: "small" }, "Or as a link: ", h("code", {}, link))));
}
