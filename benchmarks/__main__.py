"""Run benchmarks and write their tables into docs/results/benchmarks.md.

`python -m benchmarks` runs all, `python -m benchmarks simulated_study` one of them: the other sections of
the page stay as they are. What the design asks to be measured beside peers is `mien speed`.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path

from benchmarks import (
    clip_features,
    coding_bench,
    eeg_cleaning,
    epoch_features,
    presenting,
    reminding,
    simulated_study,
    spotting_front_end,
    spotting_whole_pass,
)

PAGE = Path(__file__).resolve().parent.parent / "docs" / "results" / "benchmarks.md"
ALL = {
    "clip_features": clip_features,
    "coding_bench": coding_bench,
    "eeg_cleaning": eeg_cleaning,
    "epoch_features": epoch_features,
    "presenting": presenting,
    "reminding": reminding,
    "simulated_study": simulated_study,
    "spotting_front_end": spotting_front_end,
    "spotting_whole_pass": spotting_whole_pass,
}


def main(chosen: list[str]) -> None:
    """Measure the chosen benchmarks, or all, and write their sections."""
    unknown = [name for name in chosen if name not in ALL]
    if unknown:
        sys.exit(f"no benchmark {', '.join(unknown)}: there are {', '.join(ALL)}")
    sections = _sections(PAGE.read_text() if PAGE.is_file() else "")
    for name in chosen or ALL:
        sections[name] = _table(ALL[name].main())
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    head = (
        "# Benchmarks\n\nWritten by `make bench` (one section: `python -m benchmarks NAME`): one thread,\n"
        "same process, median of five runs where a section does not say otherwise.\n"
        f"{machine}, Python {platform.python_version()}.\n"
        "What the design asks for, beside what people use today: [speed](speed.md), by `mien speed`.\n"
    )
    body = [f"\n## {name}\n\n{sections[name]}" for name in ALL if name in sections]
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(head + "".join(body))
    print(f"written: {os.path.relpath(PAGE)}", file=sys.stderr)


def _sections(page: str) -> dict[str, str]:
    """The page's sections by name."""
    parts = re.split(r"^## (\w+)\n\n", page, flags=re.MULTILINE)
    return {name: text.rstrip("\n") + "\n" for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def _table(rows: list[dict[str, str | int | float | None]]) -> str:
    lines = ["| work | n | mien, s | beside | its s | ratio |", "|---|---|---|---|---|---|"]
    for row in rows:
        peer, ratio = row.get("peer_median_s"), row.get("ratio")
        lines.append(
            f"| {row['name']} | {row['n']} | {row['median_s']:.3g} | {row.get('peer') or '-'} "
            f"| {'-' if peer is None else f'{peer:.3g}'} | {'-' if ratio is None else f'{ratio:.1f}'} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
