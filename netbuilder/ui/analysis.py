"""The current document's shapes, problems and costs, worked out in slices so short that the window stays fluent."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

from PySide6.QtCore import QObject, QTimer, Signal

from netbuilder.compiler.cost import CostCounter, Costs
from netbuilder.compiler.shapes import ShapeInference, Shapes
from netbuilder.compiler.structure import Outline
from netbuilder.document.model import Document
from netbuilder.foundation.problem import Problem
from netbuilder.training.readiness import apply_readings, review
from netbuilder.ui.data_watch import DataWatch

SLICE = 0.012
"""Seconds spent at once: after an edit, and at each turn of the idle timer."""

_STUCK_MS = 25, 200
"""How long to wait when the last turn found nothing new, at first and at last: torch is being warmed up, or a custom
layer is being tried, which spinning here would delay."""


class Analysis(QObject):
    """Follows a document with its shapes and all that is wrong with it.

    Attributes:
        data: Looks at the data nodes' files behind the window's back.

    Signals:
        changed: () `shapes`, `problems` and `costs` were recomputed, perhaps partly (`shapes.pending`).
    """

    changed = Signal()

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._inference = ShapeInference()
        self._outline = Outline()
        self._counter = CostCounter()
        self._document, self._base = document, Path()
        self._torch = False
        self._held = False
        self._pause = 0
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._work)
        self.data = DataWatch(self)
        self.data.changed.connect(self._review)
        self._infer()

    shapes: Shapes
    problems: tuple[Problem, ...]
    costs: Costs

    def follow(self, document: Document, base: Path) -> None:
        """Work on `document` from now on; what it shares with the last one is not done again.

        Args:
            document: What to look at.
            base: The folder that relative file names in it are relative to.
        """
        self._document, self._base = document, base
        if self._held:
            self.shapes = Shapes(pending=frozenset(document.graph.nodes))
            self.problems, self.costs = (), Costs()
            self.changed.emit()
            return
        self.data.follow(document, base)
        self._work()

    def hold(self) -> None:
        """Work on nothing until `release`: before the first paint it would only delay that."""
        self._held = True

    def release(self) -> None:
        """Begin with what was followed meanwhile."""
        if self._held:
            self._held = False
            self.follow(self._document, self._base)

    def torch_loaded(self) -> None:
        """Torch can be asked from now on: go on with what had to wait for it."""
        self._torch = True
        if not self._held:
            self._work()

    @property
    def is_settled(self) -> bool:
        """Whether nothing is pending."""
        return not self.shapes.pending

    def _work(self) -> None:
        before = self.shapes
        self._infer()
        self.changed.emit()
        # Without torch another turn would find nothing new: it waits for `torch_loaded`.
        if self.shapes.pending and self._torch:
            stuck = self.shapes.pending == before.pending
            first, last = _STUCK_MS
            self._pause = min(max(first, 2 * self._pause), last) if stuck else 0
            self._timer.start(self._pause)

    def _infer(self) -> None:
        self.shapes = self._inference.infer(self._document, perf_counter() + SLICE)
        self._find_problems()
        self.costs = self._counter.count(self._document, self.shapes, self._outline)

    def _review(self) -> None:
        self._find_problems()
        self.changed.emit()

    def _find_problems(self) -> None:
        document, noticed = apply_readings(self._document, self.data.readings)
        self.problems = review(document, self.shapes, noticed, self._outline)
