"""Which ports may be linked: the impossible is refused with its reason, what does not fit is faded but allowed.

A link that does not fit (an image into Linear) may be drawn: the problem that follows offers what to insert. One that
closes a circle may not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netbuilder.document.model import Document, Graph, Node, PortRef
from netbuilder.document.topology import ancestors, descendants
from netbuilder.foundation.declaration import Declaration
from netbuilder.foundation.parameter import Values
from netbuilder.layers.relations import check_ports
from netbuilder.layers.spec import LayerSpec
from netbuilder.layers.tensor import TensorType
from netbuilder.ui.canvas.faces import NOTHING, Declarations, Knowledge, Links, port_names, resolved
from netbuilder.ui.sight import present


@dataclass(frozen=True, slots=True)
class Loose:
    """A link being drawn: the end that is fixed, and which nodes it cannot reach.

    Attributes:
        fixed: The port it hangs on.
        is_input: Whether that is an input port.
        forbidden: Nodes that would close a circle, itself included.
    """

    fixed: PortRef
    is_input: bool
    forbidden: frozenset[str]

    @classmethod
    def begin(cls, graph: Graph, ports: Sequence[PortRef], is_input: bool) -> Loose:
        """Begin a link at a port, or lead the links of several inputs elsewhere."""
        nodes = {port.node for port in ports}
        reached = descendants(graph, nodes) if is_input else ancestors(graph, nodes)
        return cls(ports[0], is_input, frozenset(reached | nodes))

    def ends(self, other: PortRef) -> tuple[PortRef, PortRef]:
        """Return target and source of the link to `other`."""
        return (self.fixed, other) if self.is_input else (other, self.fixed)

    def refusal(self, graph: Graph, node: str) -> str:
        """Say why the link cannot go to a node; "" when it can."""
        if node == self.fixed.node:
            return f"{graph.nodes[node].label} cannot feed itself"
        if node in self.forbidden:
            first, second = (self.fixed.node, node) if self.is_input else (node, self.fixed.node)
            return f"This would close a circle: {graph.nodes[first].label} leads to {graph.nodes[second].label}"
        return ""


def misfit(
    declaration: Declaration | None, node: Node | None, port: str, found: TensorType | None, block: Values = NOTHING
) -> str:
    """Say why a value of type `found` does not fit an input port; "" when it does, or when that is not known yet."""
    if not isinstance(declaration, LayerSpec) or found is None:
        return ""
    values = resolved(declaration, present(node.parameters, block) if node else {})
    for mismatch in check_ports(declaration, values, {port: found}):
        return mismatch.message
    return ""


def fits(loose: Loose, other: PortRef, graph: Graph, declarations: Declarations, knowledge: Knowledge) -> bool:
    """Return whether a loose link may go to `other` and would fit there."""
    if other.node in loose.forbidden:
        return False
    target, source = loose.ends(other)
    node = graph.nodes[target.node]
    found = knowledge.type_of(source)
    return not misfit(declarations.get(node.type), node, target.port, found, knowledge.values)


def first_fit(
    loose: Loose, node: str, document: Document, graph: Graph, declarations: Declarations, knowledge: Knowledge
) -> PortRef | None:
    """Return the port that a link dropped on a node's body takes: the first free one that fits, else one that fits."""
    inputs, outputs = port_names(graph.nodes[node], document, declarations, Links(), knowledge.values)
    ports = [PortRef(node, name) for name in (outputs if loose.is_input else inputs)]
    fitting = [port for port in ports if fits(loose, port, graph, declarations, knowledge)]
    free = [port for port in fitting if loose.is_input or port not in graph.edges]
    return next(iter(free or fitting or (ports if node not in loose.forbidden else [])), None)


def default_ports(declaration: Declaration) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the ports that a fresh layer has; a data source's are not known before its schema is."""
    if not isinstance(declaration, LayerSpec):
        return (), ()
    values = declaration.defaults()
    inputs = tuple(port.name for port in declaration.input_ports(values))
    return inputs, () if declaration.is_loss else tuple(port.name for port in declaration.output_ports(values))


def accepts(declaration: Declaration, loose_is_input: bool, found: TensorType | None) -> str:
    """Return the port at which a fresh layer would take a loose link, "" for none."""
    inputs, outputs = default_ports(declaration)
    if loose_is_input:
        return outputs[0] if outputs else ""
    return next((port for port in inputs if not misfit(declaration, None, port, found)), "")
