"""Links: inputs that lack one, links that lead nowhere any more, links that form a circle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netbuilder.compiler.flow import TARGET
from netbuilder.compiler.structure import Structure
from netbuilder.compiler.wiring import is_sound
from netbuilder.document.model import ROOT, Graph, PortRef
from netbuilder.document.topology import cycles
from netbuilder.foundation.problem import Fix, Problem


def _all_circles(structure: Structure) -> Iterator[Problem]:
    """Find circles in the main graph and in the blocks: each graph must flow one way by itself."""
    document, expansion = structure.drawn, structure.expansion
    yield from _circles(document.graph, "", ROOT)
    firsts = {instance.key: path for path, instance in reversed(list(expansion.instances.items()))}
    for key, path in firsts.items():
        yield from _circles(document.blocks[key].graph, f"{path}/", key)


def _circles(graph: Graph, prefix: str, scope: str) -> Iterator[Problem]:
    if is_sound(graph):
        return
    for circle in cycles(graph):
        names = " → ".join(graph.nodes[id].label for id in (*circle, circle[0]))
        message = f"The links form a circle: {names}. A network must flow one way; remove one of these links."
        last, first = circle[-1], circle[0]
        closing = [target for target, source in graph.edges.items() if target.node == first and source.node == last]
        fixes = tuple(_unlink(port, scope) for port in closing)
        yield Problem(code="graph.cycle", message=message, node=prefix + first, fixes=fixes)


def _unlink(target: PortRef, scope: str = ROOT) -> Fix:
    arguments = {"target": list(target)} | ({"scope": scope} if scope else {})
    return Fix(title="Remove the link", edit="disconnect", arguments=arguments)


def _stray_links(structure: Structure) -> Iterator[Problem]:
    """Find links whose port is gone, because parameters or data changed."""
    nodes, kinds, names = structure.graph.nodes, structure.kinds, structure.port_names
    for target, source in structure.graph.edges.items():
        if target.node not in nodes or source.node not in nodes:
            where = target.node if target.node in nodes else source.node if source.node in nodes else ""
            message = "A link leads to a node that is not there."
            yield Problem(code="link.node", message=message, node=where, fixes=(_unlink(target),))
            continue
        inputs, outputs = kinds[target.node].inputs, kinds[source.node].outputs
        if inputs is not None and target.port not in names(inputs):
            message = f"{nodes[target.node].label} has no input {target.port!r} any more, but a link leads there."
            yield Problem(
                code="link.port", message=message, node=target.node, port=target.port, fixes=(_unlink(target),)
            )
        if outputs is not None and source.port not in outputs:
            message = (
                f"{nodes[source.node].label} has no output {source.port!r} any more, "
                f"but a link leads from it to {nodes[target.node].label}."
            )
            yield Problem(
                code="link.port", message=message, node=source.node, port=source.port, fixes=(_unlink(target),)
            )


def _open_inputs(structure: Structure) -> Iterator[Problem]:
    """Find inputs that must be linked and are not."""
    edges, expansion = structure.graph.edges, structure.expansion
    told: set[PortRef] = set()
    links, names = structure.links, structure.port_names
    for id, kind in structure.kinds.items():
        if not kind.inputs or names(kind.inputs) == [port for port, _ in links.get(id, ())]:
            continue  # nearly all: each input has its link
        missing = [port for port in kind.inputs if not port.optional and PortRef(id, port.name) not in edges]
        for port in missing:
            entrance = expansion.entrances.get(PortRef(id, port.name))
            if entrance is not None and entrance[0] not in told:  # the block that it is in lacks its input
                told.add(entrance[0])
                yield _open_entrance(*entrance)
            if entrance is not None or PortRef(id, port.name) in expansion.cut:
                continue
            alone = len(kind.inputs or ()) == 1
            what = "its input" if alone else f"its input {port.name!r}"
            fixes = _links(structure, PortRef(id, port.name))
            message = f"{kind.label} needs a link to {what}."
            yield Problem(code="input.open", message=message, node=id, port=port.name, expected="a link", fixes=fixes)


def _open_entrance(port: PortRef, label: str) -> Problem:
    """Return the problem of a block's input that a layer inside needs."""
    message = f"{label} needs a link to its input {port.port!r}."
    return Problem(code="input.open", message=message, node=port.node, port=port.port, expected="a link")


def _links(structure: Structure, target: PortRef) -> tuple[Fix, ...]:
    """Return the one link that suggests itself: from the only loose end that can be meant."""
    kinds, loose = structure.kinds, structure.loose
    wants_data = kinds[target.node].is_loss and target.port == TARGET
    ends = [each for each in loose if each.node != target.node and kinds[each.node].is_entry == wants_data]
    if wants_data:
        ends = [
            PortRef(id, field.name)
            for id, schema in structure.flat.schemas.items()
            if id in kinds
            for field in schema.fields
        ]
        ends = [end for end in ends if end not in structure.flow.entries] or ends
        ends = [end for end in ends if end.port in ("label", TARGET)] or ends
    elif not ends and not structure.links.get(target.node):  # to a second input the data's labels would be led
        ends = [each for each in loose if kinds[each.node].is_entry][:1]
    if len(ends) != 1 or _feeds(structure, target.node, ends[0].node):
        return ()
    (end,) = ends
    single = sum(each.node == end.node for each in loose) == 1 and not wants_data
    title = f"Link it to {kinds[end.node].label}" + ("" if single else f", {end.port}")
    return (Fix(title=title, edit="connect", arguments={"target": list(target), "source": list(end)}),)


def _feeds(structure: Structure, node: str, other: str) -> bool:
    """Whether `node` is upstream of `other`."""
    waiting, seen = [other], {other}
    while waiting and node not in seen:
        for _, source in structure.links.get(waiting.pop(), ()):
            if source.node not in seen:
                seen.add(source.node)
                waiting.append(source.node)
    return node in seen


LINK_CHECKS: Final = (_all_circles, _stray_links, _open_inputs)
"""What is wrong with the links of a document's structure."""
