from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_world import clips, protocol

from mien.core.errors import DataError, OptionError
from mien.elicitation.protocol import Breaks, Ordering, Steps
from mien.elicitation.schedule import balanced_row, make_schedule


def _shown(kind: str, participant: int, **more: object) -> list[str]:
    made = protocol(order=Ordering(kind=kind), **more)
    return [t.clip.name for t in make_schedule(made, clips(6), participant).trials if not t.practice]


def test_42_trials_take_about_80_minutes_as_in_mmme() -> None:
    schedule = make_schedule(protocol(breaks=Breaks(after_every=14)), clips(6), 1)
    assert sum(not t.practice for t in schedule.trials) == 42
    # 42 x (55 + 30 + at most 25 + 3 s) + the practice + two breaks of a minute
    assert schedule.at_most_s == 42 * 113 + (20 + 30 + 25 + 3) + 120
    assert schedule.typical_s < schedule.at_most_s
    assert [t.number for t in schedule.trials if t.break_after] == [14, 28]
    assert [t.block for t in schedule.trials if t.number in (14, 15, 42) and not t.practice] == [1, 2, 3]


def test_practice_comes_first_and_its_clips_never_again() -> None:
    schedule = make_schedule(protocol(), clips(6), 1)
    assert [t.practice for t in schedule.trials] == [True] + 42 * [False]
    assert "practice-1" not in {t.clip.name for t in schedule.trials[1:]}


def test_an_order_is_drawn_for_each_participant_once_and_for_all() -> None:
    assert _shown("seeded", 7) == _shown("seeded", 7)
    assert len({tuple(_shown("seeded", n)) for n in range(1, 30)}) == 29
    assert sorted(_shown("seeded", 7)) == sorted(_shown("fixed", 1))


@given(st.integers(1, 500), st.lists(st.integers(1, 6), min_size=2, max_size=7))
def test_no_emotion_follows_itself_where_that_can_be(participant: int, counts: list[int]) -> None:
    named = clips(6)
    kept = [c for i, c in enumerate(named[:42]) if i // 6 < len(counts) and i % 6 < counts[i // 6]]
    trials = make_schedule(protocol(order=Ordering()), [*kept, *named[42:]], participant).trials[1:]
    emotions = [t.clip.emotion for t in trials]
    assert Counter(t.clip.name for t in trials) == Counter(c.name for c in kept)
    if 2 * max(counts) <= sum(counts) + 1:
        assert all(a != b for a, b in pairwise(emotions))


@given(st.integers(2, 24))
def test_a_balanced_square_has_every_thing_in_every_place_and_after_every_other_equally_often(n: int) -> None:
    rows = [balanced_row(n, k) for k in range(1, (2 * n if n % 2 else n) + 1)]
    times = 2 if n % 2 else 1
    for column in zip(*rows, strict=True):
        assert set(Counter(column).values()) == {times}
    follows = Counter(pair for row in rows for pair in pairwise(row))
    assert len(follows) == n * (n - 1)
    assert set(follows.values()) == {times}


def test_what_cannot_be_scheduled_is_refused() -> None:
    with pytest.raises(DataError, match="clip nothing: wanted a clip of the role practice"):
        make_schedule(protocol(practice=("nothing",)), clips(), 1)
    with pytest.raises(DataError, match="got a clip of the role trial"):
        make_schedule(protocol(practice=("clip-101",)), clips(), 1)
    with pytest.raises(DataError, match="wanted clips for the trials, got none"):
        make_schedule(protocol(), [c for c in clips() if c.role != "trial"], 1)
    with pytest.raises(DataError, match="wanted a neutral clip"):
        make_schedule(protocol(), [c for c in clips() if c.role != "neutral"], 1)
    made = make_schedule(protocol(steps=Steps(neutral_s=0)), [c for c in clips() if c.role != "neutral"], 1)
    assert all(t.neutral is None for t in made.trials)
    with pytest.raises(OptionError, match="number participants from 1"):
        make_schedule(protocol(), clips(), 0)
