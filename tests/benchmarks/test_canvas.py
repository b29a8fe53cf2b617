"""How long the canvas takes to repaint, pan, zoom and drag 1,000 and 5,000 nodes, against painting a background only.

Run by hand: `pytest -m benchmark tests/benchmarks/test_canvas.py -s`. Figures are medians; machines differ.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from statistics import median
from time import perf_counter

import pytest
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QWidget

from netbuilder.document.model import Document, Graph, Layout, Node, Place, PortRef
from netbuilder.foundation.preferences import Preferences
from netbuilder.project import declarations
from netbuilder.ui.canvas.gestures import MoveNodes, Pointer
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


def milliseconds(work: Callable[[], object], rounds: int = 15) -> float:
    work()
    times = []
    for _ in range(rounds):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return 1000 * median(times)


class Empty(QWidget):
    """Paints its background: the floor."""

    def paintEvent(self, _) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        painter.end()


@pytest.fixture
def floor(qtbot) -> float:
    widget = Empty()
    qtbot.addWidget(widget)
    widget.resize(*SIZE)
    widget.show()
    return milliseconds(lambda: paint(widget))


def paint(widget: QWidget) -> None:
    widget.render(paint.image)


paint.image = QImage(*SIZE, QImage.Format.Format_ARGB32_Premultiplied)


@pytest.mark.benchmark
@pytest.mark.parametrize("count", [1_000, 5_000])
def test_frames(qtbot, floor, count):
    workspace = Workspace(Preferences())
    view = CanvasView(workspace, load_theme("dark"), declarations())
    qtbot.addWidget(view)
    view.resize(*SIZE)
    view.show()
    view.minimap.hide()
    document = large_document(count)
    rows: dict[str, float] = {}
    start = perf_counter()
    workspace.open_unsaved(document)
    rows["open"] = 1000 * (perf_counter() - start)

    def settled() -> None:
        while view._scale != view.camera.zoom:
            qtbot.wait(20)
        for _ in range(40):  # faces that are not cached come a few a frame
            paint(view)

    view.zoom_to(1.0)
    settled()
    area = view.camera.scene_rect(QRectF(view.rect()))
    in_view = view.content.arrays.nodes_in(area.left(), area.top(), area.right(), area.bottom())
    assert len(in_view) > 40, "the view must be full of nodes, or nothing is measured"
    rows["repaint at 100 %"] = milliseconds(lambda: paint(view))

    def pan() -> None:
        view.set_camera(view.camera.moved(-7, -3))
        paint(view)

    rows["pan at 100 %"] = milliseconds(pan)
    node = view.content.arrays.ids[in_view[len(in_view) // 2]]

    def drag_steps(nodes: tuple[str, ...]) -> float:
        workspace.select(nodes)
        x, y, *_ = view.content.arrays.rect(node)
        at = QPointF(x + 30, y + 10)
        gesture = MoveNodes(view, Pointer(QPointF(100, 100), at, Qt.KeyboardModifier.NoModifier), node)
        offset = [8.0]

        def step() -> None:
            offset[0] += 4.0
            moved = QPointF(offset[0], offset[0])
            gesture.move(Pointer(QPointF(100, 100) + moved, at + moved, Qt.KeyboardModifier.NoModifier))
            paint(view)

        taken = milliseconds(step)
        gesture.cancel()
        return taken

    rows["drag one at 100 %"] = drag_steps((node,))
    view.fit_all()
    settled()
    rows["repaint at fit"] = milliseconds(lambda: paint(view))

    def zoom() -> None:
        view.zoom_to(view.camera.zoom * 1.01)
        paint(view)

    rows["zoom step at fit"] = milliseconds(zoom)
    view.fit_all()
    rows["drag all at fit"] = drag_steps(tuple(workspace.document.graph.nodes))
    rows["edit of one node"] = milliseconds(lambda: workspace.edit("rename", lambda d: _relabel(d, node)), rounds=5)
    print(f"\n{count:,} nodes; floor {floor:.2f} ms; {view.camera.zoom:.3f} at fit")
    for name, value in rows.items():
        print(f"  {name:<20} {value:8.2f} ms  {value / floor:7.1f} x floor")
    assert view.grab(QRect(0, 0, 10, 10)).width() == 10
    assert rows["repaint at fit"] < 100 * floor + 60, "a repaint of everything no longer batches"


def _relabel(document: Document, node: str) -> Document:
    from netbuilder.document import edits

    return edits.rename(document, node, "other" if document.graph.nodes[node].label != "other" else "another")
