"""The weights of a network on disk, with the card of what builds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn

from mien.core.records import Json
from mien.learning.model_file import load_model, save_model, unfit_model


def save_network(network: nn.Module, path: Path, *, card: Mapping[str, Json]) -> None:
    """Write the weights and a card (what builds the network) as one safetensors file, atomically."""
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}
    save_model(path, arrays, card=card)


def load_network(
    path: Path, build: Callable[[Mapping[str, Json]], nn.Module]
) -> tuple[nn.Module, dict[str, Json]]:
    """The network that `build(card)` makes with the stored weights, in evaluation mode, and its card.

    Raises
    ------
    DataError
        If the file is absent, damaged, or does not fit the network.
    """
    arrays, card = load_model(path)
    try:
        network = build(card)
        network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise unfit_model(path, error) from error
    return network.eval(), card
