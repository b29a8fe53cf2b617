"""A window whose run tells far more than anybody can look at, in a process of its own.

`python -m tests.promises.flooded_window SECONDS [computes]` prints one JSON object as its last line: how Qt's thread
kept its beat, how often the widget was painted that was painted most, how many points of a series waited to be taken,
what memory was taken, and what of it holds the points. With "computes", the window also does what none may do: it
computes for 0.3 s now and then.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
import traceback
from collections import Counter
from itertools import pairwise
from types import TracebackType

import numpy as np
import psutil
from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QDockWidget, QWidget

from netbuilder.templates import STARTER, open_template
from netbuilder.training.live_view import LiveView
from netbuilder.training.protocol import Command, Event, Picture, PictureKind, Points, Progress, State, Telemetry
from netbuilder.ui.app import Program, make_application

SERIES, STEPS_A_SECOND = 10, 1_000
"""Together 10,000 points a second."""

TURN = 0.01
"""Seconds between two times that the run tells something."""

SEEN = ("curves", "activations", "weights")
"""The panels that are open beside the canvas."""

STALL = 0.3


class FloodedHost:
    """A session that computes nothing and tells without end."""

    def __init__(self, nodes: tuple[str, ...]) -> None:
        self.state = State.RUNNING
        self.longest = 0
        self.points = 0
        self.drained = 0
        self._nodes = nodes
        self._live = LiveView()
        self._random = np.random.default_rng(0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="netbuilder flood")

    def start(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def stop(self) -> None:
        """Tell no more."""
        self._over.set()
        self._thread.join()

    def _tell(self) -> None:
        began, step = time.perf_counter(), 0
        while not self._over.wait(TURN):
            until = int((time.perf_counter() - began) * STEPS_A_SECOND)
            steps = np.arange(step, until)
            values = {name: self._random.random(len(steps)) for name in self._names()}
            self._live.add_points({name: Points(steps, each) for name, each in values.items()})
            self.points += SERIES * len(steps)
            for node in self._nodes:
                self._live.add_picture(self._picture(PictureKind.THUMBS, node, until, (3, 8, 8)))
            self._live.add_picture(self._picture(PictureKind.MAPS, self._nodes[0], until, (16, 8, 8)))
            self._live.add_picture(self._picture(PictureKind.WEIGHTS, self._nodes[0], until, (32,)))
            if until // STEPS_A_SECOND > step // STEPS_A_SECOND:
                self._live.add_event(Event(kind="epoch", text="An epoch", step=until, data={"epoch": until // 1000}))
            step = until
            self._live.progress = Progress(state=State.RUNNING, step=step, steps=10**9, epochs=10**6, rate=1e3)

    def _names(self) -> list[str]:
        return ["loss/train", "accuracy/validation", *(f"metric {number}" for number in range(SERIES - 2))]

    def _picture(self, kind: PictureKind, node: str, step: int, shape: tuple[int, ...]) -> Picture:
        data = self._random.integers(0, 255, shape).astype(np.float32 if kind is PictureKind.MAPS else np.uint8)
        return Picture(kind=kind, node=node, step=step, data=data, extent=(0.0, 255.0), sample=0)

    def drain(self) -> Telemetry:
        """Take what is new, and note how much of one series there was."""
        news = self._live.drain()
        lengths = [len(points.steps) for points in news.series.values()]
        self.longest = max(self.longest, *lengths, 0)
        self.drained += sum(lengths)
        return news

    def send(self, command: Command) -> int:
        """Obey nothing."""
        return 0

    def wait(self, timeout: float | None = None) -> bool:
        """Say that nothing is waited for."""
        return True

    def close(self) -> None:
        """Keep nothing."""

    def leave(self) -> None:
        """Keep nothing."""


class Paints(QObject):
    """Counts how often each widget is painted."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[int] = Counter()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Count."""
        if event.type() is QEvent.Type.Paint:
            self.counts[id(watched)] += 1
        return False


class Flood:
    """Lets a window be flooded for some seconds, and tells what came of it."""

    def __init__(self, program: Program, seconds: float, *, computes: bool) -> None:
        self.program, self.seconds = program, seconds
        self.workspace = program.workspace
        self.host = FloodedHost(tuple(self.workspace.document.graph.nodes))
        self.paints = Paints()
        self.beats: list[tuple[float, float]] = []
        self.clock = QTimer(interval=16, timerType=Qt.TimerType.PreciseTimer)
        self.clock.timeout.connect(lambda: self.beats.append((time.perf_counter(), time.thread_time())))
        self.lapse = QTimer(interval=1_000)
        self.lapse.timeout.connect(compute)
        self.computes = computes

    def begin(self) -> None:
        """Open all views and let the run tell; what it costs counts after a while, when all has been seen once."""
        docks = {dock.objectName(): dock for dock in self.program.window.findChildren(QDockWidget)}
        docks[SEEN[0]].raise_()
        for name in SEEN[1:]:
            self.program.window.docks.detaching.set_detached(docks[name], True)
        trainer = self.workspace.trainer
        trainer._host = self.host
        trainer._torch = True
        trainer.document = self.workspace.document
        trainer._enter(State.RUNNING)
        trainer._timer.start()
        self.host.start()
        QTimer.singleShot(2_000, self.watch)

    def watch(self) -> None:
        """Begin to count."""
        for widget in self.program.window.findChildren(QWidget):
            widget.installEventFilter(self.paints)
        gc.collect()
        self.memory, self.kept = psutil.Process().memory_info().rss, self.size_of_curves()
        self.before = self.host.points
        self.began = time.perf_counter()
        self.clock.start()
        if self.computes:
            self.lapse.start()
        QTimer.singleShot(int(1000 * self.seconds), self.end)

    def size_of_curves(self) -> int:
        """Return how many bytes the points take: a run's curves are kept whole."""
        record = self.workspace.trainer.record
        every = [*record.series.values(), record.clock, record.epochs]
        own = sum(each.steps.nbytes + each.values.nbytes for each in every)
        chart = self.program.window.findChild(QDockWidget, "curves").widget().loss.chart
        levels = [level for trace in chart.traces for level in trace.raw._levels]
        return own + sum(each.values.nbytes for level in levels for each in level)

    def end(self) -> None:
        """Tell."""
        self.clock.stop()
        passed = time.perf_counter() - self.began
        told = self.host.points - self.before
        self.host.stop()
        self.workspace.trainer.drain()
        gc.collect()
        grown = psutil.Process().memory_info().rss - self.memory
        kept = self.size_of_curves() - self.kept
        found = {
            "points_a_second": told / passed,
            "drained": self.host.drained / self.host.points,
            "longest": self.host.longest,
            "wall": quantiles([later[0] - earlier[0] for earlier, later in pairwise(self.beats)]),
            "computed": quantiles([later[1] - earlier[1] for earlier, later in pairwise(self.beats)]),
            "paints_a_second": max(self.paints.counts.values(), default=0) / passed,
            "grown_mb": grown / 2**20,
            "curves_mb": kept / 2**20,
        }
        print(json.dumps(found), flush=True)
        os._exit(0)


def quantiles(seconds: list[float]) -> dict[str, float]:
    """Return some of the distribution, in milliseconds."""
    ordered = sorted(1000 * each for each in seconds)
    return {"median": ordered[len(ordered) // 2], "p99": ordered[int(0.99 * len(ordered))], "max": ordered[-1]}


def compute() -> None:
    """Hold Qt's thread up, as a window must not."""
    end = time.thread_time() + STALL
    while time.thread_time() < end:
        pass


def fail(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Leave with an error: Qt would go on after an exception."""
    traceback.print_exception(kind, error, trace)
    sys.stderr.flush()
    os._exit(1)


def main(seconds: float, *, computes: bool) -> None:
    """Open the starter project and flood it."""
    gc.disable()  # as the command does
    program = Program(make_application())
    program.crashes.uninstall()
    sys.excepthook = fail
    program.workspace.open_unsaved(open_template(STARTER))
    flood = Flood(program, seconds, computes=computes)
    program.loader.loaded.connect(lambda: QTimer.singleShot(1_000, flood.begin))
    program.run()


if __name__ == "__main__":
    main(float(sys.argv[1]), computes="computes" in sys.argv[2:])
