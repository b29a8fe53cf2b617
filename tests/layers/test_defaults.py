"""A layer's defaults are torch's own, but for those that `layers.deviations` names with a reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from typing import Any

import pytest
import torch

from netbuilder.compiler.callables import argument_defaults
from netbuilder.compiler.template import NO_DEFAULT, dotted, parse, plain_values
from netbuilder.foundation.parameter import Kind
from netbuilder.layers.about.deviations import DEVIATIONS
from netbuilder.layers.catalog import catalog
from netbuilder.layers.spec import LayerSpec, names_in

KEYWORDS = "*"
"""Stands before the arguments that a schema takes by name only."""

UNSET = object()
"""Stands for an argument that is no constant: a size, a variable."""


def schema_defaults(callee: str) -> list[dict[str, Any]]:
    """Return the defaults of each overload of a built-in function or method of torch; [] for anything else."""
    name = callee.rsplit(".", 1)[-1]
    for candidate in (name, f"linalg_{name}", f"fft_{name}", f"special_{name}"):
        packet = getattr(torch.ops.aten, candidate, None)
        if packet is not None:
            return [_in_order(getattr(packet, overload)._schema) for overload in packet.overloads()]
    return []


def _in_order(schema: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in schema.arguments:
        if each.kwarg_only:
            found.setdefault(KEYWORDS, NO_DEFAULT)
        found[each.name] = each.default_value if each.has_default_value() else NO_DEFAULT
    return found


def defaults_of(callee: str, support: str) -> list[dict[str, Any]]:
    """Return a callee's defaults by argument, of each of its overloads."""
    if callee.split(".")[0] in ("nn", "F", "torch"):
        own = dict(argument_defaults(callee, support))
        if own:
            return [own]
    elif "." not in callee or callee.startswith("math."):
        return []
    return schema_defaults(callee)


def bound(call: ast.Call, overloads: list[dict[str, Any]]) -> Iterator[tuple[str, ast.expr]]:
    """Yield a call's arguments by the callee's names for them."""
    is_method = dotted(call.func).split(".")[0] not in ("nn", "F", "torch")
    names = list(takewhile(lambda name: name != KEYWORDS, overloads[0])) if overloads else []
    names = [name for name in names if not (is_method and name == "self")]
    yield from zip(names, call.args, strict=False)
    for keyword in call.keywords:
        assert keyword.arg is not None
        yield keyword.arg, keyword.value


def value_of(node: ast.expr, values: dict[str, Any], constants: bool) -> object:
    """Return what a fresh layer hands over as an argument."""
    if isinstance(node, ast.Name):
        return values.get(node.id, UNSET)
    try:
        return ast.literal_eval(node) if constants else UNSET
    except ValueError:
        return UNSET


def deviations(spec: LayerSpec) -> Iterator[tuple[str, object, object]]:
    """Yield what a fresh layer hands to torch otherwise than torch would take it: argument, torch's default, ours.

    That is all parameters, and the constants of modules and of the outermost call; what is computed with inside
    has no counterpart in torch.
    """
    resolved = spec.defaults()
    values = plain_values(spec, resolved)
    for template in filter(None, (spec.make_text(resolved), spec.call_text(resolved))):
        outermost = parse(template)
        for call in [node for node in ast.walk(outermost) if isinstance(node, ast.Call)]:
            overloads = defaults_of(dotted(call.func), spec.support)
            for name, node in bound(call, overloads):
                value = value_of(node, values, call is outermost or dotted(call.func).startswith("nn."))
                known = [each[name] for each in overloads if each.get(name, NO_DEFAULT) is not NO_DEFAULT]
                if value is not UNSET and known and value not in known:
                    yield name, known[0], value


def found() -> dict[tuple[str, str], tuple[str, str]]:
    """Return (layer's key, argument) -> torch's default and ours."""
    return {(spec.key, name): (str(theirs), str(ours)) for spec in catalog() for name, theirs, ours in deviations(spec)}


def named() -> dict[tuple[str, str], tuple[str, str]]:
    return {(key, each.argument): (each.torch, each.here) for each in DEVIATIONS for key in each.layers}


def test_defaults_are_torchs_own_but_for_those_with_a_reason() -> None:
    """A default of None means that torch wants to be told, or takes what its page says."""
    unnamed = {key: pair for key, pair in found().items() if pair[0] != "None" and key not in named()}
    assert unnamed == {}, "give the reason in layers/about/deviations.py"


def test_every_named_deviation_is_one() -> None:
    assert named().items() <= found().items()
    assert all(each.why.endswith(".") for each in DEVIATIONS)


@pytest.mark.parametrize("key", ["linear", "conv2d", "batch_norm2d", "relu", "gelu", "layer_norm"])
def test_the_comparison_sees_the_arguments(key: str) -> None:
    """The control: with every parameter changed, these layers differ from torch wherever they have settings."""
    spec = catalog()[key]
    changed = {
        each.name: not each.default if isinstance(each.default, bool) else each.default * 2 + 1
        for each in spec.parameters
        if each.kind in (Kind.BOOL, Kind.FLOAT, Kind.INT)
    }
    other = replace(spec, parameters=tuple(replace(p, default=changed.get(p.name, p.default)) for p in spec.parameters))
    handed_over = names_in(spec.make_text(spec.defaults())) | names_in(spec.call_text(spec.defaults()))
    mine = changed.keys() & handed_over - {"filters", "units"}  # torch has no default for these two
    assert len(set(deviations(other))) >= len(mine)
