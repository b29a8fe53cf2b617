"""Random gestures, undo and redo: document, canvas and selection agree at any moment, and nothing is left behind."""

from __future__ import annotations

import gc
import threading
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from netbuilder.document.files import dumps
from netbuilder.document.model import Place
from netbuilder.foundation.preferences import Preferences
from netbuilder.ui.canvas.view import CanvasView
from netbuilder.ui.theme import load_theme
from netbuilder.ui.workspace import Workspace
from tests.ui.canvas.conftest import Hands, move_pointer, small_network
from tests.ui.canvas.gestures import ALT, CTRL, SHIFT, Key

LEFT, RIGHT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton
NONE = Qt.KeyboardModifier.NoModifier
SIZE = (1000, 640)
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")  # popups of the offscreen platform

LARGEST = 40
"""Nodes; a gesture that would copy more is left out, so that examples stay quick."""


class Table:
    """A canvas on which things are done, and the documents that undo must give back."""

    def __init__(self) -> None:
        self.workspace = Workspace(Preferences())
        self.view = CanvasView(self.workspace, load_theme("dark"))
        self.view.resize(*SIZE)
        self.view.show()
        self.hands = Hands(self.view)

    def lay(self) -> None:
        """Begin anew."""
        self.workspace.open_unsaved(small_network())
        self.workspace.select(())
        self.view.fit_all()
        self.view.setFocus()
        QApplication.clipboard().clear()

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = NONE) -> None:
        """Press a key on the canvas."""
        QTest.keyClick(self.view, key, modifiers)

    def node(self, number: int) -> str:
        """Return a node in sight."""
        ids = list(self.view.graph.nodes)
        return ids[number % len(ids)] if ids else ""

    def spot(self, x: float, y: float) -> QPoint:
        """Return a point of the canvas; 0 to 1 both."""
        return QPoint(round(x * (SIZE[0] - 1)), round(y * (SIZE[1] - 1)))

    def target(self, number: int, x: float, y: float) -> QPoint:
        """Return a point on a node, or a port of it, or anywhere."""
        node = self.node(number)
        frames = list(self.view.content.frames.values())
        if frames and number % 4 == 0:
            frame = frames[round(x * 97) % len(frames)]
            inside = 10 if y < 0.5 else frame.height * y  # its title, or anywhere on it
            return self.view.to_view(frame.x + x * frame.width, frame.y + inside).toPoint()
        if not node or number % 4 == 0:
            return self.spot(x, y)
        ports = self.view.content.ports(node)
        if ports and number % 4 == 1:
            ref, is_input, _, _ = ports[round(x * 97) % len(ports)]
            return self.view.port_point(ref.node, ref.port, is_input).toPoint()
        rect = self.view.node_rect(node)
        return QPoint(round(rect.left() + x * rect.width()), round(rect.top() + y * rect.height()))


numbers = st.integers(0, 30)
parts = st.floats(0.0, 1.0, allow_nan=False)
modifiers = st.sampled_from([NONE, NONE, NONE, CTRL, SHIFT, ALT])


@dataclass(frozen=True)
class Click:
    number: int
    x: float
    y: float
    modifiers: Qt.KeyboardModifier

    def do(self, table: Table) -> None:
        table.hands.click(table.target(self.number, self.x, self.y), self.modifiers)


@dataclass(frozen=True)
class Drag:
    start: int
    end: int
    x: float
    y: float
    modifiers: Qt.KeyboardModifier
    button: Qt.MouseButton
    how: str

    def do(self, table: Table) -> None:
        view, hands = table.view, table.hands
        start, end = table.target(self.start, self.x, self.y), table.target(self.end, self.y, self.x)
        hands.drag(start, end, self.button, self.modifiers, release=False)
        if self.how == "escape":
            table.key(Key.Key_Escape)
        elif self.how == "other button":
            other = RIGHT if self.button is LEFT else LEFT
            QTest.mousePress(view, other, NONE, end)
            QTest.mouseRelease(view, other, NONE, end)
        elif self.how == "undo":
            table.workspace.undo()
            move_pointer(view, QPointF(start), self.button, self.modifiers)
        QTest.mouseRelease(view, self.button, self.modifiers, end)
        view.quick_add.close_up()


@dataclass(frozen=True)
class Link:
    """From a port of one node to a port, or the body, of another."""

    start: int
    end: int
    which: int
    modifiers: Qt.KeyboardModifier

    def do(self, table: Table) -> None:
        ends = []
        for number in (self.start, self.end):
            ports = table.view.content.ports(table.node(number)) if table.view.graph.nodes else []
            if not ports:
                return
            ref, is_input, _, _ = ports[self.which % len(ports) - len(ends)]
            ends.append(table.view.port_point(ref.node, ref.port, is_input).toPoint())
        table.hands.drag(*ends, modifiers=self.modifiers)
        table.view.quick_add.close_up()


@dataclass(frozen=True)
class Twice:
    """A double-click, on a link where there is one."""

    number: int
    x: float
    y: float
    modifiers: Qt.KeyboardModifier

    def do(self, table: Table) -> None:
        view, at = table.view, table.target(self.number, self.x, self.y)
        if view.content.arrays.wires and self.number % 3:
            row = self.number % len(view.content.arrays.wires)
            curve = view.content.arrays.curves_of(np.array([row]))[0]
            at = view.to_view(*curve[round(self.x * (len(curve) - 1))].tolist()).toPoint()
        QTest.mouseDClick(view, LEFT, self.modifiers, at)
        QTest.mouseRelease(view, LEFT, self.modifiers, at)
        close_editors(view)


@dataclass(frozen=True)
class Press:
    key: Qt.Key
    modifiers: Qt.KeyboardModifier

    def do(self, table: Table) -> None:
        is_copy = self.modifiers & CTRL and self.key in (Key.Key_D, Key.Key_V, Key.Key_G)
        if is_copy and len(table.workspace.document.graph.nodes) > LARGEST:
            return
        table.key(self.key, self.modifiers)
        close_editors(table.view)


@dataclass(frozen=True)
class Travel:
    steps: int

    def do(self, table: Table) -> None:
        for _ in range(abs(self.steps)):
            (table.workspace.undo if self.steps < 0 else table.workspace.redo)()


@dataclass(frozen=True)
class Add:
    key: str
    number: int
    x: float
    y: float

    def do(self, table: Table) -> None:
        if len(table.workspace.document.graph.nodes) <= LARGEST:
            table.hands.drop(self.key, table.target(self.number, self.x, self.y))


@dataclass(frozen=True)
class Look:
    x: float
    y: float
    turns: int

    def do(self, table: Table) -> None:
        at = QPointF(table.spot(self.x, self.y))
        event = QWheelEvent(
            at,
            table.view.mapToGlobal(at),
            QPoint(),
            QPoint(0, 120 * self.turns),
            Qt.MouseButton.NoButton,
            NONE,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(table.view, event)


@dataclass(frozen=True)
class Call:
    """Something that has a menu entry, and no key that works without the window."""

    name: str

    def do(self, table: Table) -> None:
        place, _, name = self.name.partition(".")
        owner = table.view if place == "canvas" else getattr(table.view, place)
        if len(table.workspace.document.graph.nodes) <= LARGEST:
            getattr(owner, name)()
            close_editors(table.view)


KEYS = [
    *((Key.Key_Delete, each) for each in (NONE, CTRL)),
    *((key, each) for key in (Key.Key_Left, Key.Key_Right, Key.Key_Up) for each in (NONE, SHIFT, CTRL)),
    *((key, CTRL) for key in (Key.Key_A, Key.Key_C, Key.Key_X, Key.Key_V, Key.Key_D, Key.Key_L, Key.Key_G)),
    (Key.Key_G, CTRL | SHIFT),
    *((key, NONE) for key in (Key.Key_Return, Key.Key_Backspace, Key.Key_Home, Key.Key_F, Key.Key_Escape)),
]
CALLS = [
    "canvas.toggle_snaps",
    *(f"selected.{name}" for name in ("bypass", "duplicate_with_inputs", "paste_with_inputs")),
    "frames.frame_selected",
    "frames.add_note",
    "frames.fit",
    *(f"choosing.{name}" for name in ("downstream", "upstream", "grow", "shrink", "same_type", "inverse")),
    *(f"aligning.{name}" for name in ("left", "bottom", "middles", "distribute_across", "distribute_down")),
]

acts = st.one_of(
    st.builds(Click, numbers, parts, parts, modifiers),
    st.builds(
        Drag,
        numbers,
        numbers,
        parts,
        parts,
        modifiers,
        st.sampled_from([LEFT, LEFT, LEFT, MIDDLE]),
        st.sampled_from(["", "", "", "", "escape", "other button", "undo"]),
    ),
    st.builds(Twice, numbers, parts, parts, modifiers),
    st.builds(Link, numbers, numbers, numbers, modifiers),
    st.sampled_from(KEYS).map(lambda key: Press(*key)),
    st.builds(Travel, st.integers(-4, 3)),
    st.builds(Add, st.sampled_from(["linear", "relu", "conv2d", "add", "data.iris", "concat"]), numbers, parts, parts),
    st.builds(Look, parts, parts, st.integers(-4, 4)),
    st.sampled_from(CALLS).map(Call),
    st.builds(Drag, numbers, numbers, parts, parts, st.just(CTRL), st.just(RIGHT), st.just("")),
)


def close_editors(view: CanvasView) -> None:
    """End what asks for text, as Esc would."""
    view.quick_add.close_up()
    focus = QApplication.focusWidget()
    if focus is not None and focus is not view:
        QTest.keyClick(focus, Key.Key_Escape)
    view.setFocus()


def agree(table: Table) -> None:
    """Check that everything that is kept twice is equal."""
    view, workspace = table.view, table.workspace
    document, graph, arrays = workspace.document, view.graph, view.content.arrays
    assert view.hand.gesture is None
    view.arranging.settle()  # what glides is where it belongs in the end
    assert graph is document.scope(workspace.scope)
    assert list(view.content.faces) == list(graph.nodes) == arrays.ids
    assert {wire.target: wire.source for wire in arrays.wires} == dict(graph.edges)
    assert workspace.selection <= graph.nodes.keys()
    assert view.selection == workspace.selection
    assert view.content.frames == {id: f for id, f in document.layout.frames.items() if f.scope == workspace.scope}
    assert workspace.selected_frames == view.selected_frames <= view.content.frames.keys()
    led = {arrays.wires[row].target: tuple(map(tuple, arrays.way(row).tolist())) for row in arrays.led}
    assert led == {target: points for target, points in document.layout.routes.items() if target in graph.edges}
    assert workspace.selected_link is None or workspace.selected_link in graph.edges
    for node in graph.nodes:
        x, y, width, height = arrays.rect(node)
        assert Place(x, y) == document.layout.places.get(node, Place(x, y))
        geometry = view.content.geometry(node)
        assert (width, height) == (geometry.width, geometry.height)
    for wire in arrays.wires:
        row = arrays.edge_row(wire.target)
        assert arrays.ends[row].tolist() == pytest.approx(
            [*view.content.port_place(wire.source, False), *view.content.port_place(wire.target, True)]
        )


def play(table: Table, chosen: list) -> None:
    """Do everything, then undo and redo it all."""
    table.lay()
    workspace = table.workspace
    first = dumps(workspace.document)
    for act in chosen:
        act.do(table)
        agree(table)
    while workspace.history.can_undo:
        workspace.undo()
        agree(table)
    assert dumps(workspace.document) == first
    while workspace.history.can_redo:
        workspace.redo()
        agree(table)


@pytest.fixture(scope="module")
def table(qapp, tmp_path_factory):
    made = Table()
    yield made
    made.view.close()
    made.view.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=100, deadline=None, suppress_health_check=CHECKS)
@given(chosen=st.lists(acts, min_size=10, max_size=20))
def test_random_gestures_leave_everything_in_agreement(table, chosen):
    play(table, chosen)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=2_000, deadline=None, suppress_health_check=CHECKS)
@given(chosen=st.lists(acts, min_size=20, max_size=60))
def test_many_random_gestures_leave_everything_in_agreement(table, chosen):
    play(table, chosen)


def left_behind(table: Table) -> tuple[int, int]:
    """Return how many Qt objects (seen from Python) and threads there are."""
    table.lay()
    for _ in range(3):
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()
        gc.collect()
    return sum(issubclass(type(each), QObject) for each in gc.get_objects()), threading.active_count()


STORY = [
    Click(2, 0.5, 0.2, NONE),
    Drag(2, 4, 0.5, 0.3, NONE, LEFT, ""),
    Add("conv2d", 4, 0.7, 0.8),
    Press(Key.Key_D, CTRL),
    Drag(1, 5, 0.9, 0.4, NONE, LEFT, ""),
    Press(Key.Key_A, CTRL),
    Press(Key.Key_C, CTRL),
    Press(Key.Key_V, CTRL),
    Press(Key.Key_Delete, NONE),
    Press(Key.Key_A, CTRL),
    Press(Key.Key_G, CTRL),
    Press(Key.Key_Return, NONE),
    Press(Key.Key_Backspace, NONE),
    Press(Key.Key_G, CTRL | SHIFT),
    Travel(-12),
    Travel(12),
]


def test_gestures_leave_no_objects_and_no_threads_behind(table):
    play(table, STORY)
    before = left_behind(table)
    for _ in range(4):
        play(table, STORY)
    assert left_behind(table) == before


def test_a_leak_would_be_noticed(table):
    before = left_behind(table)
    kept = QObject(table.view)
    assert left_behind(table) != before
    kept.deleteLater()


def test_a_disagreement_would_be_noticed(table):
    table.lay()
    arrays = table.view.content.arrays
    arrays.set_corners(arrays.rows(table.view.graph.nodes), arrays.rects[:, :2] + 1)
    with pytest.raises(AssertionError):
        agree(table)
