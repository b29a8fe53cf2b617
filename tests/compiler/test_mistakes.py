"""Mistakes that people make, each told in plain words at the right place, with a fix that mends it in one edit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest

from netbuilder.compiler.problems import find_problems
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document import edits
from netbuilder.document.history import History
from netbuilder.document.model import Definition, Document, Field, PortRef, Schema
from netbuilder.foundation.problem import Problem, Severity
from netbuilder.layers.catalog import catalog
from netbuilder.layers.spec import LayerSpec
from tests.builders import document, node

T = -1
"""A size that varies, as a field says it."""


def values(*dims: int, dtype: str = "float32", classes: int = 0, vocabulary: int = 0, layout: str = "") -> Field:
    """Return what one input is given: one sample's sizes and of what kind the values are."""
    names = tuple(f"class {index}" for index in range(classes))
    return Field(name="field", dims=dims, dtype=dtype, classes=names, vocabulary=vocabulary, layout=layout)


@dataclass(frozen=True)
class Mistake:
    """One layer that is given something unfitting.

    Attributes:
        title: What was done wrong.
        layer: The layer's key.
        given: Input port -> what it is given.
        fix: How the first fix is called; it must mend the mistake.
        expected: What the message must contain beside the names of the two nodes.
        settings: The layer's parameters that are not at their defaults.
        before: Layers (key, parameters) between the first input and its data.
        severity: How much it matters.
    """

    title: str
    layer: str
    given: dict[str, Field]
    fix: str
    expected: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    before: tuple[tuple[str, dict[str, Any]], ...] = ()
    severity: Severity = Severity.ERROR


IMAGE = values(3, 8, 8)
GRAY = values(1, 8, 8)
SEQUENCE = values(T, 8)
TOKENS = values(T, dtype="int64", vocabulary=30)
LABEL = values(dtype="int64", classes=10)
ONE_PIXEL = {"kernel_size": (1, 1)}

LINEAR = (
    Mistake("images into Linear", "linear", {"x": IMAGE}, "Insert Flatten", "N × features, got N × 3 × 8 × 8"),
    Mistake("volumes into Linear", "linear", {"x": values(2, 4, 4, 4)}, "Insert Flatten"),
    Mistake("one number a sample into Linear", "linear", {"x": values()}, "Insert Unsqueeze (axis 1)"),
    Mistake("tokens into Linear", "linear", {"x": TOKENS}, "Insert Embedding", "whole numbers (int64)"),
    Mistake("counts into Linear", "linear", {"x": values(6, dtype="int64")}, "Insert Cast (float32)"),
    Mistake("yes and no into Linear", "linear", {"x": values(6, dtype="bool")}, "Insert Cast (float32)", "bool"),
    Mistake("double precision into Linear", "linear", {"x": values(6, dtype="float64")}, "Insert Cast (float32)"),
    Mistake("time last into Linear", "linear", {"x": values(8, T)}, "Insert Transpose (1 ↔ 2)", "N × 8 × T"),
    Mistake("one number a step into Linear", "linear", {"x": values(T)}, "Insert Unsqueeze (axis 2)", "N × T"),
    Mistake(
        "a flattened sequence into Linear",
        "linear",
        {"x": SEQUENCE},
        "Insert Mean (axis 1)",
        "expects a size along its last axis that does not vary, got N × 8T from flatten",
        before=(("flatten", {}),),
    ),
    Mistake(
        "a flattened sequence into Linear, with layers between",
        "linear",
        {"x": SEQUENCE},
        "Insert Mean (axis 1)",
        before=(("flatten", {}), ("relu", {}), ("dropout", {})),
    ),
    Mistake("images into Bilinear's second input", "bilinear", {"a": values(8), "b": IMAGE}, "Insert Flatten"),
)

TABLES = (
    Mistake(
        "numbers into Embedding",
        "embedding",
        {"x": values(6)},
        "Insert Cast (int64)",
        "floating-point numbers",
        {"tokens": 30},
    ),
    Mistake("unknown indices into Embedding", "embedding", {"x": values(6, dtype="int64")}, "Set Tokens to 1000"),
    Mistake(
        "too small a table",
        "embedding",
        {"x": TOKENS},
        "Set Tokens to “from the data”",
        "below 20 (Tokens)",
        {"tokens": 20},
    ),
    Mistake(
        "a padding index beyond the table",
        "embedding",
        {"x": TOKENS},
        "Set Padding index to “none”",
        settings={"padding_index": 40},
    ),
    Mistake("numbers into OneHot", "one_hot", {"x": values()}, "Insert Cast (int64)", settings={"classes": 5}),
    Mistake("numbers into EmbeddingBag", "embedding_bag", {"x": values(6)}, "Insert Cast (int64)", "", {"tokens": 30}),
)

CONVOLUTIONS = (
    Mistake("gray pictures without channels", "conv2d", {"x": values(8, 8)}, "Insert Unsqueeze (axis 1)", "N × 8 × 8"),
    Mistake("rows of pixels into Conv2d", "conv2d", {"x": values(64)}, "Insert Reshape (1×8×8)"),
    Mistake("rows of colours into Conv2d", "conv2d", {"x": values(192)}, "Insert Reshape (3×8×8)"),
    Mistake("features into Conv2d", "conv2d", {"x": values(13)}, "Insert Reshape (13×1×1)"),
    Mistake("a number a sample into Conv2d", "conv2d", {"x": values()}, "Insert Reshape (1×1×1)"),
    Mistake("noise into a generator", "conv_transpose2d", {"x": values(100)}, "Insert Reshape (1×10×10)"),
    Mistake("pixels as bytes", "conv2d", {"x": values(3, 8, 8, dtype="uint8")}, "Insert Cast (float32)", "uint8"),
    Mistake(
        "channels last",
        "conv2d",
        {"x": values(28, 28, 3)},
        "Insert Permute (3, 1, 2)",
        "height × width × channels",
        severity=Severity.WARNING,
    ),
    Mistake(
        "channels last, as the data say",
        "conv2d",
        {"x": values(28, 28, 2, layout="HWC")},
        "Insert Permute (3, 1, 2)",
        severity=Severity.WARNING,
    ),
    Mistake(
        "channels last, seen behind another layer",
        "max_pool2d",
        {"x": values(28, 28, 3)},
        "Insert Permute (3, 1, 2)",
        before=(("relu", {}),),
        severity=Severity.WARNING,
    ),
    Mistake("images into Conv1d", "conv1d", {"x": IMAGE}, "Insert Flatten (2)", "N × channels × length"),
    Mistake("signals without channels", "conv1d", {"x": values(40)}, "Insert Unsqueeze (axis 1)"),
    Mistake("steps that vary as channels", "conv1d", {"x": SEQUENCE}, "Insert Transpose (1 ↔ 2)", "N × T × 8"),
    Mistake(
        "an LSTM's steps into Conv1d",
        "conv1d",
        {"x": values(6, 8)},
        "Insert Transpose (1 ↔ 2)",
        "N × time × features",
        before=(("lstm", {}),),
        severity=Severity.WARNING,
    ),
    Mistake("images into Conv3d", "conv3d", {"x": IMAGE}, "Insert Unsqueeze (axis 1)"),
    Mistake(
        "a kernel larger than the picture",
        "conv2d",
        {"x": GRAY},
        "Set Kernel size to 8 × 8",
        "at least 9 along axis 2",
        {"kernel_size": (9, 9), "padding": "valid"},
    ),
    Mistake(
        "a kernel spread beyond the picture",
        "conv2d",
        {"x": GRAY},
        "Set Kernel size to 2 × 2",
        settings={"kernel_size": (3, 3), "dilation": (4, 4), "padding": "valid"},
    ),
    Mistake(
        "groups that do not divide the channels",
        "conv2d",
        {"x": values(6, 8, 8)},
        "Set Groups to 2",
        "4 divides, got 6",
        {"groups": 4},
    ),
    Mistake(
        "groups that do not divide the filters",
        "conv2d",
        {"x": values(6, 8, 8)},
        "Set Filters to 33",
        settings={"groups": 3, "filters": 32},
    ),
    Mistake(
        "an even kernel with a stride",
        "conv2d",
        {"x": GRAY},
        "Set Padding to explicit and Padding size to 1 × 1",
        "odd kernel size",
        {"kernel_size": (4, 4), "stride": (2, 2)},
    ),
    Mistake(
        "mirrored padding wider than the picture",
        "conv2d",
        {"x": values(1, 3, 3)},
        "Set Padding mode to zeros",
        settings={"kernel_size": (9, 9), "padding_mode": "reflect"},
    ),
    Mistake(
        "an output padding as large as the stride",
        "conv_transpose2d",
        {"x": IMAGE},
        "Set Output padding to 0 × 0",
        settings={"output_padding": (2, 2)},
    ),
)

POOLS = (
    Mistake(
        "a window larger than the picture",
        "max_pool2d",
        {"x": values(4, 3, 3)},
        "Set Kernel size to 3 × 3",
        "at least 4",
        {"kernel_size": (4, 4), "stride": (1, 1), "padding": (0, 0)},
    ),
    Mistake("rows into MaxPool2d", "max_pool2d", {"x": values(64)}, "Insert Reshape (1×8×8)"),
    Mistake("sequences into MaxPool2d", "max_pool2d", {"x": values(6, 8)}, "Insert Unsqueeze (axis 1)"),
    Mistake("images into AdaptiveAvgPool1d", "adaptive_avg_pool1d", {"x": IMAGE}, "Insert Flatten (2)"),
    Mistake("bytes into AvgPool2d", "avg_pool2d", {"x": values(3, 8, 8, dtype="uint8")}, "Insert Cast (float32)"),
    Mistake("channels that make no blocks", "pixel_shuffle", {"x": values(6, 8, 8)}, "Insert Conv2d (8", "4 divides"),
)

SEQUENCES = (
    Mistake(
        "gray pictures into LSTM", "lstm", {"x": GRAY}, "Insert Squeeze (axis 1)", "N × time × features, got N × 1"
    ),
    Mistake("colour pictures into LSTM", "lstm", {"x": IMAGE}, "Insert ImageToSequence"),
    Mistake("rows into GRU", "gru", {"x": values(8)}, "Insert Unsqueeze (axis 2)", "got N × 8"),
    Mistake("tokens into LSTM", "lstm", {"x": TOKENS}, "Insert Embedding", "whole numbers"),
    Mistake("features that vary into RNN", "rnn", {"x": values(8, T)}, "Insert Transpose (1 ↔ 2)"),
    Mistake(
        "a convolution's channels into LSTM",
        "lstm",
        {"x": values(8, 40)},
        "Insert Transpose (1 ↔ 2)",
        "N × channels × length",
        before=(("conv1d", {"filters": 4}), ("relu", {})),
        severity=Severity.WARNING,
    ),
    Mistake("images into attention", "multihead_attention", {"x": values(8, 4, 4)}, "Insert ImageToSequence"),
    Mistake(
        "heads that do not divide the features",
        "multihead_attention",
        {"x": values(6, 10)},
        "Set Heads to 2",
        "4 divides, got 10",
    ),
    Mistake("heads of an encoder", "transformer_encoder_layer", {"x": values(6, 9)}, "Set Heads to 3", "4 divides"),
    Mistake("tokens into an encoder", "transformer_encoder_layer", {"x": TOKENS}, "Insert Embedding"),
    Mistake(
        "a mask of numbers",
        "multihead_attention",
        {"x": values(6, 8), "mask": values(6)},
        "Insert Cast (bool)",
        "true or false",
    ),
    Mistake(
        "a context of other features",
        "transformer_decoder_layer",
        {"x": values(6, 8), "context": values(5, 12)},
        "Insert Linear (8 units)",
    ),
    Mistake("positions of a length that varies", "learned_positions", {"x": SEQUENCE}, "Set Longest sequence to 1000"),
    Mistake("rows into positions", "positional_encoding", {"x": values(8)}, "Insert Unsqueeze (axis 2)"),
)

NORMALIZATIONS = (
    Mistake("rows into BatchNorm2d", "batch_norm2d", {"x": values(64)}, "Insert Reshape (1×8×8)"),
    Mistake("images into BatchNorm1d", "batch_norm1d", {"x": IMAGE}, "Insert Flatten"),
    Mistake("groups of GroupNorm", "group_norm", {"x": values(12, 8, 8)}, "Set Groups to 6", "8", {"groups": 8}),
    Mistake("whole numbers into LayerNorm", "layer_norm", {"x": values(6, dtype="int32")}, "Insert Cast (float32)"),
    Mistake("time last into LayerNorm", "layer_norm", {"x": values(8, T)}, "Insert Transpose (1 ↔ 2)"),
)

BRANCHES = (
    Mistake(
        "a residual of other channels",
        "add",
        {"a": values(4, 8, 8), "b": values(6, 8, 8)},
        "Insert Conv2d (4 · 1×1",
        "the sizes of source_a (N × 4 × 8 × 8), got N × 6 × 8 × 8 from source_b",
    ),
    Mistake(
        "a residual around a stride",
        "add",
        {"a": values(16, 4, 4), "b": values(8, 8, 8)},
        "Insert Conv2d (16 · 1×1/2",
    ),
    Mistake(
        "the same, linked the other way round",
        "add",
        {"a": values(8, 8, 8), "b": values(16, 4, 4)},
        "Insert Conv2d (16 · 1×1/2",
        "the sizes of source_b (N × 16 × 4 × 4), got N × 8 × 8 × 8 from source_a",
    ),
    Mistake(
        "a residual of another size",
        "add",
        {"a": values(4, 6, 6), "b": values(4, 8, 8)},
        "Insert AdaptiveAvgPool2d (6×6)",
    ),
    Mistake(
        "a residual of a smaller picture, wider on one side",
        "add",
        {"a": values(4, 8, 4), "b": values(4, 6, 6)},
        "Insert Upsample (8×4",
    ),
    Mistake("a residual of other features", "add", {"a": values(32), "b": values(16)}, "Insert Linear (32 units)"),
    Mistake("sequences of other features", "add", {"a": values(T, 32), "b": values(T, 16)}, "Insert Linear (32 units)"),
    Mistake("volumes of other channels", "add", {"a": values(4, 2, 2, 2), "b": values(3, 2, 2, 2)}, "Insert Conv3d"),
    Mistake("a gate for each channel", "multiply", {"a": IMAGE, "b": values(3)}, "Insert Reshape (3×1×1)"),
    Mistake("the gate first", "multiply", {"a": values(3), "b": IMAGE}, "Insert Reshape (3×1×1)", "source_b"),
    Mistake("one vector for all steps", "add", {"a": values(T, 8), "b": values(8)}, "Insert Unsqueeze (axis 1)"),
    Mistake("a column and a number", "subtract", {"a": values(1), "b": values()}, "Insert Unsqueeze (axis -1)"),
    Mistake("a row of pixels and a picture", "add", {"a": GRAY, "b": values(64)}, "Insert Reshape (1×8×8)"),
    Mistake("yes and no added", "add", {"a": values(4), "b": values(4, dtype="bool")}, "Insert Cast (float32)"),
    Mistake(
        "joined along a wrong axis",
        "concat",
        {"a": values(6, 8), "b": values(4, 8)},
        "Set Axis to 1",
        "the sizes of source_a",
        {"axis": 2},
    ),
    Mistake("joined along the samples", "concat", {"a": values(8), "b": values(8)}, "Set Axis to 1", "", {"axis": 0}),
    Mistake(
        "a U-Net's skip of another size",
        "concat",
        {"a": values(4, 8, 8), "b": values(2, 6, 6)},
        "Insert Upsample (8×8",
        "on every axis but 1",
    ),
    Mistake(
        "a U-Net's skip that is larger",
        "concat",
        {"a": values(4, 6, 6), "b": values(2, 8, 8)},
        "Insert AdaptiveAvgPool2d (6×6)",
    ),
    Mistake("a picture joined with features", "concat", {"a": IMAGE, "b": values(5)}, "Insert Flatten", "source_b"),
    Mistake(
        "indices joined with numbers",
        "concat",
        {"a": values(4), "b": values(2, dtype="int64")},
        "Insert Cast (float32)",
    ),
    Mistake(
        "doubles joined with numbers",
        "concat",
        {"a": values(4, dtype="float64"), "b": values(4)},
        "Insert Cast (float32)",
    ),
    Mistake("rows of other sizes stacked", "stack", {"a": values(8), "b": values(6)}, "Insert Linear (8 units)"),
    Mistake(
        "embeddings of other sizes compared", "cosine_similarity", {"a": values(8), "b": values(6)}, "Insert Linear"
    ),
    Mistake(
        "query and key without a transpose",
        "matmul",
        {"a": values(5, 8), "b": values(4, 8)},
        "Set Transpose second to on",
        "as many rows",
    ),
    Mistake(
        "a condition of numbers",
        "where",
        {"condition": values(4), "a": values(4), "b": values(4)},
        "Insert Cast (bool)",
        "true or false",
    ),
)

SHAPES = (
    Mistake(
        "a shape for other numbers", "reshape", {"x": values(64)}, "Set Shape to 1 × 8 × 8", "56", {"shape": (1, 8, 7)}
    ),
    Mistake("a shape with two rests", "reshape", {"x": values(64)}, "Set Shape to -1", "", {"shape": (-1, -1)}),
    Mistake("an order of too few axes", "permute", {"x": IMAGE}, "Set Order to 3 × 2 × 1", "from 1 to 3"),
    Mistake("squeezing a wrong axis", "squeeze", {"x": values(8, 1)}, "Set Axis to 2", "size of 1", {"axis": 1}),
    Mistake("flattening from beyond the axes", "flatten", {"x": IMAGE}, "Set First axis to 1", "", {"start_axis": 5}),
    Mistake("a softmax over no axis", "softmax", {"x": values(8)}, "Set Axis to 1", "an axis from 1", {"axis": 3}),
    Mistake("a mean over no axis", "mean", {"x": IMAGE}, "Set Axes to 2", "from 1 to 3", {"axes": (2, 7)}),
    Mistake(
        "an upsampling for pictures", "upsample", {"x": values(3, 8)}, "Set Mode to linear", "", {"mode": "bilinear"}
    ),
    Mistake("an entry that is not there", "select", {"x": values(4, 8)}, "Set Index to -1", "0 to 3", {"index": 9}),
)

LOSSES = (
    Mistake(
        "numbers as classes", "cross_entropy", {"prediction": values(10), "target": values()}, "Insert Cast (int64)"
    ),
    Mistake(
        "small whole numbers as classes",
        "cross_entropy",
        {"prediction": values(10), "target": values(dtype="int32", classes=10)},
        "Insert Cast (int64)",
        "int32",
    ),
    Mistake(
        "a column for each class",
        "cross_entropy",
        {"prediction": values(10), "target": values(10)},
        "Insert ArgMax (axis 1)",
        "whole numbers",
    ),
    Mistake(
        "a whole column for each class",
        "cross_entropy",
        {"prediction": values(10), "target": values(10, dtype="int64")},
        "Insert ArgMax (axis 1)",
    ),
    Mistake(
        "classes in a column",
        "cross_entropy",
        {"prediction": values(10), "target": values(1, dtype="int64")},
        "Insert Squeeze (axis 1)",
    ),
    Mistake(
        "the classes on the last axis",
        "cross_entropy",
        {"prediction": values(T, 10), "target": values(T, dtype="int64", classes=10)},
        "Insert Transpose (1 ↔ 2)",
        "the classes on axis 1",
    ),
    Mistake(
        "scores for each step, one class a sample",
        "cross_entropy",
        {"prediction": values(T, 10), "target": LABEL},
        "Insert Mean (axis 1)",
    ),
    Mistake(
        "scores for each place, one class a sample",
        "cross_entropy",
        {"prediction": values(10, 4, 4), "target": LABEL},
        "Insert GlobalAvgPool",
    ),
    Mistake(
        "scores for fewer places than the target has",
        "cross_entropy",
        {"prediction": values(3, 4, 4), "target": values(8, 8, dtype="int64", classes=3)},
        "Insert Upsample (8×8",
    ),
    Mistake(
        "fewer outputs than classes",
        "cross_entropy",
        {"prediction": values(8), "target": LABEL},
        "Set Units to 10",
        "there are 10 classes but the prediction has 8 outputs",
        before=(("linear", {"units": 8}),),
    ),
    Mistake(
        "more outputs than classes",
        "cross_entropy",
        {"prediction": values(8), "target": LABEL},
        "Set Units to 10",
        before=(("linear", {"units": 12}),),
        severity=Severity.WARNING,
    ),
    Mistake(
        "a softmax before the loss's own",
        "cross_entropy",
        {"prediction": values(10), "target": LABEL},
        "Remove softmax",
        before=(("linear", {"units": 10}), ("softmax", {})),
        severity=Severity.WARNING,
    ),
    Mistake(
        "plain scores into NLLLoss",
        "nll_loss",
        {"prediction": values(10), "target": LABEL},
        "Insert LogSoftmax",
        before=(("linear", {"units": 10}),),
        severity=Severity.WARNING,
    ),
    Mistake(
        "a sigmoid before the loss's own",
        "bce_with_logits",
        {"prediction": values(1), "target": values(1)},
        "Remove sigmoid",
        before=(("linear", {"units": 1}), ("sigmoid", {})),
        severity=Severity.WARNING,
    ),
    Mistake(
        "ten classes as yes or no",
        "bce_with_logits",
        {"prediction": values(10), "target": LABEL},
        "Insert OneHot",
        "10 classes",
    ),
    Mistake(
        "yes or no in another shape",
        "bce_with_logits",
        {"prediction": values(1), "target": values(dtype="int64", classes=2)},
        "Insert Squeeze (axis 1)",
    ),
    Mistake(
        "a column against numbers",
        "mse_loss",
        {"prediction": values(1), "target": values()},
        "Insert Squeeze (axis 1)",
        "a prediction of the target's shape (N), got N × 1",
    ),
    Mistake(
        "numbers against a column",
        "mse_loss",
        {"prediction": values(), "target": values(1)},
        "Insert Squeeze (axis 1)",
        "a target of the prediction's shape (N), got N × 1 from source_target",
    ),
    Mistake(
        "two columns against three",
        "l1_loss",
        {"prediction": values(4), "target": values(3)},
        "Set Units to 3",
        before=(("linear", {"units": 2}),),
    ),
    Mistake("a picture against its pixels", "mse_loss", {"prediction": values(64), "target": GRAY}, "Insert Flatten"),
    Mistake("pixels against a picture", "mse_loss", {"prediction": GRAY, "target": values(64)}, "Insert Flatten"),
    Mistake(
        "a smaller picture than the target",
        "mse_loss",
        {"prediction": values(1, 6, 6), "target": GRAY},
        "Insert Upsample (8×8",
    ),
    Mistake("counts as a target", "mse_loss", {"prediction": values(), "target": values(dtype="int64")}, "Insert Cast"),
    Mistake("classes as numbers", "mse_loss", {"prediction": values(10), "target": LABEL}, "Insert OneHot", "classes"),
    Mistake(
        "a variance of another shape",
        "gaussian_nll_loss",
        {"prediction": values(3), "target": values(3), "variance": values(1)},
        "Insert Linear (3 units)",
    ),
)

OF_SETTINGS = {
    "a padding index beyond the table",
    "groups that do not divide the filters",
    "an even kernel with a stride",
    "an output padding as large as the stride",
    "a shape with two rests",
    "an order of too few axes",
    "an entry that is not there",
}
"""Mistakes of a layer's settings among themselves, which no other node has a part in."""

MISTAKES = (
    *LINEAR,
    *TABLES,
    *CONVOLUTIONS,
    *POOLS,
    *SEQUENCES,
    *NORMALIZATIONS,
    *BRANCHES,
    *SHAPES,
    *LOSSES,
)


def drawn(mistake: Mistake) -> Document:
    """Draw a mistake: a data node for each input, the layers before it, the layer, and an Output behind it."""
    spec = catalog()[mistake.layer]
    settings = spec.resolve({**_inputs(spec, len(mistake.given)), **mistake.settings})
    nodes, links, schemas = [], [], {}
    for index, (port, what) in enumerate(mistake.given.items()):
        name = f"source_{port}"
        nodes.append(node(name, "data.table"))
        schemas[name] = Schema(fields=(replace(what, name=f"field_{port}"),), rows=100)
        end = f"{name}.field_{port}"
        chain = mistake.before if not index else ()
        if spec.is_loss and port != "target" and not chain:
            chain = (("identity", {}),)
        for place, (key, given) in enumerate(chain):
            own = f"{key}_{port}_{place}" if key == "identity" else key
            nodes.append(node(own, key, **catalog()[key].resolve(given)))
            links.append((end, f"{own}.x"))
            end = f"{own}.{catalog()[key].output_ports(nodes[-1].parameters)[0].name}"
        links.append((end, f"layer.{port}"))
    nodes.append(node("layer", mistake.layer, **settings))
    if not spec.is_loss:
        nodes.append(node("out", "output"))
        links.append((f"layer.{spec.output_ports(settings)[0].name}", "out.x"))
    return document(nodes, links, schemas)


def _inputs(spec: LayerSpec, count: int) -> dict[str, Any]:
    return {"inputs": count} if "inputs" in spec.by_name else {}


def problems(given: Document) -> tuple[Problem, ...]:
    """Return all that is wrong but that nothing is trained for."""
    found = find_problems(given, ShapeInference().infer(given))
    return tuple(each for each in found if each.code not in ("loss.missing", "weights.none"))


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda each: each.title)
def test_a_mistake_is_told_and_mended(mistake: Mistake) -> None:
    given = drawn(mistake)
    (problem,) = problems(given)
    assert (problem.node, problem.severity) == ("layer", mistake.severity), problem.message
    source = given.graph.edges[PortRef("layer", problem.port)].node
    assert "layer" in problem.message
    assert (source in problem.message) is not (mistake.title in OF_SETTINGS)
    assert mistake.expected in problem.message
    assert problem.expected or mistake.severity is Severity.WARNING
    assert problem.fixes, problem.message
    fix = problem.fixes[0]
    assert fix.title.startswith(mistake.fix), fix.title
    history = History(given)
    history.push(fix.title, edits.apply(given, fix.edit, fix.arguments))
    assert problems(history.document) == ()
    assert history.undo() is given
    assert not history.can_undo


def test_there_are_mistakes_of_every_family() -> None:
    assert len(MISTAKES) >= 60
    families = {catalog()[each.layer].category for each in MISTAKES}
    assert {"linear", "convolution", "pooling", "recurrent", "attention", "normalization", "shape", "loss"} <= families
    assert len({each.title for each in MISTAKES}) == len(MISTAKES)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda each: each.title)
def test_every_other_fix_removes_the_problem_too(mistake: Mistake) -> None:
    given = drawn(mistake)
    (problem,) = problems(given)
    for fix in problem.fixes[1:]:
        left = problems(edits.apply(given, fix.edit, fix.arguments))
        assert all((each.code, each.message) != (problem.code, problem.message) for each in left), fix.title


@pytest.mark.parametrize(
    ("layer", "given"),
    [
        ("linear", {"x": values(T, 8)}),
        ("conv2d", {"x": values(3, 28, 28)}),
        ("conv2d", {"x": values(4, 4, 3)}),
        ("conv1d", {"x": values(6, 8)}),
        ("lstm", {"x": values(T, 8)}),
        ("multiply", {"a": IMAGE, "b": values(3, 1, 1)}),
        ("concat", {"a": values(4, 8, 8), "b": values(6, 8, 8)}),
        ("bce_with_logits", {"prediction": values(1), "target": values(1, dtype="int64")}),
        ("cross_entropy", {"prediction": values(10), "target": LABEL}),
    ],
)
def test_what_is_right_is_left_in_peace(layer: str, given: dict[str, Field]) -> None:
    assert problems(drawn(Mistake("none", layer, given, ""))) == ()


@pytest.mark.parametrize("given", [values(3, 8, 8), values(T, 8)], ids=["images", "a sequence"])
def test_a_mistake_in_a_block_is_mended_in_its_definition(given: Field) -> None:
    flat = (node("flat", "flatten"),) if T in given.dims else ()
    inner = [node("entry", "input", "x_in"), *flat, node("fc", "linear", **catalog()["linear"].defaults())]
    inner.append(node("exit", "output", "y_out"))
    links = [(f"{a.id}.y", f"{b.id}.x") for a, b in pairwise(inner)]
    block = Definition(key="body", title="Body", graph=document(inner, links).graph)
    source = Schema(fields=(replace(given, name="rows"),), rows=100)
    nodes = [node("source", "data.table"), node("one", "block.body"), node("two", "block.body"), node("out", "output")]
    wires = [("source.rows", "one.x_in"), ("source.rows", "two.x_in"), ("one.y_out", "sum.a"), ("two.y_out", "sum.b")]
    nodes.insert(3, node("sum", "add", "added", **catalog()["add"].defaults()))
    drawn_twice = document(nodes, [*wires, ("sum.y", "out.x")], {"source": source})
    drawn_twice = replace(drawn_twice, blocks={"body": block})
    (problem,) = problems(drawn_twice)
    fix = problem.fixes[0]
    changed = edits.apply(drawn_twice, fix.edit, fix.arguments)
    assert changed.graph is drawn_twice.graph
    assert len(changed.blocks["body"].graph.nodes) == len(inner) + 1
    assert problems(changed) == ()
