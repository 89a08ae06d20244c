"""The protocol of a study: which clips, how long each step lasts, what is asked, in words that people edit.

It lies in the study as `protocol.yaml`; the clips it names are rows of `stimuli/stimuli.tsv`. Times are in
seconds. MMME's (section 3.3) is the default: after practice with clips that are not used again, 42 trials of
a clip of at most 60 s, a report of at most 25 s on emotion, valence and arousal, and 30 s of a neutral clip.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mien.core.errors import DataError
from mien.core.labels import SEVEN_EMOTIONS
from mien.core.records import write_atomically
from mien.elicitation.protocol_words import COMMENTS, CONSENT, INSTRUCTIONS, LEVELS

Order = Literal["seeded", "counterbalanced", "fixed"]
ALL: Literal["all"] = "all"
"""Stands for every clip of `stimuli.tsv` that is meant for trials."""

_Text = Annotated[str, Field(min_length=1, max_length=4000)]
_Seconds = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Steps(_Part):
    """How long the steps of a trial may last: the clip is cut and the form sent when the time is over."""

    clip_limit_s: _Seconds = 60
    report_limit_s: _Seconds = 25
    neutral_s: _Seconds = 30


class Report(_Part):
    """What is asked after each clip: one of these emotions, and two scales from low to high."""

    emotions: Annotated[tuple[_Text, ...], Field(min_length=2, max_length=20, strict=False)] = SEVEN_EMOTIONS
    low: int = 1
    high: int = 9

    @model_validator(mode="after")
    def _sound(self) -> Report:
        if len(set(self.emotions)) != len(self.emotions):
            raise ValueError("wanted different emotions, got one twice; leave one out")
        if not -10 <= self.low < self.high <= 10:
            raise ValueError(
                "wanted a scale within -10 to 10 that goes up, got another; correct low and high"
            )
        return self


class Breaks(_Part):
    """A rest of at least `least_s` after every so many trials, 0 for none; a key goes on."""

    after_every: Annotated[int, Field(ge=0, le=1000)] = 14
    least_s: _Seconds = 60


class Ordering(_Part):
    """How clips are ordered: drawn per participant from `seed`, balanced over participants, or as listed.

    `apart`: no two clips of one emotion follow each other (where that can be; drawn orders only).
    """

    kind: Order = "seeded"
    seed: Annotated[int, Field(ge=0)] = 1
    apart: bool = True


class Level(_Part):
    """A level of consent as the participant's screen words it."""

    level: Annotated[int, Field(ge=1, le=2)]
    title: _Text
    text: _Text


class Consent(_Part):
    """What the participant reads before anything is recorded; both levels are offered, none is preset."""

    text: Annotated[tuple[_Text, ...], Field(strict=False)] = CONSENT
    levels: Annotated[tuple[Level, ...], Field(strict=False)] = tuple(
        Level(level=n, title=title, text=text) for n, title, text in LEVELS
    )

    @model_validator(mode="after")
    def _both(self) -> Consent:
        if sorted(level.level for level in self.levels) != [1, 2]:
            raise ValueError("wanted both levels of consent, 1 and 2, got others; word both")
        return self


class Reminder(_Part):
    """What the small display shows, and what automatic reminding does where it is switched on.

    `threshold` is in spreads above the participant's own baseline; null stands for the monitor's default.
    """

    text: Annotated[str, Field(min_length=1, max_length=200)] = "Please keep still"
    seconds: Annotated[float, Field(ge=0.5, le=30)] = 2.5
    automatic: bool = False
    threshold: Annotated[float, Field(gt=0, le=1000)] | None = None
    refractory_s: Annotated[float, Field(ge=1, le=600)] = 10


class Protocol(_Part):
    """A study's schedule as data; files, codes and lengths are the clips' own and stand in `stimuli.tsv`.

    Raises
    ------
    DataError
        From `read_protocol`, if the file is no such protocol.
    """

    title: Annotated[str, Field(min_length=1, max_length=200)] = "A study of micro-expressions"
    practice: Annotated[tuple[str, ...], Field(strict=False)] = ()
    trials: Annotated[tuple[str, ...], Field(strict=False)] | Literal["all"] = ALL
    neutral: Annotated[tuple[str, ...], Field(strict=False)] | Literal["all"] = ALL
    steps: Steps = Steps()
    report: Report = Report()
    order: Ordering = Ordering()
    breaks: Breaks = Breaks()
    consent: Consent = Consent()
    instructions: Annotated[tuple[_Text, ...], Field(strict=False)] = INSTRUCTIONS
    reminder: Reminder = Reminder()
    words: dict[str, str] = {}

    @model_validator(mode="after")
    def _used_once(self) -> Protocol:
        listed = list(self.trials) if self.trials != ALL else []
        for name in (*self.practice, *listed):
            if (*self.practice, *listed).count(name) > 1:
                raise ValueError(
                    f"wanted every clip once, in practice or in the trials, got {name} again; leave one out"
                )
        return self


def read_protocol(path: Path) -> Protocol:
    """Read `protocol.yaml`.

    Raises
    ------
    DataError
        If the file is absent, no YAML, or says something that no protocol can say.
    """
    import yaml

    try:
        found: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(
            path, wanted="a protocol", got=error.strerror or "nothing", remedy="check the path"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        at = getattr(error, "problem_mark", None)
        got = f"a mistake in line {at.line + 1}" if at else "another file"
        raise DataError(path, wanted="YAML", got=got, remedy="correct it") from error
    try:
        return Protocol.model_validate({} if found is None else found)
    except ValidationError as error:
        raise _explained(path, error) from error


def _explained(path: Path, error: ValidationError) -> DataError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if not str(part).startswith("tuple")) or "protocol"
    text = str(first["msg"]).removeprefix("Value error, ")
    if text.startswith("wanted ") and ", got " in text:
        wanted, _, rest = text.removeprefix("wanted ").partition(", got ")
        got, _, remedy = rest.partition("; ")
        return DataError(f"{path}, {where}", wanted=wanted, got=got, remedy=remedy)
    if first["type"] == "extra_forbidden":
        return DataError(
            f"{path}, {where}",
            wanted="a setting of a protocol",
            got="an unknown one",
            remedy="correct its name",
        )
    wanted = text.removeprefix("Input should be ")
    return DataError(f"{path}, {where}", wanted=wanted, got=repr(first["input"])[:80], remedy="correct it")


def write_protocol(path: Path, protocol: Protocol) -> None:
    """Write a protocol with a line of explanation before each part, for people to edit."""
    import yaml

    parts = []
    for name, value in protocol.model_dump(mode="json").items():
        text = yaml.safe_dump({name: value}, sort_keys=False, allow_unicode=True, width=100)
        comment = COMMENTS.get(name)
        parts.append((f"# {comment}\n" if comment else "") + text)
    write_atomically(path, "\n".join(parts).encode())
