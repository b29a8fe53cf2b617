"""What the keys do with links: make and remove them from a list, go through them, insert a layer into one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netbuilder.document.model import PortRef

if TYPE_CHECKING:
    from netbuilder.ui.canvas.port_list import PortList
    from netbuilder.ui.canvas.view import CanvasView


class LinkKeys:
    """Links without a mouse."""

    def __init__(self, view: CanvasView) -> None:
        self._view = view
        self._ports: PortList | None = None
        self._anchor = ""  # the node whose links are gone through

    @property
    def ports(self) -> PortList:
        """The list of ports, made when it is first asked for."""
        if self._ports is None:
            from netbuilder.ui.canvas.port_list import PortList

            self._ports = PortList(self._view)
        return self._ports

    def from_output(self) -> None:
        """List the ports of the selected node, outputs first."""
        self._list(False)

    def into_input(self) -> None:
        """List the ports of the selected node, inputs first."""
        self._list(True)

    def select_next(self) -> None:
        """Select the next link of the selected node, or of the one whose link is selected."""
        self._step(1)

    def select_previous(self) -> None:
        """Select the link before."""
        self._step(-1)

    def insert(self) -> None:
        """Ask for a layer to put into the selected link."""
        link = self._view.workspace.selected_link
        if link is not None:
            self._view.ask_layer(self._view.link_point(link), target=link)

    def _list(self, inputs_first: bool) -> None:
        selection = self._view.workspace.selection
        if len(selection) != 1:
            self._view.workspace.message.emit("Select one layer: its ports are listed then")
        else:
            self.ports.ask(next(iter(selection)), inputs_first)

    def _step(self, by: int) -> None:
        view = self._view
        selected = view.workspace.selected_link
        if len(view.workspace.selection) == 1:
            (self._anchor,) = view.workspace.selection
        elif selected is None:
            view.workspace.message.emit("Select a layer: the key goes through its links")
            return
        elif self._anchor not in (selected.node, view.graph.edges[selected].node):
            self._anchor = view.graph.edges[selected].node
        links = self._links_of(self._anchor)
        if not links:
            view.workspace.message.emit(f"{view.graph.nodes[self._anchor].label} has no links")
            return
        before = links.index(selected) if selected in links else -1 if by > 0 else 0
        chosen = links[(before + by) % len(links)]
        view.select_link(chosen)
        if not view.rect().contains(view.link_point(chosen).toPoint()):
            view.reveal(chosen.node)

    def _links_of(self, node: str) -> list[PortRef]:
        """Return the links of a node by their targets: those into it first, each side from the top."""
        edges, face = self._view.graph.edges, self._view.content.faces[node]
        into = [PortRef(node, port) for port in face.inputs if PortRef(node, port) in edges]
        names = [output.name for output in face.outputs]
        out = [(names.index(source.port), target) for target, source in edges.items() if source.node == node]
        return into + [target for _, target in sorted(out, key=lambda pair: pair[0])]
