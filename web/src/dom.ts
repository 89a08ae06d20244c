// Elements by one function. Strings become text nodes, never markup: what a server or a coder wrote cannot act here.

export type Child = Node | string | number | null | undefined | false | readonly Child[];
type Handler = (event: never) => void;
export type Props = Record<string, string | number | boolean | null | undefined | Handler>;

/** An element with attributes (`onclick` and the like are listeners, true is a bare attribute) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value as EventListener);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

export function append(parent: Node, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(parent, child as readonly Child[]);
    else parent.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Replaces the children of an element. */
export function fill(parent: Element, ...children: Child[]): void {
  parent.replaceChildren();
  append(parent, children);
}

/** A label with its control: every control of the bench has a name that can be read aloud. */
export function field(label: string, control: HTMLElement, key?: string): HTMLElement {
  return h("label", { class: "field" }, h("span", { class: "field-name" }, label, key ? cap(key) : null), control);
}

/** A key cap; hidden from screen readers, which get the shortcut from aria-keyshortcuts. */
export function cap(key: string): HTMLElement {
  return h("kbd", { "aria-hidden": "true" }, key);
}

export function button(text: string, onclick: () => void, props: Props = {}, key?: string): HTMLButtonElement {
  return h("button", { type: "button", onclick, "aria-keyshortcuts": key, ...props }, text, key ? cap(key) : null);
}

let announcing = 0;

/** Says a sentence in the polite live region; while frames pass only the last one is said. */
export function announce(sentence: string, after_ms = 0): void {
  window.clearTimeout(announcing);
  const say = (): void => {
    const live = document.getElementById("live");
    if (live && live.textContent !== sentence) live.textContent = sentence;
  };
  if (after_ms === 0) say();
  else announcing = window.setTimeout(say, after_ms);
}

export function seconds(value: number, digits = 3): string {
  return `${value.toFixed(digits)} s`;
}

/** A v4 UUID; crypto.randomUUID exists only in secure contexts, a laboratory network may not be one. */
export function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
