"""Health: what the rules find in the current or last run, looked at twice a second in slices too short to be felt."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from netbuilder.document.model import Document
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.foundation.steps import Steps
from netbuilder.training.protocol import State, Telemetry
from netbuilder.ui.panels.errands import Errand
from netbuilder.ui.series import RunRecord
from netbuilder.ui.trainer import Trainer

if TYPE_CHECKING:
    from netbuilder.insight.check import Result
    from netbuilder.insight.facts import Facts
    from netbuilder.insight.finding import Finding
    from netbuilder.insight.monitor import Monitor
    from netbuilder.insight.record import Record
    from netbuilder.ui.analysis import Analysis

LOOK_MS = 500
"""Between two looks."""

SLICE = 0.004
"""Seconds of a look before Qt has its turn."""


class Health(QObject):
    """Follows the trainer's runs with the health rules.

    Attributes:
        findings: What is wrong with the current or last run, what matters most first.
        checks: What the last checks before training saw; () before the first.
        checked: The document that they looked at.

    Signals:
        changed: () `findings` is another tuple: something came, went, or is told with other numbers.
        checksChanged: () `checks` are others.
        placed: () the nodes with findings are others, or what is said there matters more or less.
    """

    changed = Signal()
    placed = Signal()
    checksChanged = Signal()

    def __init__(self, trainer: Trainer, analysis: Analysis, parent: QObject) -> None:
        """Follow a trainer.

        Args:
            trainer: Whose runs.
            analysis: Knows the network that is edited, which is the one that a run begins with.
            parent: Qt's owner.
        """
        super().__init__(parent)
        self.findings: tuple[Finding, ...] = ()
        self.checks: tuple[Result, ...] = ()
        self.checked: Document | None = None
        self._trainer = trainer
        self._analysis = analysis
        self._document: Document | None = None
        self._facts: Facts | None = None
        self._monitor: Monitor | None = None
        self._steps: Steps[None] | None = None
        self._step = -1
        self._asked: Document | None = None
        self._errand = Errand(self)
        self._errand.done.connect(self._learn)
        self._errand.failed.connect(self._give_up)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._turn)
        trainer.telemetry.connect(self._hear)
        trainer.stateChanged.connect(self._enter)

    def take_checks(self, results: tuple[Result, ...], document: Document | None) -> None:
        """Keep what checks before training saw.

        Args:
            results: What each saw.
            document: What they looked at.
        """
        self.checks, self.checked = results, document
        self.checksChanged.emit()

    def are_checks_old(self, document: Document) -> bool:
        """Whether a document is another than the one that was checked, in what training depends on."""
        before = self.checked
        if before is None:
            return False
        return (before.graph, before.blocks, before.plan) != (document.graph, document.blocks, document.plan)

    def _enter(self, state: State) -> None:
        if state in (State.STARTING, State.IDLE):
            self._forget()
        elif state in (State.ENDED, State.FAILED) and (self._trainer.record.series or self._trainer.record.events):
            self._timer.stop()
            self._steps = None
            self._conclude()  # there will be no other look

    def _forget(self) -> None:
        """Another run begins, or the last one is forgotten."""
        self._timer.stop()
        self._errand.forget()
        self._document = self._asked = None
        self._facts, self._monitor, self._steps, self._step = None, None, None, -1
        self._show(())

    def _hear(self, news: Telemetry) -> None:
        if news.progress.step < self._step:  # the run went back: what was found lies in a future that is gone
            self._timer.stop()
            self._monitor, self._steps, self._step = None, None, -1
            self._show(())
        if news.series and not self._timer.isActive() and self._trainer.state.is_active:
            self._timer.start(LOOK_MS)

    def _turn(self) -> None:
        if self._steps is None and not self._begin():
            return
        end = perf_counter() + SLICE
        for _ in self._steps or ():
            if perf_counter() > end:
                self._timer.start(0)
                return
        self._steps = None
        if self._monitor is not None:
            self._show(self._monitor.findings)
        if not self._trainer.state.is_active:  # it ended while its network was found out about
            self._conclude()

    def _begin(self) -> bool:
        """Begin a look; returns False when there is nothing new to look at."""
        record: RunRecord = self._trainer.record
        if record.progress.step == self._step or not self._know():
            return False
        self._step = record.progress.step
        from netbuilder.insight.monitor import Monitor

        self._monitor = self._monitor or Monitor()
        self._steps = self._monitor.look(self._read())
        return True

    def _conclude(self) -> None:
        """Look at a run that is over."""
        if not self._know():
            return
        from netbuilder.insight.monitor import Monitor

        self._monitor = self._monitor or Monitor()
        self._monitor.conclude(self._read())
        self._show(self._monitor.findings)

    def _know(self) -> bool:
        """Find out about the network that is trained; returns False while that is not known."""
        trained = self._trainer.document
        if trained is None or trained is self._document:
            return trained is not None
        if self._analysis.document is trained and self._analysis.is_settled:
            from netbuilder.insight.facts import collect_facts

            self._learn((trained, collect_facts(self._analysis.shapes, self._analysis.costs)))
            return True
        if self._asked is not trained:  # edited since: what is known here is of another network
            self._asked = trained
            from netbuilder.insight.facts import find_facts

            self._errand.run(lambda: (trained, find_facts(trained)))
        return False

    def _learn(self, found: tuple[Document, Facts]) -> None:
        self._document, self._facts = found
        if not self._timer.isActive():
            self._timer.start(0)

    def _give_up(self, error: NetbuilderError) -> None:
        """The network cannot be looked into, which the run itself reports."""

    def _read(self) -> Record:
        from netbuilder.insight.record import make_record

        kept = self._trainer.record
        assert self._document is not None
        assert self._facts is not None, "_know has found out"
        return make_record(self._document, self._facts, kept.series, kept.pictures, kept.events, kept.progress)

    def _show(self, findings: tuple[Finding, ...]) -> None:
        if findings == self.findings:
            return
        before, self.findings = self.findings, findings
        self.changed.emit()
        if _places(before) != _places(findings):
            self.placed.emit()


def _places(findings: tuple[Finding, ...]) -> frozenset[tuple[str, str, str]]:
    return frozenset((each.rule, each.node, each.severity.value) for each in findings if each.node)
