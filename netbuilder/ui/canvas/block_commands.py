"""What the canvas does with blocks: making, dissolving, copying their definitions, sharing weights, the library."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from netbuilder.document import edits
from netbuilder.document.blocks import BLOCK, block_key, definition_of, is_block
from netbuilder.document.edits.grouping import DEFAULT_TITLE, boundary
from netbuilder.document.model import Document, Graph, Node, PortRef, new_id
from netbuilder.foundation.problem import Problem
from netbuilder.layers.spec import LayerSpec
from netbuilder.layers.tensor import FLOATS, TensorType
from netbuilder.ui.block_menus import save_to_library
from netbuilder.ui.canvas.faces import resolved
from netbuilder.ui.workspace import Workspace


class BlockCommands:
    """Edits of blocks, by way of the workspace."""

    def __init__(self, workspace: Workspace, name: Callable[[str], None]) -> None:
        """Edit what a workspace holds.

        Args:
            workspace: What is edited.
            name: Lets the user name a node.
        """
        self._workspace = workspace
        self._name = name

    @property
    def graph(self) -> Graph:
        """The graph in sight."""
        return self._workspace.document.scope(self._workspace.scope)

    def make(self, nodes: Collection[str], title: str = DEFAULT_TITLE) -> str:
        """Make a block of nodes and select the instance; returns its id, "" when it cannot be made."""
        graph = self.graph
        losses = [node for id, node in graph.nodes.items() if id in nodes and self._is_loss(node)]
        if losses:
            message = f"{losses[0].label} is a loss: it stays in the main graph, outside of blocks."
            self._workspace.problemsRaised.emit((Problem(code="edit.loss", message=message, node=losses[0].id),))
            return ""
        inputs, outputs = self._open_ports(nodes)
        found = boundary(graph, nodes, inputs, outputs)
        samples = [self._sample(source or targets[0]) for source, targets in found.entrances]
        id = new_id()
        change = partial(
            edits.make_block,
            nodes=tuple(nodes),
            title=title,
            scope=self._workspace.scope,
            id=id,
            inputs=inputs,
            outputs=outputs,
            samples=samples,
        )
        self._workspace.edit("Make a block", change)
        if id not in self.graph.nodes:
            return ""
        self._workspace.select((id,))
        return id

    def make_selected(self) -> None:
        """Make a block of the selected nodes, and let the user name it."""
        made = self.make(self._workspace.selection)
        if made:
            self._name(made)

    def dissolve_selected(self) -> None:
        """Write the selected instances out where they stand."""
        self.dissolve(self._workspace.selection)

    def make_selected_unique(self) -> None:
        """Give the first selected instance a definition of its own."""
        for node in self.instances_in(self._workspace.selection)[:1]:
            self.make_unique(node)

    def save_selected(self) -> None:
        """Put the block of the only selected instance, or else the one in sight, into the user's library."""
        chosen = self.instances_in(self._workspace.selection)
        key = block_key(self.graph.nodes[chosen[0]]) if len(chosen) == 1 else self._workspace.scope
        if key:
            save_to_library(self._workspace, key)

    def dissolve(self, nodes: Collection[str]) -> None:
        """Write instances out where they stand, and select what they were made of."""
        chosen = self.instances_in(nodes)
        if not chosen:
            self._workspace.message.emit("Select a block to dissolve")
            return
        before = self.graph.nodes.keys()
        title = self._title(chosen)

        def change(document: Document) -> Document:
            for node in chosen:
                document = edits.dissolve_block(document, node, self._workspace.scope)
            return document

        self._workspace.edit(f"Dissolve {title}", change)
        came = self.graph.nodes.keys() - before
        if came:
            self._workspace.select(came)

    def make_unique(self, node: str) -> None:
        """Give an instance a definition of its own."""
        change = partial(edits.make_unique, node=node, scope=self._workspace.scope)
        self._workspace.edit("Make unique", change)

    def share(self, nodes: Collection[str], owner: str) -> None:
        """Let nodes share the weights of another; "" gives them their own again."""
        scope = self._workspace.scope

        def change(document: Document) -> Document:
            for node in nodes:
                if node != owner:
                    document = edits.tie_weights(document, node, owner, scope)
            return document

        self._workspace.edit("Share weights" if owner else "Own weights", change)

    def share_selected(self) -> None:
        """Let the selected nodes share the weights of the first of them; one alone gets its own again."""
        chosen = [id for id in self.graph.nodes if id in self._workspace.selection]
        if len(chosen) == 1 and self.graph.nodes[chosen[0]].tied_to:
            self.share(chosen, "")
        elif len(chosen) > 1:
            self.share(chosen[1:], chosen[0])
        else:
            self._workspace.message.emit("Select the layers that are to share weights; the first one owns them")

    def partners(self, node: str) -> list[Node]:
        """Return the nodes whose weights a node could share."""
        mine = self.graph.nodes[node]
        if not is_block(mine) and not self._has_weights(mine):
            return []
        return [
            other
            for other in self.graph.nodes.values()
            if other.id != node and other.type == mine.type and not other.tied_to
        ]

    def instances_in(self, nodes: Collection[str]) -> list[str]:
        """Return the instances among nodes whose definition is there, in the graph's order."""
        document = self._workspace.document
        return [id for id, node in self.graph.nodes.items() if id in nodes and definition_of(document, node)]

    def _title(self, nodes: Collection[str]) -> str:
        if len(nodes) != 1:
            return f"{len(nodes)} blocks"
        definition = definition_of(self._workspace.document, self.graph.nodes[next(iter(nodes))])
        return definition.title if definition else BLOCK

    def _spec(self, node: Node) -> LayerSpec | None:
        spec = self._workspace.vocabulary.get(node.type)
        return spec if isinstance(spec, LayerSpec) else None

    def _is_loss(self, node: Node) -> bool:
        spec = self._spec(node)
        return spec is not None and spec.is_loss

    def _has_weights(self, node: Node) -> bool:
        spec = self._spec(node)
        return spec is not None and bool(spec.weights)

    def _open_ports(self, nodes: Collection[str]) -> tuple[list[PortRef], list[PortRef]]:
        """Return the ports that a block of these nodes should have though nothing is linked there yet."""
        graph = self.graph
        leading = {source.node for source in graph.edges.values()}
        inputs, outputs = [], []
        for id, node in graph.nodes.items():
            spec = self._spec(node)
            if id not in nodes or spec is None:
                continue
            values = resolved(spec, self._workspace.sight.present(node.parameters))
            ports = (PortRef(id, port.name) for port in spec.input_ports(values) if not port.optional)
            inputs += [port for port in ports if port not in graph.edges]
            if id not in leading:
                outputs += [PortRef(id, port.name) for port in spec.output_ports(values)[:1]]
        return inputs, outputs

    def _sample(self, source: PortRef) -> dict[str, Any]:
        """Return the parameters of an input that stands for what is linked there now."""
        defaults: dict[str, Any] = self._workspace.vocabulary["input"].defaults()
        found = self._workspace.sight.types.get(source)
        return defaults if found is None else {**defaults, **_sample_of(found)}


def _sample_of(found: TensorType) -> dict[str, Any]:
    dtype = "float32" if found.dtype in FLOATS else "bool" if found.dtype == "bool" else "int64"
    dims = tuple(size if isinstance(size, int) else -1 for size in found.dims[1:])
    return {"dims": dims, "dtype": dtype, "vocabulary": found.vocabulary or found.classes if dtype == "int64" else 0}
