"""What the workspace knows of the graph in sight, as faces need it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from netbuilder.document.model import Plan, PortRef
from netbuilder.foundation.problem import Problem, Severity
from netbuilder.ui.canvas.faces import Area, Knowledge
from netbuilder.ui.canvas.learning import Paces

if TYPE_CHECKING:
    from netbuilder.ui.sight import Sight
    from netbuilder.ui.workspace import Workspace

_ORDER = (Severity.ADVICE, Severity.WARNING, Severity.ERROR)


def know(workspace: Workspace, areas: Mapping[str, Area]) -> Knowledge:
    """Return shapes, problems and pictures as they are now."""
    return knowledge_of(workspace.sight, areas, workspace.document.plan, workspace.scopes.at.block)


def knowledge_of(sight: Sight, areas: Mapping[str, Area], plan: Plan, path: str = "") -> Knowledge:
    """Return what faces need of what is known of a graph.

    Args:
        sight: What is known.
        areas: Node id -> the live picture there is for it.
        plan: How the network learns.
        path: That of the block in sight; "" for the main graph.
    """
    return Knowledge(
        types=sight.types,
        pending=sight.pending,
        severities={node: worst(problems) for node, problems in sight.problems.items()},
        areas=dict(areas),
        values=sight.values,
        paces=Paces.of(plan, path),
    )


def worst(problems: Iterable[Problem]) -> Severity:
    """Return how much the worst of some problems matters."""
    return max((problem.severity for problem in problems), key=_ORDER.index)


def wrong_ports(sight: Sight) -> frozenset[PortRef]:
    """Return the ports that an error is about: the links into them are drawn as wrong."""
    return frozenset(
        PortRef(node, each.port)
        for node, problems in sight.problems.items()
        for each in problems
        if each.is_error and each.port and each.node.rpartition("/")[2] == node
    )
