"""The live view: what is new since the watcher last looked, bounded whatever the watcher does.

The session writes blocks of points, pictures and events; the watcher takes everything at once with `drain`. Points
that nobody took make room for newer ones (the run store keeps them all), a picture replaces the older one of its kind
and node, events are all kept. One lock, held only to swap containers or to append a block, so that neither side waits
for the other.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from netbuilder.training.protocol import LASTING, Event, Picture, PictureKind, Points, Progress, Telemetry, Timeline

CAPACITY = 4096
"""Points kept per series between two drains."""


class _Series:
    """Blocks of one series; the oldest points leave first."""

    __slots__ = ("blocks", "count")

    def __init__(self) -> None:
        self.blocks: deque[tuple[NDArray[np.int64], NDArray[np.float64]]] = deque()
        self.count = 0

    def append(self, steps: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        self.blocks.append((steps, values))
        self.count += len(steps)
        while self.count - len(self.blocks[0][0]) >= CAPACITY:
            self.count -= len(self.blocks.popleft()[0])

    def points(self) -> Points:
        steps = np.concatenate([steps for steps, _ in self.blocks])[-CAPACITY:]
        values = np.concatenate([values for _, values in self.blocks])[-CAPACITY:]
        steps.flags.writeable = values.flags.writeable = False
        return Points(steps, values)


class LiveView:
    """One session's newest telemetry: written by the session, drained by one watcher."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._series: dict[str, _Series] = {}
        self._pictures: dict[tuple[PictureKind, str], Picture] = {}
        self._events: list[Event] = []
        self._progress = Progress()
        self._timeline = self._told = Timeline()

    @property
    def progress(self) -> Progress:
        """How far the run is, as last told."""
        return self._progress

    @progress.setter
    def progress(self, progress: Progress) -> None:
        # One assignment of a frozen value: readers see the old or the new one.
        self._progress = progress

    @property
    def timeline(self) -> Timeline:
        """What can be looked back at, as last told."""
        return self._timeline

    @timeline.setter
    def timeline(self, timeline: Timeline) -> None:
        self._timeline = timeline

    def show_moment(self, pictures: Iterable[Picture], timeline: Timeline) -> None:
        """Show another moment's pictures in place of those that nobody took; the data's are of no moment and stay."""
        with self._lock:
            lasting = {key: picture for key, picture in self._pictures.items() if picture.kind in LASTING}
            self._pictures = lasting | {(picture.kind, picture.node): picture for picture in pictures}
            self._timeline = timeline

    def forget_after(self, step: int) -> None:
        """Drop the points of later steps that nobody took: the run went back."""
        with self._lock:
            series, self._series = self._series, {}
        for name, blocks in series.items():
            points = blocks.points()
            kept = int(np.searchsorted(points.steps, step, side="right"))
            self.add_points({name: Points(points.steps[:kept], points.values[:kept])})

    def add_points(self, series: Mapping[str, Points]) -> None:
        """Add new points of some series."""
        with self._lock:
            for name, points in series.items():
                if len(points.steps):
                    self._series.setdefault(name, _Series()).append(points.steps, points.values)

    def add_picture(self, picture: Picture) -> None:
        """Show `picture` in place of the older one of its kind and node."""
        with self._lock:
            self._pictures[picture.kind, picture.node] = picture

    def forget_pictures(self) -> None:
        """Drop the pictures that nobody took: their network is gone."""
        with self._lock:
            self._pictures = {}
            self._timeline = Timeline()

    def add_event(self, event: Event) -> None:
        """Add one event; none is ever lost."""
        with self._lock:
            self._events.append(event)

    def take(self, news: Telemetry) -> None:
        """Show what another live view was drained of, its progress excepted."""
        for event in news.events:
            if "rewound" in event.data:
                self.forget_after(int(event.data["rewound"]))
            self.add_event(event)
        self.add_points(news.series)
        timeline = news.timeline
        if timeline is not None and timeline.shown != self._timeline.shown:
            self.show_moment(news.pictures, timeline)
            return
        for picture in news.pictures:
            self.add_picture(picture)
        if timeline is not None:
            self.timeline = timeline

    def drain(self) -> Telemetry:
        """Take everything new."""
        with self._lock:
            series, self._series = self._series, {}
            pictures, self._pictures = self._pictures, {}
            events, self._events = self._events, []
            progress, timeline = self._progress, self._timeline
            is_news, self._told = timeline is not self._told, timeline
        return Telemetry(
            progress=progress,
            series={name: blocks.points() for name, blocks in series.items()},
            pictures=tuple(pictures.values()),
            events=tuple(events),
            timeline=timeline if is_news else None,
        )
