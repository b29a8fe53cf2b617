"""Walking the network with the arrow keys: along links to the left and right, among neighbours up and down."""

from __future__ import annotations

from netbuilder.ui.canvas.content import Content


def neighbour(content: Content, node: str | None, dx: int, dy: int) -> str | None:
    """Return where an arrow leads from a node; from nowhere, to the first node.

    Left goes to what feeds the node, right to what it feeds, up and down to the nearest node.
    """
    arrays = content.arrays
    if not arrays.ids:
        return None
    if node is None or node not in arrays:
        return min(arrays.ids, key=lambda each: arrays.rect(each)[:2])
    if dx:
        links = content.graph.edges.items()
        linked = (
            [s.node for t, s in links if t.node == node] if dx < 0 else [t.node for t, s in links if s.node == node]
        )
        return min(linked, key=lambda each: _steps(content, node, each), default=None)
    x, y, width, _ = arrays.rect(node)
    best, closest = None, float("inf")
    for other in arrays.ids:
        ox, oy, other_width, _ = arrays.rect(other)
        ahead = (oy - y) * dy
        if other != node and ahead > 0:
            aside = abs((ox + other_width / 2) - (x + width / 2))
            if ahead + 2 * aside < closest:
                best, closest = other, ahead + 2 * aside
    return best


def _steps(content: Content, node: str, other: str) -> float:
    """Return how far up or down another node lies: the straightest way on is preferred."""
    return abs(content.arrays.rect(other)[1] - content.arrays.rect(node)[1])
