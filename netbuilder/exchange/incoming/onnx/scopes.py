"""Scopes: from which module of the original an operator came, by what the exporter wrote about it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from netbuilder.exchange.incoming.onnx.graph import OnnxNode
from netbuilder.exchange.incoming.operation import Operation, Scope

_NAMES: Final = "pkg.torch.onnx.name_scopes"
_KINDS: Final = "pkg.torch.onnx.class_hierarchy"
_TEXT: Final = re.compile(r"'([^'\\]{0,200})'")
_LEVELS: Final = 32

_TORCH: Final = "torch.nn.modules."
_GROUPS: Final = (f"{_TORCH}container.", f"{_TORCH}transformer.")
"""Modules of torch that hold others."""


class Origin(NamedTuple):
    """Where an operator came from.

    Attributes:
        scopes: The modules around it, the outermost first; their kinds with the package in front.
        label: What to call it when it has no module of its own.
    """

    scopes: tuple[Scope, ...]
    label: str


def origin_of(node: OnnxNode) -> Origin:
    """Return where an operator came from: by the exporter's notes, else by its name ("/layer1/conv/Conv")."""
    names = _TEXT.findall(node.metadata.get(_NAMES, ""))[:_LEVELS]
    kinds = _TEXT.findall(node.metadata.get(_KINDS, ""))[:_LEVELS]
    label = snake(node.kind.rpartition(".")[2])
    if names and len(names) == len(kinds):
        modules = zip(names[:-1], kinds[:-1], strict=True)
        return Origin(tuple(Scope(name, kind) for name, kind in modules if name and not name.startswith("_")), label)
    parts = [part for part in node.name.split("/") if part][:_LEVELS]
    return Origin(tuple(Scope("/".join(parts[: level + 1])) for level in range(len(parts) - 1)), label)


def settle(operations: Iterable[Operation], counts: Iterable[Operation]) -> tuple[Operation, ...]:
    """Return operations of which those that are all of a module have its name, and are in the module around it.

    Args:
        operations: All of them.
        counts: Those that a module's operations are counted by: no constants.
    """
    inside = Counter(scope.path for operation in counts for scope in operation.scope)
    return tuple(_settled(operation, inside) for operation in operations)


def _settled(operation: Operation, inside: Counter[str]) -> Operation:
    scopes, label = operation.scope, ""
    while scopes and _is_layer(scopes[-1], inside[scopes[-1].path]):
        label = label or _name(scopes)
        scopes = scopes[:-1]
    bare = tuple(Scope(scope.path, scope.kind.rpartition(".")[2]) for scope in scopes)
    is_table = operation.type in ("fixed_tensor", "learned_tensor")
    return replace(operation, scope=bare, label=operation.label if is_table or not label else label)


def _is_layer(scope: Scope, count: int) -> bool:
    single = scope.kind.startswith(_TORCH) and not scope.kind.startswith(_GROUPS)
    return count <= 1 or (single and not scope.kind.endswith("MultiheadAttention"))


def _name(scopes: Sequence[Scope]) -> str:
    """Return what the innermost module is called; one that only has a number is called by its list as well."""
    parts = re.split(r"[./]", scopes[-1].path)
    return "_".join(parts[-2:]) if parts[-1].isdigit() else parts[-1]


def snake(name: str) -> str:
    """Return an operator's name in snake case: "LeakyRelu" -> "leaky_relu"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
