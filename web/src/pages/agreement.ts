// Agreement between coders, as the command prints it: numbers as they came, groups of numbers as tables.

import { api } from "../api";
import type { Page } from "../bench";
import { h } from "../dom";

export async function agreementPage(): Promise<Page> {
  const found = await api.agreement();
  const element = h("main", { class: "wide" }, h("h1", {}, "Agreement"),
    h("p", { class: "dim" }, "Over clips whose coding is over; a clip you code yourself counts once it is past verification."), show("", found, 2));
  return { element, close: () => undefined };
}

function show(name: string, value: unknown, level: number): HTMLElement {
  const title = name === "" ? null : h(level <= 2 ? "h2" : "h3", {}, words(name));
  if (Array.isArray(value)) return h("section", {}, title, value.length === 0 ? h("p", { class: "dim" }, "none") : list(value));
  if (value === null || typeof value !== "object") return h("section", {}, title, h("p", {}, cell(value)));
  const entries = Object.entries(value);
  const plain = entries.filter(([, inner]) => inner === null || typeof inner !== "object");
  const nested = entries.filter(([, inner]) => inner !== null && typeof inner === "object");
  const records = nested.length > 1 && nested.every(([, inner]) => !Array.isArray(inner) && Object.values(inner as object).every((deep) => deep === null || typeof deep !== "object"));
  return h("section", {}, title,
    plain.length > 0 ? h("table", { class: "facts" }, h("tbody", {}, plain.map(([key, inner]) => h("tr", {}, h("th", { scope: "row" }, words(key)), h("td", { class: "number" }, cell(inner)))))) : null,
    records ? list(nested.map(([key, inner]) => ({ " ": words(key), ...(inner as object) }))) : nested.map(([key, inner]) => show(key, inner, level + 1)));
}

function list(rows: readonly unknown[]): HTMLElement {
  if (!rows.every((row) => row !== null && typeof row === "object" && !Array.isArray(row))) {
    return h("ul", {}, rows.map((row) => h("li", {}, cell(row))));
  }
  const names = [...new Set(rows.flatMap((row) => Object.keys(row as object)))];
  return h("table", {},
    h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, words(name))))),
    h("tbody", {}, rows.map((row) => h("tr", {}, names.map((name) => {
      const value = (row as Record<string, unknown>)[name];
      return h("td", { class: typeof value === "number" ? "number" : "" }, cell(value));
    })))));
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : value.toFixed(3);
  if (Array.isArray(value)) return value.map(cell).join(", ");
  return typeof value === "object" ? Object.entries(value).map(([key, inner]) => `${words(key)} ${cell(inner)}`).join(", ") : String(value);
}

function words(name: string): string {
  return name.replaceAll("_", " ");
}
