"""What a run has told: curves grow, pictures are the newest, events are all kept."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netbuilder.training.protocol import Event, Picture, PictureKind, Points, Progress, Telemetry
from netbuilder.ui.series import RunRecord, Series


@given(st.lists(st.integers(0, 700), max_size=12))
def test_a_series_is_what_was_put_into_it(lengths: list[int]) -> None:
    series, step = Series(), 0
    for length in lengths:
        steps = np.arange(step, step + length, dtype=np.int64)
        series.extend(Points(steps, steps * 0.5))
        step += length
    assert len(series) == step
    np.testing.assert_array_equal(series.steps, np.arange(step))
    np.testing.assert_array_equal(series.values, np.arange(step) * 0.5)


def test_a_record_keeps_everything_but_old_pictures() -> None:
    record = RunRecord()
    for step in (1, 2):
        points = Points(np.array([step]), np.array([1.0 / step]))
        picture = Picture(kind=PictureKind.MAPS, node="n1", step=step, data=np.zeros((1, 2, 2), np.float32))
        event = Event(kind="log", text=f"step {step}", step=step)
        record.add(
            Telemetry(progress=Progress(step=step), series={"loss/train": points}, pictures=(picture,), events=(event,))
        )
    assert record.progress.step == 2
    assert record.series["loss/train"].steps.tolist() == [1, 2]
    assert record.pictures[PictureKind.MAPS, "n1"].step == 2
    assert [event.step for event in record.events] == [1, 2]
