"""The table of spotting methods: names, published thresholds, and what may be chosen about them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib import import_module
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.core.expression import Kind
from mien.core.records import Json
from mien.core.time import FloatArray
from mien.evaluation.spotting_task import SpottingMethod
from mien.experiments.methods import extension_names, load_extension, refuse_unknown

ENTRY_POINT_GROUP = "mien.spotting_methods"

_SHARES = tuple(round(0.05 * i, 2) for i in range(1, 20))  # of a curve's mean to its maximum (Moilanen)
_CHANCES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_PIXELS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 1.0, 1.25, 1.5)
_FACTORS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0)


def build_spotter(place: str, **parameters: Any) -> Any:
    """A spotter by the module of `mien.spotting` and the class in it, as "mdmd:MDMDSpotter"."""
    module, _, name = place.partition(":")
    kind = getattr(import_module(f"mien.spotting.{module}"), name)
    return kind(**{key: tuple(one) if isinstance(one, list) else one for key, one in parameters.items()})


def _defaults(place: str) -> dict[str, Json]:
    """The parameters of a spotter that are numbers, words or lists of them; the seed is the run's."""
    module, _, name = place.partition(":")
    kind = getattr(import_module(f"mien.spotting.{module}"), name)
    found: dict[str, Json] = {}
    for key, one in inspect.signature(kind).parameters.items():
        default = list(one.default) if isinstance(one.default, tuple) else one.default
        parts = default if isinstance(default, list) else [default]
        if key not in ("seed", "device") and all(
            part is None or isinstance(part, bool | int | float | str) for part in parts
        ):
            found[key] = default
    return found


def _method(
    name: str,
    place: str,
    learns: Any,
    published: Mapping[Kind, float],
    options: tuple[float, ...],
    *,
    version: int = 1,
    fields: bool = True,
    shares: bool = False,
) -> SpottingMethod:
    network = learns == "network"
    return SpottingMethod(
        name,
        version,
        partial(build_spotter, place),
        learns,
        published,
        dict.fromkeys(published, options),
        parameters=_defaults(place),
        libraries=("numpy", "scipy", "torch") if network else ("numpy", "scipy"),
        imports=("mien.learning.train", f"mien.spotting.{place.partition(':')[0]}", "torch._dynamo")
        if network
        else (f"mien.spotting.{place.partition(':')[0]}",),
        needs_fields=fields,
        thresholds_are="shares" if shares else "heights",
    )


SPOTTING_METHODS: Mapping[str, SpottingMethod] = MappingProxyType(
    {
        one.name: one
        for one in (
            _method(
                "optical-flow",
                "optical_flow_spotter:OpticalFlowSpotter",
                "nothing",
                {"micro": 1.0, "macro": 1.0},
                _FACTORS,
                version=2,
                fields=False,
            ),
            _method(
                "mdmd",
                "mdmd:MDMDSpotter",
                "lengths",
                {"micro": 0.01, "macro": 0.01},
                (0.01, *_SHARES),
                shares=True,
            ),
            _method(
                "dma-lbp", "dma_lbp:DMALBPSpotter", "nothing", {"micro": 1.0}, (*_FACTORS, 4.0, 6.0, 8.0)
            ),
            _method(
                "msof-style",
                "msof_style:MSOFStyleSpotter",
                "lengths",
                {"micro": 0.45, "macro": 0.45},
                _PIXELS,
            ),
            _method(
                "softnet",
                "softnet:SOFTNetSpotter",
                "network",
                {"micro": 0.55, "macro": 0.55},
                _SHARES,
                shares=True,
            ),
            _method(
                "abpn", "abpn:ABPNSpotter", "network", {"micro": 0.5, "macro": 0.5}, _CHANCES, fields=False
            ),
            _method(
                "sl-swin",
                "sl_swin:SLSwinSpotter",
                "network",
                {"micro": 0.6, "macro": 0.6},
                _SHARES,
                shares=True,
            ),
            _method(
                "mesnet-style",
                "mesnet_style:MESNetStyleSpotter",
                "network",
                {"micro": 0.5, "macro": 0.5},
                _CHANCES,
            ),
        )
    }
)


def spotting_names() -> list[str]:
    """All names that `--method` of `mien spot` understands, those of installed extensions last."""
    return [*SPOTTING_METHODS, *sorted(extension_names(ENTRY_POINT_GROUP) - set(SPOTTING_METHODS))]


def all_spotters() -> dict[str, SpottingMethod]:
    """Every method of `spotting_names` that can be loaded; asking for another by name says why it cannot."""
    found: dict[str, SpottingMethod] = {}
    for name in spotting_names():
        with suppress(OptionError):
            found[name] = find_spotter(name)
    return found


def find_spotter(
    name: str, *, epochs: int | None = None, device: str = "cpu", changes: Mapping[str, Json] | None = None
) -> SpottingMethod:
    """The method with this name, optionally changed.

    Parameters
    ----------
    epochs
        Of networks; others stay as they are.
    device
        Where networks train.
    changes
        Other values of the method's parameters.

    Raises
    ------
    OptionError
        If there is no such method or parameter, or an extension cannot be loaded.
    """
    method = SPOTTING_METHODS.get(name) or load_extension(ENTRY_POINT_GROUP, name, SpottingMethod)
    if method is None:
        raise OptionError(
            "spotting method",
            wanted=f"one of {', '.join(spotting_names())}",
            got=name,
            remedy="choose one of them",
        )
    asked = dict(changes or {})
    refuse_unknown(name, asked, method.parameters)
    for key, value in asked.items():
        _check_value(f"--set {name}.{key}", method.parameters[key], value)
    if epochs is not None and "epochs" in method.parameters:
        if epochs < 1:
            raise OptionError("--epochs", wanted="1 or more", got=epochs, remedy="give another number")
        asked.setdefault("epochs", epochs)
    if device != "cpu" and method.learns == "network":
        asked["device"] = device
    return replace(method, parameters={**method.parameters, **asked}) if asked else method


def relative_curve(
    method: SpottingMethod, scores: Mapping[str, NDArray[Any]], thresholds: Mapping[Kind, float]
) -> FloatArray:
    """The higher of a video's curves at each time, 1 at the threshold; NaN where nothing was judged.

    Shape as `scores["times_s"]`; kinds that `thresholds` leaves out are not looked at.
    """
    found = np.full(len(scores["times_s"]), np.nan)
    for kind, threshold in thresholds.items():
        curve = np.asarray(scores[kind], dtype=np.float64)
        known = curve[np.isfinite(curve)]
        rest, height = 0.0, threshold
        if method.thresholds_are == "shares" and len(known):
            rest = float(known.mean())
            height = threshold * (float(known.max()) - rest)
        if height > 0:
            found = np.fmax(found, (curve - rest) / height)
    return found


def _check_value(what: str, usual: Json, value: Json) -> None:
    """Raise OptionError unless a value is of the kind of the usual one; numbers are not below 0."""
    if isinstance(usual, list):
        same = isinstance(value, list) and (len(value) == len(usual) or not usual or what.endswith(_LONGER))
        if same and isinstance(value, list):
            for old, new in zip((usual * len(value))[: len(value)], value, strict=True):
                _check_value(what, old, new)
            return
    elif usual is None:
        same = value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value > 0)
    elif isinstance(usual, bool) or isinstance(value, bool) or isinstance(usual, str):
        same = type(value) is type(usual)
    elif isinstance(usual, int):
        same = isinstance(value, int) and value >= 0
    else:
        same = isinstance(value, int | float) and value >= 0
    if not same:
        raise OptionError(what, wanted=_like(usual), got=value, remedy="correct the value")


def _like(usual: Json) -> str:
    """What a value is to be, in words, from the usual one."""
    if usual is None:
        return "a number above 0, or none"
    if isinstance(usual, bool):
        return "true or false"
    if isinstance(usual, int | float):
        return f"a {'whole ' if isinstance(usual, int) else ''}number from 0 on, as {usual}"
    return f"a list as {usual}" if isinstance(usual, list) else f"a word, as {usual}"


_LONGER = ("lengths", "depths", "heads")
"""Lists that may have another length than the published one."""
