"""Recurrent layers: gates are put into torch's order, and sequences are turned samples first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from netbuilder.exchange.incoming.onnx.axes import permute, reshape
from netbuilder.exchange.incoming.onnx.network import Network
from netbuilder.exchange.incoming.onnx.registry import Result, operator
from netbuilder.exchange.incoming.onnx.values import Array, Constant, Fill, Tensor, Unfit, Value, type_of

_GATES: Final[Mapping[str, tuple[int, ...]]] = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""Which of ONNX's gates comes at each of torch's places: i o f c -> i f c o, z r h -> r z h."""

_ACTIVATIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "LSTM": ("Sigmoid", "Tanh", "Tanh"),
    "GRU": ("Sigmoid", "Tanh"),
    "RNN": ("Tanh",),
}


@operator("LSTM", "GRU", "RNN")
def _recurrent(net: Network) -> Result:
    kind = net.node.kind
    net.only(0, 1)
    weight = net.constant(1, "weights")
    directions, units = weight.shape[0], weight.shape[1] // len(_GATES[kind])
    _check(net, kind, directions)
    time_first = not net.whole("layout", 0)
    x = net.tensor(0)
    if type_of(x).rank != 3:
        raise Unfit("reads something other than sequences")
    x = permute(net, x, (1, 0, 2)) if time_first else x
    backwards = net.text("direction", "forward") == "reverse"
    if backwards:
        x = net.emit("flip", {"x": x}, {"axis": 1})
    parameters: dict[str, Any] = {"units": units, "bidirectional": directions == 2, "bias": net.value(3) is not None}
    if kind == "RNN":
        parameters["nonlinearity"] = _activations(net, kind, directions)[0].lower()
    shares = net.shared(1, 2) if net.value(3) is None else net.shared(1, 2, 3)
    sequence, state = net.emit_all(kind.lower(), {"x": x}, parameters, _weights(net, kind, units), shares)
    if backwards:
        sequence = net.emit("flip", {"x": sequence}, {"axis": 1})
    return (
        _sequence(net, sequence, directions, units, time_first) if net.wants(0) else None,
        _state(net, state, directions, units, time_first) if net.wants(1) else None,
    )


def _sequence(net: Network, y: Tensor, directions: int, units: int, time_first: bool) -> Tensor:
    """Turn N × T × (D·H) into T × D × N × H, or N × T × D × H: step by step as exporters undo it."""
    y = permute(net, y, (1, 0, 2)) if time_first else y
    dims = type_of(y).dims
    if directions == 1:
        return reshape(net, y, (dims[0], 1, *dims[1:]) if time_first else (*dims[:2], 1, units))
    y = reshape(net, y, (*dims[:2], directions, units))
    return permute(net, y, (0, 2, 1, 3)) if time_first else y


def _state(net: Network, y: Tensor, directions: int, units: int, time_first: bool) -> Tensor:
    """Turn N × (D·H) into D × N × H, or N × D × H."""
    y = reshape(net, y, (type_of(y).dims[0], directions, units))
    return permute(net, y, (1, 0, 2)) if time_first else y


def _check(net: Network, kind: str, directions: int) -> None:
    """Refuse what torch's layers do not do.

    Raises:
        Unfit: With the reason.
    """
    if directions != (2 if net.text("direction", "forward") == "bidirectional" else 1):
        raise Unfit("has weights for another number of directions than it says")
    if kind == "GRU" and not net.whole("linear_before_reset", 0):
        raise Unfit("resets its memory before the product, torch's after it")
    if net.decimal("clip", 0.0) or net.whole("input_forget", 0) or net.value(7) is not None:
        raise Unfit("clips, couples its gates or looks at its own memory (peepholes)")
    for place in (5, 6):
        if not _is_zero(net.value(place)):
            raise Unfit("begins with a memory of its own")
    lengths, steps = net.value(4), type_of(net.tensor(0)).dims[1 if net.whole("layout", 0) else 0]
    if lengths is not None and not (isinstance(lengths, Constant) and bool(np.all(lengths.array == steps))):
        raise Unfit("reads sequences of different lengths")
    found = _activations(net, kind, directions)
    if found != _ACTIVATIONS[kind] and not (kind == "RNN" and found == ("Relu",)):
        raise Unfit(f"has the activations {', '.join(found)}")


def _activations(net: Network, kind: str, directions: int) -> tuple[str, ...]:
    found = net.node.attributes.get("activations") or _ACTIVATIONS[kind] * directions
    names = tuple(str(name) for name in found)
    half = len(names) // directions
    return names[:half] if names[:half] * directions == names else names


def _is_zero(value: Value | None) -> bool:
    if isinstance(value, Fill):
        return not value.value.any()
    return value is None or (isinstance(value, Constant) and not value.array.any())


def _weights(net: Network, kind: str, units: int) -> dict[str, Array]:
    order = _GATES[kind]
    first, second = net.constant(1), net.constant(2, "weights")
    weights = {}
    for direction in range(first.shape[0]):
        tail = "_reverse" if direction else ""
        weights[f"weight_ih_l0{tail}"] = _ordered(first[direction], order, units)
        weights[f"weight_hh_l0{tail}"] = _ordered(second[direction], order, units)
        if net.value(3) is not None:
            halves = np.split(net.constant(3, "biases")[direction], 2)
            weights[f"bias_ih_l0{tail}"] = _ordered(halves[0], order, units)
            weights[f"bias_hh_l0{tail}"] = _ordered(halves[1], order, units)
    return weights


def _ordered(array: Array, order: Sequence[int], units: int) -> Array:
    return np.concatenate([array[gate * units : (gate + 1) * units] for gate in order])
