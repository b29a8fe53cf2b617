"""A hand on the real window: it looks on Qt's thread and moves the mouse from another, by X events from outside Qt."""

from __future__ import annotations

import os
import subprocess
import threading
import time
import traceback
from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QObject, QPoint, Qt, Signal, Slot
from PySide6.QtWidgets import QWidget

from netbuilder.document.model import PortRef
from netbuilder.ui.app import Program

T = TypeVar("T")


class Hand(QObject):
    """Looks at the window on Qt's thread and moves the mouse from another, as a user would."""

    _asked = Signal(object)

    def __init__(self, program: Program) -> None:
        super().__init__()
        self.program = program
        self._asked.connect(self._answer, Qt.ConnectionType.QueuedConnection)

    @Slot(object)
    def _answer(self, call: Callable[[], None]) -> None:
        call()

    def see(self, look: Callable[[], T]) -> T:
        """Return what `look` gives on Qt's thread."""
        done, box = threading.Event(), {}

        def call() -> None:
            try:
                box["value"] = look()
            except BaseException as error:
                box["error"] = error
            done.set()

        self._asked.emit(call)
        assert done.wait(60), "the window does not answer"
        if "error" in box:
            raise box["error"]
        return box["value"]

    def wait(self, condition: Callable[[], object], what: str, seconds: float = 120.0) -> None:
        """Wait for something to be seen."""
        deadline = time.monotonic() + seconds
        while not self.see(condition):
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            time.sleep(0.05)
        print("saw", what, flush=True)

    def point(self, widget: QWidget, at: QPoint | None = None) -> tuple[int, int]:
        """Return a point of a widget, its middle by default, on the screen."""
        place = self.see(lambda: widget.mapToGlobal(at if at is not None else widget.rect().center()))
        return place.x(), place.y()

    def move(self, x: int, y: int) -> None:
        xdotool("mousemove", x, y)

    def click(self, widget: QWidget, at: QPoint | None = None) -> None:
        self.move(*self.point(widget, at))
        xdotool("click", 1)

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Press, move in steps, release."""
        self.move(*start)
        xdotool("mousedown", 1)
        for part in range(1, 11):
            self.move(*(round(a + (b - a) * part / 10) for a, b in zip(start, end, strict=True)))
            time.sleep(0.05)
        time.sleep(0.2)
        xdotool("mouseup", 1)

    def keys(self, *names: str) -> None:
        xdotool("key", "--clearmodifiers", *names)

    def write(self, text: str) -> None:
        xdotool("type", "--delay", 40, text)


def xdotool(*arguments: object) -> None:
    subprocess.run(["xdotool", *map(str, arguments)], check=True, timeout=60)


def connect(hand: Hand, source: PortRef, target: PortRef) -> None:
    """Drag a link from an output to an input."""
    workspace, canvas = hand.program.workspace, hand.program.window.canvas
    start = hand.see(lambda: canvas.port_point(source.node, source.port, False).toPoint())
    end = hand.see(lambda: canvas.port_point(target.node, target.port, True).toPoint())
    hand.drag(hand.point(canvas, start), hand.point(canvas, end))
    hand.wait(lambda: workspace.document.graph.edges.get(target) == source, f"the link to {target.port}")


def use(program: Program, do: Callable[[Hand], None], done: str) -> None:
    """Run the program, have a hand use it, close it and end the process: 0 when nothing failed.

    Args:
        program: With its window set up; it is shown here.
        do: What the hand does.
        done: Printed when nothing failed.
    """
    hand = Hand(program)
    failures: list[str] = []

    def work() -> None:
        try:
            do(hand)
        except BaseException:
            failures.append(traceback.format_exc())
        hand.see(program.window.close_now)

    program.window.furnished.connect(lambda: threading.Thread(target=work, daemon=True).start())
    program.run()
    failures += program.crashes.reports + program.crashes.qt_warnings
    print("\n".join(failures) or done, flush=True)
    os._exit(1 if failures else 0)
