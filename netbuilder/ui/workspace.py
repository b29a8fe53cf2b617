"""The workspace: what the window's parts share, and the only thing they know of each other.

It holds the open document, its history, the selection, the shapes and problems of the current document, and the training session's latest
telemetry. Parts (canvas, panels, toolbar) are given the workspace, listen to its signals and call its methods; they never call one another.
Qt's thread owns it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from netbuilder.document.diff import Difference
from netbuilder.document.model import ROOT, Document
from netbuilder.foundation.problem import Fix, Problem
from netbuilder.training.protocol import State


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the document: the values before and after, and what differs."""

    old: Document
    new: Document
    difference: Difference


class Workspace(QObject):
    """What the window's parts share.

    Signals:
        documentChanged: (Change) after every edit, undo and redo.
        documentReplaced: () another document was opened; everything is new.
        selectionChanged: () `selection` is another set of node ids.
        shapesChanged: () `shapes` and `problems` were recomputed (perhaps partly: see `Shapes.pending`).
        fileChanged: () `path`, the title or `is_modified` changed.
        stateChanged: (State) the training session's state changed.
        telemetry: (Telemetry) what is new, about 15 times a second while a session lives.
        message: (str) one line for the status bar and the log.
        revealRequested: (str) bring this node into view.
    """

    documentChanged = Signal(object)
    documentReplaced = Signal()
    selectionChanged = Signal()
    shapesChanged = Signal()
    fileChanged = Signal()
    stateChanged = Signal(object)
    telemetry = Signal(object)
    message = Signal(str)
    revealRequested = Signal(str)

    document: Document
    selection: frozenset[str]
    scope: str = ROOT
    path: Path | None
    shapes: object
    problems: tuple[Problem, ...]
    state: State

    def edit(self, title: str, change: Callable[[Document], Document], merge: str = "") -> None:
        """Replace the document by `change(document)` as one undo entry.

        Args:
            title: What Undo will say: "Add Conv2d".
            change: A pure function, usually a partial of `netbuilder.document.edits`.
            merge: Edits in a row with the same non-empty key become one entry (a scrubbed number).
        """
        raise NotImplementedError

    def apply_fix(self, fix: Fix) -> None:
        """Apply a problem's fix as one undo entry titled like the fix."""
        raise NotImplementedError

    def select(self, nodes: Iterable[str]) -> None:
        """Make these node ids the selection."""
        raise NotImplementedError
