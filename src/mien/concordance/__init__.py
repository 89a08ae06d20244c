"""Whether the body moves with the face: peripheral signals before and after the apex of expressions.

MMME's section 4.1 done so that the answer can be believed: `analyse` takes people (or `analyse_study` a
study), cuts windows around apexes, tests every feature three ways, corrects for the whole family, and sets
beside it what apexes moved at random within their trials give. `slope` holds the pass rates of the
heart-rate filter. May use dataset, signals, recording, stats, jobs and core.
"""

from mien.concordance.comparing import analyse, compare
from mien.concordance.measuring import Measured, measure_person
from mien.concordance.null import NullSummary
from mien.concordance.people import ParticipantData
from mien.concordance.result import Concordance, ContrastRow, Row
from mien.concordance.settings import Settings
from mien.concordance.slope import SlopeRate
from mien.concordance.study import analyse_study, read_person

__all__ = [
    "Concordance",
    "ContrastRow",
    "Measured",
    "NullSummary",
    "ParticipantData",
    "Row",
    "Settings",
    "SlopeRate",
    "analyse",
    "analyse_study",
    "compare",
    "measure_person",
    "read_person",
]
