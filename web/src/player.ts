// Which frame is on the screen, and when. The clock is the measured stamps of the frames: at true speed every picture of
// the display shows the last frame whose time has come. Where that frame has not arrived the clock waits for it; the
// frame before it stays, under its own number. In reverse everything is mirrored in time. At true speed only one frame
// of `stride` is asked for: a display of 60 pictures a second cannot show 150 frames, and where even fewer can be had,
// time is kept and frames are left out, as the page says. At other speeds every frame is shown, however long it takes.

export type Direction = 1 | -1;

export interface Screen {
  has(frame: number): boolean;
  /** Draws the frame and its number in this very call. */
  show(frame: number): void;
  /** Frames in the order in which they will be needed. */
  want(frames: number[]): void;
  changed(): void;
}

export type Span = readonly [first: number, last: number];

const AHEAD = 90;
const AROUND = 12;
// over which the pace of the clock is judged
const PACE_MS = 1500;
// at true speed: from which pace on frames are left out, how many at most, how long to wait for the effect
const TOO_SLOW = 0.92;
const MOST_STRIDE = 30;
const THIN_EVERY_MS = 700;
// a tab that was hidden or a machine that slept: the pause of the page is not time of the video
const LONGEST_STEP_MS = 250;

export class Player {
  /** the frame on the screen; null until the first one came */
  shown: number | null = null;
  /** the frame asked for: the one shown, or the one waited for */
  asked = 0;
  playing: Direction | 0 = 0;
  speed = 1;
  loop: Span | null = null;
  /** while playing: one frame of so many is shown */
  stride = 1;

  private clock_s = 0;
  /** the frame from which strides are counted */
  private anchor = 0;
  private thinned_ms = 0;
  private last_ms: number | null = null;
  private facing: Direction = 1;
  private passed_ms = 0;
  private ran_ms = 0;

  constructor(
    readonly times_s: readonly number[],
    private readonly screen: Screen,
    /** every so many frames one comes several times as fast as the others: frames that are left out go around those */
    private readonly keyEvery = 1,
  ) {}

  get waiting(): boolean {
    return this.shown !== this.asked;
  }

  /** The speed at which the clip really plays, as a share of the one chosen: below 1 where frames come too slowly. */
  get pace(): number {
    return this.passed_ms < PACE_MS / 3 ? 1 : Math.min(1, this.ran_ms / this.passed_ms);
  }

  get last(): number {
    return Math.max(0, this.times_s.length - 1);
  }

  /** Goes to a frame (held inside the clip) and stays there, whatever was playing. */
  seek(frame: number): void {
    this.playing = 0;
    this.go(frame);
  }

  step(frames: number): void {
    this.facing = frames < 0 ? -1 : 1;
    this.seek(this.asked + frames);
  }

  /** Moves to the frame on the screen that many seconds from the one asked, by the stamps; at least one frame. */
  skip(seconds: number): void {
    const target = this.times_s[this.asked]! + seconds;
    const frame = seconds < 0 ? firstAtOrAfter(this.times_s, target) : lastAtOrBefore(this.times_s, target);
    this.facing = seconds < 0 ? -1 : 1;
    this.seek(frame === this.asked ? frame + this.facing : frame);
  }

  play(direction: Direction): void {
    if (this.times_s.length === 0) return;
    this.playing = direction;
    this.facing = direction;
    const [first, last] = this.span();
    if (this.loop && (this.asked < first || this.asked > last)) this.asked = direction > 0 ? first : last;
    this.restart();
    this.go(this.asked);
  }

  pause(): void {
    if (this.playing === 0) return;
    this.playing = 0;
    // a frame that was waited for when the coder stopped would jump in later: stay at what is seen
    this.go(this.shown ?? this.asked);
  }

  toggle(): void {
    if (this.playing === 0) this.play(1);
    else this.pause();
  }

  setSpeed(speed: number): void {
    this.speed = speed;
    if (speed !== 1) this.stride = 1;
    this.screen.changed();
  }

  setLoop(span: Span | null): void {
    this.loop = span;
    if (span && this.playing !== 0 && (this.asked < span[0] || this.asked > span[1])) {
      this.go(this.playing > 0 ? span[0] : span[1]);
      this.restart();
    }
    this.order();
    this.screen.changed();
  }

  /** A frame came. While playing it is shown by the next tick, so that each display picture has one frame. */
  arrived(frame: number): void {
    if (this.playing === 0 && frame === this.asked && this.shown !== frame) this.put(frame);
  }

  /** Called once for every picture of the display, with its time in ms. */
  tick(now_ms: number): void {
    if (this.playing === 0) return;
    const passed_ms = this.last_ms === null ? 0 : Math.min(Math.max(now_ms - this.last_ms, 0), LONGEST_STEP_MS);
    this.last_ms = now_ms;
    this.fade(passed_ms);
    if (this.speed === 1) this.thin(passed_ms);
    if (this.waiting) {
      if (this.screen.has(this.asked)) {
        this.put(this.asked);
        this.clock_s = this.times_s[this.asked]!;
      }
      return;
    }
    this.clock_s += (this.playing * this.speed * passed_ms) / 1000;
    this.ran_ms += passed_ms;
    const target = this.strided(this.due());
    if (target !== this.asked) {
      this.go(target);
      if (this.waiting) {
        // the clock goes back to the time of the frame that it waits for
        this.ran_ms -= (Math.abs(this.clock_s - this.times_s[target]!) * 1000) / this.speed;
        this.clock_s = this.times_s[target]!;
      }
    }
    const [first, last] = this.span();
    if (!this.loop && !this.waiting && this.shown === (this.playing > 0 ? last : first)) this.pause();
  }

  /** Leaves frames out where the display or the way to it is too slow for all of them. */
  private thin(passed_ms: number): void {
    this.thinned_ms += passed_ms;
    if (this.thinned_ms < THIN_EVERY_MS || this.pace >= TOO_SLOW || this.stride >= MOST_STRIDE) return;
    const wanted = Math.max(this.stride + 1, Math.ceil((this.stride / this.pace) * 0.9));
    const grid = this.keyEvery;
    this.stride = Math.ceil(Math.min(MOST_STRIDE, wanted) / grid) * grid;
    this.anchor = (this.playing > 0 ? Math.ceil(this.asked / grid) : Math.floor(this.asked / grid)) * grid;
    this.thinned_ms = this.passed_ms = this.ran_ms = 0; // judged anew
    this.order();
    this.screen.changed();
  }

  /** The last frame of the stride up to one whose time has come; ends of the clip and of a loop always count. */
  private strided(frame: number): number {
    const [first, last] = this.span();
    if (this.stride === 1 || frame === (this.playing > 0 ? last : first)) return frame;
    if ((frame - this.anchor) * this.playing < 0) return this.asked;
    const steps = Math.trunc(Math.abs(frame - this.anchor) / this.stride) * this.stride;
    return this.anchor + Math.sign(frame - this.anchor) * steps;
  }

  /** What passed longer ago counts less. */
  private fade(passed_ms: number): void {
    const kept = Math.exp(-passed_ms / PACE_MS);
    this.passed_ms = this.passed_ms * kept + passed_ms;
    this.ran_ms *= kept;
  }

  /** The frame whose time has come; at the end of a loop, once the last frame has had its time, the other end. */
  private due(): number {
    const [first, last] = this.span();
    const frame = this.playing > 0 ? lastAtOrBefore(this.times_s, this.clock_s) : firstAtOrAfter(this.times_s, this.clock_s);
    const edge = this.playing > 0 ? last : first;
    const past = this.playing > 0 ? this.clock_s - this.times_s[last]! : this.times_s[first]! - this.clock_s;
    if (this.loop && past >= this.hold(edge)) {
      const begin = this.playing > 0 ? first : last;
      this.clock_s = this.times_s[begin]!;
      this.anchor = begin;
      return begin;
    }
    return Math.min(Math.max(frame, first), last);
  }

  /** How long the last frame of a loop stays: to the next stamp, or as long as the one before it. */
  private hold(edge: number): number {
    const next = this.times_s[edge + this.playing];
    const before = this.times_s[edge - this.playing];
    const here = this.times_s[edge]!;
    return Math.abs((next ?? before ?? here + 0.04) - here);
  }

  private span(): Span {
    return this.loop ?? [0, this.last];
  }

  private restart(): void {
    this.clock_s = this.times_s[this.asked]!;
    this.last_ms = null;
    this.passed_ms = 0;
    this.ran_ms = 0;
    this.thinned_ms = 0;
    this.stride = 1;
    this.anchor = this.asked;
  }

  private go(frame: number): void {
    if (this.times_s.length === 0) return;
    this.asked = Math.min(Math.max(Math.trunc(frame), 0), this.last);
    this.order();
    if (this.screen.has(this.asked)) this.put(this.asked);
    else this.screen.changed();
  }

  private put(frame: number): void {
    this.shown = frame;
    this.screen.show(frame);
    this.screen.changed();
  }

  private order(): void {
    this.screen.want(this.playing === 0 ? this.around() : this.ahead(this.playing));
  }

  private ahead(direction: Direction): number[] {
    const [first, last] = this.span();
    const frames: number[] = [];
    let frame = this.asked;
    const [begin, edge] = direction > 0 ? [first, last] : [last, first];
    const strided = (from: number): number => {
      const next = this.anchor + direction * this.stride * (Math.floor(((from - this.anchor) * direction) / this.stride) + 1);
      return this.stride === 1 ? from + direction : next;
    };
    while (frames.length < AHEAD) {
      if (frames.includes(frame)) break;
      frames.push(frame);
      if (frame === edge) {
        if (!this.loop) break;
        frame = begin;
      } else {
        frame = strided(frame);
        if (frame < first || frame > last) frame = edge;
      }
    }
    return frames;
  }

  private around(): number[] {
    const frames = [this.asked];
    for (let distance = 1; distance <= AROUND; distance++) {
      frames.push(this.asked + this.facing * distance);
      if (distance <= AROUND / 2) frames.push(this.asked - this.facing * distance);
    }
    return frames.filter((frame) => frame >= 0 && frame <= this.last);
  }
}

/** Index of the last stamp at or before a time; 0 where none is. */
export function lastAtOrBefore(times_s: readonly number[], time_s: number): number {
  let low = 0;
  let high = times_s.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (times_s[middle]! <= time_s) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Index of the first stamp at or after a time; the last where none is. */
export function firstAtOrAfter(times_s: readonly number[], time_s: number): number {
  let low = 0;
  let high = times_s.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times_s[middle]! >= time_s) high = middle;
    else low = middle + 1;
  }
  return low;
}
