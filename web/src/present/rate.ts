// The rater's page: clip by clip in an order of one's own, watched to its end, then emotion, valence and arousal. One may go
// back one clip, and come back another day.

import "../style.css";
import "./present.css";
import { button, fill, h } from "../dom";
import { applyTheme } from "../theme";
import { Refusal } from "./door";
import { openPage, type SessionPage } from "./page";
import { decodes } from "./participant/preload";
import { ReportForm, type Report } from "./report";
import type { RatingPlan } from "./wire";
import { wordsOf } from "./words";

type Clip = RatingPlan["clips"][number];
const words = wordsOf({
  report_title: "What does this clip make you feel?",
  emotion_question: "Which emotion does it evoke most?",
  valence_question: "How unpleasant or pleasant is the feeling?",
  arousal_question: "How calm or excited does it make you?",
  report_done: "Next clip",
});

class RatingPage {
  private readonly answers = new Map<string, Report>();
  private readonly skipped = new Set<string>();
  private readonly seen: string[] = [];
  private readonly body = h("main", { class: "rating" });
  private readonly count = h("span", { class: "dim" });
  private readonly bar = h("progress", { max: 1, value: 0, "aria-label": "progress" });
  private readonly state = h("span", { class: "dim" });
  private readonly back = button("Back one clip", () => this.goBack(), { class: "quiet", disabled: true });

  constructor(
    private readonly page: SessionPage,
    private readonly plan: RatingPlan,
    host: HTMLElement,
  ) {
    fill(host, h("header", { class: "head" }, h("strong", { class: "brand" }, page.door.study), this.bar, this.count, h("span", { class: "grow" }), this.state, this.back), this.body);
    this.draw();
    this.intro();
  }

  waiting(posts: number, cut: boolean): void {
    this.state.textContent = cut ? `${posts} waiting for the server` : "";
  }

  refused(stimulus: string, sentence: string): void {
    const clip = this.plan.clips.find(({ id }) => id === stimulus);
    if (clip) clip.done = false;
    this.draw();
    this.state.textContent = `The last rating was not taken: ${sentence}`;
  }

  private intro(): void {
    const done = this.plan.clips.filter((clip) => clip.done).length;
    const start = button(done > 0 ? "Go on" : "Start", () => this.next(), { class: "main" });
    fill(
      this.body,
      h("section", { class: "screen" },
        h("h1", {}, "Rating clips"),
        h("p", {}, `You will watch ${this.plan.clips.length - done} short clips. After each one, say what it makes you feel. There is no right answer.`),
        h("p", {}, "Take as long as you like. You may stop whenever you want: open the same link again to go on."),
        done > 0 ? h("p", {}, `${done} clips are rated already.`) : null,
        start),
    );
    start.focus();
  }

  private next(): void {
    const open = this.plan.clips.filter((clip) => !clip.done);
    const clip = open.find(({ id }) => !this.skipped.has(id)) ?? open[0];
    if (clip === undefined) return this.end();
    if (this.skipped.has(clip.id)) this.skipped.clear();
    this.watch(clip);
  }

  private goBack(): void {
    const clip = this.plan.clips.find(({ id }) => id === this.seen.at(-1));
    this.seen.pop();
    if (clip) this.watch(clip);
  }

  private watch(clip: Clip): void {
    this.draw();
    let watched_s = 0;
    const video = h("video", { class: "rating-film", playsinline: true, preload: "auto", src: this.page.door.address(clip.url), "aria-label": "clip" });
    const leave = (): void => {
      video.pause();
      video.removeAttribute("src");
    };
    video.addEventListener("timeupdate", () => void (watched_s = Math.max(watched_s, video.currentTime)));
    video.addEventListener("ended", () => {
      watched_s = video.currentTime;
      leave();
      this.rate(clip, watched_s);
    });
    video.addEventListener("error", () => void this.unplayable(clip));
    const play = button("Play the clip", () => void video.play().then(() => (play.hidden = true), () => undefined), { class: "main" });
    this.body.classList.remove("reporting");
    fill(this.body, h("section", { class: "rating-stage" }, video, play));
    play.focus();
    void video.play().then(() => (play.hidden = true), () => undefined); // before a first press a browser may not let it
  }

  private rate(clip: Clip, watched_s: number): void {
    const { emotions, scale } = this.plan;
    const form = new ReportForm({ emotions, scale, limit_s: null }, words, (emotion) => emotion, (report) => {
      this.answers.set(clip.id, report);
      this.page.posting.add("/api/rating/rating", { stimulus: clip.id, emotion: report.emotion, valence: report.valence, arousal: report.arousal, watched_s: Math.round(watched_s * 1000) / 1000 });
      clip.done = true;
      this.seen.push(clip.id);
      this.next();
    });
    const before = this.answers.get(clip.id);
    if (before) form.show(before);
    const again = button("Watch it again", () => this.watch(clip), { class: "quiet" });
    this.body.classList.add("reporting");
    fill(this.body, form.element, again);
    form.begin();
  }

  private async unplayable(clip: Clip): Promise<void> {
    const reason = await decodes(this.page.door.address(clip.url), clip.seconds).then(() => "it broke off", (error: Error) => error.message);
    const skip = button("Leave it out for now", () => {
      this.skipped.add(clip.id);
      if (this.plan.clips.every(({ done, id }) => done || this.skipped.has(id))) this.end();
      else this.next();
    });
    fill(this.body, h("section", { class: "screen" }, h("h1", {}, "This clip cannot be played"), h("p", {}, reason), h("div", { class: "toolbar" }, button("Try again", () => this.watch(clip), { class: "main" }), skip)));
  }

  private draw(): void {
    const done = this.plan.clips.filter((clip) => clip.done).length;
    this.bar.value = this.plan.clips.length === 0 ? 1 : done / this.plan.clips.length;
    this.count.textContent = `${done} of ${this.plan.clips.length} rated`;
    this.back.disabled = this.seen.length === 0;
  }

  private end(): void {
    this.draw();
    const left = this.plan.clips.filter((clip) => !clip.done).length;
    const text = left > 0 ? `${left} clips could not be played. Please tell whoever sent you the link.` : "You have rated every clip. Thank you. You can close this page.";
    fill(this.body, h("section", { class: "screen" }, h("h1", { tabindex: -1 }, left > 0 ? "Nearly done" : "Done"), h("p", {}, text)));
    void this.page.posting.settled().then(() => (this.state.textContent = ""));
  }
}

async function planOf(page: SessionPage): Promise<RatingPlan> {
  for (;;) {
    try {
      return await page.door.get<RatingPlan>("/api/rating/plan");
    } catch (error) {
      if (!(error instanceof Refusal) || !error.passing) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
  }
}

applyTheme();
const host = document.getElementById("page")!;
let here: RatingPage | null = null;
const page = await openPage("rater", host, {
  changed: (waiting, cut) => here?.waiting(waiting, cut),
  refused: (post, refusal) => here?.refused(String(post.body["stimulus"]), refusal.message),
});
if (page !== null) {
  await page.posting.settled();
  here = new RatingPage(page, await planOf(page), host);
}
