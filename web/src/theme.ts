// Light, dark, or as the system says; remembered in this browser.

export type Theme = "system" | "light" | "dark";
const themes: readonly Theme[] = ["system", "light", "dark"];
const STORED = "mien-theme";

export function theme(): Theme {
  try {
    const stored = localStorage.getItem(STORED) as Theme | null;
    return stored !== null && themes.includes(stored) ? stored : "system";
  } catch {
    return "system";
  }
}

/** Applies the theme: the root element says light or dark, style sheets and canvases read it from there. */
export function applyTheme(chosen: Theme = theme()): void {
  const dark = chosen === "system" ? window.matchMedia("(prefers-color-scheme: dark)").matches : chosen === "dark";
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
}

export function nextTheme(): Theme {
  const chosen = themes[(themes.indexOf(theme()) + 1) % themes.length]!;
  try {
    localStorage.setItem(STORED, chosen);
  } catch {
    // a browser that keeps nothing still changes its colours until the page closes
  }
  applyTheme(chosen);
  return chosen;
}
