"""Conducting a session: every step is checked, acted on where time matters (codes), and kept in the journal.

The pages propose, the journal decides: a step that comes twice is the same step, one that comes out of
order is refused with what was expected. Codes are 101 to 148 at a clip's onset and 100 at its end; practice
has none.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mien.core.errors import DataError
from mien.dataset.synchronise import REST_CODE
from mien.elicitation.clock import now_s
from mien.elicitation.equipment import Equipment
from mien.elicitation.journal import Journal, Row
from mien.elicitation.posted import kept_of, number_of, report_of
from mien.elicitation.progress import ASIDE, STEPS, Choice, Key, Phase, Progress, progress_of
from mien.elicitation.protocol import Protocol
from mien.elicitation.schedule import Schedule, Trial
from mien.elicitation.sent_reminders import SentReminder, reminders_json
from mien.elicitation.session_timing import session_timing

Told = Callable[[str, Mapping[str, Any]], None]
_LATE_MS = 250.0  # between first frame and code: more is told
_EARLIEST_S = 0.5  # a page's clock may be ahead by this much; more is no time of this session


class OrderError(Exception):
    """A step that the session does not expect now; `expected` is the trial that it does."""

    def __init__(self, sentence: str, expected: Trial | None) -> None:
        super().__init__(sentence)
        self.sentence, self.expected = sentence, expected


class Conductor:
    """One participant's session.

    Parameters
    ----------
    folder
        Where the session is kept; a journal that lies there is gone on with.
    told
        Called with the name of an event (state, reminder, remind, notice) and its data.
    """

    def __init__(
        self,
        folder: Path,
        protocol: Protocol,
        schedule: Schedule,
        equipment: Equipment,
        *,
        participant: str,
        told: Told = lambda _event, _data: None,
    ) -> None:
        self.folder, self.protocol, self.schedule = folder, protocol, schedule
        self.equipment, self.participant, self.told = equipment, participant, told
        self.journal = Journal(folder / "session.jsonl")
        self.operator: str | None = None
        self._trials: dict[Key, Trial] = {(t.practice, t.number): t for t in schedule.trials}
        self._progress = progress_of(self.journal.rows)
        self._lock = threading.RLock()
        self._troubles: dict[str, str] = {}
        self._done: dict[str, Any] = {}  # by post: what the equipment did for one that is not kept yet
        self._owed: list[tuple[str, float, dict[str, object]]] = []  # rows that the disk refused
        for row in self.journal.rows:
            if row["what"] == "operator":
                self.operator = str(row["operator"])

    # --- what is known

    @property
    def progress(self) -> Progress:
        """How far the session is."""
        return self._progress

    @property
    def phase(self) -> Phase:
        """Where the session is."""
        return self._progress.phase(self._trials)

    @property
    def expected(self) -> Trial | None:
        """The first trial that is not done."""
        key = self._progress.next(self._trials)
        return None if key is None else self._trials[key]

    @property
    def current(self) -> Trial | None:
        """The trial that runs, or ran last."""
        return None if self._progress.current is None else self._trials.get(self._progress.current)

    @property
    def in_clip(self) -> bool:
        """Whether a clip is on the screen: when a face is to be kept still."""
        key = self._progress.current
        attempt = None if key is None or self._progress.stopped else self._progress.attempt(key)
        return attempt is not None and attempt.last == "clip-shown"

    def done(self, trial: Trial) -> bool:
        """Whether a trial needs not be shown (again)."""
        return self._progress.done((trial.practice, trial.number))

    def rows(self, *whats: str) -> list[Row]:
        """The journal's rows of these kinds."""
        return [row for row in self.journal.rows if row["what"] in whats]

    # --- what happens

    def write(self, what: str, at_s: float | None = None, **more: object) -> Row:
        """Write a row and fold it in; raises OSError if the disk refuses, and then nothing happened."""
        with self._lock:
            while self._owed:
                owed_what, owed_s, owed = self._owed[0]
                self._progress = self._progress.after(self.journal.append(owed_what, owed_s, **owed))
                del self._owed[0]
            row = self.journal.append(what, now_s() if at_s is None else at_s, **more)
            self._progress = self._progress.after(row)
            return row

    def _write_sometime(self, what: str, at_s: float, **more: object) -> Row | None:
        """Write what has happened already: now, or before the next row that the disk takes."""
        with self._lock:
            try:
                return self.write(what, at_s, **more)
            except OSError:
                self._owed.append((what, at_s, more))
                return None

    def _once(self, posted: Mapping[str, Any], act: Callable[[], Any]) -> Any:
        """Let the equipment act once for a post, though the disk may refuse it and the page repeat it."""
        post = str(posted["id"])
        if post not in self._done:
            self._done = {post: act()}
        return self._done[post]

    def begin(self, operator: str | None) -> None:
        """Let the participant go on from the waiting screen."""
        with self._lock:
            if not self._progress.begun:
                self.write("begun", operator=operator)
        self._changed()

    def name_operator(self, operator: str) -> None:
        """Say who watches."""
        with self._lock:
            if operator != self.operator:
                self.operator = operator
                self.write("operator", operator=operator)
        self._changed()

    def consent(self, level: int, posted: Mapping[str, Any]) -> None:
        """Keep the level that the participant chose; raises OrderError where nobody was asked."""
        with self._lock:
            if not self._new(posted):
                return
            if self.phase not in ("consent", "practice", "trials"):
                raise OrderError(
                    "Consent is asked for after the experimenter has begun: load the page again.", None
                )
            if level not in (1, 2):
                raise DataError("consent", wanted="level 1 or 2", got=level, remedy="choose one")
            given = self._progress.consent
            if given is not None:
                if given != level:
                    raise OrderError("A level of consent was chosen already: load the page again.", None)
                return
            self.write("consent", self._at(posted), level=level, **kept_of(posted))
            self.equipment.keep_streams()
        self._changed()

    def step(self, what: str, number: int, practice: bool, posted: Mapping[str, Any]) -> Phase:
        """One step of a trial as the page tells it, or something aside; repeated posts are one.

        Raises
        ------
        OrderError
            If the session is at another trial or step.
        DataError
            If a report is not within the scales.
        """
        with self._lock:
            if self._new(posted):
                trial = self._trials.get((practice, number))
                if self._progress.consent is None:
                    raise OrderError("Nobody has consented yet: load the page again.", None)
                if what in ASIDE:
                    row = self.write(
                        what, self._at(posted), trial=number, practice=practice, **kept_of(posted)
                    )
                    if what == "trouble":
                        self.notice(
                            "page", str(row.get("sentence") or "the participant's page"), level="warning"
                        )
                else:
                    self._step(what, trial, posted)
            phase = self.phase
        self._changed()
        return phase

    def _step(self, what: str, trial: Trial | None, posted: Mapping[str, Any]) -> None:
        if what not in STEPS:
            raise DataError(
                "step", wanted=", ".join((*STEPS, *ASIDE)), got=repr(what), remedy="load the page again"
            )
        self._check_order(what, trial)
        assert trial is not None
        more = kept_of(posted)
        if what == "ready":
            self._leave_behind(trial)
        if what == "reported":
            more |= report_of(self.protocol.report, posted)
        if what == "clip-shown":
            self._clip_shown(trial, posted, more)
        elif what == "clip-ended":
            self._clip_ended(trial, posted, more)
        else:
            self._write_step(what, trial, posted, more)

    def _write_step(self, what: str, trial: Trial, posted: Mapping[str, Any], more: Mapping[str, Any]) -> Row:
        number, practice, clip = trial.number, trial.practice, trial.clip.name
        attempt = None if what == "ready" else self._progress.attempt((practice, number))
        before = None if attempt is None else attempt.at_s(attempt.last)
        at = self._at(posted)
        if before is not None and at < before - _EARLIEST_S:  # no step comes before the one that led to it
            at = now_s()
        return self.write(what, at, trial=number, practice=practice, clip=clip, **more)

    def _clip_shown(self, trial: Trial, posted: Mapping[str, Any], more: Mapping[str, Any]) -> None:
        sent = None
        if not trial.practice:
            assert trial.clip.code is not None
            code = trial.clip.code
            sent = self._once(posted, lambda: self.equipment.clip_begins(trial.number, code))
        row = self._write_step("clip-shown", trial, posted, more)
        if trial.practice:
            return
        self._coded(trial, int(trial.clip.code or 0), sent)
        late_ms = 0.0 if sent is None else 1e3 * (sent - float(row["at_s"]))
        if late_ms > _LATE_MS:
            self.notice(
                "late",
                f"trial {trial.number}: wanted the code at the clip's first frame, got it {late_ms:.0f} ms "
                "later; the journal holds both times.",
            )

    def _clip_ended(self, trial: Trial, posted: Mapping[str, Any], more: Mapping[str, Any]) -> None:
        sent, recorded = None, None
        if not trial.practice:
            sent, recorded = self._once(posted, lambda: self.equipment.clip_ends(REST_CODE))
        self._write_step("clip-ended", trial, posted, more)
        if not trial.practice:
            self._coded(trial, REST_CODE, sent)
        if recorded is not None:
            self._write_sometime("recorded", now_s(), trial=trial.number, practice=False, **recorded)

    def _check_order(self, what: str, trial: Trial | None) -> None:
        expected = self.expected
        if self._progress.stopped:
            raise OrderError("The session was stopped.", None)
        key = None if trial is None else (trial.practice, trial.number)
        if what == "ready":
            if trial is None or trial is not expected:
                raise OrderError("The session is at another trial: load the page again.", expected)
            return
        attempt = None if key is None or key != self._progress.current else self._progress.attempt(key)
        if attempt is None or not attempt.takes(what):
            raise OrderError("The session is at another step: load the page again.", expected)

    def _leave_behind(self, trial: Trial) -> None:
        """A trial begins: what was recorded of an attempt that broke off is closed."""
        recorded = self.equipment.stop_run()
        if recorded is not None:
            self.write("cut", trial=trial.number, practice=trial.practice, **recorded)

    def _coded(self, trial: Trial, code: int, sent_s: float | None) -> None:
        device = None if self.equipment.trigger is None else self.equipment.trigger.name
        at = now_s() if sent_s is None else sent_s
        self._write_sometime(
            "code", at, trial=trial.number, code=code, sent=sent_s is not None, device=device
        )
        self.housekeep()

    def pause(self, paused: bool) -> None:
        """Let the participant's page wait before the next trial, or go on."""
        with self._lock:
            if self._progress.paused != paused:
                self.write("paused" if paused else "continued")
        self._changed()

    def stop(self, by: str, choice: Choice | None, posted: Mapping[str, Any] | None = None) -> None:
        """End the session; `choice` says what becomes of what was recorded, and may come later."""
        with self._lock:
            if posted is not None and not self._new(posted):
                return
            chosen = any(row["by"] == "participant" and row["choice"] for row in self.rows("stopped"))
            if chosen and by != "participant":
                raise OrderError("The participant has chosen what becomes of the recordings.", None)
            self._leave_behind_stop()
            more = {} if posted is None else kept_of(posted)
            self.write("stopped", None if posted is None else self._at(posted), by=by, choice=choice, **more)
        if by == "participant":
            self.notice("stopped", "The participant has stopped the session.", level="warning")
        self._changed()

    def _leave_behind_stop(self) -> None:
        recorded = self.equipment.stop_run()
        if recorded is not None and self.current is not None:
            self.write("cut", trial=self.current.number, practice=self.current.practice, **recorded)

    def note(self, text: str) -> None:
        """Keep a remark of the experimenter."""
        self.write("note", text=text, operator=self.operator)

    # --- reminders

    def remind(
        self, reason: str, by: str, *, pressed_s: float | None = None, post: str | None = None
    ) -> SentReminder:
        """Send a reminder to the small display, then keep it: reason, who, when. Returns it.

        The display is told first, since writing takes milliseconds that the participant would wait. A `post`
        that came before sends nothing again.
        """
        for n, row in enumerate(self.rows("reminder"), start=1) if post is not None else ():
            if row.get("id") == post:
                return SentReminder.of(n, row)
        at, identity = now_s(), str(uuid.uuid4())
        wish = self.protocol.reminder
        self.told("remind", {"id": identity, "text": wish.text, "seconds": wish.seconds})
        with self._lock:
            current = self.current
            inside = current is not None and not current.practice and not self.done(current)
            row = self.write(
                "reminder", at, id=post, reminder=identity, reason=reason, by=by, operator=self.operator,
                trial=current.number if current is not None and inside else None,
                pressed_s=min(at, self._at({"at_s": pressed_s})),
            )  # fmt: skip
            sent = SentReminder.of(len(self.rows("reminder")), row)
        self.equipment.mark(f"reminder: {reason}", at)
        self.told("reminder", sent.as_json(None))
        return sent

    def shown(self, reminder: str, posted: Mapping[str, Any]) -> None:
        """The small display has painted a reminder; raises DataError for one that was never sent."""
        with self._lock:
            if not self._new(posted):
                return
            if not any(row["reminder"] == reminder for row in self.rows("reminder")):
                raise DataError(
                    "reminder", wanted="one that was sent", got=repr(reminder)[:60], remedy="ignore it"
                )
            self.write("reminder-shown", self._at(posted), reminder=reminder, **kept_of(posted))
        self.told("reminder", next(r for r in self.reminders() if r["id"] == reminder))

    def reminders(self) -> list[dict[str, Any]]:
        """Every reminder, with the time from the key to the display in ms once it was shown."""
        return reminders_json(self.rows("reminder"), self.rows("reminder-shown"))

    # --- what goes wrong

    def notice(self, place: str, sentence: str, *, level: str = "failure") -> None:
        """Tell the experimenter loudly, and keep it."""
        at = now_s()
        row = self._write_sometime("notice", at, place=place, sentence=sentence, level=level)
        number = 1 + len(self.journal.rows) if row is None else row["n"]  # a full disk is told all the same
        self.told("notice", {"n": number, "at_s": at, "level": level, "sentence": sentence})

    def notices(self) -> list[dict[str, Any]]:
        """Everything that was told so far."""
        return [
            {"n": r["n"], "at_s": r["at_s"], "level": r["level"], "sentence": r["sentence"]}
            for r in self.rows("notice")
        ]

    def housekeep(self) -> None:
        """Look after the equipment: what went wrong since the last look is told once, and so is its end."""
        with self._lock:
            now = self.equipment.troubles()
            before, self._troubles = self._troubles, now
        for place, sentence in now.items():
            if place not in before:
                self.notice(place, sentence)
        for place in before.keys() - now.keys():
            self.notice(place, f"{place}: it works again.", level="warning")

    # --- times

    def timing(self) -> dict[str, dict[str, float | int | None]]:
        """Clip asked for to first frame shown, and first frame to code, ms: median, worst, number."""
        return session_timing(self._progress, self._trials, self.rows("code"))

    # ---

    def _new(self, posted: Mapping[str, Any]) -> bool:
        return str(posted["id"]) not in self._progress.seen

    def _at(self, posted: Mapping[str, Any]) -> float:
        """The page's own time of what happened; now, where it is no time of this session."""
        now, stated = now_s(), number_of(posted.get("at_s"))
        return now if stated is None or stated > now + _EARLIEST_S or stated < now - 3600 else stated

    def _changed(self) -> None:
        self.told("state", {})

    def close(self) -> None:
        """Give back journal and equipment."""
        self.equipment.close()
        self.journal.close()
