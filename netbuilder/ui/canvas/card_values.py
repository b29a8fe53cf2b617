"""The values on a node's card: which parameter's value stands where, so that it can be pointed at.

Worked out for one node when it is asked for: what is drawn knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from netbuilder.data.spec import SourceSpec
from netbuilder.document.expressions import is_expression
from netbuilder.document.model import Node
from netbuilder.foundation.brief import spans
from netbuilder.foundation.declaration import Declaration
from netbuilder.foundation.parameter import Kind, Parameter, Values
from netbuilder.layers.spec import LayerSpec
from netbuilder.ui.canvas.faces import Face, resolved
from netbuilder.ui.canvas.geometry import Box, Geometry
from netbuilder.ui.canvas.style import elided, text_width
from netbuilder.ui.shared_values import is_plain
from netbuilder.ui.sight import present

_ROLE = "text"
_REACH = 4.0  # scene units beside a value that belong to it


@dataclass(frozen=True, slots=True)
class CardValue:
    """One value on a card.

    Attributes:
        node: The node's id.
        parameter: Whose value it is.
        value: The value, that of an expression where it is one.
        box: Where its text is, from the node's top-left corner.
        is_computed: Whether it is what an expression comes to.
    """

    node: str
    parameter: Parameter
    value: Any
    box: Box
    is_computed: bool = False

    @property
    def is_scrubbed(self) -> bool:
        """Whether dragging changes it: a number, or one an axis."""
        numbers = self.parameter.kind in (Kind.INT, Kind.FLOAT)
        return not self.is_computed and (
            numbers or (self.parameter.kind is Kind.INTS and self.parameter.length is not None)
        )


def values_on(
    face: Face, geometry: Geometry, node: Node, declaration: Declaration | None, block: Values
) -> tuple[CardValue, ...]:
    """Return the values that a card shows, from the left.

    Args:
        face: What the card shows.
        geometry: Where.
        node: The node.
        declaration: What it is.
        block: The parameters of the block that it is in.
    """
    if not isinstance(declaration, (LayerSpec, SourceSpec)) or declaration.brief is None or not face.brief:
        return ()
    settings = resolved(declaration, present(node.parameters, block))
    pieces = spans(declaration.brief, settings)
    if "".join(piece.text for piece in pieces) != face.brief:
        return ()  # the card is still that of before the last edit
    found, place = [], 0
    for piece in pieces:
        box, place = _box(face, geometry, place, place + len(piece.text)), place + len(piece.text)
        parameter = declaration.by_name.get(piece.parameter)
        if parameter is not None and box is not None and is_plain(declaration, parameter):
            is_computed = is_expression(node.parameters.get(parameter.name))
            found.append(CardValue(node.id, parameter, settings[parameter.name], box, is_computed))
    return tuple(found)


def nearest(values: Iterable[CardValue], x: float, y: float, least: float) -> CardValue | None:
    """Return the value at a point of a card, None where there is none.

    Args:
        values: The card's.
        x: From the node's left side.
        y: From its top.
        least: How wide a value is at least for the pointer; a finger needs more than one digit.
    """
    best, closest = None, _REACH
    for value in values:
        box = value.box
        reach = max((least - box.width) / 2, _REACH)
        beside = max(box.x - x, x - box.x - box.width, 0.0) * _REACH / reach
        if beside <= closest and box.y <= y <= box.y + box.height:
            best, closest = value, beside
    return best


def _box(face: Face, geometry: Geometry, start: int, end: int) -> Box | None:
    """Return where some characters of the brief are drawn; None where the card has no room for them."""
    is_aside = not face.label and geometry.aside == face.brief
    if not is_aside and geometry.line != face.brief:
        return None
    whole = geometry.aside_box if is_aside else geometry.line_box
    shown = elided(face.brief, _ROLE, whole.width)
    if shown != face.brief:
        end = min(end, len(shown) - 1)  # the last one is the ellipsis
    if start >= end:
        return None
    rest = whole.width - text_width(shown, _ROLE)
    left = whole.x + (rest if is_aside else rest / 2)
    from_, to = text_width(face.brief[:start], _ROLE), text_width(face.brief[:end], _ROLE)
    return Box(left + from_, whole.y, to - from_, whole.height)
