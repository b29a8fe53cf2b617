"""Entries picked by index, repeated, cut into windows or read at computed places."""

from __future__ import annotations

from collections.abc import Iterator

from netbuilder.foundation.brief import in_words
from netbuilder.foundation.parameter import Values
from netbuilder.layers import relations
from netbuilder.layers.settings import axis, brief_of, choice, flag, paper, sizes, times, torch_docs, whole
from netbuilder.layers.spec import Dtype, LayerSpec, Mismatch, Port, Types

_ANY = (Port(name="x", dtype=Dtype.ANY),)
_ANY_OUT = (Port(name="y", dtype=Dtype.ANY),)
_TRANSFORMER_PAPER = paper("Spatial Transformer Networks (Jaderberg et al., 2015)", "1506.02025")


def _indices_fit(values: Values, inputs: Types) -> Iterator[Mismatch]:
    x, indices = inputs["x"], inputs["indices"]
    if indices.dtype != "int64":
        yield relations.expects("indices", "indices (int64)", indices.dtype, ("cast", {"dtype": "int64"}))
        return
    if x.rank != indices.rank:
        yield relations.expects("indices", f"as many axes as x ({x})", indices)
        return
    chosen = values["axis"] % x.rank
    for place, (size, wanted) in enumerate(zip(x.dims, indices.dims, strict=True)):
        if place != chosen and not relations.may_equal(size, wanted):
            yield relations.expects("indices", f"the sizes of x ({x}) on every axis but {chosen}", indices)
            return


GATHER = LayerSpec(
    key="gather",
    title="Gather",
    category="shape",
    summary="Picks entries along an axis by their indices.",
    help="For every place the indices say which entry of the axis is taken. With the indices of Sort or TopK it puts "
    "another value into the same order. Gradients flow to what was picked.",
    formula=r"y_{n,i} = x_{n, k_{n,i}}",
    reference=torch_docs("torch.gather"),
    keywords=("index", "pick", "lookup", "take", "select"),
    parameters=(axis(1, "The axis that the indices count along."),),
    inputs=(Port(name="x", dtype=Dtype.ANY), Port(name="indices", dtype=Dtype.INT, help="Which entry, from 0.")),
    outputs=(Port(name="y", dtype=Dtype.ANY),),
    call="x.gather(axis, indices)",
    checks=(relations.axis_exists("axis"), _indices_fit, relations.indices_exist),
    brief=lambda values: f"axis {values['axis']}",
)


def _counts_fit(values: Values, inputs: Types) -> Iterator[Mismatch]:
    found, counts = inputs["x"], values["counts"]
    if len(counts) != found.rank - 1:
        yield relations.expects(
            "x", f"a count for each of {found.rank - 1} axes", times(counts) or "none", counts=(1,) * (found.rank - 1)
        )


TILE = LayerSpec(
    key="tile",
    title="Tile",
    category="shape",
    summary="Lays copies side by side, along each axis.",
    help="Repeats the whole sample like tiles on a floor: 2 along an axis writes it twice, one after the other. Repeat "
    "writes each entry several times instead.",
    formula=r"y_i = x_{i \bmod k}",
    reference=torch_docs("torch.tile"),
    keywords=("repeat", "copy", "duplicate"),
    parameters=(sizes("counts", "Counts", (2,), "How often it is laid along each axis but the batch.", maximum=1000),),
    inputs=_ANY,
    outputs=_ANY_OUT,
    call=lambda values: f"torch.tile(x, {(1, *values['counts'])})",
    checks=(_counts_fit,),
    brief=lambda values: times(values["counts"]),
)


def _grows_from_one(values: Values, inputs: Types) -> Iterator[Mismatch]:
    found = inputs["x"]
    size = found.dims[values["axis"]]
    if size is not None and size != 1:
        ones = [index for index, dim in enumerate(found.dims) if dim == 1 and index]
        fix = {"axis": ones[0]} if ones else {}
        yield relations.expects("x", f"a size of 1 on axis {values['axis']}", found, **fix)


EXPAND = LayerSpec(
    key="expand",
    title="Expand",
    category="shape",
    summary="Stretches an axis of size 1 to any size.",
    help="Writes the one entry of an axis as many times as you say: one vector for every step, one "
    "mask for every head. Add and Multiply do so by themselves.",
    formula=r"y_{n,i} = x_{n,0}, \quad 0 \le i < k",
    reference=torch_docs("torch.repeat_interleave"),
    keywords=("broadcast", "stretch", "repeat"),
    parameters=(
        axis(1, "The axis of size 1."),
        whole("size", "Size", 8, "How many entries it gets.", maximum=100_000),
    ),
    inputs=_ANY,
    outputs=_ANY_OUT,
    call="x.repeat_interleave(size, dim=axis)",
    checks=(relations.axis_exists("axis"), _grows_from_one),
    brief=lambda values: f"axis {values['axis']} × {values['size']}",
)


def _divides_axis(values: Values, inputs: Types) -> Iterator[Mismatch]:
    size, first = inputs["x"].dims[values["axis"]], values["first"]
    if not relations.divisible(size, first):
        yield relations.expects("x", f"a size that {first} divides on axis {values['axis']}", inputs["x"])


UNFLATTEN = LayerSpec(
    key="unflatten",
    title="Unflatten",
    category="shape",
    summary="Splits one axis into two.",
    help="Folds an axis into rows of equal length: features into heads × features a head, a row of pixels into a "
    "picture. The way back is Flatten.",
    formula=r"N \times (a \cdot b) \to N \times a \times b",
    reference=torch_docs("torch.nn.Unflatten"),
    keywords=("split", "heads", "reshape", "view"),
    parameters=(
        axis(1, "The axis that is split."),
        whole("first", "First size", 2, "How many rows it becomes; the second size follows."),
    ),
    inputs=_ANY,
    outputs=_ANY_OUT,
    call="x.unflatten(axis, (first, -1))",
    checks=(relations.axis_exists("axis"), _divides_axis),
    brief=lambda values: f"axis {values['axis']}: {values['first']} × rest",
)


def _two_axes(values: Values, inputs: Types) -> Iterator[Mismatch]:
    if inputs["x"].rank < 3:
        yield relations.expects("x", "at least two axes besides the samples", inputs["x"])


ROTATE = LayerSpec(
    key="rot90",
    title="Rotate90",
    category="shape",
    summary="Turns pictures by quarter turns.",
    help="Turns the last two axes against the clock. Of one picture it makes four, which a network should often treat "
    "alike.",
    formula="y_{h,w} = x_{w, W - 1 - h}",
    reference=torch_docs("torch.rot90"),
    keywords=("rotate", "turn", "augment", "symmetry"),
    parameters=(whole("turns", "Quarter turns", 1, "How often it is turned by 90 degrees.", maximum=3),),
    inputs=_ANY,
    outputs=_ANY_OUT,
    call="torch.rot90(x, turns, (-2, -1))",
    checks=(_two_axes,),
    brief=lambda values: in_words(values, "turns", f"{90 * values['turns']}°"),
)


def _window_fits(values: Values, inputs: Types) -> Iterator[Mismatch]:
    size, length = inputs["x"].dims[values["axis"]], values["length"]
    if isinstance(size, int) and length > size:
        yield relations.expects("x", f"at least {length} entries on axis {values['axis']}", inputs["x"], length=size)


WINDOWS = LayerSpec(
    key="windows",
    title="Windows",
    category="shape",
    summary="Cuts an axis into windows that may overlap.",
    help="Makes of a long sequence many short ones: the axis then counts the windows, and a new last axis the entries "
    "in each. A forecast from the last ten values looks at windows of ten.",
    formula=r"y_{k,i} = x_{k s + i}",
    reference=torch_docs("torch.Tensor.unfold"),
    keywords=("unfold", "sliding", "frames", "time series", "chunks"),
    parameters=(
        axis(1, "The axis that is cut."),
        whole("length", "Length", 4, "How many entries a window holds."),
        whole("step", "Step", 2, "How far the window moves at a time."),
    ),
    inputs=_ANY,
    outputs=_ANY_OUT,
    call="x.unfold(axis, length, step)",
    checks=(relations.axis_exists("axis"), _window_fits),
    brief=lambda values: f"{values['length']}, step {values['step']}",
)


def _columns_fit(values: Values, inputs: Types) -> Iterator[Mismatch]:
    found, kernel = inputs["x"], values["kernel_size"]
    spans = [
        size + 2 * padding - dilation * (window - 1) - 1
        for size, window, stride, padding, dilation in zip(
            values["output_size"], kernel, values["stride"], values["padding"], values["dilation"], strict=True
        )
    ]
    if min(spans) < 0:
        yield relations.expects("x", "an output that a window fits into", times(values["output_size"]))
        return
    count = (spans[0] // values["stride"][0] + 1) * (spans[1] // values["stride"][1] + 1)
    if not relations.divisible(found.dims[1], kernel[0] * kernel[1]):
        yield relations.expects("x", f"a number of rows that {kernel[0] * kernel[1]} (the window) divides", found)
    elif isinstance(found.dims[2], int) and found.dims[2] != count:
        yield relations.expects("x", f"{count} windows on axis 2 for this output size", found)


FOLD = LayerSpec(
    key="fold",
    title="Fold",
    category="shape",
    summary="Lays columns back as windows of a picture: the way back from Unfold.",
    help="Puts each column at its window's place and adds where windows overlap. Patches that a transformer worked on "
    "become a picture again.",
    formula=r"N \times (C \cdot k \cdot k) \times L \to N \times C \times H \times W",
    reference=torch_docs("torch.nn.Fold"),
    keywords=("col2im", "patches", "windows", "unpatch"),
    parameters=(
        sizes("output_size", "Output size", (12, 12), "The picture's height and width.", 2, maximum=100_000),
        sizes("kernel_size", "Kernel size", (4, 4), "The window's height and width.", 2),
        sizes("stride", "Stride", (4, 4), "How far the window moves at a time.", 2),
        sizes("padding", "Padding", (0, 0), "Zeros that Unfold added on both sides.", 2, minimum=0),
        sizes("dilation", "Dilation", (1, 1), "Steps between the window's points.", 2, advanced=True),
    ),
    inputs=(Port(name="x", ranks=(3,), layout="NCL"),),
    outputs=(Port(name="y", ranks=(4,), layout="NCHW"),),
    call="F.fold(x, output_size, kernel_size, dilation=dilation, padding=padding, stride=stride)",
    checks=(_columns_fit,),
    brief=lambda values: times(values["output_size"]),
)


def _grid_fits(values: Values, inputs: Types) -> Iterator[Mismatch]:
    x, grid = inputs["x"], inputs["grid"]
    if not relations.may_equal(x.dims[0], grid.dims[0]) or grid.dims[3] not in (2, None):
        yield relations.expects("grid", "N × height × width × 2", grid)


GRID_SAMPLE = LayerSpec(
    key="grid_sample",
    title="GridSample",
    category="shape",
    summary="Reads a picture at places that the network computed.",
    help="Every pixel of the result says where in the picture it is taken from, in coordinates from -1 (left, top) to "
    "1 (right, bottom). Spatial transformers turn and zoom with it, and optical flow moves pixels.",
    formula="y_{h,w} = x(g_{h,w})",
    reference=_TRANSFORMER_PAPER,
    keywords=("warp", "spatial transformer", "flow", "interpolate", "coordinates"),
    parameters=(
        choice(
            "mode",
            "Mode",
            (
                ("bilinear", "bilinear", "Blends the four nearest pixels."),
                ("nearest", "nearest", "Takes the nearest pixel; the places do not learn."),
            ),
            "How values between pixels are made.",
        ),
        flag("align_corners", "Align corners", False, "Whether -1 and 1 are centres of pixels.", advanced=True),
    ),
    inputs=(
        Port(name="x", ranks=(4,), layout="NCHW"),
        Port(name="grid", ranks=(4,), help="N × height × width × 2: where each pixel comes from."),
    ),
    outputs=(Port(name="y", ranks=(4,), layout="NCHW"),),
    call="F.grid_sample(x, grid, mode=mode, align_corners=align_corners)",
    checks=(_grid_fits,),
)


def _two_by_three(values: Values, inputs: Types) -> Iterator[Mismatch]:
    found = inputs["x"]
    if not relations.may_equal(found.dims[1], 2) or not relations.may_equal(found.dims[2], 3):
        yield relations.expects("x", "N × 2 × 3 numbers", found)


AFFINE_GRID = LayerSpec(
    key="affine_grid",
    title="AffineGrid",
    category="shape",
    summary="Turns six numbers a sample into places for GridSample.",
    help="The numbers turn, zoom, shear and shift: a small network that predicts them learns to look at the right part "
    "of a picture (spatial transformer).",
    formula=r"g_{h,w} = \theta (w, h, 1)^{\top}",
    reference=_TRANSFORMER_PAPER,
    keywords=("spatial transformer", "rotate", "zoom", "crop", "coordinates"),
    parameters=(
        sizes("size", "Size", (16, 16), "Height and width of what will be read.", 2, maximum=100_000),
        flag("align_corners", "Align corners", False, "Whether -1 and 1 are centres of pixels.", advanced=True),
    ),
    inputs=(Port(name="x", ranks=(3,), help="N × 2 × 3."),),
    outputs=(Port(name="y", ranks=(4,), help="N × height × width × 2."),),
    call=lambda values: (
        f"F.affine_grid(x, (x.shape[0], 1, {values['size'][0]}, {values['size'][1]}), align_corners=align_corners)"
    ),
    checks=(_two_by_three,),
    brief=lambda values: brief_of(times(values["size"])),
)

ADD_COORDINATES = LayerSpec(
    key="add_coordinates",
    title="AddCoordinates",
    category="convolution",
    summary="Adds two channels that say where each pixel is.",
    help="A convolution does not know where in the picture it is. With the height and the width of each pixel, from -1 "
    "to 1, as two more channels, it can learn to (CoordConv).",
    formula=r"N \times C \times H \times W \to N \times (C + 2) \times H \times W",
    reference=paper("CoordConv (Liu et al., 2018)", "1807.03247"),
    keywords=("coordconv", "position", "coordinates", "place"),
    inputs=(Port(name="x", ranks=(4,), layout="NCHW"),),
    outputs=(Port(name="y", ranks=(4,), layout="NCHW"),),
    call="torch.cat([x, torch.linspace(-1, 1, x.shape[2], device=x.device).reshape(1, 1, -1, 1)"
    ".expand(x.shape[0], 1, x.shape[2], x.shape[3]), torch.linspace(-1, 1, x.shape[3], device=x.device)"
    ".expand(x.shape[0], 1, x.shape[2], x.shape[3])], dim=1)",
)
