"""Operations on whole tensors, the batch axis included: what imported networks are made of where nothing simpler fits.

Drawn networks keep the samples on axis 0, and the layers elsewhere see to it. These do not: they hold fixed tables,
fold windows of a picture into the batch, and move the batch to another place and back.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from netbuilder.foundation.brief import in_words
from netbuilder.foundation.parameter import Values
from netbuilder.layers import relations
from netbuilder.layers.settings import LARGEST, axis, brief_of, choice, number, sizes, times, torch_docs
from netbuilder.layers.spec import SCALES, Dtype, LayerSpec, Mismatch, Port, Types
from netbuilder.layers.tensor import TensorType

_ANY = Port(name="x", dtype=Dtype.ANY)
_ANY_OUT = (Port(name="y", dtype=Dtype.ANY),)
_DIMS = sizes(
    "dims",
    "Shape",
    (1, 8),
    "All sizes, the first axis included; 1 there holds the same for every sample.",
    minimum=0,
    maximum=100_000_000,
)
_DTYPES = {"float32": Dtype.FLOAT, "int64": Dtype.INT, "bool": Dtype.BOOL}


def _tensor_type(values: Values, inputs: Types) -> Types:
    return {"y": TensorType(tuple(values["dims"]), values.get("dtype", "float32"))}


def _fixed_outputs(values: Values) -> tuple[Port, ...]:
    return (Port(name="y", dtype=_DTYPES[values["dtype"]]),)


_FIXED = '''class FixedTensor(nn.Module):
    """Gives the same numbers always; training does not change them."""

    def __init__(self, dims: tuple[int, ...], dtype: torch.dtype, start: float, step: float) -> None:
        super().__init__()
        count = math.prod(dims)
        self.register_buffer("value", (start + step * torch.arange(count)).to(dtype).reshape(dims))

    def forward(self) -> Tensor:
        return self.value
'''

FIXED_TENSOR = LayerSpec(
    key="fixed_tensor",
    title="FixedTensor",
    category="mathematics",
    summary="A fixed table of numbers of any shape.",
    help="Holds numbers that no input and no training changes: positions, masks, tables of indices. It begins as a "
    "row of equally spaced numbers; imported networks bring their own.",
    formula="y = c",
    reference=torch_docs("torch.nn.Buffer"),
    keywords=("buffer", "constant", "arange", "range", "mask", "table"),
    parameters=(
        _DIMS,
        choice(
            "dtype",
            "Kind of values",
            (
                ("float32", "numbers", "32-bit floating point."),
                ("int64", "whole numbers", "Indices."),
                ("bool", "true or false", "Masks."),
            ),
            "What the values are.",
        ),
        number("start", "First", 0.0, "The first number."),
        number("step", "Step", 0.0, "How much larger each next number is."),
    ),
    inputs=(),
    outputs=_fixed_outputs,
    make=lambda values: f"FixedTensor(dims, torch.{values['dtype']}, start, step)",
    call="me()",
    shape=_tensor_type,
    support=_FIXED,
    brief=lambda values: times(values["dims"]) or in_words(values, "dims", "one number"),
)

_LEARNED = '''class LearnedTensor(nn.Module):
    """Gives learned numbers that depend on no input."""

    def __init__(self, dims: tuple[int, ...], std: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(dims) * std)

    def forward(self) -> Tensor:
        return self.weight
'''

LEARNED_TENSOR = LayerSpec(
    key="learned_tensor",
    title="LearnedTensor",
    category="mathematics",
    summary="Learned numbers of any shape that depend on no input.",
    help="A free parameter, given as it is: with a first size of 1 it serves every sample alike. LearnedConstant "
    "gives one copy a sample.",
    formula="y = W",
    reference=torch_docs("torch.nn.parameter.Parameter"),
    keywords=("parameter", "free", "learnable", "table", "bias"),
    parameters=(_DIMS, number("std", "Start", 0.02, "How far they are from 0 before training.", 0.0, 100.0), *SCALES),
    inputs=(),
    make="LearnedTensor(dims, std)",
    call="me()",
    shape=_tensor_type,
    weights=("weight",),
    support=_LEARNED,
    brief=lambda values: times(values["dims"]) or in_words(values, "dims", "one number"),
)


def _view_fits(values: Values, inputs: Types) -> Iterator[Mismatch]:
    shape, found = values["shape"], inputs["x"]
    if shape.count(-1) > 1:
        yield relations.expects("x", "-1 (the rest) at most once", times(shape))
        return
    if 0 in shape:
        yield relations.expects("x", "sizes of at least 1, or -1 (the rest)", times(shape))
        return
    have = prod(dim for dim in found.dims if isinstance(dim, int))
    want = prod(size for size in shape if size != -1)
    varying = [dim for dim in found.dims if not isinstance(dim, int)]
    if varying and -1 not in shape:
        yield relations.expects("x", "-1 in the shape, since the size of the input varies", times(shape) or "none")
    elif len(varying) <= 1 and (have % want if -1 in shape else have != want):
        each = sum(dim.factor for dim in varying if dim is not None and not dim.offset)
        if not varying or have * each % want:
            yield relations.expects("x", f"a multiple of {want} numbers for the shape {times(shape)}", found)


VIEW = LayerSpec(
    key="view",
    title="View",
    category="shape",
    summary="Gives the whole batch a new shape with the same numbers.",
    help="Like Reshape, but the batch axis takes part: windows of a picture become samples of their own, or the other "
    "way round. -1 stands for whatever is left over.",
    formula=r"N \times \dots \to \text{shape}",
    reference=torch_docs("torch.Tensor.view"),
    keywords=("reshape", "size", "window", "merge", "batch"),
    parameters=(
        sizes(
            "shape",
            "Shape",
            (-1, 8),
            "All new sizes, the first axis included; -1 takes what is left.",
            minimum=-1,
            maximum=100_000_000,
        ),
    ),
    inputs=(_ANY,),
    outputs=_ANY_OUT,
    call=lambda values: f"x.reshape({', '.join(map(str, values['shape'])) or '()'})",
    checks=(_view_fits,),
    brief=lambda values: times(values["shape"]).replace("-1", "rest"),
)


def _order_complete(values: Values, inputs: Types) -> Iterator[Mismatch]:
    rank = inputs["x"].rank
    if sorted(values["order"]) != list(range(rank)):
        shown = ", ".join(map(str, values["order"])) or "none"
        yield relations.expects("x", f"each axis from 0 to {rank - 1} once", shown, order=tuple(range(rank)))


PERMUTE_AXES = LayerSpec(
    key="permute_axes",
    title="PermuteAxes",
    category="shape",
    summary="Puts all axes into another order, the batch's too.",
    help="Like Permute, but the batch axis may move. Networks that read sequences time first, and attention that keeps "
    "query, key and value on an axis of their own, are written like this.",
    formula=r"y_{i_{\pi(0)}, i_{\pi(1)}, \dots} = x_{i_0, i_1, \dots}",
    reference=torch_docs("torch.permute"),
    keywords=("transpose", "swap", "time first", "order"),
    parameters=(
        sizes(
            "order", "Order", (1, 0), "Which axis comes at each place, the batch (0) included.", minimum=0, maximum=8
        ),
    ),
    inputs=(_ANY,),
    outputs=_ANY_OUT,
    call=lambda values: f"x.permute({', '.join(map(str, values['order'])) or '()'})",
    checks=(_order_complete,),
    brief=lambda values: ", ".join(map(str, values["order"])),
)


def _expand_call(values: Values) -> str:
    shown = ["like.shape[0]" if size == 0 else str(size) for size in values["sizes"]]
    return f"x.expand({', '.join(shown)})"


def _expand_fits(values: Values, inputs: Types) -> Iterator[Mismatch]:
    wanted, found = values["sizes"], inputs["x"]
    if 0 in wanted and "like" not in inputs:
        yield relations.expects("like", "a value whose number of samples is taken", "nothing")
        return
    if len(wanted) < found.rank or -1 in wanted[: len(wanted) - found.rank]:
        yield relations.expects("x", f"at most {len(wanted)} axes, each new one with a size", found)
        return
    for size, dim in zip(wanted[len(wanted) - found.rank :], found.dims, strict=True):
        becomes = inputs["like"].dims[0] if size == 0 else size
        if size != -1 and dim != 1 and not relations.may_equal(dim, becomes):
            yield relations.expects("x", f"a size of 1 where it becomes {becomes}", found)
            return


EXPAND_LIKE = LayerSpec(
    key="expand_like",
    title="ExpandLike",
    category="shape",
    summary="Repeats axes of size 1, as often as there are samples of another value.",
    help="Writes one entry along an axis many times. A table that is the same for every sample becomes one copy a "
    "sample, so that it can be joined to values that have one.",
    formula=r"y_{n, i} = x_{1, i}",
    reference=torch_docs("torch.Tensor.expand"),
    keywords=("broadcast", "repeat", "batch", "class token"),
    parameters=(
        sizes(
            "sizes",
            "Sizes",
            (0, -1),
            "The new size of each axis: -1 keeps it, 0 takes the number of samples of the second input.",
            minimum=-1,
            maximum=LARGEST,
        ),
    ),
    inputs=(_ANY, Port(name="like", dtype=Dtype.ANY, optional=True, help="Only the number of its samples counts.")),
    outputs=_ANY_OUT,
    call=_expand_call,
    checks=(_expand_fits,),
    brief=lambda values: in_words(
        values, "sizes", ", ".join({0: "N", -1: "·"}.get(size, f"{int(size)}") for size in values["sizes"])
    ),
)

INDEX_SELECT = LayerSpec(
    key="index_select",
    title="IndexSelect",
    category="shape",
    summary="Takes the entries of an axis that a list of indices names.",
    help="Picks entries along one axis in any order, some perhaps more than once. The list is the same for all "
    "samples; Gather takes other ones for each.",
    formula="y_k = x_{i_k}",
    reference=torch_docs("torch.index_select"),
    keywords=("pick", "reorder", "lookup", "table"),
    parameters=(axis(1, "The axis along which entries are taken."),),
    inputs=(_ANY, Port(name="indices", dtype=Dtype.INT, ranks=(1,), help="Which entries, by number from 0.")),
    outputs=_ANY_OUT,
    call="x.index_select(axis, indices)",
    checks=(relations.axis_exists("axis"), relations.indices_exist),
    brief=lambda values: brief_of(f"axis {values['axis']}"),
)
