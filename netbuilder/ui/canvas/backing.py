"""The backing: the scene as it was last painted, kept in a pixmap.

A frame costs what has changed in it: panning scrolls the pixmap and paints the strips that come into view, other
changes name rectangles, and only those are painted again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from math import ceil, floor

from PySide6.QtCore import QRect, QRectF, QSize
from PySide6.QtGui import QPainter, QPixmap, QRegion

Paint = Callable[[QPainter, QRectF], bool]
"""Paints what touches a rectangle of the canvas; returns False when that is not its last word."""

_APART = 10  # rectangles; more are painted as the one around them all
_WASTE = 1.3  # two rectangles become one that is larger by no more than this


class Backing:
    """A pixmap of the scene, in physical pixels."""

    def __init__(self) -> None:
        self._pixmap = QPixmap()
        self._ratio = 1.0
        self._look: Hashable = None
        self._origin = (0, 0)
        self._stale: list[QRect] = []

    def bring(self, size: QSize, ratio: float, look: Hashable, origin: tuple[int, int]) -> None:
        """Make the pixmap that of a frame: scrolled where that is enough, else to be painted anew.

        Args:
            size: Of the canvas.
            ratio: Physical pixels a pixel.
            look: All that every pixel depends on; another one makes everything stale.
            origin: The scene's point in the upper left corner, in physical pixels.
        """
        physical = QSize(ceil(size.width() * ratio), ceil(size.height() * ratio))
        if physical != self._pixmap.size():
            self._pixmap = QPixmap(physical)
            self._look = None
        dx, dy = self._origin[0] - origin[0], self._origin[1] - origin[1]
        self._ratio, self._origin = ratio, origin
        if look != self._look or abs(dx) >= physical.width() or abs(dy) >= physical.height():
            self._look = look
            self._stale = [self._pixmap.rect()]
        elif dx or dy:
            self._scroll(dx, dy)

    def spoil(self, area: QRectF | None = None) -> None:
        """Have a rectangle of the canvas painted again; everything, by default."""
        whole = self._pixmap.rect()
        if area is None:
            self._stale = [whole]
            return
        left, top = floor(area.left() * self._ratio), floor(area.top() * self._ratio)
        right, bottom = ceil(area.right() * self._ratio), ceil(area.bottom() * self._ratio)
        self._add(QRect(left, top, right - left, bottom - top) & whole)

    @property
    def is_stale(self) -> bool:
        """Whether something is to be painted."""
        return bool(self._stale)

    def repair(self, paint: Paint) -> bool:
        """Paint what is stale; returns whether nothing is stale any more."""
        stale, self._stale = self._stale, []
        if not stale:
            return True
        painter = QPainter(self._pixmap)
        try:
            for rect in stale:
                painter.resetTransform()
                painter.setClipRect(rect)
                painter.scale(self._ratio, self._ratio)
                if not paint(painter, _scaled(rect, 1 / self._ratio)):
                    self._stale.append(rect)
        finally:
            painter.end()
        return not self._stale

    def show(self, painter: QPainter, region: QRegion) -> None:
        """Copy the pixmap to the screen, where that is exposed."""
        rects: Iterable[QRect] = region if region.rectCount() <= _APART else (region.boundingRect(),)  # type: ignore[assignment]
        for rect in rects:
            painter.drawPixmap(QRectF(rect), self._pixmap, _scaled(rect, self._ratio))

    def _scroll(self, dx: int, dy: int) -> None:
        whole = self._pixmap.rect()
        self._pixmap.scroll(dx, dy, whole)
        self._stale = [moved for rect in self._stale if not (moved := rect.translated(dx, dy) & whole).isEmpty()]
        for strip in QRegion(whole) - QRegion(whole.translated(dx, dy)):  # type: ignore[attr-defined]
            self._add(strip)

    def _add(self, rect: QRect) -> None:
        if rect.isEmpty():
            return
        for known in self._stale:
            both = known | rect
            if _area(both) <= _WASTE * (_area(known) + _area(rect)):
                self._stale.remove(known)
                self._add(both)
                return
        self._stale.append(rect)
        if len(self._stale) > _APART:
            around = QRect()
            for each in self._stale:
                around |= each
            self._stale = [around]


def _area(rect: QRect) -> int:
    return rect.width() * rect.height()


def _scaled(rect: QRect, factor: float) -> QRectF:
    return QRectF(rect.x() * factor, rect.y() * factor, rect.width() * factor, rect.height() * factor)
