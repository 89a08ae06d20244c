"""The page of rated clips: what it says, that it is whole by itself, and the tables beside it."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from mien.elicitation.ratings import Ratings, Said, gather
from mien.elicitation.selection import Rules, rate_clips, reliability, select_clips
from mien.report.stimuli_figures import emotions_of, mark_of, plane_figure
from mien.report.stimuli_page import stimuli_page, write_stimuli
from mien.simulate.raters import simulate_ratings

EVIL = "<script>alert(1)</script>\"'&{{7*7}}"


def simulated(n_clips: int = 70, n_raters: int = 8) -> Ratings:
    made = simulate_ratings(2, n_clips=n_clips, n_raters=n_raters, good=4)
    return gather(
        "test", [Said("", r.clip, r.rater, r.category, r.valence, r.arousal, r.target) for r in made.ratings]
    )


def page_of(ratings: Ratings, rules: Rules | None = None, **more: Any) -> str:
    rules = rules or Rules(per_emotion=3, fewer=True)
    rated = rate_clips(ratings)
    agreed = [reliability(ratings, "valence"), reliability(ratings, "arousal")]
    given = {"title": "Ratings", "doubtful": {}, **more}
    doubtful = given.pop("doubtful")
    return stimuli_page(rated, agreed, select_clips(rated, rules), rules, doubtful, **given)


class Text(HTMLParser):
    """Tags with attributes, and the text that a reader sees."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_it_says_how_reliable_how_many_and_what_mmme_did() -> None:
    ratings = simulated()
    page = page_of(ratings)
    text = " ".join(Text(page).text.split())
    alpha = reliability(ratings, "valence").alpha
    assert alpha is not None
    assert "8 raters rated 70 clips." in text
    assert f"Valence: Cronbach's alpha {alpha.value:.3f} [{alpha.low:.3f}, {alpha.high:.3f}]" in text
    assert "21 clips of 7 emotions were selected, 3 of each" in text
    for words in (
        "alpha above .80", "ICC .768 for pleasure, .697 for arousal", "both called good there",
        ".768 is good, .697 moderate", "MMME states no rule", "n the number of raters", "ICC(2,k)",
        "very unpleasant", "very excited", "interval says",
    ):  # fmt: skip
        assert words in text, words


def test_it_says_what_is_lacking() -> None:
    rules = Rules(per_emotion=8, least_hit_rate=0.7, fewer=True)
    text = Text(page_of(simulated(), rules)).text
    lacking = select_clips(rate_clips(simulated()), rules).lacking
    assert set(lacking) >= {"fear", "anger"}
    assert f"Fear has too few clips that fulfil the rules: {lacking['fear']}." in text
    assert "at most 8 of each" in text


def test_raters_who_answer_the_same_are_named() -> None:
    doubtful = {"r09": "always valence 5"}
    assert "Rater r09 answers always valence 5, and was left out" in page_of(simulated(), doubtful=doubtful)
    kept = page_of(simulated(), doubtful=doubtful, keep_all=True)
    assert "Rater r09 answers always valence 5, and was kept" in kept


def test_dropped_clips_are_counted() -> None:
    ratings = simulated()
    ratings.valence[5, 0] = math.nan
    assert "1 clip without valence by every rater is not in the reliability of valence." in page_of(ratings)


def test_without_reliability_there_is_a_reason_and_no_number() -> None:
    one = simulated(n_raters=1)
    text = Text(page_of(one)).text
    assert "Valence has no reliability: 70 clips were rated by all 1 raters" in text
    assert "nan" not in text.lower()
    equal = simulated()
    equal.valence[:] = 5
    assert "Valence has no reliability: all ratings are equal." in page_of(equal)


def test_nothing_selected_is_a_page_too() -> None:
    ratings = replace(simulated(), target=(None,) * 70, emotion=((None,) * 8,) * 70)
    text = Text(page_of(ratings)).text
    assert "No clip was selected." in text
    assert "no target: 0 of 70" in text


def test_it_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    page = page_of(simulated())
    found = Text(page)
    assert not {tag for tag, _ in found.tags} & {"script", "link", "img", "iframe", "object", "form"}
    policy = {
        "http-equiv": "Content-Security-Policy",
        "content": "default-src 'none'; style-src 'unsafe-inline'",
    }
    assert ("meta", policy) in found.tags
    assert not re.findall(r"(?:href|src)=\"(?!#)", page)
    assert page == page_of(simulated())


def test_names_cannot_break_out() -> None:
    rows = [Said("", EVIL, f"r{n}", EVIL, 2 + n, 8, EVIL) for n in range(3)]
    rows += [Said("", "b", f"r{n}", "fear", 3 + n, 7, "fear") for n in range(3)]
    page = page_of(gather("t", rows), Rules(per_emotion=1), title=EVIL, doubtful={EVIL: EVIL})
    assert "<script" not in page
    assert "49" not in re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL).split("<body>")[1][:400]
    assert EVIL in Text(page).text


def test_every_emotion_has_a_shape_and_a_colour_of_its_own() -> None:
    clips = [
        replace(c, target=t) for c, t in zip(rate_clips(simulated()), ("awe", "calm", None), strict=False)
    ]
    emotions = emotions_of([*rate_clips(simulated()), *clips])
    assert emotions[-3:] == ["awe", "calm", None]
    marks = [mark_of(emotion, emotions) for emotion in emotions]
    assert len({colour for colour, _ in marks[:-1]}) == len(marks) - 1
    assert len({shape for _, shape in marks}) == len(marks)


def test_the_plot_marks_the_selected_ones() -> None:
    rated = rate_clips(simulated())
    chosen = frozenset(select_clips(rated, Rules(per_emotion=3, fewer=True)).names)
    assert plane_figure(rated, chosen) != plane_figure(rated, frozenset())
    assert "fear: 3 of 10" in plane_figure(rated, chosen)
    assert "fear: 0 of 10" in plane_figure(rated, frozenset())


def test_the_tables_beside_it(tmp_path: Path) -> None:
    ratings = simulated()
    ratings.valence[0] = math.nan
    rated = rate_clips(ratings, seconds={ratings.stimuli[1]: 12.5})
    rules = Rules(per_emotion=3, fewer=True)
    chosen = select_clips(rated, rules)
    agreed = [reliability(ratings, "valence")]
    made = write_stimuli(rated, agreed, chosen, rules, {}, tmp_path / "deep" / "out", title="T")
    assert {key: path.name for key, path in made.items()} == {
        "page": "stimuli.html", "plot": "valence-arousal.svg", "clips": "clips.tsv",
        "selected": "selected.tsv",
    }  # fmt: skip
    with made["clips"].open(newline="") as file:
        rows = {row["stimulus"]: row for row in csv.DictReader(file, delimiter="\t")}
    assert len(rows) == 70
    for clip in rated:
        row = rows[clip.name]
        assert float(row["hit_rate"]) == pytest.approx(clip.hit_rate, abs=1e-4)
        assert float(row["success"]) == pytest.approx(clip.success, abs=1e-4)
        assert sum(int(n) for key, n in row.items() if key.startswith("named_")) == 8
        assert (row["place"] == "n/a") == (clip.name not in chosen.names)
        assert (row["left_out"] == "n/a") == (clip.name in chosen.names)
    assert rows[ratings.stimuli[0]]["valence"] == "n/a"
    assert rows[ratings.stimuli[1]]["seconds"] == "12.5000"
    with made["selected"].open(newline="") as file:
        assert [row["stimulus"] for row in csv.DictReader(file, delimiter="\t")] == list(chosen.names)
    assert not list((tmp_path / "deep" / "out").glob(".*"))
