// Three running plots: head, body, face. In spreads above the participant's own baseline once there is one, with the
// baseline's spread shaded and the threshold as a line; in face widths per second before. Colours that people with colour
// blindness tell apart, and each trace has a plot and a name of its own.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { fill, h } from "../../dom";
import { TraceBuffer, TRACES, upperEnd, WINDOW_S, type TraceName } from "./buffer";

const NAMES: Readonly<Record<TraceName, string>> = { head: "head", body: "body", face: "face" };
const AXIS_PX = 44;

export interface Marks { reminders: readonly number[]; threshold: number | null }

export class Plots {
  readonly element = h("div", { class: "monitor-plots" });
  private readonly plots = new Map<TraceName, uPlot>();
  private readonly values = new Map<TraceName, HTMLElement>();
  private readonly legend = h("p", { class: "plot-legend dim small" });
  private readonly boxes: HTMLElement[] = [];
  private marks: Marks = { reminders: [], threshold: null };
  private now_s = 0;

  constructor(private readonly buffer: TraceBuffer) {
    for (const name of TRACES) {
      const value = h("output", { class: "plot-value" });
      const box = h("div", { class: "plot", "data-trace": name, role: "img", "aria-label": `${NAMES[name]} motion over the last ${WINDOW_S} seconds` }, h("span", { class: "plot-name" }, NAMES[name], " ", value));
      this.values.set(name, value);
      this.boxes.push(box);
      this.element.appendChild(box);
      this.plots.set(name, this.make(name, box));
    }
    this.element.appendChild(this.legend);
    new ResizeObserver(() => this.resize()).observe(this.element);
    this.say();
  }

  draw(now_s: number, marks: Marks): void {
    this.now_s = now_s;
    this.marks = marks;
    const threshold = this.threshold;
    for (const name of TRACES) {
      const [times, values] = this.buffer.since(now_s, name);
      const plot = this.plots.get(name)!;
      plot.batch(() => {
        plot.setData([times, values], false);
        plot.setScale("x", { min: -WINDOW_S, max: 0 });
        plot.setScale("y", { min: this.buffer.relative ? -1 : 0, max: upperEnd(this.buffer.largest(name), threshold) });
      });
      const last = values.at(-1);
      this.values.get(name)!.textContent = last === null || last === undefined ? "not found" : last.toFixed(this.buffer.relative ? 1 : 2);
    }
    this.say();
  }

  private get threshold(): number | null {
    return this.buffer.relative ? this.marks.threshold : null;
  }

  private say(): void {
    const unit = this.buffer.relative ? "spreads above baseline" : "face widths/s";
    const said = this.buffer.relative ? "▒ baseline ± 1 spread   ╌ threshold   ┃ reminder" : "no baseline yet   ┃ reminder";
    const text = `${unit}   ${said}   last ${WINDOW_S} s`;
    if (this.legend.textContent !== text) fill(this.legend, text);
  }

  private make(name: TraceName, box: HTMLElement): uPlot {
    const ink = (property: string) => (): string => getComputedStyle(this.element).getPropertyValue(property).trim() || "#888";
    return new uPlot(
      {
        width: 400,
        height: 80,
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: false, auto: false, min: -WINDOW_S, max: 0 }, y: { auto: false, min: 0, max: 1 } },
        axes: [
          { show: false },
          { size: AXIS_PX, stroke: ink("--soft"), grid: { stroke: ink("--lane"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif", space: 24 },
        ],
        padding: [6, 4, 4, 0],
        series: [{}, { stroke: ink(`--trace-${name}`), width: 1.5, points: { show: false }, spanGaps: false }],
        hooks: { drawClear: [(plot) => this.shade(plot, ink)], draw: [(plot) => this.mark(plot, ink)] },
      },
      [[], []],
      box,
    );
  }

  private shade(plot: uPlot, ink: (property: string) => () => string): void {
    if (!this.buffer.relative) return;
    const { ctx, bbox } = plot;
    const top = plot.valToPos(1, "y", true);
    const bottom = plot.valToPos(-1, "y", true);
    ctx.save();
    ctx.fillStyle = ink("--baseline")();
    ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
    ctx.restore();
  }

  private mark(plot: uPlot, ink: (property: string) => () => string): void {
    const { ctx, bbox } = plot;
    const threshold = this.threshold;
    ctx.save();
    ctx.lineWidth = 1.5 * devicePixelRatio;
    if (threshold !== null) {
      const y = plot.valToPos(threshold, "y", true);
      ctx.strokeStyle = ink("--warn")();
      ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
    }
    ctx.setLineDash([]);
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.strokeStyle = ink("--ink")();
    for (const at_s of this.marks.reminders) {
      const before_s = at_s - this.now_s;
      if (before_s < -WINDOW_S || before_s > 0) continue;
      const x = plot.valToPos(before_s, "x", true);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }

  private resize(): void {
    for (const [place, name] of TRACES.entries()) {
      const box = this.boxes[place]!;
      const width = box.clientWidth;
      const height = box.clientHeight;
      if (width < 80 || height < 30) continue;
      const plot = this.plots.get(name)!;
      if (plot.width !== width || plot.height !== height) plot.setSize({ width, height });
    }
  }
}
