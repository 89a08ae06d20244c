"""mien present: a participant's session in a browser: clips, reports, recording, watching, reminders."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.core.errors import OptionError

if TYPE_CHECKING:
    from mien.app.present.serve import Wishes
    from mien.app.present.session import PresentSession

_DEMO = "demo"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("present")(present)


def present(
    study: Annotated[Path, typer.Argument(help="The study's folder.")],
    participant: Annotated[
        str, typer.Option("--participant", "-p", help="Label of the participant, as in 001.")
    ] = "001",
    new: Annotated[
        str | None,
        typer.Option(
            help="Begin the study from a table of clips (file, emotion, role), or demo; then leave."
        ),
    ] = None,
    title: Annotated[
        str, typer.Option(help="With --new: the study's title.")
    ] = "A study of micro-expressions",
    record: Annotated[
        bool, typer.Option("--record", help="Keep the camera's frames and LSL streams.")
    ] = False,
    camera: Annotated[
        str | None, typer.Option(help="0, 1... (webcam), rtsp://..., lsl:NAME, or a film played as a camera.")
    ] = None,
    frames: Annotated[
        str, typer.Option(help="video (one film a trial) or images (one TIFF a frame).")
    ] = "video",
    stream: Annotated[
        list[str] | None, typer.Option(help="An LSL stream to record, by name; all for every one.")
    ] = None,
    trigger: Annotated[str, typer.Option(help="null, file:PATH or serial:PORT[:BAUD].")] = "null",
    age: Annotated[int | None, typer.Option(min=0, max=130, help="The participant's age.")] = None,
    sex: Annotated[str | None, typer.Option(help="As the participant states it: F, M, ...")] = None,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="A simulated face and body instead of camera and streams.")
    ] = False,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine's need a proxy with TLS.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8430,
    name: Annotated[
        list[str] | None, typer.Option(help="Another host name under which pages may be asked for.")
    ] = None,
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Check protocol and clips, print the participant's trials, and leave."),
    ] = False,
    finish: Annotated[
        bool, typer.Option("--finish", help="Take an ended session into the study, and leave.")
    ] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="Delete what a session left, and leave.")
    ] = False,
) -> None:
    """Show a participant the study's clips, record, watch, remind; then take the session into the study."""
    if frames not in ("video", "images"):
        raise OptionError("--frames", wanted="video or images", got=frames, remedy="choose one")
    if new is not None:
        _begin(study, new, title)
        return
    columns = {"age": age, "sex": sex}
    if discard or finish:
        from mien.app.present.serve import only_runner
        from mien.dataset.study import check_is_study

        check_is_study(study)
        with only_runner(study):  # not what is being recorded
            _discard(study, participant) if discard else _finish(study, participant, columns)
        return
    if plan:
        _plan(study, participant)
        return
    from mien.app.present.serve import Wishes

    wishes = Wishes(camera, record or rehearse, frames, tuple(stream or ()), trigger)
    ended, coded = _run(study, participant, wishes, rehearse, host, port, tuple(name or ()))
    if ended == "keep" and rehearse and not _is_simulated(study):
        print("A rehearsal: nothing of it joins a study of people.")
        ended = "discard"
    if ended == "keep":
        _finish(study, participant, columns, coded)
    elif ended == "discard":
        _discard(study, participant)
    else:
        print(
            f"The session of {participant} is not finished: call the same command to go on, or with --finish."
        )


def _begin(study: Path, source: str, title: str) -> None:
    from mien.elicitation.new_study import new_study, read_clip_list

    if source == _DEMO:
        import tempfile

        from mien.elicitation.protocol import Breaks, Protocol, Steps
        from mien.simulate.clips import simulate_clips

        short = Protocol(
            steps=Steps(clip_limit_s=60, report_limit_s=25, neutral_s=4), breaks=Breaks(after_every=0)
        )
        with tempfile.TemporaryDirectory() as folder:
            new_study(study, simulate_clips(Path(folder)), title=title, protocol=short, simulated=True)
    else:
        new_study(study, read_clip_list(Path(source)), title=title)
    print(f"{study}: begun; edit {study / 'protocol.yaml'}, then call mien present {study} --participant 001")


def _plan(study: Path, participant: str) -> None:
    """The trials of a participant in order, and how long they take."""
    from mien.app.present.serve import prepare
    from mien.cli.output import duration, print_table

    _, schedule = prepare(study, participant)
    rows = [
        [
            f"practice {t.number}" if t.practice else t.number, t.clip.name, t.clip.emotion or "-",
            t.clip.code or "-", f"{t.clip.seconds:.1f}", "yes" if t.break_after else "-",
        ]
        for t in schedule.trials
    ]  # fmt: skip
    print_table(f"{study}: {participant}", ["trial", "clip", "emotion", "code", "s", "break after"], rows)
    print(f"{duration(schedule.typical_s)} in all, at most {duration(schedule.at_most_s)}")


def _run(
    study: Path,
    participant: str,
    wishes: Wishes,
    rehearse: bool,
    host: str,
    port: int,
    names: tuple[str, ...],
) -> tuple[str | None, Any]:
    """Serve the session; what becomes of it (keep, discard, None while it is not finished), and who codes."""
    from mien.app.present.ending import Ending
    from mien.app.present.serve import only_runner, open_session, prepare, serve_session
    from mien.jobs.progress import bar

    with bar("clips") as show:
        protocol, schedule = prepare(study, participant, progress=show)
    room = _room(study, participant)
    simulated = _simulated(schedule.at_most_s, room) if rehearse else _nobody()
    with only_runner(study) as state, simulated as person:
        if person is not None:
            from dataclasses import replace

            streams = (f"simulated-eeg{room}", f"simulated-physio{room}")
            wishes = replace(wishes, camera=None, streams=streams)
        camera = None if person is None else person.camera()
        session = open_session(
            study, participant, protocol, schedule, wishes, camera=camera, rehearsal=rehearse
        )
        ending = Ending(session)
        told = _Told(session, schedule.typical_s, schedule.at_most_s)
        serve_session(session, host=host, port=port, names=names, told=told, state=state, until=ending)
        return ending.choice, None if person is None else person.coded


@contextlib.contextmanager
def _nobody() -> Iterator[None]:
    yield None


@contextlib.contextmanager
def _simulated(seconds: float, room: str) -> Iterator[Any]:
    """A simulated person in front of the camera, long enough for the session."""
    from mien.elicitation.clock import now_s
    from mien.simulate.live import LiveParticipant, LiveSettings

    person = LiveParticipant.of(LiveSettings(duration_s=min(7200.0, 2 * seconds + 300)))
    person.begin(now_s())
    with person.publish(room):
        yield person


def _room(study: Path, participant: str) -> str:
    """What tells a rehearsal's streams from those of another on the same network, whenever it goes on."""
    import hashlib

    return "-" + hashlib.sha256(f"{study.resolve()} {participant}".encode()).hexdigest()[:6]


class _Told:
    """What is printed once the pages can be opened."""

    def __init__(self, session: PresentSession, typical_s: float, at_most_s: float) -> None:
        self._session, self._typical_s, self._at_most_s = session, typical_s, at_most_s

    def __call__(self, address: str) -> None:
        from mien.app.present.serve import links

        session = self._session
        trials = [t for t in session.conductor.schedule.trials if not t.practice]
        done = sum(session.conductor.done(t) for t in trials)
        print(f"The session of {session.conductor.participant} is at {address} (Ctrl+C stops it).")
        print(
            f"{len(trials)} trials, {done} done; all of it takes {self._typical_s / 60:.0f} minutes, "
            f"at most {self._at_most_s / 60:.0f}."
        )
        for role, link in links(session, address).items():
            print(f"{role + ':':13s}{link}")


def _is_simulated(study: Path) -> bool:
    import json

    from mien.dataset import layout

    return json.loads(layout.description(study).read_bytes()).get("Simulated") is True


def _finish(study: Path, participant: str, columns: dict[str, Any], coded: Any = None) -> None:
    from mien.elicitation.finishing import finish_session

    known = {key: value for key, value in columns.items() if value is not None}
    made = finish_session(study, participant, columns=known, coded=coded)
    kinds = "; ".join(made.recorded) or "no stream"
    print(
        f"{made.participant_id} joined {study}: {made.n_trials} trials, {made.n_videos} videos "
        f"({made.n_frames} frames), {kinds}"
    )
    for sentence in made.left_out:
        print(f"left out: {sentence}")


def _discard(study: Path, participant: str) -> None:
    from mien.elicitation.finishing import discard_session

    removed = discard_session(study, participant)
    print(f"{len(removed)} files of the session of {participant} were deleted:")
    for place in removed:
        print(f"  {place}")
