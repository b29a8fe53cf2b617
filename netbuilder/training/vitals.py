"""Vitals: what is recorded of a run at each look of the probe, beside what every step tells.

How the layers fare, how fast it goes, and what it takes of the computer. Nothing here is done between looks.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from netbuilder.training import histories
from netbuilder.training.network import Network
from netbuilder.training.probe import Look
from netbuilder.training.recorder import Recorder
from netbuilder.training.series_names import GRADIENT_NORM, THROUGHPUT, UPDATE_RATIO, series_of
from netbuilder.training.system_meter import SystemMeter
from netbuilder.training.update_ratios import UpdateRatios
from netbuilder.training.updates import Updater


class Vitals:
    """Records the looks of one run."""

    def __init__(
        self, recorder: Recorder, network: Network, updaters: Sequence[Updater], rows: float, *, with_norm: bool
    ) -> None:
        """Begin to measure.

        Args:
            recorder: Where all goes.
            network: What is trained.
            updaters: What moves its weights, one a phase.
            rows: Samples a step, on average.
            with_norm: Whether to record the norm of all gradients; every step does it where they are clipped.
        """
        self._recorder = recorder
        self._updaters = updaters
        self._rows = rows
        self._with_norm = with_norm
        self._meter = SystemMeter(network.device)
        self._ratios = UpdateRatios(network.modules)
        self._step = 0
        self._since: tuple[float, int] | None = None  # when, and at which step, training went on

    def stand_at(self, step: int) -> None:
        """Training goes on from another step: nothing is recorded of it twice, and no update leads to it."""
        self._step = step
        self._since = None
        self._ratios.disarm()

    def rest(self) -> None:
        """Training pauses: the throughput is not of this time."""
        self._since = None

    def go_on(self, now: float, step: int) -> None:
        """Training goes on, if it did not: the throughput is counted from here.

        Args:
            now: On the clock of `time.perf_counter`.
            step: Steps done.
        """
        if self._since is None:
            self._since = now, step

    def record(self, look: Look, step: int) -> None:
        """Record what a look saw, and what the computer does meanwhile.

        Args:
            look: What was seen.
            step: Steps done; a second look at the same step tells nothing new.
        """
        if look.is_recorded:
            self._recorder.histograms([picture for picture in look.pictures if picture.kind in histories.KINDS])
        if step <= self._step:
            return
        self._record_ratios()
        scalars = dict(look.scalars) | self._rates() | self._meter.read() | self._speed(step)
        if self._with_norm:
            norms = [value for name, value in scalars.items() if name.startswith(series_of(GRADIENT_NORM, ""))]
            scalars |= {GRADIENT_NORM: math.hypot(*norms)} if norms else {}
        for name, value in scalars.items():
            self._recorder.add(name, step, value)
        self._step = step
        self._ratios.arm(self._updaters, step + 1)

    def _record_ratios(self) -> None:
        step, ratios = self._ratios.collect()
        for path, ratio in ratios.items():
            self._recorder.add(series_of(UPDATE_RATIO, path), step, ratio)

    def _speed(self, step: int) -> dict[str, float]:
        if self._since is None:
            return {}
        (then, first), now = self._since, time.perf_counter()
        self._since = now, step
        return {THROUGHPUT: (step - first) * self._rows / (now - then)} if step > first and now > then else {}

    def _rates(self) -> dict[str, float]:
        """Return the learning rates of phases and groups, where there are several: the first one's is told always."""
        found: dict[str, float] = {}
        for updater in self._updaters:
            groups = updater.optimizer.param_groups
            if len(groups) > 1:
                rates = {f"{updater.name}/{number}": group["lr"] for number, group in enumerate(groups, 1)}
            else:
                rates = {updater.name: updater.learning_rate} if len(self._updaters) > 1 else {}
            found |= {f"learning_rate/{name}": float(rate) for name, rate in rates.items()}
        return found
