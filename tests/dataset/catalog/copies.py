"""Small copies of published datasets: tables as they are published, pictures of random noise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from openpyxl import Workbook
from PIL import Image

Rows = Sequence[Sequence[object]]


def pictures(folder: Path, names: Iterable[str]) -> None:
    """Pictures of 4 x 4 pixels of noise."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for name in names:
        Image.fromarray(rng.integers(0, 255, (4, 4, 3), dtype=np.uint8)).save(folder / name)


def sheets(path: Path, **tables: Rows) -> Path:
    """A workbook with one sheet per table; an underscore in a name is a blank."""
    book = Workbook()
    book.remove(book.active)
    for name, rows in tables.items():
        sheet = book.create_sheet(name.replace("__", " "))
        for row in rows:
            sheet.append(list(row))
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path


def film(path: Path) -> None:
    """A file that is named like a video; adapters do not open it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"not opened")


@dataclass(frozen=True)
class Copy:
    """How a small copy is made, and what reading it must give: per clip its frames, per row what is known."""

    make: Callable[[Path], None]
    clips: dict[tuple[str, str], list[int] | str]
    rows: list[tuple[str, str, str, str | None, str | None]]
    """Subject, clip, marks, kind and emotion, in order."""


def _smic(folder: Path) -> None:
    root = folder / "SMIC_all_raw"
    for camera in ("HS", "VIS", "NIR"):
        pictures(
            root / camera / "s3/micro/negative/s3_ne_02", [f"image{n:05d}.bmp" for n in (9998, 10000, 9999)]
        )
        pictures(root / camera / "s11/micro/surprise/s11_sur_01", ["image7.bmp", "image8.bmp"])
        pictures(root / camera / "s11/non_micro/s11_non_01", ["image1.bmp"])
    pictures(folder / "SMIC_all_cropped/HS/s3/micro/negative/s3_ne_02", ["reg_image09998.bmp"])


def _casme(folder: Path) -> None:
    head = ["Subject", "Filename", None, "OnsetF", "ApexF1", "ApexF2", "OffsetF", None, "AU", "Emotion"]
    sheets(
        folder / "CASME.xlsx",
        Sheet1=[
            head, [1, "EP01_5", None, 101, 104, 106, 110, None, "4+9", "disgust"],
            [8, "EP03_1", None, 5, 7, "/", 9, None, 12, "tense"],
        ],
    )  # fmt: skip
    pictures(folder / "CASME_raw_selected/sub01/EP01_5", [f"EP01_5-{n}.jpg" for n in range(99, 111)])
    pictures(folder / "Cropped/sub01/EP01_5", ["reg_EP01_5-101.jpg"])


def _casme2(folder: Path) -> None:
    head = ["Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units"]
    sheets(
        folder / "CASME2-coding-20190701.xlsx",
        Sheet1=[
            [*head, "Estimated Emotion"],
            [1, "EP02_01f", None, 43, 44, 46, None, 12, "happiness"],
            ["02", "EP01_11f", None, 9, "/", 11, None, "4+R10", "sadness"],
        ],
        Sheet2=[],
    )
    pictures(folder / "Cropped/sub01/EP02_01f", ["reg_img43.jpg"])
    pictures(folder / "CASME2_RAW_selected/sub01/EP02_01f", [f"img{n}.jpg" for n in (43, 100, 44, 45, 46, 9)])
    pictures(folder / "CASME2_RAW_selected/sub02/EP01_11f", [f"img{n}.jpg" for n in (9, 10)])


def _samm(folder: Path) -> None:
    head = ["Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame", "Duration"]
    rows = [
        ["006", "006_1_2", 1, 5, 7, 9, 5, "Micro - 1/2", "4+7", "Anger", 3, None],
        [13, "013_1_9", 1, 5658, 5690, 5793, 82, "Micro - 1/2", "A12A", "Other", 7, "Blinks"],
    ]
    prose = [[f"line {n} of prose"] for n in range(13)]
    head = [*head, "Micro", "Action Units", "Estimated Emotion", "Objective Classes", "Notes"]
    sheets(folder / "SAMM_Micro_FACS_Codes_v2.xlsx", MICRO_ONLY=[*prose, head, *rows])
    pictures(folder / "SAMM/006/006_1_2", [f"006_{n:05d}.jpg" for n in range(5, 10)])
    pictures(folder / "SAMM/013/013_1_9", ["013_5658.jpg", "013_5690.jpg", "013_5739.jpg"])


def _samm_lv(folder: Path) -> None:
    head = ["Subject", "Filename", "Inducement Code", "Onset", "Apex", "Offset", "Duration", "Type"]
    rows = [
        ["006", "006_1_1", 1, 3, 5, 9, 7, "Macro", "4", None],
        ["006", "006_1_2", 1, 12, 13, 14, 3, "Micro - 1/2", "L12 + 61", None],
    ]
    prose = [["prose"]] * 9
    head = [*head, "Action Units", "Notes"]
    sheets(folder / "SAMM_LongVideos_V3_Release.xlsx", FACS=[*prose, head, *rows])
    pictures(folder / "SAMM_longvideos/006_1", [f"006_1_{n:04d}.jpg" for n in range(1, 16)])
    pictures(folder / "SAMM_longvideos/007_2", ["007_2_0001.jpg"])


def _casme_sq(folder: Path) -> None:
    sheets(
        folder / "CAS(ME)^2code_final.xlsx",
        CASFEcode_final=[
            [1, "disgust1_1", 2, 3, 0, "4+10+14", "negative", "macro-expression", "disgust"],
            [1, "disgust1_2", 5, 6, 8, 4, "others", "micro-expression", "disgust"],
            [2, "happy2_1", 1, 2, 3, 12, "positive", "micro-expression", "happiness"],
        ],
        naming__rule1=[[15, "s15", 1], [16, "s16", 2]],
        naming__rule2=[["0101", "disgust1"], [502, "happy2"]],
    )
    pictures(folder / "rawpic/s15/15_0101disgustingteeth", [f"img{n}.jpg" for n in range(1, 12)])
    film(folder / "rawvideo/s15/15_0101disgustingteeth.avi")
    film(folder / "rawvideo/s16/16_0502funnyfaces.avi")


def _casme3(folder: Path) -> None:
    head = ["Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Objective class", "emotion"]
    sheets(
        folder / "annotation/cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx",
        label=[
            head, ["spNO.1", "b", 8, 8, 10, "4", "III", "disgust"],
            ["spNO.1", "b", 20, 21, 22, "T18", "VII", "sad"],
            ["spNO.10", "a", 5, 6, 7, "26+25", "II", "others"],
        ],
    )  # fmt: skip
    sheets(
        folder / "annotation/cas(me)3_part_A_MaE_label_JpgIndex_v2_emotion.xlsx",
        Sheet1=[
            ["sub", "seq", "onset", "apex", "offset", "au", "emotion"],
            ["spNO.1", "b", 30, 40, 60, "12", "happy"],
        ],
    )
    pictures(folder / "data/spNO.1/b/color", [f"{n}.jpg" for n in range(8, 61)])
    pictures(folder / "data/spNO.1/b/depth", ["8.png"])
    pictures(folder / "frame/spNo.10_a_5", ["5.jpg", "6.jpg"])
    pictures(folder / "frame/spNo.10_a_7", ["7.jpg", "6.jpg"])


def _mmew(folder: Path) -> None:
    head = [
        "Subject",
        "Filename",
        "OnsetFrame",
        "ApexFrame",
        "OffsetFrame",
        "Action Units",
        "Estimated Emotion",
    ]
    sheets(
        folder / "MMEW_Micro_Exp.xlsx",
        Sheet1=[
            [*head, "remarks"], [13, "S13-07-001", 1, 2, 4, "4+7", "anger", None],
            [2, "S03-01-001", 1, 2, 2, 12, "others", None],
        ],
    )  # fmt: skip
    pictures(folder / "Micro_Expression/anger/S13-07-001", [f"{n}.jpg" for n in range(1, 12)])
    pictures(folder / "Macro_Expression/S13/anger", ["S13-07-001.jpg"])


def _fourdme(folder: Path) -> None:
    head = ["sub_ID", "fold_name", "Emotion", "Onset", "Apex", "Offset", "AUs"]
    sheets(
        folder / "4DME_Labelling_Micro_release v1.xlsx",
        Sheet1=[
            head, ["S01", "S01_001_01", "Surprise + Positive", 120, 125, 130, "AU4(k)+L7"],
            ["S01", "S01_001_02", "Negative", 3, 4, 5, "AUR2+12(k)+45"],
        ],
    )  # fmt: skip
    pictures(folder / "gray_micro/S01/S01_001_01", [f"Frame_{n:09d}.jpg" for n in range(120, 131)])


def _meview(folder: Path) -> None:
    (folder / "labels.csv").parent.mkdir(parents=True, exist_ok=True)
    (folder / "labels.csv").write_text(
        "subject,clip,onset,offset,FACS,emotion\n1,01.mp4,5,9,L12,Contempt\n2,videos/02.mp4,3,6,,Unclear\n"
    )
    film(folder / "videos/01.mp4")
    film(folder / "videos/09.mp4")


def _dfme(folder: Path) -> None:
    head = ["Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Emotion", "part"]
    sheets(
        folder / "coding.xlsx",
        Sheet1=[head, [1, "x01", 0, 2, 200, "contempt", "A"], [2, "x02", 0, 90, 160, "happiness", "C"]],
    )
    pictures(folder / "train/x01", [f"{n:05d}.png" for n in (0, 1, 2, 200)])
    pictures(folder / "train/x02", [f"{n:05d}.png" for n in (0, 90, 160)])


def _mmed(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "labels.csv").write_text(
        "subject;clip;onset;apex;offset;emotion;fps\np1;a;10;12;20;Negative;60 fps\n"
    )
    film(folder / "a.mp4")


def _filled(first: int, last: int) -> list[int]:
    return list(range(first, last + 1))


_SMIC = Copy(
    _smic,
    {("s03", "s03_ne_02"): [9998, 9999, 10000], ("s11", "s11_sur_01"): [7, 8]},
    [
        ("s03", "s03_ne_02", "9998//10000", "micro", "negative"),
        ("s11", "s11_sur_01", "7//8", "micro", "surprise"),
    ],
)
COPIES: dict[str, Copy] = {
    "smic": _SMIC,
    "smic-vis": _SMIC,
    "smic-nir": _SMIC,
    "casme": Copy(
        _casme,
        {("sub01", "EP01_5"): _filled(99, 110), ("sub08", "EP03_1"): _filled(5, 9)},
        [
            ("sub01", "EP01_5", "101/104/110", "micro", "disgust"),
            ("sub08", "EP03_1", "5/7/9", "micro", "tense"),
        ],
    ),
    "casme2": Copy(
        _casme2,
        {("sub01", "EP02_01f"): [9, 43, 44, 45, 46, 100], ("sub02", "EP01_11f"): [9, 10]},
        [
            ("sub01", "EP02_01f", "43/44/46", "micro", "happiness"),
            ("sub02", "EP01_11f", "9///11", "micro", "sadness"),
        ],
    ),
    "samm": Copy(
        _samm,
        {("006", "006_1_2"): _filled(5, 9), ("013", "013_1_9"): [5658, 5690, 5739]},
        [
            ("006", "006_1_2", "5/7/9", "micro", "anger"),
            ("013", "013_1_9", "5658/5690/5793", "micro", "others"),
        ],
    ),
    "samm-lv": Copy(
        _samm_lv,
        {("006", "006_1"): _filled(1, 15), ("007", "007_2"): [1]},
        [("006", "006_1", "3/5/9", "macro", None), ("006", "006_1", "12/13/14", "micro", None)],
    ),
    "casme-sq": Copy(
        _casme_sq,
        {("s15", "15_0101"): _filled(1, 11), ("s16", "16_0502"): "16_0502funnyfaces.avi"},
        [
            ("s15", "15_0101", "2/3/0", "macro", "negative"),
            ("s15", "15_0101", "5/6/8", "micro", "others"),
            ("s16", "16_0502", "1/2/3", "micro", "positive"),
        ],
    ),
    "casme3": Copy(
        _casme3,
        {("spNO.1", "b"): _filled(8, 60), ("spNO.10", "a"): [5, 6, 7]},
        [
            ("spNO.1", "b", "8/8/10", "micro", "disgust"),
            ("spNO.1", "b", "20/21/22", "micro", "sadness"),
            ("spNO.10", "a", "5/6/7", "micro", "others"),
        ],
    ),
    "mmew": Copy(
        _mmew,
        {("S02", "S03-01-001"): [1, 2], ("S13", "S13-07-001"): _filled(1, 11)},
        [
            ("S02", "S03-01-001", "1/2/2", "micro", "others"),
            ("S13", "S13-07-001", "1/2/4", "micro", "anger"),
        ],
    ),
    "4dme": Copy(
        _fourdme,
        {("S01", "S01_001_01"): _filled(120, 130), ("S01", "S01_001_02"): [3, 4, 5]},
        [
            ("S01", "S01_001_01", "120/125/130", "micro", "positive+surprise"),
            ("S01", "S01_001_02", "3/4/5", "micro", "negative"),
        ],
    ),
    "meview": Copy(
        _meview,
        {("1", "01"): "01.mp4", ("2", "02"): _filled(3, 6)},
        [("1", "01", "5//9", "micro", "contempt"), ("2", "02", "3//6", "micro", "unclear")],
    ),
    "dfme": Copy(
        _dfme,
        {("1", "x01"): [0, 1, 2, 200], ("2", "x02"): [0, 90, 160]},
        [("1", "x01", "0/2/200", "micro", "contempt"), ("2", "x02", "0/90/160", "micro", "happiness")],
    ),
    "mmed": Copy(
        _mmed, {("p1", "a"): "a.mp4"}, [("p1", "a", "10/12/20", "micro", "negative")],
    ),
}  # fmt: skip
