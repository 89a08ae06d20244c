"""Windows by hand: where they lie, why they are left out, and where moved apexes lie."""

import numpy as np
import pytest
import worlds
from hypothesis import given
from hypothesis import strategies as st

from mien.concordance import Settings
from mien.concordance.windows import anchors_of, plan_windows
from mien.core.expression import Expression
from mien.core.time import Interval

THREE = Settings(windows_s=(3.0,))


def planned(expressions, settings=THREE, trials=None, shifts=None):
    person = worlds.plain_person(expressions=expressions, trials=trials)
    anchors, left_out = anchors_of(person, settings)
    return plan_windows(person, anchors, shifts or {}, settings), left_out


class TestBounds:
    def test_each_side(self):
        found, _ = planned([worlds.micro(50.0)], Settings(windows_s=(3.0, 5.0)))
        assert found.bounds_s[0, 0].tolist() == [[[47, 50], [50, 53]], [[45, 50], [50, 55]]]
        assert found.reasons.tolist() == [[["", ""]]]

    def test_centred(self):
        found, _ = planned([worlds.micro(50.0)], Settings(windows_s=(3.0,), layout="centred"))
        assert found.bounds_s[0, 0, 0].tolist() == [[48.5, 50], [50, 51.5]]

    def test_onset(self):
        found, _ = planned([worlds.micro(50.0)], Settings(windows_s=(3.0,), anchor="onset"))
        assert found.centres_s.tolist() == [[49.9]]

    def test_nobody(self):
        found, left_out = planned([])
        assert found.bounds_s.shape == (0, 1, 1, 2, 2)
        assert left_out == {}


class TestExclusions:
    @pytest.mark.parametrize(
        ("apex", "why"), [(13.0, ""), (12.99, "outside-trial"), (87.0, ""), (87.1, "outside-trial")]
    )
    def test_trial(self, apex, why):
        assert planned([worlds.micro(apex)])[0].reasons[0, 0, 0] == why
        assert (
            planned([worlds.micro(apex)], Settings(windows_s=(3.0,), within_trial=False))[0].reasons[0, 0, 0]
            == ""
        )

    def test_unknown_trial(self):
        assert planned([worlds.micro(50.0, trial=7)])[0].reasons.tolist() == [[["no-trial"]]]
        anywhere = Settings(windows_s=(3.0,), within_trial=False)
        assert planned([worlds.micro(50.0, trial=7)], anywhere)[0].reasons.tolist() == [[[""]]]

    @pytest.mark.parametrize(
        ("apex", "why"),
        [
            (53.2, ""),
            (53.05, "other-expression"),
            (46.7, ""),
            (46.9, "other-expression"),
        ],  # span: -0.1 to +0.2
    )
    def test_another_micro_expression(self, apex, why):
        found, _ = planned([worlds.micro(50.0), worlds.micro(apex)])
        first = 0 if apex > 50 else 1
        assert found.reasons[first, 0, 0] == why

    def test_macro_expressions_only_if_asked(self):
        both = [worlds.micro(50.0), worlds.micro(52.0, kind="macro")]
        assert planned(both)[0].reasons[:, 0, 0].tolist() == ["", "other-expression"]
        strict = Settings(windows_s=(3.0,), others="any")
        assert planned(both, strict)[0].reasons[:, 0, 0].tolist() == ["other-expression"] * 2

    def test_undecided_expressions_count_as_others_but_are_not_compared(self):
        found, left_out = planned([worlds.micro(50.0), worlds.micro(52.0, kind=None)])
        assert found.reasons[:, 0, 0].tolist() == ["other-expression"]
        assert left_out == {"undecided-kind": 1}

    def test_no_apex(self):
        unseen = (1, Expression(50.0, None, 50.4, kind="micro"))
        assert planned([unseen])[1] == {"no-apex": 1}
        assert planned([unseen], Settings(windows_s=(3.0,), anchor="onset"))[1] == {}


class TestShifts:
    def test_by_hand(self):
        """Trial [10, 90): 50 + 30 = 80; 50 + 45 = 95 goes on at 15."""
        shifts = {1: np.array([30.0, 45.0])}
        found, _ = planned([worlds.micro(50.0)], shifts=shifts)
        assert found.centres_s.tolist() == [[50.0, 80.0, 15.0]]
        assert (found.reasons == "").all()

    def test_expressions_of_a_trial_move_together(self):
        """2 s apart, they exclude each other wherever they are, unless the end of the trial parts them."""
        shifts = {1: np.array([10.0, 38.0])}  # 50 and 52 go to 60 and 62, then to 88 and 10
        found, _ = planned([worlds.micro(50.0), worlds.micro(52.0)], shifts=shifts)
        assert found.centres_s.tolist() == [[50.0, 60.0, 88.0], [52.0, 62.0, 10.0]]
        assert found.reasons[:, :, 0].tolist() == [
            ["other-expression", "other-expression", "outside-trial"],
            ["other-expression", "other-expression", "outside-trial"],
        ]

    def test_an_expression_over_the_end_goes_on_at_the_beginning(self):
        """The macro-expression [48, 54] moved by 38 covers 86 to 90 and 10 to 12, near 14."""
        long = (1, Expression(48.0, 50.0, 54.0, kind="macro"))
        strict = Settings(windows_s=(3.0,), others="any")
        found, _ = planned([long, worlds.micro(56.0)], strict, shifts={1: np.array([38.0])})
        assert found.centres_s[1].tolist() == [56.0, 14.0]
        assert found.reasons[1, :, 0].tolist() == ["other-expression", "other-expression"]

    def test_trials_move_on_their_own(self):
        trials = {1: Interval(10.0, 40.0), 2: Interval(50.0, 90.0)}
        shifts = {1: np.array([5.0]), 2: np.array([7.0])}
        found, _ = planned([worlds.micro(20.0), worlds.micro(60.0, trial=2)], trials=trials, shifts=shifts)
        assert found.centres_s.tolist() == [[20.0, 25.0], [60.0, 67.0]]

    @given(st.floats(10.0, 89.9), st.floats(0.0, 80.0))
    def test_stays_inside_the_trial_and_comes_back(self, apex, by):
        found, _ = planned([worlds.micro(apex)], shifts={1: np.array([by, 80.0 - by])})
        moved = found.centres_s[0, 1]
        assert 10.0 <= moved <= 90.0
        back = planned([worlds.micro(min(moved, 90 - 1e-9))], shifts={1: np.array([80.0 - by])})[0].centres_s[
            0, 1
        ]
        assert min(abs(back - apex), 80.0 - abs(back - apex)) < 1e-6
