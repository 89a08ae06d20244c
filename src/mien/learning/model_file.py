"""A model on disk: named arrays with a JSON card in one safetensors file; nothing in it can execute."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mien.core.errors import DataError
from mien.core.records import Json, canonical_json, write_atomically


def save_model(path: Path, arrays: Mapping[str, NDArray[Any]], *, card: Mapping[str, Json]) -> None:
    """Write arrays and card atomically."""
    whole = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}
    write_atomically(path, save(whole, metadata={"card": canonical_json(card).decode()}))


def load_model(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Json]]:
    """The arrays and the card of a file that `save_model` wrote.

    Raises
    ------
    DataError
        If the file is absent, damaged, or no model.
    """
    try:
        with safe_open(path, framework="np") as file:
            card = json.loads((file.metadata() or {})["card"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise unfit_model(path, error) from error
    if not isinstance(card, dict):
        raise unfit_model(path, TypeError(f"a card of type {type(card).__name__}"))
    return arrays, card


def unfit_model(path: Path, error: Exception) -> DataError:
    """The error that says why a model file cannot be used."""
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    remedy = "give the path of a model that mien saved"
    return DataError(path, wanted="a whole model file", got=first, remedy=remedy)


def check_card(path: Path, card: Mapping[str, Json], *, method: str) -> None:
    """Raise DataError unless the model was saved by this method."""
    if card.get("method") != method:
        raise DataError(
            path,
            wanted=f"a model of {method}",
            got=f"one of {card.get('method')}",
            remedy="load it with the method that saved it",
        )
