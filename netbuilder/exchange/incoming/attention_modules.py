"""Attention modules: the operations of one `nn.MultiheadAttention` become one layer. Imports torch.

Exported, such a module is two dozen operations. They are taken together only when they are exactly those of torch's own
function: two projections (three for cross-attention), one product of queries and keys that is scaled as usual, no mask
but a causal one, and nothing but the result read from outside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from netbuilder.exchange.incoming.aten_values import Unmapped
from netbuilder.exchange.incoming.operation import Operation
from netbuilder.layers.tensor import BATCH, TensorType

KIND: Final = "MultiheadAttention"
PACKAGE: Final = "torch.nn.modules.activation"

MOVING: Final = frozenset(
    {
        "permute_axes",
        "permute",
        "transpose",
        "view",
        "reshape",
        "flatten",
        "unsqueeze",
        "squeeze",
        "select",
        "split",
        "slice",
        "unflatten",
    }
)
"""What may stand between the projections and the products: it computes nothing."""


def join_attention(
    operations: Sequence[Operation], types: dict[str, TensorType], exits: Sequence[str]
) -> tuple[Operation, ...]:
    """Return operations in which those of attention modules are one each.

    Args:
        operations: All operations that matter, in their order.
        types: Value -> its type; those of new values are added.
        exits: Values that the network gives.
    """
    groups: dict[str, list[Operation]] = {}
    for operation in operations:
        if operation.scope and operation.scope[-1][1:] == (KIND, PACKAGE):
            groups.setdefault(operation.scope[-1].path, []).append(operation)
    makers = {value: operation for operation in operations for value in operation.outputs.values()}
    joined: dict[int, list[Operation]] = {}
    dropped: set[int] = set()
    for path, group in groups.items():
        try:
            found = _Attention(path, group, makers, types).join(_given(group, operations, exits))
        except Unmapped:
            continue  # its operations stay as they are
        joined[id(group[-1])] = found
        dropped |= {id(operation) for operation in group}
    result: list[Operation] = []
    for operation in operations:
        if id(operation) not in dropped:
            result.append(operation)
        result += joined.get(id(operation), [])
    return tuple(result)


def _given(group: Sequence[Operation], operations: Sequence[Operation], exits: Sequence[str]) -> list[str]:
    """Return the values of a group that others read."""
    inside = {id(operation) for operation in group}
    made = {value for operation in group for value in operation.outputs.values()}
    read = {value for each in operations if id(each) not in inside for value in each.inputs.values()} | set(exits)
    return sorted(made & read)


class _Attention:
    """One module's operations."""

    def __init__(
        self, path: str, group: Sequence[Operation], makers: Mapping[str, Operation], types: dict[str, TensorType]
    ) -> None:
        self.path, self.group, self.makers, self.types = path, group, makers, types
        self.inside = {id(operation) for operation in group}

    def join(self, given: Sequence[str]) -> list[Operation]:
        """Return the layer, with what turns its values where time comes first.

        Raises:
            Unmapped: When the operations are not what they must be.
        """
        linears = [operation for operation in self.group if operation.type == "linear"]
        if len(given) != 1 or len(linears) not in (2, 3):
            raise Unmapped("is no plain attention")
        *projections, last = linears
        width = last.weights["weight"].shape[0]
        shapes = [tuple(each.weights["weight"].shape) for each in projections]
        if last.weights["weight"].shape != (width, width) or shapes not in (
            [(3 * width, width)],
            [(width, width), (2 * width, width)],
        ):
            raise Unmapped("has projections of other sizes")
        biases = {"bias" in each.weights for each in linears}
        if len(biases) != 1 or self._trace(given[0]) != last.outputs["y"]:
            raise Unmapped("gives something else")
        sources = [self._trace(each.inputs["x"]) for each in projections]
        heads, causal = self._products(width)
        cross = len(projections) == 2
        if cross and causal:
            raise Unmapped("looks causally at another sequence")
        self._check_reads({*sources, last.inputs["x"]})
        parameters = {"heads": heads, "cross": cross, "causal": causal, "bias": biases == {True}}
        weights = self._weights(projections, last)
        layer = Operation(
            type="multihead_attention",
            origin=self.group[0].origin,
            merges=tuple(operation.origin for operation in self.group[1:]),
            parameters=parameters,
            weights=weights,
            shares="+".join(each.shares for each in linears),
            scope=self.group[0].scope[:-1],
            label=self.path.rpartition(".")[2],
        )
        return self._placed(layer, dict(zip(("x", "context"), sources, strict=False)), given[0])

    def _trace(self, value: str) -> str:
        """Return what a value was before axes were moved inside the module."""
        maker = self._maker(value)
        while maker is not None and maker.type == "permute_axes":
            value = maker.inputs["x"]
            maker = self._maker(value)
        if maker is not None and maker.type == "view":
            inner = self._maker(maker.inputs["x"])
            if inner is not None and inner.type == "linear":
                return maker.inputs["x"]  # torch lays time and samples out in one row for the last projection
        return value

    def _maker(self, value: str) -> Operation | None:
        """Return the operation of the module that gives a value; None when it comes from outside."""
        maker = self.makers.get(value)
        return maker if maker is not None and id(maker) in self.inside else None

    def _products(self, width: int) -> tuple[int, bool]:
        """Return the number of heads, and whether the attention is causal."""
        others = [
            each for each in self.group if each.type not in MOVING and each.type not in ("linear", "fixed_tensor")
        ]
        kinds = sorted(each.type for each in others)
        if kinds == ["scaled_dot_product_attention"]:
            (product,) = others
            if "mask" in product.inputs or product.parameters.get("scale") or product.parameters.get("grouped"):
                raise Unmapped("has a mask")
            return self._heads(product.inputs["query"], width), bool(product.parameters["causal"])
        causal = "add" in kinds
        if [kind for kind in kinds if kind != "add"] != ["matmul", "matmul", "multiply_scalar", "softmax"] or (
            kinds.count("add") > 1
        ):
            raise Unmapped("computes something else")
        first = next(each for each in others if each.type == "matmul")
        heads = self._heads(first.inputs["a"], width)
        scale = next(each for each in others if each.type == "multiply_scalar").parameters["value"]
        softmax = next(each for each in others if each.type == "softmax")
        if abs(scale - (width // heads) ** -0.5) > 1e-12 or softmax.parameters["axis"] not in (-1, 2):
            raise Unmapped("scales in another way")
        if causal:
            added = next(each for each in others if each.type == "add")
            if not any(self._is_causal(value) for value in added.inputs.values()):
                raise Unmapped("has a mask")
        return heads, causal

    def _heads(self, query: str, width: int) -> int:
        features = self.types[query].dims[-1]
        if not isinstance(features, int) or width % features:
            raise Unmapped("has heads of unequal sizes")
        return width // features

    def _is_causal(self, value: str) -> bool:
        maker = self.makers.get(value)
        while maker is not None and maker.type in ("view", "unsqueeze", "expand_like"):
            maker = self.makers.get(maker.inputs["x"])
        table = maker.weights.get("value") if maker is not None and maker.type == "fixed_tensor" else None
        return table is not None and is_causal(table)

    def _check_reads(self, allowed: set[str]) -> None:
        """Refuse what reads anything from outside but the sequences and a fixed mask."""
        for operation in self.group:
            for value in operation.inputs.values():
                maker = self.makers.get(value)
                outside = maker is None or id(maker) not in self.inside
                if outside and value not in allowed and not self._is_causal(value):
                    raise Unmapped("reads something else")

    def _weights(self, projections: Sequence[Operation], last: Operation) -> dict[str, Tensor]:
        found = {"in_proj_weight": torch.cat([each.weights["weight"] for each in projections])}
        found["out_proj.weight"] = last.weights["weight"]
        if "bias" in last.weights:
            found["in_proj_bias"] = torch.cat([each.weights["bias"] for each in projections])
            found["out_proj.bias"] = last.weights["bias"]
        return found

    def _placed(self, layer: Operation, inputs: dict[str, str], result: str) -> list[Operation]:
        """Link the layer, and turn around what has time first."""
        dims = self.types[inputs["x"]].dims
        if len(dims) != 3 or any(len(self.types[value].dims) != 3 for value in inputs.values()):
            raise Unmapped("reads something that is no sequence")
        if dims[0] == BATCH:
            return [replace(layer, inputs=inputs, outputs={"y": result})]
        if dims[1] != BATCH:
            raise Unmapped("has its samples on an unusual axis")
        turns: list[Operation] = []
        turned: dict[str, str] = {}
        for port, value in inputs.items():
            turned[port] = f"{result}.{port}"
            old = self.types[value]
            self.types[turned[port]] = TensorType((old.dims[1], old.dims[0], old.dims[2]), old.dtype)
            turns.append(self._turn(layer, value, turned[port]))
        inner = f"{result}.samples"
        self.types[inner] = self.types[turned["x"]]
        return [*turns, replace(layer, inputs=turned, outputs={"y": inner}), self._turn(layer, inner, result)]

    def _turn(self, layer: Operation, value: str, result: str) -> Operation:
        return Operation(
            type="permute_axes",
            origin=layer.origin,
            merges=(),
            counts=False,
            parameters={"order": (1, 0, 2)},
            inputs={"x": value},
            outputs={"y": result},
            scope=layer.scope,
            label="permute_axes",
        )


def is_causal(table: Tensor) -> bool:
    """Whether a table, added to the products, hides exactly what comes later."""
    if not table.is_floating_point() or table.ndim < 2 or table.shape[-1] != table.shape[-2]:
        return False
    steps = table.shape[-1]
    wanted = torch.zeros(steps, steps).masked_fill(torch.ones(steps, steps, dtype=torch.bool).triu(1), float("-inf"))
    return steps > 1 and bool((table == wanted).all())
