"""What the tests of gestures share: keys, and that an edit is one undo entry."""

from __future__ import annotations

from PySide6.QtCore import Qt

CTRL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
Key = Qt.Key


def undoes(workspace, before) -> None:
    """One undo gives the document of before, and redo the one of after."""
    after = workspace.document
    assert after != before
    workspace.undo()
    assert workspace.document == before
    workspace.redo()
    assert workspace.document == after


def types(workspace) -> list[str]:
    """Return the types of all nodes."""
    return [node.type for node in workspace.document.graph.nodes.values()]
