"""What the interface can do to find out how this computer trains a network fastest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netbuilder.training.trial import Trial
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

        self.dialog = TrialDialog(self.window, self._make)
        self.dialog.show()

    def _make(self, with_compile: bool) -> Trial:
        from netbuilder.project import runs_folder
        from netbuilder.training.trial import Trial

        workspace = self.window.workspace
        path = workspace.path
        return Trial(
            workspace.document,
            base=str(path.parent) if path else "",
            runs=str(runs_folder(path)),
            device=workspace.trainer.device,
            with_compile=with_compile,
        )
