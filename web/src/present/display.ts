// The small display beside the participant's screen: dark, until a reminder comes.

import "../style.css";
import "./present.css";
import { fill, h } from "../dom";
import { openPage } from "./page";
import { Showing, type Remind } from "./showing";

document.documentElement.dataset["theme"] = "dark";
const host = document.getElementById("page")!;
const page = await openPage("display", host);
if (page !== null) {
  const text = h("p", { class: "reminder-text" });
  const board = h("main", { class: "reminder-board", role: "alert" }, text);
  const cut = h("span", { class: "cut-dot", hidden: true, title: "no connection to the session" });
  fill(host, board, cut);
  const showing = new Showing({
    show: (words) => {
      text.textContent = words;
      // as large as fits: the longest word in a line, the whole text on the display
      const longest = Math.max(4, ...words.split(/\s+/).map((word) => word.length));
      let size = Math.min((1.5 * innerWidth) / longest, innerHeight / 2);
      do {
        text.style.fontSize = `${size.toFixed(1)}px`;
        size *= 0.92;
      } while (size > 12 && (text.scrollWidth > innerWidth || text.scrollHeight > 0.96 * innerHeight));
    },
    blank: () => void (text.textContent = ""),
    shown: (reminder, page_ms) => void page.posting.add("/api/display/shown", { reminder }, page_ms),
    frame: (work) => void requestAnimationFrame(work),
    later: (work, after_ms) => window.setTimeout(work, after_ms),
    forget: (timer) => clearTimeout(timer as number),
  });
  page
    .live((up) => void (cut.hidden = up))
    .on<Remind>("remind", (remind) => showing.remind(remind))
    .start();
  document.addEventListener("click", () => void document.documentElement.requestFullscreen().catch(() => undefined));
}
