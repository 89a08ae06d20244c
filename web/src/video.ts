// The video of a clip on the screen: frames from the server, a player that says which, a view that draws it. Drawing, the
// frame number and the time change in one call, so that no picture is ever seen under another's number.

import { api, ApiError } from "./api";
import { announce, h, seconds } from "./dom";
import { FrameCache } from "./frames";
import { Player } from "./player";
import type { Clip, Flow } from "./types";
import { View } from "./view";

const CACHE_BYTES = 256 * 1024 * 1024;
const PARALLEL = 3;
// while playing nobody looks at single pixels: narrower frames come in time, the full one when the coder stops
const PLAYING_WIDTH = 960;

export interface Listener {
  /** the onset of the selected expression, to compare with */
  onset(): number | null;
  /** further frames that are likely next: marks of the selected expression */
  near(): number[];
  moved(): void;
}

export class Video {
  readonly element: HTMLElement;
  readonly bar: HTMLElement;
  readonly player: Player;
  readonly view: View;

  private readonly cache: FrameCache<ImageBitmap>;
  private readonly number = h("output", { id: "frame-number", "aria-live": "off" }, "–");
  private readonly time = h("output", { id: "frame-time", "aria-live": "off" }, "–");
  private readonly state = h("span", { id: "play-state" });
  private readonly modes = h("span", { id: "view-modes" });
  private readonly trouble = h("span", { id: "frame-trouble", class: "trouble", role: "alert" });
  private readonly resizing: ResizeObserver;
  private flow: { from: number; to: number; flow: Flow } | null = null;
  private flowRequest: AbortController | null = null;
  private flowTimer = 0;
  private animation = 0;
  private width: number | null = null;
  private closed = false;
  /** before the viewing copy is ready there is nothing to ask for */
  private started = false;

  constructor(
    private readonly clip: Clip,
    private readonly listener: Listener,
  ) {
    const canvas = h("canvas", { id: "frame", role: "img", "aria-label": "video frame", "data-frame": "" });
    const box = h("div", { class: "canvas-box" }, canvas);
    const label = `Video of ${clip.id}, ${clip.n_frames} frames`;
    this.element = h("div", { id: "stage", tabindex: 0, role: "application", "aria-label": label, "aria-describedby": "stage-help" },
      box, h("span", { id: "stage-help", class: "unseen" }, "Arrow keys step by frame. Question mark lists every key."));
    this.bar = h("div", { class: "transport" },
      h("span", { class: "readout" }, h("span", { class: "dim" }, "frame "), this.number, h("span", { class: "dim" }, ` of 0–${clip.n_frames - 1}`)),
      h("span", { class: "readout" }, this.time), this.state, this.modes, this.trouble);
    this.view = new View(canvas, [clip.width, clip.height], clip.face, (frame) => this.caption(frame));
    this.cache = new FrameCache(
      (frame, signal) => api.frame(clip.id, frame, this.width, signal),
      { bytes: CACHE_BYTES, parallel: PARALLEL },
      (frame) => this.arrived(frame),
      (frame, error) => this.failed(frame, error),
    );
    this.player = new Player(clip.times_s, {
      has: (frame) => this.cache.has(frame),
      show: (frame) => this.show(frame),
      want: (frames) => this.started && this.cache.want([...frames.slice(0, 8), ...this.listener.near(), ...frames.slice(8)], this.pinned()),
      changed: () => this.changed(),
    }, clip.key_every);
    this.resizing = new ResizeObserver(() => this.refit());
    this.resizing.observe(box);
  }

  /** Begins to fetch; called once the element is in the page and the proxy is ready. */
  start(frame: number): void {
    this.started = true;
    this.view.resize();
    this.width = this.view.wantedWidth();
    this.player.seek(frame);
  }

  /** Draws what is shown again: another mode, another size, another onset to compare with. */
  redraw(): void {
    const { shown } = this.player;
    if (shown !== null && this.cache.has(shown)) this.show(shown);
  }

  toggle(mode: "face" | "difference" | "flow"): void {
    if (!this.started) return;
    this.view[mode] = !this.view[mode];
    if (mode === "face") this.refetch();
    if (this.player.shown !== null) this.cache.want([this.player.asked, ...this.listener.near()], this.pinned());
    this.askFlow();
    this.redraw();
    announce(`${mode === "face" ? "zoom to the face" : mode === "flow" ? "motion" : "difference"} ${this.view[mode] ? "on" : "off"}`);
  }

  brighter(): void {
    this.view.gain = this.view.gain >= 16 ? 1 : this.view.gain * 2;
    this.redraw();
    announce(`difference times ${this.view.gain}`);
  }

  close(): void {
    this.closed = true;
    cancelAnimationFrame(this.animation);
    window.clearTimeout(this.flowTimer);
    this.flowRequest?.abort();
    this.resizing.disconnect();
    this.cache.close();
  }

  private show(frame: number): void {
    const picture = this.cache.get(frame);
    if (!picture) return;
    const onset = this.listener.onset();
    const compared = this.view.difference && onset !== null ? (this.cache.get(onset) ?? null) : null;
    const from = this.flowFrom(frame);
    const flow = this.flow && this.flow.to === frame && this.flow.from === from ? this.flow.flow : null;
    this.view.draw({ frame, picture, onset: compared, flow });
    this.modes.textContent = this.view.modes(onset, compared !== null, from, flow !== null);
    this.trouble.textContent = "";
    this.askFlow();
  }

  private caption(frame: number): void {
    this.number.textContent = String(frame);
    this.time.textContent = seconds(this.clip.times_s[frame]!);
    this.listener.moved();
    if (this.player.playing === 0) announce(`frame ${frame}, ${seconds(this.clip.times_s[frame]!, 2)}`, 350);
  }

  private changed(): void {
    const { player } = this;
    const doing = player.playing === 0 ? "paused" : player.playing > 0 ? "▶ playing" : "◀ reverse";
    const speed = player.speed === 1 ? "true speed" : "¼ speed";
    this.refetch();
    const slow = player.playing !== 0 && player.pace < 0.95;
    const waiting = slow ? ` · frames come slowly: ${Math.round(player.pace * 20) * 5} % of it` : player.waiting && player.playing === 0 ? ` · waiting for frame ${player.asked}` : "";
    const thinned = player.playing !== 0 && player.stride > 1 ? ` · 1 of ${player.stride} frames` : "";
    const text = `${doing} · ${speed}${thinned}${player.loop ? " · repeating" : ""}${waiting}`;
    if (this.state.textContent !== text) this.state.textContent = text;
    this.state.classList.toggle("waiting", slow || (player.waiting && player.playing === 0));
    if (player.playing !== 0 && this.animation === 0 && !this.closed) this.animation = requestAnimationFrame((now) => this.tick(now));
  }

  private tick(now_ms: number): void {
    this.animation = 0;
    this.player.tick(now_ms);
    if (this.player.playing !== 0 && this.animation === 0 && !this.closed) this.animation = requestAnimationFrame((now) => this.tick(now));
  }

  private arrived(frame: number): void {
    const again = this.player.shown === frame && this.player.playing === 0;
    this.player.arrived(frame);
    // the shown frame in a better width, or the onset it is compared with
    if (again || (this.view.difference && frame === this.listener.onset())) this.redraw();
  }

  private failed(frame: number, error: unknown): void {
    if (frame !== this.player.asked) return;
    const why = error instanceof ApiError ? error.message : "It could not be decoded.";
    this.trouble.textContent = `Frame ${frame} has not come: ${why} Trying again.`;
  }

  private pinned(): number[] {
    const onset = this.listener.onset();
    const frames = this.player.shown === null ? [] : [this.player.shown];
    return this.view.difference && onset !== null ? [...frames, onset] : frames;
  }

  private refit(): void {
    if (this.closed || !this.started || !this.view.resize()) return;
    this.refetch();
    this.redraw();
  }

  /** Another size on the screen may want frames of another width; those at hand serve until they come. */
  private refetch(): void {
    if (!this.started) return;
    const needed = this.view.wantedWidth();
    const playing = this.player.playing !== 0 && !this.view.face;
    const width = playing && (needed ?? this.clip.width) > PLAYING_WIDTH ? PLAYING_WIDTH : needed;
    if (width === this.width) return;
    const wider = (width ?? Infinity) > (this.width ?? Infinity);
    this.width = width;
    if (wider) this.cache.refresh(); // frames that are wider than needed serve as they are
  }

  private flowFrom(frame: number): number | null {
    if (!this.view.flow) return null;
    const onset = this.listener.onset();
    if (onset !== null && onset !== frame) return onset;
    return frame > 0 ? frame - 1 : null;
  }

  /** Motion is computed on demand: asked only where the coder rests on a frame. */
  private askFlow(): void {
    window.clearTimeout(this.flowTimer);
    const { shown } = this.player;
    const from = shown === null ? null : this.flowFrom(shown);
    if (shown === null || from === null || (this.flow?.from === from && this.flow.to === shown)) return;
    this.flowTimer = window.setTimeout(() => void this.fetchFlow(from, shown), 120);
  }

  private async fetchFlow(from: number, to: number): Promise<void> {
    this.flowRequest?.abort();
    const request = new AbortController();
    this.flowRequest = request;
    try {
      const flow = await api.flow(this.clip.id, from, to, request.signal);
      if (request.signal.aborted || this.closed) return;
      this.flow = { from, to, flow };
      if (this.player.shown === to) this.redraw();
    } catch (error) {
      if (request.signal.aborted || this.closed) return;
      this.modes.textContent = error instanceof ApiError ? error.message : "The motion could not be computed.";
    }
  }
}
