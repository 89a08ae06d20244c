"""The machine in words, without names and dates, and which state of the code was measured."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path

_SOURCE = Path(__file__).parents[2]
LIBRARIES = {
    "numpy": ("numpy",),
    "scipy": ("scipy",),
    "numba": ("numba",),
    "OpenCV": (
        "opencv-contrib-python-headless", "opencv-python-headless", "opencv-contrib-python", "opencv-python",
    ),
    "PyAV": ("av",),
    "scikit-image": ("scikit-image",),
    "NeuroKit2": ("neurokit2",),
    "PyTorch": ("torch",),
}  # fmt: skip


def describe_machine() -> dict[str, str]:
    """System, processor, cores, Python and the libraries measured with, each as text."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(os.cpu_count() or 1),
        "Python": platform.python_version(),
        **{name: version for name, given in LIBRARIES.items() if (version := _version(given))},
    }


def load() -> float | None:
    """Processes that want to run, the mean of the last minute; None where the system does not say."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def state_of(modules: Iterable[str]) -> str:
    """A digest of the source of these modules of mien, which are not imported: their libraries may lack."""
    total = hashlib.sha256()
    for name in modules:
        total.update(_SOURCE.joinpath(*name.split(".")).with_suffix(".py").read_bytes())
    return total.hexdigest()[:16]


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    if listed.is_file():
        for line in listed.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _version(distributions: Iterable[str]) -> str | None:
    for name in distributions:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def as_sentence(machine: Mapping[str, str]) -> str:
    """The machine as one line."""
    own = ("system", "processor", "cores")
    rest = ", ".join(f"{name} {version}" for name, version in machine.items() if name not in own)
    cores = machine.get("cores", "1")
    return f"{machine.get('processor')}, {cores} core{'s' * (cores != '1')}, {machine.get('system')}; {rest}"
