// Action units as a coder types them: "1+2+L12B 4c" means AU1, AU2, left AU12 at intensity B, AU4 at C.

export type Parsed = { units: string[]; error: null } | { units: null; error: string };

const UNIT = /^([LRB]?)(?:AU)?(\d{1,2})([A-E]?)$/;
const MOST = 30;

/** The action units in a typed line, in the order typed, or one sentence that says what is wrong. */
export function parseUnits(typed: string): Parsed {
  const words = typed.toUpperCase().split(/[\s+,;]+/).filter((word) => word !== "");
  const units: string[] = [];
  const seen = new Map<string, string>();
  for (const word of words) {
    const match = UNIT.exec(word);
    if (!match) return refuse(`"${shorten(word)}" is not an action unit: write numbers such as 12, L12 or R4C.`);
    const number = Number(match[2]);
    if (number === 0) return refuse(`"${word}" is not an action unit: numbers begin at 1.`);
    const side = match[1] === "B" ? "" : match[1]!;
    const place = `${side}AU${number}`;
    const before = seen.get(place);
    if (before !== undefined) return refuse(`${place} is written twice: ${before} and ${word}.`);
    seen.set(place, word);
    units.push(`${place}${match[3]}`);
  }
  if (units.length > MOST) return refuse(`${units.length} action units: at most ${MOST} fit one expression.`);
  return { units, error: null };
}

/** The line a coder would type for these units. */
export function writeUnits(units: readonly string[]): string {
  return units.map((unit) => unit.replace("AU", "")).join(" + ");
}

/** "left Lip Corner Puller, intensity B" for a stored unit. */
export function describeUnit(unit: string, names: ReadonlyMap<number, string>): string {
  const match = /^([LR]?)AU(\d+)([A-E]?)$/.exec(unit);
  if (!match) return unit;
  const side = match[1] === "L" ? "left " : match[1] === "R" ? "right " : "";
  const intensity = match[3] ? `, intensity ${match[3]}` : "";
  return `${side}${names.get(Number(match[2])) ?? `AU${match[2]}`}${intensity}`;
}

function refuse(error: string): Parsed {
  return { units: null, error };
}

function shorten(word: string): string {
  return word.length > 12 ? `${word.slice(0, 12)}…` : word;
}
