"""What the canvas shows of one document: a face and a geometry for each node, and the arrays of where everything lies.

It is updated from a `Difference`, so that an edit costs what it touched. Drawing only reads it; the window's canvas
and the picture on the command line share it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from netbuilder.document.blocks import BLOCK
from netbuilder.document.diff import Difference
from netbuilder.document.model import ROOT, Document, Frame, Graph, Place, PortRef
from netbuilder.ui.canvas.arrays import CanvasArrays, Rows, Wire
from netbuilder.ui.canvas.faces import Declarations, Face, Knowledge, Links, known_otherwise, make_face
from netbuilder.ui.canvas.geometry import Geometry, expected_size, measure
from netbuilder.ui.canvas.learning import affected

_GRID = 8  # columns of nodes that nobody has placed yet
_PITCH = (180.0, 150.0)


MANY = 300
"""Nodes that are looked at in one go when something became known of them: a few milliseconds."""


class Content:
    """Faces and places of one graph of a document.

    Attributes:
        declarations: Type -> declaration.
    """

    def __init__(self, declarations: Declarations) -> None:
        self.declarations = declarations
        self._document = Document()
        self._graph = Graph()
        self._arrays = CanvasArrays()
        self._faces: dict[str, Face] = {}
        self._frames: dict[str, Frame] = {}
        self._late: set[str] = set()
        self._put_off: Callable[[], object] | None = None
        self._categories: tuple[str, ...] = ()
        self._category_of = np.empty(0, dtype=np.uint8)
        self._links = Links()
        self._geometries: dict[str, Geometry] = {}
        self._scope = ROOT
        self._knowledge = Knowledge()

    def show(self, document: Document, knowledge: Knowledge, scope: str = ROOT) -> None:
        """Show another document, everything anew."""
        self._put_off = None
        self._faces = {}
        self._geometries = {}
        self._take(document, scope)
        self._knowledge, self._late = knowledge, set()
        self._faces = {node: self._face(node, knowledge) for node in self.graph.nodes}
        self._lay(self._placed(self.graph.nodes))

    # Whoever looks sees what the last edit left: what was put off is made up for first.

    @property
    def document(self) -> Document:
        """What is shown."""
        self.catch_up()
        return self._document

    @property
    def graph(self) -> Graph:
        """The scope of it that is shown."""
        self.catch_up()
        return self._graph

    @property
    def arrays(self) -> CanvasArrays:
        """Where everything lies."""
        if self._put_off is not None:
            self.catch_up()
        return self._arrays

    @property
    def faces(self) -> dict[str, Face]:
        """Node id -> face."""
        if self._put_off is not None:
            self.catch_up()
        return self._faces

    @property
    def frames(self) -> dict[str, Frame]:
        """Frame id -> frame, those of the graph shown."""
        self.catch_up()
        return self._frames

    @property
    def late(self) -> set[str]:
        """Ids of the nodes that still look as they did before the last thing became known."""
        self.catch_up()
        return self._late

    @property
    def is_behind(self) -> bool:
        """Whether an edit was put off."""
        return self._put_off is not None

    def put_off(self, follow: Callable[[], object]) -> None:
        """Have an edit followed later, which calls `update`: at `catch_up`, or before anything is looked at."""
        self.catch_up()
        self._put_off = follow

    def catch_up(self) -> None:
        """Follow the edit that was put off, if one was."""
        if self._put_off is not None:
            follow, self._put_off = self._put_off, None
            follow()

    def update(self, document: Document, difference: Difference, knowledge: Knowledge) -> set[str]:
        """Follow an edit; returns the ids of the nodes that look or lie otherwise now."""
        self._take(document, self._scope)
        instances = self._instances_of(difference.blocks)
        ends = {ref.node for edge in (*difference.edges_added, *difference.edges_removed) for ref in edge}
        looked = difference.added | difference.changed | difference.schemas | ends | instances
        changed, resized = self._look(looked, knowledge)
        if difference.added or difference.removed:
            for node in difference.removed:
                if node not in self.graph.nodes:
                    self._geometries.pop(node, None)
            nodes = self._graph.nodes
            self._faces = dict(zip(nodes, map(self._faces.__getitem__, nodes), strict=True))
            self._arrange(difference, resized)
            return changed | (difference.added & self.graph.nodes.keys())
        if difference.routes:
            self._follow_routes(difference.routes)
        places = self.document.layout.places
        moved = [node for node in difference.moved if node in places and node in self.arrays]
        rows = self.arrays.put(moved, places)
        if ends:
            self._lead(difference, resized)
        elif resized:
            self._follow_ports(resized)
        self.arrays.follow(rows)
        return changed.union(moved)

    def _instances_of(self, blocks: frozenset[str]) -> set[str]:
        """Return the nodes that are instances of these definitions, which look otherwise now."""
        types, found = set[str](), {BLOCK + key for key in blocks}
        while found - types:  # and what is in them shows on the blocks around them
            types |= found
            around = self.document.blocks.items()
            found = {BLOCK + k for k, each in around if any(n.type in types for n in each.graph.nodes.values())}
        return {id for id, node in self.graph.nodes.items() if node.type in types} if types else set()

    def look_again(self, knowledge: Knowledge, first: Iterable[str] | None = None) -> set[str]:
        """Follow what became known of shapes, problems and pictures.

        Args:
            knowledge: What is known.
            first: Where something is known of more than `MANY` nodes, only these are looked at; `late` holds the rest.

        Returns:
            The ids that look otherwise.
        """
        self.catch_up()
        changed, resized = self._look((), knowledge, first)
        if resized:
            self._follow_ports(resized)
        return changed

    def look_late(self) -> set[str]:
        """Look at some of the nodes that are left in `late`; returns the ids that look otherwise."""
        return self.look_again(self._knowledge, list(islice(self.late, MANY)))

    def geometry(self, node: str) -> Geometry:
        """Return where the parts of a node's face lie."""
        known = self._geometries.get(node)
        if known is None:
            self._geometries[node] = known = measure(self.faces[node])
        return known

    def port_at(self, x: float, y: float, reach: float, wanted: bool | None = None) -> tuple[PortRef, bool] | None:
        """Return the nearest port within `reach` of a point, and whether it is an input.

        Args:
            x: In the scene.
            y: In the scene.
            reach: In the scene.
            wanted: True for inputs only, False for outputs only.
        """
        best: tuple[PortRef, bool] | None = None
        closest = reach * reach
        for row in self.arrays.nodes_in(x - reach, y - reach, x + reach, y + reach):
            for ref, is_input, px, py in self.ports(self.arrays.ids[row]):
                distance = (px - x) ** 2 + (py - y) ** 2
                if distance <= closest and wanted in (None, is_input):
                    closest, best = distance, (ref, is_input)
        return best

    def ports(self, node: str) -> list[tuple[PortRef, bool, float, float]]:
        """Return a node's ports: which, whether an input, and where in the scene."""
        x, y, width, _ = self.arrays.rect(node)
        face, geometry = self.faces[node], self.geometry(node)
        inputs = [(PortRef(node, p), True, x, y + geometry.port_y(i)) for i, p in enumerate(face.inputs)]
        outputs = [
            (PortRef(node, p.name), False, x + width, y + geometry.port_y(i)) for i, p in enumerate(face.outputs)
        ]
        return inputs + outputs

    def port_place(self, ref: PortRef, is_input: bool) -> tuple[float, float]:
        """Return where a port lies in the scene."""
        for port, side, x, y in self.ports(ref.node):
            if port == ref and side == is_input:
                return x, y
        raise KeyError(ref)

    def bounds(self) -> tuple[float, float, float, float] | None:
        """Return left, top, right and bottom of all nodes and frames, or None without any."""
        found = [(frame.x, frame.y, frame.x + frame.width, frame.y + frame.height) for frame in self.frames.values()]
        nodes = self.arrays.bounds()
        if nodes is not None:
            found.append(nodes)
        if not found:
            return None
        left, top, right, bottom = zip(*found, strict=True)
        return min(left), min(top), max(right), max(bottom)

    def expected_sizes(self) -> dict[str, tuple[float, float]]:
        """Return each node's size with room for its picture, for an automatic layout."""
        return {node: expected_size(face) for node, face in self.faces.items()}

    def _take(self, document: Document, scope: str) -> None:
        graph = document.scope(scope)
        if graph.edges is not self.graph.edges or scope != self._scope:
            is_same = scope == self._scope and bool(self.faces)
            self._links = self._links.after(self.graph, graph) if is_same else Links.of(graph)
        self._frames = {id: frame for id, frame in document.layout.frames.items() if frame.scope == scope}
        self._document, self._graph, self._scope = document, graph, scope

    def _face(self, node: str, knowledge: Knowledge) -> Face:
        return make_face(self.graph.nodes[node], self.document, self.declarations, self._links, knowledge)

    def by_category(self, rows: Rows) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        """Yield each category among these nodes, and which of `rows` belong to it."""
        if len(self._category_of) != len(self.arrays.ids):  # other nodes, or one became another layer
            names = [self.faces[node].category for node in self.arrays.ids]
            self._categories = tuple(sorted(set(names)))
            number = {name: index for index, name in enumerate(self._categories)}
            self._category_of = np.array([number[name] for name in names], dtype=np.uint8)
        numbers = self._category_of[rows]
        for index, name in enumerate(self._categories):
            chosen = numbers == index
            if chosen.any():
                yield name, chosen

    def _look(
        self, nodes: Iterable[str], knowledge: Knowledge, first: Iterable[str] | None = None
    ) -> tuple[set[str], set[str]]:
        """Look again at these nodes and those known otherwise now; returns which changed, and which of them in size."""
        before, self._knowledge = self._knowledge, knowledge
        changed, resized = set[str](), set[str]()
        anew = set(self.graph.nodes if before.values != knowledge.values else nodes)
        anew.update(affected(before.paces, knowledge.paces, self.graph))
        asked = (anew | before.affected(knowledge) | self.late) & self.graph.nodes.keys()
        now = asked.intersection(first) if first is not None and len(asked) > MANY and not anew else asked
        self._late = asked - now
        for node in now:
            old = self.faces.get(node)
            is_same = old is not None and node not in anew
            face = known_otherwise(old, node, knowledge) if old and is_same else self._face(node, knowledge)
            if face is old or face == old:
                continue
            if old is not None and old.category != face.category:
                self._category_of = self._category_of[:0]
            self._faces[node] = face
            changed.add(node)
            earlier = self._geometries.pop(node, None)
            geometry = self.geometry(node)
            if earlier is not geometry and node in self.arrays and earlier != geometry:
                self.arrays.resize(node, geometry.width, geometry.height)
                resized.add(node)
        return changed, resized

    def _lay(self, places: Mapping[str, Place]) -> None:
        """Place all nodes, and lead all links between them."""
        self._category_of = self._category_of[:0]
        self.arrays.set_nodes({node: self._rect(node, at) for node, at in places.items()})
        edges, faces = self.graph.edges.items(), self.faces
        self.arrays.set_wires(self._wire(t, s) for t, s in edges if s.node in faces and t.node in faces)

    def _rect(self, node: str, at: Place) -> tuple[float, float, float, float]:
        geometry = self.geometry(node)
        return at.x, at.y, geometry.width, geometry.height

    def _arrange(self, difference: Difference, resized: Iterable[str]) -> None:
        """Follow an edit by which nodes came or went."""
        nodes, places = self.graph.nodes, self.document.layout.places
        if not nodes.keys() <= places.keys():
            self._lay(self._placed(nodes))
            return
        self._category_of = self._category_of[:0]
        stale = self._targets_of(resized)
        come = difference.added & nodes.keys()
        self.arrays.arrange_nodes(nodes, {node: self._rect(node, places[node]) for node in come})
        moved = self.arrays.put([node for node in difference.moved if node in nodes], places)
        self._lead(difference, (), stale)
        self.arrays.follow(np.concatenate([self.arrays.rows(come), moved]))

    def _placed(self, nodes: Iterable[str]) -> dict[str, Place]:
        """Return every node's place; those that have none get one in a grid below the others."""
        known = self.document.layout.places
        places = {node: known[node] for node in nodes if node in known}
        bottom = max((place.y for place in places.values()), default=-_PITCH[1])
        left = min((place.x for place in places.values()), default=0.0)
        missing = [node for node in nodes if node not in known]
        for index, node in enumerate(missing):
            row, column = divmod(index, _GRID)
            places[node] = Place(left + column * _PITCH[0], bottom + (row + 1) * _PITCH[1])
        return {node: places[node] for node in nodes}

    def _lead(self, difference: Difference, resized: Iterable[str], stale: Iterable[PortRef] = ()) -> None:
        """Give the arrays the links that an edit left; only those are made that it touched."""
        edges, faces = self.graph.edges, self.faces
        asked = {*stale, *self._targets_of(resized), *difference.routes}
        asked.update(target for target, _ in difference.edges_added)
        made = {
            target: self._wire(target, edges[target])
            for target in asked
            if target in edges and target.node in faces and edges[target].node in faces
        }
        self.arrays.arrange_wires(edges, made)

    def _targets_of(self, nodes: Iterable[str]) -> list[PortRef]:
        """Return where the links of some nodes end, as they were before."""
        return [self.arrays.wires[row].target for row in self.arrays.edges_of(self.arrays.rows(nodes))]

    def _wire(self, target: PortRef, source: PortRef) -> Wire:
        inputs, outputs = self.geometry(target.node).inputs, self.geometry(source.node).outputs
        via = self.document.layout.routes.get(target, ())
        return Wire(target, source, inputs[target.port], outputs[source.port], tuple(via))

    def way_at(self, x: float, y: float, reach: float) -> tuple[PortRef, int] | None:
        """Return the link that is led through a point within reach of another, and which of its points that is."""
        best: tuple[PortRef, int] | None = None
        for row in self.arrays.led:
            apart = np.hypot(*(self.arrays.way(row) - (x, y)).T)
            index = int(apart.argmin())
            if apart[index] <= reach:
                best, reach = (self.arrays.wires[row].target, index), float(apart[index])
        return best

    def _follow_routes(self, targets: Iterable[PortRef]) -> None:
        """Lead links through other points."""
        rows = {target: self.arrays.edge_row(target) for target in targets if target in self.graph.edges}
        found = {row: self._wire(target, self.graph.edges[target]) for target, row in rows.items() if row is not None}
        self.arrays.replace_wires(np.array(list(found), dtype=np.intp), list(found.values()))

    def _follow_ports(self, nodes: Iterable[str]) -> None:
        """Lead the links of nodes whose ports lie elsewhere now to them."""
        rows = self.arrays.edges_of(self.arrays.rows(nodes))
        wires = [self._wire(wire.target, wire.source) for wire in (self.arrays.wires[row] for row in rows)]
        self.arrays.replace_wires(rows, wires)
