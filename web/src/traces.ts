// The recorded signals under the video, one small plot each, in the same stretch of time as the timeline, with a line at
// the frame on the screen. Points come decimated by the server with minima and maxima kept; gaps stay gaps.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { fill, h } from "./dom";
import type { Stretch } from "./stretch";
import type { Trace } from "./types";

const HEIGHT_PX = 58;
const NAMES_PX = 64;

export class Traces {
  readonly element = h("div", { id: "traces", class: "traces" });
  private readonly plots: { plot: uPlot; cursor: HTMLElement }[] = [];
  private readonly observer: ResizeObserver;
  private now_s = 0;

  constructor(
    private readonly stretch: Stretch,
    private readonly chosen: (time_s: number) => void,
  ) {
    stretch.listen(() => this.move());
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.element);
  }

  say(sentence: string): void {
    fill(this.element, h("p", { class: "dim small" }, sentence));
  }

  show(traces: readonly Trace[]): void {
    this.clear();
    for (const trace of traces) this.add(trace);
    this.move();
  }

  /** Redraws in the colours of the theme. */
  repaint(): void {
    for (const { plot } of this.plots) plot.redraw(false, true);
  }

  at(now_s: number): void {
    this.now_s = now_s;
    for (const { plot, cursor } of this.plots) {
      const x = plot.valToPos(now_s, "x");
      cursor.hidden = !(x >= 0 && x <= plot.over.clientWidth);
      cursor.style.transform = `translateX(${x.toFixed(1)}px)`;
    }
  }

  close(): void {
    this.observer.disconnect();
    this.clear();
  }

  private clear(): void {
    for (const { plot } of this.plots) plot.destroy();
    this.plots.length = 0;
    this.element.replaceChildren();
  }

  private add(trace: Trace): void {
    const name = trace.unit ? `${trace.name} (${trace.unit})` : trace.name;
    const box = h("div", { class: "trace", role: "img", "aria-label": `signal ${name}` }, h("span", { class: "trace-name" }, name));
    this.element.appendChild(box);
    const ink = (property: string) => (): string => getComputedStyle(this.element).getPropertyValue(property).trim() || "#888";
    const options: uPlot.Options = {
      width: Math.max(120, this.element.clientWidth),
      height: HEIGHT_PX,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false, auto: false, min: this.stretch.from_s, max: this.stretch.to_s } },
      axes: [
        { show: false },
        { size: NAMES_PX, stroke: ink("--soft"), grid: { stroke: ink("--lane"), width: 1 }, ticks: { show: false }, font: "10px system-ui, sans-serif", space: 22 },
      ],
      padding: [6, 0, 4, 0],
      series: [{}, { stroke: ink("--trace"), width: 1, points: { show: false }, spanGaps: false }],
    };
    const plot = new uPlot(options, [trace.t, trace.y], box);
    const cursor = h("div", { class: "cursor", "aria-hidden": "true" });
    plot.over.appendChild(cursor);
    plot.over.addEventListener("pointerdown", (event) => this.chosen(plot.posToVal(event.offsetX, "x")));
    this.plots.push({ plot, cursor });
  }

  private move(): void {
    for (const { plot } of this.plots) plot.setScale("x", { min: this.stretch.from_s, max: this.stretch.to_s });
    this.at(this.now_s);
  }

  private resize(): void {
    const width = this.element.clientWidth;
    if (width < 120) return;
    for (const { plot } of this.plots) if (plot.width !== width) plot.setSize({ width, height: HEIGHT_PX });
    this.at(this.now_s);
  }
}
