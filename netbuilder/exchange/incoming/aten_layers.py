"""Which layer computes the same as an ATen operator: linear, convolution, embedding, normalization."""

from __future__ import annotations

from typing import Any

from netbuilder.exchange.incoming.aten_call import Call, maps, register
from netbuilder.exchange.incoming.aten_values import Computed, Folded, Learned, Unmapped, several
from netbuilder.layers.tensor import BATCH, TensorType


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
    rank = max(call.type("self").rank, call.type(other).rank, 3)
    call.emit("matmul", {"a": _matrices(call, "self", rank), "b": _matrices(call, other, rank)})


def _matrices(call: Call, name: str, rank: int) -> str:
    """Return an argument with axes of size 1 in front, as many as torch would imagine there."""
    found, value = call.type(name), call.get(name)
    if found.rank == rank:
        return call.value(name)
    shape = (*[1] * (rank - found.rank), *(dim for dim in found.dims if isinstance(dim, int)))
    if len(shape) < rank:
        raise Unmapped("multiplies each sample's matrix with those of all others")
    if isinstance(value, Folded):
        constant, _ = value.constant()
        return call.translator.make(Folded(constant.reshape(shape), constant.reshape(shape)), call.step, False)
    if isinstance(value, Learned):
        turned = Learned(f"{value.key}|{shape}", value.tensor.reshape(shape), value.module)
        return call.translator.make(turned, call.step, False)
    wide = call.fresh("matrices", TensorType(shape, found.dtype))
    call.emit("view", {"x": call.value(name)}, {"shape": shape}, outputs={"y": wide})
    return wide


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
