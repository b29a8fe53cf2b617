"""Whole networks: exported by torch in both ways, and made by hand as other frameworks write them."""

from __future__ import annotations

import inspect
import io
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from netbuilder.compiler.shapes import ShapeInference
from netbuilder.exchange.incoming.onnx.reading import read_graph
from netbuilder.exchange.incoming.onnx.translation import translate
from netbuilder.foundation.job import Job
from tests.exchange.incoming.architectures import ARCHITECTURES, architecture
from tests.exchange.incoming.onnx_files import check, draw, imported, ints, layers, model, node


def exported(
    module: nn.Module, inputs: tuple[torch.Tensor, ...], dynamo: bool, dynamic: bool = True
) -> onnx.ModelProto:
    """Return a module as torch's exporters write it, with any number of samples if `dynamic`."""
    module.eval()
    names = [f"in_{number}" for number in range(len(inputs))]
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            batch = torch.export.Dim("batch")
            shapes = tuple({0: batch} for _ in inputs) if dynamic else None
            if dynamic and inspect.getfullargspec(module.forward).varargs:
                shapes = (tuple({0: torch.export.Dim.AUTO} for _ in inputs),)
            program = torch.onnx.export(
                module, inputs, dynamo=True, dynamic_shapes=shapes, input_names=names, verbose=False
            )
            assert program is not None
            return program.model_proto
        buffer = io.BytesIO()
        axes = {name: {0: "batch"} for name in names} if dynamic else None
        torch.onnx.export(module, inputs, buffer, dynamo=False, dynamic_axes=axes, input_names=names)
        return onnx.load_from_string(buffer.getvalue())


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.norm1, self.norm2 = nn.BatchNorm2d(width), nn.GroupNorm(2, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(x + self.norm2(self.conv2(y)))


class Pictures(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.Hardswish())
        self.stages = nn.ModuleList([Residual(8), Residual(8)])
        self.head = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return self.head(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(1, 6, 3, padding=1)
        self.deep = nn.Conv2d(6, 12, 3, padding=1)
        self.up = nn.ConvTranspose2d(12, 6, 2, stride=2)
        self.out = nn.Conv2d(12, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = nn.functional.leaky_relu(self.down(x))
        b = nn.functional.silu(self.deep(nn.functional.max_pool2d(a, 2)))
        wide = nn.functional.interpolate(b, scale_factor=2.0, mode="bilinear")[:, :6]
        return torch.sigmoid(self.out(torch.cat([a, self.up(b) + wide], dim=1)))


class Tokens(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 16)
        self.positions = nn.Parameter(torch.randn(1, 7, 16) * 0.1)
        self.start = nn.Parameter(torch.randn(1, 1, 16) * 0.1)
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, activation="gelu")
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, 3)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = torch.cat([self.start.expand(tokens.shape[0], -1, -1), self.embed(tokens)], dim=1)
        return self.head(self.norm(self.encoder(x + self.positions))[:, 0])


class Memory(nn.Module):
    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.memory = kind(6, 8, num_layers=2, batch_first=True, bidirectional=True)
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
        self.head = nn.Linear(16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, _ = self.memory(x)
        y, _ = self.attention(y, y, y, need_weights=False)
        return self.head(y[:, -1])


class Variational(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ELU(), nn.Linear(16, 8))
        self.decoder = nn.Sequential(nn.Linear(4, 16), nn.Softplus(), nn.Linear(16, 64), nn.Unflatten(1, (1, 8, 8)))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean, spread = self.encoder(x).chunk(2, dim=1)
        return self.decoder(mean + torch.exp(0.5 * spread)), torch.softmax(mean, dim=-1)


def networks() -> dict[str, tuple[nn.Module, tuple[torch.Tensor, ...]]]:
    torch.manual_seed(3)
    return {
        "pictures": (Pictures(), (torch.randn(2, 3, 16, 16),)),
        "unet": (UNet(), (torch.randn(2, 1, 8, 8),)),
        "tokens": (Tokens(), (torch.randint(0, 11, (2, 6)),)),
        "lstm": (Memory(nn.LSTM), (torch.randn(2, 5, 6),)),
        "gru": (Memory(nn.GRU), (torch.randn(2, 5, 6),)),
        "vae": (Variational(), (torch.randn(2, 1, 8, 8),)),
    }


NAMES = ("pictures", "unet", "tokens", "lstm", "gru", "vae")
SLOW = [pytest.param(name, True, marks=pytest.mark.slow) for name in NAMES if name != "pictures"]


@pytest.mark.parametrize(("name", "dynamo"), [("pictures", True), *SLOW, *((name, False) for name in NAMES)])
def test_a_network_of_torch_comes_back(name: str, dynamo: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    module, inputs = networks()[name]
    found = check(exported(module, inputs, dynamo), tmp_path)
    with capsys.disabled():
        print(f"\n{name} ({'dynamo' if dynamo else 'old'}): {found.coverage.summary}\n{found.coverage.table()}")
        print(layers(found))


def test_channels_last_pictures_become_convolutions_between_permutes(tmp_path: Path):
    """As converters of TensorFlow and Keras write them: the input N × H × W × C, weights turned, a bias added later."""
    nodes = [
        node("Transpose", ["image"], ["first"], name="model/conv/Conv2D__5", perm=[0, 3, 1, 2]),
        node("Conv", ["first", "w"], ["a"], name="model/conv/Conv2D", auto_pad="SAME_UPPER", strides=[2, 2]),
        node("Add", ["a", "bias"], ["b"], name="model/conv/BiasAdd"),
        node("Relu", ["b"], ["c"], name="model/relu/Relu"),
        node("MaxPool", ["c"], ["d"], name="model/pool/MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Transpose", ["d"], ["e"], name="model/pool/MaxPool__9", perm=[0, 2, 3, 1]),
        node("Mul", ["e", "scale"], ["f"], name="model/scale/mul"),
        node("ReduceMean", ["f"], ["g"], name="model/gap/Mean", axes=[1, 2], keepdims=0),
        node("MatMul", ["g", "dense"], ["h"], name="model/dense/MatMul"),
        node("Add", ["h", "dense_bias"], ["logits"], name="model/dense/BiasAdd"),
        node("Softmax", ["logits"], ["y"], name="model/softmax/Softmax", axis=-1),
    ]
    constants = {
        "w": draw(6, 3, 3, 3),
        "bias": draw(1, 6, 1, 1),
        "scale": draw(6),
        "dense": draw(6, 4),
        "dense_bias": draw(4),
    }
    found = check(model(nodes, {"image": ("unk__1", 12, 9, 3)}, constants, opset=13), tmp_path)
    assert [each for each in layers(found) if each != "learned_tensor"] == [
        *("permute", "zero_pad2d", "conv2d", "relu", "max_pool2d", "permute", "multiply", "mean", "linear", "softmax")
    ]
    labels = {each.type: each.label for each in found.document.graph.nodes.values()}
    assert labels["linear"] == "dense"


def test_transposes_that_undo_each_other_vanish(tmp_path: Path):
    nodes = [
        node("Transpose", ["x"], ["a"], perm=[0, 2, 3, 1]),
        node("Transpose", ["a"], ["b"], perm=[0, 3, 1, 2]),
        node("Reshape", ["b", "flat"], ["c"]),
        node("Reshape", ["c", "again"], ["d"]),
        node("Conv", ["d", "w"], ["y"]),
    ]
    constants = {"w": draw(2, 4, 3, 3), "flat": ints(0, -1), "again": ints(0, 4, 9, 7)}
    found = check(model(nodes, {"x": ("N", 4, 9, 7)}, constants), tmp_path)
    assert layers(found) == ["conv2d"]


@pytest.mark.parametrize("square", ["Pow", "Mul"])
def test_a_layer_norm_in_pieces_is_one_layer(square: str, tmp_path: Path):
    nodes = [
        node("ReduceMean", ["x"], ["mean"], axes=[-1]),
        node("Sub", ["x", "mean"], ["centred"]),
        node(square, ["centred", "two" if square == "Pow" else "centred"], ["squared"]),
        node("ReduceMean", ["squared"], ["spread"], axes=[-1]),
        node("Add", ["spread", "eps"], ["safe"]),
        node("Sqrt", ["safe"], ["root"]),
        node("Div", ["centred", "root"], ["normal"]),
        node("Mul", ["normal", "gain"], ["scaled"]),
        node("Add", ["scaled", "shift"], ["y"]),
    ]
    constants = {"two": np.float32(2), "eps": np.float32(1e-6), "gain": draw(8), "shift": draw(8, seed=2)}
    found = check(model(nodes, {"x": ("N", 5, 8)}, constants, opset=13), tmp_path)
    assert layers(found) == ["layer_norm"]
    (norm,) = [each for each in found.document.graph.nodes.values() if each.type == "layer_norm"]
    assert norm.parameters["eps"] == 1e-6


def test_a_layer_norm_whose_pieces_are_used_elsewhere_is_still_right(tmp_path: Path):
    nodes = [
        node("ReduceMean", ["x"], ["mean"], axes=[-1]),
        node("Sub", ["x", "mean"], ["centred"]),
        node("Mul", ["centred", "centred"], ["squared"]),
        node("ReduceMean", ["squared"], ["spread"], axes=[-1]),
        node("Add", ["spread", "eps"], ["safe"]),
        node("Sqrt", ["safe"], ["root"]),
        node("Div", ["centred", "root"], ["normal"]),
        node("Mul", ["normal", "gain"], ["scaled"]),
        node("Add", ["normal", "root"], ["y"]),
    ]
    constants = {"eps": np.float32(1e-5), "gain": draw(8)}
    check(model(nodes, {"x": ("N", 5, 8)}, constants, ("y", "scaled", "spread"), opset=13), tmp_path)


def gelu_nodes(order: str) -> Sequence[onnx.NodeProto]:
    inner = [node("Div", ["x", "root"], ["a"]), node("Erf", ["a"], ["b"]), node("Add", ["b", "one"], ["c"])]
    ends = {
        "half last": [node("Mul", ["x", "c"], ["d"]), node("Mul", ["d", "half"], ["y"])],
        "half first": [node("Mul", ["x", "half"], ["d"]), node("Mul", ["d", "c"], ["y"])],
        "half inside": [node("Mul", ["c", "half"], ["d"]), node("Mul", ["x", "d"], ["y"])],
    }
    return [*inner, *ends[order]]


@pytest.mark.parametrize("order", ["half last", "half first", "half inside"])
def test_a_gelu_in_pieces_is_one_layer(order: str, tmp_path: Path):
    constants = {"root": np.float32(2**0.5), "one": np.float32(1), "half": np.float32(0.5)}
    found = check(model(gelu_nodes(order), {"x": ("N", 5, 8)}, constants), tmp_path)
    assert layers(found) == ["gelu"]


@pytest.mark.parametrize("cube", ["Pow", "Mul"])
def test_a_gelu_by_tanh_in_pieces_is_one_layer(cube: str, tmp_path: Path):
    square = [node("Mul", ["x", "x"], ["s"]), node("Mul", ["s", "x"], ["cube"])]
    nodes = [
        *([node("Pow", ["x", "three"], ["cube"])] if cube == "Pow" else square),
        node("Mul", ["cube", "k"], ["a"]),
        node("Add", ["x", "a"], ["b"]),
        node("Mul", ["b", "root"], ["c"]),
        node("Tanh", ["c"], ["d"]),
        node("Add", ["d", "one"], ["e"]),
        node("Mul", ["x", "half"], ["f"]),
        node("Mul", ["f", "e"], ["y"]),
    ]
    numbers = {"three": 3.0, "k": 0.044715, "root": (2 / np.pi) ** 0.5, "one": 1.0, "half": 0.5}
    constants = {name: np.float32(value) for name, value in numbers.items()}
    found = check(model(nodes, {"x": ("N", 5, 8)}, constants), tmp_path)
    assert layers(found) == ["gelu"]


@pytest.mark.parametrize(
    ("inner", "layer"), [(("Sigmoid",), "silu"), (("Softplus", "Tanh"), "mish"), (("HardSigmoid",), "hardswish")]
)
def test_gated_activations_are_one_layer(inner: tuple[str, ...], layer: str, tmp_path: Path):
    nodes, name = [], "x"
    for number, kind in enumerate(inner):
        more = {"alpha": 1 / 6} if kind == "HardSigmoid" else {}
        nodes.append(node(kind, [name], [f"g{number}"], **more))
        name = f"g{number}"
    nodes.append(node("Mul", [name, "x"], ["y"]))
    found = check(model(nodes, {"x": ("N", 5, 8)}), tmp_path)
    assert layers(found) == [layer]


def test_rms_norm_in_pieces_is_one_layer(tmp_path: Path):
    nodes = [
        node("Pow", ["x", "two"], ["a"]),
        node("ReduceMean", ["a"], ["b"], axes=[-1]),
        node("Add", ["b", "eps"], ["c"]),
        node("Sqrt", ["c"], ["d"]),
        node("Reciprocal", ["d"], ["e"]),
        node("Mul", ["x", "e"], ["f"]),
        node("Mul", ["gain", "f"], ["y"]),
    ]
    constants = {"two": np.float32(2), "eps": np.float32(1e-6), "gain": draw(8)}
    found = check(model(nodes, {"x": ("N", 5, 8)}, constants, opset=13), tmp_path)
    assert layers(found) == ["rms_norm"]


def test_shared_initializers_are_shared_weights(tmp_path: Path):
    nodes = [
        node("Gemm", ["x", "w", "b"], ["a"], transB=1),
        node("Relu", ["a"], ["c"]),
        node("Gemm", ["c", "w", "b"], ["y"], transB=1),
    ]
    found = check(model(nodes, {"x": ("N", 8)}, {"w": draw(8, 8), "b": draw(8)}), tmp_path)
    first, second = [each for each in found.document.graph.nodes.values() if each.type == "linear"]
    assert second.tied_to == first.id


def test_a_condition_that_stands_in_the_file_chooses_its_branch(tmp_path: Path):
    branches = {
        name: onnx.helper.make_graph(
            [node(kind, ["x"], [f"{name}_y"])], name, [], [onnx.helper.make_empty_tensor_value_info(f"{name}_y")]
        )
        for name, kind in (("then_branch", "Relu"), ("else_branch", "Tanh"))
    }
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Gather", ["shape", "one"], ["features"]),
        node("Equal", ["features", "eight"], ["condition"]),
        node("If", ["condition"], ["y"], **branches),
    ]
    constants = {"one": np.int64(1), "eight": np.int64(8)}
    found = check(model(nodes, {"x": ("N", 8)}, constants), tmp_path)
    assert layers(found) == ["relu"]


def test_functions_of_the_file_are_written_out(tmp_path: Path):
    body = [
        node("Constant", [], ["slope"], value_float=0.5),
        node("Mul", ["a", "slope"], ["b"]),
        node("LeakyRelu", ["b"], ["c"]),
    ]
    body[2].attribute.add(name="alpha", ref_attr_name="alpha", type=onnx.AttributeProto.FLOAT)
    opsets = [onnx.helper.make_opsetid("", 20)]
    function = onnx.helper.make_function("own", "Bent", ["a"], ["c"], body, opsets, ["alpha"])
    nodes = [
        node("Bent", ["x"], ["h"], domain="own", alpha=0.3, name="/first/Bent"),
        node("Bent", ["h"], ["y"], domain="own", alpha=0.1, name="/second/Bent"),
    ]
    found = check(model(nodes, {"x": ("N", 8)}, functions=[function], domains={"own": 1}), tmp_path)
    assert layers(found) == ["multiply_scalar", "leaky_relu"] * 2
    assert [each.type for each in found.document.graph.nodes.values()].count("block.first") == 2


def test_unknown_operators_are_opaque_and_the_rest_stays(tmp_path: Path):
    nodes = [
        node("Gemm", ["x", "w"], ["a"]),
        node("Strange", ["a"], ["b"], domain="com.example", amount=3, name="odd"),
        node("Relu", ["b"], ["c"]),
        node("Loop", ["", "yes", "c"], ["d"], body=loop_body()),
        node("Sigmoid", ["c"], ["y"]),
    ]
    proto = model(
        nodes, {"x": ("N", 8)}, {"w": draw(8, 5), "yes": np.array(True)}, ("y", "d"), domains={"com.example": 1}
    )
    for name in ("b", "d"):
        proto.graph.value_info.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", 5]))
    found = imported(proto, tmp_path)
    types = {each.type: each for each in found.document.graph.nodes.values()}
    assert types["foreign.com.example.Strange"].parameters["settings"]["amount"] == 3
    assert "while it runs" in types["foreign.onnx.Loop"].parameters["reason"]
    assert found.coverage.opaque == 2
    shapes = ShapeInference().infer(found.document)
    assert {problem.code for problem in shapes.problems} == {"layer.foreign"}
    assert types["relu"].id in shapes.done


def loop_body() -> onnx.GraphProto:
    values = [
        onnx.helper.make_tensor_value_info("number", onnx.TensorProto.INT64, []),
        onnx.helper.make_tensor_value_info("go", onnx.TensorProto.BOOL, []),
        onnx.helper.make_tensor_value_info("state", onnx.TensorProto.FLOAT, ["N", 5]),
    ]
    body = [node("Identity", ["go"], ["still"]), node("Relu", ["state"], ["next"])]
    ends = [
        onnx.helper.make_tensor_value_info("still", onnx.TensorProto.BOOL, []),
        onnx.helper.make_tensor_value_info("next", onnx.TensorProto.FLOAT, ["N", 5]),
    ]
    return onnx.helper.make_graph(body, "body", values, ends)


@pytest.mark.parametrize("fixed", [1, 3])
def test_a_file_for_a_fixed_number_of_samples_takes_any(fixed: int, tmp_path: Path):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 6)).eval()
    proto = exported(module, (torch.randn(fixed, 3, 8, 8),), dynamo=False, dynamic=False)
    found = check(proto, tmp_path)
    assert any("any number" in note for note in found.notes)
    shape = np.array([fixed, 2, 3])
    nodes = [node("Reshape", ["x", "shape"], ["a"]), node("Transpose", ["a"], ["y"], perm=[0, 2, 1])]
    found = check(model(nodes, {"x": (fixed, 6)}, {"shape": shape}), tmp_path)
    assert layers(found) == ["reshape", "transpose"]


def test_scopes_of_both_exporters_name_the_modules(tmp_path: Path):
    module, inputs = networks()["pictures"]
    for dynamo in (True, False):
        path = tmp_path / "network.onnx"
        path.write_bytes(exported(module, inputs, dynamo).SerializeToString())
        operations = translate(read_graph(path, Job())[0], Job()).operations
        found = {(each.scope[-1].path if each.scope else "", each.label) for each in operations if each.origin}
        prefix = "" if dynamo else "/"
        stage = "stages.0"
        assert any(scope.endswith(stage) and label in ("conv1", "norm1") for scope, label in found), (prefix, found)
        assert ("", "head") in found


def test_masks_and_positions_of_all_samples_are_worked_out(tmp_path: Path):
    """Range up to N, rows picked by the sample's number, a causal mask for each sample: nothing of it depends on x."""
    nodes = [
        node("Shape", ["x"], ["n"], start=0, end=1),
        node("Concat", ["n", "one"], ["wide"], axis=0),
        node("Expand", ["steps", "wide"], ["positions"]),
        node("Squeeze", ["n"], ["count"]),
        node("Range", ["zero", "count", "step"], ["numbers"]),
        node("Unsqueeze", ["numbers", "ends"], ["column"]),
        node("Shape", ["positions"], ["whole"]),
        node("Concat", ["whole", "one"], ["target"], axis=0),
        node("Expand", ["column", "target"], ["rows"]),
        node("Unsqueeze", ["positions", "last"], ["places"]),
        node("Concat", ["rows", "places"], ["indices"], axis=-1),
        node("GatherND", ["positions", "indices"], ["same"]),
        node("Unsqueeze", ["same", "last"], ["query"]),
        node("Unsqueeze", ["same", "one"], ["key"]),
        node("LessOrEqual", ["key", "query"], ["mask"]),
        node("Where", ["mask", "open", "closed"], ["bias"]),
        node("Add", ["x", "bias"], ["a"]),
        node("Softmax", ["a"], ["y"]),
    ]
    constants = {
        "one": ints(1),
        "steps": np.arange(6)[None],
        "zero": np.int64(0),
        "step": np.int64(1),
        "ends": ints(1, 2),
        "last": ints(-1),
        "open": np.float32(0),
        "closed": np.float32(-1e9),
    }
    found = check(model(nodes, {"x": ("N", 6, 6)}, constants), tmp_path)
    assert layers(found) == ["fixed_tensor", "add", "softmax"]


def test_what_differs_from_sample_to_sample_is_no_constant(tmp_path: Path):
    nodes = [
        node("Shape", ["x"], ["n"], start=0, end=1),
        node("Squeeze", ["n"], ["count"]),
        node("Range", ["zero", "count", "step"], ["numbers"]),
        node("Unsqueeze", ["numbers", "last"], ["column"]),
        node("Cast", ["column"], ["numbered"], to=1),
        node("Add", ["x", "numbered"], ["y"]),
    ]
    constants = {"zero": np.int64(0), "step": np.int64(1), "last": ints(-1)}
    found = imported(model(nodes, {"x": ("N", 6)}, constants), tmp_path)
    assert [row.origin for row in found.coverage.rows if row.reason] == ["onnx.Add"]


OLD = frozenset(("t5", "swin"))
"""Architectures that torch's newer exporter stumbles over, and the older one writes."""


@pytest.mark.slow
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_architecture_comes_back(name: str, tmp_path: Path):
    module, inputs = architecture(name)
    found = check(exported(module, inputs, dynamo=name not in OLD), tmp_path)
    print(f"\n{name}: {found.coverage.summary}\n{found.coverage.table()}")
    assert found.document.blocks
