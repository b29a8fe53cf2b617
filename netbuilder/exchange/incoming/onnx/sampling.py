"""Grids, windows laid out again, determinants and random numbers."""

from __future__ import annotations

import numpy as np

from netbuilder.exchange.incoming.onnx.network import Network
from netbuilder.exchange.incoming.onnx.registry import Result, operator
from netbuilder.exchange.incoming.onnx.values import Unfit


@operator("GridSample")
def _grid_sample(net: Network) -> Result:
    mode = {"linear": "bilinear", "bilinear": "bilinear", "nearest": "nearest"}.get(net.text("mode", "linear"))
    if mode is None or net.text("padding_mode", "zeros") != "zeros":
        raise Unfit("blends pixels or continues the picture as no layer does")
    parameters = {"mode": mode, "align_corners": bool(net.whole("align_corners", 0))}
    return net.emit("grid_sample", {"x": net.tensor(0), "grid": net.tensor(1)}, parameters)


@operator("AffineGrid")
def _affine_grid(net: Network) -> Result:
    size = net.shape(1)
    if len(size) != 4 or not all(isinstance(each, int) for each in size[2:]):
        raise Unfit("makes something other than a grid for pictures of a fixed size")
    parameters = {"size": size[2:], "align_corners": bool(net.whole("align_corners", 0))}
    return net.emit("affine_grid", {"x": net.tensor(0)}, parameters)


@operator("Col2Im")
def _fold(net: Network) -> Result:
    picture, kernel = (tuple(int(each) for each in np.ravel(net.constant(place))) for place in (1, 2))
    pads = net.ints("pads", (0, 0, 0, 0))
    if len(picture) != 2 or pads[:2] != pads[2:]:
        raise Unfit("lays windows out over other than two evenly padded axes")
    parameters = {
        "output_size": picture,
        "kernel_size": kernel,
        "stride": net.ints("strides", (1, 1)),
        "dilation": net.ints("dilations", (1, 1)),
        "padding": pads[:2],
    }
    return net.emit("fold", {"x": net.tensor(0)}, parameters)


@operator("Det")
def _determinant(net: Network) -> Result:
    return net.emit("determinant", {"x": net.tensor(0)})


@operator("RandomNormalLike")
def _normal(net: Network) -> Result:
    return net.emit(
        "random_normal", {"x": net.tensor(0)}, {"mean": net.decimal("mean", 0), "std": net.decimal("scale", 1)}
    )


@operator("RandomUniformLike")
def _uniform(net: Network) -> Result:
    low, high = net.decimal("low", 0), net.decimal("high", 1)
    return net.emit("random_uniform", {"x": net.tensor(0)}, {"low": low, "width": high - low})
