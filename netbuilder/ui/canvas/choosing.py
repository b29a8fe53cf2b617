"""Choosing nodes along the links, and by what they are."""

from __future__ import annotations

from netbuilder.document.model import Graph
from netbuilder.document.topology import ancestors, descendants
from netbuilder.ui.workspace import Workspace


class Choosing:
    """What the menu Edit > Select does beside selecting all."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @property
    def _graph(self) -> Graph:
        return self._workspace.document.scope(self._workspace.scope)

    def downstream(self) -> None:
        """Add everything that the selected nodes lead to."""
        self._add(descendants(self._graph, self._workspace.selection))

    def upstream(self) -> None:
        """Add everything that leads to the selected nodes."""
        self._add(ancestors(self._graph, self._workspace.selection))

    def grow(self) -> None:
        """Add the nodes that are linked to the selected ones."""
        chosen = self._workspace.selection
        ends = ({target.node, source.node} for target, source in self._graph.edges.items())
        self._add({node for pair in ends if pair & chosen for node in pair})

    def shrink(self) -> None:
        """Leave the nodes out that are linked to one that is not selected."""
        chosen = self._workspace.selection
        ends = [(target.node, source.node) for target, source in self._graph.edges.items()]
        self._workspace.select(chosen - {one for pair in ends for one in pair if not chosen.issuperset(pair)})

    def same_type(self) -> None:
        """Select all nodes of the selected nodes' types."""
        nodes = self._graph.nodes
        types = {nodes[node].type for node in self._workspace.selection}
        self._workspace.select(id for id, node in nodes.items() if node.type in types)

    def inverse(self) -> None:
        """Select what is not selected, and nothing else."""
        self._workspace.select(self._graph.nodes.keys() - self._workspace.selection)

    def _add(self, nodes: set[str]) -> None:
        self._workspace.select(self._workspace.selection | nodes)
