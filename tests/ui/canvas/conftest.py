"""A canvas with a small network, and hands to use it: real mouse and key events on the real widget."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from netbuilder.document import edits
from netbuilder.document.model import Document, Node, Place, PortRef
from netbuilder.foundation.preferences import Preferences
from netbuilder.project import declarations
from netbuilder.ui.canvas.view import CanvasView
from netbuilder.ui.palette import MIME
from netbuilder.ui.theme import load_theme
from netbuilder.ui.workspace import Workspace

LEFT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton
NONE = Qt.KeyboardModifier.NoModifier


def add(document: Document, id: str, type: str, x: float, y: float, label: str = "") -> Document:
    declaration = declarations()[type]
    node = Node(id=id, type=type, label=label or type.split(".")[-1], parameters=declaration.defaults())
    schema = None
    if type.startswith("data."):
        from netbuilder.data import schemas

        schema = schemas.describe(type, node.parameters)
    return edits.add_node(document, node, Place(x, y), schema)


def small_network() -> Document:
    """digits -> linear -> relu; a loss with its target linked, its prediction free; a lone dropout far below."""
    document = Document()
    for id, type, x, y in (
        ("n00000001", "data.digits", 0, 0),
        ("n00000002", "linear", 200, 0),
        ("n00000003", "relu", 400, 0),
        ("n00000004", "cross_entropy", 620, 60),
        ("n00000005", "dropout", 200, 260),
    ):
        document = add(document, id, type, x, y)
    for target, source in (
        (("n00000002", "x"), ("n00000001", "image")),
        (("n00000003", "x"), ("n00000002", "y")),
        (("n00000004", "target"), ("n00000001", "label")),
    ):
        document = edits.connect(document, PortRef(*target), PortRef(*source))
    return document


DIGITS, LINEAR, RELU, LOSS, DROPOUT = (f"n0000000{number}" for number in range(1, 6))


class Hands:
    """Uses the canvas as a user would."""

    def __init__(self, view: CanvasView) -> None:
        self.view = view

    def at(self, x: float, y: float) -> QPoint:
        return self.view.to_view(x, y).toPoint()

    def header(self, node: str) -> QPoint:
        rect = self.view.node_rect(node)
        return QPoint(round(rect.center().x()), round(rect.top() + 10))

    def body(self, node: str) -> QPoint:
        rect = self.view.node_rect(node)
        return QPoint(round(rect.center().x()), round(rect.bottom() - 5))

    def port(self, node: str, port: str, is_input: bool) -> QPoint:
        return self.view.port_point(node, port, is_input).toPoint()

    def click(self, at: QPoint, modifiers: Qt.KeyboardModifier = NONE) -> None:
        QTest.mouseClick(self.view, LEFT, modifiers, at)

    def drag(
        self,
        start: QPoint,
        end: QPoint,
        button: Qt.MouseButton = LEFT,
        modifiers: Qt.KeyboardModifier = NONE,
        release: bool = True,
    ) -> None:
        QTest.mousePress(self.view, button, modifiers, start)
        for part in (0.2, 0.6, 1.0):
            move_pointer(self.view, QPointF(start) + (QPointF(end) - QPointF(start)) * part, button, modifiers)
        if release:
            QTest.mouseRelease(self.view, button, modifiers, end)

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = NONE) -> None:
        QTest.keyClick(QApplication.focusWidget() or self.view, key, modifiers)

    def type(self, text: str) -> None:
        QTest.keyClicks(QApplication.focusWidget(), text)

    def drop(self, key: str, at: QPoint, modifiers: Qt.KeyboardModifier = NONE) -> bool:
        """Send what Qt sends when a drag from the palette comes in, moves and is dropped."""
        data = QMimeData()
        data.setData(MIME, key.encode())
        copy = Qt.DropAction.CopyAction
        enter = QDragEnterEvent(at, copy, data, LEFT, modifiers)
        QApplication.sendEvent(self.view, enter)
        QApplication.sendEvent(self.view, QDragMoveEvent(at, copy, data, LEFT, modifiers))
        QApplication.sendEvent(self.view, QDropEvent(QPointF(at), copy, data, LEFT, modifiers))
        return enter.isAccepted()


def move_pointer(view: CanvasView, at: QPointF, button: Qt.MouseButton, modifiers: Qt.KeyboardModifier) -> None:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent

    event = QMouseEvent(QEvent.Type.MouseMove, at, view.mapToGlobal(at), Qt.MouseButton.NoButton, button, modifiers)
    QApplication.sendEvent(view, event)


@pytest.fixture
def workspace(qapp, tmp_path) -> Workspace:
    preferences = Preferences()
    preferences.set("reduce_motion", True)  # tests of motion itself switch it on
    return Workspace(preferences)


@pytest.fixture
def view(qtbot, workspace) -> CanvasView:
    workspace.open_unsaved(small_network())
    canvas = CanvasView(workspace, load_theme("dark"))
    qtbot.addWidget(canvas)
    canvas.resize(1000, 640)
    canvas.show()
    qtbot.waitExposed(canvas)
    canvas.activateWindow()
    canvas.setFocus()
    canvas.fit_all()
    for button in (LEFT, MIDDLE, Qt.MouseButton.RightButton):  # a test before may have ended with one pressed
        QTest.mouseRelease(canvas, button)
    return canvas


@pytest.fixture
def hands(view) -> Hands:
    return Hands(view)
