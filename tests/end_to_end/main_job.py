"""A user's hand on the real window: run in a process of its own, on a real screen; driven by X events from outside Qt.

Drags a layer from the palette, connects it, edits a parameter, undoes, redoes, trains two epochs, and watches the curve
and the mosaic. Prints what it did; any failed check ends it with a traceback and status 1.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QPoint
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QDockWidget, QLineEdit, QWidget

from netbuilder.document import edits
from netbuilder.document.model import PortRef
from netbuilder.templates import open_template
from netbuilder.training.protocol import PictureKind, State
from netbuilder.ui.app import Program, make_application
from tests.end_to_end.hand import Hand, connect, use


def do(hand: Hand) -> None:
    """The main job."""
    program = hand.program
    workspace, window = program.workspace, program.window
    canvas = window.canvas
    hand.see(window.activateWindow)
    hand.wait(lambda: workspace.analysis._torch and not workspace.shapes.pending, "all shapes")
    nodes = hand.see(lambda: {node.label: id for id, node in workspace.document.graph.nodes.items()})

    dropout = drag_layer(hand)
    connect(hand, PortRef(nodes["pool"], "y"), PortRef(dropout, "x"))
    connect(hand, PortRef(dropout, "y"), PortRef(nodes["flatten"], "x"))
    hand.wait(lambda: not workspace.shapes.pending and not workspace.problems, "no problems")

    edit_parameter(hand, dropout)

    hand.see(lambda: workspace.edit("Epochs", lambda d: edits.set_plan(d, replace(d.plan, epochs=2))))
    rect = hand.see(lambda: canvas.node_rect(nodes["conv1"]))
    hand.click(canvas, QPoint(round(rect.center().x()), round(rect.top() + 8)))
    hand.wait(lambda: workspace.selection == {nodes["conv1"]}, "conv1 selected")
    train(hand, nodes["conv1"])


def drag_layer(hand: Hand) -> str:
    """Find Dropout in the palette and drag it onto a free spot; return its id."""
    workspace, window = hand.program.workspace, hand.program.window
    palette, canvas = window.docks.palette, window.canvas
    before = hand.see(lambda: set(workspace.document.graph.nodes))
    hand.click(palette.field)
    hand.write("dropout")
    hand.wait(lambda: palette.field.text() == "dropout", "the search typed")

    def row() -> QPoint:
        item = palette.tree.topLevelItem(0)
        assert item is not None
        assert item.text(0) == "Dropout"
        return palette.tree.visualItemRect(item).center()

    start = hand.point(palette.tree.viewport(), hand.see(row))
    place = hand.see(lambda: QPoint(canvas.width() * 3 // 5, canvas.height() - 60))
    hand.drag(start, hand.point(canvas, place))
    hand.wait(lambda: set(workspace.document.graph.nodes) - before, "the layer dropped")
    (new,) = hand.see(lambda: set(workspace.document.graph.nodes) - before)
    assert hand.see(lambda: workspace.document.graph.nodes[new].type) == "dropout"
    return new


def edit_parameter(hand: Hand, node: str) -> None:
    """Type another value into the inspector; undo it, redo it."""
    workspace, window = hand.program.workspace, hand.program.window

    def value() -> object:
        return workspace.document.graph.nodes[node].parameters["p"]

    hand.see(lambda: workspace.select((node,)))
    inspector = hand.see(lambda: window.findChild(QDockWidget, "inspector"))
    hand.wait(lambda: "p" in getattr(inspector.widget().page, "form", window).fields, "the inspector's form")
    line = hand.see(lambda: inspector.widget().page.form.fields["p"].findChild(QLineEdit))
    old = hand.see(value)
    hand.click(line)
    hand.keys("ctrl+a")
    hand.write("0.3")
    hand.keys("Return")
    hand.wait(lambda: value() == 0.3, "the parameter changed")
    hand.see(window.canvas.setFocus)
    hand.keys("ctrl+z")
    hand.wait(lambda: value() == old, "the change undone")
    hand.keys("ctrl+shift+z")
    hand.wait(lambda: value() == 0.3, "the change redone")


def train(hand: Hand, watched: str) -> None:
    """Press Train; see the curve and the mosaic change; see the run end."""
    workspace, window = hand.program.workspace, hand.program.window
    curves = hand.see(lambda: window.findChild(QDockWidget, "curves").widget())
    maps = (PictureKind.MAPS, watched)
    empty = hand.see(lambda: picture(curves))
    hand.click(window.toolbar.primary)
    hand.wait(
        lambda: maps in workspace.pictures and len(workspace.series.get("loss/train", ())) > 1, "first curve and maps"
    )
    first_maps = hand.see(lambda: workspace.pictures[maps])
    first = hand.see(lambda: picture(curves))
    assert first != empty
    hand.wait(lambda: workspace.state is State.ENDED, "the end of the run")
    assert hand.see(lambda: workspace.progress.epoch) == 2
    last_maps = hand.see(lambda: workspace.pictures[maps])
    assert last_maps.step > first_maps.step
    assert (last_maps.data != first_maps.data).any()
    assert hand.see(lambda: picture(curves)) != first
    losses = hand.see(lambda: workspace.series["loss/train"].values.copy())
    assert losses[-5:].mean() < losses[:5].mean()


def picture(widget: QWidget) -> QImage:
    return widget.grab().toImage()


def main() -> None:
    """Show the window, do the job beside it, close it."""
    program = Program(make_application())
    program.theme.set_mode("dark")
    program.window.setGeometry(0, 0, 1600, 1000)
    program.workspace.open_unsaved(open_template("digits-residual"))
    use(program, do, "the main job is done")


if __name__ == "__main__":
    main()
