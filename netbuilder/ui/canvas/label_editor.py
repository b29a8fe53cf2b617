"""The field that appears over a header to edit a label or a title: one real widget, where it is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit

from netbuilder.foundation.limits import NAME_LENGTH
from netbuilder.ui.canvas.frames import title_rect
from netbuilder.ui.canvas.geometry import HEADER

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView


@dataclass(frozen=True, slots=True)
class _Target:
    """What is edited: where it is in the scene (None once it is gone), and who takes the text."""

    place: Callable[[], QRectF | None]
    take: Callable[[str], None]


class LabelEditor(QLineEdit):
    """Edits the label of a node or the title of a frame; Enter takes it, Esc leaves it, leaving the field takes it."""

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view = view
        self._target: _Target | None = None
        self.hide()
        self.setAccessibleName("Label")
        self.setMaxLength(NAME_LENGTH)
        self.returnPressed.connect(self._take)
        view.moved.connect(self._follow)

    def edit(self, node: str) -> None:
        """Begin editing a node's label."""
        take = partial(self._view.commands.rename, node)
        self._begin(self._view.graph.nodes[node].label, _Target(partial(self._header, node), take))

    def edit_frame(self, frame: str) -> None:
        """Begin editing a frame's title; nothing where the frame was refused."""
        if frame not in self._view.content.frames:
            return
        take = partial(self._view.frames.rename, frame)
        self._begin(self._view.content.frames[frame].title, _Target(partial(self._bar, frame), take))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave the label as it is on Esc."""
        if event.key() == Qt.Key.Key_Escape:
            self._close()
        else:
            super().keyPressEvent(event)
            event.accept()  # a line hands Enter on, and on the canvas it means something else

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take what was typed, unless a menu of the field's own has opened."""
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self._take()

    def _begin(self, text: str, target: _Target) -> None:
        self._target = target
        self.setText(text)
        self.selectAll()
        self.show()
        self._follow()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def _take(self) -> None:
        target, text = self._target, self.text()
        self._close()
        if target is not None and target.place() is not None:
            target.take(text)

    def _close(self) -> None:
        if self._target is not None:
            self._target = None
            self.hide()
            self._view.setFocus(Qt.FocusReason.OtherFocusReason)

    def _header(self, node: str) -> QRectF | None:
        if node not in self._view.content.arrays:
            return None
        x, y, width, _ = self._view.content.arrays.rect(node)
        return QRectF(x, y, width, HEADER)

    def _bar(self, id: str) -> QRectF | None:
        frame = self._view.content.frames.get(id)
        if frame is None:
            return None
        return title_rect(frame, self._view.camera.zoom)

    def _follow(self) -> None:
        if self._target is None:
            return
        place = self._target.place()
        if place is None:
            self._close()
            return
        box = self._view.camera.view_rect(place).toAlignedRect()
        self.setGeometry(box.x(), box.y(), max(box.width(), 120), max(box.height(), 24))
