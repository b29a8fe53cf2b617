"""Icons: one set of stroked SVGs in `resources/icons`, drawn in the theme's colours at any scale."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from netbuilder.foundation.resources import resource
from netbuilder.ui.theme import controller


@cache
def _renderer(name: str, color: str) -> QSvgRenderer:
    text = resource(f"icons/{name}.svg").read_text("utf-8").replace("currentColor", color)
    return QSvgRenderer(QByteArray(text.encode()))


class _Engine(QIconEngine):
    """Draws one SVG in the colour that the theme has when it is drawn: no icon is made again when the theme changes."""

    def __init__(self, name: str, token: str) -> None:
        super().__init__()
        self._name, self._token = name, token

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        """Draw into `rect`."""
        theme = controller().theme
        disabled = mode is QIcon.Mode.Disabled
        painter.save()
        painter.setOpacity(painter.opacity() * (0.45 if disabled else 1.0))
        _renderer(self._name, theme.muted if disabled else getattr(theme, self._token)).render(painter, QRectF(rect))
        painter.restore()

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """Return it as a picture of `size` physical pixels; a button without room yet asks for one of none."""
        pixmap = QPixmap(size)
        if pixmap.isNull():
            return pixmap
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return pixmap

    def clone(self) -> QIconEngine:
        """Return a copy, as Qt asks for when an icon is copied."""
        return _Engine(self._name, self._token)


def square(color: QColor) -> QIcon:
    """Return a small square in a category's colour, which stays the same in a selected row."""
    pixmap = QPixmap(20, 20)
    pixmap.fill(Qt.GlobalColor.transparent)
    with QPainter(pixmap) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawRoundedRect(0, 0, 20, 20, 5, 5)
    made = QIcon(pixmap)
    made.addPixmap(pixmap, QIcon.Mode.Selected)  # else Qt mixes the selection's colour into it
    return made


def icon(name: str, token: str = "text") -> QIcon:
    """Return the icon `resources/icons/<name>.svg` in a theme token's colour ("text", "on_accent")."""
    return QIcon(_Engine(name, token))
