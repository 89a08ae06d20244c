// One clip, full screen, nothing else: no controls, no cursor, a black or neutral grey surround. Says when its first frame
// was shown, and how many were.

export interface FirstFrame {
  /** page milliseconds at which the first frame was on the screen */
  shown_ms: number;
  media_time: number;
}

export interface FilmEnd { frames_shown: number; frames_dropped: number; stalled_ms: number; cut: boolean }

export interface FrameTimes { expectedDisplayTime: number; presentationTime: number; mediaTime: number }

/** no display takes longer than this from the compositor to the glass */
const LONGEST_WAY_MS = 100;
const NOTHING_SHOWN_MS = 8_000;

/** When a frame was on the screen.
 *
 *  A browser tells two times of a frame: `presentationTime`, when the frame was handed to the compositor, and
 *  `expectedDisplayTime`, when it expects the frame to be seen, which is the next refresh of the display, one or two
 *  refreshes later. What was seen is what may move a face, so the second is taken. It is an expectation: where it lies before
 *  the first or implausibly long after it (some drivers), the first is taken. Neither holds the display's own delay; that
 *  takes a photodiode. */
export function shownAt(frame: FrameTimes): number {
  const way_ms = frame.expectedDisplayTime - frame.presentationTime;
  return way_ms >= 0 && way_ms <= LONGEST_WAY_MS ? frame.expectedDisplayTime : frame.presentationTime;
}

export class Film {
  readonly element: HTMLVideoElement;
  private stalled_ms = 0;
  private stalledSince_ms: number | null = null;
  private held = false;
  private over = false;
  private first: FirstFrame | null = null;
  private timers: ReturnType<typeof setTimeout>[] = [];
  private settle: ((end: FilmEnd) => void) | null = null;
  private fail: ((error: Error) => void) | null = null;

  /** `limit_s`: it is cut there, counted from its first frame on the film's own time. */
  constructor(
    address: string,
    private readonly limit_s: number,
    private readonly shown: (frame: FirstFrame) => void,
  ) {
    const video = document.createElement("video");
    video.className = "film";
    video.disablePictureInPicture = true;
    video.disableRemotePlayback = true;
    video.playsInline = true;
    video.preload = "auto";
    video.setAttribute("aria-label", "clip");
    video.tabIndex = -1;
    // before the source: a frame that is decoded early is already on the screen when playing begins, and a callback that
    // is asked for only then would tell the second one's time
    video.requestVideoFrameCallback((_, frame) => this.seen(frame));
    video.addEventListener("ended", () => this.end(false));
    video.addEventListener("timeupdate", () => this.watch());
    video.addEventListener("waiting", () => this.stall());
    video.addEventListener("playing", () => this.flow());
    video.addEventListener("error", () => this.broken(video.error?.message || "it cannot be decoded"));
    video.addEventListener("contextmenu", (event) => event.preventDefault());
    video.src = address;
    this.element = video;
  }

  /** Plays to the end; rejects where the film breaks or shows nothing. The element is to be in the page. */
  play(): Promise<FilmEnd> {
    return new Promise((resolve, reject) => {
      this.settle = resolve;
      this.fail = reject;
      this.element.play().catch((error: unknown) => {
        if (!this.held) this.broken((error as Error).message);
      });
      this.timers.push(setTimeout(() => this.first ?? this.broken(`no frame was shown within ${NOTHING_SHOWN_MS / 1000} s`), NOTHING_SHOWN_MS));
    });
  }

  /** Stands still, while something else stands before it; the time counts as stalled. */
  hold(): void {
    this.held = true;
    this.stall();
    this.element.pause();
  }

  go(): void {
    this.held = false;
    void this.element.play().catch((error: unknown) => this.broken((error as Error).message));
  }

  close(): void {
    this.over = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.element.pause();
    this.element.removeAttribute("src");
    this.element.load();
    this.element.remove();
  }

  private seen(frame: FrameTimes): void {
    if (this.over) return;
    this.first = { shown_ms: shownAt(frame), media_time: frame.mediaTime };
    this.shown(this.first);
    this.fine();
  }

  /** `timeupdate` comes every quarter of a second: the last stretch before the limit gets a timer of its own. */
  private watch(): void {
    const left_s = this.limit_s - this.element.currentTime;
    if (left_s <= 0) this.end(true);
    else if (left_s < 0.5) this.fine();
  }

  private fine(): void {
    const left_ms = (this.limit_s - this.element.currentTime) * 1000;
    if (left_ms < 600) this.timers.push(setTimeout(() => this.watch(), Math.max(1, left_ms)));
  }

  private stall(): void {
    if (this.first !== null) this.stalledSince_ms ??= performance.now();
  }

  private flow(): void {
    if (this.stalledSince_ms !== null) this.stalled_ms += performance.now() - this.stalledSince_ms;
    this.stalledSince_ms = null;
  }

  private end(cut: boolean): void {
    if (this.over || this.held) return;
    if (this.first === null) return this.broken("its sound ended before a frame was shown"); // a page that nobody sees
    this.flow();
    const quality = this.element.getVideoPlaybackQuality();
    const dropped = quality.droppedVideoFrames;
    this.close();
    this.settle?.({ frames_shown: quality.totalVideoFrames - dropped, frames_dropped: dropped, stalled_ms: Math.round(this.stalled_ms), cut });
  }

  private broken(sentence: string): void {
    if (this.over) return;
    this.close();
    this.fail?.(new Error(sentence));
  }
}

/** The display's refresh rate, from the median time between 40 frames; null where the page is not drawn. */
export function refreshRate(frames = 40): Promise<number | null> {
  return new Promise((resolve) => {
    const times: number[] = [];
    const giveUp = setTimeout(() => resolve(null), 3000);
    const next = (time: number): void => {
      times.push(time);
      if (times.length <= frames) return void requestAnimationFrame(next);
      clearTimeout(giveUp);
      const steps = times.slice(1).map((later, place) => later - times[place]!).sort((a, b) => a - b);
      const middle = steps[Math.floor(steps.length / 2)]!;
      resolve(middle > 0 ? Math.round(10_000 / middle) / 10 : null);
    };
    requestAnimationFrame(next);
  });
}
