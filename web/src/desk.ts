// What coding and adjudication share: the video with its bar, the timeline and the signals under it, and the actions that
// move through a clip. A page adds what is marked beside it.

import { api, ApiError } from "./api";
import { askLine, keyTable, tell } from "./dialogs";
import { announce, button, fill, h } from "./dom";
import type { Mark } from "./form";
import { printed, shortcuts, type Actions, type Group, type Where } from "./keys";
import { lastAtOrBefore, type Span } from "./player";
import { Stretch } from "./stretch";
import { Timeline, type Bar } from "./timeline";
import { Traces } from "./traces";
import type { Body, Clip } from "./types";
import { Video } from "./video";

const FIRST_STRETCH_S = 20;
const POLL_MS = 800;

export interface Owner {
  /** the expression that is selected, for loop, difference and jumps */
  selected(): Body | null;
  picked(bar: Bar): void;
  /** the viewing copy was made: the clip is to be fetched again */
  renewed(): void;
}

export class Desk {
  readonly element: HTMLElement;
  readonly video: Video;
  readonly timeline: Timeline;
  readonly traces: Traces;
  private readonly stretch: Stretch;
  private readonly curtain = h("div", { id: "proxy-state", class: "curtain", role: "status" });
  private poll = 0;
  private closed = false;

  constructor(
    private readonly clip: Clip,
    private readonly owner: Owner,
  ) {
    const length_s = clip.times_s.at(-1) ?? 0;
    this.stretch = new Stretch(length_s);
    if (length_s > FIRST_STRETCH_S) this.stretch.zoom(FIRST_STRETCH_S / length_s, 0);
    this.video = new Video(clip, {
      onset: () => owner.selected()?.onset ?? null,
      near: () => framesOf(owner.selected()),
      moved: () => this.moved(),
    });
    this.timeline = new Timeline(clip.times_s, this.stretch, (time_s, bar) => this.pointed(time_s, bar));
    this.traces = new Traces(this.stretch, (time_s) => this.video.player.seek(lastAtOrBefore(clip.times_s, time_s)));
    this.video.element.appendChild(this.curtain);
    this.element = h("div", { class: "desk" }, this.video.element, this.video.bar, this.timeline.element, this.traces.element);
  }

  /** Fetches what the clip needs; called once the element is in the page. */
  async start(frame: number): Promise<void> {
    this.video.element.focus();
    void this.fetchTraces();
    if (this.clip.times_s.length === 0) return void this.noProxy(this.clip.problem ?? "The frames of this video have no times: it cannot be coded.");
    if (await this.proxyReady()) this.video.start(frame);
  }

  close(): void {
    this.closed = true;
    window.clearTimeout(this.poll);
    this.video.close();
    this.timeline.close();
    this.traces.close();
  }

  repaint(): void {
    this.timeline.draw();
    this.traces.repaint();
  }

  focus(): void {
    this.video.element.focus();
  }

  /** The frame a mark may be set to: the one that is seen, and only where no other is being waited for. */
  seen(): number | null {
    const { player } = this.video;
    if (player.shown === null || (player.waiting && player.playing === 0)) {
      announce(`frame ${player.asked} has not come yet: nothing was marked`);
      return null;
    }
    return player.shown;
  }

  /** A new selection: loop, comparison and prefetch follow it. */
  selectionChanged(): void {
    const { player } = this.video;
    if (player.loop) player.setLoop(this.loopSpan());
    this.video.redraw();
  }

  actions(where: Where): Actions {
    const { player } = this.video;
    const step = (frames: number) => (): void => player.step(frames);
    return {
      back: step(-1), next: step(1), "back-10": step(-10), "next-10": step(10),
      "back-second": () => player.skip(-1),
      "next-second": () => player.skip(1),
      first: () => player.seek(0),
      last: () => player.seek(player.last),
      go: () => void this.go(),
      "to-onset": () => this.jump("onset"),
      "to-apex": () => this.jump("apex"),
      "to-offset": () => this.jump("offset"),
      play: () => player.toggle(),
      reverse: () => player.play(-1),
      pause: () => player.pause(),
      forward: () => player.play(1),
      speed: () => {
        player.setSpeed(player.speed === 1 ? 0.25 : 1);
        announce(player.speed === 1 ? "true speed" : "a quarter of the speed");
      },
      loop: () => this.toggleLoop(),
      difference: () => this.video.toggle("difference"),
      gain: () => this.video.brighter(),
      flow: () => this.video.toggle("flow"),
      zoom: () => this.video.toggle("face"),
      "window-in": () => this.stretch.zoom(0.5, this.now_s()),
      "window-out": () => this.stretch.zoom(2, this.now_s()),
      help: () => void showKeys(where),
    };
  }

  jump(which: Mark): void {
    const frame = this.owner.selected()?.[which] ?? null;
    if (frame === null) announce(`no ${which} is set`);
    else this.video.player.seek(frame);
  }

  private async go(): Promise<void> {
    const last = this.clip.n_frames - 1;
    const check = (line: string): string | null => (/^\d+$/.test(line) && Number(line) <= last ? null : `A frame from 0 to ${last}.`);
    const line = await askLine("Go to a frame", `Frame (0 to ${last})`, "Go", check, String(this.video.player.shown ?? 0));
    this.focus();
    if (line !== null) this.video.player.seek(Number(line));
  }

  private toggleLoop(): void {
    const { player } = this.video;
    player.setLoop(player.loop ? null : this.loopSpan());
    announce(player.loop ? `repeating frames ${player.loop[0]} to ${player.loop[1]}` : "not repeating");
  }

  private loopSpan(): Span {
    const frames = framesOf(this.owner.selected());
    const [first, last] = [Math.min(...frames), Math.max(...frames)];
    return frames.length > 1 && last > first ? [first, last] : [0, this.video.player.last];
  }

  private now_s(): number {
    return this.clip.times_s[this.video.player.asked] ?? 0;
  }

  private moved(): void {
    const frame = this.video.player.shown;
    if (frame === null) return;
    const now_s = this.clip.times_s[frame]!;
    this.stretch.follow(now_s);
    this.timeline.at(now_s);
    this.traces.at(now_s);
  }

  private pointed(time_s: number, bar: Bar | null): void {
    this.video.player.seek(lastAtOrBefore(this.clip.times_s, time_s));
    if (bar) this.owner.picked(bar);
  }

  private async fetchTraces(): Promise<void> {
    try {
      const { traces, problem } = await api.traces(this.clip.id);
      if (this.closed) return;
      if (traces.length > 0) this.traces.show(traces);
      else this.traces.say(problem ?? "No signal was recorded with this clip.");
      if (this.video.player.shown !== null) this.traces.at(this.now_s());
    } catch (error) {
      if (!this.closed) this.traces.say(error instanceof ApiError ? error.message : "The signals could not be shown.");
    }
  }

  /** Waits for the viewing copy of the video, from which single frames can be served; asks for it where there is none. */
  private async proxyReady(): Promise<boolean> {
    let { proxy } = this.clip;
    try {
      if (proxy.state === "missing") proxy = await api.makeProxy(this.clip.id);
      while (proxy.state === "making") {
        this.progress(proxy.done, proxy.of);
        await new Promise<void>((resolve) => (this.poll = window.setTimeout(resolve, POLL_MS)));
        if (this.closed) return false;
        proxy = await api.proxy(this.clip.id);
      }
    } catch (error) {
      return this.noProxy(error instanceof ApiError ? error.message : "The viewing copy could not be made.");
    }
    if (proxy.state === "ready" && this.clip.width === 0) {
      // size and face are known only now: the page begins again with them
      this.owner.renewed();
      return false;
    }
    if (proxy.state !== "ready") return this.noProxy(proxy.problem ?? "There is no viewing copy of this video.");
    this.curtain.hidden = true;
    return !this.closed;
  }

  private progress(done: number, of: number): void {
    const bar = h("progress", { max: Math.max(1, of), value: done, "aria-label": "viewing copy" });
    fill(this.curtain, h("p", {}, `Making the viewing copy of this video: ${done} of ${of} frames. The recording itself stays as it is.`), bar);
  }

  private noProxy(sentence: string): false {
    const again = (): void => {
      this.clip.proxy = { ...this.clip.proxy, state: "missing" };
      void this.start(0);
    };
    fill(this.curtain, h("p", { class: "error" }, sentence), button("Try again", again));
    return false;
  }
}

/** The frames that are marked, in the order onset, apex, offset. */
export function framesOf(body: Pick<Body, Mark> | null): number[] {
  return body ? [body.onset, body.apex, body.offset].filter((frame) => frame !== null) : [];
}

/** The sheet of shortcuts, from the same table that drives the keys. */
export async function showKeys(where: Where): Promise<void> {
  const here = shortcuts.filter((shortcut) => shortcut.where.includes(where));
  const groups = [...new Set(here.map(({ group }) => group))];
  const section = (group: Group): HTMLElement =>
    h("section", {}, h("h3", {}, group),
      keyTable(here.filter((shortcut) => shortcut.group === group).map(({ keys, what }) => ({ keys: keys.map(printed).join(" or "), what }))));
  await tell("Keys", h("div", { class: "key-sheet" }, groups.map(section), h("p", { class: "dim small" }, "Letters work while no field has the focus. Escape leaves a field and saves it.")));
}
