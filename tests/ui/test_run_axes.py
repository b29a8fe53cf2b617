"""Axes of runs: every value has its place, and the front is of those that nobody beats."""

from __future__ import annotations

import math
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from netbuilder.training.run_values import values_of
from netbuilder.ui.run_axes import MOST, Brush, RunAxis, axis_of, pareto_front, passing, usual_axes
from netbuilder.ui.run_rows import Row
from tests.training.stored_runs import plan_of, record_of

HERE = Path("/nowhere")


def _row(number: int, rate: float = 1e-3, **values) -> Row:
    record = record_of(HERE, f"run{number}", number, plan=plan_of(rate), results={"best": {"loss": 1.0 / (number + 1)}})
    return Row(record, {**values_of(record), **values})


def test_rates_stand_on_a_logarithmic_axis_and_sizes_on_a_linear_one():
    rows = [_row(n, rate) for n, rate in enumerate((1e-4, 1e-2, 1.0))]
    axis = axis_of("plan/learning_rate", rows)
    assert axis.logarithmic
    assert [round(axis.place(rate), 6) for rate in (1e-4, 1e-2, 1.0)] == [0, 0.5, 1]
    assert not axis.switched().logarithmic
    assert axis.switched().switched() == axis
    linear = axis_of("best/loss", rows)
    assert not linear.logarithmic
    assert linear.place(linear.high) == 1


def test_words_have_places_of_their_own():
    rows = [_row(n, x=word) for n, word in enumerate(("sgd", "adam", "sgd", ""))]
    axis = axis_of("x", rows)
    assert axis.words == ("adam", "sgd")
    assert [axis.place(word) for word in ("adam", "sgd", "other", None)] == [0.25, 0.75, None, None]
    assert not axis.switched().logarithmic


def test_what_cannot_be_placed_is_nowhere():
    axis = RunAxis("x", 1.0, 10.0, True, can_be_logarithmic=True)
    assert [axis.place(value) for value in (None, "a", math.nan, math.inf, -1.0, 0)] == [None] * 6
    same = axis_of("x", [_row(0, x=3.0), _row(1, x=3.0)])
    assert same.place(3.0) == 0.5
    assert same.ticks() == [(0.5, "3")]
    assert axis_of("nothing", [_row(0)]).place(1.0) is not None


@given(st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=8), st.booleans())
def test_places_keep_the_order_and_lead_back(numbers, is_switched):
    axis = axis_of("x", [_row(n, x=number) for n, number in enumerate(numbers)])
    axis = axis.switched() if is_switched else axis
    places = [axis.place(number) for number in sorted(numbers)]
    assert places == sorted(places)
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in places)
    if axis.high > axis.low * (1 + 1e-9):
        for number, place in zip(sorted(numbers), places, strict=True):
            assert math.isclose(axis.value(place), number, rel_tol=1e-6, abs_tol=1e-9 * axis.high)


def test_the_usual_axes_are_settings_that_differ_and_results():
    rows = [_row(n, rate) for n, rate in enumerate((1e-4, 1e-2))]
    assert usual_axes(rows, list(rows[0].values)) == ["plan/learning_rate", "best/loss"]
    many = [_row(n, **{f"plan/s{k}": n for k in range(20)}) for n in range(2)]
    assert len(usual_axes(many, list(many[0].values))) <= MOST


def test_brushes_let_those_pass_that_lie_within_all():
    rows = [_row(n, x=float(n), y=float(n % 2)) for n in range(5)]
    axes = [axis_of(key, rows) for key in "xy"]
    assert passing(rows, axes, {}) == [True] * 5
    assert passing(rows, axes, {"x": Brush(0.4, 1.0)}) == [False, False, True, True, True]
    assert passing(rows, axes, {"x": Brush(0.4, 1.0), "y": Brush(0.9, 1.0)}) == [False, False, False, True, False]
    assert passing([_row(9, x=None)], axes, {"x": Brush(0, 1)}) == [False]


points = st.lists(st.one_of(st.none(), st.tuples(st.integers(0, 5), st.integers(0, 5))), max_size=12)


@given(points, st.tuples(st.booleans(), st.booleans()))
def test_the_front_is_of_those_that_nobody_beats(points, lower):
    def beats(one, other) -> bool:
        better = [a <= b if less else a >= b for a, b, less in zip(one, other, lower, strict=True)]
        return all(better) and one != other

    front = pareto_front(points, lower)
    free = {p for p in points if p and not any(beats(q, p) for q in points if q)}
    assert {points[index] for index in front} == free
    assert len(front) == len(free), "equal ones are told once"
