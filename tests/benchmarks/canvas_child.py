"""What a person does with a large network in the whole window, frame by frame, in a process of its own.

`python -m tests.benchmarks.canvas_child NODES FRAMES` prints one JSON object as its last line. A frame is one round of
Qt's event loop after an event: what the event does, what it asks to be painted, and what timers do meanwhile. Its
milliseconds are on the wall, and of this thread's processor time, which other programs do not lengthen.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psutil
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent

from netbuilder.document import edits
from netbuilder.document.diff import diff
from netbuilder.document.files import write_document
from netbuilder.document.model import Document, PortRef
from netbuilder.ui.analysis import Analysis
from netbuilder.ui.app import Program, make_application
from netbuilder.ui.canvas.view import CanvasView
from tests.benchmarks.large_networks import network

PASTED = 500
QUIET = 8
"""Rounds without work in a row after which the window counts as settled."""

_LEFT, _NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
_MIDDLE, _PLAIN = Qt.MouseButton.MiddleButton, Qt.KeyboardModifier.NoModifier


@dataclass
class Frames:
    """The frames of one activity: milliseconds on the wall and of processor time.

    Attributes:
        wall: Those of the activity's own events.
        cpu: The same in processor time.
        after: What follows the last event until the window is settled.
        next: Processor time of a whole repaint right after the activity.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    after: list[tuple[float, float]] = field(default_factory=list)
    next: list[float] = field(default_factory=list)

    def take(self, work: Callable[[], object], is_after: bool = False) -> float:
        """Do something and have Qt paint and do all that is due; return the processor time in milliseconds."""
        wall, cpu = time.perf_counter(), time.thread_time()
        work()
        APPLICATION.processEvents()
        taken = 1000 * (time.perf_counter() - wall), 1000 * (time.thread_time() - cpu)
        if is_after:
            self.after.append(taken)
        else:
            self.wall.append(taken[0])
            self.cpu.append(taken[1])
        return taken[1]

    def summary(self) -> dict[str, float]:
        """Return 95th percentiles and the longest hitch, what follows the last event included."""
        late = self.after or [(0.0, 0.0)]
        return {
            "frames": len(self.wall),
            "p95": _percentile(self.wall),
            "p95_cpu": _percentile(self.cpu),
            "hitch": max(*self.wall, max(wall for wall, _ in late)),
            "hitch_cpu": max(*self.cpu, max(cpu for _, cpu in late)),
            "next_cpu": median(self.next) if self.next else 0.0,
        }


def _percentile(times: list[float]) -> float:
    """Return what 95 % of some times do not exceed; of few, no more than the longest."""
    return quantiles(times, n=20, method="inclusive")[-1] if len(times) > 1 else times[0]


class Hand:
    """Moves the mouse over the canvas with events as Qt would send them."""

    def __init__(self, view: CanvasView) -> None:
        self.view = view
        self.buttons = _NONE

    def press(self, at: QPointF, button: Qt.MouseButton = _LEFT) -> None:
        self.buttons = button
        self._send(QEvent.Type.MouseButtonPress, at, button)

    def move(self, at: QPointF) -> None:
        self._send(QEvent.Type.MouseMove, at, _NONE)

    def release(self, at: QPointF) -> None:
        button, self.buttons = self.buttons, _NONE
        self._send(QEvent.Type.MouseButtonRelease, at, button)

    def turn(self, at: QPointF, angle: int) -> None:
        event = QWheelEvent(
            at,
            QPointF(self.view.mapToGlobal(at.toPoint())),
            QPoint(),
            QPoint(0, angle),
            _NONE,
            Qt.KeyboardModifier.ControlModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        APPLICATION.sendEvent(self.view, event)

    def _send(self, kind: QEvent.Type, at: QPointF, button: Qt.MouseButton) -> None:
        event = QMouseEvent(kind, at, self.view.mapToGlobal(at), button, self.buttons, _PLAIN)
        APPLICATION.sendEvent(self.view, event)


class Bench:
    """The window with a large network, and what is done to it."""

    def __init__(self, program: Program, count: int, frames: int) -> None:
        self.program, self.workspace, self.count, self.frames = program, program.workspace, count, frames
        self.view = program.window.canvas
        self.hand = Hand(self.view)
        self.found: dict[str, Frames] = {}
        self.moved: list[str] = []

    def settle(self, frames: Frames) -> None:
        """Let the window do all it has put off, measured as what came after."""
        quiet, deadline = 0, time.monotonic() + 60
        while quiet < QUIET and time.monotonic() < deadline:
            time.sleep(0.004)
            taken = frames.take(lambda: None, is_after=True)
            quiet = quiet + 1 if taken < 2.0 and self.workspace.is_settled else 0

    def await_settled(self, analysis: Analysis) -> None:
        """Let an analysis that no window shows come to its end."""
        while not analysis.is_settled:
            APPLICATION.processEvents()

    def run(self, name: str, steps: Iterator[Callable[[], object]]) -> Frames:
        """Do the steps, a frame each, and settle."""
        frames = self.found.setdefault(name, Frames())
        for step in steps:
            frames.take(step)
        if self.view.content.is_behind:  # what is shown of much in a frame of its own is part of it
            while self.view.content.is_behind:
                time.sleep(0.004)
                frames.take(lambda: None)
            frames.take(lambda: None)
        start = time.thread_time()
        self.view.renew()
        self.view.repaint()
        frames.next.append(1000 * (time.thread_time() - start))
        self.settle(frames)
        return frames

    def middle(self) -> QPointF:
        return QRectF(self.view.rect()).center()

    def drag(self, start: QPointF, along: QPointF, button: Qt.MouseButton = _LEFT) -> Iterator[Callable[[], object]]:
        """Press, go along in as many steps as there are frames, release."""
        yield lambda: self.hand.press(start, button)
        for step in range(1, self.frames + 1):
            at = start + along * (step / self.frames)
            yield lambda at=at: self.hand.move(at)
        yield lambda: self.hand.release(start + along)

    def wheel(self) -> Iterator[Callable[[], object]]:
        for step in range(self.frames):
            angle = 30 if step % 20 < 10 else -30
            yield lambda angle=angle: self.hand.turn(self.middle(), angle)

    def header(self, node: str) -> QPointF:
        rect = self.view.node_rect(node)
        return rect.center() - QPointF(0, max(rect.height() / 2 - 6, 0.0))

    def near(self) -> str:
        """Return a node in the middle of the canvas."""
        middle, rects = self.view.camera.to_scene(self.middle()), self.view.content.arrays.rects
        distance = (rects[:, 0] + rects[:, 2] / 2 - middle.x()) ** 2 + (rects[:, 1] - middle.y()) ** 2
        return self.view.content.arrays.ids[int(distance.argmin())]

    def drag_nodes(self, name: str, node: str, along: QPointF) -> None:
        """Drag a node with all that is selected, and see whether it has moved."""
        before = self.workspace.document.layout.places[node]
        self.run(name, self.drag(self.header(node), along))
        if self.workspace.document.layout.places[node] != before:
            self.moved.append(name)

    def look_about(self) -> None:
        """Pan, zoom, select and drag, all in view and at 100 %."""
        for where in ("at fit", "at 100 %"):
            self.view.views.actual_size() if "100" in where else self.view.fit_all()
            self.run(f"(bring into view {where})", iter([lambda: None]))
            self.run(f"pan {where}", self.drag(self.middle(), QPointF(300, 120), _MIDDLE))
            self.run(f"zoom {where}", self.wheel())
            self.view.views.actual_size() if "100" in where else self.view.fit_all()
            self.run(f"(bring into view {where})", iter([lambda: None]))
            area = QRectF(self.view.rect()).adjusted(2, 2, -32, -32)
            self.run(f"box-select {where}", self.drag(area.topLeft(), area.bottomRight() - area.topLeft()))
            self.workspace.select(())
            node = self.near()
            self.drag_nodes(f"drag one {where}", node, QPointF(90, 40))
            self.run(f"undo {where}", iter([self.workspace.undo]))
        self.view.fit_all()
        self.run("select all", iter([self.view.selected.select_all]))
        self.drag_nodes("drag all", self.near(), QPointF(60, 40))
        self.run("undo drag all", iter([self.workspace.undo]))
        self.run("redo drag all", iter([self.workspace.redo]))
        self.run("undo drag all", iter([self.workspace.undo]))

    def change(self) -> None:
        """Edit, paste, delete, and take it all back."""
        nodes = list(self.workspace.document.graph.nodes)
        chosen = [id for id in nodes if id.startswith("n")][: min(PASTED, self.count - 4)]
        self.workspace.select(chosen)
        self.view.selected.copy()
        self.view.views.actual_size()
        self.run("(bring into view at 100 %)", iter([lambda: None]))
        self.run("paste 500", iter([self.view.selected.paste]))
        self.run("undo paste", iter([self.workspace.undo]))
        self.run("redo paste", iter([self.workspace.redo]))
        self.run("delete 500", iter([self.view.selected.delete]))
        for _ in range(2):
            self.run("undo paste", iter([self.workspace.undo]))
        self.workspace.select(())
        for name, edit in self.edits().items():
            for _ in range(5):
                self.run(name, iter([lambda edit=edit: self.workspace.edit("Edit", edit)]))
                self.run(f"undo of {name}", iter([self.workspace.undo]))

    def edits(self) -> dict[str, Callable[[Document], Document]]:
        """Return one edit of each kind, somewhere in the middle."""
        document = self.workspace.document
        at = len(document.graph.nodes) // 2 // 4 * 4
        node, follower = f"n{at:08x}", f"n{at + 1:08x}"
        edge = max(target for target in document.graph.edges if target.node == follower)
        far = PortRef(f"n{at // 2:08x}", "y")
        return {
            "edit: a parameter": lambda document: edits.set_parameters(document, node, {"bias": False}),
            "edit: a name": lambda document: edits.rename(document, node, "renamed"),
            "edit: a link led elsewhere": lambda document: edits.connect(document, edge, far),
            "edit: a link removed": lambda document: edits.disconnect(document, edge),
            "edit: a layer inserted": lambda document: edits.insert_layer(document, node, "x", "relu", {}),
            "edit: a layer removed": lambda document: edits.remove_and_heal(document, [node]),
        }

    def validate(self) -> dict[str, dict[str, float]]:
        """Return milliseconds of processor time that document, diff and what follows at once take, the best of 5."""
        found, before, base = {}, self.workspace.document, self.workspace.file.base
        analysis = Analysis(before)
        analysis.torch_loaded()
        for name, edit in self.edits().items():
            times = []
            for _ in range(5):
                self.await_settled(analysis)
                start = time.thread_time()
                after = edit(before)
                diff(before, after)
                drawn = time.thread_time()
                analysis.follow(after, base)
                times.append((1000 * (drawn - start), 1000 * (time.thread_time() - drawn)))
                self.await_settled(analysis)
                analysis.follow(before, base)
            best = min(times, key=sum)
            found[name] = {"document": best[0], "validation": best[1]}
        return found


def resident() -> float:
    """Return the resident memory of this process in MB."""
    return float(psutil.Process().memory_info().rss / 1e6)


def measure(count: int, frames: int) -> dict[str, Any]:
    """Return everything there is to say about a network of `count` nodes."""
    from netbuilder.compiler.meta import warm_up

    warm_up()
    gc.disable()  # as the command does
    program = Program(APPLICATION)
    program.crashes.uninstall()
    program.loader.start = lambda: None  # type: ignore[method-assign]
    program.window.show()
    program.window.furnish()
    program.workspace.torch_loaded()
    bench = Bench(program, count, frames)
    bench.settle(Frames())
    empty = resident()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.nb"
        write_document(path, network(count))
        opened = bench.run("open", iter([lambda: bench.workspace.open(path)]))
    memory = resident() - empty
    document = bench.workspace.document
    bench.look_about()
    bench.change()
    return {
        "nodes": len(document.graph.nodes),
        "links": len(document.graph.edges),
        "open_ms": opened.wall[0],
        "settled_ms": sum(wall for wall, _ in opened.after),
        "memory_mb": memory,
        "problems": len(bench.workspace.problems),
        "moved": sorted(bench.moved),
        "same": bench.workspace.document == document,
        "frames": {name: each.summary() for name, each in bench.found.items() if not name.startswith("(")},
        "edits": bench.validate(),
    }


if __name__ == "__main__":
    APPLICATION = make_application()
    result = measure(int(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps(result), flush=True)
    os._exit(0)
