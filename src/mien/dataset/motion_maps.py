"""Datasets of motion maps: one small picture of onset-to-apex optical flow per expression.

Layout on disk: one CSV of labels (`labels*.csv`: file, dataset, subject, label, label_name), the maps as
PNG in one folder beside it, and optionally `participants.tsv` (participant_id, consent_level). The
channels of a map are u, v (horizontal and vertical flow) and optical strain; in the PNG these are red,
green and blue. 8-bit maps have each channel of each map stretched to 0..255 on its own: sign and
magnitude are lost, and "no motion" has no fixed value.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.records import digest_arrays, write_atomically
from mien.dataset.consent import consent_level
from mien.recording.formats import read_delimited

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("file", "dataset", "subject", "label", "label_name")


@dataclass(frozen=True, slots=True, eq=False)
class MotionMaps:
    """Motion maps with their labels.

    Parameters
    ----------
    maps
        Shape (n_samples, height, width, 3), uint8, channels u, v, strain, each stretched to 0..255.
    labels
        Shape (n_samples,), index into `classes`.
    classes
        Class names in the order of their codes.
    sample_ids, subjects, datasets
        Length n_samples; `subjects` hold the dataset's name as well ("SMIC/s01"), since published
        datasets reuse each other's ids.
    consent
        Consent level per entry of `subjects`; None where it is not known.
    """

    name: str
    maps: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    sample_ids: tuple[str, ...]
    subjects: tuple[str, ...]
    datasets: tuple[str, ...]
    consent: Mapping[str, int | None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.sample_ids)

    @property
    def digest(self) -> str:
        """SHA-256 over pixels, labels, classes and identities."""
        names = "\n".join(
            "\t".join(row) for row in zip(self.sample_ids, self.subjects, self.datasets, strict=True)
        )
        text = np.frombuffer(f"{self.classes}\n{names}".encode(), dtype=np.uint8)
        return digest_arrays(self.maps, self.labels, text)


def read_motion_maps(
    folder: Path, *, classes: Sequence[str], size: tuple[int, int] | None = None
) -> MotionMaps:
    """Read a folder of motion maps.

    Parameters
    ----------
    folder
        Holds one `labels*.csv` and the maps, see the module's docstring.
    classes
        Class names by code: label 0 is the first.
    size
        (height, width) that every map must have, pixels; default that of the first map.

    Raises
    ------
    DataError
        If the folder, the table or a map is missing, empty or not as described; nothing is skipped.
    """
    labels_file = _labels_file(folder)
    table = _read_labels(labels_file, classes)
    maps = _read_maps(labels_file, [str(name) for name in table["file"]], size)
    subjects = tuple(f"{d}/{s}" for d, s in zip(table["dataset"], table["subject"], strict=True))
    return MotionMaps(
        name=folder.resolve().name,
        maps=maps,
        labels=table["label"].to_numpy(dtype=np.int64),
        classes=tuple(classes),
        sample_ids=tuple(table["file"].astype(str)),
        subjects=subjects,
        datasets=tuple(table["dataset"].astype(str)),
        consent=_read_consent(folder / "participants.tsv", subjects),
    )


def find_labels(folder: Path) -> list[Path]:
    """The label tables in a folder, in order of name."""
    return sorted(folder.glob("labels*.csv"))


def _labels_file(folder: Path) -> Path:
    if not folder.is_dir():
        raise DataError(
            folder, wanted="a folder of motion maps", got="no such folder", remedy="check the path"
        )
    found = find_labels(folder)
    if len(found) != 1:
        raise DataError(
            folder,
            wanted="one labels*.csv beside the maps",
            got=", ".join(f.name for f in found) or "none",
            remedy="keep exactly one table of labels",
        )
    return found[0]


def _read_labels(path: Path, classes: Sequence[str]) -> pd.DataFrame:
    table = read_delimited(path, columns=_COLUMNS)
    _check_labels(path, table, classes)
    repeated = table["file"].duplicated()
    if repeated.any():
        raise DataError(
            path,
            wanted="each map once",
            got=f"'{table['file'][repeated].iloc[0]}' twice",
            remedy="remove one of the rows",
        )
    return table.assign(label=table["label"].astype(int))


def _check_labels(path: Path, table: pd.DataFrame, classes: Sequence[str]) -> None:
    codes = {str(code): name for code, name in enumerate(classes)}
    for row, (code, name) in enumerate(zip(table["label"], table["label_name"], strict=True), start=2):
        if codes.get(code) != name:
            words = ", ".join(f"{c} {n}" for c, n in codes.items())
            raise DataError(
                f"{path}, row {row}",
                wanted=f"a label among {words}",
                got=f"{code} {name}",
                remedy="correct the label",
            )


def _read_maps(labels_file: Path, names: Sequence[str], size: tuple[int, int] | None) -> NDArray[np.uint8]:
    import cv2

    folder = _maps_folder(labels_file, names[0])
    maps: list[NDArray[np.uint8]] = []
    for name in names:
        path = folder / name
        if Path(name).name != name:
            raise DataError(
                labels_file,
                wanted="names of files in the maps' folder",
                got=repr(name),
                remedy="give names without folders",
            )
        if not path.is_file():
            raise DataError(
                path,
                wanted=f"the map that {labels_file.name} names",
                got="no such file",
                remedy="add the file or remove the row",
            )
        picture = (
            cv2.imdecode(np.fromfile(path, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
            if path.stat().st_size
            else None
        )
        if picture is None:
            raise DataError(
                path,
                wanted="a PNG picture",
                got="something that cannot be decoded",
                remedy="write the map again",
            )
        size = size or picture.shape[:2]
        if picture.dtype != np.uint8 or picture.shape != (*size, 3):
            got = " x ".join(map(str, picture.shape))
            raise DataError(
                path,
                wanted=f"{size[0]} x {size[1]} pixels of three 8-bit channels",
                got=f"{got} of {picture.dtype}",
                remedy="make all maps with the same settings",
            )
        maps.append(np.asarray(picture[..., ::-1], dtype=np.uint8))  # OpenCV hands over B, G, R
    return np.ascontiguousarray(np.stack(maps))


def _maps_folder(labels_file: Path, first: str) -> Path:
    root = labels_file.parent
    folders = [root, *sorted(p for p in root.iterdir() if p.is_dir())]
    holding = [folder for folder in folders if (folder / first).is_file()]
    if len(holding) != 1:
        got = " and ".join(f.name for f in holding) or "none that does"
        raise DataError(
            root,
            wanted=f"one folder that holds '{first}'",
            got=got,
            remedy=f"put all maps of {labels_file.name} into one folder beside it",
        )
    return holding[0]


def _read_consent(path: Path, subjects: Sequence[str]) -> dict[str, int | None]:
    consent: dict[str, int | None] = dict.fromkeys(subjects)
    if not path.is_file():
        return consent
    table = read_delimited(
        path, columns=["participant_id", "consent_level"], filled=["participant_id"], separator="\t"
    )
    for participant, level in zip(table["participant_id"], table["consent_level"], strict=True):
        if level not in ("", "n/a", "1", "2"):
            raise DataError(
                f"{path}, participant {participant}",
                wanted="1, 2 or n/a",
                got=repr(level),
                remedy="correct the consent level",
            )
        meant = [s for s in consent if s.split("/", 1)[1] == participant.removeprefix("sub-")]
        if len(meant) > 1:
            raise DataError(
                f"{path}, participant {participant}",
                wanted="an id that belongs to one dataset",
                got=" and ".join(meant),
                remedy="one level cannot speak for two people; keep the datasets in separate folders",
            )
        for subject in meant:
            consent[subject] = int(consent_level(int(level))) if level.isdigit() else None
    return consent


def write_motion_maps(maps: MotionMaps, folder: Path) -> None:
    """Write motion maps in the layout that `read_motion_maps` reads; the folder appears whole or not at all.

    Raises
    ------
    DataError
        If the folder holds something already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(
            folder,
            wanted="an empty or absent folder",
            got="one that holds something",
            remedy="name another folder",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.", suffix=".part"))
    try:
        _write_files(maps, unfinished)
        if folder.is_dir():
            folder.rmdir()
        unfinished.chmod(0o755)
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _write_files(maps: MotionMaps, folder: Path) -> None:
    import cv2
    import pandas as pd

    for name, picture in zip(maps.sample_ids, maps.maps, strict=True):
        _, data = cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))
        write_atomically(folder / "maps" / name, data.tobytes())
    labels = pd.DataFrame(
        {
            "file": maps.sample_ids,
            "dataset": maps.datasets,
            "subject": [subject.split("/", 1)[1] for subject in maps.subjects],
            "label": maps.labels,
            "label_name": [maps.classes[code] for code in maps.labels],
        }
    )
    levels = {s.split("/", 1)[1]: maps.consent.get(s) for s in maps.subjects}
    participants = pd.DataFrame(
        {
            "participant_id": [f"sub-{name}" for name in levels],
            "consent_level": ["n/a" if level is None else str(level) for level in levels.values()],
        }
    )
    write_atomically(folder / "participants.tsv", _table(participants, "\t"))
    write_atomically(folder / "labels.csv", _table(labels, ","))


def _table(table: pd.DataFrame, separator: str) -> bytes:
    buffer = io.StringIO()
    table.to_csv(buffer, sep=separator, index=False, lineterminator="\n")
    return buffer.getvalue().encode()
