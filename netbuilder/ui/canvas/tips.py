"""Tool tips of the canvas: a problem's words, a port's type, a text that was cut."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QToolTip

from netbuilder.compiler.custom import TRUST
from netbuilder.document.model import PortRef
from netbuilder.layers.spec import LayerSpec
from netbuilder.ui.canvas.card_values import CardValue
from netbuilder.ui.canvas.faces import resolved
from netbuilder.ui.canvas.pointing import PORT_REACH, WIRE_REACH
from netbuilder.ui.fields import tooltip

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView


BADGE_REACH = 8.0
"""How far a problem's badge reaches beyond its node, in the scene."""


def show_tip(view: CanvasView, event: QEvent) -> bool:
    """Show what there is to say about what is under the pointer."""
    assert isinstance(event, QHelpEvent)
    text = tip_at(view, QPointF(event.pos()))
    if text:
        QToolTip.showText(event.globalPos(), text, view)
    else:
        QToolTip.hideText()
    return True


def tip_at(view: CanvasView, at: QPointF) -> str:
    """Return the tip for a point of the canvas as rich text, "" for none."""
    scene = view.camera.to_scene(at)
    found = view.port_near(scene.x(), scene.y(), PORT_REACH / view.camera.zoom)
    if found is not None:
        return _port_tip(view, *found)
    node = view.content.arrays.node_at(scene.x(), scene.y(), reach=BADGE_REACH)
    if node is not None:
        value = view.values.at(scene.x(), scene.y())
        return _value_tip(value) if value is not None else _node_tip(view, node)
    link = view.content.arrays.edge_at(scene.x(), scene.y(), WIRE_REACH / view.camera.zoom)
    return _link_tip(view, link) if link is not None else ""


def _port_tip(view: CanvasView, port: PortRef, is_input: bool) -> str:
    node = view.graph.nodes[port.node]
    lines = [f"<b>{escape(port.port)}</b> of {escape(node.label)}"]
    source = view.graph.edges.get(port) if is_input else port
    known = view.knowledge.type_of(source) if source else None
    if known is not None:
        lines.append(f"{escape(str(known))} · {escape(known.dtype)}")
    elif source is None:
        lines.append("Not connected: drag a link here")
    lines.extend(_help(view, port, is_input))
    lines.extend(_problems(view, port.node, port.port))
    return _page(lines)


def _value_tip(value: CardValue) -> str:
    drag = "; drag it sideways to change it" if value.is_scrubbed else ""
    return _page([tooltip(value.parameter), f"Click to edit{drag}"])


def _link_tip(view: CanvasView, target: PortRef) -> str:
    source, nodes = view.graph.edges[target], view.graph.nodes
    known = view.knowledge.type_of(source)
    ends = f"{escape(nodes[source.node].label)} · {escape(source.port)} → {escape(nodes[target.node].label)} · "
    lines = [f"<b>{escape(str(known))}</b> · {escape(known.dtype)}" if known is not None else "Shape not known yet"]
    lines.append(f"<span style='white-space: nowrap'>{ends}{escape(target.port)}</span>")
    if view.live.flow is not None and (flow := view.live.flow.describe(source)):
        lines.append(escape(flow))
    return _page([*lines, *_problems(view, target.node, target.port)])


def _help(view: CanvasView, port: PortRef, is_input: bool) -> list[str]:
    node = view.graph.nodes[port.node]
    spec = view.declarations.get(node.type)
    if not isinstance(spec, LayerSpec):
        return []
    values = resolved(spec, view.workspace.sight.present(node.parameters))
    ports = spec.input_ports(values) if is_input else spec.output_ports(values)
    return [escape(each.help) for each in ports if each.name == port.port and each.help]


def _node_tip(view: CanvasView, node: str) -> str:
    face, graph_node = view.content.faces[node], view.graph.nodes[node]
    problems = _problems(view, node)
    lines = [f"<b>{escape(face.title)}</b> · {escape(graph_node.label)}"]
    if not face.known:
        lines.append("This version of NetBuilder does not know this layer. It is kept as it is.")
    if face.brief:
        lines.append(escape(face.brief))
    if face.learning is not None:
        lines += [escape(words) for words in face.learning.words]
    if node in view.live.dead and view.live.dead[node].data[0]:
        lines.append(f"{escape(view.live.dead[node].caption)}: they learn nothing while that is so.")
    if node in view.live.heat:
        lines.append(f"{escape(view.live.heat[node].words)}.")
    if graph_node.note:
        lines.append(escape(graph_node.note))
    declaration = view.declarations.get(graph_node.type)
    if declaration is not None and declaration.summary and not problems:
        lines.append(escape(declaration.summary))
    return _page([*lines, *problems])


def _problems(view: CanvasView, node: str, port: str = "") -> list[str]:
    lines = []
    for problem in view.workspace.sight.problems.get(node, ()):
        if not port or problem.port == port:
            lines.append(f"<i>{problem.severity.title()}:</i> {escape(problem.message)}")
            if problem.fixes:
                lines.append(f"Right-click to fix: {escape(problem.fixes[0].title)}")
            elif TRUST in problem.actions:
                lines.append("Right-click to look at its code and trust it")
    return lines


def _page(lines: list[str]) -> str:
    return "<div style='max-width: 360px'>" + "<br>".join(lines) + "</div>"
