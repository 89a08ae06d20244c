"""The page of spotted videos: everything is in it, faces only with consent, nothing comes from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from mien.core.errors import DataError, OptionError
from mien.core.expression import ActionUnit, Expression
from mien.core.signal import Signal
from mien.core.time import Interval
from mien.report.face_crops import FaceCrops
from mien.report.spotting_page import SpottedVideo, spoken, spotting_page
from mien.report.timeline_chart import draw
from mien.spotting import Proposal, Spotted, Unjudged
from mien.spotting.heart_rate_filter import Verdicts

PROPOSALS = (
    Proposal(1.511, 1.692, 1.918, "micro", 2.21, ("mouth",)),
    Proposal(4.027, 4.686, 5.58, "macro", 6.78, ("brows", "mouth")),
)
NAME = "<img src=x onerror=alert(1)> \"Zoë\" & '表情'</script>.mp4"
CROP = FaceCrops(*(np.full((128, 128), 40 * k, np.uint8) for k in (1, 2, 3)))
VERDICTS = Verdicts(
    np.array([1, -1], np.int8),
    np.array([3.1, np.nan]),
    np.array([1.2, 1.2]),
    np.array(["", "gap"]),
    np.array(["ecg", "ecg"]),
)


def spotted(proposals=PROPOSALS, length_s=10.0, rate_hz=50, not_judged=(), notes=()):
    times = np.arange(round(length_s * rate_hz)) / rate_hz
    curve = 0.5 + 0.1 * np.sin(times)
    for one in proposals:
        curve[(times >= one.onset_s) & (times <= one.offset_s)] = one.score
    for one in not_judged:
        curve[(times >= one.span.start_s) & (times < one.span.end_s)] = np.nan
    return Spotted(tuple(proposals), tuple(not_judged), tuple(notes), 100.0, length_s, times, curve)


class Elements(HTMLParser):
    """What a browser would make of it: tags with their attributes, and whether they are closed."""

    VOID = ("meta", "img", "br", "input", "link")

    def __init__(self, page):
        super().__init__()
        self.found, self.open = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def whole(**more):
    return SpottedVideo(
        NAME,
        spotted(not_judged=[Unjudged(Interval(7.0, 8.5), "no face <here>")], notes=["A note & more."]),
        "optical-flow",
        reference=(Expression(1.5, 1.68, None, "micro", (ActionUnit(12),), "happiness"), Expression(4, 5, 6)),
        heart_rate=Signal(np.linspace(60, 70, 40), 4.0, "bpm", "heart rate"),
        heart_slope=Signal(np.r_[np.nan, np.linspace(-2, 3, 39)], 4.0, "bpm/s", "slope"),
        verdicts=VERDICTS,
        **more,
    )


def test_everything_is_in_the_page():
    page = spotting_page([whole()])
    for one in PROPOSALS:
        for at in (one.onset_s, one.apex_s, one.offset_s):
            assert f"{at:.3f}" in page
    for words in (
        "2 expressions (1 micro, 1 macro) above the threshold in 10.0 s of video",
        "; 1.5 s (15%) could not be judged", "The heart-rate filter removes 0", "brows, mouth",
        "Coded as reference: 2 expressions", "optical-flow",
        "no face &lt;here&gt;", "A note &amp; more.", "AU12", "happiness", "0:07.000", "0:08.500",
        "kept: heart rate changes by 3.10, more than 1.20 bpm/s", "kept, undecided: a gap in the heart rate",
    ):  # fmt: skip
        assert words in page, words


def test_it_is_html_and_nothing_comes_from_elsewhere():
    page = spotting_page([whole(crops=[CROP, None], level=1)])
    elements = Elements(page)
    assert not elements.open
    assert "<img src=x" not in page
    assert page.count("</script>") == 2  # of one video's data, and the page's own
    for tag, attrs in elements.found:
        assert tag not in ("link", "iframe", "object", "base")
        assert not any(name.startswith("on") for name in attrs)
        for name in ("src", "href"):
            assert re.match(r"data:image/jpeg;base64,|#", attrs.get(name, "#"))
    ids = [attrs["id"] for _, attrs in elements.found if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)


def test_the_policy_allows_this_script_alone():
    page = spotting_page([whole()])
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1]
    assert (
        f"script-src 'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in page
    )
    assert "default-src 'none'" in page


@pytest.mark.parametrize("level", [1, 2, None])
@pytest.mark.parametrize("audience", ["publication", "analysis"])
def test_faces_only_where_consent_allows(level, audience):
    page = spotting_page([whole(crops=[CROP, None], level=level)], audience=audience)
    allowed = level == 1 or audience == "analysis"
    assert page.count("data:image") == (3 if allowed else 0)
    assert ("Faces are left out" in page) is not allowed
    assert ("do not pass it on" in page) is (audience == "analysis")
    assert ("no face found" in page) is allowed


def test_without_crops_nothing_is_said_of_faces():
    page = spotting_page([whole()])
    assert "data:image" not in page
    assert "Faces are" not in page


def test_nothing_spotted():
    page = spotting_page([SpottedVideo("a.mp4", spotted([]))])
    assert "No expression above the threshold in 10.0 s of video." in page
    assert "None above the threshold" in page
    Elements(page)
    nothing = Spotted((), (Unjudged(Interval(0, 1.0), "no face"),), (), np.nan, 1.0, np.zeros(0), np.zeros(0))
    assert "1.0 s (100%) could not be judged" in spotting_page([SpottedVideo("a.mp4", nothing)])
    with pytest.raises(DataError, match="at least one video"):
        spotting_page([])


def test_several_videos_have_a_list():
    page = spotting_page([whole(), SpottedVideo("b.mp4", spotted())])
    assert '<a href="#video2">b.mp4</a>: 2' in page
    assert page.count('<section class="video"') == 2


def test_an_hour_with_500():
    rng = np.random.default_rng(0)
    at = np.sort(rng.uniform(1, 3590, 500))
    proposals = [Proposal(t, t + 0.1, t + 0.3, "micro", 1.5, ("brows",)) for t in at]
    page = spotting_page([SpottedVideo("hour.mp4", spotted(proposals, 3600.0), "optical-flow")])
    assert "500 expressions (500 micro, 0 macro) above the threshold in 1 h 0 min" in page
    assert all(f"{one.apex_s:.3f}" in page for one in proposals)
    assert len(page) < 1_500_000


def test_the_script_gets_every_sample():
    one = spotted(not_judged=[Unjudged(Interval(7.0, 8.5), "no face")])
    data = json.loads(draw(one).data)
    (score,) = data["series"]
    bits = np.frombuffer(base64.b64decode(score["values"]), "<u2")
    values = np.where(bits == 65535, np.nan, score["low"] + (score["high"] - score["low"]) * bits / 65534)
    np.testing.assert_allclose(values, one.curve, atol=2e-4)
    assert score["times"] == [0.0, pytest.approx(0.02)]
    assert data["proposals"] == [[p.onset_s, p.apex_s, p.offset_s] for p in PROPOSALS]
    uneven = Spotted((), (), (), 30.0, 9.0, np.array([0.0, 0.04, 1.5, 8.0]), np.ones(4))
    times = json.loads(draw(uneven).data)["series"][0]["times"]
    assert np.frombuffer(base64.b64decode(times), "<u4").tolist() == [0, 40, 1500, 8000]


def test_drawn_places_are_those_of_the_times():
    svg = draw(spotted()).svg
    (at,) = re.findall(r'<line class="apex micro" data-a="1\.6920" x1="([\d.]+)"', svg)
    assert float(at) == pytest.approx(52 + 920 * 0.1692, abs=0.01)


def test_one_verdict_and_one_crop_for_each_proposal():
    with pytest.raises(OptionError, match="face crops: wanted 2"):
        SpottedVideo("a", spotted(), crops=[CROP])
    with pytest.raises(OptionError, match="verdicts: wanted 0"):
        SpottedVideo("a", spotted([]), verdicts=VERDICTS)


def test_equal_videos_give_equal_pages():
    assert spotting_page([whole(crops=[CROP, CROP], level=1)]) == spotting_page(
        [whole(crops=[CROP, CROP], level=1)]
    )
    assert (spoken(59.96), spoken(3599.6)) == ("1 min 0 s", "1 h 0 min")
