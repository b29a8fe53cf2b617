"""Layers that pick, cut, turn and repeat entries along axes."""

from __future__ import annotations

from collections.abc import Iterator

from netbuilder.foundation.parameter import Values
from netbuilder.layers import relations
from netbuilder.layers.settings import LARGEST, LETTERS, axis, brief_of, choice, number, sizes, torch_docs, whole
from netbuilder.layers.spec import Dtype, LayerSpec, Mismatch, Port, Rule, Types

ANY = (Port(name="x", dtype=Dtype.ANY),)
ANY_OUT = (Port(name="y", dtype=Dtype.ANY),)


def index_code(chosen: int, entry: str) -> str:
    """Write the index that applies `entry` to one axis and takes all of the others: "x[:, 2:5]"."""
    if chosen < 0:
        return f"x[{', '.join(['...', entry, *[':'] * (-chosen - 1)])}]"
    return f"x[{', '.join([*[':'] * chosen, entry])}]"


def _slice_call(values: Values) -> str:
    start = values["start"] or ""
    stop = "" if values["stop"] is None else values["stop"]
    step = f":{values['step']}" if values["step"] > 1 else ""
    return index_code(values["axis"], f"{start}:{stop}{step}")


def _slice_not_empty(values: Values, inputs: Types) -> Iterator[Mismatch]:
    size = inputs["x"].dims[values["axis"]]
    start, stop = values["start"], values["stop"]
    if isinstance(size, int):
        if not range(size)[start:stop]:
            last = "the end" if stop is None else str(stop)
            yield relations.expects("x", f"a slice of at least one of the {size} entries", f"{start} to {last}")
    elif stop is not None and (start >= 0) == (stop >= 0) and start >= stop:
        yield relations.expects("x", "a slice of at least one entry", f"{start} to {stop}")


SLICE = LayerSpec(
    key="slice",
    title="Slice",
    category="shape",
    summary="Cuts a range out of an axis.",
    help="Keeps the entries from start up to, but not including, stop. Negative numbers count from the end, "
    "so start -3 keeps the last three. All other axes stay whole.",
    formula="y_i = x_{a + i s}",
    reference=torch_docs("torch.Tensor.narrow"),
    keywords=("crop", "cut", "range", "narrow", "part"),
    parameters=(
        axis(1, "The axis that is cut."),
        whole("start", "Start", 0, "The first entry that is kept.", minimum=-LARGEST),
        whole("stop", "Stop", None, "The first entry that is not.", minimum=-LARGEST, none_title="to the end"),
        whole("step", "Step", 1, "2 keeps every second entry.", advanced=True),
    ),
    inputs=ANY,
    outputs=ANY_OUT,
    call=_slice_call,
    checks=(relations.axis_exists("axis"), _slice_not_empty),
    brief=lambda values: f"axis {values['axis']}, {values['start']}:{'' if values['stop'] is None else values['stop']}",
)


def _index_exists(values: Values, inputs: Types) -> Iterator[Mismatch]:
    size, index = inputs["x"].dims[values["axis"]], values["index"]
    if isinstance(size, int) and not -size <= index < size:
        yield relations.settings_clash("x", f"an index from 0 to {size - 1}", str(index), index=-1)


SELECT = LayerSpec(
    key="select",
    title="Select",
    category="shape",
    summary="Takes one entry of an axis, which disappears.",
    help="Picks one entry, such as the last step of a sequence (axis 1, index -1) to go on with one vector a sample, "
    "or one channel of an image.",
    formula=r"y_{\dots} = x_{\dots, k, \dots}",
    reference=torch_docs("torch.select"),
    keywords=("last step", "pick", "index", "entry"),
    parameters=(
        axis(1, "The axis that disappears."),
        whole("index", "Index", -1, "Which entry is taken; -1 is the last.", minimum=-LARGEST),
    ),
    inputs=ANY,
    outputs=ANY_OUT,
    call=lambda values: index_code(values["axis"], str(values["index"])),
    checks=(relations.axis_exists("axis"), _index_exists),
    brief=lambda values: f"axis {values['axis']}, entry {values['index']}",
)


def _parts(values: Values) -> tuple[Port, ...]:
    return tuple(Port(name=letter, dtype=Dtype.ANY) for letter in LETTERS[: values["parts"]])


def _parts_divide(values: Values, inputs: Types) -> Iterator[Mismatch]:
    found, parts = inputs["x"], values["parts"]
    size = found.dims[values["axis"]]
    if isinstance(size, int) and size % parts:
        yield relations.expects("x", f"a size that {parts} parts divide on axis {values['axis']}", found)


SPLIT = LayerSpec(
    key="split",
    title="Split",
    category="shape",
    summary="Cuts an axis into equal parts, an output each.",
    help="Divides the features or channels into equal parts that go different ways: the two halves of a coupling "
    "layer, "
    "the mean and the variance of a variational autoencoder, the query, key and value of attention.",
    formula=r"x = [a, b, \dots]",
    reference=torch_docs("torch.chunk"),
    keywords=("chunk", "divide", "parts", "halves"),
    parameters=(
        axis(1, "The axis that is divided."),
        whole("parts", "Parts", 2, "How many parts there are.", minimum=2, maximum=len(LETTERS)),
    ),
    inputs=ANY,
    outputs=_parts,
    call="x.chunk(parts, dim=axis)",
    target=lambda values: ", ".join(LETTERS[: values["parts"]]),
    checks=(relations.axis_exists("axis"), _parts_divide),
    brief=lambda values: f"{values['parts']} parts, axis {values['axis']}",
)

FLIP = LayerSpec(
    key="flip",
    title="Flip",
    category="shape",
    summary="Turns an axis around.",
    help="Reverses the order along an axis: the last step of a sequence comes first, a picture is mirrored.",
    formula="y_i = x_{k - 1 - i}",
    reference=torch_docs("torch.flip"),
    keywords=("reverse", "mirror", "backwards"),
    parameters=(axis(-1, "The axis that is reversed."),),
    inputs=ANY,
    outputs=ANY_OUT,
    call="x.flip(axis)",
    checks=(relations.axis_exists("axis"),),
    shape=Rule.SAME,
    brief=lambda values: f"axis {values['axis']}",
)

ROLL = LayerSpec(
    key="roll",
    title="Roll",
    category="shape",
    summary="Shifts an axis; what falls off one end comes in at the other.",
    help="Moves all entries along an axis. Shifted-window attention moves a picture like this between its layers.",
    formula="y_i = x_{(i - s) \\bmod k}",
    reference=torch_docs("torch.roll"),
    keywords=("shift", "rotate", "cyclic", "swin"),
    parameters=(
        axis(-1, "The axis that is shifted."),
        whole("shift", "Shift", 1, "By how many entries, towards the end.", minimum=-LARGEST),
    ),
    inputs=ANY,
    outputs=ANY_OUT,
    call="x.roll(shift, dims=axis)",
    checks=(relations.axis_exists("axis"),),
    shape=Rule.SAME,
    brief=lambda values: f"{values['shift']:+d}, axis {values['axis']}",
)

REPEAT = LayerSpec(
    key="repeat",
    title="Repeat",
    category="shape",
    summary="Repeats each entry of an axis.",
    help="Writes every entry of an axis several times in a row. With one vector a sample and a new time axis "
    "(Unsqueeze) "
    "it feeds the same vector to every step of a decoder.",
    formula="y_i = x_{\\lfloor i / k \\rfloor}",
    reference=torch_docs("torch.repeat_interleave"),
    keywords=("tile", "expand", "copy", "broadcast"),
    parameters=(
        axis(1, "The axis that grows."),
        whole("count", "Count", 2, "How often each entry is written.", maximum=10_000),
    ),
    inputs=ANY,
    outputs=ANY_OUT,
    call="x.repeat_interleave(count, dim=axis)",
    checks=(relations.axis_exists("axis"),),
    brief=lambda values: f"× {values['count']}, axis {values['axis']}",
)


def _pad_call(values: Values) -> str:
    value = ", value=value" if values["mode"] == "constant" else ""
    return f"F.pad(x, padding, mode=mode{value})"


def _pad_fits(values: Values, inputs: Types) -> Iterator[Mismatch]:
    padding, mode, found = values["padding"], values["mode"], inputs["x"]
    axes = len(padding) // 2
    if not padding or len(padding) % 2:
        yield relations.expects("x", "two numbers an axis (before, after)", f"{len(padding)} numbers", padding=(1, 1))
        return
    if mode == "constant":
        if axes > found.rank - 1:
            yield relations.expects("x", f"padding for at most {found.rank - 1} axes of {found}", f"{axes}")
        return
    if not 3 <= found.rank <= 5 or axes != found.rank - 2:
        wanted = max(found.rank - 2, 1)
        yield relations.expects(
            "x", f"padding for all {wanted} axes behind the channels in the mode {mode}", f"{axes}", mode="constant"
        )
        return
    for index in range(axes):
        size = found.dims[-1 - index]
        limit = None if not isinstance(size, int) or mode == "replicate" else size - (mode == "reflect")
        if limit is not None and max(padding[2 * index : 2 * index + 2]) > limit:
            yield relations.expects("x", f"a padding of at most {limit} in the mode {mode}", str(padding))
            return


PAD = LayerSpec(
    key="pad",
    title="Pad",
    category="shape",
    summary="Adds entries at the ends of the last axes.",
    help="Surrounds the input with zeros, its mirrored edge, its repeated edge or its other end. "
    "The numbers go in pairs, before and after, the last axis first: left, right, top, bottom.",
    formula=r"y_i = \begin{cases} x_{i - p} & \text{if } 0 \le i - p < k \\ v & \text{else} \end{cases}",
    reference=torch_docs("torch.nn.functional.pad"),
    keywords=("padding", "border", "zero", "reflect", "margin", "ZeroPad2d"),
    parameters=(
        sizes(
            "padding",
            "Padding",
            (1, 1, 1, 1),
            "How many entries are added: left, right, top, bottom, and so on.",
            minimum=0,
        ),
        choice(
            "mode",
            "Mode",
            (
                ("constant", "constant", "One value, such as 0."),
                ("reflect", "reflect", "The input mirrored at its edge."),
                ("replicate", "replicate", "The edge repeated."),
                ("circular", "circular", "The other end, as on a ring."),
            ),
            "What the added entries hold.",
        ),
        number(
            "value", "Value", 0.0, "What the padding holds.", shown_when=lambda values: values["mode"] == "constant"
        ),
    ),
    call=_pad_call,
    checks=(_pad_fits,),
    brief=lambda values: brief_of(", ".join(map(str, values["padding"])), values["mode"]),
)


def _one_hot_call(values: Values) -> str:
    return f"F.one_hot(x, {'vocabulary' if values['classes'] is None else 'classes'}).float()"


def _classes_known(values: Values, inputs: Types) -> Iterator[Mismatch]:
    found, classes = inputs["x"], values["classes"]
    count = found.vocabulary or found.classes
    if found.dtype != "int64":
        yield relations.expects("x", "indices (int64)", found.dtype, ("cast", {"dtype": "int64"}))
    elif classes is None and not count:
        yield Mismatch(
            port="x",
            message="needs to know how many different indices there are, and its input does not say: set Classes",
            expected="a number of classes",
            found="unknown",
        )
    elif classes is not None and classes < count:
        yield relations.expects("x", f"indices below {classes} (Classes)", f"{count} different ones", classes=None)


ONE_HOT = LayerSpec(
    key="one_hot",
    title="OneHot",
    category="shape",
    summary="Turns an index into a row of zeros with a single one.",
    help="Gives each class a feature of its own that is 1 for that class and 0 for all others. "
    "For few classes it does what an Embedding does, without weights; it also lets a class steer a generator.",
    formula=r"y_c = \begin{cases} 1 & \text{if } c = x \\ 0 & \text{else} \end{cases}",
    reference=torch_docs("torch.nn.functional.one_hot"),
    keywords=("encode", "categories", "indicator", "class", "condition"),
    parameters=(
        whole(
            "classes",
            "Classes",
            None,
            "How many different indices there are. Automatic takes it from the data.",
            none_title="from the data",
        ),
    ),
    inputs=(Port(name="x", dtype=Dtype.INT),),
    call=_one_hot_call,
    derived={"vocabulary": ("x", "vocabulary")},
    checks=(_classes_known,),
)
