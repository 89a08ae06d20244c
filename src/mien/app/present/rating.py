"""What a server of ratings holds: clips, raters with their keys and orders, and the table they fill.

A rater knows a clip by a sign drawn from the rater's own key: it says nothing of what the clip aims at, and
a page that was signed in as somebody else cannot rate in this one's name.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import hmac
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.app.guard import DeniedError
from mien.app.only_one import StateAddress, only_one
from mien.app.present.access import Access
from mien.core.errors import DataError, MienError
from mien.core.labels import SEVEN_EMOTIONS
from mien.elicitation.clips import check_playable
from mien.elicitation.new_study import ListedClip, by_name, read_clip_list
from mien.elicitation.rating_table import KeptRating, RatingTable
from mien.elicitation.ratings import HIGH, LOW


@dataclass(frozen=True, slots=True)
class RatedFilm:
    """A clip that is to be rated."""

    name: str
    file: Path
    seconds: float
    target: str | None


class Collection:
    """Ratings as they come in.

    Parameters
    ----------
    seed
        Of the order in which each rater sees the clips; another rater has another order.
    """

    def __init__(
        self,
        table: RatingTable,
        clips: Sequence[RatedFilm],
        access: Access,
        state: StateAddress,
        *,
        seed: int,
    ) -> None:
        self.table, self.access = table, access
        self.clips = {clip.name: clip for clip in clips}
        self.raters = tuple(name.partition(":")[2] for name in access.keys)
        others = {clip.target for clip in clips} - {None, *SEVEN_EMOTIONS}
        self.emotions = (*SEVEN_EMOTIONS, *sorted(word for word in others if word is not None))
        self._state = state
        self._orders = {rater: self._order(rater, seed) for rater in self.raters}
        self._finished_s: float | None = None

    @property
    def media(self) -> Mapping[str, Path]:
        """The file of every sign."""
        return {sign: self.clips[n].file for order in self._orders.values() for sign, n in order.items()}

    def plan(self, rater: str) -> dict[str, object]:
        """What a rater's page shows."""
        clips = [
            {
                "id": sign,
                "url": f"/media/{sign}",
                "seconds": self.clips[name].seconds,
                "done": self.table.has(name, rater),
            }
            for sign, name in self._orders[rater].items()
        ]
        return {
            "rater": rater,
            "emotions": list(self.emotions),
            "scale": {"low": LOW, "high": HIGH},
            "clips": clips,
            "left": self.left(rater),
        }

    def rate(self, rater: str, sign: str, emotion: str, valence: int, arousal: int, watched_s: float) -> int:
        """Keep a rating; how many clips this rater has left.

        Raises
        ------
        DeniedError
            If the clip is not one of this rater's, or the emotion not one that was asked for.
        """
        name = self._orders[rater].get(sign)
        if name is None:
            raise DeniedError(
                404, "This clip is not one of this page's rater: open your own link again.", "clip"
            )
        if emotion not in self.emotions:
            raise DeniedError(
                400, f"emotion: wanted one of {', '.join(self.emotions)}; choose one.", "request"
            )
        target = self.clips[name].target
        self.table.keep(KeptRating(name, rater, emotion, valence, arousal, target, round(watched_s, 3)))
        return self.left(rater)

    def left(self, rater: str) -> int:
        """How many clips a rater has not rated yet."""
        return sum(not self.table.has(name, rater) for name in self.clips)

    @property
    def finished(self) -> bool:
        """Whether every rater has rated every clip."""
        return not any(self.left(rater) for rater in self.raters)

    def finished_for_s(self) -> float:
        """How long this has been so; 0 while it is not. To be asked again and again."""
        if not self.finished:
            self._finished_s = None
            return 0.0
        if self._finished_s is None:
            self._finished_s = time.monotonic()
        return time.monotonic() - self._finished_s

    def state(self, address: str) -> None:
        """Leave a word for whoever wants to serve the same table."""
        self._state(address)

    def _order(self, rater: str, seed: int) -> dict[str, str]:
        """Sign -> clip, in the order in which this rater sees them."""
        names = sorted(self.clips)
        random.Random(f"{seed}:{rater}").shuffle(names)
        key = self.access.keys[f"rater:{rater}"].encode()
        return {hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:16]: name for name in names}


@contextlib.contextmanager
def open_collection(
    ratings: Path,
    clips: Path,
    raters: Sequence[str],
    *,
    seed: int = 0,
    progress: Callable[[int, int, str], None] = lambda *_: None,
) -> Iterator[Collection]:
    """Ratings begun or gone on with; nobody else may write the same table meanwhile.

    Parameters
    ----------
    clips
        Table of the clips, as in `read_clip_list`; those for practice or calm are not rated.

    Raises
    ------
    DataError
        If another server fills this table, a table is wrong, or a clip is missing or cannot be played by a
        browser: the sentence names all of them.
    """
    films = _films(clips, progress)
    if not ratings.parent.is_dir():
        raise DataError(ratings, wanted="a folder that is there", got="none", remedy="make it first")
    lock = ratings.with_name(f".{ratings.name}.lock")
    with only_one(lock, ratings, "no other server that fills this table") as state:
        for torn in ratings.parent.glob(f".{glob.escape(ratings.name)}.*.part"):
            torn.unlink(missing_ok=True)  # what a server that was killed had begun to write
        table = RatingTable(ratings)
        _check_targets(ratings, table, films)
        access = Access.kept(
            ratings.with_name(f".{ratings.name}.keys.json"), tuple(f"rater:{name}" for name in raters)
        )
        yield Collection(table, films, access, state, seed=seed)


def _films(table: Path, progress: Callable[[int, int, str], None]) -> list[RatedFilm]:
    listed = {
        name: clip
        for name, clip in by_name(table, read_clip_list(table, aims_known=False)).items()
        if clip.role == "trial"
    }
    if not listed:
        raise DataError(table, wanted="a clip to rate", got="none of role trial", remedy="add one")
    found, wrong = [], []
    for n, (name, clip) in enumerate(listed.items(), start=1):
        try:
            found.append(_film(name, clip))
        except MienError as error:
            wrong.append(str(error))
        progress(n, len(listed), name)
    if wrong:
        raise DataError(
            table,
            wanted=f"{len(listed)} clips that a browser plays",
            got=f"{len(wrong)} that it does not: {' '.join(wrong)}",
            remedy="mend them, then start again",
        )
    return found


def _film(name: str, clip: ListedClip) -> RatedFilm:
    return RatedFilm(name, clip.file.resolve(), round(check_playable(clip.file), 3), clip.emotion)


def _check_targets(ratings: Path, table: RatingTable, films: Sequence[RatedFilm]) -> None:
    aims = {film.name: film.target for film in films}
    for row in table.rows.values():
        if row.stimulus in aims and aims[row.stimulus] != row.target:
            raise DataError(
                ratings,
                wanted=f"{row.stimulus} with the emotion of the clips' table, {aims[row.stimulus] or 'none'}",
                got=row.target or "none",
                remedy="correct one of the two",
            )
