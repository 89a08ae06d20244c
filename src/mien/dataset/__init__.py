"""Datasets on disk and what may be done with them: reading, writing, checking, consent.

`catalog/` holds one adapter per published dataset. Every route by which a face, a voice or anything made
from them can leave asks `may_leave`; an unknown consent level is the strictest. May use recording,
signals, jobs and core.
"""

from mien.dataset.consent import CONSENT_WORDS, ConsentLevel, may_leave
from mien.dataset.manifest import Finding
from mien.dataset.motion_maps import MotionMaps, read_motion_maps, write_motion_maps
from mien.dataset.study import Study, StudyParticipant, StudySession, VideoRun, open_study
from mien.dataset.synchronise import SessionSync, synchronise, write_sync
from mien.dataset.validate import validate
from mien.dataset.write import ParticipantWriter, StudyWriter

__all__ = [
    "CONSENT_WORDS",
    "ConsentLevel",
    "Finding",
    "MotionMaps",
    "ParticipantWriter",
    "SessionSync",
    "Study",
    "StudyParticipant",
    "StudySession",
    "StudyWriter",
    "VideoRun",
    "may_leave",
    "open_study",
    "read_motion_maps",
    "synchronise",
    "validate",
    "write_motion_maps",
    "write_sync",
]
