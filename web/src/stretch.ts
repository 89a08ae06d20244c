// The stretch of time that timeline and signals show together. It follows the frame on the screen by turning pages, so
// that nothing slides under the eye while a clip plays.

const SHORTEST_S = 0.5;

export class Stretch {
  from_s = 0;
  to_s: number;
  private readonly listeners: (() => void)[] = [];

  constructor(readonly length_s: number) {
    this.to_s = Math.max(length_s, SHORTEST_S);
  }

  listen(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Half or twice as long, around a moment. */
  zoom(factor: number, around_s: number): void {
    const whole = Math.max(this.length_s, SHORTEST_S);
    const width = Math.min(whole, Math.max(SHORTEST_S, (this.to_s - this.from_s) * factor));
    const share = (around_s - this.from_s) / (this.to_s - this.from_s);
    this.set(around_s - width * Math.min(Math.max(share, 0), 1), width);
  }

  follow(now_s: number): void {
    const width = this.to_s - this.from_s;
    if (now_s > this.to_s) this.set(now_s - width * 0.1, width);
    else if (now_s < this.from_s) this.set(now_s - width * 0.9, width);
  }

  private set(from_s: number, width_s: number): void {
    const whole = Math.max(this.length_s, SHORTEST_S);
    const from = Math.min(Math.max(0, from_s), whole - width_s);
    if (from === this.from_s && from + width_s === this.to_s) return;
    this.from_s = from;
    this.to_s = from + width_s;
    for (const listener of this.listeners) listener();
  }
}
