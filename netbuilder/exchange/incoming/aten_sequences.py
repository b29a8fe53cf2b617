"""Which layer computes the same as an ATen operator: recurrence and attention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netbuilder.exchange.incoming.aten_call import Call, maps, register
from netbuilder.exchange.incoming.aten_values import Computed, Folded, Learned, Pile, Unmapped
from netbuilder.exchange.incoming.attention_modules import is_causal
from netbuilder.layers.tensor import Dim, TensorType


def _is_zero(value: Any) -> bool:
    return isinstance(value, Folded) and value.number == 0


def _recurrent(call: Call, key: str, own: Mapping[str, Any] | None = None) -> None:
    states = call.get("hx")
    states = states if isinstance(states, list) else [states]
    if not all(_is_zero(state) for state in states):
        raise Unmapped("starts from a state that is given")
    layers, both = call.get("num_layers"), bool(call.get("bidirectional"))
    biased = bool(call.get("has_biases"))
    params: list[Learned] = []
    for each in call.get("params"):
        if not isinstance(each, Learned):
            raise Unmapped("takes its weights from a computation")
        params.append(each)
    names = [
        f"{name}_l{layer}{reverse}"
        for layer in range(layers)
        for reverse in (("", "_reverse") if both else ("",))
        for name in (("weight_ih", "weight_hh", "bias_ih", "bias_hh") if biased else ("weight_ih", "weight_hh"))
    ]
    if len(names) != len(params):
        raise Unmapped("has a projection of its states")
    units = params[1].tensor.shape[1]
    parameters = {
        "units": units,
        "layers": layers,
        "bidirectional": both,
        "dropout": call.get("dropout", 0.0),
        "bias": biased,
        **(own or {}),
    }
    x, given = call.value("input"), call.type("input")
    first = bool(call.get("batch_first"))
    sequence = call.step.outputs[0]
    samples = given.dims[0 if first else 1]
    if not first:
        x = _turn(call, x, given, "turned")
        sequence = call.fresh("sequence", _swapped(call.result))
    width = units * (2 if both else 1)
    state = call.fresh("state", TensorType((samples, width)))
    weights = dict(zip(names, params, strict=True))
    call.emit(key, {"x": x}, parameters, weights, {"sequence": sequence, "state": state})
    if not first:
        call.emit("permute_axes", {"x": sequence}, {"order": (1, 0, 2)})
    call.be(_last_states(call, state, samples, units, layers, both), 1)
    if len(call.step.outputs) > 2:
        call.be(Pile([None] * (layers * (2 if both else 1))), 2)


def _swapped(type: TensorType) -> TensorType:
    return TensorType((type.dims[1], type.dims[0], *type.dims[2:]), type.dtype)


def _turn(call: Call, x: str, type: TensorType, hint: str) -> str:
    name = call.fresh(hint, _swapped(type))
    call.emit("permute_axes", {"x": x}, {"order": (1, 0, 2)}, outputs={"y": name})
    return name


def _last_states(call: Call, state: str, samples: Dim, units: int, layers: int, both: bool) -> Pile:
    """Return the states of all layers, of which only the last layer's are known."""

    def part(start: int) -> Any:
        def make() -> Computed:
            name = call.fresh("part", TensorType((samples, units)))
            call.emit("slice", {"x": state}, {"axis": 1, "start": start, "stop": start + units}, outputs={"y": name})
            return Computed(name)

        return make

    last = [part(0), part(units)] if both else [lambda: Computed(state)]
    return Pile([None] * ((layers - 1) * len(last)) + last)


register(["lstm.input"], _recurrent, "lstm")
register(["gru.input"], _recurrent, "gru")
register(["rnn_tanh.input"], _recurrent, "rnn", {"nonlinearity": "tanh"})
register(["rnn_relu.input"], _recurrent, "rnn", {"nonlinearity": "relu"})


def _cell(call: Call, key: str, own: Mapping[str, Any] | None = None) -> None:
    weights = {
        "weight_ih": call.learned("w_ih"),
        "weight_hh": call.learned("w_hh"),
        "bias_ih": call.learned("b_ih"),
        "bias_hh": call.learned("b_hh"),
    }
    hidden = weights["weight_hh"]
    assert hidden is not None
    parameters = {"units": hidden.tensor.shape[1], "bias": weights["bias_ih"] is not None, **(own or {})}
    inputs, outputs = {"x": call.value("input")}, {"y": call.step.outputs[0]}
    state = call.get("hx")
    if key == "lstm_cell":
        if not isinstance(state, list) or len(state) != 2:
            raise Unmapped("has a state that is no pair")
        make = call.translator.make
        inputs |= {"state": make(state[0], call.step, True), "memory": make(state[1], call.step, True)}
        outputs["memory"] = call.step.outputs[1]
    elif not _is_zero(state):
        inputs["state"] = call.value("hx", True)
    call.emit(key, inputs, parameters, weights, outputs)


register(["lstm_cell.default"], _cell, "lstm_cell")
register(["gru_cell.default"], _cell, "gru_cell")
register(["rnn_tanh_cell.default"], _cell, "rnn_cell", {"nonlinearity": "tanh"})
register(["rnn_relu_cell.default"], _cell, "rnn_cell", {"nonlinearity": "relu"})


@maps("scaled_dot_product_attention.default")
def _attention(call: Call) -> None:
    if call.get("dropout_p", 0.0):
        raise Unmapped("drops looks at random inside")
    query, key = call.type("query"), call.type("key")
    inputs = {name: call.value(name) for name in ("query", "key", "value")}
    causal = bool(call.get("is_causal", False))
    mask = call.get("attn_mask")
    if isinstance(mask, Folded):
        if mask.one.dtype.is_floating_point is False and mask.number == 1:
            mask = None
        elif _is_causal(mask, query, key):
            mask, causal = None, True
    if mask is not None:
        inputs["mask"] = call.value("attn_mask")
        if not 2 <= call.type("attn_mask").rank <= query.rank:
            raise Unmapped("has a mask with an unusual number of axes")
    scale, features = call.get("scale"), query.dims[-1]
    if isinstance(features, int) and scale == features**-0.5:
        scale = None
    parameters = {"causal": causal, "scale": scale, "grouped": bool(call.get("enable_gqa", False))}
    call.emit("scaled_dot_product_attention", inputs, parameters)


def _is_causal(mask: Folded, query: TensorType, key: TensorType) -> bool:
    """Whether a fixed mask lets each position look at itself and those before it, and at nothing else."""
    table, steps = mask.one, query.dims[-2]
    if mask.is_constant and table.shape[-1] == steps == key.dims[-2] and is_causal(table):
        return True
    if table.is_floating_point() or not isinstance(steps, int) or key.dims[-2] != steps or table.shape[-2] != steps:
        return False
    if table.shape[-1] != steps:
        return False
    wanted = table.new_ones(steps, steps).tril()
    return bool((table == wanted).all()) and bool((mask.two == wanted).all())
