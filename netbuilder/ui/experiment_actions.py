"""What the Train menu's short runs do: checks before training, the learning-rate finder, trying a fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netbuilder.document import edits
from netbuilder.document.model import ROOT, Document
from netbuilder.foundation.problem import Fix, NetbuilderError
from netbuilder.ui.progress_dialog import run_with_progress

if TYPE_CHECKING:
    from netbuilder.foundation.job import Job
    from netbuilder.insight.check import Result
    from netbuilder.insight.comparison import Comparison
    from netbuilder.insight.order import Order
    from netbuilder.insight.rate_finder import RateCurve
    from netbuilder.ui.window import MainWindow


class ExperimentActions:
    """Short runs in a process of their own, while the window and a run in progress go on."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._workspace = window.workspace
        window.workspace.experimentRequested.connect(self.ask)

    def ask(self, kind: str, fix: Fix | None) -> None:
        """Do what a panel asks for: "check", "rate", or "try" with a fix."""
        if kind == "try" and fix is not None:
            self.try_fix(fix)
        elif kind == "rate":
            self.find_rate()
        else:
            self.check()

    def check(self) -> None:
        """Try the network and its data in short runs, and list what was seen in the Health panel."""
        if not self._workspace.control.may_train():
            return
        order = self._order(from_run=False)

        def work(job: Job) -> tuple[Result, ...]:
            from netbuilder.insight.experiments import check_in_child

            return check_in_child(order, job)

        def show(results: tuple[Result, ...]) -> None:
            self._workspace.health.take_checks(results, order.document)
            self._window.docks.show("health")

        run_with_progress(self._window, "Checking the network", work, show)

    def find_rate(self) -> None:
        """Train shortly with ever larger learning rates, and offer one."""
        if not self._workspace.control.may_train():
            return
        order = self._order(from_run=True)

        def work(job: Job) -> RateCurve:
            from netbuilder.insight.experiments import find_rate_in_child

            return find_rate_in_child(order, job)

        def show(curve: RateCurve) -> None:
            from netbuilder.ui.rate_dialog import RateDialog

            RateDialog(self._window, curve).open()

        run_with_progress(self._window, "Finding the learning rate", work, show)

    def try_fix(self, fix: Fix) -> None:
        """Train shortly with and without a fix, and let the user decide."""
        try:
            fixed = edits.apply(self._workspace.document, fix.edit, fix.arguments)
        except NetbuilderError as error:
            self._workspace.problemsRaised.emit(error.problems)
            return
        if not self._workspace.control.may_train():
            return
        order = self._order(from_run=not _is_of_the_beginning(self._workspace.document, fixed))

        def work(job: Job) -> Comparison:
            from netbuilder.insight.experiments import compare_in_child

            return compare_in_child(order, fixed, job)

        def show(seen: Comparison) -> None:
            from netbuilder.ui.comparison_dialog import ComparisonDialog

            ComparisonDialog(self._window, fix, seen).open()

        run_with_progress(self._window, f"Trying: {fix.title}", work, show)

    def _order(self, *, from_run: bool) -> Order:
        """Return what a short run is made with.

        Args:
            from_run: Whether to begin with the last weights of the run in progress, if there is one.
        """
        from netbuilder.insight.order import Order
        from netbuilder.project import runs_folder

        workspace, trainer = self._workspace, self._workspace.trainer
        goes_on = from_run and workspace.state.is_active and trainer.folder is not None
        return Order(
            document=workspace.document,
            base=str(workspace.file.base),
            runs=str(runs_folder(workspace.file.home)),
            device=trainer.device,
            run=str(trainer.folder) if goes_on else "",
            trained=trainer.document if goes_on else None,
        )


def _is_of_the_beginning(document: Document, fixed: Document) -> bool:
    """Whether a fix changes what weights learn from or how they are drawn: trained weights would say nothing of it."""
    for scope in (ROOT, *document.blocks):
        after = fixed.scope(scope).nodes if scope == ROOT or scope in fixed.blocks else {}
        for id, node in document.scope(scope).nodes.items():
            other = after.get(id, node)
            drawn, now = (each.parameters.get("initializer") for each in (node, other))
            if drawn != now or (node.type.startswith("data.") and node.parameters != other.parameters):
                return True
    return document.plan.weights != fixed.plan.weights
