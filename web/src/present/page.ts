// What each of the four pages begins with: the door, the clock, the posts, and what the server says.

import { fill, h } from "../dom";
import { SessionClock } from "./clock";
import { Door, enterPatiently, Refusal } from "./door";
import { Live } from "./live";
import { Posting, type Post } from "./posting";
import type { RoleName } from "./wire";

export interface PageHands {
  refused?: (post: Post, refusal: Refusal) => void;
  changed?: (waiting: number, cut: boolean) => void;
}

export interface SessionPage { door: Door; clock: SessionClock; posting: Posting; live: (connected: (up: boolean) => void) => Live }

/** Opens the door and sets the clock; null where the page was opened without a link that is good, which the page then says. */
export async function openPage(role: RoleName, host: Element, hands: PageHands = {}): Promise<SessionPage | null> {
  // another session's link, put into this tab: only what comes after the # changes, and a browser would load nothing
  addEventListener("hashchange", () => {
    if (location.hash.startsWith("#key=")) location.reload();
  });
  const door = new Door(role, sessionStorage);
  door.takeKey();
  try {
    await enterPatiently(door, () => fill(host, h("p", { class: "waiting-line" }, "Waiting for the server…")));
  } catch (error) {
    const sentence = error instanceof Refusal && error.shut ? "Please open this page by the link that mien present shows." : String((error as Error).message);
    fill(host, h("main", { class: "narrow" }, h("h1", {}, "This page is closed"), h("p", {}, sentence)));
    return null;
  }
  fill(host);
  const clock = new SessionClock(() => door.post("/api/clock", {}));
  if (role === "rater") await clock.set(); // ratings need no more than that, and a server of ratings may have no clock
  else await clock.keep();
  const reenter = (): Promise<boolean> => door.enter().then(() => true, () => false);
  const posting = new Posting({
    send: (path, body) => door.post(path, body),
    reenter,
    stamp: (page_ms) => clock.stamp(page_ms),
    shelf: sessionStorage,
    name: `${role}-${door.visit}`, // what was meant for one session must never be told to another
    refused: (post, refusal) => hands.refused?.(post, refusal),
    changed: (waiting, cut) => hands.changed?.(waiting, cut),
  });
  const live = (connected: (up: boolean) => void): Live =>
    new Live(
      door.address("/api/live"),
      (up) => {
        connected(up);
        if (up) posting.resume();
      },
      () => void reenter(),
    );
  return { door, clock, posting, live };
}
