"""Long curves: the outline keeps every peak, is short, and grows without looking back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netbuilder.ui.panels.decimation import Growing, Pyramid, smooth


def pyramid(values: np.ndarray, every: int = 1) -> Pyramid:
    made = Pyramid()
    made.update(np.arange(len(values), dtype=np.int64) * every, values)
    return made


def test_a_short_series_is_drawn_as_it_is() -> None:
    values = np.sin(np.arange(50.0))
    steps, shown = pyramid(values).outline(0, 50, 400)
    assert np.array_equal(shown, values)
    assert np.array_equal(steps, np.arange(50.0))


@pytest.mark.parametrize("length", [5_000, 100_000, 1_000_000])
def test_an_outline_is_short_and_keeps_single_peaks(length: int) -> None:
    values = np.random.default_rng(0).normal(size=length)
    values[length // 3], values[length // 2] = 99.0, -77.0
    _, shown = pyramid(values).outline(0, length, 500)
    assert len(shown) <= 4 * 500 + 20
    assert shown.max() == 99.0
    assert shown.min() == -77.0


def test_an_outline_of_a_part_stays_in_that_part_but_for_a_neighbour() -> None:
    made = pyramid(np.arange(100_000.0), every=3)
    steps, _ = made.outline(30_000, 60_000, 200)
    assert steps[0] <= 30_000
    assert steps[-1] >= 60_000
    assert steps[0] > 29_000
    assert steps[-1] < 61_000


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 3_000), min_size=1, max_size=12))
def test_growing_gives_what_building_at_once_gives(parts: list[int]) -> None:
    values = np.random.default_rng(len(parts)).normal(size=sum(parts))
    steps = np.arange(len(values), dtype=np.int64)
    grown = Pyramid()
    for end in np.cumsum(parts):
        grown.update(steps[:end], values[:end])
    whole = pyramid(values)
    for one, other in zip(grown.outline(0, len(values), 60), whole.outline(0, len(values), 60), strict=True):
        assert np.array_equal(one, other)


@given(st.lists(st.integers(0, 200), max_size=20))
def test_what_grows_holds_everything_and_what_was_seen_stays(parts: list[int]) -> None:
    growing, seen = Growing(), []
    values = np.arange(float(sum(parts)))
    for start, count in zip(np.cumsum([0, *parts]).tolist(), parts, strict=False):
        growing.extend(values[start : start + count])
        seen.append((growing.values, start + count))
    assert np.array_equal(growing.values, values)
    assert all(np.array_equal(view, values[:end]) for view, end in seen)


@pytest.mark.parametrize("length", [1, 40, 1_000, 4_097, 100_000])
def test_a_range_is_that_of_the_steps_asked_for_and_no_others(length: int) -> None:
    random = np.random.default_rng(length)
    steps = np.cumsum(random.integers(1, 4, length)).astype(np.int64)
    values = random.normal(size=length)
    values[random.random(length) < 0.01] = np.nan
    made = Pyramid()
    for known in (length // 3 + 1, length):
        made.update(steps[:known], values[:known])
    for start, end in np.sort(random.uniform(-5, steps[-1] + 5, (200, 2)), axis=1):
        inside = values[(steps >= start) & (steps <= end) & np.isfinite(values)]
        assert made.range(start, end) == ((inside.min(), inside.max()) if len(inside) else None)


def test_values_that_are_no_numbers_do_not_hide_the_others() -> None:
    values = np.ones(10_000)
    values[::7] = np.nan
    values[5_001] = 4.0
    found = pyramid(values).range(0, 10_000)
    assert found == (1.0, 4.0)
    assert pyramid(np.full(100, np.nan)).range(0, 100) is None


def test_smoothing_is_the_moving_average() -> None:
    values = np.random.default_rng(1).normal(size=1_000)
    expected, now = [], values[0]
    for value in values:
        now = 0.9 * now + 0.1 * value
        expected.append(now)
    assert np.allclose(smooth(values, 0.9), expected)


@pytest.mark.parametrize("weight", [0.01, 0.5, 0.99])
def test_smoothing_in_parts_is_smoothing_at_once(weight: float) -> None:
    values = np.random.default_rng(2).normal(size=999)
    first = smooth(values[:300], weight)
    rest = smooth(values[300:], weight, float(first[-1]))
    assert np.allclose(np.concatenate((first, rest)), smooth(values, weight))
    assert np.isfinite(smooth(values, weight)).all()


def test_smoothing_bridges_what_is_no_number() -> None:
    values = np.array([np.nan, 1.0, np.inf, 1.0])
    assert np.isfinite(smooth(values, 0.5)).all()
