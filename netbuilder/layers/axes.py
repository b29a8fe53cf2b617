"""Layers that rearrange axes and change no number."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from netbuilder.foundation.parameter import Values
from netbuilder.layers import relations
from netbuilder.layers.settings import axis, sizes, times, torch_docs, whole
from netbuilder.layers.spec import Dtype, LayerSpec, Mismatch, Port, Rule, Types

ANY = (Port(name="x", dtype=Dtype.ANY),)
ANY_OUT = (Port(name="y", dtype=Dtype.ANY),)


def _flatten_range(values: Values, inputs: Types) -> Iterator[Mismatch]:
    rank = inputs["x"].rank
    if values["start_axis"] >= rank:
        yield relations.expects(
            "x", f"at least {values['start_axis'] + 1} axes", inputs["x"], **({"start_axis": 1} if rank > 1 else {})
        )


FLATTEN = LayerSpec(
    key="flatten",
    title="Flatten",
    category="shape",
    summary="Lays all axes of a sample out in one row.",
    help="Turns each sample, such as an image of channels × height × width, into one row of features. "
    "It stands between the convolutions, which need the picture's shape, and the linear layers, which need rows.",
    formula=r"N \times C \times H \times W \to N \times (C \cdot H \cdot W)",
    reference=torch_docs("torch.flatten"),
    keywords=("row", "vector", "unroll", "features"),
    parameters=(
        whole(
            "start_axis", "First axis", 1, "The first axis to be merged with those after it.", maximum=7, advanced=True
        ),
    ),
    inputs=ANY,
    outputs=ANY_OUT,
    call="torch.flatten(x, start_axis)",
    checks=(_flatten_range,),
)


def _reshape_call(values: Values) -> str:
    return f"x.reshape({', '.join(['x.shape[0]', *map(str, values['shape'])])})"


def _reshape_fits(values: Values, inputs: Types) -> Iterator[Mismatch]:
    shape, found = values["shape"], inputs["x"]
    if 0 in shape or shape.count(-1) > 1:
        yield relations.settings_clash(
            "x", "sizes of at least 1, and -1 (the rest) at most once", times(shape), shape=(-1,)
        )
        return
    have, want = found.elements, prod(size for size in shape if size != -1)
    if have is not None and (have % want if -1 in shape else have != want):
        amount = f"a multiple of {want}" if -1 in shape else str(want)
        yield Mismatch(
            port="x",
            message=f"expects {amount} numbers a sample for the shape {times(shape)}, got {have} ({found})",
            expected=f"{want} numbers",
            found=str(have),
            set={"shape": _filled(shape, have)},
        )


def _filled(shape: tuple[int, ...], count: int) -> tuple[int, ...]:
    """Return a shape for `count` numbers that differs in one size, the last that can; else all in one row."""
    for index in reversed(range(len(shape))):
        rest = prod(size for place, size in enumerate(shape) if place != index and size != -1)
        if rest and count % rest == 0 and -1 not in shape:
            return (*shape[:index], count // rest, *shape[index + 1 :])
    return (-1,)


RESHAPE = LayerSpec(
    key="reshape",
    title="Reshape",
    category="shape",
    summary="Gives each sample a new shape with the same numbers.",
    help="Reads the numbers of a sample in order and fills them into the new shape; the batch stays. "
    "-1 stands for whatever is left over. To swap axes use Permute: reshaping would mix them up.",
    formula=r"N \times \dots \to N \times \text{shape}",
    reference=torch_docs("torch.reshape"),
    keywords=("view", "unflatten", "size"),
    parameters=(
        sizes("shape", "Shape", (-1,), "One sample's new sizes, without the batch; -1 takes what is left.", minimum=-1),
    ),
    inputs=ANY,
    outputs=ANY_OUT,
    call=_reshape_call,
    checks=(_reshape_fits,),
    brief=lambda values: times(values["shape"]).replace("-1", "rest"),
)


def _permute_call(values: Values) -> str:
    return f"x.permute({', '.join(map(str, (0, *values['order'])))})"


def _permute_complete(values: Values, inputs: Types) -> Iterator[Mismatch]:
    rank = inputs["x"].rank
    if sorted(values["order"]) != list(range(1, rank)):
        yield relations.settings_clash(
            "x",
            f"each axis from 1 to {rank - 1} once",
            ", ".join(map(str, values["order"])) or "none",
            order=tuple(range(rank - 1, 0, -1)),
        )


PERMUTE = LayerSpec(
    key="permute",
    title="Permute",
    category="shape",
    summary="Puts the axes of a sample into another order.",
    help="Reorders the axes: the order 2, 1 turns N × time × features into N × features × time, "
    "which is what a Conv1d wants. The batch stays first.",
    formula=r"y_{n, i_{\pi(1)}, \dots} = x_{n, i_1, \dots}",
    reference=torch_docs("torch.permute"),
    keywords=("transpose", "swap", "channels last", "order"),
    parameters=(sizes("order", "Order", (2, 1), "Which axis comes at each place, the batch (0) left out.", maximum=7),),
    inputs=ANY,
    outputs=ANY_OUT,
    call=_permute_call,
    checks=(_permute_complete,),
    brief=lambda values: ", ".join(map(str, values["order"])),
)

TRANSPOSE = LayerSpec(
    key="transpose",
    title="Transpose",
    category="shape",
    summary="Swaps two axes.",
    help="Exchanges two axes and leaves the others. Between a convolution (N × channels × length) "
    "and a recurrent layer or attention (N × time × features) it swaps axes 1 and 2.",
    formula=r"y_{\dots j \dots i \dots} = x_{\dots i \dots j \dots}",
    reference=torch_docs("torch.transpose"),
    keywords=("swap", "permute", "axes"),
    parameters=(
        axis(1, "The axis that changes places with the second; 0 is the batch.", "first", "First axis"),
        axis(2, "The axis that it changes places with; -1 is the last.", "second", "Second axis"),
    ),
    inputs=ANY,
    outputs=ANY_OUT,
    call="x.transpose(first, second)",
    checks=(relations.axis_exists("first", "second"),),
    brief=lambda values: f"{values['first']} ↔ {values['second']}",
)


def _axis_is_one(values: Values, inputs: Types) -> Iterator[Mismatch]:
    found = inputs["x"]
    size = found.dims[values["axis"]]
    if size is not None and size != 1:
        ones = [index for index, dim in enumerate(found.dims) if dim == 1 and index]
        fix = {"axis": ones[0]} if ones else {}
        yield relations.expects("x", f"a size of 1 on axis {values['axis']}", found, **fix)


SQUEEZE = LayerSpec(
    key="squeeze",
    title="Squeeze",
    category="shape",
    summary="Drops an axis of size 1.",
    help="Removes an axis that holds only one entry: N × 1 becomes N, as a regression loss wants it for targets of "
    "one number a sample.",
    formula=r"N \times 1 \times F \to N \times F",
    reference=torch_docs("torch.squeeze"),
    keywords=("drop", "remove axis"),
    parameters=(axis(1, "The axis to drop; its size must be 1."),),
    inputs=ANY,
    outputs=ANY_OUT,
    call="x.squeeze(axis)",
    checks=(relations.axis_exists("axis"), _axis_is_one),
    brief=lambda values: f"axis {values['axis']}",
)

UNSQUEEZE = LayerSpec(
    key="unsqueeze",
    title="Unsqueeze",
    category="shape",
    summary="Adds an axis of size 1.",
    help="Inserts an axis with one entry. Pictures without a channel axis (N × height × width) become N × 1 × height "
    "× width, as convolutions want them.",
    formula=r"N \times F \to N \times 1 \times F",
    reference=torch_docs("torch.unsqueeze"),
    keywords=("add axis", "expand", "channel"),
    parameters=(axis(1, "Where the new axis comes."),),
    inputs=ANY,
    outputs=ANY_OUT,
    call="x.unsqueeze(axis)",
    checks=(relations.axis_exists("axis", extra=1),),
    brief=lambda values: f"axis {values['axis']}",
)

IMAGE_TO_SEQUENCE = LayerSpec(
    key="image_to_sequence",
    title="ImageToSequence",
    category="shape",
    summary="Makes each place of an image a step of a sequence.",
    help="Turns N × channels × height × width into N × places × channels: each pixel, or patch after a strided "
    "convolution, becomes a token. "
    "It stands between convolutions and attention, as in a vision transformer.",
    formula=r"y_{h W + w, c} = x_{c, h, w}",
    reference=torch_docs("torch.flatten"),
    keywords=("tokens", "patches", "vit", "vision transformer", "flatten"),
    inputs=(Port(name="x", dtype=Dtype.ANY, ranks=(4,), layout="NCHW"),),
    outputs=(Port(name="y", dtype=Dtype.ANY, ranks=(3,), layout="NTF"),),
    call="x.flatten(2).transpose(1, 2)",
)


def _places_fit(values: Values, inputs: Types) -> Iterator[Mismatch]:
    steps = inputs["x"].dims[1]
    if not relations.divisible(steps, values["height"]):
        yield relations.expects("x", f"a number of steps that the height {values['height']} divides", str(steps))


SEQUENCE_TO_IMAGE = LayerSpec(
    key="sequence_to_image",
    title="SequenceToImage",
    category="shape",
    summary="Lays the steps of a sequence out as an image.",
    help="The way back from ImageToSequence: N × places × channels becomes N × channels × height × width, row after "
    "row.",
    formula=r"y_{c, h, w} = x_{h W + w, c}",
    reference=torch_docs("torch.unflatten"),
    keywords=("tokens", "patches", "unflatten"),
    parameters=(whole("height", "Height", 8, "How many rows the image has; the width follows."),),
    inputs=(Port(name="x", dtype=Dtype.ANY, ranks=(3,), layout="NTF"),),
    outputs=(Port(name="y", dtype=Dtype.ANY, ranks=(4,), layout="NCHW"),),
    call="x.transpose(1, 2).unflatten(2, (height, -1))",
    checks=(_places_fit,),
    brief=lambda values: f"{values['height']} rows",
)

IDENTITY = LayerSpec(
    key="identity",
    title="Identity",
    category="shape",
    summary="Gives what it gets.",
    help="Changes nothing. Use it as a named place in the network: to watch a value, to hold the end of a shortcut, "
    "or to "
    "keep a gap that another layer will fill.",
    formula="y = x",
    reference=torch_docs("torch.nn.Identity"),
    keywords=("nothing", "pass", "no-op", "placeholder"),
    inputs=ANY,
    outputs=ANY_OUT,
    make="nn.Identity()",
    shape=Rule.SAME,
)
