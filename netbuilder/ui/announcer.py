"""The announcer: has a screen reader say what happens to the document and to the run; the canvas says the rest."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from netbuilder.document.model import Document, Node
from netbuilder.foundation.problem import Problem
from netbuilder.training.protocol import State
from netbuilder.ui.canvas.announcing import announce, is_heard
from netbuilder.ui.canvas.faces import node_title
from netbuilder.ui.text import counted
from netbuilder.ui.workspace import Change, Workspace

_STATES = {
    State.STARTING: "Training starts",
    State.RUNNING: "Training",
    State.PAUSED: "Training is paused",
    State.STOPPING: "Training stops",
    State.ENDED: "Training has ended",
    State.FAILED: "Training has failed",
}


class Announcer(QObject):
    """Listens to the workspace and puts into words what somebody who does not see the screen would miss."""

    def __init__(self, workspace: Workspace, widget: QWidget) -> None:
        """Begin to listen.

        Args:
            workspace: What is listened to.
            widget: In whose name things are said; it owns the announcer.
        """
        super().__init__(widget)
        self._workspace = workspace
        self._widget = widget
        self._known: frozenset[tuple[str, str]] = frozenset()
        self._state = workspace.state
        workspace.documentChanged.connect(self._tell_change)
        workspace.documentReplaced.connect(self._tell_opened)
        workspace.shapesChanged.connect(self._tell_problems)
        workspace.stateChanged.connect(self._tell_state)
        workspace.message.connect(self._tell)

    def _tell(self, text: str) -> None:
        announce(self._widget, text)

    def _tell_change(self, change: Change) -> None:
        if is_heard():
            self._tell(describe_change(change, self._workspace))

    def _tell_opened(self) -> None:
        if is_heard():
            self._known = _keys(self._workspace.problems)
            nodes = counted(len(self._workspace.document.graph.nodes), "layer")
            self._tell(f"{self._workspace.name}, {nodes}")

    def _tell_problems(self) -> None:
        """Say which problems came and how many went, once the shapes are those of the document."""
        if not is_heard() or self._workspace.shapes.pending:
            return
        problems = self._workspace.problems
        before, self._known = self._known, _keys(problems)
        come = [problem for problem in problems if (problem.node, problem.code) not in before]
        gone = len(before - self._known)
        if come:
            more = f", and {len(come) - 1} more" if len(come) > 1 else ""
            self._tell(f"{counted(len(problems), 'problem')}: {come[0].message}{more}")
        elif gone:
            left = f"{len(problems)} left" if problems else "none left"
            self._tell(f"{counted(gone, 'problem')} solved, {left}")

    def _tell_state(self, state: State) -> None:
        before, self._state = self._state, state
        if state is not before and not self._workspace.trainer.is_revisiting:
            self._tell(_STATES.get(state, ""))


def _keys(problems: Iterable[Problem]) -> frozenset[tuple[str, str]]:
    return frozenset((problem.node, problem.code) for problem in problems)


def describe_change(change: Change, workspace: Workspace) -> str:
    """Return what an edit did, in words: "Added Conv2d conv2", "Connected conv1 y to relu x"."""
    difference, said = change.difference, list[str]()
    for verb, ids, document in (("Added", difference.added, change.new), ("Deleted", difference.removed, change.old)):
        if ids:
            said.append(f"{verb} {_names(ids, document, workspace)}")
    if not said:
        old, new = difference.edges_removed, difference.edges_added
        if len(new) == 1:
            ((target, source),) = new
            nodes = _found((source.node, target.node), change.new)
            said.append(f"Connected {nodes[0].label} {source.port} to {nodes[1].label} {target.port}")
        elif len(old) == 1 and not new:
            ((target, source),) = old
            nodes = _found((source.node, target.node), change.old)
            said.append(f"Removed the link from {nodes[0].label} to {nodes[1].label} {target.port}")
        elif new or old:
            said.append(f"{counted(len(new), 'link')} made, {len(old)} removed")
    if not said and difference.changed:
        said.append(f"Changed {_names(difference.changed, change.new, workspace)}")
    if not said and difference.frames and not difference.moved:
        said.append(_frames(difference.frames, change))
    if not said and difference.moved:
        said.append(f"Moved {_names(difference.moved, change.new, workspace)}")
    return "; ".join(said)


def _names(ids: frozenset[str], document: Document, workspace: Workspace) -> str:
    if len(ids) != 1:
        return counted(len(ids), "layer")
    (node,) = _found(ids, document)
    return f"{node_title(node, document, workspace.vocabulary.get(node.type))} {node.label}"


def _frames(ids: frozenset[str], change: Change) -> str:
    """Return what became of frames: "Added frame Encoder"."""
    old, new = change.old.layout.frames, change.new.layout.frames
    verb = "Deleted" if ids.isdisjoint(new) else "Added" if ids.isdisjoint(old) else "Changed"
    if len(ids) != 1:
        return f"{verb} {counted(len(ids), 'frame')}"
    (id,) = ids
    return f"{verb} frame {(new.get(id) or old[id]).title or 'untitled'}"


def _found(ids: Iterable[str], document: Document) -> list[Node]:
    """Return nodes by their ids, whichever graph they are in."""
    graphs = (document.graph, *(definition.graph for definition in document.blocks.values()))
    return [next(graph.nodes[id] for graph in graphs if id in graph.nodes) for id in ids]
