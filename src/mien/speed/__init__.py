"""The toolkit beside what people use today: one file per work of the speed table, measured in one process.

A work checks first that both give the same answer, then measures them by turns, with one thread. `catalogue`
lists the works, `run` measures and keeps what is finished, `page` writes the table. May use everything below
the command line except `reproduce`; what is measured is never computed here in another way.
"""

from mien.speed.catalogue import WORKS, find_works
from mien.speed.page import write_page
from mien.speed.row import Agreement, Demand, Row, Work
from mien.speed.run import Measured, measure_speed
from mien.speed.timing import Setting, Times

__all__ = [
    "WORKS",
    "Agreement",
    "Demand",
    "Measured",
    "Row",
    "Setting",
    "Times",
    "Work",
    "find_works",
    "measure_speed",
    "write_page",
]
