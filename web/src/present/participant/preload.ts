// Every clip that is still needed is fetched whole and its first frame decoded before the first trial: what cannot be
// played is known then, with a reason, and not in the middle of a session.

import { Refusal, type Door } from "../door";
import type { Medium } from "../wire";

export interface Failed { id: string; reason: string }
export type Films = Map<string, string>;

const DECODE_MS = 20_000;
const TRIES = 5;
/** a file may be this much shorter than it was when the session was planned */
const SHORTER_S = 1;

/** Loads what is not loaded yet into `films` (addresses of blobs by clip); answers what failed. */
export async function preload(door: Pick<Door, "file">, media: readonly Medium[], films: Films, progress: (share: number) => void): Promise<Failed[]> {
  const failed: Failed[] = [];
  for (const [place, medium] of media.entries()) {
    const share = (of: number): void => progress((place + of) / media.length);
    share(0);
    if (films.has(medium.id)) continue;
    try {
      if (medium.url === "") throw new Error("The plan of the session does not say where this clip is.");
      const blob = await fetched(door, medium.url, share);
      if (blob.size === 0) throw new Error("The file is empty.");
      const address = URL.createObjectURL(blob);
      try {
        await decodes(address, medium.seconds);
      } catch (error) {
        URL.revokeObjectURL(address);
        throw error;
      }
      films.set(medium.id, address);
    } catch (error) {
      failed.push({ id: medium.id, reason: (error as Error).message.slice(0, 300) });
    }
  }
  progress(1);
  return failed;
}

async function fetched(door: Pick<Door, "file">, url: string, share: (of: number) => void): Promise<Blob> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await door.file(url, share);
    } catch (error) {
      if (!(error instanceof Refusal) || !error.passing || tried === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500 * tried));
    }
  }
}

/** Resolves when the first frame has been decoded into pixels; throws a sentence where that cannot be. */
export function decodes(address: string, planned_s: number): Promise<void> {
  const video = document.createElement("video");
  return new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`No frame could be decoded within ${DECODE_MS / 1000} s.`)), DECODE_MS);
    const end = (sentence: string | null): void => {
      clearTimeout(timer);
      if (sentence === null) resolve();
      else reject(new Error(sentence));
    };
    video.addEventListener("error", () => end(`The browser cannot play it (${mediaError(video.error)}).`), { once: true });
    video.addEventListener(
      "loadeddata",
      () => {
        if (video.videoWidth === 0) return end("It has no picture that the browser can decode.");
        if (Number.isFinite(video.duration) && video.duration < planned_s - SHORTER_S)
          return end(`It lasts ${video.duration.toFixed(1)} s, ${planned_s.toFixed(1)} s were planned.`);
        try {
          const canvas = document.createElement("canvas");
          canvas.width = canvas.height = 8;
          const pixels = canvas.getContext("2d");
          pixels?.drawImage(video, 0, 0, 8, 8);
          // nothing drawn stays transparent: "loaded" was said, yet there is no picture
          if (pixels && pixels.getImageData(0, 0, 1, 1).data[3] === 0) return end("Its first frame cannot be decoded.");
        } catch {
          return end("Its first frame cannot be decoded.");
        }
        end(null);
      },
      { once: true },
    );
    video.muted = true;
    video.preload = "auto";
    video.src = address;
  }).finally(() => {
    video.removeAttribute("src");
    video.load();
  });
}

const CODES: Readonly<Record<number, string>> = { 1: "stopped", 2: "broken off", 3: "damaged", 4: "unknown kind or codec" };

function mediaError(error: MediaError | null): string {
  return error === null ? "unknown" : (CODES[error.code] ?? `code ${error.code}`);
}
