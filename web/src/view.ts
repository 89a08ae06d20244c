// The picture: one canvas, drawn in one call together with its number. Whatever mode is on, what is drawn is the frame
// that is named; a comparison whose other frame has not come yet is said in words, never guessed.

import type { Flow } from "./types";

export interface Shown {
  frame: number;
  picture: ImageBitmap;
  /** the frame to compare with, where difference is on and it has come */
  onset: ImageBitmap | null;
  flow: Flow | null;
}

type Box = readonly [x: number, y: number, width: number, height: number];

const ARROWS = 4; // motion of a face between frames is below a few pixels: arrows are drawn this many times longer
const MARGIN = 0.1; // of the face, around it when zoomed

export class View {
  face = false;
  difference = false;
  flow = false;
  /** brightness of a difference; doublings only, so that adding the picture to itself is exact */
  gain = 4;

  private readonly context: CanvasRenderingContext2D;

  constructor(
    readonly canvas: HTMLCanvasElement,
    private readonly size: readonly [width: number, height: number],
    private readonly faceBox: Box | null,
    private readonly caption: (frame: number) => void,
  ) {
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("this browser cannot draw on a canvas");
    this.context = context;
  }

  /** The part of the source picture that is visible, in source pixels. */
  get region(): Box {
    const [width, height] = this.size;
    if (!this.face || !this.faceBox) return [0, 0, width, height];
    const [x, y, w, h] = this.faceBox;
    const left = Math.max(0, x - w * MARGIN);
    const top = Math.max(0, y - h * MARGIN);
    return [left, top, Math.min(width, x + w * (1 + MARGIN)) - left, Math.min(height, y + h * (1 + MARGIN)) - top];
  }

  /** Widest picture of which every pixel can be seen; null for the full one. */
  wantedWidth(): number | null {
    const [width] = this.size;
    const [, , regionWidth] = this.region;
    const shown = this.place()[2];
    const needed = (shown * width) / regionWidth;
    const step = [480, 720, 960, 1280, 1920].find((candidate) => candidate >= needed);
    return step === undefined || step >= width ? null : step;
  }

  /** Fits the canvas to its box on the screen; true where that changed it. */
  resize(): boolean {
    const box = this.canvas.parentElement!;
    const scale = window.devicePixelRatio || 1;
    const width = Math.max(16, Math.floor(box.clientWidth * scale));
    const height = Math.max(16, Math.floor(box.clientHeight * scale));
    if (this.canvas.width === width && this.canvas.height === height) return false;
    this.canvas.width = width;
    this.canvas.height = height;
    return true;
  }

  /** Draws a frame, its number and its time, all in this task. */
  draw(shown: Shown): void {
    const { context, canvas } = this;
    context.globalCompositeOperation = "source-over";
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingQuality = "medium";
    this.paint(shown.picture);
    if (this.difference && shown.onset) this.subtract(shown.onset);
    if (this.flow && shown.flow) this.arrows(shown.flow);
    canvas.dataset["frame"] = String(shown.frame);
    this.caption(shown.frame);
  }

  /** Where the region lies on the canvas: as large as fits, in the middle. */
  private place(): Box {
    const [, , width, height] = this.region;
    const scale = Math.min(this.canvas.width / width, this.canvas.height / height);
    const [w, h] = [width * scale, height * scale];
    return [(this.canvas.width - w) / 2, (this.canvas.height - h) / 2, w, h];
  }

  private paint(picture: ImageBitmap): void {
    const [x, y, width, height] = this.region;
    const scale = picture.width / this.size[0];
    const [left, top, w, h] = this.place();
    this.context.drawImage(picture, x * scale, y * scale, width * scale, height * scale, left, top, w, h);
  }

  private subtract(onset: ImageBitmap): void {
    this.context.globalCompositeOperation = "difference";
    this.paint(onset);
    this.context.globalCompositeOperation = "lighter";
    for (let gain = 1; gain < this.gain; gain *= 2) this.context.drawImage(this.canvas, 0, 0);
    this.context.globalCompositeOperation = "source-over";
  }

  private arrows(flow: Flow): void {
    const [x0, y0, width] = this.region;
    const [left, top, w] = this.place();
    const scale = w / width;
    const { context } = this;
    const lines = new Path2D();
    for (const [x, y, dx, dy] of flow.vectors) {
      const length = Math.hypot(dx, dy);
      if (!(length > 0.05)) continue;
      const [fromX, fromY] = [left + (x - x0) * scale, top + (y - y0) * scale];
      const [toX, toY] = [fromX + dx * ARROWS * scale, fromY + dy * ARROWS * scale];
      const head = Math.min(6, length * ARROWS * scale * 0.4);
      const angle = Math.atan2(dy, dx);
      lines.moveTo(fromX, fromY);
      lines.lineTo(toX, toY);
      for (const turn of [2.6, -2.6]) {
        lines.moveTo(toX, toY);
        lines.lineTo(toX + head * Math.cos(angle + turn), toY + head * Math.sin(angle + turn));
      }
    }
    // dark under light: the arrows stand out on any skin and in both themes
    context.lineCap = "round";
    context.strokeStyle = "rgba(0, 0, 0, 0.75)";
    context.lineWidth = 3.5;
    context.stroke(lines);
    context.strokeStyle = "#ffe08a";
    context.lineWidth = 1.5;
    context.stroke(lines);
  }

  /** What the modes that are on show, in words, beside the frame number. */
  modes(onset: number | null, compared: boolean, flowFrom: number | null, flowCame: boolean): string {
    const words: string[] = [];
    if (this.face) words.push(this.faceBox ? "face" : "no face was found in this clip");
    if (this.difference) {
      if (onset === null) words.push("difference: choose an expression with an onset");
      else words.push(compared ? `difference from frame ${onset}, ${this.gain}×` : `difference: waiting for frame ${onset}`);
    }
    if (this.flow && flowFrom !== null) words.push(flowCame ? `motion since frame ${flowFrom}, arrows ${ARROWS}×` : "motion: waiting");
    return words.join(" · ");
  }
}
