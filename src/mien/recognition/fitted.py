"""Saving and loading of recognisers whose fit is a few arrays: safetensors with a JSON card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from mien.core.records import Json

Kind = TypeVar("Kind")


def save_fitted(
    one: Any,
    path: Path,
    *,
    arrays: tuple[str, ...],
    numbers: tuple[str, ...] = (),
    about: Mapping[str, Json] | None = None,
) -> None:
    """Write the fitted attributes `name_` of a recogniser, its classes and its parameters as one file."""
    from mien.learning.model_file import save_model

    card: dict[str, Json] = {"method": one.method, "parameters": one.get_params()}
    card |= {"classes": one.classes_.tolist(), **{name: getattr(one, f"{name}_") for name in numbers}}
    if about is not None:
        card["about"] = dict(about)
    save_model(path, {name: getattr(one, f"{name}_") for name in arrays}, card=card)


def load_fitted(
    kind: type[Kind], path: Path, *, arrays: tuple[str, ...], numbers: tuple[str, ...] = ()
) -> Kind:
    """A fitted recogniser from a file that `save_fitted` wrote; raises DataError for any other."""
    from mien.learning.model_file import check_card, load_model, unfit_model

    stored, card = load_model(path)
    check_card(path, card, method=kind.method)  # type: ignore[attr-defined]
    try:
        one: Any = kind(**card["parameters"])  # type: ignore[arg-type]
        one.classes_ = np.array(card["classes"])
        for name in arrays:
            setattr(one, f"{name}_", stored[name])
        for name in numbers:
            setattr(one, f"{name}_", card[name])
    except (KeyError, TypeError, ValueError) as error:
        raise unfit_model(path, error) from error
    return one
