"""The table of recognition methods: names, published parameters, and what may be chosen about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

from mien.core.errors import OptionError
from mien.evaluation import Method

ENTRY_POINT_GROUP = "mien.methods"


def build_majority(*, seed: int) -> Any:
    """The majority class; nothing in it is random."""
    from mien.recognition.majority import MajorityRecogniser

    return MajorityRecogniser()


def build_linear_svm(*, seed: int, **parameters: Any) -> Any:
    """A linear SVM on the map's pixels."""
    from mien.recognition.linear_svm import LinearSVMRecogniser

    return LinearSVMRecogniser(seed=seed, **parameters)


def build_ststnet(*, seed: int, **parameters: Any) -> Any:
    """STSTNet on motion maps."""
    from mien.recognition.ststnet import STSTNetRecogniser

    return STSTNetRecogniser(seed=seed, **parameters)


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "majority": Method("majority", 1, build_majority),
        "linear-svm": Method(
            "linear-svm",
            1,
            build_linear_svm,
            parameters={"C": 1e-4, "max_iter": 3000},
            candidates=({}, {"C": 1e-5}, {"C": 1e-3}, {"C": 1e-2}),
            libraries=("numpy", "scikit-learn"),
            imports=("mien.recognition.linear_svm",),
        ),
        "ststnet": Method(
            "ststnet",
            1,
            build_ststnet,
            parameters={"epochs": 500, "learning_rate": 5e-5, "batch_size": 256, "weight_decay": 0.0},
            stage_parameter="epochs",
            libraries=("numpy", "torch"),
            imports=("mien.learning.train", "mien.recognition.ststnet", "torch._dynamo"),
        ),
    }
)


def method_names() -> list[str]:
    """All names that `--method` understands, those of installed extensions last."""
    return [*METHODS, *sorted({point.name for point in entry_points(group=ENTRY_POINT_GROUP)} - set(METHODS))]


def find_method(name: str, *, epochs: int | None = None) -> Method:
    """The method with this name, optionally with another number of epochs.

    Raises
    ------
    OptionError
        If there is no such method, an extension cannot be loaded, or the method has no epochs.
    """
    method = METHODS.get(name) or _from_extension(name)
    if epochs is None or method.stage_parameter is None:
        return method
    if epochs < 1:
        raise OptionError("--epochs", wanted="1 or more", got=epochs, remedy="give another number")
    return replace(method, parameters=method.with_parameters({method.stage_parameter: epochs}))


def _from_extension(name: str) -> Method:
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if point.name == name:
            try:
                method = point.load()
            except Exception as error:
                raise OptionError(
                    f"method {name}",
                    wanted=f"an importable {point.value}",
                    got=repr(error),
                    remedy="repair the package that registers it",
                ) from error
            if not isinstance(method, Method):
                raise OptionError(
                    f"method {name}",
                    wanted="a mien.evaluation.Method",
                    got=type(method).__name__,
                    remedy="register a Method",
                )
            return method
    raise OptionError(
        "method", wanted=f"one of {', '.join(method_names())}", got=name, remedy="choose one of them"
    )
