"""A participant who needs nobody: presses the keys that each screen of `mien present` asks for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

_SCREEN = """() => {
  const is = (q) => document.querySelector(q) !== null;
  if (is("dialog[open]")) return "question";
  if (is(".consent-choice")) return "consent";
  if (is("form.report")) return "report";
  if (is("video")) return "clip";
  if (is("progress")) return "loading";
  const prompt = document.querySelector(".prompt");
  if (prompt && /space bar/i.test(prompt.textContent)) return "space";
  if (is(".failed-clips")) return "failed";
  const title = document.querySelector("h1");
  return title ? title.textContent : "";
}"""


def screen(page: Any) -> str:
    """What the participant's page shows, in one word."""
    return str(page.evaluate(_SCREEN))


def answer(page: Any, number: int) -> tuple[int, int, int]:
    """Report by keyboard: digits choose and lead on, Enter ends."""
    given = (1 + number % 7, 1 + (3 * number) % 9, 1 + (5 * number) % 9)
    for digit in given:
        page.keyboard.press(str(digit))
    page.keyboard.press("Enter")
    return given


def attend(
    page: Any,
    *,
    level: int = 1,
    until: Callable[[], bool] = lambda: False,
    limit_s: float = 300,
) -> list[tuple[int, int, int]]:
    """Go through the session until its end, or until `until()`; the reports given, in order."""
    given: list[tuple[int, int, int]] = []
    end = time.monotonic() + limit_s
    while time.monotonic() < end and not until():
        now = screen(page)
        if now == "consent":
            page.click(f"[data-consent='{level}']")
        elif now == "report":
            given.append(answer(page, len(given)))
            page.wait_for_function("() => !document.querySelector('form.report')", timeout=5000)
        elif now == "space":
            page.keyboard.press("Space")
        elif now in ("That was the last clip", "The session was stopped", "You have stopped"):
            return given
        page.wait_for_timeout(100)
    return given
