"""Serving one session: clips checked, devices opened, one runner a study, a link for each page."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.app.application import STATIC
from mien.app.only_one import StateAddress, only_one
from mien.app.present.access import Access
from mien.app.present.application import PAGES, present_application
from mien.app.present.session import PresentSession
from mien.app.serve import host_names, listening_socket
from mien.core.errors import DataError, MienError, OptionError
from mien.core.records import write_atomically
from mien.dataset import layout, open_study
from mien.elicitation.clips import check_playable, read_clips
from mien.elicitation.clock import boot_id
from mien.elicitation.conductor import Conductor
from mien.elicitation.continuing import check_same_session
from mien.elicitation.equipment import Equipment
from mien.elicitation.protocol import Protocol, read_protocol, write_protocol
from mien.elicitation.schedule import Schedule, make_schedule

MARKERS = "mien-markers"
_STREAM_WAIT_S = 3.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a session is to be recorded with.

    `camera` is a source as `open_camera` takes it, `record` whether its frames are kept, `frames` how (video
    or images), `streams` names of LSL streams or "all", `trigger` a device as `open_trigger` takes it.
    """

    camera: str | None = None
    record: bool = False
    frames: str = "video"
    streams: tuple[str, ...] = ()
    trigger: str = "null"
    markers: bool = True


def prepare(
    study: Path, participant: str, *, progress: Callable[[int, int, str], None] = lambda *_: None
) -> tuple[Protocol, Schedule]:
    """The protocol and the participant's schedule, once every clip was looked at.

    Raises
    ------
    DataError
        If a table is wrong, or a clip that would be shown is missing or cannot be played by a browser: the
        sentence names all of them.
    """
    opened = open_study(study)
    name = layout.participant_id(participant)
    if name in opened.participants:
        raise DataError(
            study, wanted="a participant who is not in the study", got=name, remedy="choose another number"
        )
    path = layout.protocol(study)
    if not path.is_file():
        write_protocol(path, Protocol())
    protocol = read_protocol(path)
    schedule = make_schedule(protocol, read_clips(study), _number(name))
    wrong = []
    for n, clip in enumerate(schedule.clips, start=1):
        try:
            check_playable(clip.path(study))
        except MienError as error:
            wrong.append(str(error))
        progress(n, len(schedule.clips), clip.name)
    if wrong:
        raise DataError(
            layout.stimuli(study),
            wanted=f"{len(schedule.clips)} clips that a browser plays",
            got=f"{len(wrong)} that it does not: {' '.join(wrong)}",
            remedy="mend them, then start again",
        )
    return protocol, schedule


def _number(name: str) -> int:
    digits = "".join(char for char in name if char.isdigit())
    if not digits or int(digits) < 1:
        raise OptionError(
            "participant", wanted="a label with a number, as in 001", got=name, remedy="the order rests on it"
        )
    return int(digits)


def only_runner(
    study: Path, address: str = "an address that it has not told yet"
) -> contextlib.AbstractContextManager[StateAddress]:
    """Hold the study's lock while a runner is at work; raises DataError where another one is.

    To be held before anything of a session is opened: a second program would write into the first one's
    journal. The context gives what states the address once it is known.
    """
    return only_one(study / "sourcedata" / "runner.lock", study, "no other runner on this study", address)


def open_equipment(folder: Path, wishes: Wishes, *, camera: Any = None, part: int = 1) -> Equipment:
    """Open every device that was asked for; raises DataError for the first that is not there.

    Parameters
    ----------
    camera
        A camera that is open already, as for a rehearsal; `wishes.camera` is then not looked at.
    """
    from mien.elicitation.camera_feed import CameraFeed
    from mien.elicitation.camera_recording import FrameRecorder
    from mien.elicitation.cameras import open_camera
    from mien.elicitation.streams import MarkerOutlet, StreamRecorder
    from mien.elicitation.trigger_devices import SteadyTrigger

    made = Equipment(folder)
    try:
        if camera is None and wishes.camera is not None:
            camera = open_camera(wishes.camera)
        if wishes.record and camera is None:
            raise OptionError("--record", wanted="a camera", got="none", remedy="name it with --camera")
        made.trigger = SteadyTrigger(wishes.trigger)
        if wishes.markers:
            made.markers = MarkerOutlet(MARKERS)
        if wishes.streams:
            chosen = _streams(wishes.streams)
            made.streams_path = folder / f"streams_part-{part:02d}.xdf"
            before = folder / f".before-consent-{part:02d}.xdf"
            for left in folder.glob(".before-consent-*.xdf"):  # by a program that was killed
                left.unlink()
            made.streams = StreamRecorder(before, chosen)
            made.streams.start()
        if camera is not None:
            made.feed = CameraFeed(camera)
            made.feed.start()
            if wishes.record:
                made.recorder = FrameRecorder(made.feed, folder / "camera", form=wishes.frames)  # type: ignore[arg-type]
    except BaseException:
        made.close()
        raise
    return made


def _streams(names: Sequence[str]) -> list[Any]:
    from mien.elicitation.streams import find_streams

    found = [stream for stream in find_streams(_STREAM_WAIT_S) if stream.name != MARKERS]
    if tuple(names) == ("all",):
        if found:
            return found
        raise DataError(
            "--stream all", wanted="a stream of Lab Streaming Layer", got="none", remedy="start it"
        )
    chosen = []
    for name in dict.fromkeys(names):
        same = [stream for stream in found if stream.name == name]
        if len(same) != 1:
            there = ", ".join(sorted({stream.name for stream in found})) or "none"
            raise DataError(
                f"--stream {name}",
                wanted="one stream of this name",
                got=f"{len(same)} (there are: {there})",
                remedy="start it, or correct the name",
            )
        chosen += same
    return chosen


def open_session(
    study: Path,
    participant: str,
    protocol: Protocol,
    schedule: Schedule,
    wishes: Wishes,
    *,
    camera: Any = None,
    rehearsal: bool = False,
) -> PresentSession:
    """The session of a participant, begun or gone on with.

    Raises
    ------
    DataError
        If a device is not there, the journal is damaged, what was begun as a rehearsal is to go on with a
        person or the other way round, or trials that were done have another clip in the schedule.
    """
    name = layout.participant_id(participant)
    folder = layout.source_folder(study, name)
    check_same_session(folder, schedule, rehearsal=rehearsal)
    folder.mkdir(parents=True, exist_ok=True)
    part = _next_part(folder)
    equipment = open_equipment(folder, wishes, camera=camera, part=part)
    try:
        conductor = Conductor(folder, protocol, schedule, equipment, participant=name)
        if conductor.progress.consent is not None:
            equipment.keep_streams()
        write_atomically(folder / "protocol.yaml", layout.protocol(study).read_bytes())
        conductor.write(
            "opened", part=part, wall_s=time.time(), boot=boot_id(), trials=len(schedule.trials),
            rehearsal=rehearsal,
        )  # fmt: skip
        access = Access.kept(folder / ".keys.json", ("operator", "participant", "display"))
        clips = {clip.name: clip.path(study) for clip in schedule.clips}
        return PresentSession(study, protocol.title, conductor, access, clips, part=part)
    except BaseException:
        equipment.close()
        raise


def _next_part(folder: Path) -> int:
    path = folder / "session.jsonl"
    if not path.is_file():
        return 1
    return 1 + path.read_bytes().count(b'"what": "opened"')


def check_pages() -> None:
    """Refuse to serve without the built pages; raises DataError."""
    missing = [name for name in PAGES.values() if not (STATIC / name).is_file()]
    if missing:
        raise DataError(
            STATIC,
            wanted="the built pages",
            got=f"no {', '.join(missing)}",
            remedy="run make web (it needs Node.js 20 or newer), or install a released wheel",
        )


def links(session: PresentSession, address: str) -> dict[str, str]:
    """The link of each page, with its key."""
    paths = {"operator": "/", "participant": "/participant", "display": "/display"}
    return {role: f"{address}{path}#key={session.access.keys[role]}" for role, path in paths.items()}


def serve_session(
    session: PresentSession,
    *,
    host: str,
    port: int,
    names: Sequence[str] = (),
    told: Callable[[str], None],
    state: StateAddress = lambda _address: None,
    until: Callable[[], bool] = lambda: False,
) -> None:
    """Serve until interrupted or `until()` holds; `state` and `told` get the address once it listens.

    Raises
    ------
    DataError
        If the pages were not built.
    OptionError
        If the address is taken.
    """
    import uvicorn

    check_pages()
    listening = listening_socket(host, port)
    with contextlib.closing(listening):
        address = _address(listening, host)
        state(address)
        at = listening.getsockname()[1]
        application = present_application(session, hosts=host_names(host, at, names))
        server = uvicorn.Server(
            uvicorn.Config(
                application, log_level="warning", access_log=False, server_header=False,
                date_header=False, lifespan="off", timeout_graceful_shutdown=2,
            )
        )  # fmt: skip
        session.ended = lambda: setattr(server, "should_exit", True) if until() else None
        session.start()
        told(address)
        try:
            with contextlib.suppress(KeyboardInterrupt):  # the session can be gone on with
                server.run(sockets=[listening])
        finally:
            session.stop()


def _address(listening: socket.socket, host: str) -> str:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listening.getsockname()[1]}"
