// The page as a whole: who is signed in, the queue of changes, the head line, and which page the address names.

import "./style.css";
import { api, ApiError, onSignedOut } from "./api";
import { mayCompare, isLead, type Bench, type Page } from "./bench";
import { decide, dropStale, Windows, type Word } from "./conflict";
import { confirm, tell } from "./dialogs";
import { announce, button, fill, h, uuid } from "./dom";
import { leaveDrafts, onDrafts, saveDrafts } from "./form";
import { agreementPage } from "./pages/agreement";
import { adjudicatePage } from "./pages/adjudicate";
import { clipsPage } from "./pages/clips";
import { codePage } from "./pages/code";
import { codersPage } from "./pages/coders";
import { logPage } from "./pages/log";
import { signInDialog, signInPage } from "./pages/signin";
import { Queue, type QueueState } from "./queue";
import { openShelf, type Row } from "./shelf";
import { applyTheme, nextTheme, theme } from "./theme";
import type { Edit, EditAnswer, Me } from "./types";

const root = document.getElementById("page")!;
const saveState = h("span", { id: "save-state", class: "save-state", role: "status", "data-state": "saved" }, "saved");
// what can be done about the state: sign in again, decide, try now
const saveAction = button("", () => act(), { id: "save-action" });
saveAction.hidden = true;
const channel = "BroadcastChannel" in window ? new BroadcastChannel("mien-edits") : null;

const tab = uuid();
const windows = new Windows(tab, (word) => channel?.postMessage(word));

let bench: Bench | null = null;
let page: Page | null = null;
let deciding = false;
/** this person pressed the button for a decision: what becomes of it is to be seen here */
let asked = false;
let visit = 0;
let state: QueueState = { name: "saved", waiting: 0, sentence: "saved", detail: "", passing: false };
/** what is typed into a field and not saved yet, in words */
let typing = "";
let lasting = true;

async function begin(): Promise<void> {
  applyTheme();
  onSignedOut(() => {
    if (!bench) return;
    bench.queue.lostSession();
    askAgain(bench.me);
  });
  const token = /^#sign-in=(.+)$/.exec(location.hash)?.[1];
  if (token !== undefined) {
    // the token must not stay in the address, nor in the history
    history.replaceState(null, "", "#/clips");
    await api.signIn(decodeURIComponent(token)).then(enter, (error: unknown) => showSignIn(sentence(error)));
    return;
  }
  try {
    await enter(await api.me());
  } catch (error) {
    showSignIn(error instanceof ApiError && error.status === 401 ? "Sign in with the token that the lead of the study gave you." : sentence(error));
  }
}

function showSignIn(note: string): void {
  page?.close();
  page = null;
  fill(root, signInPage(note, (me) => void enter(me)));
  document.getElementById("token")?.focus();
}

async function enter(me: Me): Promise<void> {
  const study = await api.study();
  const shelf = await openShelf(window.indexedDB as IDBFactory | undefined);
  lasting = shelf.lasting;
  const queue = new Queue({
    shelf,
    post: (edit) => send(edit, me),
    study: study.id ?? study.name,
    by: me.label,
    tab,
    newKey: uuid,
    now: () => new Date().toISOString(),
    alone: (work) => ("locks" in navigator ? navigator.locks.request("mien-edits", work) : work()) as ReturnType<typeof work>,
    later: (work, after_ms) => void window.setTimeout(work, after_ms),
    changed: (now) => {
      showState(now);
      void dropStale(queue);
    },
    sent: (row, answer) => channel?.postMessage({ row, answer }),
    answered: (row, answer, own) => page?.answered?.(row, answer, own),
    stuck: (row, later) => void stuck(row, later),
  });
  bench = { me, study, queue, renew: () => void route() };
  document.title = `${study.name} · coding bench`;
  await route();
  queue.resume();
}

/** Sends a change. Where another tab renewed the session, the page takes the new proof of origin and tries once more;
 *  where it became somebody else's, this person has to sign in again. */
async function send(edit: Edit, me: Me): Promise<EditAnswer> {
  try {
    return await api.edit(edit);
  } catch (error) {
    if (!(error instanceof ApiError) || error.kind !== "csrf") throw error;
    const now = await api.me();
    if (now.label !== me.label) throw new ApiError(401, "signed-out", `${now.label} is signed in in this browser now.`);
    return api.edit(edit);
  }
}

function frame(content: HTMLElement): void {
  if (!bench) return;
  const { me, study } = bench;
  const link = (hash: string, text: string): HTMLElement => h("a", { href: hash, "aria-current": location.hash.startsWith(hash) ? "page" : null }, text);
  const colours = button(`theme: ${theme()}`, () => {
    colours.textContent = `theme: ${nextTheme()}`;
    page?.repaint?.();
  }, { id: "theme", class: "quiet" });
  fill(root,
    h("header", { class: "head" },
      h("a", { class: "brand", href: "#/clips" }, study.name),
      h("nav", { "aria-label": "pages" }, link("#/clips", "Clips"), mayCompare(bench) ? link("#/agreement", "Agreement") : null, isLead(bench) ? link("#/coders", "Coders") : null, link("#/log", "Log")),
      saveState, saveAction, colours,
      h("span", { class: "dim", id: "who" }, `${me.name || me.label} (${me.role})`),
      button("Sign out", () => void signOut(), { id: "sign-out", class: "quiet" })),
    content);
}

async function route(): Promise<void> {
  if (!bench) return;
  const token = /^#sign-in=/.test(location.hash);
  if (token) return location.reload();
  const mine = ++visit;
  const { queue } = bench;
  leaveDrafts();
  page?.close();
  page = null;
  let next: Page;
  try {
    // what was typed last is on the shelf before the next page reads it
    await queue.written();
    next = await open(bench, location.hash);
  } catch (error) {
    if (!(error instanceof ApiError)) console.error(error);
    const again = button("Try again", () => void route());
    next = { element: h("main", { class: "wide" }, h("p", { class: "error", role: "alert" }, sentence(error)), again), close: () => undefined };
  }
  // a later address was opened while this one was being fetched
  if (mine !== visit) return next.close();
  page = next;
  frame(next.element);
}

function open(to: Bench, hash: string): Promise<Page> {
  const [name, id, sheet] = hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (name === "clip" && id) return codePage(to, id, sheet ?? null);
  if (name === "adjudicate" && id) return adjudicatePage(to, id);
  if (name === "agreement") return agreementPage();
  if (name === "coders") return codersPage();
  if (name === "log") return logPage(id ?? "");
  return clipsPage(to);
}

function showState(now: QueueState): void {
  const changed = now.name !== state.name;
  state = now;
  paintState();
  if (changed && now.name === "signed-out" && bench) askAgain(bench.me);
}

function paintState(): void {
  // what is being typed is not saved, whatever the queue says; what is wrong with the queue is more urgent
  const name = state.name === "saved" && typing !== "" ? "waiting" : state.name;
  saveState.title = state.detail;
  saveState.dataset["state"] = name;
  saveState.dataset["waiting"] = String(state.waiting);
  const icons = { saved: "✓", waiting: "…", offline: "⚠", "signed-out": "⚠", conflict: "⚠" } as const;
  const note = state.waiting > 0 && !lasting ? " (this browser keeps nothing: do not close the page)" : "";
  saveState.textContent = name === state.name ? `${icons[name]} ${state.sentence}${note}` : `… ${typing}`;
  const actions = { saved: "", waiting: "", offline: "Try now", "signed-out": "Sign in", conflict: state.passing ? "Try now" : "Decide" } as const;
  saveAction.textContent = actions[name];
  saveAction.hidden = actions[name] === "";
}

function act(): void {
  if (!bench) return;
  asked = state.name === "conflict";
  if (state.name === "signed-out") askAgain(bench.me);
  else bench.queue.resume();
}

function askAgain(expected: Me): void {
  signInDialog(expected, (me) => {
    if (!bench) return;
    // another person's session must not show or send this person's marks
    if (me.label !== expected.label) return location.reload();
    bench.me = me;
    announce("signed in");
    bench.queue.resume();
    if (!page?.answered) void route();
  });
}

async function stuck(row: Row, later: readonly Row[]): Promise<void> {
  if (deciding || !bench) return;
  deciding = true;
  try {
    if (await windows.handOver(row)) {
      if (asked) await tell("Decided in your other window", "This change was made in another window of yours. The question is asked there.");
      return;
    }
    const outcome = await decide(bench.queue, row, later);
    if (outcome === "theirs") page?.replaced?.(row);
    if (outcome === "give-up") await route();
  } finally {
    deciding = false;
    asked = false;
    channel?.postMessage({ say: "look", tab, by: row.by, order: row.order } satisfies Word);
  }
}

async function signOut(): Promise<void> {
  leaveDrafts();
  if (state.waiting > 0 && !(await confirm("Sign out?", `${state.waiting} changes have not reached the server. They stay on this computer and are sent when you sign in here again.`, "Sign out"))) return;
  try {
    await api.signOut();
  } catch (error) {
    return tell("Not signed out", sentence(error));
  }
  bench?.queue.stop();
  bench = null;
  location.hash = "";
  showSignIn("You are signed out.");
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

window.addEventListener("hashchange", () => void route());
window.addEventListener("online", () => bench?.queue.resume());
window.addEventListener("pagehide", saveDrafts);
document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && saveDrafts());
onDrafts((words) => {
  typing = words;
  paintState();
});
window.addEventListener("beforeunload", (event) => {
  if (state.waiting > 0 && !lasting) event.preventDefault();
});
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  applyTheme();
  page?.repaint?.();
});
channel?.addEventListener("message", (event: MessageEvent<{ row: Row; answer: EditAnswer } | Word>) => {
  if (!bench) return;
  if ("row" in event.data) return bench.queue.heard(event.data.row, event.data.answer);
  if (windows.hear(event.data, bench.me.label)) bench.queue.resume();
  if (event.data.say === "look") bench.queue.look();
});

void begin();
