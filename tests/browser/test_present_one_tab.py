"""One tab of the participant's screen, one session after another: nothing goes from one to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attending import screen
from presenting import open_operator, running, until, write_clips_study

from mien.app.application import STATIC
from mien.dataset import layout
from mien.elicitation.journal import read_journal

pytestmark = pytest.mark.skipif(
    not (STATIC / "participant.html").is_file(), reason="the pages are not built (make web), skipped"
)
_SIZES = """async () => {
  const headers = {'x-mien-role': 'participant'};
  const plan = await (await fetch('/api/participant/plan', {headers})).json();
  const size = async ({url}) => (await (await fetch(url, {headers})).arrayBuffer()).byteLength;
  return (await Promise.all(plan.media.map(size))).sort((a, b) => a - b);
}"""


def _sizes(study: Path) -> list[int]:
    return sorted(path.stat().st_size for path in (layout.stimuli(study).parent / "clips").iterdir())


def test_nothing_of_a_session_comes_into_the_next_one_of_the_same_tab(chromium: Any, tmp_path: Path) -> None:
    first = write_clips_study(tmp_path / "a" / "study", n=2, seconds=1.0)
    other = write_clips_study(tmp_path / "b" / "study", n=2, seconds=2.0)
    page, troubles = chromium.new_context().new_page(), []
    page.set_default_timeout(30_000)
    with running(first, "-p", "001") as runner:
        open_operator(chromium, runner.links["operator"], troubles).keyboard.press("g")
        page.goto(runner.links["participant"])
        page.wait_for_selector(".consent-choice")
        assert page.evaluate(_SIZES) == _sizes(first)
        runner.kill()
    page.click("[data-consent='1']")  # nobody hears it
    with running(other, "-p", "002", port=runner.port) as second:
        operator = open_operator(chromium, second.links["operator"], troubles)
        operator.keyboard.press("g")
        page.goto(second.links["participant"])  # only what comes after the # is another
        page.wait_for_timeout(2000)  # it loads itself anew
        until(lambda: screen(page) == "consent", page=page)
        page.wait_for_timeout(1500)
        assert screen(page) == "consent"
        rows = read_journal(layout.source_folder(other, "sub-002") / "session.jsonl")
        assert "consent" not in {row["what"] for row in rows}
        assert page.evaluate(_SIZES) == _sizes(other)  # of this study, not of the browser's memory
    assert troubles == []
