"""mien stimuli RATINGS --collect CLIPS: ratings of clips from raters' browsers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mien.core.errors import OptionError

_NAME = re.compile(r"\w[\w.-]{0,39}")
_MOST = 200


def collect_ratings(
    ratings: Path,
    clips: Path,
    raters: str | None,
    others: Sequence[str],
    *,
    seed: int,
    host: str,
    port: int,
) -> None:
    """Serve the raters' page until all have rated everything or Ctrl+C is pressed.

    Parameters
    ----------
    others
        Options that were given and are of no use here.
    """
    if others:
        raise OptionError(
            "--collect", wanted="no option of the selection with it", got=others[0],
            remedy="collect first, then call mien stimuli again without --collect",
        )  # fmt: skip
    names = rater_names(raters)
    from mien.app.present.rating import open_collection
    from mien.app.present.rating_serve import RATE, serve_ratings
    from mien.jobs.progress import bar

    with bar("clips") as show, open_collection(ratings, clips, names, seed=seed, progress=show) as collection:
        if collection.finished:
            print(f"{ratings}: every rater has rated all {len(collection.clips)} clips.")
            return

        def told(address: str) -> None:
            print(f"{len(collection.clips)} clips to rate at {address} (Ctrl+C stops; ratings are kept).")
            for name in names:
                left = collection.left(name)
                state = f"{left} left" if left else "done"
                print(
                    f"{name} ({state}): {address}{RATE}#key={collection.access.keys[f'rater:{name}']}",
                    flush=True,
                )

        serve_ratings(collection, host=host, port=port, told=told)
        n = sum(len(collection.clips) - collection.left(name) for name in names)
        whole = len(names) * len(collection.clips)
        print(f"{ratings}: {n} of {whole} ratings.", end=" ")
        print(f"Now: mien stimuli {ratings}" if n == whole else "Call the same command to go on.")


def rater_names(raters: str | None) -> tuple[str, ...]:
    """Names of raters from what a person gave: a number (r01, r02...) or names with commas.

    Raises
    ------
    OptionError
        If there is none, a name comes twice or holds anything but letters, digits, point, dash, underscore.

    Examples
    --------
    >>> rater_names("2"), rater_names("anna, ben")
    (('r01', 'r02'), ('anna', 'ben'))
    """
    given = (raters or "").strip()
    if given.isdecimal():
        number = int(given)
        if 1 <= number <= _MOST:
            return tuple(f"r{n:02d}" for n in range(1, number + 1))
        raise _wrong(given)
    names = tuple(name.strip() for name in given.split(",") if name.strip())
    bad = [name for name in names if not _NAME.fullmatch(name)]
    if not names or bad or len(set(map(str.casefold, names))) < len(names) or len(names) > _MOST:
        raise _wrong(bad[0] if bad else given or "none")
    return names


def _wrong(got: str) -> OptionError:
    return OptionError(
        "--raters",
        wanted=f"how many (1 to {_MOST}), or different names with commas, of letters, digits, . - _",
        got=repr(got),
        remedy="say, for example, --raters 5 or --raters anna,ben",
    )
