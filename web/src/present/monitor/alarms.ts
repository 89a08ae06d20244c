// What must not be overlooked. A failure stays on the screen until somebody acknowledges it; one that is acknowledged and
// still there is not said again, one that went away and came back is.

import type { Snapshot } from "../wire";

export interface Alarm { key: string; sentence: string; /** still so */ lasting: boolean }

const OLD_CAMERA_S = 2;
const LITTLE_DISK_S = 300;

/** The failures that a snapshot shows by itself, by what they are about. */
export function failuresOf(snapshot: Snapshot): Map<string, string> {
  const found = new Map<string, string>();
  const { camera, recording, trigger, streams } = snapshot;
  if (camera?.error) found.set("camera", camera.error);
  else if (camera && camera.age_s !== null && camera.age_s > OLD_CAMERA_S) found.set("camera", `The camera has sent no picture for ${camera.age_s.toFixed(0)} s.`);
  if (recording.trouble) found.set("recording", recording.trouble);
  if (recording.on && recording.left_s !== null && recording.left_s < Math.max(LITTLE_DISK_S, snapshot.estimated_left_s ?? 0))
    found.set("disk", `The disk is nearly full: room for ${Math.max(0, Math.floor(recording.left_s / 60))} min of recording is left.`);
  if (trigger?.trouble) found.set("trigger", trigger.trouble);
  for (const { name, error } of streams) if (error) found.set(`stream ${name}`, `Stream ${name}: ${error}`);
  const running = snapshot.phase === "practice" || snapshot.phase === "trials";
  if (running && !snapshot.pages.participant) found.set("participant", "The participant's page is not connected.");
  return found;
}

export class Alarms {
  private readonly open = new Map<string, Alarm>();
  private readonly settled = new Set<string>();
  private readonly seen: Set<number>;
  /** notices that say what another alarm says */
  private readonly doubles = new Set<number>();
  private failures: ReadonlyMap<string, string> = new Map();

  constructor(
    private readonly changed: () => void,
    private readonly shelf: { getItem(name: string): string | null; setItem(name: string, value: string): void },
    private readonly name = "mien-notices-seen",
  ) {
    let kept: unknown = [];
    try {
      kept = JSON.parse(shelf.getItem(name) ?? "[]");
    } catch {
      // what was seen before is shown once more
    }
    this.seen = new Set(Array.isArray(kept) ? (kept as number[]) : []);
  }

  /** What is to be on the screen now, the oldest first. */
  get shown(): readonly Alarm[] {
    return [...this.open.values()];
  }

  look(snapshot: Snapshot): void {
    const failures = (this.failures = failuresOf(snapshot));
    for (const [key, sentence] of failures) if (!this.said(sentence, key)) this.raise(key, sentence);
    for (const key of new Set([...this.open.keys(), ...this.settled]))
      if (!key.startsWith("notice ") && key !== "server" && key !== "reminder" && !failures.has(key)) this.clear(key);
    for (const notice of snapshot.notices) {
      if (notice.level !== "failure" || this.seen.has(notice.n)) continue;
      if (!this.said(notice.sentence, `notice ${notice.n}`)) this.raise(`notice ${notice.n}`, notice.sentence);
      else this.doubles.add(notice.n);
    }
    this.changed();
  }

  raise(key: string, sentence: string): void {
    const open = this.open.get(key);
    if (open) {
      open.sentence = sentence;
      open.lasting = true;
    } else if (!this.settled.has(key)) this.open.set(key, { key, sentence, lasting: true });
    this.changed();
  }

  /** It is over: what nobody has seen yet stays. */
  clear(key: string): void {
    this.settled.delete(key);
    const open = this.open.get(key);
    if (open) open.lasting = false;
    this.changed();
  }

  acknowledge(): void {
    for (const alarm of this.open.values()) {
      const notice = /^notice (\d+)$/.exec(alarm.key);
      if (notice) this.seen.add(Number(notice[1]));
      else if (alarm.lasting) this.settled.add(alarm.key);
    }
    // what the state shows now was on the screen, under one name or the other
    for (const key of this.failures.keys()) this.settled.add(key);
    for (const n of this.doubles) this.seen.add(n);
    this.doubles.clear();
    this.open.clear();
    this.shelf.setItem(this.name, JSON.stringify([...this.seen]));
    this.changed();
  }

  private said(sentence: string, but: string): boolean {
    return this.shown.some((alarm) => alarm.sentence === sentence && alarm.key !== but);
  }
}
