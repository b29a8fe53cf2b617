"""How long the canvas takes to repaint, pan, zoom and drag 1,000 and 5,000 nodes, against painting a background only.

Run by hand: `pytest -m benchmark tests/benchmarks/test_canvas.py -s`. Figures are medians; machines differ.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from statistics import median
from time import perf_counter

import pytest
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QWidget

from netbuilder.document.model import Document, Graph, Layout, Node, Place, PortRef
from netbuilder.foundation.preferences import Preferences
from netbuilder.project import declarations
from netbuilder.ui.canvas.carrying import MoveNodes
from netbuilder.ui.canvas.gestures import Pointer
from netbuilder.ui.canvas.linking import DrawLink
from netbuilder.ui.canvas.view import CanvasView
from netbuilder.ui.theme import load_theme
from netbuilder.ui.workspace import Workspace

TYPES = ("conv2d", "relu", "batch_norm2d", "max_pool2d", "dropout", "add")
SIZE = (1600, 1000)


def large_document(count: int) -> Document:
    """Rows of 50 nodes, each fed by the one before and, for Add, by one some steps back: about 1.2 links a node."""
    chance = random.Random(1)
    nodes: dict[str, Node] = {}
    places: dict[str, Place] = {}
    edges: dict[PortRef, PortRef] = {}
    ids = [f"n{index:08x}" for index in range(count)]
    specs = declarations()
    for index, id in enumerate(ids):
        type = TYPES[index % len(TYPES)]
        nodes[id] = Node(id=id, type=type, label=f"{type}_{index}", parameters=specs[type].defaults())
        places[id] = Place((index % 50) * 180.0, (index // 50) * 140.0)
        if index:
            edges[PortRef(id, "a" if type == "add" else "x")] = PortRef(ids[index - 1], "y")
        if type == "add" and index > 10:
            edges[PortRef(id, "b")] = PortRef(ids[index - chance.randint(2, 9)], "y")
    return Document(graph=Graph(nodes=nodes, edges=edges), layout=Layout(places=places))


Works = dict[str, Callable[[], object]]


def milliseconds(works: Works, rounds: int) -> dict[str, float]:
    """Return the median of each, one of each in turn: what else the machine does then falls on all of them alike."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(rounds):
        for name, work in works.items():
            start = perf_counter()
            work()
            times[name].append(1000 * (perf_counter() - start))
    return {name: median(taken) for name, taken in times.items()}


class Empty(QWidget):
    """Paints its background: the floor."""

    def paintEvent(self, _) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        painter.end()


def paint(widget: QWidget) -> None:
    """Have a widget painted whole, as a window system that remembers nothing would ask."""
    widget.render(IMAGE)


IMAGE = QImage(*SIZE, QImage.Format.Format_ARGB32_Premultiplied)


class Bench:
    """A canvas with a large network, and what is done to it."""

    def __init__(self, qtbot, count: int) -> None:
        self.qtbot = qtbot
        self.workspace = Workspace(Preferences())
        self.view = CanvasView(self.workspace, load_theme("dark"))
        self.floor = Empty()
        for widget in (self.view, self.floor):
            qtbot.addWidget(widget)
            widget.resize(*SIZE)
            widget.show()
        self.view.minimap.hide()
        start = perf_counter()
        self.workspace.open_unsaved(large_document(count))
        self.open = 1000 * (perf_counter() - start)

    def settle(self) -> None:
        """Wait until faces are drawn for the zoom reached."""
        self.qtbot.waitUntil(lambda: self.view._scale == self.view.camera.zoom)
        for _ in range(60):  # faces that are not cached come a few a frame
            paint(self.view)

    def in_view(self) -> tuple[str, ...]:
        area = self.view.camera.scene_rect(QRectF(self.view.rect()))
        arrays = self.view.content.arrays
        rows = arrays.nodes_in(area.left(), area.top(), area.right(), area.bottom())
        return tuple(arrays.ids[row] for row in rows)

    def empty(self) -> None:
        paint(self.floor)

    def copy(self) -> None:
        """Paint what has not changed."""
        paint(self.view)

    def anew(self) -> None:
        """Paint everything anew."""
        self.view.renew()
        paint(self.view)

    def pan(self) -> None:
        self.view.set_camera(self.view.camera.moved(-7, -3))
        paint(self.view)

    def zoom(self) -> None:
        self.view.zoom_to(self.view.camera.zoom * 1.01)
        paint(self.view)

    def hover(self) -> None:
        """Light up another link."""
        self.view.hover_link(self._links[self._turn % len(self._links)])
        self._turn += 1
        paint(self.view)

    _turn = 0
    _links: tuple[PortRef, ...] = ()

    def see(self) -> tuple[str, ...]:
        """Return the nodes in view, and hover over the links into them from now on."""
        near = self.in_view()
        self._links = tuple(wire.target for wire in self.view.content.arrays.wires if wire.target.node in near)
        return near

    def drag(self, nodes: tuple[str, ...]) -> tuple[MoveNodes, Callable[[], None]]:
        """Begin to drag nodes; returns the gesture and what goes on with it by a step."""
        self.workspace.select(nodes)
        node = nodes[len(nodes) // 2]
        x, y, *_ = self.view.content.arrays.rect(node)
        at, start = QPointF(x + 30, y + 10), QPointF(100, 100)
        gesture = MoveNodes(self.view, Pointer(start, at, Qt.KeyboardModifier.NoModifier), node)
        offset = [8.0]

        def step() -> None:
            offset[0] += 4.0
            moved = QPointF(offset[0], offset[0])
            gesture.move(Pointer(start + moved, at + moved, Qt.KeyboardModifier.NoModifier))
            paint(self.view)

        return gesture, step

    def draw_link(self, node: str) -> Callable[[], None]:
        """Begin to draw a link from a node; returns what goes on with it by a step."""
        port = PortRef(node, "y")
        at, start = QPointF(*self.view.content.port_place(port, False)), QPointF(100, 100)
        gesture = DrawLink(self.view, Pointer(start, at, Qt.KeyboardModifier.NoModifier), port, is_input=False)
        self.view.hand.begin(gesture)
        turn = [0]

        def step() -> None:
            turn[0] += 1
            moved = QPointF(10 + turn[0] % 20, 10 + turn[0] % 30)
            gesture.move(Pointer(start + moved, at + moved, Qt.KeyboardModifier.NoModifier))
            paint(self.view)

        return step

    def relabel(self) -> None:
        node = next(iter(self.workspace.document.graph.nodes))
        self.workspace.edit("rename", lambda document: _relabel(document, node))


def measure(bench: Bench, rounds: int) -> tuple[dict[str, float], float]:
    """Return milliseconds by what was done, and those of the floor."""
    view = bench.view
    view.zoom_to(1.0)
    bench.settle()
    near = bench.see()
    gesture, step = bench.drag((near[len(near) // 2],))
    rows = milliseconds(
        {
            "floor": bench.empty,
            "repaint at 100 %, all anew": bench.anew,
            "repaint at 100 %, nothing new": bench.copy,
            "hover links at 100 %": bench.hover,
            "drag one at 100 %": step,
        },
        rounds,
    )
    gesture.cancel()
    step = bench.draw_link(near[len(near) // 2])
    rows |= milliseconds({"draw a link at 100 %": step}, rounds)
    bench.view.hand.cancel()
    rows |= milliseconds({"pan at 100 %": bench.pan}, rounds)
    view.fit_all()
    bench.settle()
    gesture, step = bench.drag(tuple(bench.workspace.document.graph.nodes))
    works = {"repaint at fit, all anew": bench.anew, "drag all at fit": step}
    rows |= milliseconds(works, rounds)
    gesture.cancel()
    rows |= milliseconds({"zoom step at fit": bench.zoom}, rounds)
    view.fit_all()
    rows |= milliseconds({"edit of one node": bench.relabel}, max(rounds // 3, 1))
    return rows, rows.pop("floor")


@pytest.mark.benchmark
@pytest.mark.parametrize("count", [1_000, 5_000])
def test_frames(qtbot, count):
    bench = Bench(qtbot, count)
    rows, floor = measure(bench, rounds=31)
    print(
        f"\n{count:,} nodes; floor {floor:.2f} ms; opened in {bench.open:.0f} ms; {bench.view.camera.zoom:.3f} at fit"
    )
    for name, value in rows.items():
        print(f"  {name:<30} {value:8.2f} ms  {value / floor:7.1f} x floor")
    assert rows["repaint at fit, all anew"] < 60 * floor, "a repaint of everything no longer batches"
    assert rows["drag one at 100 %"] < rows["repaint at 100 %, all anew"] * 2, "a drag repaints more than it moves"


def test_the_benchmark_measures_what_it_says(qtbot):
    """With few nodes and no word about time: the network is in view, drags move it, and every figure is there."""
    bench = Bench(qtbot, 120)
    bench.view.zoom_to(1.0)
    bench.settle()
    assert len(bench.in_view()) > 20, "the view must be full of nodes, or nothing is measured"
    node = bench.in_view()[5]
    before = bench.view.content.arrays.rect(node)
    gesture, step = bench.drag((node,))
    step()
    assert bench.view.content.arrays.rect(node) != before
    gesture.cancel()
    assert bench.view.content.arrays.rect(node) == before
    rows, floor = measure(bench, rounds=1)
    assert floor > 0
    assert all(value > 0 for value in rows.values())
    assert len(rows) == 10


def _relabel(document: Document, node: str) -> Document:
    from netbuilder.document import edits

    return edits.rename(document, node, "other" if document.graph.nodes[node].label != "other" else "another")
