"""Blocks of convolutional networks."""

from __future__ import annotations

from drawn_blocks.drawing import Drawing, formula, whole
from netbuilder.document.model import Definition, PortRef

_IMAGE = (64, 16, 16)
_RESNET = "Deep Residual Learning for Image Recognition (He et al., 2015), arXiv:1512.03385"
_STRIDE = whole("stride", 2, "Every how many pixels the block looks: 2 halves height and width.", maximum=8)


def _norm_act(drawing: Drawing, source: PortRef, name: str, act: str = "relu") -> PortRef:
    return drawing.add(act, f"act_{name}", drawing.add("batch_norm2d", f"norm_{name}", source))


def _conv(drawing: Drawing, source: PortRef, name: str, filters: str, size: int = 3, **values: object) -> PortRef:
    """Add a convolution without a bias, which the normalization after it would only undo."""
    return drawing.add("conv2d", name, source, filters=formula(filters), kernel_size=(size, size), bias=False, **values)


def residual() -> Definition:
    """Return the basic residual block that keeps its input's size."""
    d = Drawing(
        "residual",
        "Residual block",
        "Two 3×3 convolutions with a shortcut around them: the block learns what to add to its input, so that a "
        "hundred of them can be stacked and still be trained. It keeps the number of channels; where that or the size "
        "changes use Residual block (down).",
        _RESNET,
        whole("filters", 64, "How many channels the block has; as many as its input."),
    )
    x = d.enter(dims=_IMAGE)
    h = _norm_act(d, _conv(d, x, "conv_1", "filters"), "1")
    h = d.add("batch_norm2d", "norm_2", _conv(d, h, "conv_2", "filters"))
    d.leave(d.add("relu", "act_2", d.add("add", "added", h, x)))
    return d.done()


def residual_down() -> Definition:
    """Return the basic residual block with a projection in its shortcut."""
    d = Drawing(
        "residual_down",
        "Residual block (down)",
        "A residual block that changes the number of channels, and halves height and width: its shortcut is a 1×1 "
        "convolution. Begin each stage of a residual network with one.",
        _RESNET,
        whole("filters", 128, "How many channels the block gives."),
        _STRIDE,
    )
    x = d.enter(dims=_IMAGE)
    h = _norm_act(d, _conv(d, x, "conv_1", "filters", stride=formula("stride")), "1")
    h = d.add("batch_norm2d", "norm_2", _conv(d, h, "conv_2", "filters"))
    s = d.add("batch_norm2d", "norm_shortcut", _conv(d, x, "shortcut", "filters", 1, stride=formula("stride")))
    d.leave(d.add("relu", "act_2", d.add("add", "added", h, s)))
    return d.done()


def _bottleneck(key: str, title: str, description: str, down: bool) -> Definition:
    parameters = [
        whole("filters", 64, "How many channels the narrow middle has."),
        whole("expansion", 4, "How many times more channels the block gives than its middle has.", maximum=64),
    ]
    d = Drawing(key, title, description, _RESNET, *parameters, *([_STRIDE] if down else []))
    x = d.enter(dims=(256, 16, 16))
    stride = {"stride": formula("stride")} if down else {}
    h = _norm_act(d, _conv(d, x, "reduce", "filters", 1), "1")
    h = _norm_act(d, _conv(d, h, "conv", "filters", **stride), "2")
    h = d.add("batch_norm2d", "norm_3", _conv(d, h, "widen", "filters * expansion", 1))
    s = x
    if down:
        s = d.add("batch_norm2d", "norm_shortcut", _conv(d, x, "shortcut", "filters * expansion", 1, **stride))
    d.leave(d.add("relu", "act_3", d.add("add", "added", h, s)))
    return d.done()


def bottleneck() -> Definition:
    """Return the bottleneck block that keeps its input's size."""
    return _bottleneck(
        "bottleneck",
        "Bottleneck block",
        "A residual block for deep networks: 1×1 to few channels, 3×3 there, 1×1 back to many. Its input has filters × "
        "expansion channels; where it has not, use Bottleneck block (down).",
        down=False,
    )


def bottleneck_down() -> Definition:
    """Return the bottleneck block with a projection in its shortcut."""
    return _bottleneck(
        "bottleneck_down",
        "Bottleneck block (down)",
        "A bottleneck block that changes the number of channels, and the size by its stride: its shortcut is a 1×1 "
        "convolution.",
        down=True,
    )


def squeeze_excitation() -> Definition:
    """Return squeeze-and-excitation."""
    d = Drawing(
        "squeeze_excitation",
        "Squeeze and excitation",
        "Looks at the mean of every channel and decides how much each of them matters for this very image: two small "
        "linear layers give a factor between 0 and 1 for every channel.",
        "Squeeze-and-Excitation Networks (Hu et al., 2017), arXiv:1709.01507",
        whole("channels", 64, "How many channels its input has."),
        whole("reduction", 16, "How many times fewer units the middle has.", maximum=1024),
    )
    x = d.enter(dims=_IMAGE)
    h = d.add("global_avg_pool", "squeeze", x)
    h = d.add("relu", "act", d.add("linear", "reduce", h, units=formula("max(channels // reduction, 1)")))
    h = d.add("sigmoid", "gate", d.add("linear", "excite", h, units=formula("channels")))
    h = d.add("reshape", "spread", h, shape=(-1, 1, 1))
    d.leave(d.add("multiply", "scaled", x, h))
    return d.done()


def inception() -> Definition:
    """Return an inception block with reductions."""
    d = Drawing(
        "inception",
        "Inception block",
        "Looks at its input through windows of four kinds at once (1×1, 3×3, 5×5, and a pooling) and puts what they "
        "found side by side: the network chooses for itself which sizes matter.",
        "Going Deeper with Convolutions (Szegedy et al., 2014), arXiv:1409.4842",
        whole("ones", 64, "Channels of the 1×1 branch."),
        whole("threes_reduced", 96, "Channels before the 3×3 convolution."),
        whole("threes", 128, "Channels of the 3×3 branch."),
        whole("fives_reduced", 16, "Channels before the 5×5 convolution."),
        whole("fives", 32, "Channels of the 5×5 branch."),
        whole("pooled", 32, "Channels of the pooling branch."),
    )
    x = d.enter(dims=(192, 16, 16))

    def branch(source: PortRef, name: str, filters: str, size: int) -> PortRef:
        return _norm_act(d, _conv(d, source, f"conv_{name}", filters, size), name)

    parts = [
        branch(x, "ones", "ones", 1),
        branch(branch(x, "before_threes", "threes_reduced", 1), "threes", "threes", 3),
        branch(branch(x, "before_fives", "fives_reduced", 1), "fives", "fives", 5),
    ]
    pool = d.add("max_pool2d", "pool", x, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
    parts.append(branch(pool, "pooled", "pooled", 1))
    d.leave(d.add("concat", "side_by_side", *parts, axis=1, inputs=4))
    return d.done()


def dense_layer() -> Definition:
    """Return one layer of a dense block."""
    d = Drawing(
        "dense_layer",
        "Dense layer",
        "Adds some channels to those that are there: what it finds is laid beside its input, so that every later layer "
        "still sees everything before it. Repeat it to get a dense block.",
        "Densely Connected Convolutional Networks (Huang et al., 2016), arXiv:1608.06993",
        whole("growth", 32, "How many channels it adds."),
        whole("widening", 4, "How many times more channels its 1×1 convolution gives than it adds.", maximum=64),
    )
    x = d.enter(dims=_IMAGE)
    h = _conv(d, _norm_act(d, x, "1"), "reduce", "growth * widening", 1)
    h = _conv(d, _norm_act(d, h, "2"), "conv", "growth")
    d.leave(d.add("concat", "joined", x, h, axis=1))
    return d.done()


def dense_block(layer: Definition) -> Definition:
    """Return a dense block."""
    d = Drawing(
        "dense_block",
        "Dense block",
        "Several dense layers in a row: each sees the channels of all before it and adds some of its own.",
        "Densely Connected Convolutional Networks (Huang et al., 2016), arXiv:1608.06993",
        whole("growth", 32, "How many channels each layer adds."),
        whole("depth", 4, "How many layers.", maximum=200),
    )
    x = d.enter(dims=_IMAGE)
    d.leave(d.block(layer, "layers", x, growth=formula("growth"), repeat=formula("depth")))
    return d.done()


def depthwise_separable() -> Definition:
    """Return a depthwise separable convolution."""
    d = Drawing(
        "depthwise_separable",
        "Depthwise separable convolution",
        "First filters every channel by itself, then mixes the channels pixel by pixel: nearly as good as a full "
        "convolution with about a ninth of the work.",
        "MobileNets (Howard et al., 2017), arXiv:1704.04861",
        whole("channels", 64, "How many channels its input has."),
        whole("filters", 128, "How many channels it gives."),
        whole("stride", 1, "Every how many pixels it looks.", maximum=8),
    )
    x = d.enter(dims=_IMAGE)
    h = _conv(d, x, "depthwise", "channels", stride=formula("stride"), groups=formula("channels"))
    h = _conv(d, _norm_act(d, h, "1"), "pointwise", "filters", 1)
    d.leave(_norm_act(d, h, "2"))
    return d.done()


def _inverted(key: str, title: str, description: str, shortcut: bool) -> Definition:
    parameters = [whole("channels", 32, "How many channels its input has.")]
    if not shortcut:
        parameters += [
            whole("filters", 64, "How many channels it gives."),
            whole("stride", 2, "Every how many pixels it looks.", maximum=8),
        ]
    d = Drawing(
        key,
        title,
        description,
        "MobileNetV2: Inverted Residuals and Linear Bottlenecks (Sandler et al., 2018), arXiv:1801.04381",
        *parameters,
        whole("expansion", 6, "How many times more channels its middle has.", maximum=64),
    )
    x = d.enter(dims=(32, 16, 16))
    inner = "channels * expansion"
    stride = {} if shortcut else {"stride": formula("stride")}
    h = _norm_act(d, _conv(d, x, "widen", inner, 1), "1", "relu6")
    h = _norm_act(d, _conv(d, h, "depthwise", inner, groups=formula(inner), **stride), "2", "relu6")
    h = d.add("batch_norm2d", "norm_3", _conv(d, h, "narrow", "channels" if shortcut else "filters", 1))
    d.leave(d.add("add", "added", h, x) if shortcut else h)
    return d.done()


def inverted_residual() -> Definition:
    """Return the inverted residual block with its shortcut."""
    return _inverted(
        "inverted_residual",
        "Inverted residual block",
        "Widens its input, filters every channel by itself, narrows again, and adds the input: a residual block whose "
        "shortcut joins the narrow ends. Phones see with it.",
        shortcut=True,
    )


def inverted_down() -> Definition:
    """Return the inverted residual block that changes sizes, without a shortcut."""
    return _inverted(
        "inverted_down",
        "Inverted residual block (down)",
        "An inverted residual block that changes the number of channels and the size: it has no shortcut.",
        shortcut=False,
    )


def double_conv() -> Definition:
    """Return two convolutions as U-Net has them."""
    d = Drawing(
        "double_conv",
        "Double convolution",
        "Two 3×3 convolutions, each normalized and rectified: what a U-Net has at every level.",
        "U-Net (Ronneberger et al., 2015), arXiv:1505.04597",
        whole("filters", 64, "How many channels it gives."),
    )
    x = d.enter(dims=_IMAGE)
    h = _norm_act(d, _conv(d, x, "conv_1", "filters"), "1")
    d.leave(_norm_act(d, _conv(d, h, "conv_2", "filters"), "2"))
    return d.done()


def unet_down(double: Definition) -> Definition:
    """Return a U-Net's way down."""
    d = Drawing(
        "unet_down",
        "U-Net down",
        "One level down in a U-Net: halves height and width, then looks twice. Keep its output for the way up.",
        "U-Net (Ronneberger et al., 2015), arXiv:1505.04597",
        whole("filters", 128, "How many channels it gives."),
    )
    x = d.enter(dims=_IMAGE)
    d.leave(d.block(double, "convs", d.add("max_pool2d", "halve", x), filters=formula("filters")))
    return d.done()


def unet_up(double: Definition) -> Definition:
    """Return a U-Net's way up."""
    d = Drawing(
        "unet_up",
        "U-Net up",
        "One level up in a U-Net: doubles height and width, lays what was seen at this level on the way down beside "
        "it, and looks twice.",
        "U-Net (Ronneberger et al., 2015), arXiv:1505.04597",
        whole("filters", 64, "How many channels it gives."),
    )
    x = d.enter(dims=(128, 8, 8))
    skip = d.enter("skip", dims=_IMAGE)
    h = d.add("conv_transpose2d", "enlarge", x, filters=formula("filters"))
    h = d.add("concat", "joined", skip, h, axis=1)
    d.leave(d.block(double, "convs", h, filters=formula("filters")))
    return d.done()


_LAYER = dense_layer()
_DOUBLE = double_conv()

CONVOLUTION = (
    residual(),
    residual_down(),
    bottleneck(),
    bottleneck_down(),
    squeeze_excitation(),
    inception(),
    _LAYER,
    dense_block(_LAYER),
    depthwise_separable(),
    inverted_residual(),
    inverted_down(),
    _DOUBLE,
    unet_down(_DOUBLE),
    unet_up(_DOUBLE),
)
"""The blocks of this module."""
