"""Resize and Upsample: the ways to place and blend pixels that torch has, and only those."""

from __future__ import annotations

import numpy as np

from netbuilder.exchange.incoming.onnx.dtypes import shortest
from netbuilder.exchange.incoming.onnx.network import Network
from netbuilder.exchange.incoming.onnx.registry import Result, operator
from netbuilder.exchange.incoming.onnx.sizes import over
from netbuilder.exchange.incoming.onnx.values import Tensor, Unfit, counted, type_of
from netbuilder.layers.tensor import Dim

_BLENDS = {3: "linear", 4: "bilinear", 5: "trilinear"}


@operator("Resize")
def _resize(net: Network) -> Result:
    old = net.graph.opset < 11
    x = net.tensor(0)
    if net.whole("antialias", 0) or net.whole("exclude_outside", 0):
        raise Unfit("blends more pixels than torch does")
    if net.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Unfit("keeps the sides' ratio")
    scales, sizes = _targets(net, x, 1 if old else 2)
    placing = net.text("coordinate_transformation_mode", "asymmetric" if old else "half_pixel")
    rounding = net.text("nearest_mode", "floor" if old else "round_prefer_floor")
    return _resized(net, x, scales, sizes, net.text("mode", "nearest"), placing, rounding)


@operator("Upsample")
def _upsample(net: Network) -> Result:
    x = net.tensor(0)
    scales = net.setting(1, "scales")
    if scales is None or net.text("mode", "nearest") != "nearest":
        raise Unfit("blends pixels as only old versions did")
    factors = [shortest(each) for each in np.ravel(scales).tolist()]
    return _resized(net, x, factors, None, "nearest", "asymmetric", "floor")


def _targets(net: Network, x: Tensor, place: int) -> tuple[list[float] | None, list[Dim] | None]:
    """Return the factor, or the new size, of every axis."""
    rank = type_of(x).rank
    axes = [counted(axis, rank) for axis in net.ints("axes", tuple(range(rank)))]
    if net.value(place + 1) is not None:
        sizes = list(type_of(x).dims)
        for axis, size in zip(axes, net.shape(place + 1), strict=True):
            sizes[axis] = size
        return None, sizes
    scales = [1.0] * rank
    for axis, scale in zip(axes, np.ravel(net.constant(place, "factors")).tolist(), strict=True):
        scales[axis] = shortest(scale)
    return scales, None


def _resized(
    net: Network, x: Tensor, scales: list[float] | None, sizes: list[Dim] | None, mode: str, placing: str, rounding: str
) -> Tensor:
    dims = type_of(x).dims
    if len(dims) not in _BLENDS:
        raise Unfit(f"resizes {len(dims)} axes")
    if scales is None:
        assert sizes is not None
        sizes[0] = dims[0] if sizes[0] == net.fixed else sizes[0]
        scales = [_factor(have, want) for have, want in zip(dims, sizes, strict=True)]
        fixed = tuple(size for size in sizes[2:] if isinstance(size, int))
    else:
        fixed = tuple(
            round(size * scale)
            for size, scale in zip(dims[2:], scales[2:], strict=True)
            if isinstance(size, int) and abs(size * scale - round(size * scale)) < 1e-5
        )
    if set(scales[:2]) != {1.0}:
        raise Unfit("resizes the samples or the channels")
    chosen, corners = _mode(net, mode, placing, rounding, scales[2:], len(dims))
    more = {"align_corners": True} if corners else {}
    if len(set(scales[2:])) == 1 and (sizes is None or scales[2].is_integer()):
        return net.emit("upsample", {"x": x}, {"mode": chosen, "scale_factor": scales[2], **more})
    if len(fixed) == len(dims) - 2:
        return net.emit("upsample", {"x": x}, {"mode": chosen, "size": fixed, **more})
    raise Unfit("has factors that no layer takes")


def _factor(have: Dim, want: Dim) -> float:
    if have == want:
        return 1.0
    if isinstance(have, int) and isinstance(want, int) and have:
        return want / have
    ratio = over(want, have) if isinstance(have, int) else None
    for factor in range(2, 65):
        if ratio is None and over(want, factor) == have:
            return float(factor)
    raise Unfit("has a new size that varies in another way than the old one")


def _mode(net: Network, mode: str, placing: str, rounding: str, scales: list[float], rank: int) -> tuple[str, bool]:
    """Return torch's mode, and whether the corners stay in place.

    Raises:
        Unfit: When torch has no equal way.
    """
    whole = all(scale.is_integer() for scale in scales)
    if mode == "nearest":
        plain = placing == "asymmetric" and rounding == "floor"
        middle = placing in ("half_pixel", "pytorch_half_pixel") and rounding.startswith("round_prefer") and whole
        if plain or middle:
            return "nearest", False
        raise Unfit(f"picks pixels by {placing} and {rounding}, which torch does not")
    corners = placing == "align_corners"
    if not corners and placing not in ("half_pixel", "pytorch_half_pixel"):
        raise Unfit(f"places pixels by {placing}, which torch does not")
    if mode == "linear":
        return _BLENDS[rank], corners
    if mode == "cubic" and rank == 4 and abs(net.decimal("cubic_coeff_a", -0.75) + 0.75) < 1e-6:
        return "bicubic", corners
    raise Unfit(f"blends pixels by {mode}, which torch does not")
