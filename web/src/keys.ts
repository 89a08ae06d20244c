// Every shortcut of the bench, once. The table drives the handler and the sheet that "?" opens; a test keeps it free of
// doubles and of keys that belong to browsers. Letters work while no field has the focus; Escape leaves a field.

export type Group = "Move" | "Play" | "Mark" | "Describe" | "Look" | "Suggestions" | "Decide" | "Page";
export type Where = "code" | "adjudicate";

export interface Shortcut {
  id: string;
  keys: readonly string[];
  what: string;
  group: Group;
  where: readonly Where[];
  /** also works while a field has the focus */
  inField?: true;
}

const both = ["code", "adjudicate"] as const;
const code = ["code"] as const;
const adjudicate = ["adjudicate"] as const;

const one = (id: string, keys: string | readonly string[], what: string, group: Group, where: readonly Where[] = both): Shortcut => ({
  id,
  keys: typeof keys === "string" ? [keys] : keys,
  what,
  group,
  where,
});

export const shortcuts: readonly Shortcut[] = [
  one("back", "ArrowLeft", "one frame back", "Move"),
  one("next", "ArrowRight", "one frame on", "Move"),
  one("back-10", "Shift+ArrowLeft", "10 frames back", "Move"),
  one("next-10", "Shift+ArrowRight", "10 frames on", "Move"),
  one("back-second", "PageUp", "one second back", "Move"),
  one("next-second", "PageDown", "one second on", "Move"),
  one("first", "Home", "first frame", "Move"),
  one("last", "End", "last frame", "Move"),
  one("go", "G", "go to a frame by its number", "Move"),
  one("to-onset", "1", "jump to the onset", "Move"),
  one("to-apex", "2", "jump to the apex", "Move"),
  one("to-offset", "3", "jump to the offset", "Move"),
  one("previous", ",", "previous expression", "Move"),
  one("following", ".", "next expression", "Move"),

  one("play", "Space", "play, pause", "Play"),
  one("reverse", "J", "play in reverse", "Play"),
  one("pause", "K", "pause", "Play"),
  one("forward", "L", "play forward", "Play"),
  one("speed", "S", "true speed or a quarter of it", "Play"),
  one("loop", "R", "repeat the selected expression (or the clip)", "Play"),

  one("new", "N", "new expression with its onset at this frame", "Mark"),
  one("onset", "Q", "onset at this frame", "Mark"),
  one("apex", "W", "apex at this frame", "Mark"),
  one("offset", "E", "offset at this frame", "Mark"),
  one("delete", "Delete", "delete the expression", "Mark"),
  one("undo", "Ctrl+Z", "undo", "Mark"),
  one("redo", ["Ctrl+Shift+Z", "Ctrl+Y"], "redo", "Mark"),

  one("units", "U", "action units (1+2+L12B)", "Describe"),
  one("no-units", "0", "no action unit seen", "Describe"),
  one("emotion", "M", "emotion, then its letter", "Describe"),
  one("basis", "Y", "what the emotion is judged by", "Describe"),
  one("valence", "V", "valence, 1 to 9", "Describe"),
  one("arousal", "B", "arousal, 1 to 9", "Describe"),
  one("certainty", "C", "certainty, 1 to 5", "Describe"),
  one("comment", "T", "comment", "Describe"),
  one("kind", "X", "other kind than the rule says, with a reason", "Describe"),

  one("difference", "D", "difference from the onset", "Look"),
  one("gain", "Shift+D", "brightness of the difference", "Look"),
  one("flow", "F", "motion since the onset", "Look"),
  one("zoom", "Z", "zoom to the face", "Look"),
  one("window-in", ["+", "="], "shorter stretch in timeline and signals", "Look"),
  one("window-out", "-", "longer stretch in timeline and signals", "Look"),

  one("ghost-previous", "[", "previous suggestion", "Suggestions", code),
  one("ghost-next", "]", "next suggestion", "Suggestions", code),
  one("confirm", "Enter", "take the suggestion as an expression", "Suggestions", code),
  one("reject", "Backspace", "reject the suggestion", "Suggestions", code),

  one("take-1", "Shift+1", "take the expression of the first coder", "Decide", adjudicate),
  one("take-2", "Shift+2", "take the expression of the second coder", "Decide", adjudicate),
  one("take-3", "Shift+3", "take the expression of the third coder", "Decide", adjudicate),
  one("take-4", "Shift+4", "take the expression of the fourth coder", "Decide", adjudicate),

  one("reveal", "H", "reveal the clip's category and the self-report", "Page", code),
  { ...one("done", "Ctrl+Enter", "done with this clip", "Page"), inField: true },
  one("help", "?", "this sheet", "Page"),
];

const PUNCTUATION = new Set([",", ".", "[", "]", "?", "+", "-", "="]);

/** The name of a key press as the table writes it: "Shift+ArrowLeft", "Ctrl+Z", "G", "1", "?". */
export function nameOf(event: Pick<KeyboardEvent, "key" | "code" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey">, altGraph = false): string {
  const control = (event.ctrlKey || event.metaKey) && !altGraph;
  if (event.altKey && !altGraph) return "";
  const prefix = control ? "Ctrl+" : "";
  // punctuation goes by what it prints, wherever a layout puts it; digits go by place, since some layouts print them
  // only with Shift and Shift+digit must stay a digit
  if (PUNCTUATION.has(event.key)) return prefix + event.key;
  const shift = event.shiftKey ? "Shift+" : "";
  const digit = /^Digit(\d)$/.exec(event.code);
  if (digit) return `${prefix}${shift}${digit[1]}`;
  if (event.key === " ") return `${prefix}${shift}Space`;
  return prefix + shift + (event.key.length === 1 ? event.key.toUpperCase() : event.key);
}

export function shortcutFor(name: string, where: Where): Shortcut | undefined {
  return shortcuts.find((shortcut) => shortcut.keys.includes(name) && shortcut.where.includes(where));
}

/** What has the focus decides whether a key is for it or for the page. */
function belongsTo(target: EventTarget | null, name: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox], [type=radio])")) return true;
  if (target.matches("input")) return ["Space", "ArrowLeft", "ArrowRight", "Enter"].includes(name);
  if (target.matches("button, a, summary")) return name === "Space" || name === "Enter";
  return false;
}

export type Actions = Partial<Record<string, () => void>>;

/** Listens for the shortcuts of a page until the returned function is called. */
export function listen(where: Where, actions: Actions, leaveField: () => void): () => void {
  const onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    const name = nameOf(event, event.getModifierState("AltGraph"));
    if (name === "Escape") {
      leaveField();
      event.preventDefault();
      return;
    }
    const shortcut = shortcutFor(name, where);
    const act = shortcut && actions[shortcut.id];
    if (!shortcut || !act) return;
    if (belongsTo(event.target, name) && !shortcut.inField) return;
    event.preventDefault();
    act();
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}

/** A key as people read it. */
export function printed(key: string): string {
  const arrows: Record<string, string> = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };
  return key.split("+").map((part) => arrows[part] ?? part).join("+") || "+";
}
