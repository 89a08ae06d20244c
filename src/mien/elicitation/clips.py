"""The clips of a study: rows of `stimuli/stimuli.tsv`, their files, and whether a browser can play them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mien.core.errors import DataError
from mien.dataset import layout, tables
from mien.dataset.synchronise import CLIP_CODES

Role = Literal["trial", "practice", "neutral"]
ROLES: tuple[Role, ...] = ("trial", "practice", "neutral")
CLIP_COLUMNS = ("stimulus", "code", "emotion", "file", "seconds", "role")
PLAYED = {".mp4": ("h264", "vp9", "av1"), ".webm": ("vp8", "vp9", "av1")}
"""Containers and codecs that every current browser decodes."""
_PIXELS = ("yuv420p", "yuvj420p")
_CONVERT = "convert it, as in: ffmpeg -i CLIP -c:v libx264 -pix_fmt yuv420p -c:a aac CLIP.mp4"


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip: its name, its file within `stimuli/`, and what it is for.

    `code` is the trigger code at its onset (trials only), `seconds` its measured length.
    """

    name: str
    file: str
    seconds: float
    role: Role
    code: int | None = None
    emotion: str | None = None

    def path(self, study: Path) -> Path:
        """Where the file lies."""
        return layout.stimuli(study).parent / self.file


def read_clips(study: Path) -> tuple[Clip, ...]:
    """The clips of a study in the table's order.

    Raises
    ------
    DataError
        If the table is absent or damaged, names a clip or a code twice, gives a clip of a trial no code of
        101 to 148, or a file lies outside `stimuli/`.
    """
    path = layout.stimuli(study)
    table = tables.read_table(
        path,
        columns=CLIP_COLUMNS,
        integers=["code"],
        numbers=["seconds"],
        filled=["stimulus", "file", "seconds", "role"],
    )
    clips: list[Clip] = []
    for number, row in enumerate(tables.rows(table), start=2):
        where = f"{path}, row {number}"
        clips.append(_clip(where, study, row))
    _check_once(path, [clip.name for clip in clips], "name")
    _check_once(path, [clip.code for clip in clips if clip.code is not None], "code")
    return tuple(clips)


def _clip(where: str, study: Path, row: Mapping[str, object]) -> Clip:
    role, code, seconds = row["role"], row["code"], row["seconds"]
    if role not in ROLES:
        raise DataError(where, wanted=f"a role of {', '.join(ROLES)}", got=repr(role), remedy="correct it")
    if role == "trial" and code not in CLIP_CODES:
        raise DataError(
            where,
            wanted=f"a code from {CLIP_CODES[0]} to {CLIP_CODES[-1]} for a clip of a trial",
            got=repr(code),
            remedy="give each its own",
        )
    if role == "trial" and row["emotion"] is None:
        raise DataError(where, wanted="the emotion that the clip aims at", got="n/a", remedy="write it")
    if not isinstance(seconds, float) or not 0 < seconds <= 3600:
        raise DataError(where, wanted="a length above 0 s", got=repr(seconds), remedy="measure the clip")
    clip = Clip(
        name=str(row["stimulus"]),
        file=str(row["file"]),
        seconds=seconds,
        role=role,
        code=int(code) if role == "trial" else None,  # type: ignore[call-overload]
        emotion=None if row["emotion"] is None else str(row["emotion"]),
    )
    folder = layout.stimuli(study).parent.resolve()
    if not clip.path(study).resolve().is_relative_to(folder):
        raise DataError(where, wanted="a file within stimuli/", got=clip.file, remedy="copy the clip there")
    return clip


def _check_once(path: Path, values: Sequence[object], what: str) -> None:
    for value in values:
        if values.count(value) > 1:
            raise DataError(
                path, wanted=f"every {what} once", got=f"{value} again", remedy="correct the table"
            )


def check_playable(path: Path) -> float:
    """The length of a clip that a browser will play, seconds: container, codec, pixels, and every frame.

    Raises
    ------
    DataError
        If the file is missing, damaged, has no pictures, or is of a kind that browsers do not play.
    """
    import av

    from mien.recording.formats import probe

    codecs = PLAYED.get(path.suffix.lower())
    if not path.is_file():
        raise DataError(path, wanted="the clip's file", got="no such file", remedy="copy it there")
    if codecs is None:
        raise DataError(
            path, wanted=f"a clip in {' or '.join(PLAYED)}", got=path.suffix or "no suffix", remedy=_CONVERT
        )
    info = probe(path)
    with av.open(f"file:{path}") as container:
        stream = container.streams.video[0]
        codec, pixels = stream.codec_context.name, stream.codec_context.pix_fmt
        sounds = [sound.codec_context.name for sound in container.streams.audio]
    if codec not in codecs and not any(codec.endswith(name) for name in codecs):
        raise DataError(path, wanted=f"pictures as {', '.join(codecs)}", got=codec, remedy=_CONVERT)
    if pixels not in _PIXELS:
        raise DataError(path, wanted="pixels as yuv420p", got=str(pixels), remedy=_CONVERT)
    wrong = [name for name in sounds if name not in ("aac", "mp3", "opus", "vorbis", "mp3float")]
    if wrong:
        raise DataError(path, wanted="sound as aac, mp3, opus or vorbis", got=wrong[0], remedy=_CONVERT)
    return info.duration_s
