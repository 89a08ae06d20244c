// Files of a sheet: export for other programs, and import of what others marked there.

import { api, ApiError } from "./api";
import { choose, tell } from "./dialogs";
import { h } from "./dom";

const formats: readonly { format: string; text: string; accept: string }[] = [
  { format: "eaf", text: "ELAN", accept: ".eaf" },
  { format: "boris", text: "BORIS", accept: ".boris,.json" },
  { format: "csv", text: "CSV", accept: ".csv" },
  { format: "tsv", text: "TSV", accept: ".tsv" },
  { format: "xlsx", text: "Excel", accept: ".xlsx" },
];
const MOST_BYTES = 2_000_000;

export async function filesDialog(clip: string, sheet: string, mayImport: boolean, imported: () => void): Promise<void> {
  const links = formats.map(({ format, text }) => h("a", { href: api.exportPath(clip, format, sheet), download: "", class: "button", "data-export": format }, text));
  const kind = h("select", { id: "import-format", "aria-label": "format of the file" }, formats.map(({ format, text }) => h("option", { value: format }, text)));
  const file = h("input", { id: "import-file", type: "file", "aria-label": "file to import" });
  const content = h("div", {},
    h("h3", {}, "Save this sheet as"),
    h("div", { class: "toolbar" }, links),
    mayImport ? h("h3", {}, "Add what is in a file") : null,
    mayImport ? h("div", { class: "toolbar" }, kind, file) : null);
  const outcome = await choose(`Files of ${clip}`, content, [
    ...(mayImport ? [{ text: "Add to my sheet", value: "import" }] : []),
    { text: "Close", value: "close", kind: "main" as const },
  ]);
  const chosen = file.files?.[0];
  if (outcome === "import" && chosen) await importFile(clip, kind.value, chosen, imported);
}

async function importFile(clip: string, format: string, file: File, imported: () => void): Promise<void> {
  if (file.size > MOST_BYTES) return tell("Not imported", `${file.name} has ${(file.size / 1e6).toFixed(1)} MB; at most 2 MB can be imported.`);
  try {
    const { added, problems } = await api.importFile(clip, format, file);
    await tell(`${added} expression${added === 1 ? "" : "s"} added`, problems.length > 0 ? h("ul", {}, problems.map((problem) => h("li", {}, problem))) : "Nothing in the file was left out.");
    imported();
  } catch (error) {
    await tell("Not imported", error instanceof ApiError ? error.message : String(error));
  }
}
