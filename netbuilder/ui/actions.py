"""The actions: one table (`action_table`) gives menus, shortcuts, the toolbar and the list of shortcuts in Help."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from netbuilder.ui.action_spec import ActionSpec
from netbuilder.ui.action_table import ACTIONS, BY_ID, MENUS
from netbuilder.ui.icons import icon
from netbuilder.ui.workspace import Workspace


class Actions:
    """The table as live `QAction`s.

    Attributes:
        menus: The submenus that the window fills itself ("recent", "theme", "panels", "device").
    """

    def __init__(self, owner: QWidget, targets: Mapping[str, Callable[[], object]], workspace: Workspace) -> None:
        """Make the actions.

        Args:
            owner: The window that their shortcuts belong to.
            targets: What gives the object that the first word of `ActionSpec.call` stands for; asked when needed.
            workspace: What `enabled` looks at.
        """
        self._workspace = workspace
        self._actions: dict[str, QAction] = {}
        self.menus: dict[str, QMenu] = {}
        for spec in ACTIONS:
            place, _, name = spec.call.partition(".")
            if place == "menu":
                self.menus[name] = QMenu(spec.title, owner)
                self._actions[spec.id] = self.menus[name].menuAction()
            else:
                action = _make(spec, owner, partial(_call, targets, place, name))
                if _is_bare(spec):
                    # Tab, F, Home and Del belong to the canvas only while it has the focus: see `attach_canvas`.
                    action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
                else:
                    owner.addAction(action)
                self._actions[spec.id] = action

    def __getitem__(self, id: str) -> QAction:
        return self._actions[id]

    def __iter__(self) -> Iterator[tuple[ActionSpec, QAction]]:
        return ((BY_ID[id], action) for id, action in self._actions.items())

    def attach_canvas(self, canvas: QWidget) -> None:
        """Give the canvas, once it is there, the keys that are its own."""
        for spec, action in self:
            if _is_bare(spec):
                canvas.addAction(action)

    def fill(self, bar: QMenuBar) -> None:
        """Make the menus of the menu bar."""
        menus = {title: _add_menu(bar, title) for title in MENUS}
        for spec, action in self:
            menu = menus.get(spec.menu)
            if menu is None:
                above, _, title = spec.menu.rpartition("/")
                menu = menus[spec.menu] = menus[above].addMenu(title)
            if spec.follows_line:
                menu.addSeparator()
            menu.addAction(action)

    def refresh(self) -> None:
        """Enable what can be used now, and say what a key would do now: Undo, Redo, Train."""
        for spec, action in self:
            usable = spec.enabled(self._workspace)
            if action.isEnabled() != usable:
                action.setEnabled(usable)
            if spec.checked is not None:
                action.setChecked(spec.checked(self._workspace))
            if spec.said is not None:
                action.setText(spec.said(self._workspace))


def _add_menu(bar: QMenuBar, title: str) -> QMenu:
    # Without the ampersand, whose underline never leaves the bar on some platforms; Alt and the letter open it anyway.
    menu = bar.addMenu(title.replace("&", ""))
    keys = QShortcut(QKeySequence(f"Alt+{title[title.index('&') + 1].upper()}"), bar.window())
    keys.activated.connect(lambda: bar.setActiveAction(menu.menuAction()))
    return menu


def _call(targets: Mapping[str, Callable[[], object]], place: str, name: str) -> object:
    return getattr(targets[place](), name)()


def _make(spec: ActionSpec, owner: QWidget, callback: Callable[[], object]) -> QAction:
    action = QAction(spec.title, owner)
    action.setObjectName(spec.id)
    action.setShortcuts(
        [QKeySequence.fromString(keys, QKeySequence.SequenceFormat.PortableText) for keys in spec.shortcuts]
    )
    action.setStatusTip(spec.tip)
    action.setCheckable(spec.checked is not None)
    if spec.icon:
        action.setIcon(icon(spec.icon))
    # The signal's `checked` argument must not reach callbacks that take none.
    action.triggered.connect(lambda _checked=False: callback())
    return action


def _is_bare(spec: ActionSpec) -> bool:
    """Whether an action has only keys that mean something else in a text field: no Ctrl, no Alt, no function key."""
    return bool(spec.shortcuts) and not any(re.search(r"Ctrl|Alt|F\d", keys) for keys in spec.shortcuts)
