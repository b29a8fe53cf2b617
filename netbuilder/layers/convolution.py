"""Convolutions over one, two and three axes, and transposed ones."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from netbuilder.foundation.parameter import Parameter, Values
from netbuilder.layers import relations
from netbuilder.layers.settings import (
    LAYOUTS,
    brief_of,
    choice,
    elements,
    flag,
    known,
    one_of,
    sizes,
    times,
    torch_docs,
    whole,
)
from netbuilder.layers.spec import WEIGHTS, LayerSpec, Mismatch, Port, Types

_WHERE = {1: "a sequence", 2: "an image", 3: "a volume"}
_MAPS = {1: "signals", 2: "pictures", 3: "volumes"}
_KEYWORDS = {1: ("text", "audio", "signal"), 2: ("image", "cnn", "picture"), 3: ("video", "volume", "voxel")}


def _window(axes: int, kernel: int, stride: int) -> tuple[Parameter, Parameter, Parameter]:
    return (
        whole("filters", "Filters", 32, "How many patterns it learns: the channels of its output."),
        sizes("kernel_size", "Kernel size", (kernel,) * axes, "How far each pattern reaches, along each axis.", axes),
        sizes(
            "stride",
            "Stride",
            (stride,) * axes,
            "How far the kernel moves at a time; 2 halves the output's size.",
            axes,
        ),
    )


def _convolution_parameters(axes: int) -> tuple[Parameter, ...]:
    return (
        *_window(axes, 3, 1),
        choice(
            "padding",
            "Padding",
            (
                ("same", "same", "Zeros around the input, so that at stride 1 the output is as large as the input."),
                ("valid", "valid", "None: the output shrinks by the kernel's reach."),
                ("explicit", "explicit", "As many as you say, on both sides."),
            ),
            "What surrounds the input, so that the kernel can look beyond its edge.",
        ),
        sizes(
            "padding_size",
            "Padding size",
            (1,) * axes,
            "How many positions are added on both sides of each axis.",
            axes,
            minimum=0,
            shown_when=lambda values: values["padding"] == "explicit",
        ),
        sizes(
            "dilation",
            "Dilation",
            (1,) * axes,
            "Steps between the kernel's points: 2 leaves gaps.",
            axes,
            advanced=True,
        ),
        _groups(),
        _bias(),
        _padding_mode(),
        *WEIGHTS,
    )


def _padding_mode() -> Parameter:
    return choice(
        "padding_mode",
        "Padding mode",
        (
            ("zeros", "zeros", "Zeros."),
            ("reflect", "reflect", "The input mirrored at its edge."),
            ("replicate", "replicate", "The edge repeated."),
            ("circular", "circular", "The other end of the input, as on a ring."),
        ),
        "What the padding holds.",
        advanced=True,
        shown_when=lambda values: values["padding"] != "valid",
    )


def _groups() -> Parameter:
    return whole(
        "groups",
        "Groups",
        1,
        "Splits the channels into groups that do not see each other; as many groups as channels is a depthwise "
        "convolution.",
        advanced=True,
    )


def _bias() -> Parameter:
    return flag("bias", "Bias", True, "Adds a learned number to each output channel. Off before a batch normalization.")


def _same_padding(values: Values) -> tuple[int, ...] | None:
    """Return the padding that keeps ceil(size / stride), where equal padding on both sides can; else None."""
    total = [d * (k - 1) for k, d in zip(values["kernel_size"], values["dilation"], strict=True)]
    return None if any(reach % 2 for reach in total) else tuple(reach // 2 for reach in total)


def _padding_code(values: Values) -> str:
    if values["padding"] == "valid":
        return "0"
    if values["padding"] == "explicit":
        return one_of(values["padding_size"])
    same = _same_padding(values)
    return "'same'" if same is None else one_of(same)


def _convolution_make(axes: int) -> str:
    return (
        f"nn.Conv{axes}d(in_channels, filters, kernel_size, stride=stride, padding=PADDING, dilation=dilation, "
        "groups=groups, bias=bias, padding_mode=padding_mode)"
    )


def _same_stride(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """Padding "same" with a stride needs a kernel of odd reach: torch has no other."""
    if values["padding"] == "same" and _same_padding(values) is None and any(step > 1 for step in values["stride"]):
        reach = [d * (k - 1) for k, d in zip(values["kernel_size"], values["dilation"], strict=True)]
        yield Mismatch(
            port="x",
            message='expects an odd kernel size for padding "same" with a stride above 1, '
            f"got {times(values['kernel_size'])}",
            expected="an odd kernel size",
            found=times(values["kernel_size"]),
            own=True,
            set={"padding": "explicit", "padding_size": tuple(total // 2 for total in reach)},
        )


def _mode_fits(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """Reflected padding is smaller than the input, circular padding no larger."""
    mode, found = values["padding_mode"], inputs["x"]
    if mode not in ("reflect", "circular") or values["padding"] == "valid":
        return
    padding = values["padding_size"] if values["padding"] == "explicit" else _same_padding(values)
    if padding is None:
        padding = tuple(-(-d * (k - 1) // 2) for k, d in zip(values["kernel_size"], values["dilation"], strict=True))
    for size, width in zip(found.dims[2:], padding, strict=True):
        if isinstance(size, int) and width > (size if mode == "circular" else size - 1):
            yield relations.expects(
                "x", f"an input larger than the {mode} padding of {width}", found, padding_mode="zeros"
            )
            return


def _filters_divide(values: Values, inputs: Types) -> Iterator[Mismatch]:
    filters, groups = values["filters"], values["groups"]
    if filters % groups:
        yield relations.settings_clash(
            "x",
            f"a number of filters that {groups} groups divide",
            str(filters),
            filters=(filters // groups + 1) * groups,
        )


def _brief(values: Values) -> str:
    stride = f"/{one_of(values['stride'])}" if set(values["stride"]) != {1} else ""
    padding = values.get("padding", "")
    return brief_of(
        str(values["filters"]), times(values["kernel_size"]) + stride, padding if isinstance(padding, str) else ""
    )


def _convolution_macs(values: Values, inputs: Types, outputs: Types) -> int:
    taps: int = known(inputs["x"].dims[1]) // values["groups"] * prod(values["kernel_size"])
    return elements(outputs["y"]) * taps


def _convolution(axes: int) -> LayerSpec:
    template = _convolution_make(axes)
    return LayerSpec(
        key=f"conv{axes}d",
        title=f"Conv{axes}d",
        category="convolution",
        summary=f"Slides learned patterns over {_WHERE[axes]}.",
        help=f"Slides a set of small learned patterns (filters) over {_WHERE[axes]} and writes down how well each "
        "fits at each place. "
        "The same pattern is looked for everywhere, so it needs few weights and finds a thing wherever it is. "
        f"Stacked, the first layers find edges and the later ones find what edges make up, in {_MAPS[axes]} of many "
        "kinds.",
        formula=r"y_{f,i} = b_f + \sum_{c,j} W_{f,c,j} \, x_{c, s i + d j - p}",
        reference=torch_docs(f"torch.nn.Conv{axes}d"),
        keywords=("convolution", "filter", "kernel", "depthwise", *_KEYWORDS[axes]),
        parameters=_convolution_parameters(axes),
        inputs=(Port(name="x", ranks=(axes + 2,), layout=LAYOUTS[axes], help="Channels first."),),
        outputs=(Port(name="y", ranks=(axes + 2,), layout=LAYOUTS[axes]),),
        make=lambda values: template.replace("PADDING", _padding_code(values)),
        derived={"in_channels": ("x", 1)},
        checks=(
            relations.divides("groups", "input channels", also="filters"),
            _filters_divide,
            _same_stride,
            relations.kernel_fits,
            _mode_fits,
        ),
        weights=("weight",),
        macs=_convolution_macs,
        brief=_brief,
    )


def _transposed_parameters(axes: int) -> tuple[Parameter, ...]:
    return (
        *_window(axes, 2, 2),
        sizes(
            "padding",
            "Padding",
            (0,) * axes,
            "How many positions are cut from both ends of each axis of the output.",
            axes,
            minimum=0,
        ),
        sizes(
            "output_padding",
            "Output padding",
            (0,) * axes,
            "Positions added at the end of each axis of the output: picks among the sizes that a stride leaves open.",
            axes,
            minimum=0,
            advanced=True,
        ),
        sizes(
            "dilation",
            "Dilation",
            (1,) * axes,
            "Steps between the kernel's points: 2 leaves gaps.",
            axes,
            advanced=True,
        ),
        _groups(),
        _bias(),
        *WEIGHTS,
    )


def _output_padding_fits(values: Values, inputs: Types) -> Iterator[Mismatch]:
    for extra, stride, dilation in zip(values["output_padding"], values["stride"], values["dilation"], strict=True):
        if extra >= max(stride, dilation):
            yield relations.settings_clash(
                "x",
                f"an output padding below the stride or the dilation ({max(stride, dilation)})",
                str(extra),
                output_padding=(0,) * len(values["stride"]),
            )
            return


def _output_remains(values: Values, inputs: Types) -> Iterator[Mismatch]:
    for index, size in enumerate(inputs["x"].dims[2:]):
        if not isinstance(size, int):
            continue
        reach = values["dilation"][index] * (values["kernel_size"][index] - 1)
        full = (size - 1) * values["stride"][index] + reach + values["output_padding"][index] + 1
        if full - 2 * values["padding"][index] < 1:
            yield relations.settings_clash(
                "x",
                f"a padding that leaves something of the output ({full} along axis {index + 2})",
                str(values["padding"][index]),
                padding=(0,) * len(values["padding"]),
            )
            return


def _transposed_macs(values: Values, inputs: Types, outputs: Types) -> int:
    taps: int = values["filters"] // values["groups"] * prod(values["kernel_size"])
    return elements(inputs["x"]) * taps


def _transposed(axes: int) -> LayerSpec:
    return LayerSpec(
        key=f"conv_transpose{axes}d",
        title=f"ConvTranspose{axes}d",
        category="convolution",
        summary=f"Enlarges {_WHERE[axes]} with learned patterns.",
        help="The way back from a convolution: each input position stamps a learned pattern on the output, as "
        "strongly as its value says, "
        "and the stamps add up. With a stride of 2 the output is twice as large, which is how decoders and generators "
        "grow pictures. "
        "A kernel size that the stride divides avoids a checkerboard of overlaps.",
        formula=r"y_{f,k} = b_f + \sum_c \sum_{s i + d j - p = k} W_{c,f,j} \, x_{c,i}",
        reference=torch_docs(f"torch.nn.ConvTranspose{axes}d"),
        keywords=("deconvolution", "transposed", "upsample", "decoder", "generator", *_KEYWORDS[axes]),
        parameters=_transposed_parameters(axes),
        inputs=(Port(name="x", ranks=(axes + 2,), layout=LAYOUTS[axes], help="Channels first."),),
        outputs=(Port(name="y", ranks=(axes + 2,), layout=LAYOUTS[axes]),),
        make=f"nn.ConvTranspose{axes}d(in_channels, filters, kernel_size, stride=stride, padding=padding, "
        "output_padding=output_padding, groups=groups, bias=bias, dilation=dilation)",
        derived={"in_channels": ("x", 1)},
        checks=(
            relations.divides("groups", "input channels", also="filters"),
            _filters_divide,
            _output_padding_fits,
            _output_remains,
        ),
        weights=("weight",),
        macs=_transposed_macs,
        brief=_brief,
    )


CONVOLUTIONS = tuple(_convolution(axes) for axes in (1, 2, 3))
TRANSPOSED = tuple(_transposed(axes) for axes in (1, 2, 3))
