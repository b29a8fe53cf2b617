"""Pooling: what is in a window becomes one number, so that the input shrinks."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from netbuilder.foundation.parameter import Choice, Kind, Parameter, Values
from netbuilder.layers import relations
from netbuilder.layers.settings import (
    LAYOUTS,
    brief_of,
    elements,
    flag,
    one_of,
    sizes,
    times,
    torch_docs,
)
from netbuilder.layers.spec import LayerSpec, Mismatch, Port, Types

_WHAT = {1: "signal", 2: "picture", 3: "volume"}


def _ports(axes: int) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    shape = {"ranks": (axes + 2,), "layout": LAYOUTS[axes]}
    return (Port(name="x", **shape),), (Port(name="y", **shape),)  # type: ignore[arg-type]


def _kernel(axes: int) -> tuple[Parameter, Parameter]:
    return (
        sizes("kernel_size", "Kernel size", (2,) * axes, "The window's size along each axis.", axes),
        sizes(
            "stride",
            "Stride",
            None,
            "How far the window moves at a time. Automatic moves it by its own size, so that windows do not overlap.",
            axes,
            none_title="kernel size",
        ),
    )


def _padding(axes: int) -> Parameter:
    return sizes(
        "padding", "Padding", (0,) * axes, "Positions added on both sides, at most half the kernel.", axes, minimum=0
    )


_CEIL = flag("ceil_mode", "Keep the rest", False, "Whether a window that sticks out at the end counts.", advanced=True)


def _padding_fits(values: Values, inputs: Types) -> Iterator[Mismatch]:
    for kernel, padding in zip(values["kernel_size"], values["padding"], strict=True):
        if padding > kernel // 2:
            yield relations.expects(
                "x",
                f"a padding of at most half the kernel ({kernel // 2})",
                str(padding),
                padding=tuple(min(p, k // 2) for p, k in zip(values["padding"], values["kernel_size"], strict=True)),
            )
            return


def _kernel_within(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """The window is no larger than the input without its padding, which AvgPool3d alone demands."""
    yield from relations.kernel_fits({**values, "padding": (0, 0, 0)}, inputs)


def _brief(values: Values) -> str:
    stride = values.get("stride")
    return brief_of(times(values["kernel_size"]), f"stride {one_of(stride)}" if stride else "")


def _window_macs(values: Values, inputs: Types, outputs: Types) -> int:
    return elements(outputs["y"]) * prod(values["kernel_size"])


_WINDOW_MAX = r"\max_{j \in \text{window}(i)} x_j"
_WINDOW_MEAN = r"\frac{1}{k} \sum_{j \in \text{window}(i)} x_j"


def _max(axes: int) -> LayerSpec:
    inputs, outputs = _ports(axes)
    return LayerSpec(
        key=f"max_pool{axes}d",
        title=f"MaxPool{axes}d",
        category="pooling",
        summary="Keeps the largest number of each window.",
        help=f"Moves a window over the {_WHAT[axes]} and keeps only its largest number: that a feature was found "
        "matters, not exactly where. "
        "A window of 2 halves each side, so that the layers behind it see further and cost less.",
        formula=f"y_i = {_WINDOW_MAX}",
        reference=torch_docs(f"torch.nn.MaxPool{axes}d"),
        keywords=("pool", "downsample", "subsample", "maximum"),
        parameters=(
            *_kernel(axes),
            _padding(axes),
            sizes("dilation", "Dilation", (1,) * axes, "Steps between the points of the window.", axes, advanced=True),
            _CEIL,
        ),
        inputs=inputs,
        outputs=outputs,
        make=f"nn.MaxPool{axes}d(kernel_size, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode)",
        checks=(_padding_fits, relations.kernel_fits),
        brief=_brief,
    )


def _average(axes: int) -> LayerSpec:
    inputs, outputs = _ports(axes)
    return LayerSpec(
        key=f"avg_pool{axes}d",
        title=f"AvgPool{axes}d",
        category="pooling",
        summary="Averages each window.",
        help=f"Moves a window over the {_WHAT[axes]} and writes down its average: the {_WHAT[axes]} becomes smaller "
        "and smoother. "
        "It loses sharp details that MaxPool keeps, and keeps the overall level that MaxPool loses.",
        formula=f"y_i = {_WINDOW_MEAN}",
        reference=torch_docs(f"torch.nn.AvgPool{axes}d"),
        keywords=("pool", "downsample", "mean", "smooth"),
        parameters=(
            *_kernel(axes),
            _padding(axes),
            _CEIL,
            flag(
                "count_include_pad", "Count padding", True, "Whether added zeros count in the average.", advanced=True
            ),
        ),
        inputs=inputs,
        outputs=outputs,
        make=f"nn.AvgPool{axes}d(kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode, "
        "count_include_pad=count_include_pad)",
        checks=(_padding_fits, relations.kernel_fits, *((_kernel_within,) if axes == 3 else ())),
        macs=_window_macs,
        brief=_brief,
    )


def _power(axes: int) -> LayerSpec:
    inputs, outputs = _ports(axes)
    return LayerSpec(
        key=f"lp_pool{axes}d",
        title=f"LPPool{axes}d",
        category="pooling",
        summary="The power mean of each window: between sum and maximum.",
        help="Raises the numbers of a window to a power, adds them and takes the root. A power of 1 gives their sum, "
        "a large one almost their maximum. "
        "Put it before the ReLU: the root of a window of zeros has no slope, and training would end in NaN.",
        formula=r"y_i = \left( \sum_{j \in \text{window}(i)} x_j^p \right)^{1/p}",
        reference=torch_docs(f"torch.nn.LPPool{axes}d"),
        keywords=("pool", "downsample", "norm", "sum pooling", "power"),
        parameters=(
            Parameter(
                name="power",
                title="Power",
                kind=Kind.CHOICE,
                default=2,
                choices=(
                    Choice(value=1, title="1 (sum)"),
                    Choice(value=2, title="2 (length)"),
                    Choice(value=4, title="4"),
                    Choice(value=8, title="8"),
                ),
                help="1 adds, 2 takes the length, more comes closer to the maximum. Odd powers cancel signs and are "
                "left out.",
            ),
            *_kernel(axes),
            _CEIL,
        ),
        inputs=inputs,
        outputs=outputs,
        make=f"nn.LPPool{axes}d(power, kernel_size, stride=stride, ceil_mode=ceil_mode)",
        checks=(relations.kernel_fits,),
        macs=_window_macs,
        brief=_brief,
    )


def _adaptive(axes: int, name: str, word: str, title: str, body: str) -> LayerSpec:
    inputs, outputs = _ports(axes)
    return LayerSpec(
        key=f"adaptive_{name}_pool{axes}d",
        title=f"Adaptive{title}Pool{axes}d",
        category="pooling",
        summary=f"{word} over as many windows as the output should have places.",
        help="You say how large the output is and it divides the input into that many windows. "
        "The layers behind it see the same size whatever the input's is; an output of 1 leaves one number a channel.",
        formula=f"y_i = {body}, "
        r"\quad \text{window}(i) = \lfloor i S / K \rfloor, \dots, \lceil (i + 1) S / K \rceil - 1",
        reference=torch_docs(f"torch.nn.Adaptive{title}Pool{axes}d"),
        keywords=("pool", "global", "resize", "fixed size"),
        parameters=(sizes("output_size", "Output size", (1,) * axes, "The output's size along each axis.", axes),),
        inputs=inputs,
        outputs=outputs,
        make=f"nn.Adaptive{title}Pool{axes}d(output_size)",
        brief=lambda values: times(values["output_size"]),
    )


MAX = tuple(_max(axes) for axes in (1, 2, 3))
AVERAGE = tuple(_average(axes) for axes in (1, 2, 3))
POWER = tuple(_power(axes) for axes in (1, 2, 3))
ADAPTIVE_MAX = tuple(_adaptive(axes, "max", "The maximum", "Max", _WINDOW_MAX) for axes in (1, 2, 3))
ADAPTIVE_AVERAGE = tuple(_adaptive(axes, "avg", "The average", "Avg", _WINDOW_MEAN) for axes in (1, 2, 3))


def _global(key: str, title: str, call: str, summary: str, formula: str, page: str) -> LayerSpec:
    return LayerSpec(
        key=key,
        title=title,
        category="pooling",
        summary=summary,
        help="Leaves one number a channel, N × channels, whatever the size of the picture was. It stands between the "
        "last "
        "convolution and the classifier and needs no weights, where a Flatten would bring thousands.",
        formula=formula,
        reference=torch_docs(page),
        keywords=("pool", "global", "gap", "head", "classifier"),
        inputs=(Port(name="x", ranks=(3, 4, 5), help="N × channels × one to three axes."),),
        outputs=(Port(name="y", ranks=(2,), layout="NF"),),
        call=call,
    )


GLOBAL = (
    _global(
        "global_avg_pool",
        "GlobalAvgPool",
        "x.flatten(2).mean(dim=2)",
        "The average of each channel.",
        r"y_{n,c} = \frac{1}{k} \sum_i x_{n,c,i}",
        "torch.mean",
    ),
    _global(
        "global_max_pool",
        "GlobalMaxPool",
        "x.flatten(2).amax(dim=2)",
        "The maximum of each channel.",
        r"y_{n,c} = \max_i x_{n,c,i}",
        "torch.amax",
    ),
)
