"""Data of the user's own: what a file or a folder becomes, the question what is to be predicted, a first network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from netbuilder import first_network
from netbuilder.data import schemas
from netbuilder.data.spec import Preview
from netbuilder.document import edits
from netbuilder.document.history import History
from netbuilder.document.model import Document, Node, Place, Schema
from netbuilder.foundation.problem import Problem
from netbuilder.ui import dialogs
from netbuilder.ui.target_dialog import TargetDialog

if TYPE_CHECKING:
    from netbuilder.ui.window import MainWindow

_FILES = ("file", "folder")
_PREVIEW_ROWS = 50


class OwnData:
    """Begins networks with data of the user's own, and adds such data to the network that is open."""

    def __init__(self, window: MainWindow, may_leave: Callable[[], bool]) -> None:
        """Work for a window.

        Args:
            window: Whose.
            may_leave: Asks what could be lost by leaving the current document.
        """
        self._window, self._workspace = window, window.workspace
        self._may_leave = may_leave

    def choose(self, folder: Path) -> None:
        """Ask for a table or a folder of images, and begin a network with it.

        Args:
            folder: Where to look first.
        """
        path = dialogs.choose_data(self._window, folder)
        if path:
            self.begin(path)

    def begin(self, path: Path) -> None:
        """Begin a network with a table or a folder of images; of a table, ask what is to be predicted."""
        node = first_network.data_node(path)
        if node.type != "data.table":
            self._read(node, path, partial(self._begin, node))
            return
        title = f"Reading {path.name}"
        self._workspace.message.emit(f"{title}…")
        self._window.background.run(
            title,
            lambda _job: schemas.preview(node.type, node.parameters, rows=_PREVIEW_ROWS),
            lambda preview: self._ask_target(node, path, preview),
            lambda problems: self._window.show_problems(f"{path.name} cannot be read", problems),
        )

    def add(self, path: Path) -> None:
        """Add a node that reads this file or folder, as soon as it is known what it yields."""
        node = first_network.data_node(path)
        self._read(node, path, partial(self._add, node, self._workspace.history))

    def draw_network(self) -> None:
        """Draw a first network behind the selected data node, or behind the only one that feeds nothing."""
        document = self._workspace.document
        loose = idle_data(document)
        chosen = [node for node in self._workspace.selection if node in loose] or loose
        why = first_network.why_not(document, chosen[0]) if chosen else "no data node is without a network"
        if why:
            self._workspace.message.emit(f"No network was drawn: {why}.")
            return
        self._workspace.edit("Draw a first network", partial(first_network.draw, node=chosen[0]))
        self._window.canvas.views.fit_all()

    def _read(self, node: Node, path: Path, done: Callable[[Schema | None], None]) -> None:
        title = f"Reading {path.name}"
        self._workspace.message.emit(f"{title}…")

        def refuse(problems: tuple[Problem, ...]) -> None:
            if not any(problem.field in _FILES for problem in problems):
                done(None)  # it can be mended in the node's form
            self._window.show_problems(f"{path.name} cannot be read", problems)

        self._window.background.run(title, lambda _job: schemas.describe(node.type, node.parameters), done, refuse)

    def _ask_target(self, node: Node, path: Path, preview: Preview) -> None:
        dialog = TargetDialog(self._window, path.name, preview)

        def go_on() -> None:
            chosen = replace(node, parameters={**node.parameters, "target": dialog.target})
            self._read(chosen, path, partial(self._begin, chosen))

        dialog.accepted.connect(go_on)
        dialog.open()

    def _begin(self, node: Node, schema: Schema | None) -> None:
        if not self._may_leave():
            return
        self._workspace.new()
        self._window.show_network()
        self._workspace.edit(f"Begin with {node.label}", partial(_begun, node=node, schema=schema))
        self._window.canvas.views.fit_all()
        self._workspace.select((node.id,))
        self._tell(node, schema)

    def _add(self, node: Node, history: History, schema: Schema | None) -> None:
        if self._workspace.history is not history:
            self._workspace.message.emit(f"{node.label} was not added: another network has been opened meanwhile")
            return
        places = self._workspace.document.layout.places.values()
        place = Place(
            min((place.x for place in places), default=300.0) - 260.0, min((place.y for place in places), default=200.0)
        )
        self._workspace.edit(f"Add {node.label}", partial(edits.add_node, node=node, place=place, schema=schema))
        self._workspace.reveal(node.id)
        self._tell(node, schema)

    def _tell(self, node: Node, schema: Schema | None) -> None:
        rows = f"{schema.rows:,} samples" if schema is not None else "not read yet"
        self._workspace.message.emit(f"{node.label}: {rows}")


def idle_data(document: Document) -> list[str]:
    """Return the data nodes of the main graph that feed nothing."""
    feeding = {source.node for source in document.graph.edges.values()}
    return [id for id, node in document.graph.nodes.items() if node.type.startswith("data.") and id not in feeding]


def _begun(document: Document, node: Node, schema: Schema | None) -> Document:
    document = edits.set_about(document, replace(document.about, title=node.label))
    document = edits.add_node(document, node, Place(0.0, 0.0), schema)
    return document if first_network.why_not(document, node.id) else first_network.draw(document, node.id)
