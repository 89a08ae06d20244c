// Waiting for a key of the participant.

/** Resolves with the moment (page milliseconds) at which the space bar goes down; never while a dialog is open or a key is
 *  held down from before. `ready` may put it off. */
export function spaceBar(signal: AbortSignal, ready: () => boolean = () => true): Promise<number> {
  return new Promise((resolve) => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== " " || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
      if (document.querySelector("dialog[open]") || (event.target instanceof Element && event.target.closest("button, input, a"))) return;
      event.preventDefault();
      if (!ready()) return;
      document.removeEventListener("keydown", onKey);
      // the time stamp is that of the key, not of this line
      resolve(event.timeStamp > 0 ? event.timeStamp : performance.now());
    };
    document.addEventListener("keydown", onKey);
    signal.addEventListener("abort", () => document.removeEventListener("keydown", onKey));
  });
}

export function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => clearTimeout(timer));
  });
}

/** Resolves after the frame in which what is now in the page has been painted, with that time: the second of two animation
 *  frames begins when the first one, painted, goes to the display. */
export function painted(): Promise<number> {
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(performance.now()), 500); // a page that is not drawn gets no frames
    requestAnimationFrame(() =>
      requestAnimationFrame((time) => {
        clearTimeout(late);
        resolve(time);
      }),
    );
  });
}
