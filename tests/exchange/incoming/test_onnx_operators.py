"""Operator by operator: what is imported computes what onnxruntime does, at defaults, boundaries and odd settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from tests.exchange.incoming.onnx_files import check, draw, feeds, ints, layers, model, node

IMAGE = ("N", 4, 9, 7)
SIGNAL = ("N", 4, 11)
VOLUME = ("N", 2, 5, 6, 7)
ROWS = ("N", 8)
STEPS = ("N", 5, 8)
INT = TensorProto.INT64
BOOL = TensorProto.BOOL


@dataclass(frozen=True)
class Case:
    """One operator with settings."""

    kind: str
    inputs: Mapping[str, Any] = field(default_factory=lambda: {"x": IMAGE})
    constants: Mapping[str, np.ndarray] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ("y",)
    opset: int = 20
    layers: tuple[str, ...] = ()
    shape: Callable[[np.ndarray], np.ndarray] = lambda array: array

    @property
    def name(self) -> str:
        """What the test is called."""
        shown = [f"{key}={value}" for key, value in self.settings.items()]
        sizes = [f"{key}{list(value.shape)}" for key, value in self.constants.items()]
        return f"{self.kind}-{'-'.join([*shown, *sizes])}-{'x'.join(map(str, next(iter(self.inputs.values()), ())))}"


def words(text: str) -> list[str]:
    return text.split()


def unary(kind: str, shape: Callable[[np.ndarray], np.ndarray] = lambda array: array, **settings: Any) -> Case:
    return Case(kind, {"x": STEPS}, settings=settings, shape=shape)


def positive(array: np.ndarray) -> np.ndarray:
    return np.abs(array) + 0.1


def within(array: np.ndarray) -> np.ndarray:
    return np.tanh(array) * 0.95


FUNCTIONS = [
    *(
        unary(kind)
        for kind in words(
            "Relu Sigmoid Tanh Softsign HardSwish Mish Exp Abs Neg Floor Ceil Round Sign Sin Cos Tan Atan Sinh Cosh "
            "Asinh Erf Reciprocal Identity Selu Softplus Gelu LeakyRelu Elu Celu HardSigmoid ThresholdedRelu Shrink"
        )
    ),
    *(unary(kind, positive) for kind in ("Log", "Sqrt")),
    *(unary(kind, within) for kind in ("Asin", "Acos", "Atanh")),
    unary("Acosh", lambda array: np.abs(array) + 1.1),
    unary("Gelu", approximate="tanh"),
    unary("LeakyRelu", alpha=0.3),
    unary("Elu", alpha=0.5),
    unary("Celu", alpha=2.5),
    unary("HardSigmoid", alpha=1 / 6, beta=0.5),
    unary("ThresholdedRelu", alpha=0.2),
    unary("Shrink", lambd=0.4, bias=0.4),
    unary("Softmax"),
    unary("Softmax", axis=1),
    unary("LogSoftmax", axis=-2),
    Case("Softmax", {"x": IMAGE}, opset=12, settings={"axis": 1}),
    Case("Softmax", {"x": ROWS}, opset=11),
    Case("PRelu", constants={"s": draw(1)}),
    Case("PRelu", constants={"s": draw(4, 1, 1)}),
    Case("Clip", constants={"low": np.float32(-0.5), "high": np.float32(0.25)}, order=("x", "low", "high")),
    Case(
        "Clip", constants={"low": np.float32(0), "high": np.float32(6)}, order=("x", "low", "high"), layers=("relu6",)
    ),
    Case("Clip", constants={"low": np.float32(-0.5)}),
    Case("Clip", constants={"high": np.float32(0.5)}, order=("x", "", "high")),
    Case("Clip"),
    Case("Clip", settings={"min": -0.25, "max": 1.5}, opset=10),
    Case("Dropout"),
    Case("Dropout", constants={"r": np.float32(0.3)}, layers=("dropout",)),
    Case("IsNaN"),
    Case("Not", {"x": (STEPS, BOOL)}),
    Case("Cast", {"x": (STEPS, INT)}, settings={"to": 1}),
    Case("Cast", {"x": STEPS}, settings={"to": 7}),
    Case("Cast", {"x": STEPS}, settings={"to": 9}),
    Case("Cast", {"x": STEPS}, settings={"to": 1}),
]

ARITHMETIC = [
    *(Case(kind, {"a": STEPS, "b": STEPS}) for kind in ("Add", "Sub", "Mul", "Max", "Min")),
    *(Case(kind, {"a": STEPS, "b": STEPS}, shape=positive) for kind in ("Div", "Pow")),
    *(Case(kind, {"a": STEPS}, {"b": draw(8)}) for kind in ("Add", "Sub", "Mul", "Max", "Min")),
    *(Case(kind, {"a": STEPS}, {"b": draw(1, 5, 1)}, order=("b", "a")) for kind in ("Add", "Sub", "Mul", "Max", "Min")),
    *(Case(kind, {"a": STEPS}, {"b": np.float32(0.7)}) for kind in ("Add", "Sub", "Mul", "Div", "Max", "Min")),
    *(
        Case(kind, {"a": STEPS}, {"b": np.float32(1.7)}, order=("b", "a"), shape=positive)
        for kind in ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min")
    ),
    *(
        Case("Pow", {"a": STEPS}, {"b": np.float32(exponent)}, shape=positive)
        for exponent in (2.0, 0.5, -1.0, 3.0, -0.5, 20.0)
    ),
    Case("Div", {"a": STEPS}, {"b": np.float32(-2.0)}),
    Case("Div", {"a": STEPS}, {"b": draw(8, low=0.5)}),
    Case("Add", {"a": (STEPS, INT)}, {"b": ints(3)}),
    Case("Mul", {"a": (STEPS, INT), "b": (STEPS, INT)}),
    Case("Max", {"a": STEPS, "b": STEPS}, {"c": draw(8)}, order=("a", "c", "b")),
    Case("Sum", {"a": STEPS, "b": STEPS, "c": STEPS}),
    Case("Mean", {"a": STEPS, "b": STEPS, "c": STEPS}),
    *(
        Case(kind, {"a": (STEPS, INT), "b": (STEPS, INT)})
        for kind in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual")
    ),
    *(
        Case(kind, {"a": (STEPS, INT)}, {"b": np.int64(2)}, order=order)
        for kind in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual")
        for order in (("a", "b"), ("b", "a"))
    ),
    Case("Less", {"a": STEPS}, {"b": np.float32(0.1)}),
    *(Case("Equal", {"a": (STEPS, INT)}, {"b": np.int64(number)}) for number in (2**24 + 1, 2**53 + 1)),
    *(Case(kind, {"a": (STEPS, BOOL), "b": (STEPS, BOOL)}) for kind in ("And", "Or", "Xor")),
    Case("Where", {"c": (STEPS, BOOL), "a": STEPS, "b": STEPS}),
    Case("Where", {"c": (STEPS, BOOL), "a": STEPS}, {"b": np.float32(-9)}, layers=("logical_not", "masked_fill")),
    Case(
        "Where", {"c": (STEPS, BOOL), "b": STEPS}, {"a": np.float32(0)}, order=("c", "a", "b"), layers=("masked_fill",)
    ),
    Case("Where", {"c": (STEPS, BOOL), "b": STEPS}, {"a": np.float32("-inf")}, order=("c", "a", "b")),
]

CONVOLUTIONS = [
    Case("Conv", constants={"w": draw(6, 4, 3, 3)}),
    Case("Conv", constants={"w": draw(6, 4, 3, 3), "b": draw(6)}, settings={"pads": [1, 1, 1, 1]}, layers=("conv2d",)),
    Case("Conv", constants={"w": draw(6, 4, 3, 2)}, settings={"pads": [0, 1, 2, 0], "strides": [2, 1]}),
    Case("Conv", constants={"w": draw(8, 1, 3, 3)}, settings={"group": 4, "pads": [2, 2, 2, 2], "dilations": [2, 2]}),
    Case("Conv", constants={"w": draw(6, 4, 1, 1)}, settings={"strides": [2, 2]}),
    *(
        Case("Conv", constants={"w": draw(3, 4, *kernel)}, settings={"auto_pad": mode, "strides": strides})
        for mode in ("SAME_UPPER", "SAME_LOWER", "VALID")
        for kernel, strides in (((3, 3), [1, 1]), ((2, 4), [1, 1]), ((3, 2), [2, 3]))
    ),
    Case("Conv", {"x": SIGNAL}, {"w": draw(5, 4, 3), "b": draw(5)}, {"pads": [1, 1]}),
    Case(
        "Conv", {"x": SIGNAL}, {"w": draw(5, 4, 3)}, {"pads": [2, 0], "dilations": [1]}, layers=("zero_pad1d", "conv1d")
    ),
    Case("Conv", {"x": ("N", 4, "T")}, {"w": draw(5, 4, 3)}, {"auto_pad": "SAME_UPPER"}),
    Case("Conv", {"x": VOLUME}, {"w": draw(3, 2, 2, 3, 2)}, {"pads": [0, 1, 0, 1, 1, 0]}),
    Case("ConvTranspose", constants={"w": draw(4, 3, 2, 2)}, settings={"strides": [2, 2]}),
    Case("ConvTranspose", constants={"w": draw(4, 3, 3, 3), "b": draw(3)}, settings={"pads": [1, 1, 1, 1]}),
    Case(
        "ConvTranspose",
        constants={"w": draw(4, 2, 3, 3)},
        settings={"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1], "group": 2},
        layers=("conv_transpose2d",),
    ),
    Case("ConvTranspose", constants={"w": draw(4, 3, 3, 3)}, settings={"strides": [2, 2], "pads": [1, 1, 0, 0]}),
    Case("ConvTranspose", constants={"w": draw(4, 3, 3, 3)}, settings={"strides": [2, 2], "pads": [0, 0, 1, 1]}),
    Case("ConvTranspose", constants={"w": draw(4, 3, 3, 3)}, settings={"strides": [2, 2], "output_shape": [18, 14]}),
    Case("ConvTranspose", constants={"w": draw(4, 3, 3, 3)}, settings={"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    Case("ConvTranspose", constants={"w": draw(4, 3, 3, 3)}, settings={"strides": [2, 2], "auto_pad": "SAME_LOWER"}),
    Case("ConvTranspose", {"x": SIGNAL}, {"w": draw(4, 3, 4)}, {"strides": [3], "dilations": [2]}),
    Case("ConvTranspose", {"x": VOLUME}, {"w": draw(2, 3, 2, 2, 2)}, {"strides": [2, 1, 2]}),
]

POOLING = [
    Case("MaxPool", settings={"kernel_shape": [2, 2]}),
    Case("MaxPool", settings={"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    Case("MaxPool", settings={"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    Case("MaxPool", settings={"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]}),
    Case("MaxPool", settings={"kernel_shape": [2, 2], "dilations": [2, 3]}),
    Case("MaxPool", settings={"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    Case("MaxPool", settings={"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_LOWER"}),
    Case("MaxPool", {"x": SIGNAL}, settings={"kernel_shape": [3], "strides": [3]}),
    Case("MaxPool", {"x": VOLUME}, settings={"kernel_shape": [2, 2, 2], "strides": [2, 2, 2]}),
    Case("AveragePool", settings={"kernel_shape": [2, 2]}),
    Case("AveragePool", settings={"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    Case("AveragePool", settings={"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    Case("AveragePool", settings={"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]}),
    Case("AveragePool", settings={"kernel_shape": [3, 3], "pads": [0, 1, 1, 0], "count_include_pad": 1}),
    Case("AveragePool", settings={"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    Case("AveragePool", settings={"kernel_shape": [2, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    Case("AveragePool", settings={"kernel_shape": [2, 3], "strides": [2, 2], "auto_pad": "SAME_LOWER"}),
    Case("AveragePool", {"x": SIGNAL}, settings={"kernel_shape": [3], "strides": [2]}),
    Case("AveragePool", {"x": VOLUME}, settings={"kernel_shape": [2, 2, 2], "strides": [2, 2, 2]}),
    *(Case(kind, {"x": dims}) for kind in ("GlobalAveragePool", "GlobalMaxPool") for dims in (SIGNAL, IMAGE, VOLUME)),
    Case("LpPool", settings={"kernel_shape": [2, 2], "strides": [2, 2]}),
]

PADDING = [
    Case("Pad", constants={"p": ints(0, 0, 1, 2, 0, 0, 3, 0)}),
    Case("Pad", constants={"p": ints(0, 1, 1, 2, 0, 2, 3, 0), "v": np.float32(1.5)}),
    Case("Pad", constants={"p": ints(0, 0, 1, 2, 0, 0, 3, 0)}, settings={"mode": "reflect"}),
    Case("Pad", constants={"p": ints(0, 0, 1, 2, 0, 0, 3, 0)}, settings={"mode": "edge"}),
    Case("Pad", constants={"p": ints(0, 0, 1, 2, 0, 0, 3, 0)}, settings={"mode": "wrap"}),
    Case("Pad", constants={"p": ints(0, 0, -1, 2, 0, 0, 0, -2)}),
    Case("Pad", constants={"p": ints(1, 2, 3, 4), "v": np.float32(0), "a": ints(-1, 2)}),
    Case("Pad", {"x": STEPS}, {"p": ints(0, 1, 0, 0, 0, 0)}),
    Case("Pad", settings={"pads": [0, 0, 1, 1, 0, 0, 1, 1], "value": 2.0}, opset=10),
]

RESIZING = [
    *(
        Case("Resize", constants={"s": np.array([1, 1, *scales], np.float32)}, settings=settings, order=("x", "", "s"))
        for scales in ((2, 2), (3, 2))
        for settings in (
            {},
            {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
            {"mode": "linear"},
            {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
            {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"},
            {"mode": "cubic"},
            {"mode": "cubic", "coordinate_transformation_mode": "align_corners"},
        )
    ),
    Case(
        "Resize",
        {"x": SIGNAL},
        {"s": np.array([1, 1, 0.5], np.float32)},
        {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        order=("x", "", "s"),
    ),
    Case(
        "Resize", {"x": VOLUME}, {"s": np.array([1, 1, 2, 2, 2], np.float32)}, {"mode": "linear"}, order=("x", "", "s")
    ),
    Case("Resize", {"x": (1, 4, 8, 8)}, {"z": ints(1, 4, 12, 10)}, {"mode": "linear"}, order=("x", "", "", "z")),
    Case("Resize", {"x": ("N", 4, 8, 8)}, {"s": np.array([2, 2], np.float32)}, {"axes": [2, 3]}, order=("x", "", "s")),
    Case("DepthToSpace", {"x": ("N", 8, 3, 4)}, settings={"blocksize": 2}),
    Case("DepthToSpace", {"x": ("N", 8, 3, 4)}, settings={"blocksize": 2, "mode": "CRD"}, layers=("pixel_shuffle",)),
    Case("SpaceToDepth", {"x": ("N", 3, 4, 6)}, settings={"blocksize": 2}),
]

MATRICES = [
    Case("Gemm", {"x": ROWS}, {"w": draw(8, 5)}),
    Case("Gemm", {"x": ROWS}, {"w": draw(5, 8), "b": draw(5)}, {"transB": 1}, layers=("linear",)),
    Case("Gemm", {"x": ROWS}, {"w": draw(5, 8), "b": draw(5)}, {"transB": 1, "alpha": 0.5, "beta": 2.0}),
    Case("Gemm", {"x": ROWS}, {"w": draw(8, 5), "b": draw(1)}),
    Case("Gemm", {"x": ROWS, "c": ("N", 5)}, {"w": draw(8, 5)}, {"beta": 0.5}, order=("x", "w", "c")),
    Case("MatMul", {"x": ROWS}, {"w": draw(8, 5)}),
    Case("MatMul", {"x": STEPS}, {"w": draw(8, 5)}, layers=("linear",)),
    Case("MatMul", {"x": IMAGE}, {"w": draw(7, 5)}),
    Case("MatMul", {"x": STEPS}, {"w": draw(8)}),
    Case("MatMul", {"x": STEPS}, {"w": draw(4, 5)}, order=("w", "x")),
    Case("MatMul", {"x": STEPS}, {"w": draw(1, 8, 6)}),
    Case("MatMul", {"a": STEPS, "b": ("N", 8, 3)}),
    Case("MatMul", {"a": ("N", 2, 5, 8), "b": ("N", 2, 8, 3)}),
    Case("MatMul", {"a": ("N", 2, 5, 8), "b": ("N", 1, 8, 3)}),
    Case("MatMul", {"a": ("N", 2, 3, 5, 4), "b": ("N", 2, 3, 4, 6)}),
    Case("Einsum", {"a": STEPS, "b": ("N", 8, 3)}, settings={"equation": "bij,bjk->bik"}),
    Case("Einsum", {"a": STEPS, "b": ("N", 7, 8)}, settings={"equation": "bij, bkj -> bik"}),
    Case("Einsum", {"a": STEPS}, {"w": draw(8, 3)}, settings={"equation": "bij,jk->bik"}),
    Case("Einsum", {"a": STEPS}, {"w": draw(3, 8)}, settings={"equation": "BIJ,KJ->BIK"}),
]

NORMALIZATION = [
    *(
        Case(
            "BatchNormalization",
            {"x": dims},
            {"s": draw(n), "b": draw(n), "m": draw(n), "v": draw(n, low=0.5)},
            settings,
        )
        for dims, n in ((IMAGE, 4), (SIGNAL, 4), (VOLUME, 2), (ROWS, 8))
        for settings in ({}, {"epsilon": 0.01, "momentum": 0.5})
    ),
    Case("InstanceNormalization", constants={"s": draw(4), "b": draw(4)}),
    Case("InstanceNormalization", constants={"s": np.ones(4, np.float32), "b": np.zeros(4, np.float32)}),
    Case("InstanceNormalization", {"x": SIGNAL}, {"s": draw(4), "b": draw(4)}, {"epsilon": 0.1}),
    Case("LayerNormalization", {"x": STEPS}, {"s": draw(8), "b": draw(8)}),
    Case("LayerNormalization", {"x": STEPS}, {"s": draw(8)}, {"epsilon": 0.01}),
    Case("LayerNormalization", {"x": STEPS}, {"s": draw(5, 8), "b": draw(5, 8)}, {"axis": 1}),
    Case("LayerNormalization", {"x": IMAGE}, {"s": draw(4, 9, 7), "b": draw(4, 9, 7)}, {"axis": -3}),
    Case("GroupNormalization", constants={"s": draw(4), "b": draw(4)}, settings={"num_groups": 2}, opset=21),
    Case("GroupNormalization", constants={"s": draw(2), "b": draw(2)}, settings={"num_groups": 2}, opset=18),
    Case("LRN", settings={"size": 3}),
    Case("LRN", settings={"size": 5, "alpha": 0.1, "beta": 0.5, "bias": 2.0}),
    Case("LpNormalization", {"x": STEPS}),
    Case("LpNormalization", {"x": STEPS}, settings={"axis": 1, "p": 1}),
]


def gates(kind: str, directions: int, units: int = 6, features: int = 8) -> dict[str, np.ndarray]:
    rows = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind] * units
    return {
        "w": draw(directions, rows, features),
        "r": draw(directions, rows, units, seed=2),
        "b": draw(directions, 2 * rows, seed=3),
    }


AXES = [
    Case("Reshape", constants={"s": ints(0, -1)}, layers=("flatten",)),
    Case("Reshape", constants={"s": ints(-1, 4, 63)}),
    Case("Reshape", constants={"s": ints(0, 2, 2, 9, 7)}),
    Case("Reshape", constants={"s": ints(-1, 7)}),
    Case("Reshape", {"x": ("N", "T", 8)}, {"s": ints(0, 0, 2, 4)}),
    Case("Reshape", {"x": ("N", "T", 8)}, {"s": ints(0, -1)}),
    Case("Flatten", layers=("flatten",)),
    Case("Flatten", settings={"axis": 2}),
    Case("Flatten", {"x": STEPS}, settings={"axis": -1}),
    Case("Squeeze", {"x": ("N", 1, 8)}, {"a": ints(1)}),
    Case("Squeeze", {"x": ("N", 1, 8, 1)}),
    Case("Squeeze", {"x": ("N", 1, 8, 1)}, {"a": ints(-1, 1)}),
    Case("Squeeze", {"x": ("N", 1, 8)}, settings={"axes": [1]}, opset=11),
    Case("Unsqueeze", {"x": STEPS}, {"a": ints(1)}),
    Case("Unsqueeze", {"x": STEPS}, {"a": ints(1, -1)}),
    Case("Transpose", {"x": STEPS}, settings={"perm": [0, 2, 1]}, layers=("transpose",)),
    Case("Transpose", settings={"perm": [0, 2, 3, 1]}, layers=("permute",)),
    Case("Transpose", {"x": STEPS}, settings={"perm": [1, 0, 2]}, layers=("permute_axes",)),
    Case("Transpose", {"x": STEPS}),
    Case("Expand", {"x": ("N", 1, 8)}, {"s": ints(1, 5, 8)}),
    Case("Expand", {"x": ("N", 1, 8)}, {"s": ints(3, 1)}),
    Case("Tile", {"x": STEPS}, {"c": ints(1, 2, 3)}),
    Case("Tile", {"x": STEPS}, {"c": ints(1, 1, 1)}),
    Case("Concat", {"a": STEPS, "b": STEPS}, settings={"axis": 1}),
    Case("Concat", {"a": STEPS, "b": STEPS, "c": STEPS}, settings={"axis": -1}),
    Case("Split", {"x": STEPS}, settings={"axis": 2, "num_outputs": 2}, outputs=("y", "z")),
    Case("Split", {"x": STEPS}, {"s": ints(3, 5)}, {"axis": 2}, outputs=("y", "z")),
    Case("Split", {"x": STEPS}, settings={"axis": 2, "num_outputs": 3}, outputs=("y", "z", "w")),
    Case("Split", {"x": STEPS}, settings={"axis": 2, "split": [2, 6]}, outputs=("y", "z"), opset=11),
    Case("Slice", {"x": STEPS}, {"s": ints(1), "e": ints(4), "a": ints(1)}),
    Case("Slice", {"x": STEPS}, {"s": ints(-3), "e": ints(2**62), "a": ints(-1)}),
    Case("Slice", {"x": STEPS}, {"s": ints(0, 1), "e": ints(5, 8), "a": ints(1, 2), "t": ints(2, 3)}),
    Case("Slice", {"x": STEPS}, {"s": ints(-1), "e": ints(-(2**62)), "a": ints(1), "t": ints(-1)}, layers=("flip",)),
    Case("Slice", {"x": STEPS}, {"s": ints(0), "e": ints(-1), "a": ints(1)}),
    Case("Slice", {"x": STEPS}, {"s": ints(0, 0, 2), "e": ints(2**40, 2, 7)}),
    Case("Slice", {"x": STEPS}, settings={"starts": [1], "ends": [3], "axes": [2]}, opset=9),
    Case("Gather", {"x": STEPS}, {"i": np.int64(-1)}, {"axis": 1}, layers=("select",)),
    Case("Gather", {"x": STEPS}, {"i": ints(0, 1, 2)}, {"axis": 1}, layers=("slice",)),
    Case("Gather", {"x": STEPS}, {"i": ints(4, 0, -1)}, {"axis": 2}),
    Case("Gather", {"x": STEPS}, {"i": np.array([[0, 2], [3, 1]])}, {"axis": 2}),
    Case("Gather", {"i": (("N", 6), INT)}, {"w": draw(5, 8)}, order=("w", "i"), layers=("embedding",)),
    Case("Gather", {"i": (("N", 6), INT)}, {"w": draw(5)}, order=("w", "i")),
    Case("Gather", {"i": (("N", 6), INT)}, {"w": draw(5, 2, 3)}, order=("w", "i")),
    Case("Gather", {"i": (("N", 6), TensorProto.INT32)}, {"w": draw(5, 8)}, order=("w", "i")),
    Case("GatherElements", {"x": STEPS, "i": (("N", 4, 8), INT)}, settings={"axis": 1}),
    Case("TopK", {"x": STEPS}, {"k": ints(3)}, outputs=("y", "i")),
    Case("TopK", {"x": STEPS}, {"k": ints(2)}, {"axis": 1, "largest": 0}, outputs=("y", "i")),
    Case("OneHot", {"x": (("N", 4), INT)}, {"d": np.int64(6), "v": np.array([0, 1], np.float32)}),
    Case("Trilu", {"x": ("N", 5, 6)}),
    Case("Trilu", {"x": ("N", 5, 6)}, {"k": np.int64(-1)}, {"upper": 0}),
    Case("CumSum", {"x": STEPS}, {"a": np.int64(1)}),
    Case("CumSum", {"x": STEPS}, {"a": np.int64(-1)}, {"reverse": 1}),
    Case("CumSum", {"x": STEPS}, {"a": np.int64(1)}, {"exclusive": 1}),
]

REDUCTIONS = [
    *(
        Case(kind, {"x": STEPS}, {"a": ints(*axes)}, {"keepdims": keeps}, shape=positive)
        for kind in words(
            "ReduceMean ReduceSum ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp"
        )
        for axes, keeps in (((-1,), 1), ((1, 2), 0))
    ),
    Case("ReduceMean", settings={"axes": [2, 3], "keepdims": 0}, opset=13),
    Case("ReduceSum", {"x": (STEPS, INT)}, {"a": ints(1)}),
    Case("ReduceSum", {"x": STEPS}, settings={"noop_with_empty_axes": 1}),
    Case("ReduceProd", {"x": STEPS}, {"a": ints(1)}, {"keepdims": 0}),
    Case("ArgMax", {"x": STEPS}, settings={"axis": -1}),
    Case("ArgMax", {"x": STEPS}, settings={"axis": 1, "keepdims": 0}),
    Case("ArgMin", {"x": STEPS}, settings={"axis": 2, "keepdims": 0}),
]

CASES = [
    *(*FUNCTIONS, *ARITHMETIC, *CONVOLUTIONS, *POOLING, *PADDING, *RESIZING, *MATRICES, *NORMALIZATION),
    *(*AXES, *REDUCTIONS),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_computes_what_onnxruntime_does(case: Case, tmp_path: Path):
    order = case.order or (*case.inputs, *case.constants)
    made = node(case.kind, list(order), list(case.outputs), **case.settings)
    proto = model([made], case.inputs, case.constants, case.outputs, case.opset)
    given = {
        name: case.shape(value).astype(value.dtype) if value.dtype.kind == "f" else value
        for name, value in feeds(proto).items()
    }
    found = check(proto, tmp_path, given)
    if case.layers:
        assert tuple(layers(found)) == case.layers


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("LSTM", {}),
        ("GRU", {"linear_before_reset": 1}),
        ("RNN", {}),
        ("RNN", {"activations": ["Relu"]}),
    ],
)
def test_recurrent_layers_compute_what_onnxruntime_does(
    kind: str, settings: dict[str, Any], direction: str, tmp_path: Path
):
    directions = 2 if direction == "bidirectional" else 1
    more = {key: value * directions if isinstance(value, list) else value for key, value in settings.items()}
    nodes = [
        node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
        node(kind, ["t", "w", "r", "b"], ["s", "h"], hidden_size=6, direction=direction, **more),
        node("Transpose", ["s"], ["o"], perm=[0, 2, 1, 3]),
        node("Reshape", ["o", "shape"], ["p"]),
        node("Transpose", ["p"], ["y"], perm=[1, 0, 2]),
    ]
    constants = {**gates(kind, directions), "shape": ints(0, 0, -1)}
    found = check(model(nodes, {"x": STEPS}, constants, ("y", "h", "s")), tmp_path)
    assert kind.lower() in layers(found)


def test_a_sequence_from_an_exporter_is_one_layer(tmp_path: Path):
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Gather", ["shape", "zero"], ["n"]),
        node("Unsqueeze", ["n", "axis"], ["n1"]),
        node("Concat", ["one", "n1", "units"], ["dims"], axis=0),
        node("ConstantOfShape", ["dims"], ["start"]),
        node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
        node("LSTM", ["t", "w", "r", "b", "", "start", "start"], ["s"], hidden_size=6),
        node("Squeeze", ["s", "one"], ["q"]),
        node("Transpose", ["q"], ["y"], perm=[1, 0, 2]),
    ]
    constants = {**gates("LSTM", 1), "zero": np.int64(0), "axis": ints(0), "one": ints(1), "units": ints(6)}
    found = check(model(nodes, {"x": ("N", "T", 8)}, constants), tmp_path)
    assert layers(found) == ["lstm"]
