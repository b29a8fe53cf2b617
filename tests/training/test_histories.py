"""Histories: bounded, evenly thinned, and no value is lost when columns become one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbuilder.training import pictures
from netbuilder.training.histories import BUDGET, COLUMNS, FEWEST, Histories, History, Thinning, rebinned
from netbuilder.training.protocol import Picture, PictureKind


def _picture(step: int, values: np.ndarray, node: str = "n") -> Picture:
    counts, extent = pictures.histogram(values.astype(np.float32))
    return Picture(kind=PictureKind.WEIGHTS, node=node, step=step, data=counts, extent=extent)


def _filled(steps: int, limit: int) -> History:
    history, drawn = History(), np.random.default_rng(0)
    for step in range(steps):
        history.add(_picture(step, drawn.normal(step / 100, 1.0, 500)), limit)
    return history


@given(st.integers(1, 120), st.integers(2, 40))
def test_columns_are_bounded_ascending_and_cover_the_run(steps, limit):
    history = _filled(steps, limit)
    assert len(history) == min(steps, limit)
    assert list(history.steps) == sorted(set(history.steps))
    assert history.steps[0] == 0
    assert history.steps[-1] == steps - 1


def test_no_value_is_lost_when_columns_become_one():
    history = _filled(300, 16)
    assert sum(float(counts.sum()) for *_, counts in history.columns()) == pytest.approx(300 * 500, rel=1e-4)


def test_columns_cover_about_equally_many_steps():
    gaps = np.diff(_filled(1000, 50).steps)
    assert gaps[:-1].max() <= 4 * 1000 / 50


def test_a_columns_density_is_that_of_its_values():
    history = History()
    values = np.random.default_rng(1).uniform(-1.0, 1.0, 20_000)
    history.add(_picture(0, values))
    density = history.density(4, -2.0, 2.0)
    assert density.shape == (4, 1)
    history.add(_picture(1, values / 100))
    edges = np.linspace(-0.7, 0.9, 14)
    expected = [rebinned(counts, low, high, edges) / counts.sum() for _, low, high, counts in history.columns()]
    np.testing.assert_allclose(history.density(13, -0.7, 0.9), np.stack(expected, axis=1), rtol=1e-5, atol=1e-7)
    assert density[:, 0] == pytest.approx([0.0, 0.5, 0.5, 0.0], abs=0.02)


@given(st.floats(-5, 5), st.floats(0.1, 5), st.integers(1, 30))
def test_other_bins_hold_the_same_values(low, width, bins):
    counts = np.random.default_rng(bins).integers(0, 50, 48).astype(np.float32)
    edges = np.linspace(low - 1.0, low + width + 1.0, bins + 1)
    assert rebinned(counts, low, low + width, edges).sum() == pytest.approx(float(counts.sum()))


def test_a_look_back_changes_nothing_and_a_second_look_takes_the_firsts_place():
    history = _filled(10, 50)
    history.add(_picture(4, np.ones(5)))
    assert history.steps == tuple(range(10))
    history.add(_picture(9, np.ones(5)))
    assert history.steps == tuple(range(10))
    assert list(history.columns())[-1][3].sum() == 5


def test_training_that_goes_on_from_an_earlier_step_forgets_what_came_after():
    histories = Histories()
    for step in range(8):
        histories.take([_picture(step, np.ones(5)), _picture(step, np.ones(5), "other")])
    histories.forget_from(3)
    assert {history.steps for history in histories.known.values()} == {(0, 1, 2)}


def test_values_that_are_no_numbers_make_no_column():
    history = History()
    history.add(_picture(0, np.array([np.nan, np.inf])))
    assert len(history) == 0


def test_many_layers_share_the_budget():
    histories = Histories()
    layers = 2 * BUDGET // (FEWEST * pictures.BINS * 4)
    counts, extent = pictures.histogram(np.arange(8.0, dtype=np.float32))
    for step in range(FEWEST + 5):
        histories.take(
            Picture(kind=PictureKind.VALUES, node=f"n{layer}", step=step, data=counts, extent=extent)
            for layer in range(layers if step in (0, FEWEST + 4) else 3)
        )
    assert len(histories) == layers
    assert max(len(history) for history in histories.known.values()) == FEWEST


def test_pictures_that_are_no_histograms_are_left_alone():
    histories = Histories()
    histories.take([Picture(kind=PictureKind.BARS, node="n", step=0, data=np.ones(3, np.float32))])
    assert len(histories) == 0


def test_a_night_leaves_some_hundreds_of_recorded_looks():
    thinning = Thinning()
    recorded = [look for look in range(2 * 3600 * 12) if thinning.next()]
    assert recorded[:COLUMNS] == list(range(COLUMNS))
    assert COLUMNS < len(recorded) < 7 * COLUMNS
    gaps = np.diff(recorded)
    assert (np.diff(gaps) >= 0).all(), "ever fewer, never more"
