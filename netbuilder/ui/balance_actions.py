"""What the interface can do to make rare classes count as much as common ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from netbuilder.document import edits
from netbuilder.document.model import Document

if TYPE_CHECKING:
    from netbuilder.training.balance import Balance
    from netbuilder.ui.window import MainWindow


class BalanceActions:
    """Class weights from the number of rows."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window

    def balance(self) -> None:
        """Weigh the classes of the selected losses, or of all when none is selected; shows the numbers."""
        workspace = self.window.workspace
        if not workspace.control.may_train():
            return
        from netbuilder.training.balance import PARAMETERS, find_balances
        from netbuilder.ui.progress_dialog import run_with_progress

        document, base = workspace.document, str(workspace.file.base)
        nodes = document.graph.nodes
        chosen = [id for id in workspace.selection if id in nodes and nodes[id].type in PARAMETERS]
        run_with_progress(
            self.window, "Counting classes", lambda job: find_balances(document, chosen, base, job), self._balanced
        )

    def _balanced(self, balances: Sequence[Balance]) -> None:
        from netbuilder.ui.import_dialog import Report, ReportDialog

        workspace = self.window.workspace
        known = [each for each in balances if each.node in workspace.document.graph.nodes]
        uneven = [each for each in known if not each.is_even]
        if uneven:
            workspace.edit("Balance classes", lambda document: _weigh(document, uneven))
        labels = ", ".join(each.label for each in uneven)
        report = Report(
            title="Balance classes",
            summary=f"Classes are weighed in {labels}." if uneven else "All classes have equally many training rows.",
            notes=("A mistake counts by the weight of its class. Undo takes the weights back.",) if uneven else (),
            headers=("Class", "Training rows", "Weight"),
            rows=tuple(
                (f"{each.label}: {count.name}" if len(known) > 1 else count.name, f"{count.rows:,}", weight, False)
                for each in known
                for count in each.counts
                for weight in (f"{count.weight:g}",)
            ),
        )
        ReportDialog(self.window, report).show()


def _weigh(document: Document, balances: Sequence[Balance]) -> Document:
    for each in balances:
        document = edits.set_parameters(document, each.node, each.values)
    return document
