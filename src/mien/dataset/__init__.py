"""Datasets on disk and what may be done with them: reading, importing, checking, describing, sharing.

`catalog/` holds one adapter per published dataset. Every route by which a face, a voice or anything made
from them can leave asks `may_leave`; an unknown consent level is the strictest. May use recording,
signals, jobs and core.
"""

from mien.dataset.consent import may_leave
from mien.dataset.describe import describe
from mien.dataset.export import export_study
from mien.dataset.expressions import read_expressions
from mien.dataset.importing import import_study
from mien.dataset.manifest import Finding
from mien.dataset.study import Study, StudySession, VideoRun, open_study
from mien.dataset.synchronise import synchronise
from mien.dataset.validate import validate
from mien.dataset.withdraw import withdraw
from mien.dataset.write import ParticipantWriter, StudyWriter

__all__ = [
    "Finding",
    "ParticipantWriter",
    "Study",
    "StudySession",
    "StudyWriter",
    "VideoRun",
    "describe",
    "export_study",
    "import_study",
    "may_leave",
    "open_study",
    "read_expressions",
    "synchronise",
    "validate",
    "withdraw",
]
