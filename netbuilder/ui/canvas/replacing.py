"""Replacing layers: the selected ones become others at the same place, with the links and settings that fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from netbuilder.document import edits
from netbuilder.document.model import Document, Node, PortRef
from netbuilder.foundation.declaration import CATEGORIES, Declaration
from netbuilder.layers.spec import LayerSpec
from netbuilder.layers.tensor import TensorType
from netbuilder.ui.canvas.commands import label_wish
from netbuilder.ui.canvas.connections import accepts, default_ports
from netbuilder.ui.chooser import Chooser, Row
from netbuilder.ui.palette import COMMON, score

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

_WIDTH = 300
_FIXED = ("input", "output")
"""A block's ports: links outside hang on them."""

_COMMON: Mapping[str, int] = {key: index for index, key in enumerate(COMMON)}


class Replacing(Chooser):
    """A search for what the selected layers are to become: their own kind first, then what fits."""

    def __init__(self, view: CanvasView) -> None:
        """Search over the declarations of `view`."""
        super().__init__(view, "Search for the new layer", _WIDTH)
        self._view = view
        self._nodes: tuple[str, ...] = ()

    def ask(self) -> None:
        """Open below the selected layer; says why when nothing can be replaced."""
        view, graph = self._view, self._view.graph
        self._nodes = tuple(id for id, node in graph.nodes.items() if id in view.workspace.selection and _can(node))
        if not self._nodes:
            view.workspace.message.emit("Select layers to replace; data and a block's ports stay what they are")
            return
        view.reveal(self._nodes[0])
        corner = view.node_rect(self._nodes[0]).bottomLeft()
        self.open_at(corner.x(), corner.y() + 4, f"Replace {view.commands.title(self._nodes)}")

    def follow(self) -> None:
        """Close when one of the layers is gone."""
        if not self._view.graph.nodes.keys() >= set(self._nodes):
            self.close_up()

    def offer(self, query: str) -> Sequence[Row]:
        """Return the layers that answer: of the same category first, of those what fits first."""
        view, first = self._view, self._view.graph.nodes[self._nodes[0]]
        now = view.declarations.get(first.type)
        entries = [entry for entry in view.declarations.values() if entry.key != first.type and _is_layer(entry)]
        points = {entry.key: score(entry, query) if query.strip() else 1.0 for entry in entries}
        found = self._arriving()
        fitting = {entry.key for entry in entries if points[entry.key] and accepts(entry, False, found)}

        def rank(entry: Declaration) -> tuple[bool, bool, float, int]:
            other = now is None or entry.category != now.category
            return other, entry.key not in fitting, -points[entry.key], _COMMON.get(entry.key, len(COMMON))

        answering = sorted((entry for entry in entries if points[entry.key]), key=rank)
        return [self._row(entry, entry.key in fitting) for entry in answering]

    def take(self, key: object) -> None:
        """Replace the layers, as one undo entry."""
        view, name = self._view, str(key)
        declaration = view.declarations[name]
        title = f"Replace {view.commands.title(self._nodes)} by {declaration.title}"
        type, begun = view.commands.adopted(name)
        ports = {node: self._ports(node) for node in self._nodes}
        scope = view.workspace.scope
        view.workspace.edit(
            title, partial(_replaced, begun=begun, ports=ports, type=type, declaration=declaration, scope=scope)
        )

    def _ports(self, node: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        face = self._view.content.faces[node]
        return tuple(face.inputs), tuple(port.name for port in face.outputs)

    def _arriving(self) -> TensorType | None:
        """Return the type of what feeds the first layer, where that is known."""
        inputs, _ = self._ports(self._nodes[0])
        source = self._view.graph.edges.get(PortRef(self._nodes[0], inputs[0])) if inputs else None
        return self._view.knowledge.type_of(source) if source is not None else None

    def _row(self, entry: Declaration, fits: bool) -> Row:
        category = CATEGORIES.get(entry.category, "")
        return Row(
            key=entry.key,
            title=entry.title,
            detail="" if fits else "does not fit",
            tip=f"{category}: {entry.summary}" if entry.summary else category,
            color=self._view.style_.category(entry.category),
        )


def _can(node: Node) -> bool:
    return not node.type.startswith("data.") and node.type not in _FIXED


def _is_layer(entry: Declaration) -> bool:
    return isinstance(entry, LayerSpec) and entry.key not in _FIXED and bool(default_ports(entry)[0])


def _replaced(
    document: Document,
    begun: Sequence[Any],
    ports: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]],
    type: str,
    declaration: Declaration,
    scope: str,
) -> Document:
    for change in begun:
        document = change(document)
    for id, (inputs, outputs) in ports.items():
        node = document.scope(scope).nodes[id]
        new_inputs, new_outputs = default_ports(declaration)
        # A label that only says what the layer was would lie.
        is_plain = node.label.rstrip("_0123456789") == node.type.rstrip("_0123456789")
        document = edits.replace_type(
            document,
            id,
            type,
            _kept(declaration, node),
            label=label_wish(declaration) if is_plain else "",
            inputs=_paired(inputs, new_inputs),
            outputs=_paired(outputs, new_outputs),
            scope=scope,
        )
    return document


def _kept(declaration: Declaration, node: Node) -> dict[str, Any]:
    """Return the new layer's settings: the old ones where both have them and the new one accepts them."""
    values = declaration.defaults()
    for name, parameter in declaration.by_name.items():
        value = node.parameters.get(name)
        if isinstance(value, Mapping):  # an expression of a block's parameters
            values[name] = value
        elif name in node.parameters:
            try:
                values[name] = parameter.normalize(value)
            except ValueError:  # the same name for something else: the default is the answer
                continue
    return values


def _paired(old: Sequence[str], new: Sequence[str]) -> dict[str, str]:
    """Return which port becomes which: the one of the same name, else the one at the same place."""
    pairs = {name: name for name in old if name in new}
    free = [name for name in new if name not in pairs]
    return pairs | dict(zip([name for name in old if name not in pairs], free, strict=False))
