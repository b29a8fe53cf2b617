"""Attention: what the canvas asks the run for. Only what can be seen is worth the time that it takes from training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtGui import QPainter

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

PICTURES, DEAD_UNITS, FLOW = "show_thumbnails", "show_dead_units", "show_gradient_flow"
PROFILE = "show_profile"
"""The preferences that say what is shown."""

_INTERVAL = 250  # milliseconds: who moves about in a network asks no more often

_VISIBILITY = (QEvent.Type.Show, QEvent.Type.Hide)


class Attention(QObject):
    """Tells the run which nodes are in view, and switches what they show."""

    def __init__(self, view: CanvasView) -> None:
        """Attend to what a canvas shows."""
        super().__init__(view)
        self._view = view
        self._shown = self._wishes()
        self._timer = QTimer(self, singleShot=True, interval=_INTERVAL)
        self._timer.timeout.connect(self.settle)
        view.moved.connect(self._ask)
        view.installEventFilter(self)  # tabs hide it, and so does a window that is minimized

    def toggle_pictures(self) -> None:
        """Show pictures on nodes, or not."""
        self._toggle(PICTURES)

    def toggle_dead_units(self) -> None:
        """Show on activations how many of their units are dead, or not."""
        self._toggle(DEAD_UNITS)

    def toggle_gradient_flow(self) -> None:
        """Colour links by their gradient, or not."""
        self._toggle(FLOW)

    def toggle_profile(self) -> None:
        """Show on nodes what they took when the network was profiled, or not."""
        self._toggle(PROFILE)

    def settle(self) -> None:
        """Tell the run what is looked at now."""
        wishes = self._wishes()
        if wishes != self._shown:  # here or in the preferences' dialog
            self._shown = wishes
            self._view.following.look_again()
        self._view.workspace.trainer.attend(self._in_view(), wishes[FLOW] and self._is_seen)

    def paint(self, painter: QPainter) -> None:
        """Explain the colours of the links, while they have any."""
        if self._shown[FLOW]:
            from netbuilder.ui.canvas.flow import paint_legend  # on demand: most never look at it

            paint_legend(painter, self._view.height(), self._view.live.flow, self._view.content, self._view.style_)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice when the canvas comes into sight or goes."""
        if event.type() in _VISIBILITY:
            self._ask()
        return super().eventFilter(watched, event)

    @property
    def _is_seen(self) -> bool:
        return self._view.isVisible() and not self._view.window().isMinimized()

    def _in_view(self) -> frozenset[str]:
        if not self._is_seen or not (self._shown[PICTURES] or self._shown[DEAD_UNITS]):
            return frozenset()
        return frozenset(map(self._view.workspace.scopes.source_of, self._view.faces_in_view()))

    def _wishes(self) -> dict[str, bool]:
        preferences = self._view.workspace.preferences
        return {name: bool(preferences.get(name)) for name in (PICTURES, DEAD_UNITS, FLOW, PROFILE)}

    def _toggle(self, name: str) -> None:
        preferences = self._view.workspace.preferences
        preferences.set(name, not preferences.get(name))
        self.settle()

    def _ask(self) -> None:
        if not self._timer.isActive():
            self._timer.start()
