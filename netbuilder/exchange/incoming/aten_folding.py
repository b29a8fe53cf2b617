"""Folding: what depends on no input is worked out while reading. Imports torch.

The names of operators come from this table, never from a file; how large a result is, is asked of torch's meta device
before any memory is spent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor

from netbuilder.exchange.incoming.aten_values import FOLDED_ELEMENTS, SAMPLES, Folded, Unmapped, size_at
from netbuilder.layers.tensor import Size

_NAMES: Final = """
arange.default arange.start arange.start_step full.default full_like.default zeros.default ones.default
zeros_like.default ones_like.default new_ones.default new_zeros.default new_full.default empty_like.default eye.default
linspace.default scalar_tensor.default tril_indices.default
add.Tensor add.Scalar sub.Tensor sub.Scalar rsub.Scalar mul.Tensor mul.Scalar div.Tensor div.Scalar div.Tensor_mode
floor_divide.default remainder.Scalar remainder.Tensor pow.Tensor_Scalar pow.Tensor_Tensor pow.Scalar neg.default
abs.default exp.default log.default sqrt.default rsqrt.default sin.default cos.default reciprocal.default
floor.default ceil.default round.default sign.default maximum.default minimum.default min.other max.other
clamp.default clamp_min.default clamp_max.default cumsum.default diff.default outer.default
eq.Tensor eq.Scalar ne.Tensor ne.Scalar lt.Tensor lt.Scalar le.Tensor le.Scalar gt.Tensor gt.Scalar ge.Tensor ge.Scalar
logical_and.default logical_or.default logical_not.default logical_xor.default bitwise_and.Tensor bitwise_or.Tensor
bitwise_not.default __and__.Tensor __or__.Tensor where.self where.ScalarOther where.ScalarSelf where.Scalar
masked_fill.Scalar masked_fill.Tensor tril.default triu.default
view.default reshape.default _unsafe_view.default flatten.using_ints unflatten.int squeeze.dim squeeze.dims
squeeze.default unsqueeze.default permute.default transpose.int t.default expand.default expand_as.default
repeat.default tile.default contiguous.default clone.default alias.default detach.default detach_.default
lift_fresh_copy.default to.dtype to.dtype_layout type_as.default _to_copy.default
slice.Tensor select.int narrow.default cat.default stack.default split.Tensor split_with_sizes.default chunk.default
unbind.int index_select.default gather.default index.Tensor flip.default roll.default movedim.int meshgrid.indexing
sum.default sum.dim_IntList mean.default mean.dim amax.default amin.default any.default all.default any.dim all.dim
max.default min.default argmax.default matmul.default mm.default bmm.default einsum.default
softmax.int tanh.default sigmoid.default isinf.default isnan.default bucketize.Tensor
"""


def _operator(name: str) -> Any:
    packet, _, overload = name.partition(".")
    return getattr(getattr(torch.ops.aten, packet), overload)


OPERATORS: Final[Mapping[str, Any]] = {f"aten.{name}": _operator(name) for name in _NAMES.split()}
"""Operators without chance or effects."""

_VIEWS: Final = frozenset({"aten.view.default", "aten._unsafe_view.default"})
"""What refuses memory that a constant here may have; reshape gives the same numbers."""

_DEVICES: Final = frozenset({"device", "layout", "pin_memory", "memory_format"})


def fold(target: str, arguments: Mapping[str, Any]) -> list[Folded]:
    """Work one call out, for each of two numbers of samples.

    Args:
        target: The operator.
        arguments: Its arguments: `Folded`, sizes, plain values, and lists of them.

    Returns:
        What it gives, a list laid out flat.

    Raises:
        Unmapped: When it cannot be worked out, or would be too large.
    """
    operator = OPERATORS["aten.reshape.default"] if target in _VIEWS else OPERATORS[target]
    if target in _VIEWS and "size" in arguments:
        arguments = {"self": arguments["self"], "shape": arguments["size"]}
    both = [_run(operator, arguments, index) for index in range(len(SAMPLES))]
    return [Folded(one, two) for one, two in zip(*both, strict=True)]


def _run(operator: Any, arguments: Mapping[str, Any], index: int) -> Sequence[Tensor]:
    given = {name: _at(value, index) for name, value in arguments.items() if name not in _DEVICES}
    try:
        with torch.no_grad():
            shapes = _flat(operator(**{name: _meta(value) for name, value in given.items()}, **_device(operator)))
            if sum(each.numel() for each in shapes) > FOLDED_ELEMENTS:
                raise Unmapped("makes a constant that is too large")
            return _flat(operator(**given))
    except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError) as error:
        raise Unmapped(f"cannot be worked out ({str(error)[:80]})") from error


def _device(operator: Any) -> dict[str, Any]:
    names = {argument.name for argument in operator._schema.arguments}
    return {"device": torch.device("meta")} if "device" in names else {}


def _at(value: Any, index: int) -> Any:
    if isinstance(value, Folded):
        return value.two if index else value.one
    if isinstance(value, Size):
        return size_at(value, SAMPLES[index])
    if isinstance(value, list):
        return [_at(each, index) for each in value]
    return value


def _meta(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.to("meta")
    if isinstance(value, list):
        return [_meta(each) for each in value]
    return value


def _flat(result: Any) -> Sequence[Tensor]:
    return list(result) if isinstance(result, (tuple, list)) else [result]
