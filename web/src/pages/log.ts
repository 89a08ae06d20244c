// The log: every accepted change, in the order in which the server took it. Nothing is ever taken out of it.

import { api, ApiError } from "../api";
import type { Page } from "../bench";
import { differing, fieldName, inWords } from "../bodies";
import { button, fill, h } from "../dom";
import type { LogRow } from "../types";

const AT_ONCE = 1000;

export async function logPage(clip: string): Promise<Page> {
  const rows: LogRow[] = [];
  const search = h("input", { id: "log-clip", type: "search", value: clip, placeholder: "sub-001_run-01", "aria-label": "clip" });
  const body = h("tbody", { id: "log" });
  const more = h("p", {});
  const error = h("p", { class: "error", role: "alert" });
  const load = async (): Promise<void> => {
    try {
      const next = await api.log(rows.at(-1)?.seq ?? 0, search.value.trim());
      rows.push(...next);
      for (const row of next) body.appendChild(line(row));
      fill(error);
      fill(more, next.length === AT_ONCE ? button("Show more", () => void load()) : `${rows.length} entries; newest below. `, next.length === AT_ONCE ? null : button("Look again", () => void load()));
    } catch (failure) {
      fill(error, failure instanceof ApiError ? failure.message : String(failure));
    }
  };
  search.addEventListener("change", () => {
    rows.length = 0;
    body.replaceChildren();
    void load();
  });
  await load();
  const head = ["No.", "When", "Who", "Clip", "Sheet", "What", "Change"].map((name) => h("th", { scope: "col" }, name));
  const element = h("main", { class: "wide" }, h("h1", {}, "Log"), h("div", { class: "toolbar" }, search), error,
    h("table", { class: "log" }, h("thead", {}, h("tr", {}, head)), body), more);
  return { element, close: () => undefined };
}

function line(row: LogRow): HTMLElement {
  const names = differing(row.before, row.after);
  const change = names.map((name) => `${fieldName(name)}: ${inWords(name, row.before?.[name])} → ${inWords(name, row.after?.[name])}`);
  const when = row.at.replace("T", " ").replace(/(\.\d+)?(Z|\+00:00)$/, " UTC");
  return h("tr", { "data-seq": row.seq },
    h("td", { class: "number" }, String(row.seq)), h("td", {}, when), h("td", {}, row.by), h("td", {}, row.clip ?? ""), h("td", {}, row.sheet ?? ""),
    h("td", {}, row.what, row.version === null ? "" : ` (version ${row.version})`),
    h("td", {}, row.expression ? h("span", { class: "dim small" }, `${row.expression.slice(0, 8)} `) : null, change.join("; ")));
}
