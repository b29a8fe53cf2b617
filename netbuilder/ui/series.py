"""What a run has told so far: curves that grow, the newest pictures, the events; kept for panels opened later."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from netbuilder.training.histories import Histories
from netbuilder.training.protocol import LASTING, Event, Picture, PictureKind, Points, Progress, Telemetry, Timeline

Number = TypeVar("Number", np.int64, np.float64)


class Series:
    """One curve that grows at its end, in two arrays whose room doubles."""

    __slots__ = ("_length", "_steps", "_values")

    def __init__(self) -> None:
        self._steps = np.empty(256, np.int64)
        self._values = np.empty(256, np.float64)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def steps(self) -> NDArray[np.int64]:
        """The steps so far, ascending: a view, valid until the next `extend`."""
        return self._steps[: self._length]

    @property
    def values(self) -> NDArray[np.float64]:
        """The values so far: a view, valid until the next `extend`."""
        return self._values[: self._length]

    def extend(self, points: Points) -> None:
        """Add points at the end."""
        end = self._length + len(points.steps)
        if end > len(self._steps):
            room = max(end, 2 * len(self._steps))
            self._steps, self._values = _moved(self.steps, room), _moved(self.values, room)
        self._steps[self._length : end] = points.steps
        self._values[self._length : end] = points.values
        self._length = end

    def until(self, step: int) -> Series:
        """Return a copy that ends at a step; the same curve when it does not go beyond."""
        kept = int(np.searchsorted(self.steps, np.int64(step), side="right"))
        if kept == self._length:
            return self
        cut = Series()
        cut.extend(Points(self.steps[:kept], self.values[:kept]))
        return cut


def _moved(known: NDArray[Number], room: int) -> NDArray[Number]:
    """Return a larger array that begins with what is known; room that nothing is written to takes no memory yet."""
    larger = np.empty(room, known.dtype)
    larger[: len(known)] = known
    return larger


@dataclass(slots=True)
class RunRecord:
    """Everything that one run has told its watcher.

    Attributes:
        progress: How far it is.
        series: Name -> curve.
        pictures: The newest of each (kind, node path).
        events: In order.
        histories: How each layer's weights, gradients and values were spread over the steps.
        clock: Step -> seconds since the first ones arrived.
        epochs: Step -> epochs done.
        begun: When the first ones arrived, on the monotonic clock.
        timeline: What can be looked back at, and the moment that `pictures` show.
    """

    progress: Progress = field(default_factory=Progress)
    series: dict[str, Series] = field(default_factory=dict)
    pictures: dict[tuple[PictureKind, str], Picture] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    histories: Histories = field(default_factory=Histories)
    clock: Series = field(default_factory=Series)
    epochs: Series = field(default_factory=Series)
    begun: float = 0.0
    timeline: Timeline = field(default_factory=Timeline)

    def add(self, telemetry: Telemetry) -> None:
        """Take in what is new."""
        self.progress = telemetry.progress
        rewound = [int(event.data["rewound"]) for event in telemetry.events if "rewound" in event.data]
        if rewound:  # what came after is in this telemetry; what was known of later steps is no more
            last = min(rewound)
            self.series = {name: series.until(last) for name, series in self.series.items()}
            self.clock, self.epochs = self.clock.until(last), self.epochs.until(last)
            self.histories.forget_from(last + 1)
        for name, points in telemetry.series.items():
            self.series.setdefault(name, Series()).extend(points)
        if telemetry.timeline is not None:
            if telemetry.timeline.shown != self.timeline.shown:  # of the other moment there is what comes with this
                self.pictures = {key: each for key, each in self.pictures.items() if each.kind in LASTING}
            self.timeline = telemetry.timeline
        for picture in telemetry.pictures:
            self.pictures[picture.kind, picture.node] = picture
        if self.timeline.shown is None:
            self.histories.take(telemetry.pictures)
        self.events.extend(telemetry.events)
        self._note_time(telemetry)

    def _note_time(self, telemetry: Telemetry) -> None:
        """Note when which step was done, for axes that count epochs or time."""
        train = telemetry.series.get("loss/train")
        now = time.monotonic()
        if train is not None and len(train.steps) and (not len(self.clock) or train.steps[-1] > self.clock.steps[-1]):
            self.begun = self.begun or now
            self.clock.extend(Points(train.steps[-1:], np.array([now - self.begun])))
        for event in telemetry.events:
            if event.kind == "epoch" and isinstance(epoch := event.data.get("epoch"), int):
                if not len(self.epochs):
                    self.epochs.extend(Points(np.array([0]), np.array([0.0])))
                self.epochs.extend(Points(np.array([event.step]), np.array([float(epoch)])))
