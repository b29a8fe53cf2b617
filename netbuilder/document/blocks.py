"""Blocks: what a definition declares (its ports and typed parameters) and which node is an instance of which.

A definition is a graph with parameters of its own. Its nodes of type `input` are its input ports and those of type
`output` its output ports: a node's label is the port's name, and the order of the nodes is the order of the ports. A
node of type `block.<key>` is an instance; its parameters are the definition's by name, and `repeat`: how many copies,
each with fresh weights, stand in series. Output i of a copy feeds input i of the next; further inputs go to every copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from netbuilder.document.model import ROOT, Definition, Document, Graph, Node
from netbuilder.document.names import is_label
from netbuilder.foundation.limits import NAME_LENGTH, TEXT_LENGTH
from netbuilder.foundation.parameter import Choice, Kind, Parameter

BLOCK: Final = "block."
"""What the type of an instance begins with."""

REPEAT: Final = "repeat"
"""The parameter that every instance has besides the definition's own."""

INPUT: Final = "input"
OUTPUT: Final = "output"

MOST_REPEATS: Final = 1_000

REPEATS: Final = Parameter(
    name=REPEAT,
    title="Repeat",
    kind=Kind.INT,
    default=1,
    minimum=1,
    maximum=MOST_REPEATS,
    help="How many copies of the block stand in series, each with weights of its own.",
)

KINDS: Final = (Kind.INT, Kind.FLOAT, Kind.BOOL, Kind.CHOICE, Kind.TEXT, Kind.INTS)
"""What a block's parameter may hold."""

_TAKEN: Final = frozenset({REPEAT, "x", "model", "batch", "tap", "layer", "layers"})


class _ChoiceRecord(Struct, frozen=True):
    value: str | int | float | bool
    title: Annotated[str, Meta(max_length=NAME_LENGTH)] = ""


class _ParameterRecord(Struct, frozen=True):
    name: Annotated[str, Meta(max_length=NAME_LENGTH)]
    kind: Kind
    default: Any = None
    title: Annotated[str, Meta(max_length=NAME_LENGTH)] = ""
    help: Annotated[str, Meta(max_length=TEXT_LENGTH)] = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: Annotated[tuple[_ChoiceRecord, ...], Meta(max_length=1_000)] = ()
    length: Annotated[int, Meta(ge=1, le=64)] | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """What a definition declares.

    Attributes:
        parameters: The definition's own, then `repeat`.
        inputs: The ids of its `input` nodes by port name, in order.
        outputs: The ids of its `output` nodes by port name, in order.
        mistakes: What is wrong with the declared parameters; those are left out.
    """

    parameters: tuple[Parameter, ...]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    mistakes: tuple[str, ...] = ()


def is_block(node: Node) -> bool:
    """Whether a node is an instance of a block."""
    return node.type.startswith(BLOCK)


def block_key(node: Node) -> str:
    """Return the key of the definition that an instance is of."""
    return node.type.removeprefix(BLOCK)


def definition_of(document: Document, node: Node) -> Definition | None:
    """Return the definition that a node is an instance of; None when it is none, or the definition is missing."""
    return document.blocks.get(block_key(node)) if is_block(node) else None


def signature(definition: Definition) -> Signature:
    """Return what a definition declares."""
    known = _signatures.get(id(definition))
    if known is not None and known[0] is definition:
        return known[1]
    parameters, mistakes = _parameters(definition)
    found = Signature(
        (*parameters, REPEATS), _ports(definition.graph, INPUT), _ports(definition.graph, OUTPUT), tuple(mistakes)
    )
    if len(_signatures) >= _MOST_SIGNATURES:
        _signatures.clear()
    _signatures[id(definition)] = definition, found
    return found


_signatures: Final[dict[int, tuple[Definition, Signature]]] = {}
_MOST_SIGNATURES: Final = 2_000


def _ports(graph: Graph, type: str) -> dict[str, str]:
    return {node.label: id for id, node in graph.nodes.items() if node.type == type}


def _parameters(definition: Definition) -> tuple[list[Parameter], list[str]]:
    found: dict[str, Parameter] = {}
    mistakes = []
    for raw in definition.parameters:
        try:
            parameter = parameter_from(raw)
            if parameter.name in found:
                raise ValueError(f"two parameters are called {parameter.name!r}")
        except ValueError as error:
            mistakes.append(str(error))
        else:
            found[parameter.name] = parameter
    return list(found.values()), mistakes


def parameter_from(raw: Mapping[str, Any]) -> Parameter:
    """Return a block's parameter from its JSON object.

    Args:
        raw: name, kind, default, and optionally title, help, minimum, maximum, choices, length.

    Raises:
        ValueError: Saying in plain words what is wrong.
    """
    try:
        record = msgspec.convert(_plain(raw), _ParameterRecord)
    except msgspec.ValidationError as error:
        raise ValueError(f"a parameter of the block is declared wrongly: {error}") from None
    if not is_label(record.name) or record.name in _TAKEN:
        raise ValueError(f"{record.name!r} cannot name a block's parameter: expected a free name such as filters")
    if record.kind not in KINDS:
        raise ValueError(f"{record.name}: a block's parameter cannot be a {record.kind.value}")
    if record.kind is Kind.CHOICE and not record.choices:
        raise ValueError(f"{record.name}: a choice needs something to choose from")
    parameter = Parameter(
        name=record.name,
        title=record.title or record.name.replace("_", " ").capitalize(),
        kind=record.kind,
        default=None,
        help=record.help,
        minimum=record.minimum,
        maximum=record.maximum,
        choices=tuple(Choice(value=each.value, title=each.title or str(each.value)) for each in record.choices),
        length=record.length,
    )
    return _with_default(parameter, record.default)


def _with_default(parameter: Parameter, default: object) -> Parameter:
    return replace(parameter, default=parameter.normalize(default))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def plain_parameter(parameter: Parameter) -> dict[str, Any]:
    """Return a parameter as the JSON object that `parameter_from` reads."""
    plain: dict[str, Any] = {
        "name": parameter.name,
        "title": parameter.title,
        "kind": parameter.kind.value,
        "default": parameter.default,
        "help": parameter.help,
    }
    if parameter.minimum is not None:
        plain["minimum"] = parameter.minimum
    if parameter.maximum is not None:
        plain["maximum"] = parameter.maximum
    if parameter.choices:
        plain["choices"] = tuple({"value": each.value, "title": each.title} for each in parameter.choices)
    if parameter.length is not None:
        plain["length"] = parameter.length
    return plain


def uses(graph: Graph) -> Iterator[str]:
    """Yield the keys of the definitions that a graph's nodes are instances of."""
    for node in graph.nodes.values():
        if is_block(node):
            yield block_key(node)


def needed(document: Document, keys: Iterator[str]) -> dict[str, Definition]:
    """Return definitions with all that they are made of, by key; those that are missing are left out."""
    found: dict[str, Definition] = {}
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        if key in document.blocks and key not in found:
            found[key] = document.blocks[key]
            waiting.extend(uses(found[key].graph))
    return found


def contains(document: Document, key: str, inner: str) -> bool:
    """Whether the block `key` holds an instance of the block `inner` at any depth, or is it."""
    return inner in needed(document, iter([key]))


def instances(document: Document, key: str) -> Iterator[tuple[str, Node]]:
    """Yield the scope and the node of every instance of a definition."""
    for scope in (ROOT, *document.blocks):
        for node in document.scope(scope).nodes.values():
            if node.type == BLOCK + key:
                yield scope, node
