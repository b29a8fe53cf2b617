"""Scopes: going into blocks and out of them, and what is known of the graph in sight."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from netbuilder.document.blocks import OUTPUT, block_key, is_block
from netbuilder.document.kinds import of_type
from netbuilder.document.model import Document, PortRef
from netbuilder.document.samples import sample_of
from netbuilder.foundation.problem import Problem
from netbuilder.ui.analysis import Analysis
from netbuilder.ui.sight import Sight, look
from netbuilder.ui.standpoint import Standpoint


class Scopes(QObject):
    """Knows where the user stands.

    Attributes:
        at: The standpoint.

    Signals:
        changed: () another graph is in sight.
        learned: () more is known of the sample of the definition in sight, or of what a run is like.
    """

    changed = Signal()
    learned = Signal()

    def __init__(self, document: Callable[[], Document], analysis: Analysis, parent: QObject) -> None:
        """Begin in the main graph.

        Args:
            document: Returns the document as it is now.
            analysis: What is known of it.
            parent: Qt's owner.
        """
        super().__init__(parent)
        self.at = Standpoint()
        self._document = document
        self._analysis = analysis
        self._sample: Analysis | None = None
        self._sight: Sight | None = None
        self._torch = False
        self._noted: tuple[Problem, ...] = ()

    @property
    def sight(self) -> Sight:
        """What is known of the graph in sight."""
        if self._sight is None:
            told = self._sample if self.at.sample and self._sample is not None else self._analysis
            problems = told.problems if self.at.sample else (*told.problems, *self._noted)
            self._sight = look(self._document(), self.at, told.shapes, told.costs, problems)
        return self._sight

    def note(self, problems: tuple[Problem, ...]) -> None:
        """Show these at their nodes, too: what was found in a run rather than in the document."""
        self._noted = problems
        self.forget()
        self.learned.emit()

    def inside(self, node: str) -> Standpoint | None:
        """Return the standpoint in an instance that is in sight; None for any other node.

        Without a value for each of its inputs nothing is known of what is in it: then it is looked at as a sample.
        """
        found = self._document().scope(self.at.scope).nodes.get(node)
        if found is None or not is_block(found) or block_key(found) not in self._document().blocks:
            return None
        to = self.at.inside(node, block_key(found))
        if self.at.sample:
            return to
        copy = self._analysis.shapes.expansion.instances.get(to.block)
        return to if copy is not None and not copy.open else Standpoint.alone(to.scope)

    def within(self, key: str) -> Standpoint:
        """Return the standpoint in a definition: in its first instance, else in a sample."""
        for path, instance in self._analysis.shapes.expansion.instances.items():
            if instance.key == key and not instance.open:
                way = Standpoint(key, f"{path}/").steps(self._document())
                if way[-1].scope == key and way[-1].block == path:
                    return way[-1]
        return Standpoint.alone(key)

    def go(self, to: Standpoint) -> None:
        """Stand somewhere else."""
        if to == self.at:
            return
        self.at = to
        self.forget()
        self._follow_sample()
        self.changed.emit()

    def enter(self, node: str) -> bool:
        """Go into an instance of a block; returns whether the node is one."""
        to = self.inside(node)
        if to is not None:
            self.go(to)
        return to is not None

    def open_block(self, key: str) -> None:
        """Go into a definition: through its first instance, else as a sample."""
        self.go(self.within(key))

    def source_of(self, node: str) -> str:
        """Return the path by which the run knows the value of a node in sight."""
        known = self.sight.sources.get(node)
        if known is not None:
            return known
        graph = self._document().scope(self.at.scope)
        found = graph.nodes.get(node)
        # What an output of the network gives is the value of what leads to it; one of a block is among the sources.
        before = graph.edges.get(PortRef(node, "x")) if found is not None and found.type == OUTPUT else None
        return self.source_of(before.node) if before is not None else self.at.path(node)

    def sources_of(self, nodes: Iterable[str]) -> tuple[str, ...]:
        """Return the paths by which the run knows the values of nodes in sight, sorted by id: maybe thousands."""
        known, graph, prefix = self.sight.sources, self._document().scope(self.at.scope), self.at.prefix
        outputs = of_type(graph.nodes, OUTPUT)
        return tuple(
            self.source_of(node) if node in known or node in outputs else prefix + node for node in sorted(nodes)
        )

    def settle(self) -> None:
        """Follow an edit: where the block in sight is gone, stand in the nearest graph that is left."""
        self.forget()
        way = self.at.steps(self._document())
        if way[-1] != self.at:
            self.go(way[-1])
        else:
            self._follow_sample()

    def forget(self) -> None:
        """What is known has changed."""
        self._sight = None

    def torch_loaded(self) -> None:
        """Torch can be asked from now on."""
        self._torch = True
        if self._sample is not None:
            self._sample.torch_loaded()

    def _follow_sample(self) -> None:
        if not self.at.sample:
            return
        if self._sample is None:
            self._sample = Analysis(Document(), self)
            self._sample.changed.connect(self._learn)
            if self._torch:
                self._sample.torch_loaded()
        self._sample.follow(sample_of(self._document(), self.at.sample), Path())

    def _learn(self) -> None:
        if self.at.sample:
            self.forget()
            self.learned.emit()
