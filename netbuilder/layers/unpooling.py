"""Pooling that remembers its places, the way back from it, and pooling by fractions."""

from __future__ import annotations

from collections.abc import Iterator

from netbuilder.foundation.parameter import Parameter, Values
from netbuilder.layers import relations
from netbuilder.layers.settings import LAYOUTS, brief_of, one_of, paper, sizes, times, torch_docs
from netbuilder.layers.settings import number as number_setting
from netbuilder.layers.spec import Dtype, LayerSpec, Mismatch, Port, Types

_WHAT = {1: "signal", 2: "picture", 3: "volume"}


def _port(name: str, axes: int, dtype: Dtype = Dtype.FLOAT, help: str = "") -> Port:
    return Port(name=name, dtype=dtype, ranks=(axes + 2,), layout=LAYOUTS[axes], help=help)


def _windows(axes: int) -> tuple[Parameter, Parameter]:
    return (
        sizes("kernel_size", "Kernel size", (2,) * axes, "The window's size along each axis.", axes),
        sizes(
            "stride",
            "Stride",
            None,
            "How far the window moves at a time. Automatic moves it by its own size.",
            axes,
            none_title="kernel size",
        ),
    )


def _brief(values: Values) -> str:
    stride = values["stride"]
    return brief_of(times(values["kernel_size"]), f"stride {one_of(stride)}" if stride else "")


def _with_places(axes: int) -> LayerSpec:
    return LayerSpec(
        key=f"max_pool_places{axes}d",
        title=f"MaxPoolPlaces{axes}d",
        category="pooling",
        summary="MaxPool that also says where each largest number stood.",
        help=f"Keeps the largest number of each window of the {_WHAT[axes]} and gives its place at a second output. "
        "MaxUnpool takes both and puts the numbers back where they were, so that a decoder restores sharp edges.",
        formula=r"y_i = \max_{j \in \text{window}(i)} x_j",
        reference=torch_docs(f"torch.nn.MaxPool{axes}d"),
        keywords=("pool", "downsample", "indices", "unpool", "segnet"),
        parameters=_windows(axes),
        inputs=(_port("x", axes),),
        outputs=(_port("y", axes), _port("places", axes, Dtype.INT, "Where each number stood.")),
        make=f"nn.MaxPool{axes}d(kernel_size, stride=stride, return_indices=True)",
        target="y, places",
        checks=(relations.kernel_fits,),
        brief=_brief,
    )


def _as_places(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """Each number has a place."""
    if inputs["places"].dtype != "int64":
        yield relations.expects("places", "places (int64)", inputs["places"].dtype, ("cast", {"dtype": "int64"}))
        return
    yield from relations.same_shape(values, inputs)


def _places_exist(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """The output has room for all of the numbers, and the places that are known to occur."""
    stride = values["stride"] or values["kernel_size"]
    sizes = inputs["x"].dims[2:]
    room = 1
    for axis, (size, kernel, step) in enumerate(zip(sizes, values["kernel_size"], stride, strict=True), start=2):
        if not isinstance(size, int):
            return
        grown = (size - 1) * step + kernel
        if grown < size:
            yield relations.expects("x", "an output that is no smaller than the input", f"axis {axis}", stride=None)
            return
        room *= grown
    count = inputs["places"].vocabulary
    if count > room:
        yield relations.expects("places", f"places among the {room} of the output", f"{count} different ones")


def _unpool(axes: int) -> LayerSpec:
    return LayerSpec(
        key=f"max_unpool{axes}d",
        title=f"MaxUnpool{axes}d",
        category="pooling",
        summary="Puts pooled numbers back where they stood; all else is 0.",
        help=f"The way back from MaxPoolPlaces{axes}d: makes the {_WHAT[axes]} large again, each number at its "
        "old place and zeros between. Use the same kernel size and stride. SegNet's decoder draws sharply with it.",
        formula=r"y_{p_i} = x_i",
        reference=torch_docs(f"torch.nn.MaxUnpool{axes}d"),
        keywords=("unpool", "upsample", "decoder", "segnet", "indices"),
        parameters=_windows(axes),
        inputs=(_port("x", axes), _port("places", axes, Dtype.INT, f"From MaxPoolPlaces{axes}d.")),
        outputs=(_port("y", axes),),
        make=f"nn.MaxUnpool{axes}d(kernel_size, stride=stride)",
        call="me(x, places)",
        checks=(_as_places, _places_exist),
        brief=_brief,
    )


PLACES = tuple(_with_places(axes) for axes in (1, 2, 3))
UNPOOLING = tuple(_unpool(axes) for axes in (1, 2, 3))

_FRACTIONAL_PAPER = paper("Fractional Max-Pooling (Graham, 2014)", "1412.6071")


def _window_fits(values: Values, inputs: Types) -> Iterator[Mismatch]:
    ratio, kernel = values["ratio"], values["kernel_size"]
    for axis, (size, window) in enumerate(zip(inputs["x"].dims[2:], kernel, strict=True), start=2):
        spare = len(kernel) == 3  # torch's layer for volumes wants one entry more
        if isinstance(size, int) and (int(size * ratio) < 1 or int(size * ratio) + window - 1 + spare > size):
            yield relations.expects(
                "x", f"more entries along axis {axis} for windows of {window} and a ratio of {ratio:g}", inputs["x"]
            )
            return


def _fractional(axes: int) -> LayerSpec:
    return LayerSpec(
        key=f"fractional_max_pool{axes}d",
        title=f"FractionalMaxPool{axes}d",
        category="pooling",
        summary="MaxPool by a factor that is not whole, with random windows.",
        help=f"Shrinks the {_WHAT[axes]} to a share of its size, such as 0.7, by windows that lie a little differently "
        "each time. "
        "Sizes fall more gently than with halving, so a network can be deeper, and the randomness works against "
        "overfitting.",
        formula=r"y_i = \max_{j \in \text{window}(i)} x_j",
        reference=_FRACTIONAL_PAPER,
        keywords=("pool", "downsample", "random", "fraction"),
        parameters=(
            sizes("kernel_size", "Kernel size", (2,) * axes, "The window's size along each axis.", axes),
            number_setting("ratio", "Ratio", 0.7, "The output's size as a share of the input's.", 0.1, 0.95),
        ),
        inputs=(_port("x", axes),),
        outputs=(_port("y", axes),),
        make=f"nn.FractionalMaxPool{axes}d(kernel_size, output_ratio=ratio)",
        checks=(_window_fits,),
        brief=lambda values: brief_of(times(values["kernel_size"]), f"× {values['ratio']:g}"),
    )


FRACTIONAL = tuple(_fractional(axes) for axes in (2, 3))
