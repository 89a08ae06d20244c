// The session's clock as this page can know it. The server is asked what time it is; the true moment of its answer lies
// somewhere between question and answer, and nothing tells where: the middle is taken, and half of the round trip is the
// largest error that can make, whichever way was the slower one. Of ten exchanges the one with the shortest round trip
// stands, since it bounds the error best. The two clocks drift apart by millionths: the ten are repeated every 20 seconds.

export interface Stamp {
  /** seconds of the session's clock; null as long as the server has not been asked */
  at_s: number | null;
  page_ms: number;
  uncertainty_ms: number | null;
}

export interface Reading { offset_s: number; uncertainty_ms: number }

/** What one exchange says: sent and come in page milliseconds, the server's seconds between them. */
export function reading(sent_ms: number, come_ms: number, server_s: number): Reading {
  return { offset_s: server_s - (sent_ms + come_ms) / 2000, uncertainty_ms: (come_ms - sent_ms) / 2 };
}

/** The reading with the shortest round trip; null of none. */
export function best(readings: readonly Reading[]): Reading | null {
  return readings.reduce<Reading | null>((least, one) => (least === null || one.uncertainty_ms < least.uncertainty_ms ? one : least), null);
}

const EXCHANGES = 10;
const EVERY_MS = 20_000;
const AGAIN_MS = 2_000;

export class SessionClock {
  private known: Reading | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly ask: () => Promise<{ now_s: number }>,
    private readonly now_ms: () => number = () => performance.now(),
  ) {}

  /** Ten exchanges, one after the other. Keeps what was known where none came through. */
  async set(): Promise<Reading | null> {
    const readings: Reading[] = [];
    for (let exchange = 0; exchange < EXCHANGES; exchange += 1) {
      const sent_ms = this.now_ms();
      try {
        const { now_s } = await this.ask();
        readings.push(reading(sent_ms, this.now_ms(), now_s));
      } catch {
        break; // no server: the offset of before is right to a few millionths of the time since
      }
    }
    this.known = best(readings) ?? this.known;
    return this.known;
  }

  /** Sets the clock now and again, until `stop`. */
  async keep(): Promise<void> {
    this.stop();
    const found = await this.set();
    this.timer = setTimeout(() => void this.keep(), found === null ? AGAIN_MS : EVERY_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  get set_yet(): boolean {
    return this.known !== null;
  }

  /** The session's time at a moment of this page (performance.now, a time stamp of an event or of a frame). */
  at(page_ms: number): number | null {
    return this.known === null ? null : this.known.offset_s + page_ms / 1000;
  }

  now_s(): number | null {
    return this.at(this.now_ms());
  }

  stamp(page_ms: number = this.now_ms()): Stamp {
    return { at_s: this.at(page_ms), page_ms, uncertainty_ms: this.known?.uncertainty_ms ?? null };
  }
}
