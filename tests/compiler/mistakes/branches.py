"""Branches that meet, and layers that change shapes."""

from __future__ import annotations

from tests.compiler.mistakes.mistake import GRAY, IMAGE, Mistake, T, values

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
