"""Areas: the parts of the window that F6 goes round, each entered at the first thing in it that takes keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget


class Areas:
    """Goes from one part of the window to the next by keys.

    Qt's own Tab goes through every button and field, and stays on the canvas, where it adds layers: from there to the
    inspector and back it would be dozens of steps.
    """

    def __init__(self, in_sight: Callable[[], Sequence[QWidget]]) -> None:
        """Begin.

        Args:
            in_sight: Returns the parts that can be seen now, in the order of the round.
        """
        self._in_sight = in_sight

    def next(self) -> None:
        """Go to the next part."""
        self._go(1)

    def previous(self) -> None:
        """Go to the part before."""
        self._go(-1)

    def _go(self, step: int) -> None:
        stops = [(area, stop) for area in self._in_sight() if (stop := first_stop(area)) is not None]
        if not stops:
            return
        focus = QApplication.focusWidget()
        inside = (i for i, (area, _) in enumerate(stops) if focus is not None and _holds(area, focus))
        at = next(inside, -1 if step > 0 else 0)
        stops[(at + step) % len(stops)][1].setFocus(Qt.FocusReason.TabFocusReason)


def first_stop(area: QWidget) -> QWidget | None:
    """Return what takes the keys first in a part of the window; None where nothing does."""
    inside = (each for each in _chain(area) if _takes_keys(each))
    if isinstance(area, QScrollArea):  # a form: scrolling is the least of what is done in it
        return next(inside, area if _takes_keys(area) else None)
    return area if _takes_keys(area) else next(inside, None)


def _chain(area: QWidget) -> Iterator[QWidget]:
    """Yield what lies in a widget in the order of the Tab key."""
    each = area.nextInFocusChain()
    while each is not None and each is not area:
        if area.isAncestorOf(each):
            yield each
        each = each.nextInFocusChain()


def _takes_keys(widget: QWidget) -> bool:
    tabbed = widget.focusPolicy() & Qt.FocusPolicy.TabFocus
    return bool(tabbed) and widget.isEnabled() and widget.isVisible() and widget.focusProxy() is None


def _holds(area: QWidget, widget: QWidget) -> bool:
    return area is widget or area.isAncestorOf(widget)
