"""The places around and in the middle of the window: palette, canvas and code tabs, inspector, panels at the bottom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QApplication, QDockWidget, QLabel, QMainWindow, QTabBar, QTabWidget, QWidget

from netbuilder.foundation.preferences import Preferences
from netbuilder.ui import panels
from netbuilder.ui.canvas.apply_bar import ApplyBar
from netbuilder.ui.canvas.view import CanvasView
from netbuilder.ui.detaching import Detaching
from netbuilder.ui.palette import Palette
from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.panels.inspector import InspectorPanel
from netbuilder.ui.theme import ThemeController
from netbuilder.ui.workspace import Workspace

LAYOUT_VERSION = 1
"""Counted up when the panels change so much that remembered places would be wrong."""

_PALETTE = PanelSpec(
    key="palette",
    title="Layers",
    area=Area.BOTTOM,
    order=0,
    shortcut="",
    make=lambda workspace, theme: Palette(theme, workspace),
)
_AREAS = {Area.BOTTOM: Qt.DockWidgetArea.BottomDockWidgetArea, Area.RIGHT: Qt.DockWidgetArea.RightDockWidgetArea}


@dataclass(frozen=True, slots=True)
class _Dock:
    spec: PanelSpec
    dock: QDockWidget


class Docks:
    """Owns the window's central tabs and its docks.

    Attributes:
        tabs: The canvas and the panels beside it.
        canvas: The canvas.
        apply_bar: What lies over the canvas while edits wait for the run in progress.
        palette: The palette.
        detaching: Makes panels windows of their own.
    """

    def __init__(self, window: QMainWindow, workspace: Workspace, theme: ThemeController) -> None:
        self._window = window
        self._docks: list[_Dock] = []
        self._actions: list[QAction] = []
        self.detaching = Detaching(window)
        self.canvas = CanvasView(workspace, theme.theme)
        self.apply_bar = ApplyBar(self.canvas, workspace.live_edits)
        self.tabs = QTabWidget(documentMode=True)
        self.tabs.addTab(self.canvas, "Network")
        self.tabs.setAccessibleName("Network and code")
        self.tabs.tabBar().setAccessibleName("Network and code")
        _shape(window)
        self.palette = Palette(theme, workspace)
        self._add_dock(_PALETTE, self.palette, Qt.DockWidgetArea.LeftDockWidgetArea)
        for spec in panels.discover():
            self._add_panel(spec, spec.make(workspace, theme))
        self._resize()
        self._raise_first()

    def polish_tabs(self) -> None:
        """Let the docks' tabs, which Qt makes when they are first shown, be as wide as their titles."""
        bars = self._window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)
        self.detaching.look_after(bars)
        for bar in bars:
            bar.setElideMode(Qt.TextElideMode.ElideNone)
            bar.setExpanding(False)
            bar.setDrawBase(False)
            bar.setAccessibleName("Panels")

    def order_tabs(self, before: QWidget) -> None:
        """Let the Tab key go from `before` to the palette, and from there to the rest."""
        stops = (before, self.palette.field, self.palette.tree)
        for one, other in pairwise(stops):
            QWidget.setTabOrder(one, other)

    def actions(self) -> Sequence[QAction]:
        """Return an action a panel that brings it to front, and closes it where it is in front at the window's edge."""
        return self._actions

    def show(self, key: str) -> None:
        """Bring the panel called `key` to front."""
        for entry in self._docks:
            if entry.spec.key == key:
                _bring_to_front(entry.dock)

    def open_settings(self) -> None:
        """Bring the inspector to front, and go to the first setting of what is selected."""
        for entry in self._docks:
            if isinstance(inspector := entry.dock.widget(), InspectorPanel):
                _bring_to_front(entry.dock)
                inspector.focus_setting()

    def areas_in_sight(self) -> list[QWidget]:
        """Return what can be seen: the canvas or the code, the inspector, the panel below, the palette."""
        shown = [self.tabs.currentWidget()]
        for area in (*reversed(_AREAS.values()), Qt.DockWidgetArea.LeftDockWidgetArea):
            shown += [dock.widget() for dock in self._in(area) if not dock.isHidden() and dock.widget().isVisible()]
        return shown

    def set_visible(self, visible: bool) -> None:
        """Hide all docks and what leads to them for the start page, or show those again that the user did not close."""
        for entry in self._docks:
            if not visible:
                # A dock that was just made is hidden, too, until Qt gets round to showing it: only a will counts.
                willed = entry.dock.testAttribute(Qt.WidgetAttribute.WA_WState_ExplicitShowHide)
                entry.dock.setProperty("closed", willed and entry.dock.isHidden())
            entry.dock.setVisible(visible and not entry.dock.property("closed"))
        for action in self._actions:
            action.setEnabled(visible)
        if visible:
            self._raise_first()

    def set_titles_shown(self, shown: bool) -> None:
        """Show the docks' title bars, by which they can be moved, or hide them, which is calmer."""
        for entry in self._docks:
            if entry.dock.isFloating():
                continue
            entry.dock.setTitleBarWidget(QLabel(entry.spec.title, indent=10, margin=5) if shown else QWidget())

    def save(self, preferences: Preferences) -> None:
        """Remember places and sizes."""
        state = bytes(self._window.saveState(LAYOUT_VERSION).toBase64().data()).decode()
        preferences.set("window.docks", state)

    def restore(self, preferences: Preferences) -> None:
        """Go back to the places and sizes remembered, if any."""
        state = preferences.get("window.docks")
        if isinstance(state, str):
            self._window.restoreState(QByteArray.fromBase64(state.encode()), LAYOUT_VERSION)

    def _add_panel(self, spec: PanelSpec, widget: QWidget) -> None:
        if spec.area is Area.TAB:
            index = self.tabs.addTab(widget, spec.title)
            widget.windowTitleChanged.connect(lambda title: self.tabs.setTabText(index, title))
            self._add_action(spec).triggered.connect(lambda: self.tabs.setCurrentWidget(widget))
            return
        self._add_dock(spec, widget, _AREAS[spec.area])

    def _add_dock(self, spec: PanelSpec, widget: QWidget, area: Qt.DockWidgetArea) -> None:
        dock = QDockWidget(_shown(widget.windowTitle() or spec.title), self._window)
        dock.setObjectName(spec.key)
        dock.setWidget(widget)
        blank = QWidget()
        dock.setTitleBarWidget(blank)
        self.detaching.add(dock, blank)
        widget.windowTitleChanged.connect(lambda title: dock.setWindowTitle(_shown(title)))
        # Qt moves a dock behind another's tab out of sight and leaves it visible: its panel would work for nobody.
        policy = widget.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        widget.setSizePolicy(policy)
        dock.visibilityChanged.connect(widget.setVisible)
        dock.topLevelChanged.connect(lambda floating: widget.setVisible(True) if floating else None)
        action = self._add_action(spec)
        action.setCheckable(True)
        action.setChecked(not spec.is_spare)
        dock.windowTitleChanged.connect(action.setText)
        dock.toggleViewAction().toggled.connect(action.setChecked)
        action.triggered.connect(lambda: self._toggle(dock, action))
        beside = [entry.dock for entry in self._docks if self._window.dockWidgetArea(entry.dock) is area]
        self._window.addDockWidget(area, dock)
        if beside:
            self._window.tabifyDockWidget(beside[-1], dock)
        if spec.is_spare:
            dock.hide()
            dock.setProperty("closed", True)  # else it would be shown with the others: it was never closed by hand
        self._docks.append(_Dock(spec, dock))

    def _add_action(self, spec: PanelSpec) -> QAction:
        action = QAction(_shown(spec.title), self._window)
        action.setShortcut(QKeySequence.fromString(spec.shortcut))
        self._window.addAction(action)
        self._actions.append(action)
        return action

    def _toggle(self, dock: QDockWidget, action: QAction) -> None:
        """Bring a dock to front; close it where it is there already. One behind another's tab is hidden to the user."""
        if dock.isHidden() or not dock.widget().isVisible():
            _bring_to_front(dock)
        else:
            focus = QApplication.focusWidget()
            is_used = focus is not None and dock.isAncestorOf(focus)
            dock.close()
            if is_used:  # Qt would hand the keys to the button that trains
                self.tabs.currentWidget().setFocus()
        action.setChecked(not dock.isHidden())  # a click has turned it whatever became of the dock

    def _resize(self) -> None:
        sides = {Qt.DockWidgetArea.LeftDockWidgetArea: 200, Qt.DockWidgetArea.RightDockWidgetArea: 284}
        for area, size in sides.items():
            docks = self._in(area)
            self._window.resizeDocks(docks, [size] * len(docks), Qt.Orientation.Horizontal)
        docks = self._in(Qt.DockWidgetArea.BottomDockWidgetArea)
        height = min(292, self._window.height() * 9 // 25)  # on a low screen the canvas keeps the larger part
        self._window.resizeDocks(docks, [height] * len(docks), Qt.Orientation.Vertical)

    def _in(self, area: Qt.DockWidgetArea) -> list[QDockWidget]:
        return [entry.dock for entry in self._docks if self._window.dockWidgetArea(entry.dock) is area]

    def _raise_first(self) -> None:
        for area in _AREAS.values():
            docks = [dock for dock in self._in(area) if not dock.isHidden()]
            if docks:
                docks[0].raise_()


def _bring_to_front(dock: QDockWidget) -> None:
    dock.show()
    dock.raise_()


def _shown(title: str) -> str:
    """Return a title as a tab shows it: a lone ampersand would mark an access key."""
    return title.replace("&", "&&")


def _shape(window: QMainWindow) -> None:
    """Let the side docks reach from the toolbar to the status bar, and put tabs on top."""
    window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
    window.setDockOptions(QMainWindow.DockOption.AllowTabbedDocks | QMainWindow.DockOption.AllowNestedDocks)
    for corner, area in (
        (Qt.Corner.TopLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea),
        (Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea),
        (Qt.Corner.TopRightCorner, Qt.DockWidgetArea.RightDockWidgetArea),
        (Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea),
    ):
        window.setCorner(corner, area)
