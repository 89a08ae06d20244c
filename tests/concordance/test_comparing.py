"""The tests against scipy on the same numbers, the null by brute force, and the contrast by hand."""

import numpy as np
import pytest
import worlds
from scipy import stats

from mien.concordance import Measured, Settings, analyse, compare
from mien.concordance.null import null_distribution, null_p, summary
from mien.core.errors import DataError
from mien.stats import benjamini_hochberg

TWO = Settings(windows_s=(3.0,), features=("skt_mean_degc", "skt_sd_degc"), positions=4, shifts=300)


def made_up(name, values, kinds, *, shifted=None, trials=None):
    """Measured differences without a recording; values (n, 2 features), before is 0."""
    values = np.asarray(values, dtype=np.float64)
    n = len(values)
    sides = np.stack([np.zeros((n, 1, 2)), values[:, None]], axis=2)
    sides[np.isnan(sides[:, :, 1])[:, :, None].repeat(2, axis=2)] = np.nan
    micro = np.array(kinds) == "micro"
    moved = np.zeros((int(micro.sum()), 4, 1, 2)) if shifted is None else shifted
    return Measured(
        participant_id=name,
        trials=np.arange(n) if trials is None else np.asarray(trials),
        kinds=np.array(kinds, dtype="U5"),
        times_s=np.arange(n, dtype=np.float64),
        values=sides,
        reasons=np.where(np.isnan(sides), "flat", ""),
        shifted=moved,
        slopes=np.full((int(micro.sum()), 4), -1, dtype=np.int8),
        random_slopes=np.full((int(micro.sum()), 20, 4), -1, dtype=np.int8),
        unused={},
    )


@pytest.fixture
def four():
    """Four people with 6, 4, 7 and 5 micro-expressions; one value is missing."""
    rng = np.random.default_rng(1)
    people = []
    for number, n in enumerate((6, 4, 7, 5)):
        values = rng.normal(0.4, 1, (n, 2)) + rng.normal(0, 0.7, 2)
        if number == 1:
            values[2, 0] = np.nan
        shifted = rng.normal(0, 1, (n, 4, 1, 2))
        people.append(made_up(f"sub-00{number + 1}", values, ["micro"] * n, shifted=shifted))
    return people


class TestRows:
    def test_against_scipy(self, four):
        row = compare(four, TWO).rows[0]
        values = [person.differences()[:, 0, 0] for person in four]
        pooled = np.concatenate(values)
        pooled = pooled[np.isfinite(pooled)]
        means = [np.nanmean(v) for v in values]
        apex, subject = stats.ttest_1samp(pooled, 0), stats.ttest_1samp(means, 0)
        assert (row.n, row.n_participants, row.n_excluded, row.excluded) == (21, 4, 1, {"flat": 1})
        assert (row.t, row.p) == pytest.approx((apex.statistic, apex.pvalue))
        assert row.p_wilcoxon == pytest.approx(stats.wilcoxon(pooled).pvalue)
        assert row.d_z == pytest.approx(pooled.mean() / pooled.std(ddof=1))
        assert row.low < row.d_z < row.high
        assert (row.subject_t, row.subject_p) == pytest.approx((subject.statistic, subject.pvalue))
        assert (row.before, row.after) == pytest.approx((0.0, pooled.mean()))
        assert (row.signal, row.printed, row.window_s) == ("skt", "SKT_Mean", 3.0)

    def test_q_is_over_the_whole_family(self, people, chosen, measured):
        found = compare(measured, chosen)
        assert len(found.rows) == 2 * 48
        for p, q in (("p", "q"), ("subject_p", "subject_q"), ("mixed_p", "mixed_q")):
            expected = benjamini_hochberg([getattr(row, p) for row in found.rows])
            assert [getattr(row, q) for row in found.rows] == pytest.approx(expected.tolist(), nan_ok=True)

    def test_every_missing_test_has_a_reason(self, measured, chosen):
        found = compare(measured, chosen)
        for row in found.rows:
            assert (row.p != row.p) == (row.reason != "")
            assert (row.subject_p != row.subject_p) == (row.subject_reason != "")
            assert (row.mixed_p != row.mixed_p) == (row.mixed_reason != "")
            assert sum(row.excluded.values()) == row.n_excluded
            assert row.n + row.n_excluded == sum(int(person.micro.sum()) for person in measured)

    def test_too_few(self):
        few = [made_up(f"sub-00{i}", [[1.0, 2.0], [0.5, 1.0]], ["micro"] * 2) for i in (1, 2)]
        row = compare(few, TWO).rows[0]
        reasons = (row.reason, row.subject_reason, row.mixed_reason)
        assert reasons == ("few-pairs", "few-subjects", "few-pairs")

    def test_nobody(self):
        with pytest.raises(DataError, match="micro-expressions whose apex is known, got none in 0"):
            compare([], TWO)
        with pytest.raises(DataError, match="none in 1 participants"):
            compare([made_up("sub-001", [[1.0, 2.0]], ["macro"])], TWO)

    def test_the_order_of_people_does_not_matter(self, measured, chosen):
        one, other = compare(measured[:3], chosen), compare(measured[2::-1], chosen)
        assert one.as_json() == other.as_json()

    def test_deterministic_and_alike_with_and_without_the_parts(self, people, chosen, measured):
        assert analyse(people[:2], chosen).as_json() == compare(measured[:2], chosen).as_json()


class TestNull:
    def test_by_brute_force(self, four):
        """The sums of the fast way against the t test of every drawn study."""
        found = null_distribution(four, TWO, least_pairs=5, least_subjects=3)
        rng = np.random.Generator(np.random.PCG64([TWO.seed, 1]))
        drawn = rng.integers(0, 5, size=(TWO.shifts, 22))
        for study in (0, 17, 299):
            pooled, means, first = [], [], 0
            for person in four:
                n = len(person.times_s)
                moved = np.concatenate([person.differences()[:, None, 0], person.shifted[:, :, 0]], axis=1)
                own = moved[np.arange(n), drawn[study, first : first + n]]
                first += n
                pooled.append(own)
                means.append(np.nanmean(own, axis=0))
            expected = stats.ttest_1samp(np.concatenate(pooled), 0, nan_policy="omit").statistic
            assert found["apex"][study] == pytest.approx(np.abs(expected))
            assert found["subject"][study] == pytest.approx(np.abs(stats.ttest_1samp(means, 0).statistic))

    def test_apexes_of_one_trial_move_together(self):
        """One trial per person: every study of the null is one position, the same for all of its apexes."""
        moved = np.arange(4.0)[None, :, None, None] + np.array([1.0, 1.5, 3.0])[:, None, None, None]
        shifted = np.broadcast_to(moved, (3, 4, 1, 2))
        people = [
            made_up(f"sub-{i}", [[9.0, 9.0]] * 3, ["micro"] * 3, shifted=shifted, trials=[1, 1, 1])
            for i in range(3)
        ]
        found = null_distribution(people, TWO, least_pairs=2, least_subjects=3)["subject"]
        means = np.array([9.0, *(np.arange(4.0) + 5.5 / 3)])
        possible = {
            round(abs(stats.ttest_1samp(means[[a, b, c]], 0).statistic), 6)
            for a in range(5) for b in range(5) for c in range(5) if len({a, b, c}) > 1
        }  # fmt: skip
        seen = {round(t, 6) for t in found[:, 0] if np.isfinite(t)}
        assert seen <= possible

    def test_p(self):
        null_t = np.array([[1.0, np.nan], [2.0, 1.0], [3.0, 1.0]])
        assert null_p(np.array([2.0, 5.0]), null_t).tolist() == [0.75, 0.5]  # a missing t counts as a hit
        assert np.isnan(null_p(np.array([np.nan, 1.0]), null_t)[0])
        assert np.isnan(null_p(np.array([1.0, 1.0]), np.empty((0, 2)))).all()

    def test_tests_that_null_studies_do_not_allow_speak_against_a_finding(self):
        p, freedom = np.array([0.01, 0.01, 0.4, np.nan]), np.full(4, 9.0)
        whole = np.zeros((99, 4))
        whole[:3] = 9.0
        possible = summary("subject", p, whole, freedom)
        assert (possible.n_tests, possible.observed, possible.low, possible.mean) == (3, 2, 0.0, 9 / 99)
        assert possible.p == 0.04  # three of 99 studies, and the coded one
        gaps = whole.copy()
        gaps[:, 3] = np.nan  # nor does the coded study allow this one
        assert summary("subject", p, gaps, freedom) == possible
        gaps[50:, 0] = np.nan  # one less than what was found, whatever it would have said
        assert summary("subject", p, gaps, freedom).p == possible.p
        gaps[50:, :2] = np.nan
        impossible = summary("subject", p, gaps, freedom)
        assert impossible.p == 0.53
        assert (impossible.low, impossible.mean) == (0.0, possible.mean)
        assert 2 < impossible.high < 3

    def test_p_is_uniform_where_apexes_mean_nothing(self):
        """200 studies of exchangeable numbers with a trend that all positions share: p is uniform."""
        rng = np.random.default_rng(0)
        settings = Settings(windows_s=(3.0,), features=TWO.features, positions=9, shifts=199)
        found = []
        for _ in range(200):
            people = []
            for number in range(4):
                values = 0.5 + rng.normal(0, 1, (4, 10, 1, 2))  # after is larger than before everywhere
                kinds = ["micro"] * 4
                people.append(made_up(f"sub-{number}", values[:, 0, 0], kinds, shifted=values[:, 1:]))
            means = np.array([person.differences()[:, 0].mean(axis=0) for person in people])
            t = stats.ttest_1samp(means, 0).statistic
            null_t = null_distribution(people, settings, least_pairs=5, least_subjects=3)
            found += null_p(t, null_t["subject"]).tolist()
        assert stats.kstest(found, "uniform").pvalue > 0.01
        assert np.mean(np.array(found) <= 0.05) <= 0.08

    def test_no_shifts(self, four):
        found = compare(four, Settings(windows_s=(3.0,), features=TWO.features, positions=4, shifts=0))
        assert all(row.null_p != row.null_p for row in found.rows)
        assert found.null[0].n_shifts == 0
        assert found.null[0].median != found.null[0].median


class TestContrast:
    def test_by_hand(self):
        """Micro minus macro per person: 1 - 0, 3 - 1, 3 - 0, so mean 2 and sd 1; the fourth has one kind."""
        people = [
            made_up("sub-1", [[0.5, 0], [1.5, 0], [0.0, 0]], ["micro", "micro", "macro"]),
            made_up("sub-2", [[3.0, 0], [1.0, 0]], ["micro", "macro"]),
            made_up("sub-3", [[3.0, 0], [-1.0, 0], [1.0, 0]], ["micro", "macro", "macro"]),
            made_up("sub-4", [[30.0, 0]], ["micro"]),
        ]
        row = compare(people, TWO).contrast[0]
        assert (row.n_participants, row.difference, row.d_z) == pytest.approx((3, 2.0, 2.0))
        assert row.t == pytest.approx(2 * np.sqrt(3))
        assert (row.micro, row.macro) == pytest.approx((7 / 3, 1 / 3))


class TestCoupledWorld:
    def test_the_heart_quickens_after_the_apex(self, measured, chosen):
        found = compare(measured, chosen)
        rows = {(row.feature, row.window_s): row for row in found.rows}
        assert rows["ecg_rate_mean_bpm", 5.0].subject_t > 2
        assert rows["hrv_mean_nn_ms", 5.0].subject_t < -2
        assert rows["ecg_rate_mean_bpm", 5.0].null_p < 0.05
        slope = found.slope[0]
        assert (slope.mode, slope.eta) == ("absolute", 1.0)
        assert slope.apexes - slope.random > 0.15
        assert 0.35 <= slope.random <= 0.52
        assert found.as_json()["primary"] == "subject_q"


def test_simulated_people_are_told_apart_from_the_recorders_clock(people):
    """Without its clock map a person is another person: the test would see a window of the wrong seconds."""
    person = people[0]
    windows = np.array([[40.0, 45.0]])
    mapped, holds = person.on_recorder(windows)
    assert holds.all()
    assert abs(mapped[0, 0] - 40.0) > 1e-3
    assert person.clock.to_reference(mapped) == pytest.approx(windows, abs=1e-9)


def test_plain_person_has_no_heart(chosen):
    found = analyse(
        [
            worlds.plain_person(f"sub-{i}", expressions=[worlds.micro(30.0), worlds.micro(60.0)])
            for i in range(3)
        ],
        chosen,
    )
    assert all(row.reason for row in found.rows)
    assert found.slope[0].reason == "no-slope"
    assert found.slope[0].n_unknown == 6
