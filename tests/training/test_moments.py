"""Which moments are kept: within the budget whatever comes, both ends, what matters, without great gaps."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from netbuilder.training.moments import LEAST, Moment, Reason, superfluous

moments = st.lists(
    st.builds(
        Moment,
        step=st.integers(0, 100_000),
        epoch=st.integers(0, 50),
        reason=st.sampled_from(Reason),
        size=st.integers(1, 1000),
    ),
    max_size=60,
    unique_by=lambda moment: moment.step,
).map(sorted)


@given(moments, st.integers(0, 40), st.integers(0, 20_000))
def test_the_budget_is_kept_and_both_ends_stay(made, number, size):
    gone = superfluous(made, number, size)
    kept = [moment for moment in made if moment not in gone]
    assert len(gone) == len(set(gone))
    assert len(kept) <= max(number, LEAST)
    assert len(kept) <= LEAST or sum(moment.size for moment in kept) <= size
    assert kept[:1] == made[:1]
    assert kept[-1:] == made[-1:]


@given(moments, st.integers(2, 40), st.integers(0, 20_000))
def test_nothing_goes_that_could_stay(made, number, size):
    gone = superfluous(made, number, size)
    if gone:
        rest = [moment for moment in made if moment not in gone[:-1]]
        assert len(rest) > number or sum(moment.size for moment in rest) > size


@given(moments, st.integers(2, 40))
def test_what_was_pinned_goes_last(made, number):
    gone = superfluous(made, number, 10**9)
    pinned = [moment for moment in gone if moment.reason in (Reason.CHANGE, Reason.WISH)]
    inner = [moment for moment in made[1:-1] if moment not in gone]
    assert not pinned or all(moment.reason in (Reason.CHANGE, Reason.WISH) for moment in inner)


def _grown(steps: range, number: int) -> list[int]:
    """Return what is kept of a run that looks at the budget after each moment."""
    kept: list[Moment] = []
    for step in steps:
        kept.append(Moment(step, size=1))
        gone = superfluous(kept, number, 10**9)
        kept = [moment for moment in kept if moment not in gone]
    return [moment.step for moment in kept]


def test_a_long_run_is_dense_at_its_beginning_and_has_no_great_gap_later():
    kept = _grown(range(0, 20_001, 10), 48)
    assert len(kept) == 48
    gaps = [after - before for before, after in pairwise(kept)]
    assert sum(step <= 2_000 for step in kept) >= 14, "a tenth of the run has a good part of the moments"
    assert max(gaps) <= 20_000 * 0.09
    assert gaps[0] <= 40


def test_the_newest_best_one_outlives_its_neighbours():
    made = [Moment(step, reason=Reason.BEST if step in (10, 11) else Reason.TIME, size=1) for step in range(100)]
    kept = {moment for moment in made if moment not in superfluous(made, 3, 100)}
    assert {moment.step for moment in kept} == {0, 11, 99}
