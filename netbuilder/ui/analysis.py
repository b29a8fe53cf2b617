"""The current document's shapes, problems and costs, worked out in slices so short that the window stays fluent."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

from PySide6.QtCore import QObject, QTimer, Signal

from netbuilder.compiler.cost import CostCounter, Costs
from netbuilder.compiler.shapes import ShapeInference, Shapes
from netbuilder.compiler.structure import Outline
from netbuilder.document.identity import fresh_keys, lost_keys
from netbuilder.document.model import Document
from netbuilder.foundation.problem import Problem
from netbuilder.foundation.steps import Steps
from netbuilder.training.readiness import apply_readings, review_in_steps
from netbuilder.ui.data_watch import DataWatch

AT_ONCE = 0.001
"""Seconds spent before an edit returns; what is left then goes on from the idle timer."""

SLICE = 0.008
"""Seconds spent at each turn of the idle timer: with what is painted meanwhile, a frame."""

SMALL = 64
"""Nodes, those in blocks too; a document with no more is looked at as a whole before an edit returns: about 3 ms."""

MUCH = 64
"""Nodes or links; an edit of a large document that changes more of them returns before anything is looked at."""

_BREATH_MS = 8
"""How long the idle timer waits after an edit has been painted."""

PATIENCE = 0.3
"""Seconds after which shapes of a document that is not small are told though some are pending."""

_STUCK_MS = 25, 200
"""How long to wait when the last turn found nothing new, at first and at last: torch is being warmed up, or a custom
layer is being tried, which spinning here would delay."""


class Analysis(QObject):
    """Follows a document with its shapes and all that is wrong with it.

    Attributes:
        data: Looks at the data nodes' files behind the window's back.

    Signals:
        changed: () `shapes`, `problems` and `costs` were recomputed, perhaps partly (`shapes.pending`). Of a document
            that is not small that is some frames after the edit; until then `is_settled` is False.
    """

    changed = Signal()

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._inference = ShapeInference()
        self._outline = Outline()
        self._counter = CostCounter()
        self._document, self._base = document, Path()
        self._steps: Steps[None] | None = None
        self._is_due = False  # nothing of the document was looked at yet
        self._is_painting = False  # the edit's frame is still to come
        self._begun: Shapes | None = None
        self._told = 0.0
        self._torch = False
        self._held = False
        self._pause = 0
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._turn)
        self.data = DataWatch(self)
        self.data.changed.connect(self._work)
        self.shapes, self.problems, self.costs = Shapes(), (), Costs()
        self._work()

    shapes: Shapes
    problems: tuple[Problem, ...]
    costs: Costs

    def follow(self, document: Document, base: Path) -> None:
        """Work on `document` from now on; what it shares with the last one is not done again.

        Args:
            document: What to look at.
            base: The folder that relative file names in it are relative to.
        """
        before, self._document, self._base = self._document, document, base
        if self._held:
            self.shapes = Shapes(pending=frozenset(document.graph.nodes))
            self.problems, self.costs = (), Costs()
            self.changed.emit()
            return
        self.data.follow(document, base)
        self._work(is_much=_is_much(before, document))

    def forget(self) -> None:
        """Tell nothing of the document so far: another is followed next."""
        self._steps, self._begun, self._is_due = None, None, False
        self.shapes, self.problems, self.costs = Shapes(), (), Costs()

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
    def document(self) -> Document:
        """What is followed."""
        return self._document

    @property
    def is_settled(self) -> bool:
        """Whether shapes, problems and costs are those of the document, and nothing is pending."""
        return not self.shapes.pending and not self._is_unfinished and not self._is_due

    @property
    def _is_unfinished(self) -> bool:
        """Whether something is begun that the next turn goes on with."""
        return self._steps is not None or self._begun is not None

    def rest(self) -> None:
        """Leave a frame to what was just shown in it: a turn that was due in it comes later."""
        if self._timer.isActive():
            self._timer.start(_BREATH_MS)

    def settle(self) -> None:
        """Find the problems and costs that go with the shapes now, however long that takes."""
        if self._is_due:
            self._infer(perf_counter() + AT_ONCE)
        if self._is_unfinished:
            self._publish(self._begun or self.shapes)
            self._go_on(float("inf"))

    def _work(self, *, is_much: bool = False) -> None:
        """Begin with the document as it is now; what was begun with an earlier one is abandoned."""
        self._steps, self._begun = None, None
        self._is_due = is_much and not self._is_small
        if not self._is_due:
            self._turn_until(perf_counter() + AT_ONCE)
        self._is_painting = self._is_due or (self._is_unfinished and not self._is_small)
        if self._is_painting:  # a wait that began here could be over before the edit returns: its frame would do a turn
            self._timer.start(0)

    def _turn(self) -> None:
        """Go on where the last turn ended: with problems and costs, then with the shapes that are pending."""
        if self._is_painting:
            self._is_painting = False
            self._timer.start(_BREATH_MS)
        else:
            self._turn_until(perf_counter() + SLICE)

    def _turn_until(self, deadline: float) -> None:
        if self._steps is None:
            self._infer(deadline)
        if self._steps is not None:
            self._go_on(deadline)

    def _infer(self, deadline: float) -> None:
        """Find shapes; those of a document that is not small are told when all are known, or nothing new was found."""
        self._is_due = False
        before = self._begun or self.shapes
        found = self._inference.infer(self._document, deadline)
        is_stuck = found.pending == before.pending
        first, last = _STUCK_MS
        self._pause = min(max(first, 2 * self._pause), last) if is_stuck else 0
        if found.pending and not is_stuck and not self._is_small and perf_counter() < self._told + PATIENCE:
            self._begun = found
            self._timer.start(0)
        else:
            self._publish(found)

    def _publish(self, found: Shapes) -> None:
        self.shapes, self._begun, self._told = found, None, perf_counter()
        # What was told of nodes that are gone is not shown while problems are looked for.
        nodes, drawn = found.expansion.flat.graph.nodes, self._document.graph.nodes
        self.problems = tuple(
            each for each in self.problems if not each.node or each.node in nodes or each.node in drawn
        )
        self._steps = self._judge()

    @property
    def _is_small(self) -> bool:
        return max(len(self._document.graph.nodes), len(self.shapes.expansion.flat.graph.nodes)) <= SMALL

    def _go_on(self, deadline: float) -> None:
        while self._steps is not None and (self._is_small or perf_counter() < deadline):
            try:
                next(self._steps)
            except StopIteration:
                self._steps = None
        if self._steps is None:
            self.changed.emit()
        if self._is_unfinished:
            self._timer.start(0)
        elif self.shapes.pending and self._torch:  # without torch another turn would find nothing new
            self._timer.start(self._pause)

    def _judge(self) -> Steps[None]:
        """Find problems and costs; they are replaced together, at the end."""
        document, noticed = apply_readings(self._document, self.data.readings)
        problems = yield from review_in_steps(document, self.shapes, noticed, self._outline)
        costs = yield from self._counter.count_in_steps(self._document, self.shapes, self._outline)
        self.problems, self.costs = problems, costs


def _is_much(old: Document, new: Document) -> bool:
    """Whether so much has changed that finding out what it means does not fit into the edit's frame."""
    pairs = ((old.graph.nodes, new.graph.nodes), (old.graph.edges, new.graph.edges))
    return any(len(fresh_keys(*pair)) + len(lost_keys(*pair)) > MUCH for pair in pairs)
