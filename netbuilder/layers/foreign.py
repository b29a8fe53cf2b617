"""Foreign operators: nodes that an import made of what no layer computes, and what they say of themselves.

Such a node's type is `foreign.` and the operator's name in the file it came from. Its parameters are plain values:
`origin`, `reason`, `inputs` (port names), `outputs` (objects with `name`, `dims` such as "N" or "2T" or "8", and
`dtype`) and `settings`. They come from files, so that whatever reads them expects anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from netbuilder.layers.spec import Dtype, Port, Types
from netbuilder.layers.tensor import FLOATS, INTS, Dim, Size, TensorType

FOREIGN: Final = "foreign."
"""What the type of such a node begins with."""

_SIZE: Final = re.compile(r"(\d{0,9})([NT])([+-]\d{1,9})?\Z")
_DTYPES: Final = FLOATS | INTS | {"bool"}
_MOST: Final = 64


def is_foreign(type: str) -> bool:
    """Whether a node of this type is a foreign operator."""
    return type.startswith(FOREIGN)


def foreign_inputs(parameters: Mapping[str, Any]) -> tuple[Port, ...]:
    """Return the input ports that a foreign node declares."""
    names = (name for name in _items(parameters.get("inputs")) if isinstance(name, str) and name)
    return tuple(Port(name=name, dtype=Dtype.ANY, optional=True) for name in dict.fromkeys(names))


def foreign_outputs(parameters: Mapping[str, Any]) -> tuple[Port, ...]:
    """Return the output ports that a foreign node declares."""
    names = (each.get("name") for each in _items(parameters.get("outputs")) if isinstance(each, Mapping))
    kept = dict.fromkeys(name for name in names if isinstance(name, str) and name)
    return tuple(Port(name=name, dtype=Dtype.ANY) for name in kept)


def foreign_types(parameters: Mapping[str, Any]) -> Types:
    """Return the types that were seen at a foreign node's outputs when it was imported."""
    found = {}
    for each in _items(parameters.get("outputs")):
        if not isinstance(each, Mapping) or each.get("dtype") not in _DTYPES or not isinstance(each.get("name"), str):
            continue
        dims = each.get("dims")
        if isinstance(dims, (tuple, list)) and len(dims) <= _MOST:
            found[each["name"]] = TensorType(tuple(_dim(size) for size in dims), each["dtype"])
    return found


def foreign_title(type: str) -> str:
    """Return what to call a foreign node of this type: the operator's name."""
    return type.removeprefix(FOREIGN)


def _items(value: object) -> Sequence[Any]:
    return value[:_MOST] if isinstance(value, (tuple, list)) else ()


def _dim(size: object) -> Dim:
    if not isinstance(size, str):
        return None
    if size.isascii() and size.isdigit() and len(size) < 13:
        return int(size)
    match = _SIZE.match(size)
    if match is None:
        return None
    factor, symbol, offset = match.groups()
    return Size(symbol, int(factor or 1), int(offset or 0))
