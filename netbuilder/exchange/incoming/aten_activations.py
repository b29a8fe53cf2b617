"""Which layer computes the same as an ATen operator: activations, dropout, pooling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from netbuilder.exchange.incoming.aten_call import Call, maps, register
from netbuilder.exchange.incoming.aten_values import Unmapped, several

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
