"""Layouts: values whose axes fit in number but not in meaning, such as pictures with their channels last.

Torch takes them: the sizes agree with anything. What comes out is a network that mixes up places and channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from netbuilder.compiler.flow import is_entry, spec_of
from netbuilder.compiler.shapes import DATA, Shapes
from netbuilder.compiler.wording import insertion, offering
from netbuilder.document.model import Document, Node, PortRef
from netbuilder.foundation.problem import Problem, Severity
from netbuilder.layers.relations import AXES
from netbuilder.layers.spec import LayerSpec, Port, Rule
from netbuilder.layers.tensor import TensorType

_TRANSPOSE: Final[tuple[str, Mapping[str, Any]]] = ("transpose", {"first": 1, "second": 2})
_CHANNELS_FIRST: Final[tuple[str, Mapping[str, Any]]] = ("permute", {"order": (3, 1, 2)})

_MENDS: Final = {
    ("NTF", "NCL"): _TRANSPOSE,
    ("NCL", "NTF"): _TRANSPOSE,
    ("NHWC", "NCHW"): _CHANNELS_FIRST,
}
"""(What is given, what is meant) -> the layer that makes one of the other."""

_WORDS: Final = {**AXES, "NHWC": "N × height × width × channels"}

_CHANNELS: Final = (1, 3, 4)
"""How many channels pictures have."""

Links = Mapping[str, Sequence[tuple[str, PortRef]]]


def check_layouts(document: Document, shapes: Shapes, links: Links) -> Iterator[Problem]:
    """Yield a warning for each input whose axes mean something else than its layer takes them for.

    Args:
        document: What to look at.
        shapes: Its shapes.
        links: Node id -> its linked inputs (`flow.sources_of`).
    """
    for id, sources in links.items():
        node = document.graph.nodes[id]
        spec = spec_of(node)
        if spec is None or callable(spec.inputs):
            continue
        meant = {port.name: port.layout for port in spec.inputs}
        for port, source in sources:
            wanted = meant.get(port, "")
            if any(wanted == each for _, each in _MENDS):
                given = _given(document, shapes, links, source)
                if (given, wanted) in _MENDS:
                    yield _problem(document, node, PortRef(id, port), source, given, wanted, shapes)


def _problem(
    document: Document, node: Node, port: PortRef, source: PortRef, given: str, wanted: str, shapes: Shapes
) -> Problem:
    key, parameters = _MENDS[given, wanted]
    fix = insertion(node.id, port.port, key, parameters)
    found = shapes.types.get(port)
    origin = document.graph.nodes[source.node].label
    problem = Problem(
        code="shape.layout",
        message=f"{node.label} takes {found} from {origin} for {_WORDS[wanted]}, but it is {_WORDS[given]}",
        severity=Severity.WARNING,
        node=node.id,
        port=port.port,
        expected=_WORDS[wanted],
        found=_WORDS[given],
    )
    return offering(problem, (fix,)) if fix else problem


def _given(document: Document, shapes: Shapes, links: Links, port: PortRef) -> str:
    """Return what the axes of a value mean, found upstream through layers that leave the axes alone; "" if unknown."""
    type_ = shapes.types.get(port)
    while type_ is not None:
        node = document.graph.nodes[port.node]
        if is_entry(node):
            return _of_entry(document, node, port.port, type_)
        spec = spec_of(node)
        if spec is None:
            return ""
        layout = _declared(spec, node, port.port)
        if layout:
            return layout
        sources = links.get(node.id, ())
        if not (len(sources) == 1 and spec.shape is Rule.SAME):
            return ""
        port = sources[0][1]
        type_ = shapes.types.get(port)
    return ""


def _declared(spec: LayerSpec, node: Node, port: str) -> str:
    if callable(spec.outputs):
        return ""
    outputs: tuple[Port, ...] = spec.outputs
    return next((each.layout for each in outputs if each.name == port), "")


def _of_entry(document: Document, node: Node, port: str, type_: TensorType) -> str:
    """Return the layout of a data field or an Input: as it says, else pictures are known by their few channels."""
    schema = document.schemas.get(node.id) if node.type.startswith(DATA) else None
    fields = schema.fields if schema else ()
    told = next((field.layout for field in fields if field.name == port), "")
    if told and told != "HWC":
        return f"N{told}"
    if type_.rank != 4 or told == "HWC":
        return "NHWC" if told else ""
    _, height, width, channels = type_.dims
    large = all(not isinstance(size, int) or size > max(_CHANNELS) for size in (height, width))
    return "NHWC" if channels in _CHANNELS and large else ""
