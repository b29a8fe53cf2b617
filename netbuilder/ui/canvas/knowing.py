"""What the workspace knows of its document, as faces need it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from netbuilder.document.model import PortRef
from netbuilder.foundation.problem import Problem, Severity
from netbuilder.ui.canvas.faces import Area, Knowledge

if TYPE_CHECKING:
    from netbuilder.ui.workspace import Workspace

_ORDER = (Severity.ADVICE, Severity.WARNING, Severity.ERROR)


def know(workspace: Workspace, areas: Mapping[str, Area]) -> Knowledge:
    """Return shapes, problems and pictures as they are now."""
    shapes = workspace.shapes
    return Knowledge(
        types=shapes.types,
        pending=shapes.pending,
        severities=severities(workspace.problems),
        areas=dict(areas),
    )


def severities(problems: Iterable[Problem]) -> dict[str, Severity]:
    """Return each node's worst problem."""
    worst: dict[str, Severity] = {}
    for problem in problems:
        known = worst.get(problem.node)
        if problem.node and (known is None or _ORDER.index(problem.severity) > _ORDER.index(known)):
            worst[problem.node] = problem.severity
    return worst


def wrong_ports(problems: Iterable[Problem]) -> frozenset[PortRef]:
    """Return the ports that an error is about: the links into them are drawn as wrong."""
    return frozenset(PortRef(each.node, each.port) for each in problems if each.is_error and each.port)
