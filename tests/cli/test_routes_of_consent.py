"""Every route by which something can leave x consent level x audience; a new command must say what it is."""

from __future__ import annotations

import base64
import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from mien.cli.main import program
from mien.core import read_record
from mien.core.signal import Signal
from mien.dataset import StudyWriter
from mien.dataset.motion_maps import write_motion_maps
from mien.experiments import RecogniseRequest, recognise
from mien.simulate import MapSettings, simulate_maps

LEVELS = (1, 2, None)


def run(*arguments: object) -> None:
    result = CliRunner().invoke(program(), [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output


# --- routes: each makes its thing of one person of a level, and says whether a face, a voice left


def export(folder: Path, level: int | None, audience: str) -> tuple[bool, bool]:
    writer = StudyWriter(folder / "study")
    rng = np.random.default_rng(1)
    with writer.participant("sub-001") as person:
        with person.write_video(1, width=32, height=32, rate_hz=30) as video:
            video.write(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8))
        person.write_frame_times(1, np.array([0.0]))
        person.write_audio(1, Signal(np.zeros(10), 800.0, "n/a", "voice"))
        thumbnail = person.folder / "derivatives" / "features" / "sub-001" / "thumbnail.png"
        thumbnail.parent.mkdir(parents=True)
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(thumbnail)
    writer.finish(pd.DataFrame({"participant_id": ["sub-001"], "consent_level": [level]}))
    run("export", folder / "study", folder / "out", "--audience", audience)
    left = [path.suffix for path in (folder / "out").rglob("*") if path.is_file()]
    assert (".mp4" in left) == (".png" in left)
    return ".mp4" in left, ".wav" in left


def report(folder: Path, level: int | None, audience: str) -> tuple[bool, bool]:
    """A report counts as publication, whoever asks for it: nobody knows where a file ends."""
    maps = simulate_maps(MapSettings(participants=3, seed=4))
    consent = dict.fromkeys(maps.consent, level)
    write_motion_maps(type(maps)(**{**fields_of(maps), "consent": consent}), folder / "maps")
    done = recognise(RecogniseRequest(folder / "maps", ("majority",), folder / "out"))
    assert read_record(done.paths[0]).artefacts
    run("report", done.paths[0], "--out", folder / "page.html")
    page = (folder / "page.html").read_text()
    pictures = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", page)
    assert all(base64.b64decode(picture)[:4] == b"\x89PNG" for picture in pictures)
    return bool(pictures), "data:audio" in page


def fields_of(maps: object) -> dict[str, object]:
    return {name: getattr(maps, name) for name in maps.__dataclass_fields__}


def predict(folder: Path, level: int | None, audience: str) -> tuple[bool, bool]:
    """Pictures of what an answer rests on count as publication, too; a study's own levels decide."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))
    from filmed import write_study

    study, model, pictures = folder / "study", folder / "model", folder / "pictures"
    write_study(study, people=2, levels=[level] * 2)
    run("recognise", study, "-m", "linear-svm", "--out", folder / "o", "--save", model)
    run("predict", model, study, "--out", folder / "o", "--explain", pictures)
    drawn = [np.asarray(Image.open(path).convert("RGB")).astype(int) for path in pictures.glob("sub-*.png")]
    assert len(drawn) == 6
    # The rendered face has black behind it, the line drawing white paper.
    greys = [float(np.median(one[100:480, 120:540])) for one in drawn]
    assert all((grey < 140) == (greys[0] < 140) for grey in greys)
    return greys[0] < 140, False


def spot(folder: Path, level: int | None, audience: str) -> tuple[bool, bool]:
    """The page and the sheet of a film that lies in a study: the participant's own level decides."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "spotting"))
    import films

    pictures = films.story()[:300:4]  # three seconds with a smile
    writer = StudyWriter(folder / "study")
    with writer.participant("sub-001") as person:
        with person.write_video(1, width=films.SIDE, height=films.SIDE, rate_hz=25) as video:
            for picture in pictures:
                video.write(np.ascontiguousarray(np.repeat(picture[..., None], 3, axis=2)))
        person.write_frame_times(1, np.arange(len(pictures)) / 25)
    writer.finish(pd.DataFrame({"participant_id": ["sub-001"], "consent_level": [level]}))
    film = next((folder / "study").glob("sub-001/**/*_video.mp4"))
    run("spot", film, "--out", folder / "found", "--workers", 1)
    assert len((folder / "found" / "expressions.csv").read_text().splitlines()) > 1
    sheet = np.asarray(Image.open(folder / "found" / "apexes.png").convert("L")).astype(int)
    shown = "data:image" in (folder / "found" / "timeline.html").read_text()
    # A face is grey all over, the line drawing is white paper with lines.
    assert shown == (np.mean((sheet > 40) & (sheet < 200)) > 0.06)
    return shown, False


def reproduce(folder: Path, level: int | None, audience: str) -> tuple[bool, bool]:
    """Samples of expressions and what a network looks at: a page counts as publication, whoever asks."""
    if level not in _REPRODUCED:
        _REPRODUCED[level] = _reproduced(folder, level)
    return _REPRODUCED[level]


def _reproduced(folder: Path, level: int | None) -> tuple[bool, bool]:
    sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))
    from filmed import write_study

    write_study(folder / "study", people=4, levels=[level] * 4)
    figures = ("--only", "figure-4", "--only", "figure-11", "--epochs", 2)
    run("reproduce", folder / "study", *figures, "--out", folder / "out")
    page = (folder / "out" / "only-figure-4+figure-11.html").read_text()
    coded = re.findall(r"data:image/png;base64,\s*([A-Za-z0-9+/=\s]+)", page)
    drawn = [np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("L")) for one in coded]
    assert len(drawn) == 4  # three samples, one sheet
    # A face is grey all over, the line drawing is white paper with lines; the sheet has margins.
    shown = [float(np.mean(one < 200)) > limit for one, limit in zip(drawn, SHARES, strict=True)]
    assert len(set(shown)) == 1, shown
    return shown[0], "data:audio" in page


_REPRODUCED: dict[int | None, tuple[bool, bool]] = {}
SHARES = (0.3, 0.3, 0.3, 0.25)
Route = Callable[[Path, int | None, str], tuple[bool, bool]]
ROUTES: dict[str, Route] = {"export": export, "report": report, "predict": predict, "spot": spot,
                            "reproduce": reproduce}  # fmt: skip

STAYS = {
    "demo": "a simulated study and its report, by the report's route",
    "speed": "times of made signals and pictures",
    "simulate": "nobody's face: rendered from a public-domain photograph",
    "import": "into a study, where consent decides",
    "inspect": "numbers of a file",
    "validate": "findings",
    "sync": "clocks: traces",
    "describe": "counts",
    "recognise": "results on this machine; pictures of them leave by a report",
    "check-method": "findings about a program, on simulated numbers",
    "fuse": "results on this machine; the picture of attention shows no voice without consent (tests/report)",
    "score": "scores",
    "clean": "traces: scalp maps and numbers of the EEG",
    "agreement": "numbers and times of marks; nobody's face or voice",
    "stimuli": "ratings of clips by people who are no participants",
    "present": "pages for the participant and the experimenter of one session, by key (tests/app)",
    "code": "pages for the study's own coders, who are asked as analysis; tests/app says who gets what",
    "concordance": "traces and statistics",
    "cluster": "processes; what they compute stays in the folders of the command that asks",
    "withdraw": "names of files",
}
"""Commands that let nothing out, and why."""


def test_every_command_is_a_route_or_says_why_not() -> None:
    commands = {info.name for info in program().registered_commands}
    commands |= {group.name for group in program().registered_groups}
    assert commands == set(ROUTES) | set(STAYS)


@pytest.mark.parametrize("audience", ["analysis", "publication"])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("route", ROUTES)
def test_nothing_leaves_that_consent_does_not_cover(
    tmp_path: Path, route: str, level: int | None, audience: str
) -> None:
    face, voice = ROUTES[route](tmp_path, level, audience)
    allowed = level == 1 or (audience == "analysis" and route == "export")
    assert face is allowed
    assert voice is (allowed and route == "export")
