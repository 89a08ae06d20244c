// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { button, fill, h, uuid } from "../src/dom";
import { ExpressionForm, type Hands } from "../src/form";
import { listen, type Actions } from "../src/keys";
import { ExpressionList } from "../src/list";
import { nothing_coded, type Body, type Doubt, type Expression, type Study } from "../src/types";

const TIMES = Array.from({ length: 100 }, (_, frame) => frame * 0.02);
const study: Study = { name: "s", emotions: ["happiness", "surprise"], action_units: [{ number: 12, name: "Lip Corner Puller", region: "mid" }], method: null };
const expression = (fields: Partial<Body> = {}, doubts: Doubt[] = [], id = "e1"): Expression => ({ id, version: 1, body: { ...nothing_coded, ...fields }, doubts });

const press = (target: EventTarget, key: string, more: KeyboardEventInit = {}): KeyboardEvent => {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
  target.dispatchEvent(event);
  return event;
};

beforeEach(() => document.body.replaceChildren());

describe("elements", () => {
  it("take what a server says as text, never as markup", () => {
    const element = h("p", {}, "<img src=x onerror=alert(1)>");
    fill(element, element.textContent, h("b", {}, "<script>"));
    expect(element.querySelector("img, script")).toBeNull();
    expect(element.textContent).toBe("<img src=x onerror=alert(1)><script>");
  });

  it("make UUIDs that the server takes", () => {
    const made = Array.from({ length: 100 }, uuid);
    expect(new Set(made).size).toBe(100);
    expect(made.every((text) => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(text))).toBe(true);
  });
});

describe("keys and focus", () => {
  let done: string[];
  let stop: () => void;
  beforeEach(() => {
    done = [];
    const actions: Actions = Object.fromEntries(["new", "play", "done", "undo", "next", "confirm"].map((id) => [id, () => void done.push(id)]));
    stop = listen("code", actions, () => void done.push("left"));
  });
  afterEach(() => stop());

  it("act on the page, and not twice", () => {
    expect(press(document.body, "n").defaultPrevented).toBe(true);
    press(document.body, " ");
    stop();
    press(document.body, "n");
    expect(done).toEqual(["new", "play"]);
  });

  it("belong to a text field that has the focus, but for Escape and Ctrl+Enter", () => {
    const input = document.body.appendChild(h("input", { type: "text" }));
    for (const key of ["n", " ", "ArrowRight", "Enter"]) expect(press(input, key).defaultPrevented).toBe(false);
    press(input, "z", { ctrlKey: true });
    press(input, "Enter", { ctrlKey: true });
    press(input, "Escape");
    expect(done).toEqual(["done", "left"]);
  });

  it("leave Space and Enter to a button, letters to the page", () => {
    const control = document.body.appendChild(button("x", () => undefined));
    press(control, " ");
    press(control, "Enter");
    press(control, "n");
    expect(done).toEqual(["new"]);
  });

  it("rest while a dialog is open", () => {
    document.body.appendChild(h("dialog", { open: true }));
    press(document.body, "n");
    expect(done).toEqual([]);
  });

  it("leave the browser its own keys", () => {
    expect(press(document.body, "r", { ctrlKey: true }).defaultPrevented).toBe(false);
    expect(press(document.body, "F5").defaultPrevented).toBe(false);
    expect(press(document.body, "Tab").defaultPrevented).toBe(false);
  });
});

describe("the form", () => {
  let changes: Partial<Body>[];
  let said: string[];
  let form: ExpressionForm;
  const get = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
  const type = (id: string, value: string): void => {
    const input = get<HTMLInputElement>(id);
    input.value = value;
    input.dispatchEvent(new Event("input"));
    input.dispatchEvent(new Event("change"));
  };
  beforeEach(() => {
    changes = [];
    said = [];
    const hands: Hands = { change: (fields) => void changes.push(fields), mark: () => undefined, jump: () => undefined, leave: () => undefined, announce: (text) => void said.push(text) };
    form = new ExpressionForm(study, TIMES, hands);
    document.body.appendChild(form.element);
  });

  it("keeps the emotion shut until action units are coded, and says why", () => {
    form.show(expression({ onset: 1 }), true, false);
    expect(get("emotion").getAttribute("aria-disabled")).toBe("true");
    expect(get("emotion-why").textContent).toMatch(/action units first/);
    press(get("emotion"), "h");
    document.querySelector<HTMLElement>("[data-emotion=happiness]")!.click();
    expect(changes).toEqual([]);
    form.show(expression({ onset: 1, no_action_unit: true }), true, false);
    expect(get("emotion").getAttribute("aria-disabled")).toBe("false");
    press(get("emotion"), "h");
    expect(changes).toEqual([{ emotion: "happiness", basis: ["aus"] }]);
  });

  it("opens clip and self-report as bases only once they are revealed", () => {
    form.show(expression({ action_units: ["AU12"] }), true, false);
    expect([get<HTMLInputElement>("basis-aus").disabled, get<HTMLInputElement>("basis-clip").disabled]).toEqual([false, true]);
    form.show(expression({ action_units: ["AU12"] }), true, true);
    const self = get<HTMLInputElement>("basis-self-report");
    expect(self.disabled).toBe(false);
    self.checked = true;
    get<HTMLInputElement>("basis-aus").checked = true;
    self.dispatchEvent(new Event("change"));
    expect(changes).toEqual([{ basis: ["aus", "self-report"] }]);
  });

  it("does not save action units it cannot read, and keeps what was typed", () => {
    form.show(expression(), true, false);
    type("units", "12 + smile");
    expect(changes).toEqual([]);
    expect(get("units-error").textContent).toMatch(/SMILE/);
    form.show(expression(), true, false);
    expect(get<HTMLInputElement>("units").value).toBe("12 + smile");
    type("units", "12b");
    expect(changes).toEqual([{ action_units: ["AU12B"], no_action_unit: false }]);
    expect(get("units-error").textContent).toBe("");
  });

  it("takes the emotion away with the action units it rests on", () => {
    form.show(expression({ action_units: ["AU12"], emotion: "happiness", basis: ["aus"] }), true, false);
    type("units", "");
    expect(changes).toEqual([{ action_units: [], emotion: null, basis: [] }]);
    expect(said).toEqual(["the emotion was removed with the action units"]);
  });

  it("does not say that none was seen over coded units", () => {
    form.show(expression({ action_units: ["AU12"] }), true, false);
    form.toggleNoUnits();
    expect(changes).toEqual([]);
    expect(get("units-error").textContent).toMatch(/clear them/);
  });

  it.each([["valence", "0"], ["valence", "9.5"], ["arousal", "x"], ["certainty", "2.5"], ["certainty", "6"]])("refuses %s %s", (id, value) => {
    form.show(expression(), true, false);
    type(id, value);
    expect(changes).toEqual([]);
    expect(get("scales-error").textContent).toMatch(/was not saved/);
  });

  it("takes numbers in range, with a comma too", () => {
    form.show(expression(), true, false);
    type("valence", "3,5");
    type("certainty", "4");
    type("certainty", "");
    expect(changes).toEqual([{ valence: 3.5 }, { certainty: 4 }, { certainty: null }]);
  });

  it("refuses a frame outside the clip", () => {
    form.show(expression(), true, false);
    type("frame-onset", "100");
    type("frame-onset", "1.5");
    type("frame-onset", "99");
    expect(changes).toEqual([{ onset: 99 }]);
  });

  it("saves another kind than the rule's only with a reason", () => {
    form.show(expression({ onset: 0, apex: 5, offset: 10 }), true, false);
    type("kind", "macro");
    expect(changes).toEqual([]);
    expect(get("kind-reason-error").textContent).toMatch(/why/);
    type("kind-reason", "slow fade");
    type("kind", "");
    expect(changes).toEqual([{ kind: "macro", kind_reason: "slow fade" }, { kind: null, kind_reason: "" }]);
  });

  it("shows durations, the rule and doubts in words", () => {
    form.show(expression({ onset: 0, apex: 5, offset: 10 }, [{ code: "no-units", message: "No units." }]), true, false);
    expect(get("durations").textContent).toBe("onset–apex 100 msapex–offset 100 msonset–offset 200 ms");
    expect(get("rule").textContent).toMatch(/^micro/);
    expect(get("doubts").textContent).toBe("⚠ No units.");
  });

  it("is closed where the sheet may not be edited", () => {
    form.show(expression({ action_units: ["AU12"] }), false, true);
    expect([...form.element.querySelectorAll<HTMLInputElement>("input, textarea, select, .set")].every((control) => control.disabled)).toBe(true);
    press(get("emotion"), "h");
    expect(changes).toEqual([]);
  });

  it("gives every control a name", () => {
    form.show(expression(), true, true);
    for (const control of form.element.querySelectorAll<HTMLInputElement>("input, textarea, select, button, [role=listbox]")) {
      const named = control.getAttribute("aria-label") ?? control.closest("label")?.textContent ?? form.element.querySelector(`label[for="${control.id}"]`)?.textContent ?? control.textContent;
      expect(named?.trim(), control.outerHTML).toBeTruthy();
    }
  });
});

describe("the list", () => {
  it("is a list box that says all it shows, and moves by arrows", () => {
    const chosen: string[] = [];
    const list = new ExpressionList(TIMES, (id) => void chosen.push(id));
    document.body.appendChild(list.element);
    list.show([expression({ onset: 1, apex: 3, offset: 9, action_units: ["LAU12B"] }, [{ code: "x", message: "y" }]), expression({ onset: 20 }, [], "e2")], "e1");
    const rows = [...list.element.querySelectorAll("[role=option]")];
    expect(rows.map((row) => row.getAttribute("aria-selected"))).toEqual(["true", "false"]);
    expect(rows[0]!.getAttribute("aria-label")).toBe("1: micro, onset 1, apex 3, offset 9, 160 ms, action units L12B, 1 doubt");
    expect(list.element.getAttribute("aria-activedescendant")).toBe("expression-e1");
    press(list.element, "ArrowDown");
    press(list.element, "ArrowUp");
    expect(chosen).toEqual(["e2", "e1"]);
  });
});
