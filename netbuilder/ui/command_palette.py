"""The command palette: all actions of the menus, found by some letters, with their keys and why they cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from netbuilder.foundation.preferences import Preferences
from netbuilder.ui.action_spec import ActionSpec, refusal
from netbuilder.ui.actions import Actions
from netbuilder.ui.chooser import Chooser, Row
from netbuilder.ui.matching import match

RECENT = "commands.recent"
"""What the preferences call the commands used last, the latest first."""

_MOST = 20
_WIDTH = 560
_TOP = 64  # pixels below the window's upper edge


@dataclass(frozen=True, slots=True)
class _Command:
    """One command: an action, or an entry of a menu that the window fills itself.

    Attributes:
        id: What it is remembered by.
        title: Its name.
        path: The menu that it stands in: "Graph", "View › Theme".
        action: What it triggers.
        spec: The table's line.
    """

    id: str
    title: str
    path: str
    action: QAction
    spec: ActionSpec


class CommandPalette(Chooser):
    """A search over all actions, in the middle of the window."""

    def __init__(self, window: QWidget, actions: Actions, preferences: Preferences) -> None:
        """Make it, hidden.

        Args:
            window: What it lies on.
            actions: What is offered.
            preferences: Where it is remembered what was used last.
        """
        super().__init__(window, "Search commands", _WIDTH)
        self._actions = actions
        self._preferences = preferences
        self._commands: dict[str, _Command] = {}

    def ask(self) -> None:
        """Open."""
        self._actions.refresh()
        self._commands = {command.id: command for command in self._collect()}
        self.open_at((self._owner.width() - self.width()) / 2, _TOP)

    def offer(self, query: str) -> Sequence[Row]:
        """Return the commands that answer, the best first; among equals, those that were used last."""
        recent = self._recent()
        rank = {id: index for index, id in enumerate(recent)}
        found = []
        for index, command in enumerate(self._commands.values()):
            points = match(query, command.title, f"{command.path} {command.spec.tip}") if query.strip() else 1.0
            if points:
                # Recent use decides among equals; what cannot be used now comes after what can.
                used = 0.9 * (1 - rank[command.id] / _MOST) if command.id in rank else 0.0
                found.append((points + used - (0.0 if command.action.isEnabled() else 0.95), -index, command))
        found.sort(key=lambda each: each[:2], reverse=True)
        return [_row(command) for _, _, command in found]

    def take(self, key: object) -> None:
        """Run a command and remember it."""
        id = str(key)
        self._preferences.set(RECENT, [id, *(each for each in self._recent() if each != id)][:_MOST])
        self._commands[id].action.trigger()

    def _recent(self) -> list[str]:
        kept = self._preferences.get(RECENT)
        return [each for each in kept[:_MOST] if isinstance(each, str)] if isinstance(kept, list) else []

    def _collect(self) -> Iterator[_Command]:
        for spec, action in self._actions:
            path = " › ".join(_plain(part) for part in spec.menu.split("/"))
            menu = self._actions.menus.get(spec.call.partition(".")[2]) if spec.call.startswith("menu.") else None
            if menu is None:
                yield _Command(spec.id, _plain(action.text()), path, action, spec)
                continue
            menu.aboutToShow.emit()  # such a menu is filled when it is about to be seen
            for inner in menu.actions():
                if not inner.isSeparator() and inner.isVisible():
                    title = _plain(inner.text())
                    yield _Command(f"{spec.id}/{title}", title, f"{path} › {_plain(spec.title)}", inner, spec)


def _row(command: _Command) -> Row:
    action = command.action
    keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
    state = "on" if action.isCheckable() and action.isChecked() else ""
    return Row(
        key=command.id,
        title=command.title,
        detail="   ".join(part for part in (state, command.path, keys) if part),
        tip=command.spec.tip,
        refusal="" if action.isEnabled() else refusal(command.spec),
    )


def _plain(title: str) -> str:
    """Return a title without its access key's mark."""
    return title.replace("&&", "\0").replace("&", "").replace("\0", "&")
