"""Linking without a mouse: a list of a layer's ports, and of the port chosen a list of where its link may go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF

from netbuilder.document.model import PortRef
from netbuilder.ui.canvas.connections import Loose, fits
from netbuilder.ui.chooser import Chooser, Row
from netbuilder.ui.matching import match

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

_WIDTH = 400
_MOST = 40  # ends offered at once; letters bring others
_REACH = 48.0  # pixels from a port at which a new layer would lie


class _What(Enum):
    PORT = auto()
    END = auto()
    NEW = auto()
    REMOVE = auto()


@dataclass(frozen=True, slots=True)
class _Choice:
    """What a row stands for: a port to go on from, the other end of its link, a new layer, a link to remove."""

    what: _What
    port: PortRef
    is_input: bool = False


class PortList(Chooser):
    """First the ports of a node, then the ends that a link from one of them may have."""

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view, "Search ports", _WIDTH)
        self._view = view
        self._node = ""
        self._inputs_first = False
        self._loose: Loose | None = None

    def ask(self, node: str, inputs_first: bool) -> None:
        """Open with the ports of a node."""
        self._node, self._inputs_first, self._loose = node, inputs_first, None
        self._view.reveal(node)
        self.ask_for("Search ports")
        self._open(f"Ports of {self._label(node)}")

    def offer(self, query: str) -> Sequence[Row]:
        """Return the ports, or the ends, that answer."""
        return self._offer_ports(query) if self._loose is None else self._offer_ends(self._loose, query)

    def take(self, key: object) -> None:
        """Go on from a port, or make or remove a link."""
        assert isinstance(key, _Choice), "rows stand for choices"
        view, loose = self._view, self._loose
        if key.what is _What.PORT:
            self._ask_end(key.port, key.is_input)
        elif key.what is _What.REMOVE:
            view.commands.disconnect((key.port,))
        elif key.what is _What.NEW and loose is not None:
            at = view.port_point(loose.fixed.node, loose.fixed.port, loose.is_input)
            view.ask_layer(at + QPointF(-_REACH if loose.is_input else _REACH, 0), loose)
        elif loose is not None:
            view.commands.connect(*loose.ends(key.port))

    def _ask_end(self, port: PortRef, is_input: bool) -> None:
        """Open with the ends that a link from a port may have."""
        self._loose = Loose.begin(self._view.graph, (port,), is_input)
        self.ask_for("Search layers to feed it" if is_input else "Search layers to feed")
        self._open(f"{'Feed' if is_input else 'Connect'} {self._name(port)}")

    def _open(self, hint: str) -> None:
        """Open below the node, whose neighbours stay in sight."""
        rect = self._view.node_rect(self._node)
        self.open_at(rect.left(), rect.bottom() + 10, hint)

    def _offer_ports(self, query: str) -> list[Row]:
        ports = [(port, is_input) for port, is_input, _, _ in self._view.content.ports(self._node)]
        ports.sort(key=lambda pair: pair[1] is not self._inputs_first)
        rows = [self._port_row(port, is_input) for port, is_input in ports]
        return [row for row in rows if not query.strip() or match(query, row.title, row.detail)]

    def _port_row(self, port: PortRef, is_input: bool) -> Row:
        edges = self._view.graph.edges
        linked = [edges[port]] if port in edges else [t for t, s in edges.items() if s == port and not is_input]
        named = ", ".join(self._label(other.node) for other in linked[:2]) + (" …" if len(linked) > 2 else "")
        kind = self._view.knowledge.type_of(edges.get(port, port) if is_input else port)
        shape = kind.short if kind is not None else ""
        links = f"{'from' if is_input else 'to'} {named}" if linked else "not linked"
        return Row(
            key=_Choice(_What.PORT, port, is_input),
            title=f"{'Input' if is_input else 'Output'} {port.port}",
            detail=f"{shape}   {links}" if shape else links,
            color=self._view.style_.color("accent" if linked else "muted"),
        )

    def _offer_ends(self, loose: Loose, query: str) -> list[Row]:
        asked, edges = bool(query.strip()), self._view.graph.edges
        free, taken, misfits = list[Row](), list[Row](), list[Row]()
        for port in self._ends(loose, query):
            target, source = loose.ends(port)
            is_taken = not loose.is_input and port in edges
            if edges.get(target) == source or (is_taken and len(taken) >= _MOST):
                continue
            refusal = loose.refusal(self._view.graph, port.node)
            if refusal or not self._fits(loose, port):
                if asked and len(misfits) < _MOST:
                    misfits.append(self._end_row(loose, port, "" if refusal else "does not fit", refusal))
                continue
            row = self._end_row(loose, port, self._state(loose, port), "")
            (taken if is_taken else free).append(row)
            if len(free) >= _MOST:
                break
        new, *removals = self._more_rows(loose)
        if not asked:
            return [*free, new, *taken, *removals]
        more = [row for row in (new, *removals) if match(query, row.title)]
        return [*free, *taken, *more, *misfits]

    def _more_rows(self, loose: Loose) -> Iterator[Row]:
        """Yield what can be done besides: a new layer, and the removal of each link there is."""
        yield Row(key=_Choice(_What.NEW, loose.fixed), title="New layer…", detail="search for one that fits")
        for target, source in self._view.graph.edges.items():
            if loose.fixed == (target if loose.is_input else source):
                other = source if loose.is_input else target
                words = f"Remove the link {'from' if loose.is_input else 'to'} {self._name(other)}"
                yield Row(key=_Choice(_What.REMOVE, target), title=words)

    def _ends(self, loose: Loose, query: str) -> Iterator[PortRef]:
        """Yield the ports of the other kind that answer, of the nearest node first."""
        nodes, faces, asked = self._view.graph.nodes, self._view.content.faces, bool(query.strip())
        edges = self._view.graph.edges.items()
        pairs = ((t.node, s.node) if loose.is_input else (s.node, t.node) for t, s in edges)
        linked = {other for one, other in pairs if one == loose.fixed.node}
        # A name typed in full is meant; what has a link with this layer already is hardly meant once more.
        order = sorted(self._nearest(loose), key=lambda id: (nodes[id].label != query.strip(), id in linked))
        for node in order:
            face = faces[node]
            names = [output.name for output in face.outputs] if loose.is_input else face.inputs
            for name in names:
                if not asked or match(query, f"{nodes[node].label} {face.title}", name):
                    yield PortRef(node, name)

    def _nearest(self, loose: Loose) -> list[str]:
        """Return all other nodes, the nearest first; those against the flow count three times as far."""
        arrays = self._view.content.arrays
        x, y, width, _ = arrays.rect(loose.fixed.node)
        ahead = arrays.rects[:, 0] - x if not loose.is_input else x - arrays.rects[:, 0]
        far = np.abs(ahead) * np.where(ahead < width / 2, 3.0, 1.0) + np.abs(arrays.rects[:, 1] - y)
        return [arrays.ids[row] for row in np.argsort(far, kind="stable") if arrays.ids[row] != loose.fixed.node]

    def _fits(self, loose: Loose, port: PortRef) -> bool:
        view = self._view
        return fits(loose, port, view.graph, view.declarations, view.knowledge)

    def _state(self, loose: Loose, port: PortRef) -> str:
        """Say what an end holds now: the shape that would come from it, or the link that would give way."""
        if loose.is_input:
            kind = self._view.knowledge.type_of(port)
            return kind.short if kind is not None else ""
        source = self._view.graph.edges.get(port)
        return f"in place of {self._name(source)}" if source is not None else ""

    def _end_row(self, loose: Loose, port: PortRef, detail: str, refusal: str) -> Row:
        face = self._view.content.faces[port.node]
        return Row(
            key=_Choice(_What.END, port, not loose.is_input),
            title=f"{self._name(port)}   {face.title}",
            detail=detail,
            color=self._view.style_.category(face.category),
            refusal=refusal,
        )

    def _label(self, node: str) -> str:
        return self._view.graph.nodes[node].label

    def _name(self, port: PortRef) -> str:
        return f"{self._label(port.node)} · {port.port}"
