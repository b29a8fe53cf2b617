"""Which layer computes the same as an ATen operator: weights, activations, pooling, recurrence, attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from netbuilder.exchange.incoming.aten_graph import Call, maps, register
from netbuilder.exchange.incoming.aten_values import Computed, Folded, Learned, Pile, Unmapped
from netbuilder.layers.tensor import BATCH, Dim, TensorType


def several(value: Any, count: int) -> tuple[int, ...]:
    """Return one number an axis, however many were given."""
    numbers = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    if any(type(number) is not int for number in numbers):
        raise Unmapped("takes a size that varies")
    return numbers * count if len(numbers) == 1 else numbers


# -- linear and convolution --------------------------------------------------------------------------------------------


def emit_linear(call: Call, x: str, weight: Learned, bias: Learned | None, of: TensorType) -> None:
    """Add a Linear layer with these weights; `of` is the type of what it reads."""
    units = weight.tensor.shape[0]
    plain = of.rank in (2, 3) and of.dims[0] == BATCH
    parameters = {"units": units, "bias": bias is not None, "any_axes": not plain}
    call.emit("linear", {"x": x}, parameters, {"weight": weight, "bias": bias})


@maps("linear.default")
def _linear(call: Call) -> None:
    weight = call.learned("weight")
    if weight is None or weight.tensor.ndim != 2:
        raise Unmapped("takes its weight from a computation")
    emit_linear(call, call.value("input"), weight, call.learned("bias"), call.type("input"))


def turned(weight: Learned) -> Learned:
    """Return a weight matrix turned, as Linear keeps it."""
    return Learned(f"{weight.key}|turned", weight.tensor.t().contiguous(), weight.module)


@maps("addmm.default")
def _addmm(call: Call) -> None:
    weight, bias = call.get("mat2"), call.get("self")
    if call.get("beta", 1) != 1 or call.get("alpha", 1) != 1 or not isinstance(weight, Learned):
        raise Unmapped("adds a matrix product to something in a way that no layer does")
    if not isinstance(bias, Learned) or bias.tensor.shape != weight.tensor.shape[1:]:
        raise Unmapped("adds a matrix product to something that is no bias")
    emit_linear(call, call.value("mat1"), turned(weight), bias, call.type("mat1"))


@maps("matmul.default", "mm.default", "bmm.default")
def _matmul(call: Call) -> None:
    other = "other" if "other" in call.arguments else "mat2"
    weight = call.get(other)
    if isinstance(weight, Learned) and weight.tensor.ndim == 2 and isinstance(call.get("self"), Computed):
        emit_linear(call, call.value("self"), turned(weight), None, call.type("self"))
        return
    if 1 in (call.type("self").rank, call.type(other).rank):
        raise Unmapped("multiplies a matrix with a vector")
    call.emit("matmul", {"a": call.value("self"), "b": call.value(other)})


@maps("baddbmm.default")
def _baddbmm(call: Call) -> None:
    if call.get("beta", 1) not in (0, 1) or call.get("alpha", 1) != 1:
        raise Unmapped("weighs a matrix product in a way that no layer does")
    if call.get("beta", 1) == 0:
        call.emit("matmul", {"a": call.value("batch1"), "b": call.value("batch2")})
        return
    product = call.fresh("product", call.result)
    call.emit("matmul", {"a": call.value("batch1"), "b": call.value("batch2")}, outputs={"y": product})
    call.emit("add", {"a": product, "b": call.value("self")})


@maps("einsum.default")
def _einsum(call: Call) -> None:
    tensors = call.get("tensors")
    if not isinstance(tensors, list) or len(tensors) != 2:
        raise Unmapped("multiplies other than two values")
    make = call.translator.make
    names = [make(each, call.step, False) for each in tensors]
    equation = str(call.get("equation")).replace(" ", "")
    call.emit("einsum", {"a": names[0], "b": names[1]}, {"equation": equation})


@maps("bilinear.default")
def _bilinear(call: Call) -> None:
    weight, bias = call.learned("weight"), call.learned("bias")
    assert weight is not None
    parameters = {"units": weight.tensor.shape[0], "bias": bias is not None}
    inputs = {"a": call.value("input1"), "b": call.value("input2")}
    call.emit("bilinear", inputs, parameters, {"weight": weight, "bias": bias})


def _convolution(call: Call, axes: int) -> None:
    weight, bias = call.learned("weight"), call.learned("bias")
    if weight is None or call.type("input").rank != axes + 2:
        raise Unmapped("convolves something without a batch")
    kernel = tuple(weight.tensor.shape[2:])
    dilation = several(call.get("dilation", 1), axes)
    padding = call.get("padding", 0)
    parameters: dict[str, Any] = {
        "filters": weight.tensor.shape[0],
        "kernel_size": kernel,
        "stride": several(call.get("stride", 1), axes),
        "dilation": dilation,
        "groups": call.get("groups", 1),
        "bias": bias is not None,
    }
    if isinstance(padding, str):
        parameters["padding"] = padding
    else:
        parameters |= _padding(several(padding, axes), kernel, dilation)
    call.emit(f"conv{axes}d", {"x": call.value("input")}, parameters, {"weight": weight, "bias": bias})


for _axes in (1, 2, 3):
    register([f"conv{_axes}d.default", f"conv{_axes}d.padding"], _convolution, _axes)


def _padding(padding: tuple[int, ...], kernel: tuple[int, ...], dilation: tuple[int, ...]) -> dict[str, Any]:
    """Return a padding in the words of the convolution layers."""
    if not any(padding):
        return {"padding": "valid"}
    reach = tuple((size - 1) * step for size, step in zip(kernel, dilation, strict=True))
    if all(pad * 2 == each for pad, each in zip(padding, reach, strict=True)):
        return {"padding": "same"}
    return {"padding": "explicit", "padding_size": padding}


def _transposed(call: Call, axes: int) -> None:
    weight, bias = call.learned("weight"), call.learned("bias")
    if weight is None or call.type("input").rank != axes + 2:
        raise Unmapped("convolves something without a batch")
    groups = call.get("groups", 1)
    parameters = {
        "filters": weight.tensor.shape[1] * groups,
        "kernel_size": tuple(weight.tensor.shape[2:]),
        "stride": several(call.get("stride", 1), axes),
        "padding": several(call.get("padding", 0), axes),
        "output_padding": several(call.get("output_padding", 0), axes),
        "dilation": several(call.get("dilation", 1), axes),
        "groups": groups,
        "bias": bias is not None,
    }
    call.emit(f"conv_transpose{axes}d", {"x": call.value("input")}, parameters, {"weight": weight, "bias": bias})


for _axes, _name in ((1, "conv_transpose1d.default"), (2, "conv_transpose2d.input"), (3, "conv_transpose3d.input")):
    register([_name], _transposed, _axes)


@maps("convolution.default")
def _any_convolution(call: Call) -> None:
    axes = call.type("input").rank - 2
    if axes not in (1, 2, 3):
        raise Unmapped("convolves along an unusual number of axes")
    (_transposed if call.get("transposed") else _convolution)(call, axes)


@maps("embedding.default")
def _embedding(call: Call) -> None:
    weight = call.learned("weight")
    assert weight is not None
    tokens, width = weight.tensor.shape
    padding = call.get("padding_idx", -1)
    if call.get("scale_grad_by_freq") or call.get("sparse"):
        raise Unmapped("trains its table in a way that Embedding does not")
    parameters = {"width": width, "tokens": tokens, "padding_index": padding if padding >= 0 else None}
    call.emit("embedding", {"x": call.value("indices")}, parameters, {"weight": weight})


# -- normalization -----------------------------------------------------------------------------------------------------


@maps("batch_norm.default", "_native_batch_norm_legit_no_training.default")
def _batch_norm(call: Call) -> None:
    rank = call.type("input").rank
    if rank not in (2, 3, 4, 5):
        raise Unmapped("normalizes an unusual number of axes")
    weight, bias = call.learned("weight"), call.learned("bias")
    mean, variance = call.learned("running_mean"), call.learned("running_var")
    if (weight is None) != (bias is None):
        raise Unmapped("has a scale without a shift")
    parameters = {
        "momentum": call.get("momentum", 0.1),
        "eps": call.get("eps", 1e-5),
        "affine": weight is not None,
        "track_running_stats": mean is not None,
    }
    weights = {"weight": weight, "bias": bias, "running_mean": mean, "running_var": variance}
    call.emit(f"batch_norm{max(rank - 2, 1)}d", {"x": call.value("input")}, parameters, weights)


@maps("layer_norm.default")
def _layer_norm(call: Call) -> None:
    weight, bias = call.learned("weight"), call.learned("bias")
    parameters = {
        "axes": len(call.get("normalized_shape")),
        "eps": call.get("eps", 1e-5),
        "elementwise_affine": weight is not None,
        "bias": bias is not None if weight is not None else True,
    }
    if weight is None and bias is not None:
        raise Unmapped("has a shift without a scale")
    call.emit("layer_norm", {"x": call.value("input")}, parameters, {"weight": weight, "bias": bias})


@maps("rms_norm.default")
def _rms_norm(call: Call) -> None:
    weight, eps = call.learned("weight"), call.get("eps")
    parameters = {
        "axes": len(call.get("normalized_shape")),
        "eps": 1.1920928955078125e-07 if eps is None else eps,
        "elementwise_affine": weight is not None,
    }
    call.emit("rms_norm", {"x": call.value("input")}, parameters, {"weight": weight})


@maps("group_norm.default")
def _group_norm(call: Call) -> None:
    weight, bias = call.learned("weight"), call.learned("bias")
    if (weight is None) != (bias is None):
        raise Unmapped("has a scale without a shift")
    parameters = {"groups": call.get("num_groups"), "eps": call.get("eps", 1e-5), "affine": weight is not None}
    call.emit("group_norm", {"x": call.value("input")}, parameters, {"weight": weight, "bias": bias})


@maps("instance_norm.default")
def _instance_norm(call: Call) -> None:
    weight, bias = call.learned("weight"), call.learned("bias")
    mean, variance = call.learned("running_mean"), call.learned("running_var")
    if not call.get("use_input_stats") and mean is None:
        raise Unmapped("normalizes by statistics that it does not have")
    parameters = {
        "momentum": call.get("momentum", 0.1),
        "eps": call.get("eps", 1e-5),
        "affine": weight is not None,
        "track_running_stats": mean is not None and not call.get("use_input_stats"),
    }
    if not parameters["track_running_stats"]:
        mean = variance = None
    weights = {"weight": weight, "bias": bias, "running_mean": mean, "running_var": variance}
    call.emit(f"instance_norm{call.type('input').rank - 2}d", {"x": call.value("input")}, parameters, weights)


# -- activations -------------------------------------------------------------------------------------------------------

_PLAIN: Final[Mapping[str, str]] = {
    name: name
    for name in (
        *("abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "erf", "erfc", "exp"),
        *("exp2", "expm1", "floor", "frac", "hardsigmoid", "hardswish", "lgamma", "log", "log10", "log1p", "log2"),
        *("mish", "neg", "reciprocal", "relu", "relu6", "round", "rsqrt", "selu", "sigmoid", "sign", "silu", "sin"),
        *("sinc", "sinh", "sqrt", "square", "tan", "tanh", "trunc", "inverse"),
    )
} | {"isfinite": "is_finite", "isinf": "is_inf", "isnan": "is_nan", "log_sigmoid": "logsigmoid"}


def _plain(call: Call, key: str) -> None:
    call.emit(key, {"x": call.value("self")})


for _name, _key in _PLAIN.items():
    register([f"{_name}.default"], _plain, _key)


def _with(key: str, *names: tuple[str, str, Any], refuse: Sequence[tuple[str, Any]] = ()) -> Any:
    """Return a handler of one input `self`: (parameter, argument, the operator's default) each."""

    def handle(call: Call) -> None:
        for argument, only in refuse:
            if call.get(argument, only) != only:
                raise Unmapped(f"has a {argument} that {key} has not")
        parameters = {parameter: call.get(argument, default) for parameter, argument, default in names}
        call.emit(key, {"x": call.value("self")}, parameters)

    return handle


maps("gelu.default")(_with("gelu", ("approximate", "approximate", "none")))
maps("leaky_relu.default")(_with("leaky_relu", ("negative_slope", "negative_slope", 0.01)))
maps("elu.default")(_with("elu", ("alpha", "alpha", 1), refuse=(("scale", 1), ("input_scale", 1))))
maps("celu.default")(_with("celu", ("alpha", "alpha", 1.0)))
maps("hardtanh.default")(_with("hardtanh", ("lower", "min_val", -1), ("upper", "max_val", 1)))
maps("softplus.default")(_with("softplus", ("beta", "beta", 1), ("threshold", "threshold", 20)))
maps("hardshrink.default")(_with("hardshrink", ("strength", "lambd", 0.5)))
maps("softshrink.default")(_with("softshrink", ("strength", "lambd", 0.5)))
maps("threshold.default")(_with("threshold", ("threshold", "threshold", 0), ("value", "value", 0)))
maps("glu.default")(_with("glu", ("axis", "dim", -1)))
maps("softmax.int", "_softmax.default")(_with("softmax", ("axis", "dim", -1)))
maps("log_softmax.int", "_log_softmax.default")(_with("log_softmax", ("axis", "dim", -1)))


@maps("prelu.default")
def _prelu(call: Call) -> None:
    weight = call.learned("weight")
    assert weight is not None
    slopes = "one" if weight.tensor.numel() == 1 else "channel"
    call.emit("prelu", {"x": call.value("self")}, {"slopes": slopes}, {"weight": weight})


def _dropout(call: Call, key: str) -> None:
    call.emit(key, {"x": call.value("input")}, {"p": call.get("p", 0.5)})


for _name, _key in {
    "dropout": "dropout",
    "alpha_dropout": "alpha_dropout",
    "feature_alpha_dropout": "feature_alpha_dropout",
}.items():
    register([f"{_name}.default"], _dropout, _key)


@maps("feature_dropout.default")
def _feature_dropout(call: Call) -> None:
    rank = call.type("input").rank
    if rank not in (3, 4, 5):
        raise Unmapped("drops channels of an unusual number of axes")
    _dropout(call, f"dropout{rank - 2}d")


# -- pooling -----------------------------------------------------------------------------------------------------------


def _pool(call: Call, kind: str, axes: int) -> None:
    if call.type("self").rank != axes + 2:
        raise Unmapped("pools something without a batch")
    stride = call.get("stride") or None
    parameters: dict[str, Any] = {
        "kernel_size": several(call.get("kernel_size"), axes),
        "stride": None if stride is None else several(stride, axes),
        "padding": several(call.get("padding", 0), axes),
        "ceil_mode": bool(call.get("ceil_mode", False)),
    }
    if kind == "max":
        parameters["dilation"] = several(call.get("dilation", 1), axes)
    else:
        if call.get("divisor_override") is not None:
            raise Unmapped("divides by a number of its own")
        parameters["count_include_pad"] = call.get("count_include_pad", True)
    call.emit(f"{kind}_pool{axes}d", {"x": call.value("self")}, parameters)


def _adaptive(call: Call, kind: str, axes: int) -> None:
    if call.type("self").rank != axes + 2:
        raise Unmapped("pools something without a batch")
    size = several(call.get("output_size"), axes)
    call.emit(f"adaptive_{kind}_pool{axes}d", {"x": call.value("self")}, {"output_size": size})


for _axes in (1, 2, 3):
    for _kind in ("max", "avg"):
        register([f"{_kind}_pool{_axes}d.default"], _pool, _kind, _axes)
        register([f"adaptive_{_kind}_pool{_axes}d.default"], _adaptive, _kind, _axes)


@maps("max_pool1d_with_indices.default", "max_pool2d_with_indices.default", "max_pool3d_with_indices.default")
def _pool_with_places(call: Call) -> None:
    axes = call.type("self").rank - 2
    padding, dilation = several(call.get("padding", 0), axes), several(call.get("dilation", 1), axes)
    if any(padding) or set(dilation) != {1} or call.get("ceil_mode"):
        raise Unmapped("tells the places of a padded pooling")
    stride = call.get("stride") or None
    parameters = {
        "kernel_size": several(call.get("kernel_size"), axes),
        "stride": None if stride is None else several(stride, axes),
    }
    outputs = {"y": call.step.outputs[0], "places": call.step.outputs[1]}
    call.emit(f"max_pool_places{axes}d", {"x": call.value("self")}, parameters, outputs=outputs)


# -- recurrence --------------------------------------------------------------------------------------------------------


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


# -- attention ---------------------------------------------------------------------------------------------------------


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
    if table.is_floating_point() or not isinstance(steps, int) or key.dims[-2] != steps or table.shape[-2] != steps:
        return False
    if table.shape[-1] != steps:
        return False
    wanted = table.new_ones(steps, steps).tril()
    return bool((table == wanted).all()) and bool((mask.two == wanted).all())
