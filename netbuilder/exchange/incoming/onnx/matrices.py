"""Products of matrices: Gemm, MatMul and Einsum, and tables of embeddings are in `indexing`."""

from __future__ import annotations

import re

import numpy as np

from netbuilder.exchange.incoming.onnx.axes import reshape, swapped
from netbuilder.exchange.incoming.onnx.elementwise import pair
from netbuilder.exchange.incoming.onnx.network import Network
from netbuilder.exchange.incoming.onnx.registry import Result, operator
from netbuilder.exchange.incoming.onnx.values import Array, Constant, Tensor, Unfit, type_of
from netbuilder.layers.relations import counts_samples


def linear(net: Network, x: Tensor, weight: Array, bias: Array | None, shares: str) -> Tensor:
    """Return x W^T + b along the last axis.

    Args:
        net: The network.
        x: What is multiplied.
        weight: (units, features).
        bias: (units,), or None.
        shares: Layers with the same text here share their weights.
    """
    parameters: dict[str, object] = {"units": weight.shape[0], "bias": bias is not None}
    if type_of(x).rank not in (2, 3) or not (counts_samples(type_of(x)) or type_of(x).dims[0] == 1):
        parameters["any_axes"] = True
    weights = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    return net.emit("linear", {"x": x}, parameters, weights, shares)


@operator("Gemm")
def _gemm(net: Network) -> Result:
    if net.whole("transA", 0):
        raise Unfit("swaps samples and features")
    x, alpha, beta = net.tensor(0), net.decimal("alpha", 1.0), net.decimal("beta", 1.0)
    weight = net.constant(1, "weights")
    weight = weight if net.whole("transB", 0) else weight.T
    weight = weight if alpha == 1.0 else weight * np.float32(alpha)
    added = net.value(2)
    shares = net.shared(1, 2) if added is not None else net.shared(1)
    shares = shares and f"{shares} {alpha} {beta} {net.whole('transB', 0)}"
    if isinstance(added, Constant) and added.array.size in (1, weight.shape[0]):
        bias = np.broadcast_to(added.array.reshape(-1), weight.shape[:1]) * np.float32(beta)
        return linear(net, x, weight, bias, shares)
    y = linear(net, x, weight, None, "")
    if added is None:
        return y
    scaled = added if beta == 1.0 else pair(net, "Mul", added, Constant(np.array(beta, np.float32)))
    return pair(net, "Add", y, scaled)


@operator("MatMul")
def _matmul(net: Network) -> Result:
    first, second = net.given(0), net.given(1)
    if isinstance(second, Constant) and second.array.ndim <= 2 and isinstance(first, Tensor):
        return _by_constant(net, first, second.array)
    if isinstance(first, Constant) and first.array.ndim == 2 and isinstance(second, Tensor):
        rank = type_of(second).rank
        if rank >= 3:
            turned = net.emit("transpose", {"x": second}, {"first": rank - 2, "second": rank - 1})
            y = linear(net, turned, first.array, None, "")
            return net.emit("transpose", {"x": y}, {"first": rank - 2, "second": rank - 1})
    return product(net, net.as_tensor(first), net.as_tensor(second))


def _by_constant(net: Network, x: Tensor, table: Array) -> Tensor:
    if table.ndim == 2:
        return linear(net, x, table.T, None, net.shared(1) and f"{net.shared(1)} matmul")
    y = linear(net, x, table.reshape(1, -1), None, "")
    return reshape(net, y, type_of(x).dims[:-1])


def product(net: Network, a: Tensor, b: Tensor) -> Tensor:
    """Return the product of two stacks of matrices.

    Raises:
        Unfit: When their stacks differ.
    """
    first, second = type_of(a), type_of(b)
    if first.rank == second.rank and first.rank > 4:
        letters = "nabcdefg"[: first.rank - 2]
        return net.emit("einsum", {"a": a, "b": b}, {"equation": f"{letters}ij,{letters}jk->{letters}ik"})
    if first.rank == second.rank and second.dims[:-2] != first.dims[:-2]:
        lead = tuple(y if x == 1 else x for x, y in zip(first.dims[:-2], second.dims[:-2], strict=True))
        a = net.expand(a, (*lead, *first.dims[-2:]))
        b = net.expand(b, (*lead, *second.dims[-2:]))
    turned = swapped(net, b)
    if turned is not None and type_of(turned).rank in (3, 4):
        return net.emit("matmul", {"a": a, "b": turned}, {"transpose": True})
    return net.emit("matmul", {"a": a, "b": b})


@operator("Einsum")
def _einsum(net: Network) -> Result:
    equation = net.text("equation", "").replace(" ", "")
    if len(net.node.inputs) != 2 or not re.fullmatch(r"[A-Za-z]+,[A-Za-z]+->[A-Za-z]+", equation):
        raise Unfit("has an equation that no layer takes")
    left, _, result = equation.partition("->")
    first, _, second = left.partition(",")
    table = net.value(1)
    if isinstance(table, Constant) and table.array.ndim == 2 and len(second) == 2 and first[-1] in second:
        other = second.replace(first[-1], "")
        if result == first[:-1] + other:
            weight = table.array.T if second[0] == first[-1] else table.array
            return linear(net, net.tensor(0), weight, None, "")
    names = {letter: chr(97 + number) for number, letter in enumerate(dict.fromkeys(first + second))}
    plain = "".join(names.get(each, each) for each in equation)
    return net.emit("einsum", {"a": net.tensor(0), "b": net.tensor(1)}, {"equation": plain})
