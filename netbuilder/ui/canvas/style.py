"""The canvas's look: a theme's tokens as Qt colours, and the fonts of nodes with what text measures in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainterPath

from netbuilder.ui.theme import Theme, faded, mono_font, ui_font


@dataclass(frozen=True)
class Fonts:
    """The fonts of a node, in pixels at 100 %."""

    title: QFont
    text: QFont
    mono: QFont


@cache
def fonts() -> Fonts:
    """Return the nodes' fonts; they are looked up once, since listing a system's fonts is slow."""
    return Fonts(
        title=_unhinted(ui_font(13, QFont.Weight.DemiBold)), text=_unhinted(ui_font(11)), mono=_unhinted(mono_font(10))
    )


def _unhinted(font: QFont) -> QFont:
    # Hinted letters are set for one size: at another zoom they would stand unevenly.
    font = QFont(font)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


@cache
def _metrics(role: str) -> QFontMetricsF:
    return QFontMetricsF(getattr(fonts(), role))


@lru_cache(maxsize=8192)
def text_width(text: str, role: str) -> float:
    """Return how wide `text` is in the font called `role` ("title", "text", "mono")."""
    return _metrics(role).horizontalAdvance(text)


def text_path(box: QRectF, text: str, role: str, alignment: Qt.AlignmentFlag) -> QPainterPath:
    """Return one line of text as shapes, placed in a box as `QPainter.drawText` would.

    Args:
        box: Where.
        text: What; it is not cut.
        role: The font: "title", "text" or "mono".
        alignment: Left, right or centred; always centred vertically.
    """
    metrics, width = _metrics(role), text_width(text, role)
    x = box.left()
    if alignment & Qt.AlignmentFlag.AlignRight:
        x = box.right() - width
    elif alignment & Qt.AlignmentFlag.AlignHCenter:
        x = box.center().x() - width / 2
    path = QPainterPath()
    path.addText(x, box.center().y() + (metrics.ascent() - metrics.descent()) / 2, getattr(fonts(), role), text)
    return path


@lru_cache(maxsize=8192)
def elided(text: str, role: str, width: float) -> str:
    """Return `text`, cut with an ellipsis when it is wider than `width`."""
    if text_width(text, role) <= width:
        return text
    return _metrics(role).elidedText(text, Qt.TextElideMode.ElideRight, width)


@dataclass(frozen=True)
class Style:
    """A theme for painting the canvas.

    Attributes:
        theme: The colours.
        outlined: Whether text is drawn as shapes, for files that carry no fonts.
    """

    theme: Theme
    outlined: bool = False

    @property
    def is_flat(self) -> bool:
        """Whether there is neither a grid nor a shadow: on paper both are noise."""
        return self.theme.name == "print"

    def color(self, token: str, alpha: float = 1.0) -> QColor:
        """Return a token's colour."""
        return _color(getattr(self.theme, token), alpha)

    def category(self, key: str, alpha: float = 1.0) -> QColor:
        """Return a category's colour."""
        return _color(self.theme.category(key), alpha)

    def header(self, key: str) -> QColor:
        """Return the tint behind a title: mostly the node's body, a little of its category."""
        return _header(self.theme.category(key), self.theme.node, 0.30 if self.theme.is_dark else 0.24)

    def header_text(self, key: str) -> QColor:
        """Return the colour of the lesser text on a header: `muted` would be too faint on a tint."""
        return _header(self.theme.text, self.header(key).name(), 0.80)

    @property
    def name(self) -> str:
        """The theme's name, for keys of what is cached."""
        return self.theme.name


@lru_cache(maxsize=512)
def _color(text: str, alpha: float) -> QColor:
    color = QColor(text)
    color.setAlphaF(alpha)
    return color


@lru_cache(maxsize=128)
def _header(front: str, back: str, amount: float) -> QColor:
    return faded(front, back, amount)
