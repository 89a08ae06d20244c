// The clips: which there are, in which stage, what is mine; for the lead who codes what, for experts what to verify.

import { api, ApiError } from "../api";
import { isLead, type Bench, type Page } from "../bench";
import { askLine, choose, confirm, tell } from "../dialogs";
import { announce, button, fill, h } from "../dom";
import type { ClipRow, Coder, Stage } from "../types";

const AT_ONCE = 300;
const REFRESH_MS = 10_000;
const stages: readonly { stage: Stage; text: string }[] = [
  { stage: "code", text: "coding" },
  { stage: "verify", text: "verification" },
  { stage: "adjudicate", text: "adjudication" },
  { stage: "final", text: "final" },
];

export async function clipsPage(bench: Bench): Promise<Page> {
  const page = new ClipsPage(bench);
  await page.load();
  return page;
}

class ClipsPage implements Page {
  readonly element = h("main", { class: "wide" });
  private clips: ClipRow[] = [];
  private coders: Coder[] = [];
  private readonly picked = new Set<string>();
  private shown = AT_ONCE;
  private readonly search = h("input", { id: "clip-search", type: "search", placeholder: "participant or run", "aria-label": "find a clip" });
  private readonly stage = h("select", { id: "clip-stage", "aria-label": "stage" }, h("option", { value: "" }, "every stage"), stages.map(({ stage, text }) => h("option", { value: stage }, text)));
  private readonly table = h("div", {});
  private readonly count = h("p", { class: "dim", id: "clip-count", "aria-live": "polite" });

  private readonly timer: number;
  private readonly seen = (): void => void this.refresh();

  constructor(private readonly bench: Bench) {
    this.search.addEventListener("input", () => this.draw());
    this.stage.addEventListener("change", () => this.draw());
    this.timer = window.setInterval(this.seen, REFRESH_MS);
    window.addEventListener("focus", this.seen);
  }

  close(): void {
    window.clearInterval(this.timer);
    window.removeEventListener("focus", this.seen);
    this.picked.clear();
  }

  /** Others work at the same time: what they finished appears by itself, and the focus stays where it was. */
  private async refresh(): Promise<void> {
    if (document.hidden || document.querySelector("dialog[open]")) return;
    const clips = await api.clips().catch(() => null); // a server that is away is told elsewhere
    if (!clips || JSON.stringify(clips) === JSON.stringify(this.clips)) return;
    const row = document.activeElement?.closest<HTMLElement>("tr[data-clip]");
    const place = row ? [...row.querySelectorAll("a, button, input")].indexOf(document.activeElement!) : -1;
    this.clips = clips;
    this.draw();
    if (row) this.table.querySelector(`tr[data-clip="${row.dataset["clip"]!}"]`)?.querySelectorAll<HTMLElement>("a, button, input")[place]?.focus();
  }

  async load(): Promise<void> {
    const [clips, coders] = await Promise.all([api.clips(), isLead(this.bench) ? api.coders() : Promise.resolve([])]);
    this.clips = clips;
    this.coders = coders.filter(({ active }) => active);
    fill(this.element, h("h1", {}, "Clips"), h("div", { class: "toolbar" }, this.search, this.stage, this.assignBar()), this.count, this.table);
    this.draw();
  }

  private assignBar(): HTMLElement | null {
    if (!isLead(this.bench)) return null;
    return h("span", { class: "toolbar" }, button("Assign coders to the ticked clips", () => void this.assign(), { id: "assign" }));
  }

  private draw(): void {
    const words = this.search.value.trim().toLowerCase();
    const rows = this.clips.filter((clip) => clip.id.toLowerCase().includes(words) && (this.stage.value === "" || clip.stage === this.stage.value));
    const open = this.clips.filter(({ mine }) => mine === "open").length;
    fill(this.count, `${rows.length} of ${this.clips.length} clips${open > 0 ? `; ${open} open for you` : ""}`);
    if (rows.length === 0) {
      return fill(this.table, h("p", { class: "dim empty" }, this.clips.length === 0 ? "No clip is assigned to you." : "No clip fits the search."));
    }
    const lead = isLead(this.bench);
    const all = h("input", { type: "checkbox", "aria-label": "tick every clip shown" });
    all.addEventListener("change", () => {
      for (const { id } of rows) {
        if (all.checked) this.picked.add(id);
        else this.picked.delete(id);
      }
      for (const tick of this.table.querySelectorAll<HTMLInputElement>("tbody input")) tick.checked = all.checked;
    });
    all.checked = rows.every(({ id }) => this.picked.has(id));
    const head = h("tr", {}, lead ? h("th", {}, all) : null, ["Clip", "Trial", "Frames", "Length", "Stage", "Mine", "Coders", ""].map((name) => h("th", { scope: "col" }, name)));
    fill(this.table,
      h("table", { class: "clips" }, h("thead", {}, head), h("tbody", {}, rows.slice(0, this.shown).map((clip) => this.row(clip, lead)))),
      rows.length > this.shown ? button(`Show ${rows.length - this.shown} more`, () => {
        this.shown += AT_ONCE;
        this.draw();
      }) : null);
  }

  private row(clip: ClipRow, lead: boolean): HTMLElement {
    const tick = h("input", { type: "checkbox", "aria-label": `tick ${clip.id}` });
    tick.checked = this.picked.has(clip.id);
    tick.addEventListener("change", () => (tick.checked ? this.picked.add(clip.id) : this.picked.delete(clip.id)));
    const stage = stages.find((known) => known.stage === clip.stage)?.text ?? clip.stage;
    const mine = clip.mine === null ? "" : `${clip.mine} · ${clip.n_mine}`;
    const decided = clip.stage === "final" || (clip.stage === "adjudicate" && this.bench.me.role !== "coder");
    return h("tr", { "data-clip": clip.id, "data-stage": clip.stage },
      lead ? h("td", {}, tick) : null,
      h("th", { scope: "row" }, clip.mine !== null && clip.problem === null ? h("a", { href: `#/clip/${clip.id}` }, clip.id) : clip.id),
      h("td", {}, clip.trial === null ? "" : String(clip.trial)),
      h("td", { class: "number" }, clip.n_frames === null ? "" : String(clip.n_frames)),
      h("td", { class: "number" }, clip.duration_s === null ? "" : `${clip.duration_s.toFixed(1)} s`),
      h("td", {}, h("span", { class: `stage ${clip.stage}` }, stage)),
      h("td", {}, mine, clip.returned ? h("p", { class: "notice small" }, `Returned: ${clip.returned}`) : null),
      h("td", {}, clip.coders.map((coder) => h("a", { class: "chip", href: `#/clip/${clip.id}/${coder.label}`, title: "look at this sheet" }, `${coder.label}: ${coder.state}, ${coder.n}`)),
        decided ? h("a", { class: "chip", href: `#/clip/${clip.id}/final`, title: "look at what was decided" }, "final") : null),
      h("td", {}, h("div", { class: "toolbar" }, clip.problem ? h("span", { class: "error small" }, `⚠ ${clip.problem}`) : this.ways(clip))));
  }

  private ways(clip: ClipRow): (HTMLElement | null)[] {
    const can = new Set(clip.can);
    return [
      can.has("code") && clip.mine === "open" ? h("a", { class: "button main", href: `#/clip/${clip.id}` }, "Code") : null,
      can.has("verify") ? button("Accept", () => void this.accept(clip)) : null,
      can.has("verify") ? button("Return", () => void this.giveBack(clip)) : null,
      can.has("adjudicate") ? h("a", { class: "button main", href: `#/adjudicate/${clip.id}` }, "Adjudicate") : null,
      can.has("reopen") ? button("Reopen", () => void this.reopen(clip)) : null,
    ];
  }

  private async accept(clip: ClipRow): Promise<void> {
    if (await confirm(`Accept the coding of ${clip.id}?`, "It goes to adjudication; its coders can no longer change their sheets.", "Accept")) {
      await this.carryOut(() => api.move(clip.id, "adjudicate", ""), `${clip.id} accepted`);
    }
  }

  private async giveBack(clip: ClipRow): Promise<void> {
    const boxes = clip.coders.map(({ label }) => ({ label, box: h("input", { type: "checkbox", id: `return-${label}`, checked: true }) }));
    const reason = h("textarea", { id: "return-reason", rows: 3, maxlength: 2000 });
    const content = h("div", {},
      h("label", { class: "field" }, h("span", { class: "field-name" }, "Reason, shown to the coders"), reason),
      h("p", {}, boxes.map(({ label, box }) => h("label", { class: "check" }, box, label))));
    for (;;) {
      if ((await choose(`Return ${clip.id} to its coders`, content, [{ text: "Return", value: true, kind: "danger" }, { text: "Cancel", value: false }])) !== true) return;
      const coders = boxes.filter(({ box }) => box.checked).map(({ label }) => label);
      if (coders.length > 0 && reason.value.trim() !== "") return this.carryOut(() => api.move(clip.id, "code", reason.value.trim(), coders), `${clip.id} returned`);
      await tell("Not returned yet", "Give a reason, and tick who is to look at the sheet again.");
    }
  }

  private async reopen(clip: ClipRow): Promise<void> {
    const check = (line: string): string | null => (line === "" ? "A reason is needed: it stays in the log." : null);
    const reason = await askLine(`Reopen ${clip.id}`, "Reason", "Reopen", check);
    if (reason !== null) await this.carryOut(() => api.move(clip.id, "adjudicate", reason), `${clip.id} reopened`);
  }

  private async assign(): Promise<void> {
    const clips = [...this.picked];
    if (clips.length === 0) return tell("Nothing is ticked", "Tick the clips to be coded first.");
    const now = this.clips.filter(({ id }) => this.picked.has(id)).map(({ assigned }) => new Set(assigned ?? []));
    const boxes = this.coders.map(({ label, name }) => {
      const box = h("input", { type: "checkbox", id: `assign-${label}` });
      box.checked = now.every((coders) => coders.has(label));
      return { label, box, line: h("label", { class: "check" }, box, `${label} (${name})`) };
    });
    const content = h("div", {}, h("p", {}, `${clips.length} clip${clips.length > 1 ? "s" : ""} will be coded by exactly these people.`), h("div", { class: "stack" }, boxes.map(({ line }) => line)));
    if ((await choose("Who codes?", content, [{ text: "Assign", value: true, kind: "main" }, { text: "Cancel", value: false }])) !== true) return;
    const coders = boxes.filter(({ box }) => box.checked).map(({ label }) => label);
    if (!(await this.sureOf(coders, now))) return;
    await this.carryOut(() => (clips.length === 1 ? api.assign(clips[0]!, coders) : api.assignMany(clips, coders)), "assigned");
  }

  /** Nobody loses a clip unasked: who would no longer code one is named first. */
  private async sureOf(coders: readonly string[], now: readonly ReadonlySet<string>[]): Promise<boolean> {
    const leaving = [...new Set(now.flatMap((before) => [...before]))].filter((label) => !coders.includes(label)).sort();
    if (leaving.length === 0 && coders.length > 0) return true;
    const nobody = coders.length === 0 ? "Nobody is ticked: these clips would have no coder. " : "";
    const words = leaving.length === 0 ? "" : `${leaving.join(", ")} would no longer code them; their sheets are kept and come back if they are assigned again.`;
    return confirm("Take clips away?", nobody + words, "Take away");
  }

  private async carryOut(work: () => Promise<unknown>, said: string): Promise<void> {
    try {
      await work();
      announce(said);
      this.picked.clear();
    } catch (error) {
      await tell("This was not done", error instanceof ApiError ? error.message : String(error));
    }
    await this.load();
  }
}
