"""Scopes: from which module of the original an operator came, by what the exporter wrote about it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from netbuilder.exchange.incoming.onnx.graph import OnnxNode
from netbuilder.exchange.incoming.operation import Scope

_NAMES: Final = "pkg.torch.onnx.name_scopes"
_KINDS: Final = "pkg.torch.onnx.class_hierarchy"
_TEXT: Final = re.compile(r"'([^'\\]{0,200})'")
_LEVELS: Final = 32

_LEAF: Final = "torch.nn.modules."
_GROUPS: Final = ("container", "transformer")
_MANY: Final = ("MultiheadAttention",)

_QUIET: Final = frozenset(("Constant", "Shape", "Identity", "Cast"))
"""Operators that say nothing about whether a module is a single layer."""

_ONE_LAYER: Final = frozenset(("MatMul", "Add"))
"""What exporters write for a linear layer."""


class Origin(NamedTuple):
    """Where an operator came from.

    Attributes:
        scopes: The modules around it, the outermost first.
        label: What to call it.
    """

    scopes: tuple[Scope, ...]
    label: str


def find_origins(nodes: Iterable[OnnxNode]) -> dict[int, Origin]:
    """Return the origin of each operator, by its number in the order of the graph."""
    paths = {number: _path(node) for number, node in enumerate(nodes)}
    kinds = {number: node.kind for number, node in enumerate(nodes)}
    inside: Mapping[str, Counter[str]] = defaultdict(Counter)
    for number, (scopes, _) in paths.items():
        if kinds[number] not in _QUIET:
            for scope in scopes:
                inside[scope.path][kinds[number]] += 1
    return {number: _origin(scopes, label, inside) for number, (scopes, label) in paths.items()}


def _origin(scopes: tuple[Scope, ...], label: str, inside: Mapping[str, Counter[str]]) -> Origin:
    """Drop the innermost scope where it is a single layer, which then has its name."""
    if scopes and _is_layer(scopes[-1], inside[scopes[-1].path]):
        return Origin(scopes[:-1], re.split(r"[./]", scopes[-1].path)[-1])
    return Origin(scopes, label)


def _is_layer(scope: Scope, found: Counter[str]) -> bool:
    if scope.kind.startswith(_LEAF):
        return not any(f".{group}." in scope.kind for group in _GROUPS) and not scope.kind.endswith(_MANY)
    return sum(found.values()) <= 1 or (set(found) <= _ONE_LAYER and sum(found.values()) == 2)


def _path(node: OnnxNode) -> tuple[tuple[Scope, ...], str]:
    names = _TEXT.findall(node.metadata.get(_NAMES, ""))[:_LEVELS]
    kinds = _TEXT.findall(node.metadata.get(_KINDS, ""))[:_LEVELS]
    fallback = snake(node.kind.rpartition(".")[2])
    if names and len(names) == len(kinds):
        modules = zip(names[:-1], kinds[:-1], strict=True)
        scopes = tuple(Scope(name, kind) for name, kind in modules if name and not name.startswith("_empty_nn"))
        return scopes, fallback
    parts = [part for part in node.name.split("/") if part][:_LEVELS]
    if len(parts) < 2:
        return (), fallback
    return tuple(Scope("/".join(parts[: level + 1])) for level in range(len(parts) - 1)), fallback


def plain(scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    """Return scopes whose kinds are the bare names of their classes."""
    return tuple(Scope(scope.path, scope.kind.rpartition(".")[2]) for scope in scopes)


def snake(name: str) -> str:
    """Return an operator's name in snake case: "LeakyRelu" -> "leaky_relu"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
