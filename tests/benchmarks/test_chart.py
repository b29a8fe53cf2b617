"""How long the chart takes to grow, pan and zoom with one and three million points, against a thousand.

Run by hand: `pytest -m benchmark tests/benchmarks/test_chart.py -s`. Figures are medians; machines differ.
"""

from __future__ import annotations

from functools import partial
from statistics import median
from time import perf_counter

import numpy as np
import pytest
from PySide6.QtGui import QImage

from netbuilder.ui.panels.chart import Chart, Trace
from netbuilder.ui.theme import load_theme

ROUNDS = 40
SIZE = (900, 260)
SMOOTHING = 0.9


class Subject:
    """A chart of a noisy loss with its smoothed line, and a metric every thousand steps."""

    def __init__(self, qtbot, count: int) -> None:
        at = np.arange(count + ROUNDS * 50, dtype=np.int64)
        noise = np.random.default_rng(0).gamma(2.0, 0.02, len(at))
        self.count = count
        self.steps, self.values = at, 2.2 * np.exp(-at / (count / 8)) + noise
        self.loss = Trace("train", "accent", per_step=True)
        self.metric = Trace("accuracy", "good", right=True)
        started = perf_counter()
        self.loss.update(self.steps[:count], self.values[:count], SMOOTHING)
        self.metric.update(at[: max(count // 1000, 2)] * 1000, np.linspace(0, 1, max(count // 1000, 2)), 0.0)
        self.first = 1000 * (perf_counter() - started)
        self.chart = Chart(load_theme("dark"))
        qtbot.addWidget(self.chart)
        self.chart.resize(*SIZE)
        self.chart.set_traces([self.loss, self.metric])
        self.image = QImage(*SIZE, QImage.Format.Format_RGB32)

    def paint(self) -> None:
        self.chart.render(self.image)

    def grow(self) -> None:
        """Take in what a fast run tells between two drains."""
        self.count += 50
        self.loss.update(self.steps[: self.count], self.values[: self.count], SMOOTHING)
        self.chart.set_traces([self.loss, self.metric])
        self.paint()

    def pan(self, round: int) -> None:
        width = self.count / 10
        start = (self.count - width) * (round % 20) / 20
        self.chart.set_span((start, start + width))
        self.paint()

    def zoom(self, round: int) -> None:
        width = self.count * 0.7 ** (round % 20)
        self.chart.set_span((self.count / 2 - width / 2, self.count / 2 + width / 2))
        self.paint()


def _timed(work) -> float:
    started = perf_counter()
    work()
    return 1000 * (perf_counter() - started)


@pytest.mark.benchmark
def test_millions_of_points_pan_and_zoom_like_a_thousand(qtbot, capsys):
    subjects = {count: Subject(qtbot, count) for count in (1_000, 1_000_000, 3_000_000)}
    times = {(name, count): [] for name in ("grow", "pan", "zoom") for count in subjects}
    for round in range(ROUNDS):  # one of each in turn: what else the machine does then falls on all of them alike
        for count, subject in subjects.items():
            times["pan", count].append(_timed(partial(subject.pan, round)))
            times["zoom", count].append(_timed(partial(subject.zoom, round)))
            subject.chart.set_span(None)
            times["grow", count].append(_timed(subject.grow))
    found = {key: median(each) for key, each in times.items()}
    worst = {key: sorted(each)[int(0.95 * len(each))] for key, each in times.items()}
    with capsys.disabled():
        print(f"\n{'points':>10} {'first':>9} {'grow':>16} {'pan':>16} {'zoom':>16}   milliseconds: median, 95 %")
        for count, subject in subjects.items():
            cells = (f"{found[name, count]:6.2f} {worst[name, count]:8.2f} " for name in ("grow", "pan", "zoom"))
            print(f"{count:>10,} {subject.first:>9.1f} " + " ".join(cells))
    for name in ("pan", "zoom"):
        assert found[name, 3_000_000] < 30 * found[name, 1_000], "the drawing is of pixels, not of points"
