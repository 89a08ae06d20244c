"""When a session's server may stop by itself, and what is to become of the session then."""

from __future__ import annotations

from mien.app.present.session import PresentSession
from mien.elicitation.clock import now_s

_LINGER_S = 4.0
"""Pages get this long to show the end and to hand over what they have not posted yet."""
_CALM_S = 120.0
"""After the last report the neutral clip may still run; nobody waits longer for its end."""


class Ending:
    """Called about once a second: whether the session is over; `choice` is then keep or discard."""

    def __init__(self, session: PresentSession) -> None:
        self._session = session
        self._over_s: float | None = None
        self.choice: str | None = None

    def __call__(self) -> bool:
        """Whether the server may stop."""
        choice = self._choice()
        if choice is None:
            self._over_s = None
            return False
        self.choice = choice
        if self._over_s is None:
            self._over_s = now_s()
        return now_s() - self._over_s >= _LINGER_S

    def _choice(self) -> str | None:
        conductor = self._session.conductor
        progress = conductor.progress
        if progress.stopped:
            return progress.choice
        if conductor.phase != "done" or progress.current is None:
            return None
        attempt, trial = progress.attempt(progress.current), conductor.current
        reported = None if attempt is None else attempt.at_s("reported")
        if attempt is None or trial is None or reported is None:
            return None
        calm = trial.neutral is None or attempt.last == "neutral-ended" or now_s() - reported > _CALM_S
        return "keep" if calm or not self._session.hub.listening("participant") else None
