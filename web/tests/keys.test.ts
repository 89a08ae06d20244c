import { describe, expect, it } from "vitest";
import { lettersOf } from "../src/emotions";
import { nameOf, printed, shortcutFor, shortcuts, type Where } from "../src/keys";

const press = (key: string, more: Partial<KeyboardEvent> = {}): string =>
  nameOf({ key, code: "", shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...more });

describe("the table of keys", () => {
  it.each(["code", "adjudicate"] as Where[])("has each key once on the page %s", (where) => {
    const keys = shortcuts.filter((shortcut) => shortcut.where.includes(where)).flatMap(({ keys: its }) => its);
    expect(keys.filter((key, place) => keys.indexOf(key) !== place)).toEqual([]);
  });

  it("has each name once, and says what each does", () => {
    const ids = shortcuts.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(shortcuts.every(({ what }) => what.length > 3)).toBe(true);
  });

  it("takes no key that belongs to browsers or screen readers", () => {
    const reserved = [
      ..."ACDFGHJKLNOPQRSTUVWX0123456789+-=".split("").map((key) => `Ctrl+${key}`),
      ..."CIJKNPRTW".split("").map((key) => `Ctrl+Shift+${key}`),
      "Tab", "Shift+Tab", "Escape", "CapsLock", "Insert", "ContextMenu", "Shift+F10",
      ...Array.from({ length: 12 }, (_, n) => `F${n + 1}`),
    ];
    const used = shortcuts.flatMap(({ keys }) => keys);
    expect(used.filter((key) => reserved.includes(key) || key.includes("Alt"))).toEqual([]);
  });

  it("works in a field only with a modifier", () => {
    expect(shortcuts.filter(({ inField }) => inField).every(({ keys }) => keys.every((key) => key.startsWith("Ctrl+")))).toBe(true);
  });
});

describe("the name of a key press", () => {
  it.each([
    [press("g"), "G"],
    [press("D", { shiftKey: true }), "Shift+D"],
    [press("z", { ctrlKey: true }), "Ctrl+Z"],
    [press("Z", { metaKey: true, shiftKey: true }), "Ctrl+Shift+Z"],
    [press(" "), "Space"],
    [press("ArrowLeft", { shiftKey: true }), "Shift+ArrowLeft"],
    [press("?", { shiftKey: true }), "?"],
    [press("1", { code: "Digit1" }), "1"],
    [press("!", { code: "Digit1", shiftKey: true }), "Shift+1"],
    [press("&", { code: "Digit1" }), "1"], // a French keyboard
    [press("1", { code: "Numpad1" }), "1"],
    [press("x", { altKey: true }), ""],
  ])("%s", (name, wanted) => expect(name).toBe(wanted));

  it("takes [ and ] from a keyboard on which they need AltGr", () => {
    expect(nameOf({ key: "[", code: "Digit8", shiftKey: false, ctrlKey: true, metaKey: false, altKey: true }, true)).toBe("[");
  });

  it("finds shortcuts by page", () => {
    expect(shortcutFor("Shift+1", "adjudicate")?.id).toBe("take-1");
    expect(shortcutFor("Shift+1", "code")).toBeUndefined();
  });

  it("prints arrows and plus", () => {
    expect([printed("Shift+ArrowLeft"), printed("+"), printed("Ctrl+Z")]).toEqual(["Shift+←", "+", "Ctrl+Z"]);
  });
});

describe("letters of emotions", () => {
  it("gives each word its own", () => {
    const letters = lettersOf(["happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"]);
    expect(letters).toEqual(["H", "S", "A", "N", "D", "F", "C"]);
    expect(new Set(lettersOf(["a", "a", "aa", "ab"])).size).toBe(4);
  });
});
