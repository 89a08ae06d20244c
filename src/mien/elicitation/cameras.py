"""Cameras by name: a webcam's number, an address, a Lab Streaming Layer stream, or a film played as one.

`open_camera` is the door; `CameraFeed` hands one camera's frames to all who want them.
"""

from __future__ import annotations

from pathlib import Path

from mien.core.errors import DataError
from mien.elicitation.camera_feed import CameraFeed, CameraHealth, Subscription
from mien.elicitation.camera_frame import Camera, CameraFrame
from mien.elicitation.film_camera import FilmCamera
from mien.elicitation.network_cameras import ADDRESSES, AddressCamera, StreamCamera
from mien.elicitation.webcam import Webcam

__all__ = ["Camera", "CameraFeed", "CameraFrame", "CameraHealth", "Subscription", "open_camera"]


def open_camera(source: str) -> Camera:
    """The camera that a person named.

    Parameters
    ----------
    source
        "0", "1"...: a webcam's number. "rtsp://...", "http://...", "udp://..." or "tcp://...": a camera on
        the network. "lsl:NAME": a Lab Streaming Layer stream of frames. Anything else: the path of a film,
        which is played in real time and begins again at its end.

    Raises
    ------
    DataError
        If there is no such camera, or it gives no frame.
    """
    if source.isdecimal():
        return Webcam(int(source))
    if source.startswith(ADDRESSES):
        return AddressCamera(source)
    if source.startswith("lsl:"):
        return StreamCamera(source.removeprefix("lsl:"))
    if not source.strip():
        remedy = "give a webcam's number, an address, lsl:NAME or the path of a film"
        raise DataError("camera", wanted="a source of frames", got="nothing", remedy=remedy)
    return FilmCamera(Path(source))
