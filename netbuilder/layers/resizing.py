"""Layers that change how large a picture is, or trade its size against channels."""

from __future__ import annotations

from collections.abc import Iterator

from netbuilder.foundation.parameter import Values
from netbuilder.layers import relations
from netbuilder.layers.settings import LAYOUTS, brief_of, choice, flag, number, sizes, times, torch_docs, whole
from netbuilder.layers.spec import LayerSpec, Mismatch, Port, Rule, Types

_IMAGE = (Port(name="x", ranks=(4,), layout="NCHW"),)
_IMAGE_OUT = (Port(name="y", ranks=(4,), layout="NCHW"),)
_MODES = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5}


def _upsample_call(values: Values) -> str:
    size = "scale_factor=scale_factor" if values["size"] is None else f"size={_size_code(values['size'])}"
    corners = ", align_corners=align_corners" if values["mode"] in _MODES else ""
    return f"F.interpolate(x, {size}, mode=mode{corners})"


def _size_code(size: tuple[int, ...]) -> str:
    return str(size[0]) if len(size) == 1 else str(size)


def _mode_fits(values: Values, inputs: Types) -> Iterator[Mismatch]:
    mode, found = values["mode"], inputs["x"]
    if mode in _MODES and _MODES[mode] != found.rank:
        fitting = {3: "linear", 4: "bilinear", 5: "trilinear"}[found.rank]
        wanted = relations.AXES[LAYOUTS[_MODES[mode] - 2]]
        yield relations.expects("x", f"{wanted} for the mode {mode}", found, mode=fitting)
        return
    size = values["size"]
    if size is not None and len(size) not in (1, found.rank - 2):
        yield relations.expects("x", f"a size for each of {found.rank - 2} axes", times(size) or "none", size=None)
        return
    if size is None and any(isinstance(dim, int) and int(dim * values["scale_factor"]) < 1 for dim in found.dims[2:]):
        yield relations.expects("x", f"an input that the factor {values['scale_factor']:g} leaves something of", found)


UPSAMPLE = LayerSpec(
    key="upsample",
    title="Upsample",
    category="shape",
    summary="Makes a signal, picture or volume larger or smaller.",
    help="Enlarges by repeating or by blending neighbours; nothing is learned. Followed by a convolution it is the "
    "calm alternative "
    "to a transposed convolution, without its checkerboards. Factors below 1 shrink.",
    formula=r"y_i = \sum_j w_{i,j} x_j, \quad \text{nearest: } y_i = x_{\lfloor i / s \rfloor}",
    reference=torch_docs("torch.nn.Upsample"),
    keywords=("resize", "interpolate", "enlarge", "scale", "zoom", "decoder", "downsample"),
    parameters=(
        number(
            "scale_factor",
            "Factor",
            2.0,
            "How many times as large it becomes.",
            0.01,
            64.0,
            shown_when=lambda values: values["size"] is None,
        ),
        choice(
            "mode",
            "Mode",
            (
                ("nearest", "nearest", "Repeats the nearest entry."),
                ("linear", "linear", "Blends neighbours of a signal."),
                ("bilinear", "bilinear", "Blends neighbours of a picture."),
                ("bicubic", "bicubic", "Blends a picture more sharply."),
                ("trilinear", "trilinear", "Blends neighbours of a volume."),
                ("area", "area", "Averages what falls together; for shrinking."),
            ),
            "How entries between the known ones are made.",
        ),
        sizes("size", "Size", None, "The new size of each axis, instead of a factor.", none_title="by factor"),
        flag(
            "align_corners",
            "Align corners",
            False,
            "Whether the corners' centres stay in place.",
            advanced=True,
            shown_when=lambda values: values["mode"] in _MODES,
        ),
    ),
    inputs=(Port(name="x", ranks=(3, 4, 5), help="Channels first."),),
    outputs=(Port(name="y", ranks=(3, 4, 5)),),
    call=_upsample_call,
    checks=(_mode_fits,),
    brief=lambda values: brief_of(
        f"× {values['scale_factor']:g}" if values["size"] is None else times(values["size"]), values["mode"]
    ),
)


def _channels_for(values: Values, inputs: Types) -> Iterator[Mismatch]:
    channels, square = inputs["x"].dims[1], values["factor"] ** 2
    if not relations.divisible(channels, square):
        more = -(-channels // square) * square if isinstance(channels, int) else 0
        fixes = (("conv2d", {"filters": more, "kernel_size": (1, 1)}),) if more else ()
        yield relations.expects("x", f"a number of channels that {square} divides", str(channels), *fixes)


PIXEL_SHUFFLE = LayerSpec(
    key="pixel_shuffle",
    title="PixelShuffle",
    category="shape",
    summary="Turns channels into a larger picture.",
    help="Lays groups of channels out as neighbouring pixels: with factor 2, four channels become one of twice the "
    "width and height. "
    "After a convolution it enlarges pictures with learned details (super-resolution).",
    formula=r"y_{c, h f + i, w f + j} = x_{c f^2 + i f + j, h, w}",
    reference=torch_docs("torch.nn.PixelShuffle"),
    keywords=("super resolution", "subpixel", "upsample", "depth to space"),
    parameters=(whole("factor", "Factor", 2, "How many times as wide and high it becomes.", minimum=1, maximum=64),),
    inputs=_IMAGE,
    outputs=_IMAGE_OUT,
    call="F.pixel_shuffle(x, factor)",
    checks=(_channels_for,),
    brief=lambda values: f"× {values['factor']}",
)


def _sides_divide(values: Values, inputs: Types) -> Iterator[Mismatch]:
    found, factor = inputs["x"], values["factor"]
    if not all(relations.divisible(size, factor) for size in found.dims[2:]):
        yield relations.expects("x", f"a height and a width that {factor} divides", found)


PIXEL_UNSHUFFLE = LayerSpec(
    key="pixel_unshuffle",
    title="PixelUnshuffle",
    category="shape",
    summary="Turns blocks of pixels into channels.",
    help="The way back from PixelShuffle: a picture becomes smaller and gets more channels, and no pixel is lost. "
    "Used instead of pooling where nothing may be thrown away.",
    formula=r"y_{c f^2 + i f + j, h, w} = x_{c, h f + i, w f + j}",
    reference=torch_docs("torch.nn.PixelUnshuffle"),
    keywords=("downsample", "space to depth"),
    parameters=(whole("factor", "Factor", 2, "By what width and height are divided.", minimum=1, maximum=64),),
    inputs=_IMAGE,
    outputs=_IMAGE_OUT,
    call="F.pixel_unshuffle(x, factor)",
    checks=(_sides_divide,),
    brief=lambda values: f"÷ {values['factor']}",
)

CHANNEL_SHUFFLE = LayerSpec(
    key="channel_shuffle",
    title="ChannelShuffle",
    category="shape",
    summary="Mixes the order of channels between groups.",
    help="Deals the channels of each group out over all groups, like cards. "
    "Between grouped convolutions it lets the groups see each other (ShuffleNet).",
    formula=r"y_{a g + b} = x_{b k + a}, \quad k = C / g",
    reference=torch_docs("torch.nn.ChannelShuffle"),
    keywords=("shufflenet", "groups", "mobile"),
    parameters=(whole("groups", "Groups", 4, "How many groups the channels are in."),),
    inputs=_IMAGE,
    outputs=_IMAGE_OUT,
    call="F.channel_shuffle(x, groups)",
    checks=(relations.divides("groups", "channels"),),
    shape=Rule.SAME,
    brief=lambda values: f"{values['groups']} groups",
)


UNFOLD = LayerSpec(
    key="unfold",
    title="Unfold",
    category="shape",
    summary="Writes every window of a picture as a column.",
    help="Cuts out the windows that a convolution would see and lays each out as a column of numbers. "
    "Followed by a Transpose it makes patches into the tokens of a transformer.",
    formula=r"N \times C \times H \times W \to N \times (C \cdot k \cdot k) \times L",
    reference=torch_docs("torch.nn.Unfold"),
    keywords=("im2col", "patches", "windows", "tokens"),
    parameters=(
        sizes("kernel_size", "Kernel size", (4, 4), "The window's height and width.", 2),
        sizes("stride", "Stride", (4, 4), "How far the window moves at a time.", 2),
        sizes("padding", "Padding", (0, 0), "Zeros added on both sides.", 2, minimum=0),
        sizes("dilation", "Dilation", (1, 1), "Steps between the window's points.", 2, advanced=True),
    ),
    inputs=_IMAGE,
    outputs=(Port(name="y", ranks=(3,), layout="NCL"),),
    call="F.unfold(x, kernel_size, dilation=dilation, padding=padding, stride=stride)",
    checks=(relations.kernel_fits,),
    brief=lambda values: times(values["kernel_size"]),
)
