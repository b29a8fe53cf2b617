"""Arguments, outputs, scopes and tensors of an exported program, from its records. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Final

import msgspec
import torch
from torch import Tensor

from netbuilder.exchange.incoming.exported_graph import Ref, SizeRef
from netbuilder.exchange.incoming.exported_records import DTYPES, Damaged, Extent, TensorMeta, plain_value
from netbuilder.exchange.incoming.operation import Scope
from netbuilder.layers.tensor import Dim


def checked_dim(dim: Dim) -> Dim:
    """Return a size that can be one.

    Raises:
        Damaged: When it is negative, or beyond all reason.
    """
    if isinstance(dim, int) and not 0 <= dim < 1 << 48:
        raise Damaged(f"names a size of {dim}")
    return dim


def _number(extent: Extent, what: str, most: int) -> int:
    number = extent.as_int
    if number is None or not 0 <= number <= most:
        raise Damaged(f"says something impossible of {what[:80]!r}")
    return number


def tensor_from(key: str, data: bytearray, meta: TensorMeta) -> Tensor:
    """Return a tensor as its meta data says it lies in its bytes, which must hold all of it."""
    dtype = DTYPES.get(meta.dtype)
    if dtype is None or meta.layout != 7:
        raise Damaged(f"holds {key[:80]!r} in a kind of numbers that is not read")
    item = torch.empty(0, dtype=dtype).element_size()
    count = len(data) // item
    sizes = [_number(extent, key, count) for extent in meta.sizes]
    if prod(sizes) == 0:
        return torch.zeros(sizes, dtype=dtype)
    strides = [_number(extent, key, count) for extent in meta.strides]
    offset = _number(meta.storage_offset, key, count)
    last = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=False))
    if len(strides) != len(sizes) or last >= count or prod(sizes) > count or len(data) % item:
        raise Damaged(f"holds fewer bytes for {key[:80]!r} than it says")
    return torch.frombuffer(data, dtype=dtype).as_strided(sizes, strides, offset)


_LISTS: Final = {"as_ints", "as_floats", "as_bools", "as_strings"}
_SCALARS: Final[Mapping[str, tuple[type, ...]]] = {
    "as_int": (int,),
    "as_float": (int, float),
    "as_bool": (bool,),
    "as_string": (str,),
    "as_operator": (str,),
}
_NOT_FINITE: Final = {"Infinity": float("inf"), "-Infinity": float("-inf"), "NaN": float("nan")}


def argument_from(raw: Mapping[str, msgspec.Raw], prefix: str, given: Mapping[str, str]) -> Any:
    """Return one argument as a plain value."""
    if len(raw) != 1:
        raise Damaged("has an argument that is not one thing")
    ((kind, data),) = raw.items()
    value = plain_value(data)
    if kind == "as_none":
        return None
    if kind == "as_tensor":
        return Ref(_name(value, prefix, given))
    if kind in ("as_tensors", "as_optional_tensors"):
        return [_optional(each, prefix, given) for each in _list(value)]
    if kind == "as_optional_tensor":
        return _optional(value, prefix, given)
    if kind == "as_sym_int":
        return _size(value, prefix, given)
    if kind == "as_sym_ints":
        return [_size(each, prefix, given) for each in _list(value)]
    if kind == "as_scalar_type":
        return DTYPES.get(value) if type(value) is int else None
    if kind == "as_float" and isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if kind in _SCALARS:
        if not isinstance(value, _SCALARS[kind]) or (type(value) is bool and kind != "as_bool"):
            raise Damaged("has an argument of the wrong kind")
        return value
    if kind in _LISTS:
        if any(type(each) not in (int, float, bool, str) for each in _list(value)):
            raise Damaged("has an argument of the wrong kind")
        return value
    return None if kind in ("as_device", "as_layout", "as_memory_format") else f"<{kind}>"


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > 10_000:
        raise Damaged("has an argument that is no list")
    return value


def _name(value: Any, prefix: str, given: Mapping[str, str]) -> str:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise Damaged("has an argument without a name")
    name = prefix + value["name"]
    return given.get(name, name)


def _optional(value: Any, prefix: str, given: Mapping[str, str]) -> Ref | None:
    if not isinstance(value, dict):
        raise Damaged("has an argument without a name")
    if "as_none" in value:
        return None
    return Ref(_name(value.get("as_tensor", value), prefix, given))


def _size(value: Any, prefix: str, given: Mapping[str, str]) -> int | SizeRef:
    if isinstance(value, dict) and type(value.get("as_int")) is int:
        return int(value["as_int"])
    if isinstance(value, dict) and isinstance(value.get("as_name"), str):
        name = prefix + value["as_name"]
        return SizeRef(given.get(name, name))
    raise Damaged("has a size that is neither a number nor a name")


def output_names(raw: Mapping[str, msgspec.Raw], prefix: str) -> Sequence[str]:
    """Return the names of one output, a list laid out flat."""
    if len(raw) != 1:
        raise Damaged("has an output that is not one thing")
    ((kind, data),) = raw.items()
    value = plain_value(data)
    if kind == "as_tensor":
        return [_name(value, prefix, {})]
    if kind in ("as_tensors", "as_optional_tensors"):
        found = [_optional(each, prefix, {}) for each in _list(value)]
        return [each.name if each is not None else "" for each in found]
    if kind == "as_optional_tensor":
        one = _optional(value, prefix, {})
        return [one.name if one is not None else ""]
    if kind == "as_sym_int":
        size = _size(value, prefix, {})
        return [size.name] if isinstance(size, SizeRef) else [""]
    return [""]


def scopes_from(stack: str) -> tuple[Scope, ...]:
    """Read the module stack: "key,path,class" a level, the levels apart by semicolons; the first is the network."""
    found = []
    for level in stack.split(";")[1:65]:
        _, _, rest = level.partition(",")
        path, _, kind = rest.partition(",")
        if path and kind:
            package, _, name = kind.rpartition(".")
            found.append(Scope(path[:500], name[:100], package[:200]))
    return tuple(found)
