"""What `mien fuse` is asked: a study, its modalities, their methods, and how to fuse them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mien.core.errors import OptionError
from mien.core.records import Json
from mien.evaluation import Method, Settings
from mien.experiments.methods import find_method
from mien.experiments.study_members import FACE, MODALITIES, PERIPHERAL
from mien.experiments.study_source import CLASSES
from mien.features.around_apexes import ApexSettings
from mien.features.measuring import MeasureSettings
from mien.jobs import Executor, executor_for
from mien.recognition.fusion import RULES, WEIGHTS

DEFAULT_METHODS: Mapping[str, str] = {
    FACE: "bi-woof",
    "eeg": "eegnet",
    **dict.fromkeys(PERIPHERAL, "peripheral-svm"),
    "speech": "av-audio",
}
"""The method of each modality. The paper's for the face is "htnet", which needs a GPU or a day."""
ALONE: Mapping[str, str] = {FACE: "av-visual", "speech": "av-audio"}
JOINT = ("amf-style", "av-concatenation", "av-symmetric")
"""Methods that read face and voice at once; `ALONE` are the same encoders with one of them."""


@dataclass(frozen=True, slots=True)
class FuseRequest:
    """What to fuse, how, and where results go.

    Parameters
    ----------
    study
        The folder of a study.
    modalities
        Keys of `MODALITIES`, in the order of the tables.
    methods
        Modality -> method by name, where it is not `DEFAULT_METHODS`'.
    changes
        "modality.parameter" -> value; epochs for all that learn in epochs.
    rule, weight
        Of the fusion that is reported first; all others of its kind stand beside it. A rule of decision
        fusion, or of "me" and "speech" alone a method that reads both at once; None: "amf-style" for these
        two, else "vote".
    face, around
        How faces, and how brain, body and voice, are measured.
    """

    study: Path
    modalities: tuple[str, ...]
    out: Path
    methods: Mapping[str, str] = field(default_factory=dict)
    n_classes: int = 3
    kinds: tuple[str, ...] = ("micro",)
    rule: str | None = None
    weight: str | None = None
    smoothing: float = 1.0
    split: str = "leave-one-subject-out"
    n_folds: int = 5
    seed: int = 0
    epochs: int | None = None
    changes: Mapping[str, Json] = field(default_factory=dict)
    device: str = "cpu"
    n_workers: int = 1
    dask: str | None = None
    face: MeasureSettings = field(default_factory=MeasureSettings)
    around: ApexSettings = field(default_factory=ApexSettings)

    def __post_init__(self) -> None:
        if not self.modalities:
            raise OptionError("--modalities", wanted="one or more", got="none", remedy="name them")
        for what, values, known in (
            ("--modalities", self.modalities, tuple(MODALITIES)),
            ("--method", tuple(self.methods), self.modalities),
            ("--set", tuple(key.partition(".")[0] for key in self.changes), self.modalities),
            ("--classes", (self.n_classes,), tuple(CLASSES)),
            ("--kind", self.kinds, ("micro", "macro")),
            ("--rule", (self.chosen_rule,), (*RULES, *(JOINT if self.is_audio_visual else ()))),
            ("--weight", (self.chosen_weight,), tuple(WEIGHTS)),
        ):
            for value in values:
                if value not in known:
                    raise OptionError(
                        what,
                        wanted=f"one of {', '.join(map(str, known))}",
                        got=value,
                        remedy="choose one of them",
                    )
        if len(set(self.modalities)) < len(self.modalities):
            raise OptionError(
                "--modalities", wanted="each once", got=", ".join(self.modalities), remedy="name each once"
            )
        if self.weight is not None and self.chosen_rule != "vote":
            raise OptionError(
                "--weight", wanted="the rule vote", got=self.chosen_rule, remedy="leave out one of the two"
            )
        self.executor()

    @property
    def is_audio_visual(self) -> bool:
        """Whether face and voice alone are fused."""
        return set(self.modalities) == {FACE, "speech"}

    @property
    def chosen_rule(self) -> str:
        """The rule by name, where none was asked for the usual one."""
        return self.rule or ("amf-style" if self.is_audio_visual else "vote")

    @property
    def chosen_weight(self) -> str:
        """Of votes; where none was asked for, the paper's."""
        return self.weight or "recall"

    @property
    def is_joint(self) -> bool:
        """Whether one network reads both modalities, rather than two members being fused."""
        return self.chosen_rule in JOINT

    def chosen_methods(self) -> dict[str, Method]:
        """The method of each modality with all that was asked of it; raises OptionError if it cannot be."""
        found = {}
        for name in self.modalities:
            usual = ALONE[name] if self.is_joint else DEFAULT_METHODS[name]
            method = self.methods.get(name, usual)
            if self.is_joint and method != usual:
                raise OptionError(
                    f"--method {name}={method}",
                    wanted=f"{usual}, which shares its encoder with {self.chosen_rule}",
                    got=method,
                    remedy="leave it out, or fuse by --rule vote",
                )
            own = {key.partition(".")[2]: value for key, value in self.changes.items()
                   if key.partition(".")[0] == name}  # fmt: skip
            found[name] = find_method(method, epochs=self.epochs, device=self.device, changes=own)
            check_input(name, found[name], joint=self.is_joint)
        return found

    def settings(self) -> Settings:
        """How subjects are divided."""
        return Settings("fixed", self.split, self.n_folds, self.seed)

    def on(self, device: str) -> FuseRequest:
        """The same with networks trained on this device."""
        return replace(self, device=device)

    def executor(self) -> Executor:
        """Where members are measured and trained."""
        return executor_for(self.n_workers, dask=self.dask)


def check_input(modality: str, method: Method, *, joint: bool) -> None:
    """Raise OptionError if a method cannot read what the modality gives."""
    gives = {FACE: None, "eeg": "eeg-epoch", "speech": "audio-visual"}.get(modality, "body-features")
    needs = getattr(method, "needs", None)
    if needs is None or (joint and method.name == ALONE.get(modality)):
        return
    if needs in ("eeg-epoch", "audio-visual", "body-features") if gives is None else needs != gives:
        raise OptionError(
            f"--method {modality}={method.name}",
            wanted=f"a method for {'faces' if gives is None else gives}",
            got=f"one for {needs}",
            remedy="choose another",
        )
