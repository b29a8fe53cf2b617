"""Detaching: any panel as a window of its own, by a button beside the tabs, a tab's menu, or the View menu."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow, QMenu, QTabBar, QToolButton, QWidget
from shiboken6 import isValid

from netbuilder.ui.icons import icon

_SIDE = 24  # pixels of the button
_GAP = 6
_MOVES = (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Show, QEvent.Type.Hide, QEvent.Type.LayoutRequest)

_LEAST = QSize(520, 320)

_LIFT = 40
"""How far a panel that is detached is moved up from where it was, so that one sees that it came off."""


class Detaching(QObject):
    """Lets docks come off the window and go back; Qt remembers where they were along with the other places.

    Attributes:
        docks: Those that it looks after.
    """

    def __init__(self, window: QMainWindow) -> None:
        """Begin without docks."""
        super().__init__(window)
        self._window = window
        self.docks: list[QDockWidget] = []
        self._blank: dict[QDockWidget, QWidget] = {}
        self._bars: list[QTabBar] = []

    def add(self, dock: QDockWidget, blank: QWidget) -> None:
        """Look after a dock.

        Args:
            dock: The dock.
            blank: What stands in place of its title bar while it is part of the window.
        """
        self.docks.append(dock)
        self._blank[dock] = blank
        dock.topLevelChanged.connect(lambda floating: self._dress(dock, floating))

    def toggle(self) -> None:
        """Detach the panel that is used or in front, or put it back."""
        dock = self._current()
        if dock is not None:
            self.set_detached(dock, not dock.isFloating())

    def set_detached(self, dock: QDockWidget, detached: bool) -> None:
        """Make a panel a window of its own, or put it back where it was."""
        at = dock.mapToGlobal(QPoint(0, 0))
        dock.setFloating(detached)
        dock.show()
        if detached:
            dock.resize(dock.size().expandedTo(_LEAST))  # one from behind another's tab has no size of its own yet
            dock.move(max(at.x(), 0), max(at.y() - _LIFT, 0))
        dock.raise_()

    def look_after(self, bars: Sequence[QTabBar]) -> None:
        """Give tabs that are new their button and menu."""
        for bar in bars:
            if bar not in self._bars:
                self._bars.append(bar)
                bar.destroyed.connect(partial(self._bars.remove, bar))
                _Button(bar, self)
                bar.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
                bar.customContextMenuRequested.connect(lambda at, bar=bar: self._open_menu(bar, at))

    def dock_of(self, bar: QTabBar, index: int) -> QDockWidget | None:
        """Return the dock that a tab belongs to."""
        title = bar.tabText(index)
        found = [dock for dock in self.docks if dock.windowTitle() == title and not dock.isFloating()]
        return found[0] if found else None

    def menu_of(self, bar: QTabBar, index: int) -> QMenu | None:
        """Return a tab's menu."""
        dock = self.dock_of(bar, index)
        if dock is None:
            return None
        menu = QMenu(bar)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Detach", lambda: self.set_detached(dock, True))
        menu.addAction("Close", dock.close)
        return menu

    def _open_menu(self, bar: QTabBar, at: QPoint) -> None:
        menu = self.menu_of(bar, bar.tabAt(at))
        if menu is not None:
            menu.popup(bar.mapToGlobal(at))

    def _current(self) -> QDockWidget | None:
        """Return the panel that has the focus, else the one in front at the bottom."""
        focus = QApplication.focusWidget()
        used = [dock for dock in self.docks if focus is not None and dock.isAncestorOf(focus)]
        bottom = Qt.DockWidgetArea.BottomDockWidgetArea
        front = [
            dock
            for dock in self.docks
            if self._window.dockWidgetArea(dock) is bottom and not dock.visibleRegion().isEmpty()
        ]
        return next(iter([*used, *front]), None)

    def _dress(self, dock: QDockWidget, floating: bool) -> None:
        """Give a window of its own a title bar, by which it is moved, put back and closed."""
        # None means Qt's own title bar, which its stub does not know.
        dock.setTitleBarWidget(None if floating else self._blank[dock])  # type: ignore[arg-type]


class _Button(QToolButton):
    """Detaches the panel in front: at the right end of its tabs, which leave it room."""

    def __init__(self, bar: QTabBar, detaching: Detaching) -> None:
        super().__init__(bar.window())
        self._bar = bar
        self._detaching = detaching
        self.setIcon(icon("detach", "muted"))
        self.setIconSize(QSize(15, 15))
        self.setProperty("role", "small")
        self.setToolTip("Make this panel a window of its own")
        self.setAccessibleName("Detach the panel")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFixedSize(_SIDE, _SIDE)
        self.clicked.connect(self._detach)
        for watched in (bar, *detaching.docks):
            watched.installEventFilter(self)
        bar.currentChanged.connect(self._place)
        bar.destroyed.connect(self.deleteLater)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay beside the tabs, whatever Qt does with them."""
        if event.type() in _MOVES:
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        bar = self._bar
        if not isValid(bar):  # Qt drops tabs as docks come and go; this button follows in a moment
            self.hide()
            return
        dock = self._detaching.dock_of(bar, bar.currentIndex())
        self.setVisible(dock is not None and bar.isVisibleTo(bar.window()))
        if dock is None:
            return
        # Qt lets the tabs run to the dock's edge, and would lay them, or its own buttons, over this one.
        width = max(dock.width() - _SIDE - 2 * _GAP, 0)
        if bar.maximumWidth() != width:
            bar.setMaximumWidth(width)
        if bar.width() != width:
            bar.resize(width, bar.height())
        self.move(bar.x() + width + _GAP, bar.y() + (bar.height() - _SIDE) // 2)
        self.raise_()

    def _detach(self) -> None:
        dock = self._detaching.dock_of(self._bar, self._bar.currentIndex())
        if dock is not None:
            self._detaching.set_detached(dock, True)
