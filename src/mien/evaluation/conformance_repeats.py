"""Checks that a method can be asked again: same seed, other process, other order, alone, fitted anew.

Each raises `AmissError` for what it finds; what one check presumes stands in the table of `conformance`.
"""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import Any

import numpy as np

from mien.evaluation.conformance_bench import ROUNDING, AmissError, Bench, answered_elsewhere, differs, raw
from mien.jobs import Job, Output, Plan


def repeatable(bench: Bench) -> None:
    """The same seed gives the same bits."""
    said = differs(bench.answers, bench.ask(bench.fitted(bench.train), bench.test))
    if said:
        raise AmissError(
            wanted="the same answers to the bit from the same seed",
            got=said,
            remedy="draw from a generator that fit makes of the seed, never from numpy.random itself",
        )


def other_process(bench: Bench) -> None:
    """Another process gives the same bits."""
    job = Job("the same fit elsewhere", {"function": "conformance"}, {})
    plan = Plan(answer_elsewhere, bench_of(bench), [job], preload=bench.method.imports)
    output = answered_elsewhere(plan)
    said = differs(bench.answers, np.asarray(output["scores"], dtype=np.float64))
    if said:
        raise AmissError(
            wanted="the same answers to the bit in another process",
            got=said,
            remedy="let nothing but seed, parameters and samples decide: no clock, process id or hash()",
        )


def bench_of(bench: Bench) -> Bench:
    """The same bench with nothing learned, which can be sent."""
    return Bench(bench.method, bench.task, bench.seed, bench.own_task)


def answer_elsewhere(bench: Bench) -> Output:
    """The answers of a fresh fit, as a job's output."""
    return {"scores": bench.answers}


def predict_learns(bench: Bench) -> None:
    """Answering changes nothing, and fits nothing."""
    one = bench.fitted(bench.train)
    fit, calls = one.fit, []

    def spy(*given: Any, **named: Any) -> Any:
        calls.append(1)
        return fit(*given, **named)

    with suppress(AttributeError):  # an object that cannot be watched is still asked twice
        one.fit = spy
    before = bench.ask(one, bench.test)
    bench.ask(one, bench.train)
    said = "a call of fit" if calls else differs(before, bench.ask(one, bench.test))
    if said:
        raise AmissError(
            wanted="answers that change nothing in the method",
            got=f"{said} after it had been asked",
            remedy="learn in fit alone: what is learned from test samples is a leak",
        )


def row_order(bench: Bench) -> None:
    """Samples in another order get the same answers in that order."""
    order = np.random.default_rng([bench.seed, 3]).permutation(len(bench.test))
    said = differs(bench.answers[order], bench.ask(bench.first, bench.test[order]), by=ROUNDING)
    if said:
        raise AmissError(
            wanted="the same answers when test samples come in another order",
            got=said,
            remedy="let no answer depend on a sample's place",
        )


def row_alone(bench: Bench) -> None:
    """A sample alone gets the answer that it gets among others."""
    for place in range(0, len(bench.test), 4):
        said = differs(
            bench.answers[place : place + 1],
            bench.ask(bench.first, bench.test[place : place + 1]),
            by=ROUNDING,
        )
        if said:
            raise AmissError(
                wanted="the same answer to a sample alone as among others",
                got=said,
                remedy="take means, scales and batch statistics from training: of test samples they leak",
            )


def refit(bench: Bench) -> None:
    """A second fit forgets the first."""
    first, second = bench.train[::2], bench.train[1::2]
    twice = bench.fitted(second, bench.fitted(first))
    said = differs(bench.ask(bench.fitted(second), bench.test), bench.ask(twice, bench.test))
    if said:
        raise AmissError(
            wanted="fit(A) then fit(B) to be fit(B)",
            got=said,
            remedy="begin every fit anew, its random generator included",
        )


def input_unchanged(bench: Bench) -> None:
    """Neither samples, labels nor groups are changed in place."""
    X, y, who = bench.samples(bench.train), bench.task.y[bench.train].copy(), bench.groups(bench.train)
    test = bench.samples(bench.test)
    one = bench.build()
    if "groups" in inspect.signature(one.fit).parameters:
        one.fit(X, y, groups=who)
    else:
        one.fit(X, y)
    raw(one, test)
    changed = [
        name
        for name, now, before in (
            ("X of fit", X, bench.task.X[bench.train]),
            ("y", y, bench.task.y[bench.train]),
            ("groups", who, bench.groups(bench.train)),
            ("X of predict_proba", test, bench.task.X[bench.test]),
        )
        if now.tobytes() != before.tobytes()
    ]
    if changed:
        raise AmissError(
            wanted="samples, labels and groups as they were",
            got=f"{' and '.join(changed)} changed in place",
            remedy="work on a copy: other methods are given the same samples",
        )
