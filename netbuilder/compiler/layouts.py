"""Layouts: values whose axes fit in number but not in meaning, such as pictures with their channels last.

Torch takes them: the sizes agree with anything. What comes out is a network that mixes up places and channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from netbuilder.compiler.shapes import DATA, Shapes
from netbuilder.compiler.structure import Structure
from netbuilder.compiler.wording import insertion, offering
from netbuilder.document.model import Document, PortRef
from netbuilder.foundation.problem import Problem, Severity
from netbuilder.layers.relations import AXES
from netbuilder.layers.spec import LayerSpec, Rule
from netbuilder.layers.tensor import TensorType

_TRANSPOSE: Final[tuple[str, Mapping[str, Any]]] = ("transpose", {"first": 1, "second": 2})
_CHANNELS_FIRST: Final[tuple[str, Mapping[str, Any]]] = ("permute", {"order": (3, 1, 2)})

_MENDS: Final = {
    ("NTF", "NCL"): _TRANSPOSE,
    ("NCL", "NTF"): _TRANSPOSE,
    ("NHWC", "NCHW"): _CHANNELS_FIRST,
}
"""(What is given, what is meant) -> the layer that makes one of the other."""

_MEANT: Final = frozenset(wanted for _, wanted in _MENDS)

_WORDS: Final = {**AXES, "NHWC": "N × height × width × channels"}

_CHANNELS: Final = (1, 3, 4)
"""How many channels pictures have."""


@dataclass(frozen=True, slots=True)
class _Suspect:
    """An input whose axes may mean something else than its layer takes them for.

    Attributes:
        port: The input.
        source: What feeds it.
        wanted: What the layer takes its axes for.
        given: What they mean; "" where `entry` alone can tell.
        entry: The data field or Input that the value comes from unchanged.
    """

    port: PortRef
    source: PortRef
    wanted: str
    given: str = ""
    entry: PortRef | None = None


def check_layouts(document: Document, shapes: Shapes, structure: Structure) -> Iterator[Problem]:
    """Yield a warning for each input whose axes mean something else than its layer takes them for.

    Args:
        document: What to look at, written out.
        shapes: Its shapes.
        structure: Its structure.
    """
    for suspect in structure.remember(_suspects):
        given = suspect.given
        if suspect.entry is not None:
            found = shapes.types.get(suspect.entry)
            given = _of_entry(document, suspect.entry, found) if found is not None else ""
        if (given, suspect.wanted) in _MENDS and suspect.port in shapes.types:
            yield _problem(document, suspect, given, shapes.types[suspect.port])


def _suspects(structure: Structure) -> tuple[_Suspect, ...]:
    """Return the inputs that are worth a look: their layer means something else than what they come from says."""
    meanings: dict[PortRef, str | PortRef] = {}
    found = []
    known: dict[int, dict[str, str]] = {}  # by the identity of the ports: those of thousands of nodes are the same
    for node, sources in structure.links.items():
        ports = structure.kinds[node].inputs or ()
        meant = known.get(id(ports))
        if meant is None:
            meant = {port.name: port.layout for port in ports if port.layout in _MEANT}
            known[id(ports)] = meant
        for port, source in sources if meant else ():
            if port not in meant:
                continue
            given = _meaning(structure, source, meanings)
            if isinstance(given, PortRef):
                found.append(_Suspect(PortRef(node, port), source, meant[port], entry=given))
            elif (given, meant[port]) in _MENDS:
                found.append(_Suspect(PortRef(node, port), source, meant[port], given))
    return tuple(found)


def _meaning(structure: Structure, port: PortRef, known: dict[PortRef, str | PortRef]) -> str | PortRef:
    """Return what a value's axes mean, or the entry that it comes from through layers that leave its axes alone."""
    passed = []
    found: str | PortRef = ""
    while port not in known:
        passed.append(port)
        kind = structure.kinds.get(port.node)
        if kind is None or kind.is_entry:
            found = port if kind is not None else ""
            break
        sources = structure.links.get(port.node, ())
        layout = _declared(kind.spec, port.port)
        if layout or kind.spec is None or kind.spec.shape is not Rule.SAME or len(sources) != 1:
            found = layout
            break
        port = sources[0][1]
        if port in passed:  # a circle
            break
    else:
        found = known[port]
    known.update(dict.fromkeys(passed, found))
    return found


def _declared(spec: LayerSpec | None, port: str) -> str:
    if spec is None or callable(spec.outputs):
        return ""
    return next((each.layout for each in spec.outputs if each.name == port), "")


def _problem(document: Document, suspect: _Suspect, given: str, found: TensorType) -> Problem:
    port, wanted, nodes = suspect.port, suspect.wanted, document.graph.nodes
    node, origin = nodes[port.node], nodes[suspect.source.node]
    key, parameters = _MENDS[given, wanted]
    fix = insertion(node.id, port.port, key, parameters)
    problem = Problem(
        code="shape.layout",
        message=f"{node.label} takes {found} from {origin.label} for {_WORDS[wanted]}, but it is {_WORDS[given]}",
        severity=Severity.WARNING,
        node=node.id,
        port=port.port,
        expected=_WORDS[wanted],
        found=_WORDS[given],
    )
    return offering(problem, (fix,)) if fix else problem


def _of_entry(document: Document, port: PortRef, type_: TensorType) -> str:
    """Return the layout of a data field or an Input: as it says, else pictures are known by their few channels."""
    node = document.graph.nodes[port.node]
    schema = document.schemas.get(node.id) if node.type.startswith(DATA) else None
    told = next((field.layout for field in schema.fields if field.name == port.port), "") if schema else ""
    if told and told != "HWC":
        return f"N{told}"
    if type_.rank != 4 or told == "HWC":
        return "NHWC" if told else ""
    _, height, width, channels = type_.dims
    large = all(not isinstance(size, int) or size > max(_CHANNELS) for size in (height, width))
    return "NHWC" if channels in _CHANNELS and large else ""
