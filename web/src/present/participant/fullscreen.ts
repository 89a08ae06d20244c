// Full screen is entered by a key of the participant. Escape asks whether to stop: where the browser lends the key to the page
// (keyboard lock) the page sees it and stays as it is, else Escape leaves full screen, and leaving is how the page hears of it.

interface KeyLock { lock?: (keys: string[]) => Promise<void>; unlock?: () => void }
const keyboard = (): KeyLock => (navigator as Navigator & { keyboard?: KeyLock }).keyboard ?? {};

export class FullScreen {
  private possible = typeof document.documentElement.requestFullscreen === "function";
  /** true between entering by us and leaving by us */
  private wanted = false;

  constructor(
    private readonly left: () => void,
    private readonly refused: (sentence: string) => void,
  ) {
    document.addEventListener("fullscreenchange", () => {
      if (document.fullscreenElement === null && this.wanted) {
        this.wanted = false;
        this.left();
      }
    });
  }

  /** Whether a key press is still needed to fill the screen. */
  get missing(): boolean {
    return this.possible && document.fullscreenElement === null;
  }

  /** To be called in the handler of a key or a click. A browser that refuses is not asked again. */
  async enter(): Promise<void> {
    if (!this.missing) return;
    try {
      await document.documentElement.requestFullscreen({ navigationUI: "hide" });
      this.wanted = true;
      await keyboard().lock?.(["Escape"]).catch(() => undefined);
    } catch (error) {
      if (document.fullscreenElement !== null) return;
      this.possible = false;
      this.refused(`The page could not fill the screen (${(error as Error).message}); the session goes on in the window.`);
    }
  }

  async leave(): Promise<void> {
    this.wanted = false;
    keyboard().unlock?.();
    if (document.fullscreenElement !== null) await document.exitFullscreen().catch(() => undefined);
  }
}
