"""Formulas: the result shapes of torch's commonest operations, without what torch's own way to them imports.

Torch computes most result shapes on the meta device in Python. The first of those functions imports sympy and
`torch._dynamo`: 800 modules, 75 MB and a second of time; and each takes tenths of a millisecond. `Formulas` answers for
the plain cases of what networks consist of. Whatever is not plain (a type or a size that does not fit above all) goes
on to torch, which therefore says everything that is ever said about a mistake. Imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

_aten: Final = torch.ops.aten

Formula: TypeAlias = Callable[..., Any]
"""Takes an operation's arguments; gives empty results of the right shape, or None where it does not apply."""


class Formulas(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is entered, in inference mode, operations on meta tensors get their results from formulas."""

    def __init__(self) -> None:
        """Take part in nothing but what it is entered for."""
        super().__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Tell torch not to import its compiler on the mode's behalf: nothing is compiled in it."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Answer one operation."""
        formula = _FORMULAS.get(func)
        result = formula(*args, **(kwargs or {})) if formula is not None else None
        if result is not None:
            return result
        if func._can_decompose():
            with self:
                result = func.decompose(*args, **(kwargs or {}))
            if result is not NotImplemented:
                return result
        return func(*args, **(kwargs or {}))


def _filled(x: Tensor, *_: Any, **__: Any) -> Tensor:
    """Weights are drawn: nothing to do without memory."""
    return x


def _alike(x: Tensor, *numbers: Any, **options: Any) -> Tensor | None:
    """Each element of the result comes from one of `x`."""
    if not x.is_floating_point() or options or not all(type(each) in (int, float, bool) for each in numbers):
        return None
    return x.new_empty(x.shape)


def _softmax(x: Tensor, dim: int, dtype: Any = None) -> Tensor | None:
    return x.new_empty(x.shape) if x.is_floating_point() and -x.dim() <= dim < x.dim() and dtype is None else None


def _broadcast(a: Any, b: Any, alpha: float = 1) -> Tensor | None:
    """Each element of the result comes from one of each, sizes of 1 being repeated."""
    if type(b) in (int, float):
        return _alike(a)
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)) or not _same_floats(a, b):
        return None
    sizes = _joined(a.shape, b.shape)
    return None if sizes is None else a.new_empty(sizes)


def _dropout(x: Tensor, _share: float, _train: bool | None) -> tuple[Tensor, Tensor] | None:
    return (x.new_empty(x.shape), x.new_empty(x.shape, dtype=torch.bool)) if x.is_floating_point() else None


def _drawn(sizes: Sequence[int], dtype: Any = None, device: Any = None, **options: Any) -> Tensor | None:
    return torch.empty(sizes, dtype=dtype, device=device) if not options.get("layout") else None


def _arange(*limits: Any, dtype: Any = None, device: Any = None, **options: Any) -> Tensor | None:
    start, end, step = (0, *limits, 1) if len(limits) == 1 else (*limits, 1)[:3]
    if any(type(each) is not int for each in (start, end, step)) or step < 1 or end < start or options.get("layout"):
        return None
    return torch.empty((end - start + step - 1) // step, dtype=dtype or torch.int64, device=device)


def _joined(one: Sequence[int], other: Sequence[int]) -> list[int] | None:
    """Return the sizes that two shapes have together, sizes of 1 being repeated; None where they do not fit."""
    rank = max(len(one), len(other))
    pairs = list(zip((1,) * (rank - len(one)) + tuple(one), (1,) * (rank - len(other)) + tuple(other), strict=True))
    if any(p != q and p != 1 and q != 1 for p, q in pairs):
        return None
    return [q if p == 1 else p for p, q in pairs]


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor | None:
    if x.dim() < 1 or weight.dim() != 2 or x.shape[-1] != weight.shape[1] or not _same_floats(x, weight, bias):
        return None
    if bias is not None and bias.shape != weight.shape[:1]:
        return None
    return x.new_empty((*x.shape[:-1], weight.shape[0]))


def _mm(a: Tensor, b: Tensor) -> Tensor | None:
    if a.dim() != 2 or b.dim() != 2 or a.shape[1] != b.shape[0] or not _same_floats(a, b):
        return None
    return a.new_empty((a.shape[0], b.shape[1]))


def _addmm(bias: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    result = _mm(a, b)
    fits = result is not None and bias.shape == result.shape[1:] and _same_floats(a, bias)
    return result if fits else None


def _bmm(a: Tensor, b: Tensor) -> Tensor | None:
    if a.dim() != 3 or b.dim() != 3 or a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1] or not _same_floats(a, b):
        return None
    return a.new_empty((a.shape[0], a.shape[1], b.shape[2]))


def _matmul(a: Tensor, b: Tensor) -> Tensor | None:
    if a.dim() < 2 or b.dim() < 2 or a.shape[-1] != b.shape[-2] or not _same_floats(a, b):
        return None
    sizes = _joined(a.shape[:-2], b.shape[:-2])
    return None if sizes is None else a.new_empty((*sizes, a.shape[-2], b.shape[-1]))


def _embedding(weight: Tensor, indices: Tensor, *_: Any) -> Tensor | None:
    if weight.dim() != 2 or indices.dtype not in (torch.int64, torch.int32):
        return None
    return weight.new_empty((*indices.shape, weight.shape[1]))


def _convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Tensor | None:
    axes = weight.dim() - 2
    if x.dim() != weight.dim() or not _same_floats(x, weight, bias) or not x.is_contiguous():
        return None
    channels = weight.shape[0] if transposed else weight.shape[1] * groups
    filters = weight.shape[1] * groups if transposed else weight.shape[0]
    if x.shape[1] != channels or filters % groups or (bias is not None and tuple(bias.shape) != (filters,)):
        return None
    s, p, d, o = (_each(value, axes) for value in (stride, padding, dilation, output_padding))
    sizes = []
    for axis, (size, kernel) in enumerate(zip(x.shape[2:], weight.shape[2:], strict=True)):
        reach = d[axis] * (kernel - 1)
        if transposed and o[axis] < max(s[axis], d[axis]):
            sizes.append((size - 1) * s[axis] - 2 * p[axis] + reach + o[axis] + 1)
        elif not transposed and s[axis] > 0:
            sizes.append((size + 2 * p[axis] - reach - 1) // s[axis] + 1)
    if len(sizes) < axes or min((*sizes, *s, *d, groups)) < 1 or min((*p, *o)) < 0:
        return None
    return x.new_empty((x.shape[0], filters, *sizes))


def _max_pool(
    x: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    ceil: bool = False,
) -> tuple[Tensor, Tensor] | None:
    result = _pool(x, kernel, stride, padding, dilation, ceil)
    return None if result is None else (result, result.new_empty(result.shape, dtype=torch.int64))


def _average_pool(
    x: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    ceil: bool = False,
    count: bool = True,
    divisor: int | None = None,
) -> Tensor | None:
    return _pool(x, kernel, stride, padding, (1,), ceil) if divisor is None else None


def _pool(
    x: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    ceil: bool,
) -> Tensor | None:
    axes = x.dim() - 2
    if ceil or len(kernel) not in (1, axes) or not x.is_floating_point() or not x.is_contiguous() or not x.numel():
        return None
    k, p, d = (_each(value, axes) for value in (kernel, padding, dilation))
    s = _each(stride, axes) if stride else k
    if min((*k, *s, *d)) < 1 or min(p) < 0 or any(pad > size // 2 for pad, size in zip(p, k, strict=True)):
        return None
    sizes = [(n + 2 * p[i] - d[i] * (k[i] - 1) - 1) // s[i] + 1 for i, n in enumerate(x.shape[2:])]
    return x.new_empty((*x.shape[:2], *sizes)) if min(sizes) > 0 else None


def _reduce(x: Tensor, dims: Sequence[int] | None = (), keep: bool = False, **options: Any) -> Tensor | None:
    rank = x.dim()
    if not dims or not x.is_floating_point() or not x.numel() or any(not -rank <= dim < rank for dim in dims):
        return None
    if any(value is not None for value in options.values()):
        return None
    gone = {dim % rank for dim in dims}
    if len(gone) != len(dims):
        return None
    sizes = [1 if axis in gone else size for axis, size in enumerate(x.shape) if keep or axis not in gone]
    return x.new_empty(sizes)


def _cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor | None:
    first = tensors[0]
    rank = first.dim()
    if not _alike_but(tensors, dim) or not -rank <= dim < rank:
        return None
    axis = dim % rank
    sizes = list(first.shape)
    sizes[axis] = sum(each.shape[axis] for each in tensors)
    return first.new_empty(sizes)


def _stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor | None:
    first = tensors[0]
    rank = first.dim() + 1
    if not _alike_but(tensors, None) or not -rank <= dim < rank:
        return None
    sizes = list(first.shape)
    sizes.insert(dim % rank, len(tensors))
    return first.new_empty(sizes)


def _recurrent(states: int, gates: int) -> Formula:
    def formula(
        x: Tensor,
        begin: Any,
        weights: Sequence[Tensor],
        bias: bool,
        layers: int,
        dropout: float,
        train: bool,
        both: bool,
        batch_first: bool,
    ) -> tuple[Tensor, ...] | None:
        state = begin[0] if states == 2 else begin
        ways = 2 if both else 1
        if x.dim() != 3 or len(weights) != layers * ways * (4 if bias else 2) or not _same_floats(x, state, *weights):
            return None
        batch, hidden = x.shape[0 if batch_first else 1], state.shape[-1]
        fits = weights[0].shape == (gates * hidden, x.shape[2]) and state.shape == (layers * ways, batch, hidden)
        if not fits:
            return None
        return x.new_empty((*x.shape[:2], ways * hidden)), *(state.new_empty(state.shape) for _ in range(states))

    return formula


def _same_floats(first: Tensor, *others: Tensor | None) -> bool:
    return first.is_floating_point() and all(each is None or each.dtype == first.dtype for each in others)


def _alike_but(tensors: Sequence[Tensor], dim: int | None) -> bool:
    """Whether tensors have one dtype and, except along `dim`, one shape."""

    def rest(each: Tensor) -> list[int]:
        return [size for axis, size in enumerate(each.shape) if dim is None or axis != dim % each.dim()]

    first = tensors[0]
    return all(
        each.dtype == first.dtype and each.dim() == first.dim() and (not each.dim() or rest(each) == rest(first))
        for each in tensors
    )


def _each(value: Sequence[int], axes: int) -> tuple[int, ...]:
    return tuple(value) * axes if len(value) == 1 else tuple(value)


_FORMULAS: Final[Mapping[Any, Formula]] = {
    _aten.linear.default: _linear,
    _aten.mm.default: _mm,
    _aten.addmm.default: _addmm,
    _aten.bmm.default: _bmm,
    _aten.embedding.default: _embedding,
    _aten.convolution.default: _convolution,
    _aten.max_pool2d_with_indices.default: _max_pool,
    _aten.max_pool3d_with_indices.default: _max_pool,
    _aten.avg_pool2d.default: _average_pool,
    _aten.avg_pool3d.default: _average_pool,
    _aten.cat.default: _cat,
    _aten.stack.default: _stack,
    _aten._safe_softmax.default: _softmax,
    _aten.lstm.input: _recurrent(states=2, gates=4),
    _aten.gru.input: _recurrent(states=1, gates=3),
    _aten.rnn_tanh.input: _recurrent(states=1, gates=1),
    _aten.rnn_relu.input: _recurrent(states=1, gates=1),
    **dict.fromkeys((_aten.mean.dim, _aten.sum.dim_IntList, _aten.amax.default, _aten.amin.default), _reduce),
    _aten.matmul.default: _matmul,
    _aten.native_dropout.default: _dropout,
    _aten.randn.default: _drawn,
    **dict.fromkeys((_aten.arange.default, _aten.arange.start, _aten.arange.start_step), _arange),
    **dict.fromkeys((_aten.add.Tensor, _aten.sub.Tensor, _aten.mul.Tensor, _aten.div.Tensor), _broadcast),
    **dict.fromkeys((_aten.maximum.default, _aten.minimum.default), _broadcast),
    **dict.fromkeys((_aten.mul.Scalar, _aten.pow.Tensor_Scalar), _alike),
    **dict.fromkeys((_aten.relu.default, _aten.abs.default, _aten.sign.default, _aten.exp.default), _alike),
    **dict.fromkeys((_aten.sin.default, _aten.cos.default), _alike),
    **dict.fromkeys((_aten.uniform_.default, _aten.normal_.default), _filled),
}
