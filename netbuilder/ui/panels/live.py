"""What every live panel shares: it draws only while it is seen, and catches up when it is shown."""

from __future__ import annotations

from abc import abstractmethod

from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from netbuilder.training.protocol import State
from netbuilder.ui.theme import Theme, ThemeController
from netbuilder.ui.workspace import Workspace


class LivePanel(QWidget):
    """A panel that follows a run, and the document whose names it shows.

    The workspace keeps what the run has told, so a panel reads there whatever it shows, and one that was hidden has
    missed nothing. A panel's content is made at its first showing (`build`), its picture of the run by `refresh`.

    Attributes:
        workspace: What the window's parts share.
        themes: Says which theme is in force.
        histograms: The panel's key if it shows how weights, gradients or values are spread, which costs the training
            a little while it is in sight; else "".
    """

    histograms = ""

    def __init__(self, workspace: Workspace, themes: ThemeController) -> None:
        super().__init__()
        self.workspace = workspace
        self.themes = themes
        self._built = False
        self._stale = True
        themes.changed.connect(self._restyle)
        workspace.telemetry.connect(self._hear)
        workspace.selectionChanged.connect(self._follow)
        workspace.documentReplaced.connect(self._follow)
        workspace.shapesChanged.connect(self._follow)  # and with them the names and kinds of all layers
        workspace.stateChanged.connect(self._enter)

    @property
    def theme(self) -> Theme:
        """The theme in force."""
        return self.themes.theme

    @abstractmethod
    def build(self) -> None:
        """Make the content; called once, before the first `refresh`."""

    @abstractmethod
    def refresh(self) -> None:
        """Show what the workspace holds now."""

    def restyle(self, theme: Theme) -> None:
        """Give painted parts another theme."""

    def showEvent(self, event: QShowEvent) -> None:
        """Build at the first showing, and catch up at every one."""
        super().showEvent(event)
        if self.histograms:
            self.workspace.trainer.attend_histograms(self.histograms, shown=True)
        if not self._built:
            self._built = True
            self.build()
        self._catch_up()

    def hideEvent(self, event: QHideEvent) -> None:
        """Let the training do without what this panel shows."""
        super().hideEvent(event)
        if self.histograms:
            self.workspace.trainer.attend_histograms(self.histograms, shown=False)

    def _hear(self, _: object) -> None:
        """Show what the run told when this panel's turn comes."""
        self._stale = True
        if self.isVisible():
            self.workspace.turns.ask(self, self._catch_up)

    def _follow(self, _: object = None) -> None:
        """Show at once what the user has changed."""
        self._stale = True
        self._catch_up()

    def _catch_up(self) -> None:
        if self._stale and self._built and self.isVisible():
            self._stale = False
            self.refresh()

    def _enter(self, state: State) -> None:
        self._follow()

    def _restyle(self, theme: Theme) -> None:
        if self._built:
            self.restyle(theme)
