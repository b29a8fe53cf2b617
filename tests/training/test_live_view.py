"""The live view: bounded, newest wins, events never lost."""

from __future__ import annotations

import threading

import numpy as np

from netbuilder.training.live_view import CAPACITY, LiveView
from netbuilder.training.protocol import Event, Picture, PictureKind, Points, Progress, State


def _points(first: int, count: int) -> Points:
    steps = np.arange(first, first + count, dtype=np.int64)
    return Points(steps, steps / 2.0)


def _picture(step: int, node: str = "n1", kind: PictureKind = PictureKind.BARS) -> Picture:
    return Picture(kind=kind, node=node, step=step, data=np.zeros(3, np.float32))


def test_a_drain_takes_everything_once():
    live = LiveView()
    live.add_points({"loss/train": _points(1, 3)})
    live.add_points({"loss/train": _points(4, 2), "accuracy/validation": _points(5, 1)})
    live.add_event(Event(kind="log", text="hello"))
    live.progress = Progress(state=State.RUNNING, step=5)
    first, second = live.drain(), live.drain()
    assert first.series["loss/train"].steps.tolist() == [1, 2, 3, 4, 5]
    assert first.series["loss/train"].values.tolist() == [0.5, 1.0, 1.5, 2.0, 2.5]
    assert first.series["accuracy/validation"].steps.tolist() == [5]
    assert [event.text for event in first.events] == ["hello"]
    assert (second.series, second.pictures, second.events) == ({}, (), ())
    assert first.progress == second.progress == Progress(state=State.RUNNING, step=5)


def test_points_are_bounded_and_the_newest_win():
    live = LiveView()
    for first in range(0, 20 * CAPACITY, 100):
        live.add_points({"loss/train": _points(first, 100)})
    steps = live.drain().series["loss/train"].steps
    assert len(steps) == CAPACITY
    assert steps[-1] == 20 * CAPACITY // 100 * 100 + 100 * (20 * CAPACITY % 100 > 0) - 1
    assert (np.diff(steps) == 1).all()


def test_one_huge_block_is_cut():
    live = LiveView()
    live.add_points({"loss/train": _points(0, 3 * CAPACITY)})
    assert live.drain().series["loss/train"].steps[[0, -1]].tolist() == [2 * CAPACITY, 3 * CAPACITY - 1]


def test_a_picture_replaces_the_older_one_of_its_kind_and_node():
    live = LiveView()
    for step in range(1000):
        live.add_picture(_picture(step))
        live.add_picture(_picture(step, kind=PictureKind.WEIGHTS))
    assert [(picture.kind, picture.step) for picture in live.drain().pictures] == [("bars", 999), ("weights", 999)]


def test_nothing_drained_can_be_written_to():
    live = LiveView()
    live.add_points({"loss/train": _points(0, 3)})
    points = live.drain().series["loss/train"]
    assert not points.steps.flags.writeable
    assert not points.values.flags.writeable


def test_nobody_loses_an_event_while_both_sides_are_busy():
    live = LiveView()
    seen: list[str] = []
    done = threading.Event()

    def write() -> None:
        for number in range(3000):
            live.add_event(Event(kind="log", text=str(number)))
            live.add_points({"s": _points(number, 1)})
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    while not done.is_set():
        seen += [event.text for event in live.drain().events]
    thread.join()
    seen += [event.text for event in live.drain().events]
    assert seen == [str(number) for number in range(3000)]
