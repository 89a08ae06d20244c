// The clip as one strip: rows of expressions from onset to offset with their apex, suggestions as dashed ghosts, the frame
// on the screen as a line. A click goes there. Kind is told by shape and letter, not by colour alone.

import { h } from "./dom";
import { verdict } from "./rule";
import type { Stretch } from "./stretch";
import type { Body } from "./types";

export interface Bar {
  id: string;
  body: Pick<Body, "onset" | "apex" | "offset">;
  full: Body | null;
  ghost: boolean;
  selected: boolean;
}

export interface Lane {
  name: string;
  bars: Bar[];
}

const NAMES_PX = 64;
const AXIS_PX = 16;
const LANE_PX = 22;

export class Timeline {
  readonly element: HTMLElement;
  private readonly canvas = h("canvas", { id: "timeline", role: "img", "aria-label": "timeline of the clip" });
  private readonly cursor = h("div", { class: "cursor", "aria-hidden": "true" });
  private readonly observer: ResizeObserver;
  private lanes: Lane[] = [];
  private now_s = 0;
  private hits: { left: number; right: number; top: number; bar: Bar }[] = [];

  constructor(
    private readonly times_s: readonly number[],
    private readonly stretch: Stretch,
    private readonly chosen: (frame_s: number, bar: Bar | null) => void,
  ) {
    this.element = h("div", { class: "timeline" }, this.canvas, this.cursor);
    this.canvas.addEventListener("pointerdown", (event) => this.pointed(event));
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.buttons === 1) this.chosen(this.timeAt(event.offsetX), null);
    });
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.element);
    stretch.listen(() => this.draw());
  }

  close(): void {
    this.observer.disconnect();
  }

  show(lanes: Lane[]): void {
    this.lanes = lanes;
    this.draw();
  }

  /** Moves the line only: cheap enough for every picture of the display. */
  at(now_s: number): void {
    this.now_s = now_s;
    this.cursor.style.transform = `translateX(${this.x(now_s).toFixed(1)}px)`;
  }

  draw(): void {
    const width = this.element.clientWidth;
    const height = this.lanes.length * LANE_PX + AXIS_PX;
    if (width < NAMES_PX + 40) return;
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = Math.floor(width * scale);
    this.canvas.height = Math.floor(height * scale);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    const context = this.canvas.getContext("2d");
    if (!context) return;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    const style = getComputedStyle(this.element);
    const ink = (name: string): string => style.getPropertyValue(name).trim() || "#888";
    this.hits = [];
    context.font = "11px system-ui, sans-serif";
    this.lanes.forEach((lane, place) => this.lane(context, lane, place * LANE_PX, width, ink));
    this.axis(context, this.lanes.length * LANE_PX, width, ink);
    this.at(this.now_s);
  }

  private lane(context: CanvasRenderingContext2D, lane: Lane, top: number, width: number, ink: (name: string) => string): void {
    context.fillStyle = ink("--lane");
    context.fillRect(NAMES_PX, top + 1, width - NAMES_PX, LANE_PX - 2);
    context.fillStyle = ink("--soft");
    context.textBaseline = "middle";
    context.fillText(clipped(context, lane.name, NAMES_PX - 8), 4, top + LANE_PX / 2);
    context.save();
    context.beginPath();
    context.rect(NAMES_PX, top, width - NAMES_PX, LANE_PX);
    context.clip();
    for (const bar of [...lane.bars].sort((a, b) => Number(a.selected) - Number(b.selected))) this.bar(context, bar, top, ink);
    context.restore();
  }

  private bar(context: CanvasRenderingContext2D, bar: Bar, top: number, ink: (name: string) => string): void {
    const frames = [bar.body.onset, bar.body.apex, bar.body.offset].filter((frame) => frame !== null);
    if (frames.length === 0) return;
    const at = (frame: number): number => this.x(this.times_s[frame] ?? 0);
    const left = at(Math.min(...frames));
    const right = Math.max(at(Math.max(...frames)), left + 3);
    const [y, height] = [top + 3.5, LANE_PX - 7];
    const kind = bar.full ? verdict(bar.full, this.times_s).kind : null;
    context.fillStyle = ink(bar.ghost ? "--ghost" : kind === "macro" ? "--macro" : kind === "micro" ? "--micro" : "--undecided");
    context.strokeStyle = ink(bar.selected ? "--ink" : bar.ghost ? "--soft" : "--edge");
    context.lineWidth = bar.selected ? 2 : 1;
    context.setLineDash(bar.ghost ? [4, 3] : []);
    context.fillRect(left, y, right - left, height);
    context.strokeRect(left, y, right - left, height);
    context.setLineDash([]);
    if (bar.body.apex !== null) {
      const apex = at(bar.body.apex);
      context.beginPath();
      context.moveTo(apex, y);
      context.lineTo(apex, y + height);
      context.stroke();
    }
    const letter = bar.ghost ? "?" : kind === "micro" ? "μ" : kind === "macro" ? "M" : "";
    if (letter !== "" && right - left > 14) {
      context.fillStyle = ink("--ink");
      context.fillText(letter, left + 4, top + LANE_PX / 2);
    }
    this.hits.push({ left: left - 3, right: right + 3, top, bar });
  }

  private axis(context: CanvasRenderingContext2D, top: number, width: number, ink: (name: string) => string): void {
    const span = this.stretch.to_s - this.stretch.from_s;
    const steps = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600];
    const step = steps.find((candidate) => (candidate / span) * (width - NAMES_PX) >= 60) ?? 1200;
    context.fillStyle = ink("--soft");
    context.strokeStyle = ink("--line");
    context.lineWidth = 1;
    const digits = step < 0.1 ? 2 : step < 1 ? 1 : 0;
    for (let count = Math.ceil(this.stretch.from_s / step); count * step <= this.stretch.to_s; count++) {
      const x = Math.round(this.x(count * step)) + 0.5;
      context.beginPath();
      context.moveTo(x, top);
      context.lineTo(x, top + 4);
      context.stroke();
      const text = `${(count * step).toFixed(digits)} s`;
      if (x + context.measureText(text).width < width) context.fillText(text, x + 3, top + AXIS_PX / 2 + 1);
    }
  }

  private pointed(event: PointerEvent): void {
    if (event.button !== 0) return;
    const hit = [...this.hits]
      .reverse()
      .find(({ left, right, top }) => event.offsetX >= left && event.offsetX <= right && event.offsetY >= top && event.offsetY < top + LANE_PX);
    this.chosen(this.timeAt(event.offsetX), hit?.bar ?? null);
  }

  private x(time_s: number): number {
    const { from_s, to_s } = this.stretch;
    return NAMES_PX + ((time_s - from_s) / (to_s - from_s)) * (this.element.clientWidth - NAMES_PX);
  }

  private timeAt(x: number): number {
    const { from_s, to_s } = this.stretch;
    return from_s + ((x - NAMES_PX) / (this.element.clientWidth - NAMES_PX)) * (to_s - from_s);
  }
}

function clipped(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 1 && context.measureText(`${text.slice(0, end)}…`).width > width) end--;
  return `${text.slice(0, end)}…`;
}
