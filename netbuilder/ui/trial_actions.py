"""What the interface can do to find out how this computer trains a network fastest."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netbuilder.foundation.job import Job
    from netbuilder.training.trial import Row
    from netbuilder.ui.trial_dialog import TrialDialog
    from netbuilder.ui.window import MainWindow


class TrialActions:
    """The measured trial of the document."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.dialog: TrialDialog | None = None

    def find_fastest(self) -> None:
        """Open the trial's dialog, unless problems are in the way, which are shown then."""
        if not self.window.workspace.control.may_train():
            return
        from netbuilder.ui.trial_dialog import TrialDialog

        self.dialog = TrialDialog(self.window, self._order)
        self.dialog.show()

    def _order(self, with_compile: bool) -> Callable[[Job], tuple[Row, ...]]:
        """Return what measures the document as it is now, in a process of its own."""
        from netbuilder.insight.experiments import try_ways_in_child
        from netbuilder.project import runs_folder

        workspace = self.window.workspace
        return partial(
            try_ways_in_child,
            workspace.document,
            base=str(workspace.file.base),
            runs=str(runs_folder(workspace.file.home)),
            device=workspace.trainer.device,
            with_compile=with_compile,
        )
