"""The apply bar: over the canvas while the network that is shown is not the one that a run trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton

from netbuilder.ui.canvas.announcing import announce
from netbuilder.ui.live_edits import LiveEdits
from netbuilder.ui.panels.cards import ElidedLabel

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

_MARGIN = 10
_WIDEST = 560


class ApplyBar(QFrame):
    """Says what the run lacks, and offers to apply it or to drop it.

    Attributes:
        words: What differs.
        apply: Lets the run go on with the network as it is shown.
        discard: Goes back to the network in training.
    """

    def __init__(self, view: CanvasView, edits: LiveEdits) -> None:
        super().__init__(view)
        self._view, self._edits = view, edits
        self.setObjectName("applyBar")
        self.setProperty("card", True)
        self.setAutoFillBackground(True)
        self.setAccessibleName("Edits that wait to be applied")
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.words = ElidedLabel()
        self.apply = QPushButton("Apply")
        self.apply.setProperty("role", "primary")
        self.apply.setToolTip("Let the run go on with this network, with all weights that can be kept (F9)")
        self.apply.clicked.connect(edits.apply)
        self.discard = QPushButton("Discard")
        self.discard.setToolTip("Go back to the network in training; Undo brings the edits back")
        self.discard.clicked.connect(edits.discard)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 6, 6)
        row.setSpacing(6)
        row.addWidget(self.words, 1)
        row.addWidget(self.discard)
        row.addWidget(self.apply)
        edits.changed.connect(self.refresh)
        view.installEventFilter(self)
        self.hide()

    def refresh(self) -> None:
        """Show what waits; nothing, when nothing does."""
        waiting = self._edits.waiting
        text = f"The run trains another network: {', '.join(waiting)}"
        if waiting and text != self.words.text():
            self.words.setText(text)
            self.words.setToolTip("Waits to be applied:\n" + "\n".join(waiting))
            announce(self._view, f"{text}. F9 applies it.")
        self.setVisible(bool(waiting))
        if waiting:
            self.settle()
            self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay where it is on a canvas of another size."""
        if event.type() is QEvent.Type.Resize and self.isVisible():
            self.settle()
        return super().eventFilter(watched, event)

    def settle(self) -> None:
        """Keep to the upper left corner, below the way to the block: the find bar has the right one."""
        wish = self.words.fontMetrics().horizontalAdvance(self.words.text()) + 16
        room = max(self._view.width() - 2 * _MARGIN, 160)
        rest = self.sizeHint().width() - self.words.sizeHint().width()
        self.resize(min(wish + rest, _WIDEST, room), self.sizeHint().height())
        self.move(_MARGIN, self._view.inset + _MARGIN)
