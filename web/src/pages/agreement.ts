// Agreement between coders, as the command prints it. Every number keeps its interval, its n and its reason; nothing is
// computed here. What is asked first stands open, the rest is folded.

import { api } from "../api";
import type { Page } from "../bench";
import { h } from "../dom";

type Json = null | string | number | boolean | Json[] | { [name: string]: Json };
type Dict = { [name: string]: Json };

const headline = ["problem", "n_clips", "n_participants", "n_pairs", "au_r_micro", "au_r_mean"] as const;
const open_first = ["au_r", "kappa", "times", "missed", "coders"];

export async function agreementPage(): Promise<Page> {
  const found = (await api.agreement()) as Dict;
  const rest = withTimes(found);
  const known = headline.filter((name) => found[name] !== undefined && found[name] !== null);
  const element = h("main", { class: "wide" }, h("h1", {}, "Agreement"),
    h("p", { class: "dim" }, "Over clips whose coding is over; a clip that you code yourself counts once it is past verification. The same numbers as mien agreement prints."),
    h("table", { class: "facts" }, h("tbody", {}, known.map((name) => h("tr", {}, h("th", { scope: "row" }, words(name)), h("td", {}, plain(found[name]!)))))),
    open_first.filter((name) => rest[name] !== undefined).map((name) => section(name, rest[name]!, true)),
    Object.keys(rest).filter((name) => !open_first.includes(name) && !(headline as readonly string[]).includes(name) && !isPlain(rest[name]!)).map((name) => section(name, rest[name]!, false)));
  return { element, close: () => undefined };
}

/** Differences of onset, apex and offset as one table. */
function withTimes(found: Dict): Dict {
  const rest = { ...found };
  const times: Dict = {};
  for (const mark of ["onset", "apex", "offset"]) {
    if (isDict(found[`${mark}_ms`])) times[mark] = found[`${mark}_ms`]!;
    delete rest[`${mark}_ms`];
  }
  return Object.keys(times).length > 0 ? { ...rest, times } : rest;
}

function section(name: string, value: Json, open: boolean): HTMLElement {
  const folded = h("details", { class: "section" }, h("summary", {}, name === "times" ? "times: first coder minus second, ms" : words(name)), content(value, open));
  folded.open = open;
  return folded;
}

function content(value: Json, open: boolean): HTMLElement {
  if (Array.isArray(value)) return list(value);
  if (!isDict(value)) return h("p", {}, plain(value));
  const entries = Object.entries(value);
  const rows = entries.filter(([, inner]) => isEstimate(inner));
  const facts = entries.filter(([, inner]) => isPlain(inner));
  const others = entries.filter(([, inner]) => !isEstimate(inner) && !isPlain(inner));
  const alike = others.length > 1 && facts.length + rows.length === 0 && others.every(([, inner]) => isDict(inner) && Object.values(inner).every((deep) => isPlain(deep) || Array.isArray(deep) || isEstimate(deep)));
  return h("div", {},
    rows.length > 0 ? estimates(rows) : null,
    facts.length > 0 ? h("p", { class: "dim small" }, facts.map(([name, inner]) => `${words(name)} ${plain(inner)}`).join(" · ")) : null,
    alike ? list(others.map(([name, inner]) => ({ "": name, ...(inner as Dict) }))) : others.map(([name, inner]) => (isUnits(inner) ? h("div", {}, h("h3", {}, words(name)), content(inner, open)) : section(name, inner, false))));
}

/** Named estimates: value, interval, n, what else there is, and the reason where something does not exist. */
function estimates(rows: readonly (readonly [string, Json])[]): HTMLElement {
  const more = [...new Set(rows.flatMap(([, inner]) => Object.keys(inner as Dict)))].filter((name) => !["value", "low", "high", "n", "reason"].includes(name));
  const head = ["", "value", "95 % interval", "n", ...more.map(words), "note"].map((name) => h("th", { scope: "col" }, name));
  return h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows.map(([name, inner]) => {
    const its = inner as Dict;
    return h("tr", {}, h("th", { scope: "row" }, words(name)), h("td", { class: "number" }, plain(its["value"] ?? null)), h("td", { class: "number" }, interval(its)),
      h("td", { class: "number" }, plain(its["n"] ?? null)), more.map((key) => h("td", { class: "number" }, plain(its[key] ?? null))), h("td", { class: "dim small" }, plain(its["reason"] ?? "")));
  })));
}

function list(rows: readonly Json[]): HTMLElement {
  if (rows.length === 0) return h("p", { class: "dim" }, "none");
  if (!rows.every(isDict)) return h("p", {}, rows.map(plain).join(", "));
  const dicts = rows as Dict[];
  if (dicts.some((row) => Object.values(row).some((value) => isDict(value) && !isEstimate(value) && Object.keys(value).length > 0))) {
    return h("div", {}, dicts.map((row) => section(title(row), row, false)));
  }
  const names = [...new Set(dicts.flatMap((row) => Object.keys(row)))];
  return h("table", {},
    h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, words(name))))),
    h("tbody", {}, dicts.map((row) => h("tr", {}, names.map((name) => h("td", { class: typeof row[name] === "number" ? "number" : "" }, plain(row[name] ?? null)))))));
}

function title(row: Dict): string {
  const named = row["coders"] ?? row["coder"] ?? row["name"];
  return named === undefined ? "entry" : Array.isArray(named) ? named.map(plain).join(" and ") : plain(named);
}

function plain(value: Json): string {
  if (value === null) return "–";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) >= 10 ? 1 : 3);
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return value.map(plain).join(", ");
  if (isEstimate(value)) return `${plain((value as Dict)["value"]!)} ${interval(value as Dict)}`.trim();
  return Object.entries(value).map(([name, inner]) => `${words(name)} ${plain(inner)}`).join(", ");
}

function interval(its: Dict): string {
  return its["low"] === null || its["low"] === undefined ? "" : `[${plain(its["low"])}, ${plain(its["high"] ?? null)}]`;
}

const isDict = (value: Json | undefined): value is Dict => value !== null && value !== undefined && typeof value === "object" && !Array.isArray(value);
const isPlain = (value: Json): boolean => value === null || typeof value !== "object";
const isEstimate = (value: Json): boolean => isDict(value) && "value" in value && "low" in value;
const isUnits = (value: Json): boolean => isDict(value) && Object.values(value).length > 0 && Object.values(value).every(isEstimate);

const titles: Readonly<Record<string, string>> = {
  n_clips: "clips that two or more coded",
  n_participants: "participants",
  n_pairs: "expressions that two coders matched",
  au_r_micro: "action units: r over all units (eq. 3)",
  au_r_mean: "action units: mean r of expressions",
  au_r: "action units: r (eq. 3)",
  kappa: "agreement beyond chance (kappa)",
  missed: "missed expressions",
  problem: "nothing to compare yet",
};

function words(name: string): string {
  return titles[name] ?? name.replaceAll("_", " ");
}
