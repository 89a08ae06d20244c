"""One session as the pages see it: the conductor, who listens, and the snapshot that they are shown."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.app.present.access import Access
from mien.app.present.hub import Hub
from mien.core.errors import DataError, OptionError
from mien.elicitation.clock import now_s
from mien.elicitation.conductor import Conductor
from mien.elicitation.monitoring import MotionBaseline, ReminderRule
from mien.elicitation.watch import Automatic, Point, Watch

if TYPE_CHECKING:
    from mien.elicitation.room_check import CheckResult

_TICK_S = 0.1
_LOOK_S = 1.0


@dataclass
class PresentSession:
    """What the application of `mien present` works with.

    `clips`: name -> file. Pages know a clip by a sign that tells nothing of it: names often tell an emotion.
    """

    study: Path
    title: str
    conductor: Conductor
    access: Access
    clips: Mapping[str, Path]
    hub: Hub = field(default_factory=Hub)
    watch: Watch | None = None
    checks: list[CheckResult] | None = None
    refused: list[str] = field(default_factory=list)
    part: int = 1
    ended: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.conductor.told = self._told
        self._dirty, self._ending = threading.Event(), threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="present", daemon=True)
        equipment = self.conductor.equipment
        if equipment.feed is not None:
            rule, wish = ReminderRule(), self.conductor.protocol.reminder
            rule = ReminderRule(
                threshold=rule.threshold if wish.threshold is None else wish.threshold,
                refractory_s=wish.refractory_s,
            )
            on = wish.automatic
            for row in self.conductor.rows("automatic"):  # what the experimenter chose before a restart
                on = bool(row["on"])
                known = {key: row[key] for key in ("threshold", "refractory_s") if row[key] is not None}
                rule = replace(rule, **known)
            self.watch = Watch(
                equipment.feed,
                automatic=Automatic(on, rule),
                baseline=self._last_baseline(),
                traces=self._traces,
                remind=lambda reason: self._automatic(reason),
                wanted=lambda: self.conductor.in_clip,
                measured=self._baseline,
                kept=self._motion_path,
                part=self.part,
            )

    def sign_of(self, clip: str) -> str:
        """What the participant's page calls a clip."""
        key = self.access.keys["participant"]
        return hashlib.sha256(f"{key} {clip}".encode()).hexdigest()[:12]

    @property
    def media(self) -> dict[str, Path]:
        """Sign -> file: the only files that are ever served."""
        return {self.sign_of(name): path for name, path in self.clips.items()}

    def clip_of(self, sign: str) -> str:
        """The clip that a page means; what is no sign stays as it is."""
        return next((name for name in self.clips if self.sign_of(name) == sign), sign)

    def start(self) -> None:
        """Begin to watch and to tell."""
        self._ticker.start()
        if self.watch is not None:
            self.watch.start()

    def stop(self) -> None:
        """Stop telling; devices and journal are given back."""
        self._ending.set()
        self.hub.close()
        if self.watch is not None:
            self.watch.stop()
        if self._ticker.is_alive():
            self._ticker.join(timeout=5)
        self.conductor.close()

    @property
    def ending(self) -> bool:
        """Whether the server stops."""
        return self._ending.is_set()

    # --- telling

    def _told(self, event: str, data: Mapping[str, Any]) -> None:
        if event == "remind":
            self.hub.tell("display", event, data)
        elif event == "state":
            self._dirty.set()
            self.hub.tell("participant", "state", self.participant_state())
        else:
            self.hub.tell("operator", event, data)
            self._dirty.set()

    def changed(self) -> None:
        """Something that the experimenter sees is another."""
        self._dirty.set()

    def _tick(self) -> None:
        looked = -_LOOK_S
        while not self._ending.wait(_TICK_S):
            now = time.monotonic()
            if now - looked >= _LOOK_S:
                looked = now
                self.conductor.housekeep()
                self.ended()
                self._dirty.set()
            if self._dirty.is_set():
                self._dirty.clear()
                self.hub.tell("operator", "state", self.snapshot())

    def _traces(self, points: list[Point], relative: bool) -> None:
        samples = [[t, head, body, face, int(found)] for t, head, body, face, found in points]
        self.hub.tell("operator", "traces", {"samples": samples, "relative": relative})

    def _automatic(self, reason: str) -> None:
        try:
            self.conductor.remind(reason, "automatic")
        except OSError as error:
            self.conductor.notice("reminder", f"A reminder was sent and not kept: {error.strerror}.")

    def keep_baseline(self) -> None:
        """Somebody has consented: a baseline that was measured before is kept from now on."""
        found = None if self.watch is None else self.watch.baseline
        if found is not None and not self.conductor.rows("baseline"):
            self.conductor.write("baseline", None, **found.as_json())

    def _baseline(self, found: MotionBaseline | str) -> None:
        if isinstance(found, str):
            self.conductor.notice("baseline", found, level="warning")
        elif self.conductor.progress.consent is not None:
            try:
                self.conductor.write("baseline", None, **found.as_json())
            except OSError as error:
                self.conductor.notice("baseline", f"The baseline was not kept: {error.strerror}.")
        self._dirty.set()

    def _motion_path(self) -> Path | None:
        """Where motion is kept; None before consent."""
        return None if self.conductor.progress.consent is None else self.conductor.folder / "motion.tsv"

    def _last_baseline(self) -> MotionBaseline | None:
        rows = self.conductor.rows("baseline")
        return MotionBaseline.from_json(rows[-1]) if rows else None

    # --- what the experimenter asks for

    def check(self) -> list[dict[str, Any]]:
        """Check the room; takes some seconds."""
        from mien.elicitation.room_check import check_room

        equipment, schedule = self.conductor.equipment, self.conductor.schedule
        self.checks = check_room(
            equipment.feed,
            trigger=equipment.trigger,
            streams=equipment.streams.health() if equipment.streams is not None else (),
            folder=self.conductor.folder,
            planned_s=schedule.at_most_s,
        )
        self.conductor.write("checked", checks=[_check(one) for one in self.checks])
        self._dirty.set()
        return [_check(one) for one in self.checks]

    def take_baseline(self, seconds: float) -> None:
        """Begin a baseline; raises DataError without a camera, OptionError for an impossible length."""
        if self.watch is None:
            raise DataError("baseline", wanted="a camera", got="none", remedy="start with --camera")
        if not 5 <= seconds <= 120:
            raise OptionError("baseline", wanted="5 to 120 s", got=seconds, remedy="correct it")
        self.watch.take_baseline(seconds)
        self._dirty.set()

    def set_automatic(self, *, on: bool, threshold: float | None, refractory_s: float | None) -> None:
        """Switch automatic reminding; raises DataError without camera or baseline."""
        if self.watch is None or (on and self.watch.baseline is None):
            raise DataError(
                "automatic reminding",
                wanted="a camera and a baseline",
                got="no camera" if self.watch is None else "no baseline",
                remedy="measure the baseline first" if self.watch else "start with --camera",
            )
        if (threshold is not None and not 0 < threshold <= 1000) or (
            refractory_s is not None and not 1 <= refractory_s <= 600
        ):
            raise OptionError(
                "automatic reminding",
                wanted="a threshold above 0 and 1 to 600 s",
                got=f"{threshold} and {refractory_s}",
                remedy="correct them",
            )
        self.watch.set_automatic(on=on, threshold=threshold, refractory_s=refractory_s)
        self.conductor.write("automatic", on=on, threshold=threshold, refractory_s=refractory_s)
        self._dirty.set()

    # --- what pages see

    def participant_state(self) -> dict[str, Any]:
        """What the participant's page is told of the session."""
        conductor = self.conductor
        return {"phase": conductor.phase, "paused": conductor.progress.paused}

    def display_state(self) -> dict[str, Any]:
        """What the small display is told."""
        return {"phase": self.conductor.phase}

    def snapshot(self) -> dict[str, Any]:
        """What the experimenter's page shows."""
        conductor, equipment = self.conductor, self.conductor.equipment
        return {
            "study": self.title,
            "participant": conductor.participant,
            "phase": conductor.phase,
            "paused": conductor.progress.paused,
            "trial": self._trial(),
            "now_s": now_s(),
            "consent": conductor.progress.consent,
            "pages": {role: self.hub.listening(role) for role in ("participant", "display")},
            "camera": self._camera(),
            "recording": self._recording(),
            "streams": [] if equipment.streams is None else [
                {"name": s.name, "kind": s.kind, "rate_hz": s.rate_hz, "age_s": s.age_s, "error": s.error}
                for s in equipment.streams.health()
            ],
            "trigger": self._trigger(),
            **self._watched(),
            "reminders": conductor.reminders(),
            "notices": conductor.notices(),
            "checks": None if self.checks is None else [_check(one) for one in self.checks],
            "timing": conductor.timing(),
            "operator": conductor.operator,
            "choice": conductor.progress.choice,
            "estimated_left_s": self._left_s(),
        }  # fmt: skip

    def _trial(self) -> dict[str, Any] | None:
        conductor = self.conductor
        trial = conductor.current or conductor.expected
        if trial is None or conductor.progress.consent is None:
            return None
        attempt = conductor.progress.attempt((trial.practice, trial.number))
        step = None if attempt is None else attempt.last
        return {
            "number": trial.number,
            "practice": trial.practice,
            "of": sum(t.practice == trial.practice for t in conductor.schedule.trials),
            "step": step,
            "clip": trial.clip.name,
            "emotion": trial.clip.emotion,
            "since_s": None if attempt is None or step is None else attempt.at_s(step),
        }

    def _camera(self) -> dict[str, Any] | None:
        feed = self.conductor.equipment.feed
        if feed is None:
            return None
        health, camera = feed.health(), feed.camera
        return {
            "name": camera.name, "width": camera.width, "height": camera.height, "rate_hz": health.rate_hz,
            "lost": health.n_lost, "age_s": health.age_s, "error": health.error,
        }  # fmt: skip

    def _recording(self) -> dict[str, Any]:
        equipment = self.conductor.equipment
        recorded = self.conductor.rows("recorded")
        return {
            "on": equipment.recorder is not None,
            "run": equipment.run,
            "frames": sum(int(row["frames"]) for row in recorded),
            "lost": sum(int(row["lost"]) for row in recorded),
            "free_bytes": equipment.free_bytes(),
            "left_s": equipment.left_s(),
            "trouble": equipment.failed.get("recording"),
        }

    def _trigger(self) -> dict[str, Any] | None:
        trigger, codes = self.conductor.equipment.trigger, self.conductor.rows("code")
        if trigger is None:
            return None
        return {
            "name": trigger.name,
            "last_code": codes[-1]["code"] if codes else None,
            "last_at_s": codes[-1]["at_s"] if codes else None,
            "trouble": self.conductor.equipment.failed.get("trigger"),
        }

    def _watched(self) -> dict[str, Any]:
        if self.watch is None:
            off = {"on": False, "threshold": ReminderRule().threshold, "refractory_s": 10.0}
            return {"baseline": None, "baseline_left_s": None, "automatic": off}
        base, automatic = self.watch.baseline, self.watch.automatic
        return {
            "baseline": None if base is None else base.as_json(),
            "baseline_left_s": self.watch.baseline_left_s,
            "automatic": {
                "on": automatic.on,
                "threshold": automatic.rule.threshold,
                "refractory_s": automatic.rule.refractory_s,
            },
        }

    def _left_s(self) -> float:
        """The typical time of the trials that are not done, by the share of their clips."""
        schedule = self.conductor.schedule
        total = sum(t.clip.seconds for t in schedule.trials)
        left = sum(t.clip.seconds for t in schedule.trials if not self.conductor.done(t))
        return schedule.typical_s * left / total if total else 0.0


def _check(one: CheckResult) -> dict[str, Any]:
    return {
        "name": one.name,
        "passed": one.passed,
        "sentence": one.sentence,
        "value": one.value,
        "unit": one.unit,
    }
