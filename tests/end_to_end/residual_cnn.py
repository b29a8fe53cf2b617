"""From an empty canvas to a trained residual CNN, by keyboard and mouse, as a person would: on a real screen.

Adds layers with Tab and a few letters, draws the shortcut, makes a block of what it has selected, repeats that, lays
everything out and trains it. `python -m tests.end_to_end.residual_cnn [FOLDER]` writes a picture of each stage into
the folder.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QPoint, QRectF
from PySide6.QtWidgets import QApplication, QDockWidget, QLineEdit

from netbuilder.document import edits
from netbuilder.document.model import Document, PortRef
from netbuilder.training.protocol import State
from netbuilder.ui.app import Program, make_application
from tests.end_to_end.hand import Hand, connect, use

EPOCHS = 6
BODY = ("conv2d", "batchnorm2d", "relu", "conv2d", "batchnorm2d", "add", "relu")


class Builder:
    """Builds the network and takes pictures on the way."""

    def __init__(self, hand: Hand, folder: Path | None) -> None:
        self.hand = hand
        self.folder = folder
        self.workspace = hand.program.workspace
        self.window = hand.program.window
        self.canvas = hand.see(lambda: hand.program.window.canvas)
        self.added: list[str] = []

    def take(self, name: str) -> None:
        """Write a picture of the window."""
        if self.folder is not None:
            path = self.folder / f"{name}.png"
            assert self.hand.see(lambda: self.window.grab().save(str(path)))

    def add(self, words: str) -> str:
        """Press Tab, type, press Enter; return the id of the new node, which hangs on the one selected before."""
        before = self.hand.see(lambda: set(self.graph().nodes))
        self.hand.keys("Tab")
        self.hand.wait(lambda: self.canvas.quick_add.isVisible(), "the search")
        self.hand.write(words)
        self.hand.wait(lambda: self.canvas.quick_add.field.text() == words, f"{words} typed")
        if words == "flatten":
            self.take("palette")
        self.hand.keys("Return")
        self.hand.wait(lambda: set(self.graph().nodes) - before, f"{words} added")
        (new,) = self.hand.see(lambda: set(self.graph().nodes) - before)
        self.added.append(new)
        return new

    def graph(self):
        """Return the graph in sight."""
        return self.workspace.document.scope(self.workspace.scope)

    def see_all(self) -> None:
        """Press Home, with the focus on the canvas, and wait until the view has come to rest."""
        self.hand.see(self.canvas.setFocus)
        self.hand.keys("Home")
        cameras = [None]

        def is_at_rest() -> bool:
            cameras.append(self.canvas.camera)
            inside = QRectF(self.canvas.rect()).contains
            whole = all(inside(self.canvas.node_rect(node)) for node in self.graph().nodes)
            return whole and cameras[-1] == cameras[-2]

        self.hand.wait(is_at_rest, "the whole network")

    def box(self, nodes: list[str]) -> None:
        """Drag a box around nodes."""

        def around() -> QRectF:
            rect = QRectF()
            for node in nodes:
                rect |= self.canvas.node_rect(node)
            return rect.adjusted(-12, -12, 12, 12)

        rect = self.hand.see(around)
        start, end = (self.hand.point(self.canvas, corner.toPoint()) for corner in (rect.topLeft(), rect.bottomRight()))
        self.hand.drag(start, end)
        self.hand.wait(lambda: self.workspace.selection == set(nodes), "the box's nodes selected")

    def type_into(self, name: str, text: str) -> None:
        """Type a value into a field of the inspector."""
        inspector = self.hand.see(lambda: self.window.findChild(QDockWidget, "inspector"))
        self.hand.wait(lambda: name in getattr(inspector.widget().page, "form", self).fields, f"the field {name}")
        line = self.hand.see(lambda: inspector.widget().page.form.fields[name].findChild(QLineEdit))
        self.hand.click(line)
        self.hand.keys("ctrl+a")
        self.hand.write(text)
        self.hand.keys("Return")
        self.hand.see(self.canvas.setFocus)

    fields: dict[str, object] = {}  # noqa: RUF012  what a page without a form has


def build(hand: Hand, folder: Path | None) -> None:
    """The whole story."""
    builder = Builder(hand, folder)
    workspace, canvas = builder.workspace, builder.canvas
    hand.see(builder.window.activateWindow)
    hand.see(canvas.setFocus)
    hand.move(*hand.point(canvas, QPoint(120, 200)))
    builder.take("empty-canvas")

    digits = builder.add("digits")
    stem = [builder.add(words) for words in ("conv2d", "relu")][-1]
    body = [builder.add(words) for words in BODY]
    builder.see_all()
    connect(hand, PortRef(stem, "y"), PortRef(body[BODY.index("add")], "b"))

    builder.box(body)
    hand.keys("ctrl+g")
    hand.wait(lambda: bool(workspace.document.blocks), "a block made")
    (block,) = hand.see(lambda: workspace.selection)
    hand.wait(lambda: isinstance(QApplication.focusWidget(), QLineEdit), "its name being asked for")
    hand.keys("ctrl+a")
    hand.write("residual")
    hand.keys("Return")
    hand.wait(lambda: builder.graph().nodes[block].label == "residual", "the block named")
    builder.type_into("repeat", "2")
    hand.wait(lambda: builder.graph().nodes[block].parameters["repeat"] == 2, "two of them in series")

    for words in ("adaptiveavgpool2d", "flatten", "linear"):
        builder.add(words)
    builder.type_into("units", "10")
    loss = builder.add("crossentropy")
    builder.see_all()
    connect(hand, PortRef(digits, "label"), PortRef(loss, "target"))
    hand.keys("ctrl+l")
    builder.see_all()
    hand.wait(lambda: not workspace.shapes.pending and not workspace.problems, "no problems")
    builder.take("built")

    hand.see(lambda: workspace.edit("Epochs", epochs))
    hand.keys("F5")
    hand.wait(lambda: workspace.progress.epoch >= 3, "three epochs")
    builder.take("built-training")
    hand.wait(lambda: workspace.state is State.ENDED, "the end of the run")
    accuracy = hand.see(lambda: workspace.series["accuracy/validation"].values[-1])
    print(f"validation accuracy {accuracy:.3f}", flush=True)
    assert accuracy > 0.9


def epochs(document: Document) -> Document:
    """Train for a few epochs only."""
    return edits.set_plan(document, replace(document.plan, epochs=EPOCHS))


def main(folder: str = "") -> None:
    """Show the window, build beside it, close it."""
    program = Program(make_application())
    program.theme.set_mode("dark")
    program.window.setGeometry(0, 0, 1600, 1000)
    program.workspace.new()
    program.window.show_network()
    use(program, lambda hand: build(hand, Path(folder) if folder else None), "the network is built and trained")


if __name__ == "__main__":
    # What an earlier one has left must not be offered, and nothing is left in the user's own folder.
    os.environ.setdefault("NETBUILDER_HOME", tempfile.mkdtemp())
    main(*sys.argv[1:])
