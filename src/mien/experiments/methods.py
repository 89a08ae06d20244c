"""The table of recognition methods: names, published parameters, and what may be chosen about them."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any, TypeVar

from mien.core.errors import OptionError
from mien.core.records import Json
from mien.evaluation import Method

ENTRY_POINT_GROUP = "mien.methods"
Extension = TypeVar("Extension")


@dataclass(frozen=True, slots=True)
class VisualMethod(Method):
    """A method of recognition from video, which says what it must be given.

    Parameters
    ----------
    imbalance
        What can be done about rare classes, as changes of parameters by name.
    augments
        Whether it can change motion at random while training.
    """

    needs: str | None = "motion-map"
    imbalance: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    augments: bool = False


def build_recogniser(place: str, *, seed: int, **parameters: Any) -> Any:
    """A recogniser by the module of `mien.recognition` and the class in it, as "ststnet:STSTNetRecogniser".

    One that takes no seed has nothing random in it.
    """
    module, _, name = place.partition(":")
    kind = getattr(import_module(f"mien.recognition.{module}"), name)
    seeded = {"seed": seed} if "seed" in inspect.signature(kind).parameters else {}
    return kind(**parameters, **seeded)


def _network(name: str, place: str, *, needs: str = "motion-map", **parameters: Json) -> VisualMethod:
    return VisualMethod(
        name,
        1,
        partial(build_recogniser, place),
        parameters=parameters,
        stage_parameter="epochs",
        libraries=("numpy", "torch"),
        imports=("mien.learning.train", f"mien.recognition.{place.partition(':')[0]}", "torch._dynamo"),
        needs=needs,
        imbalance={kind: {"imbalance": kind} for kind in ("plain", "weighted", "focal", "balanced")},
        augments=needs in ("motion-map", "motion-clip"),
    )


def _descriptor(name: str, place: str, *, C: tuple[float, ...], kernel: str = "linear") -> VisualMethod:
    """A machine whose published or default C stands first."""
    return VisualMethod(
        name,
        1,
        partial(build_recogniser, place),
        parameters={"C": C[0], "kernel": kernel, "gamma": None, "balanced": True},
        candidates=({}, *({"C": value} for value in C[1:])),
        libraries=("numpy", "scikit-learn"),
        imports=(f"mien.recognition.{place.partition(':')[0]}",),
        needs=name,
        imbalance={"plain": {"balanced": False}, "weighted": {"balanced": True}},
    )


def _htnet(name: str, geometry: str) -> VisualMethod:
    return _network(
        name,
        "htnet:HTNetRecogniser",
        epochs=800,
        learning_rate=5e-5,
        batch_size=256,
        weight_decay=0.0,
        geometry=geometry,
    )


_ALL = (
    VisualMethod("majority", 1, partial(build_recogniser, "majority:MajorityRecogniser"), needs=None),
    VisualMethod(
        "linear-svm",
        1,
        partial(build_recogniser, "linear_svm:LinearSVMRecogniser"),
        parameters={"C": 1e-4, "max_iter": 3000},
        candidates=({}, {"C": 1e-5}, {"C": 1e-3}, {"C": 1e-2}),
        libraries=("numpy", "scikit-learn"),
        imports=("mien.recognition.linear_svm",),
    ),
    _network(
        "ststnet",
        "ststnet:STSTNetRecogniser",
        epochs=500,
        learning_rate=5e-5,
        batch_size=256,
        weight_decay=0.0,
    ),
    _descriptor("lbp-top", "lbp_top:LBPTOPRecogniser", C=(1.0, 0.1, 10.0, 100.0)),
    _descriptor("mdmo", "mdmo:MDMORecogniser", C=(1.0, 0.1, 10.0, 100.0), kernel="poly"),
    _descriptor("bi-woof", "bi_woof:BiWOOFRecogniser", C=(1e4, 1.0, 1e2)),
    _network(
        "rcn-a",
        "rcn_a:RCNARecogniser",
        epochs=20,
        learning_rate=5e-4,
        batch_size=64,
        weight_decay=0.0,
        features=32,
        grid=5,
    ),
    _network(
        "mersiamc3d-style",
        "mersiamc3d_style:MERSiamC3DStyleRecogniser",
        needs="motion-clip",
        epochs=50,
        learning_rate=1e-4,
        batch_size=16,
        weight_decay=0.0,
        pair_epochs=50,
        margin=1.0,
        gamma=2.0,
    ),
    _network(
        "featref-style",
        "featref_style:FeatRefStyleRecogniser",
        epochs=100,
        learning_rate=1e-4,
        batch_size=32,
        weight_decay=0.0,
        proposal_weight=0.5,
        n_shared=1024,
    ),
    _network(
        "moext",
        "moext:MoExtRecogniser",
        needs="frame-pair",
        epochs=30,
        learning_rate=1e-4,
        batch_size=32,
        weight_decay=1e-4,
        pretrain_epochs=15,
        width=64,
        size=None,
    ),
    _htnet("htnet", "published"),
    _htnet("htnet-repaired", "repaired"),
    _network(
        "csarnet-style",
        "csarnet_style:CSARNetStyleRecogniser",
        epochs=100,
        learning_rate=1e-3,
        batch_size=64,
        weight_decay=0.01,
        label_smoothing=0.1,
    ),
)

METHODS: Mapping[str, Method] = MappingProxyType({method.name: method for method in _ALL})
"""Methods of recognition from the face."""


def _audio_visual(name: str, kind: str) -> VisualMethod:
    return _network(
        name,
        f"audio_visual:{kind}",
        needs="audio-visual",
        epochs=60,
        learning_rate=5e-4,
        batch_size=32,
        weight_decay=0.01,
        width=64,
        dropout=0.3,
        modality_dropout=0.2,
    )


_OTHERS = (
    _audio_visual("amf-style", "AMFStyleRecogniser"),
    _audio_visual("av-visual", "VisualRecogniser"),
    _audio_visual("av-audio", "AudioRecogniser"),
    _audio_visual("av-concatenation", "ConcatenationRecogniser"),
    _audio_visual("av-symmetric", "SymmetricRecogniser"),
    _network(
        "eegnet",
        "eegnet:EEGNetRecogniser",
        needs="eeg-epoch",
        epochs=500,
        learning_rate=1e-3,
        batch_size=64,
        weight_decay=0.0,
        dropout=0.25,
        imbalance="as-published",
    ),
    VisualMethod(
        "peripheral-svm",
        1,
        partial(build_recogniser, "peripheral_svm:PeripheralSVMRecogniser"),
        parameters={"C": 1.0, "kernel": "rbf", "gamma": None, "balanced": True},
        candidates=({}, {"C": 0.1}, {"C": 10.0}),
        libraries=("numpy", "scikit-learn"),
        imports=("mien.recognition.peripheral_svm",),
        needs="body-features",
        imbalance={"plain": {"balanced": False}, "weighted": {"balanced": True}},
    ),
)

OTHER_METHODS: Mapping[str, Method] = MappingProxyType({method.name: method for method in _OTHERS})
"""Methods of recognition from brain, body and voice, which `mien fuse` combines with those of the face."""


def check_needs(method: Method, *, given: Collection[str]) -> None:
    """Raise OptionError if samples of the given kinds are not what the method needs.

    Methods that do not say what they need are given what there is.
    """
    needs = method.needs
    if needs is not None and needs not in given:
        raise OptionError(
            f"method {method.name}",
            wanted=f"input of kind {needs}",
            got=f"a source that gives {', '.join(sorted(given))}",
            remedy="choose a method for this input, or a source whose clips can be measured",
        )


def method_names() -> list[str]:
    """All names that `--method` understands, those of installed extensions last."""
    return [*METHODS, *sorted(extension_names(ENTRY_POINT_GROUP) - set(METHODS))]


def needs_by_name() -> dict[str, str | None]:
    """What every method of `method_names` must be given; None: any input, or an extension that is broken."""
    found: dict[str, str | None] = {}
    for name in method_names():
        try:
            found[name] = find_method(name).needs
        except OptionError:
            found[name] = None  # asking for it by name says why
    return found


def find_method(
    name: str,
    *,
    epochs: int | None = None,
    imbalance: str | None = None,
    augment: bool = False,
    device: str = "cpu",
    changes: Mapping[str, Json] | None = None,
) -> Method:
    """The method with this name, optionally changed.

    Parameters
    ----------
    epochs
        Of methods that learn in epochs; others stay as they are.
    imbalance
        What is done about rare classes, where the method can do it; None: what the method does by itself.
    augment
        Whether motion is changed at random while training.
    device
        Where networks train.
    changes
        Other values of the method's parameters.

    Raises
    ------
    OptionError
        If there is no such method, an extension cannot be loaded, or the method cannot do what is asked.
    """
    method = METHODS.get(name) or OTHER_METHODS.get(name) or _from_extension(name)
    asked: dict[str, Json] = dict(changes or {})
    refuse_unknown(name, asked, method.parameters)
    for key, value in asked.items():
        _check_kind(f"parameter {key} of {name}", method.parameters[key], value)
    if epochs is not None and method.stage_parameter is not None:
        if epochs < 1:
            raise OptionError("--epochs", wanted="1 or more", got=epochs, remedy="give another number")
        asked.setdefault(method.stage_parameter, epochs)  # a value of its own is more specific
    if imbalance is not None:
        known: Mapping[str, Mapping[str, Json]] = getattr(method, "imbalance", {})
        if imbalance not in known:
            raise OptionError(
                f"--imbalance for {name}",
                wanted=f"one of {', '.join(known)}" if known else "no such option: it cannot be changed",
                got=imbalance,
                remedy="choose another, or leave it to the method",
            )
        asked |= known[imbalance]
    if augment:
        if not getattr(method, "augments", False):
            raise OptionError(
                f"--augment for {name}",
                wanted="a network that is given motion",
                got=f"a method given {getattr(method, 'needs', None) or 'anything'}",
                remedy="leave it out for this method",
            )
        asked["augment"] = "flow"
    if device != "cpu" and method.stage_parameter is not None:
        asked["device"] = device
    return replace(method, parameters=method.with_parameters(asked)) if asked else method


def refuse_unknown(name: str, asked: Collection[str], known: Collection[str]) -> None:
    """Raise OptionError if a parameter that is asked for is none of a method's."""
    unknown = [key for key in asked if key not in known]
    if unknown:
        raise OptionError(
            f"parameter {unknown[0]} of {name}",
            wanted=f"one of {', '.join(known) or 'none: it has no parameters'}",
            got=unknown[0],
            remedy="choose one of them",
        )


def _check_kind(what: str, usual: Json, value: Json) -> None:
    """Raise OptionError unless a value is of the kind of the parameter's usual one."""
    if usual is None:
        return
    wanted, kinds = next((words, kinds) for known, words, kinds in _KINDS if isinstance(usual, known))
    good = isinstance(value, kinds) and isinstance(value, bool) == isinstance(usual, bool)
    if good and isinstance(value, int | float):
        good = value >= 0
    if not good:
        raise OptionError(what, wanted=f"{wanted}, as {usual}", got=value, remedy="correct the value")


_KINDS: tuple[tuple[type, str, Any], ...] = (
    (bool, "true or false", bool),
    (int, "a whole number from 0", int),
    (float, "a number from 0", (int, float)),
    (str, "a word", str),
)


def _from_extension(name: str) -> Method:
    found = load_extension(ENTRY_POINT_GROUP, name, Method)
    if found is None:
        raise OptionError(
            "method", wanted=f"one of {', '.join(method_names())}", got=name, remedy="choose one of them"
        )
    return found


def extension_names(group: str) -> set[str]:
    """The names that installed packages registered in an entry point group."""
    return {point.name for point in entry_points(group=group)}


def load_extension(group: str, name: str, kind: type[Extension]) -> Extension | None:
    """What an installed package registered under a name; None if none did.

    Raises
    ------
    OptionError
        If it cannot be loaded, or is of another kind.
    """
    point = next((one for one in entry_points(group=group) if one.name == name), None)
    if point is None:
        return None
    try:
        found = point.load()
    except Exception as error:
        raise OptionError(
            f"method {name}",
            wanted=f"an importable {point.value}",
            got=repr(error),
            remedy="repair the package that registers it",
        ) from error
    if not isinstance(found, kind):
        raise OptionError(
            f"method {name}",
            wanted=f"a {kind.__name__} of mien.evaluation",
            got=type(found).__name__,
            remedy=f"register a {kind.__name__}",
        )
    return found
