"""What templates call: torch's own classes and functions and the support classes, as values.

Shape inference calls templates as functions (`template_function`); the author of programs asks for the callees' own
defaults (`argument_defaults`). Imports torch.
"""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable, Mapping
from functools import cache, reduce
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from netbuilder.compiler.module import execute
from netbuilder.compiler.template import NO_DEFAULT, parse

MODULES: Mapping[str, Any] = {"torch": torch, "nn": nn, "F": F, "math": math}


@cache
def support_namespace(support: str) -> Mapping[str, Any]:
    """Return the names that a spec's support text defines, next to the modules."""
    if not support:
        return MODULES
    namespace = {**MODULES, "Tensor": torch.Tensor, "__name__": "netbuilder_support"}
    execute(support, namespace, "<support>", (support,))
    return namespace


@cache
def template_function(template: str, support: str, names: tuple[str, ...]) -> Callable[..., Any]:
    """Return a template as a function whose positional arguments are `names`.

    Args:
        template: The expression, from a layer spec.
        support: The spec's support text.
        names: The names in the template that are arguments.
    """
    arguments = ast.arguments(
        posonlyargs=[], args=[ast.arg(arg=name) for name in names], kwonlyargs=[], kw_defaults=[], defaults=[]
    )
    function = ast.FunctionDef(
        name="template", args=arguments, body=[ast.Return(value=parse(template))], decorator_list=[], returns=None
    )
    tree = ast.fix_missing_locations(ast.Module(body=[function], type_ignores=[]))
    namespace = dict(support_namespace(support))
    execute(ast.unparse(tree), namespace, "<template>", ())
    return namespace["template"]  # type: ignore[no-any-return]


_BUILT_IN: Mapping[str, Mapping[str, Any]] = {
    "F.scaled_dot_product_attention": {
        "attn_mask": None,
        "dropout_p": 0.0,
        "is_causal": False,
        "scale": None,
        "enable_gqa": False,
    },
}
"""Defaults of callees written in C++, which do not tell them; a test holds them against torch's documentation."""


@cache
def argument_defaults(callee: str, support: str) -> Mapping[str, Any]:
    """Return the defaults of a callee's arguments in their order; {} when it does not tell.

    An argument without a default has `NO_DEFAULT`.

    Args:
        callee: A dotted name as in templates: `nn.Conv2d`, `F.relu`, a support class.
        support: The spec's support text.
    """
    if callee in _BUILT_IN:
        return _BUILT_IN[callee]
    first, *rest = callee.split(".")
    namespace = support_namespace(support)
    if first not in namespace:
        return {}
    found = reduce(getattr, rest, namespace[first])
    defaults = _defaults(found)
    if isinstance(found, type) and "kwargs" in defaults:  # nn.LSTM and its like hand everything on to their base
        for base in reversed(found.__mro__[:-1]):
            defaults |= _defaults(base)
    return defaults


def _defaults(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:  # built-in functions of torch have no signature
        return {}
    empty = inspect.Parameter.empty
    return {name: NO_DEFAULT if each.default is empty else each.default for name, each in parameters.items()}
