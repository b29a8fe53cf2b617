"""Convolutions, pooling, normalization."""

from __future__ import annotations

from netbuilder.foundation.problem import Severity
from tests.compiler.mistakes.mistake import GRAY, IMAGE, SEQUENCE, Mistake, T, values

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

NORMALIZATIONS = (
    Mistake("rows into BatchNorm2d", "batch_norm2d", {"x": values(64)}, "Insert Reshape (1×8×8)"),
    Mistake("images into BatchNorm1d", "batch_norm1d", {"x": IMAGE}, "Insert Flatten"),
    Mistake("groups of GroupNorm", "group_norm", {"x": values(12, 8, 8)}, "Set Groups to 6", "8", {"groups": 8}),
    Mistake("whole numbers into LayerNorm", "layer_norm", {"x": values(6, dtype="int32")}, "Insert Cast (float32)"),
    Mistake("time last into LayerNorm", "layer_norm", {"x": values(8, T)}, "Insert Transpose (1 ↔ 2)"),
)
