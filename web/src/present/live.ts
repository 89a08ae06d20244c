// What the server says by itself. The browser connects again when the line was cut; where the server answered with a
// refusal it gives up, and this tries on.

const AGAIN_MS = 1500;
type Source = Pick<EventSource, "addEventListener" | "close" | "readyState">;

export class Live {
  private source: Source | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly hearers: [name: string, hear: (data: never) => void][] = [];
  private up: boolean | null = null;

  constructor(
    private readonly address: string,
    private readonly connected: (up: boolean) => void,
    private readonly refused: () => void = () => undefined,
    private readonly open: (address: string) => Source = (at) => new EventSource(at),
  ) {}

  on<T>(name: string, hear: (data: T) => void): this {
    this.hearers.push([name, hear as (data: never) => void]);
    return this;
  }

  start(): this {
    clearTimeout(this.timer);
    this.source?.close();
    const source = this.open(this.address);
    this.source = source;
    source.addEventListener("open", () => this.say(true));
    source.addEventListener("error", () => {
      this.say(false);
      if (source.readyState !== 2) return; // the browser tries by itself
      this.refused();
      this.timer = setTimeout(() => this.start(), AGAIN_MS);
    });
    for (const [name, hear] of this.hearers)
      source.addEventListener(name, (event) => {
        let data: unknown;
        try {
          data = JSON.parse((event as MessageEvent<string>).data);
        } catch {
          return; // half of an event is none: the next state says it all again
        }
        hear(data as never);
      });
    return this;
  }

  stop(): void {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  private say(up: boolean): void {
    if (this.up === up) return;
    this.up = up;
    this.connected(up);
  }
}
