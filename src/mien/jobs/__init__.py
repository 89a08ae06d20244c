"""Work as data: a plan of jobs, a store that remembers what is done, and executors that do the rest.

A job is addressed by the digest of what goes into it; its result appears whole or not at all; a plan
killed anywhere goes on where it stopped. The room knows nothing of what its jobs compute; it may use
core only.
"""

from mien.jobs.choose import executor_for
from mien.jobs.execute import Event, Executor, Sequential, run_plan
from mien.jobs.plan import Job, Output, Plan
from mien.jobs.pool import ProcessPool
from mien.jobs.progress import bar, silent
from mien.jobs.store import Store

__all__ = [
    "Event",
    "Executor",
    "Job",
    "Output",
    "Plan",
    "ProcessPool",
    "Sequential",
    "Store",
    "bar",
    "executor_for",
    "run_plan",
    "silent",
]
