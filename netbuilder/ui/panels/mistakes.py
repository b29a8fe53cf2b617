"""The Mistakes panel: which rows of the last validation were taken for another class, the surest first."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from netbuilder.training.protocol import Picture, PictureKind
from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.panels.cards import label
from netbuilder.ui.panels.live import LivePanel
from netbuilder.ui.panels.matrices import Painted
from netbuilder.ui.panels.mosaic import sample_image
from netbuilder.ui.theme import Theme, ThemeController, ui_font
from netbuilder.ui.workspace import Workspace

EMPTY: Final = "Press Train: what a classifier gets wrong in the validation part appears here after each epoch."
RIGHT: Final = "Everything in the validation part is right."
ALL: Final = "All mistakes"

_WIDE, _PICTURE, _TEXT, _GAP = 104, 84, 34, 10


class MistakeTiles(Painted):
    """Mistakes side by side: the image, where there is one, what it is, and what it is taken for."""

    def __init__(self, theme: Theme) -> None:
        """Show nothing yet, in the colours of `theme`."""
        super().__init__(theme)
        self._images: list[QImage] = []
        self._told: list[tuple[str, str, float]] = []

    def set_mistakes(self, told: list[tuple[str, str, float]], images: list[QImage]) -> None:
        """Show mistakes.

        Args:
            told: Of each, the truth, what it is taken for, and how surely.
            images: As many images, or none.
        """
        self._told, self._images = told, images
        self.setAccessibleDescription("; ".join(self._words(number) for number in range(len(told))))
        self.update()

    @property
    def shown(self) -> int:
        """How many of them there is room for."""
        columns, rows = self._grid()
        return min(columns * rows, len(self._told))

    def _grid(self) -> tuple[int, int]:
        high = (_PICTURE if self._images else 0) + _TEXT + _GAP
        return max((self.width() + _GAP) // (_WIDE + _GAP), 1), max((self.height() + _GAP) // high, 1)

    def _area(self, number: int) -> QRectF:
        columns, _ = self._grid()
        row, column = divmod(number, columns)
        high = (_PICTURE if self._images else 0) + _TEXT
        return QRectF(column * (_WIDE + _GAP), row * (high + _GAP), _WIDE, high)

    def _words(self, number: int) -> str:
        truth, guess, certainty = self._told[number]
        return f"{truth}, taken for {guess} with {100 * certainty:.0f} %"

    def explain(self, point: QPointF) -> str:
        """Say what a mistake is in words."""
        places = (number for number in range(self.shown) if self._area(number).contains(point))
        return next(map(self._words, places), "")

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw as many as there is room for."""
        with QPainter(self) as painter:
            painter.setFont(ui_font(11))
            for number in range(self.shown):
                self._paint(painter, number)

    def _paint(self, painter: QPainter, number: int) -> None:
        area = self._area(number)
        truth, guess, certainty = self._told[number]
        if self._images:
            image = self._images[number]
            size = image.size().scaled(_WIDE, _PICTURE, Qt.AspectRatioMode.KeepAspectRatio)
            painter.drawImage(QRectF(area.left(), area.top(), size.width(), size.height()), image)
        metrics = painter.fontMetrics()
        lines = ((truth, "muted", ""), (guess, "bad", f" · {100 * certainty:.0f} %"))
        for line, (name, token, behind) in enumerate(lines):
            box = QRectF(area.left(), area.bottom() - _TEXT + 2 + 16 * line, _WIDE, 16)
            painter.setPen(self.theme.color(token))
            room = _WIDE - metrics.horizontalAdvance(behind)
            text = metrics.elidedText(("→ " if line else "") + name, Qt.TextElideMode.ElideRight, room) + behind
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


class MistakesPanel(LivePanel):
    """The mistakes of the last validation, of all pairs of classes or of one."""

    def build(self) -> None:
        """Make the line above, and the tiles."""
        self.pairs = QComboBox()
        self.pairs.setAccessibleName("Which mistakes")
        self.pairs.currentIndexChanged.connect(self._show)
        self.note = label("", "muted")
        self.empty = label(EMPTY, "muted", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.tiles = MistakeTiles(self.theme)
        self._shown: Picture | None = None
        self._all: list[tuple[int, int, float]] = []
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.pairs)
        row.addWidget(self.note, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(8)
        column.addLayout(row)
        column.addWidget(self.empty, 1)
        column.addWidget(self.tiles, 1)

    def refresh(self) -> None:
        """Show the newest mistakes; the pair that was chosen stays as long as it occurs."""
        picture = self.workspace.pictures.get((PictureKind.MISTAKES, ""))
        has_any = picture is not None and len(picture.data) > 0
        for widget in (self.pairs, self.note, self.tiles):
            widget.setVisible(has_any)
        self.empty.setVisible(not has_any)
        self.empty.setText(EMPTY if picture is None else RIGHT)
        if picture is None or not has_any or picture is self._shown:
            return
        self._shown = picture
        told = np.array(picture.extent).reshape(-1, 3)
        self._all = [(int(truth), int(guess), float(sure)) for truth, guess, sure in told]
        self._fill()
        self._show()

    def _fill(self) -> None:
        chosen = self.pairs.currentText()
        counts = Counter((truth, guess) for truth, guess, _ in self._all)
        self.pairs.blockSignals(True)
        self.pairs.clear()
        self.pairs.addItem(ALL, None)
        for (truth, guess), _ in counts.most_common():
            self.pairs.addItem(f"{self._name(truth)} → {self._name(guess)}", (truth, guess))
        self.pairs.setCurrentIndex(max(self.pairs.findText(chosen), 0))
        self.pairs.blockSignals(False)

    def _name(self, place: int) -> str:
        names = self._shown.labels if self._shown is not None else ()
        return names[place] if place < len(names) else str(place)

    def _show(self) -> None:
        if self._shown is None:
            return
        pair = self.pairs.currentData()
        chosen = [n for n, each in enumerate(self._all) if pair is None or each[:2] == tuple(pair)]
        told = [(self._name(self._all[n][0]), self._name(self._all[n][1]), self._all[n][2]) for n in chosen]
        has_images = self._shown.data.size > 0
        self.tiles.set_mistakes(told, [sample_image(self._shown.data[n]) for n in chosen] if has_images else [])
        self.note.setText(f"{self._shown.caption} at step {self._shown.step:,}; the surest first")

    def restyle(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.tiles.set_theme(theme)


def _make(workspace: Workspace, themes: ThemeController) -> QWidget:
    return MistakesPanel(workspace, themes)


PANEL = PanelSpec(key="mistakes", title="Mistakes", area=Area.BOTTOM, order=22, shortcut="", make=_make)
