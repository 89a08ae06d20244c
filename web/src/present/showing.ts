// Showing a reminder on the small display, and telling when it was seen. Nothing here knows of elements: tests run it with
// frames of their own.

export interface Remind { id: string; text: string; seconds?: number }

export interface DisplayHands {
  show: (text: string) => void;
  blank: () => void;
  shown: (reminder: string, page_ms: number) => void;
  frame: (work: (time_ms: number) => void) => void;
  later: (work: () => void, after_ms: number) => unknown;
  forget: (timer: unknown) => void;
}

const SECONDS = 2.5;
/** however short a study wants it: a picture that is on at least this long flashes at most 1.5 times a second */
const SHORTEST_S = 0.7;

export class Showing {
  private timer: unknown = null;
  private turn = 0;
  private readonly done = new Set<string>();

  constructor(private readonly hands: DisplayHands) {}

  /** Shows it at once; a second one while the first is on takes its place without a dark moment between.
   *
   *  The first animation frame runs before the frame that holds the text is painted; the second one begins when that frame
   *  went to the display. Its time is the earliest at which the text can have been seen, up to the display's own delay. A
   *  page in the background gets no frames: what was dark again before it was painted was never seen, and is not told. */
  remind({ id, text, seconds = SECONDS }: Remind): void {
    if (this.done.has(id)) return;
    this.done.add(id);
    const turn = (this.turn += 1);
    this.hands.show(text);
    let on = true;
    this.hands.frame(() =>
      this.hands.frame((time_ms) => {
        if (on) this.hands.shown(id, time_ms);
      }),
    );
    this.hands.forget(this.timer);
    this.timer = this.hands.later(
      () => {
        on = false;
        if (turn === this.turn) this.hands.blank();
      },
      Math.max(SHORTEST_S, seconds) * 1000,
    );
  }
}
