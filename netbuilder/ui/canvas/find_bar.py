"""The find bar: searches all graphs of the document while one types; what answers stands out on the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QLineEdit, QToolButton

from netbuilder.document.model import PortRef
from netbuilder.ui.canvas.announcing import announce, describe_node
from netbuilder.ui.canvas.camera import Camera
from netbuilder.ui.canvas.faces import node_title
from netbuilder.ui.canvas.finding import Found, Index
from netbuilder.ui.icons import icon
from netbuilder.ui.panels.cards import ElidedLabel
from netbuilder.ui.standpoint import Standpoint

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

_WIDTH = 380
_MARGIN = 10
_HINT = "Names, types, 64x8x8, kernel_size=3, notes"


class _Field(QLineEdit):
    """What is searched for: Enter goes on, Esc leaves."""

    def __init__(self, bar: FindBar) -> None:
        super().__init__(bar)
        self._bar = bar
        self.setPlaceholderText(_HINT)
        self.setAccessibleName("Find layers")
        self.setAccessibleDescription("Enter goes to the next, Shift+Enter to the previous, Alt+Enter selects all")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go on, select all, leave."""
        modifiers = event.modifiers()
        if event.key() == Qt.Key.Key_Escape:
            self._bar.close_up()
        elif event.key() not in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            super().keyPressEvent(event)
        elif modifiers & Qt.KeyboardModifier.AltModifier:
            self._bar.select_all()
        elif modifiers & Qt.KeyboardModifier.ShiftModifier:
            self._bar.go_previous()
        else:
            self._bar.go_next()


class FindBar(QFrame):
    """A field over the canvas with the count of what answers.

    Attributes:
        field: What is typed into.
        count: "3 of 17".
        place: Where the current one is.
        found: What answers, in the order in which it is gone through.
    """

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view = view
        self._index = Index(view.declarations)
        self.found: list[Found] = []
        self._at = 0
        self._arrived = False  # whether the user has gone to one: then leaving goes back nowhere
        self._before: tuple[Standpoint, Camera] | None = None
        self._stale = True
        self._late = QTimer(self, singleShot=True, interval=0)
        self._late.timeout.connect(self._catch_up)
        self._lay_out()
        workspace = view.workspace
        for signal in (workspace.documentChanged, workspace.documentReplaced, workspace.shapesChanged):
            signal.connect(self._spoil)
        workspace.scopeChanged.connect(self._late.start)
        view.installEventFilter(self)
        self.hide()

    def _lay_out(self) -> None:
        self.setObjectName("findBar")
        self.setProperty("card", True)
        self.setAutoFillBackground(True)
        self.setAccessibleName("Find")
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.setFixedWidth(_WIDTH)
        self.field = _Field(self)
        self.count = QLabel()
        self.count.setProperty("role", "muted")
        self.count.setMinimumWidth(62)
        self.count.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.place = ElidedLabel("", "muted")
        grid = QGridLayout(self)
        grid.setContentsMargins(8, 8, 6, 8)
        grid.setSpacing(4)
        grid.addWidget(self.field, 0, 0)
        grid.addWidget(self.count, 0, 1)
        for column, (name, words, call) in enumerate(
            (
                ("arrow-up", "Previous (Shift+F3)", self.go_previous),
                ("arrow-down", "Next (F3)", self.go_next),
                ("close", "Close (Esc)", self.close_up),
            ),
            start=2,
        ):
            button = QToolButton()
            button.setIcon(icon(name))
            button.setProperty("role", "small")
            button.setToolTip(words)
            button.setAccessibleName(words.partition(" (")[0])
            button.clicked.connect(lambda _=False, call=call: call())
            grid.addWidget(button, 0, column)
        grid.addWidget(self.place, 1, 0, 1, 5)
        self.field.textChanged.connect(self._search)

    # What the actions call -----------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open with the last search selected, so that typing replaces it."""
        view = self._view
        if not self.isVisible():
            self._arrived = False
            self._before = (view.workspace.scopes.at, view.camera)
            self._read()
            self.show()
            self.raise_()
            self._search()
        self.field.selectAll()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def go_next(self) -> None:
        """Go to the next one that answers; to the first, when none was gone to yet."""
        self._go(1)

    def go_previous(self) -> None:
        """Go to the one before."""
        self._go(-1)

    def select_all(self) -> None:
        """Select all in sight that answer, and close."""
        chosen, scope = self._in_sight(), self._view.workspace.scope
        frames = [each.frame for each in self.found if each.frame and each.standpoint.scope == scope]
        self._arrived = True
        self.close_up()
        if chosen or frames:
            self._view.workspace.select(chosen, frames)

    def close_up(self) -> None:
        """Close; who has only looked is where they were before."""
        if not self.isVisible():
            return
        self.hide()
        self._view.show_found(None)
        if not self._arrived and self._before is not None and self._before[0] == self._view.workspace.scopes.at:
            self._view.set_camera(self._before[1])
        self._view.setFocus(Qt.FocusReason.OtherFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in the corner of a canvas of another size."""
        if event.type() is QEvent.Type.Resize:
            self.settle()
        return super().eventFilter(watched, event)

    def settle(self) -> None:
        """Keep to the canvas's upper right corner, below the way to the block."""
        self.adjustSize()
        self.move(max(self._view.width() - self.width() - _MARGIN, 0), self._view.inset + _MARGIN)

    # Inside --------------------------------------------------------------------------------------------------------

    def _go(self, by: int) -> None:
        if not self.field.text().strip():
            self.open()
            return
        if self._stale:
            self._read()
            self._find()
        if not self.found:
            self._tell()
            return
        if self._arrived or by < 0:
            self._at = (self._at + by) % len(self.found)
        self._arrived = True
        goal, workspace = self.found[self._at], self._view.workspace
        if workspace.scope != goal.standpoint.scope:
            workspace.scopes.go(goal.standpoint)
        workspace.select((goal.node,) if goal.node else (), (goal.frame,) if goal.frame else ())
        self._view.reveal(goal.node or goal.frame)
        self._tell()

    def _read(self) -> None:
        workspace = self._view.workspace
        at, types = workspace.scopes.at, workspace.shapes.types
        if at.sample:  # what is known of a definition that no instance leads to
            own = {PortRef(at.path(port.node), port.port): type for port, type in workspace.sight.types.items()}
            types = {**types, **own}
        self._index.build(workspace.document, self._standpoint_in, types)
        self._stale = False

    def _standpoint_in(self, scope: str) -> Standpoint:
        scopes = self._view.workspace.scopes
        if scope == scopes.at.scope:
            return scopes.at
        return scopes.within(scope) if scope else Standpoint()

    def _find(self) -> None:
        """Search, and begin at the first in sight."""
        self.found = self._index.search(self.field.text())
        scope = self._view.workspace.scope
        self._at = next((index for index, each in enumerate(self.found) if each.standpoint.scope == scope), 0)

    def _search(self) -> None:
        """Follow what is typed: show what answers, and bring the first of it in sight into view."""
        self._find()
        self._arrived = False
        if self.found and self.found[self._at].standpoint.scope == self._view.workspace.scope:
            self._view.reveal(self.found[self._at].node or self.found[self._at].frame)
        self._tell()

    def _tell(self) -> None:
        self._show()
        if not self.field.text().strip():
            return
        words = self.count.text()
        if self.found:
            goal = self.found[self._at]
            seen = goal.node in self._view.content.faces
            words = f"{words}: {describe_node(self._view, goal.node) if seen else self.place.text()}"
        announce(self._view, words)

    def _show(self) -> None:
        asked = bool(self.field.text().strip())
        if not self.found:
            self.count.setText("None" if asked else "")
            self.place.setText("No layer answers" if asked else "Enter: next   Alt+Enter: select all   Esc: leave")
        else:
            self.count.setText(f"{self._at + 1:,} of {len(self.found):,}")
            self.place.setText(self._words(self.found[self._at]))
        if self.isVisible():
            current = self.found[self._at] if self.found else None
            is_seen = current is not None and current.standpoint.scope == self._view.workspace.scope
            self._view.show_found(
                self._in_sight() if asked else None, current.node if current is not None and is_seen else ""
            )
            self.settle()

    def _words(self, found: Found) -> str:
        """Say where one is: "Residual block › conv1 · Conv2d"."""
        document = self._view.workspace.document
        if found.frame:
            title = f"{document.layout.frames[found.frame].title or 'untitled'} · Frame"
            return f"{found.block} › {title}" if found.block else title
        node = document.scope(found.standpoint.scope).nodes[found.node]
        title = node_title(node, document, self._view.declarations.get(node.type))
        return f"{found.block} › {node.label} · {title}" if found.block else f"{node.label} · {title}"

    def _in_sight(self) -> frozenset[str]:
        scope = self._view.workspace.scope
        return frozenset(each.node for each in self.found if each.node and each.standpoint.scope == scope)

    def _spoil(self, _: object = None) -> None:
        self._stale = True
        if self.isVisible():
            self._late.start()  # once for what an edit, the shapes after it and the scope bring together

    def _catch_up(self) -> None:
        """Search again in what has changed, and stay at the same node, if it still answers."""
        if not self.isVisible():
            return
        here = _identity(self.found[self._at]) if self.found else None
        if self._stale:
            self._read()
        self._find()
        places = {_identity(each): index for index, each in enumerate(self.found)}
        self._at = places.get(here, self._at) if here is not None else self._at
        self._show()


def _identity(found: Found) -> tuple[str, str]:
    """Return what a node or frame stays while the way to it changes."""
    return found.standpoint.scope, found.node or found.frame
