"""Names and what they stand for: the table of methods, the formats of datasets, and what a command composes.

The only room that knows both methods and evaluation. Users' own methods join the table through the entry
point group `mien.methods` and stand on the same footing. May use everything below.
"""

from mien.experiments.methods import METHODS, find_method, method_names
from mien.experiments.recognise import RecogniseRequest, Recognition, recognise
from mien.experiments.score_files import score_recognition_file, score_spotting_files
from mien.experiments.sources import FORMATS, read_source, task_of

__all__ = [
    "FORMATS",
    "METHODS",
    "RecogniseRequest",
    "Recognition",
    "find_method",
    "method_names",
    "read_source",
    "recognise",
    "score_recognition_file",
    "score_spotting_files",
    "task_of",
]
