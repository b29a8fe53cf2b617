"""What the canvas's gestures, keys and menus do to the document: each is one undo entry."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import cast

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QGuiApplication

from netbuilder.compiler.bypass import why_not_bypassed
from netbuilder.data import schemas
from netbuilder.document import clipboard, edits
from netbuilder.document.adoption import adopt
from netbuilder.document.blocks import BLOCK, definition_of, instances
from netbuilder.document.clipboard import Clip
from netbuilder.document.edits.grouping import DEFAULT_TITLE
from netbuilder.document.model import Document, Graph, Node, Place, PortRef, Schema, new_id
from netbuilder.document.topology import reachable
from netbuilder.foundation.declaration import Declaration
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.layers.instances import CATEGORY
from netbuilder.ui.canvas.connections import Loose, accepts, default_ports
from netbuilder.ui.canvas.content import Content
from netbuilder.ui.canvas.geometry import HEADER, WIDTH
from netbuilder.ui.usage import Usage
from netbuilder.ui.workspace import Workspace

Change = Callable[[Document], Document]

BESIDE = Place(40.0, 40.0)
"""How far from the originals copies lie."""

_GAP = 28.0  # that a node dropped into a link leaves to its neighbours


class Commands:
    """Edits of the document shown, by way of the workspace.

    Attributes:
        usage: Which layers were added, and after which.
    """

    def __init__(self, workspace: Workspace, content: Content) -> None:
        self._workspace = workspace
        self.usage = Usage(workspace.preferences)
        self._content = content
        self._declarations = workspace.vocabulary

    @property
    def graph(self) -> Graph:
        """The graph being edited."""
        return self._workspace.document.scope(self._workspace.scope)

    def title(self, nodes: Collection[str]) -> str:
        """Return what an undo entry calls these nodes: "Conv2d", or "3 nodes"."""
        if len(nodes) != 1:
            return f"{len(nodes)} nodes"
        (node,) = nodes
        return self._content.faces[node].title

    def add(self, key: str, at: Place, link: Loose | None = None) -> str:
        """Add a layer or data source with its header's middle at a point, on a loose link if any; returns its id."""
        declaration = self._declarations[key]
        type, begun = self.adopted(key)
        node = Node(id=new_id(), type=type, label=label_wish(declaration), parameters=declaration.defaults())
        place = Place(round(at.x - WIDTH / 2), round(at.y - HEADER / 2))
        schema = self._describe(node)
        changes: list[Change] = [
            *begun,
            partial(edits.add_node, node=node, place=place, schema=schema, scope=self._workspace.scope),
        ]
        port = self._port_for(link, declaration, schema) if link else ""
        if link and port:
            target, source = link.ends(PortRef(node.id, port))
            changes.append(partial(edits.connect, target=target, source=source, scope=self._workspace.scope))
        self._edit(f"Add {declaration.title}", *changes)
        self.usage.note_added(key)
        if link and port:
            self._note_link(*link.ends(PortRef(node.id, port)))
        self._workspace.select((node.id,))
        return node.id

    def adopted(self, key: str) -> tuple[str, list[Change]]:
        """Return the type of a fresh node, and what has to be done before it: a block of the library is added."""
        entry = self._declarations.entry(key)
        if entry is None:
            return key, []
        file = entry.file
        begun: list[Change] = [partial(edits.add_definitions, blocks=file.blocks, layout=file.layout)]
        try:
            _, keys = adopt(self._workspace.document, file.blocks, file.layout)
        except NetbuilderError:  # the edit that begins so is refused for the same reason, and tells it
            return BLOCK + file.block, begun
        return BLOCK + keys[file.block], begun

    def free_spot(self, x: float, y: float) -> Place:
        """Return the point nearest to the right of or below (x, y) around which a node covers no other."""
        arrays = self._content.arrays
        for ring in range(12):
            for column in range(ring + 1):
                at = Place(x + column * (WIDTH + 48), y + (ring - column) * 96)
                left, top = at.x - WIDTH / 2 - 12, at.y - HEADER
                if not len(arrays.nodes_in(left, top, left + WIDTH + 24, top + 120)):
                    return at
        return Place(x, y)

    def splice(self, key: str, target: PortRef) -> str:
        """Insert a layer into the link that ends at `target`; returns its id, "" for one without both ports."""
        declaration = self._declarations[key]
        inputs, outputs = default_ports(declaration)
        if not inputs or not outputs:
            return ""
        node = new_id()
        type, begun = self.adopted(key)
        change = partial(
            edits.insert_layer,
            node=target.node,
            port=target.port,
            type=type,
            parameters=declaration.defaults(),
            label=label_wish(declaration),
            input=inputs[0],
            output=outputs[0],
            id=node,
            scope=self._workspace.scope,
        )
        self._edit(f"Insert {declaration.title}", *begun, change)
        self.usage.note_added(key)
        for end, source in self.graph.edges.items():
            if node in (end.node, source.node):
                self._note_link(end, source)
        self._workspace.select((node,))
        return node

    def can_splice(self, key: str) -> bool:
        """Return whether a layer has both an input and an output, and so can go into a link."""
        return all(default_ports(self._declarations[key]))

    def splice_target(self, node: str, x: float, y: float) -> PortRef | None:
        """Return the link at a point that an unlinked node could go into, or None."""
        inputs, outputs = self._content.faces[node].inputs, self._content.faces[node].outputs
        arrays = self._content.arrays
        if not inputs or not outputs or len(arrays.edges_of(arrays.rows((node,)))):
            return None
        return arrays.edge_at(x, y, 14.0)

    def move_into(self, node: str, place: Place, target: PortRef) -> None:
        """Move a node to a place and into the link that ends at `target`."""
        face, source, scope = self._content.faces[node], self.graph.edges[target], self._workspace.scope
        self._edit(
            f"Insert {face.title}",
            partial(edits.move_nodes, places=self._with_room(node, place, source.node, target.node)),
            partial(edits.connect, target=PortRef(node, face.inputs[0]), source=source, scope=scope),
            partial(edits.connect, target=target, source=PortRef(node, face.outputs[0].name), scope=scope),
        )

    def _with_room(self, node: str, place: Place, source: str, target: str) -> dict[str, Place]:
        """Return places with room for a node between two others: what is downstream goes aside, and nothing else."""
        arrays = self._content.arrays
        (left, _, width, _), (right, *_) = arrays.rect(source), arrays.rect(target)
        if right <= left:  # a link back to the beginning of the next row: nothing has to go aside
            return {node: place}
        x = max(place.x, left + width + _GAP)
        missing = x + arrays.rect(node)[2] + _GAP - right
        places = {node: Place(x, place.y)}
        if missing > 0:
            for follower in {target, *reachable(self.graph, target)} - {node}:
                at_x, at_y, _, _ = arrays.rect(follower)
                if at_x >= right:
                    places[follower] = Place(at_x + missing, at_y)
        return places

    def connect(self, target: PortRef, source: PortRef, instead_of: PortRef | None = None) -> None:
        """Link two ports; the link into `instead_of` is the one that was led here."""
        changes: list[Change] = []
        if instead_of is not None and instead_of != target:
            changes.append(partial(edits.disconnect, target=instead_of, scope=self._workspace.scope))
        changes.append(partial(edits.connect, target=target, source=source, scope=self._workspace.scope))
        names = f"{self.title((source.node,))} to {self.title((target.node,))}"
        self._edit(f"{'Lead' if instead_of else 'Connect'} {names}", *changes)
        self._note_link(target, source)

    def _note_link(self, target: PortRef, source: PortRef) -> None:
        """Remember which type was linked to which, if the link was made."""
        graph = self.graph
        if graph.edges.get(target) == source:
            self.usage.note_followed(graph.nodes[source.node].type, graph.nodes[target.node].type)

    def lead(self, targets: Sequence[PortRef], source: PortRef) -> None:
        """Lead the links into several inputs to one output."""
        scope = self._workspace.scope
        changes = [partial(edits.connect, target=target, source=source, scope=scope) for target in targets]
        what = "link" if len(targets) == 1 else f"{len(targets)} links"
        self._edit(f"Lead {what} to {self.title((source.node,))}", *changes)
        for target in targets:
            self._note_link(target, source)

    def disconnect(self, targets: Collection[PortRef]) -> None:
        """Remove links."""
        scope = self._workspace.scope
        changes = [partial(edits.disconnect, target=target, scope=scope) for target in sorted(targets)]
        self._edit("Remove link" if len(changes) == 1 else f"Remove {len(changes)} links", *changes)

    def bypass(self, nodes: Collection[str]) -> None:
        """Leave nodes out, or use them again when all of them are left out; says why one cannot be left out."""
        graph, document = self.graph, self._workspace.document
        if nodes and all(graph.nodes[node].bypassed for node in nodes):
            change = partial(edits.set_bypassed, nodes=tuple(nodes), bypassed=False, scope=self._workspace.scope)
            self._edit(f"Use {self.title(nodes)} again", change)
            return
        types = self._workspace.sight.types
        whys = {node: why_not_bypassed(document, graph, graph.nodes[node], types) for node in nodes}
        chosen = tuple(node for node, why in whys.items() if not why)
        if len(chosen) < len(whys):
            self._workspace.message.emit(next(why for why in whys.values() if why))
        if chosen:
            change = partial(edits.set_bypassed, nodes=chosen, bypassed=True, scope=self._workspace.scope)
            self._edit(f"Bypass {self.title(chosen)}", change)

    def delete(self, nodes: Collection[str], heal: bool = False, frames: Collection[str] = ()) -> None:
        """Remove nodes and frames; healing links what nodes fed to what fed them."""
        if nodes or frames:
            change = edits.remove_and_heal if heal else edits.remove_nodes
            self._edit(
                f"Delete {self._name((*nodes, *frames))}",
                partial(change, nodes=nodes, scope=self._workspace.scope),
                partial(edits.remove_frames, frames=frames),
            )

    def move(
        self,
        places: Mapping[str, Place],
        merge: str = "",
        verb: str = "Move",
        frames: Mapping[str, Place] = MappingProxyType({}),
        routes: Mapping[PortRef, tuple[Place, ...]] = MappingProxyType({}),
    ) -> None:
        """Move nodes, frames and the points of links; `verb` is what Undo calls it."""
        what = "frame" if frames else self.title(places)
        changes = [partial(edits.move_nodes, places=dict(places)), partial(edits.move_frames, places=dict(frames))]
        scope = self._workspace.scope
        changes += [
            partial(edits.set_route, target=target, points=points, scope=scope) for target, points in routes.items()
        ]
        self._edit(f"{verb} {what}", *changes, merge=merge)

    def rename(self, node: str, label: str) -> None:
        """Give a node another label."""
        if label.strip() and label != self.graph.nodes[node].label:
            changes: list[Change] = [partial(edits.rename, node=node, label=label, scope=self._workspace.scope)]
            key = self._fresh_block(node)
            if key:
                changes.append(partial(edits.set_block, key=key, title=label.strip()))
            self._edit(f"Rename {self.title((node,))}", *changes)

    def _fresh_block(self, node: str) -> str:
        """Return the definition that a node is the only instance of, if nobody has given it a title yet, else ""."""
        document, found = self._workspace.document, self.graph.nodes[node]
        definition = definition_of(document, found)
        if definition is None or not re.fullmatch(rf"{DEFAULT_TITLE}( \d+)?", definition.title):
            return ""
        return definition.key if sum(1 for _ in instances(document, definition.key)) == 1 else ""

    def _name(self, ids: Collection[str]) -> str:
        """Return what an undo entry calls nodes and frames."""
        nodes = [id for id in ids if id in self.graph.nodes]
        return self.title(nodes) if nodes or not ids else "frame"

    def duplicate(self, ids: Collection[str], keep_inputs: bool = False, offset: Place = BESIDE) -> None:
        """Copy nodes and frames, beside themselves unless an offset is given, and select the copies."""
        if not ids:
            return
        clip = clipboard.take(self._workspace.document, ids, self._workspace.scope)
        self._put(f"Duplicate {self._name(ids)}", lambda: clip, None, keep_inputs, offset)

    def copy(self, ids: Collection[str]) -> None:
        """Put nodes and frames on the clipboard, as our own format and as the same text."""
        if not ids:
            return
        text = clipboard.copy(self._workspace.document, ids, self._workspace.scope)
        data = QMimeData()
        data.setData(clipboard.MIME, text.encode())
        data.setText(text)
        QGuiApplication.clipboard().setMimeData(data)

    def can_paste(self) -> bool:
        """Return whether the clipboard holds nodes."""
        return bool(_pasteable())

    def paste(self, at: Place, keep_inputs: bool = False) -> None:
        """Add what is on the clipboard with its top-left corner at a point, and select it."""
        text = _pasteable()
        if text:
            self._put("Paste", partial(clipboard.read, text), at, keep_inputs)
        else:
            self._workspace.message.emit("The clipboard holds no layers")

    def place(
        self, title: str, places: Mapping[str, Place], refit: Callable[[Mapping[str, Place]], list[Change]]
    ) -> None:
        """Move nodes to where a layout puts them; links into them lose the points that they were led through.

        Args:
            title: What the undo entry is called.
            places: The new corners.
            refit: Gives what keeps frames around their nodes at the new places.
        """
        ways = [target for target in self.graph.edges if target in self._workspace.document.layout.routes]
        scope = self._workspace.scope
        straight = [
            partial(edits.set_route, target=target, points=(), scope=scope) for target in ways if target.node in places
        ]
        self._edit(title, partial(edits.move_nodes, places=dict(places)), *straight, *refit(places))

    def _put(
        self, title: str, read: Callable[[], Clip], at: Place | None, keep_inputs: bool, offset: Place = BESIDE
    ) -> None:
        fresh: tuple[str, ...] = ()

        def change(document: Document) -> Document:
            nonlocal fresh
            new, fresh = clipboard.put(document, read(), at, keep_inputs, self._workspace.scope, offset)
            return new

        self._workspace.edit(title, change)
        if fresh:
            self._workspace.select(fresh, fresh)

    def _edit(self, title: str, *changes: Change, merge: str = "") -> None:
        def change(document: Document) -> Document:
            for each in changes:
                document = each(document)
            return document

        self._workspace.edit(title, change, merge)

    def _describe(self, node: Node) -> Schema | None:
        """Return what a fresh data node yields; None for other nodes, and where the user must choose a file first."""
        if not node.type.startswith("data."):
            return None
        try:
            return schemas.describe(node.type, node.parameters, self._workspace.file.base)
        except NetbuilderError as error:
            self._workspace.message.emit(error.problems[0].message)
            return None

    def _port_for(self, link: Loose, declaration: Declaration, schema: Schema | None) -> str:
        if link.is_input and schema is not None:
            return schema.fields[0].name if schema.fields else ""
        found = None if link.is_input else self._workspace.sight.types.get(link.fixed)
        return accepts(declaration, link.is_input, found) or next(iter(default_ports(declaration)[link.is_input]), "")


def label_wish(declaration: Declaration) -> str:
    """Return what a fresh node would be called: "conv2d", a block by its title."""
    is_block = declaration.category == CATEGORY
    return declaration.title if is_block else declaration.key.rsplit(".", 1)[-1]


def _pasteable() -> str:
    """Return the nodes on the clipboard as text, "" when there are none."""
    # Qt's stubs say otherwise, but some window systems have nothing to give.
    data = cast("QMimeData | None", QGuiApplication.clipboard().mimeData())
    if data is None:
        return ""
    if data.hasFormat(clipboard.MIME):
        return bytes(data.data(clipboard.MIME).data()).decode(errors="replace")
    return data.text() if clipboard.is_clipboard(data.text()) else ""
