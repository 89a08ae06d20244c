"""Weights on disk: safetensors with a JSON card in the same file; nothing that can execute."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from mien.core.errors import DataError
from mien.core.records import Json, canonical_json, write_atomically


def save_network(network: nn.Module, path: Path, *, card: Mapping[str, Json]) -> None:
    """Write the weights and a card (what builds the network) as one safetensors file, atomically."""
    tensors = {name: tensor.contiguous().cpu() for name, tensor in network.state_dict().items()}
    write_atomically(path, save(tensors, metadata={"card": canonical_json(card).decode()}))


def load_network(
    path: Path, build: Callable[[Mapping[str, Json]], nn.Module]
) -> tuple[nn.Module, dict[str, Json]]:
    """The network that `build(card)` makes with the stored weights, in evaluation mode, and its card.

    Raises
    ------
    DataError
        If the file is absent, damaged, or does not fit the network.
    """
    remedy = "give the path of a model that mien saved"
    try:
        with safe_open(path, framework="pt") as file:
            card = json.loads((file.metadata() or {})["card"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        network = build(card)
        network.load_state_dict(weights)
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataError(path, wanted="a whole model file", got=first, remedy=remedy) from error
    return network.eval(), card
