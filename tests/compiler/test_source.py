from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

import pytest
import torch

from netbuilder.compiler.module import load_module, release
from netbuilder.compiler.program import Program, class_name, write_program
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.compiler.source import WIDTH, Writer, harmless, printed, wrapped
from netbuilder.compiler.template import CompilerError
from netbuilder.document.model import About, Document, Phase, PortRef
from netbuilder.foundation.problem import NetbuilderError
from tests.builders import DIGITS, document, linear, node
from tests.compiler.documents import cnn, residual, shared, two_heads, with_node


def write(given: Document) -> Program:
    return write_program(given, ShapeInference().infer(given))


CNN = '''"""Digits CNN."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DigitsCNN(nn.Module):
    """Takes image (N × 1 × 8 × 8) and gives fc (N × 10)."""

    def __init__(self) -> None:
        super().__init__()
        # sees edges
        self.conv = nn.Conv2d(1, 8, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(128, 10)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")
        self.conv.requires_grad_(False)

    def forward(self, image: Tensor) -> Tensor:
        x = self.conv(image)  # N × 8 × 8 × 8
        # keeps what is positive
        x = F.relu(x)  # N × 8 × 8 × 8
        x = self.pool(x)  # N × 8 × 4 × 4
        x = torch.flatten(x, 1)  # N × 128
        x = self.fc(x)  # N × 10
        return x


def train_losses(model: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the losses of one batch by name."""
    output = model(image=batch["image"])
    loss = F.cross_entropy(output, batch["label"])
    return {"loss": loss}
'''


def test_a_chain_reads_as_written_by_hand() -> None:
    given = cnn(initializer="kaiming_normal", trainable=False)
    given = with_node(with_node(given, "conv", note="sees edges\nand corners"), "act", note="keeps what is positive")
    program = write(given)
    assert program.source == CNN
    assert program.class_name == "DigitsCNN"
    assert program.names == {"conv": "conv", "pool": "pool", "fc": "fc"}
    assert program.fields == ("image",)
    assert program.outputs == ("fc",)
    assert program.phases == {"train": "train_losses"}
    lines = program.source.splitlines()
    assert {path for number, path in program.lines.items() if "relu(x)" in lines[number - 1]} == {"act"}
    assert {path for number, path in program.lines.items() if "init.kaiming" in lines[number - 1]} == {"conv"}
    (loss,) = program.losses
    assert (loss.node, loss.name, loss.prediction, loss.target, loss.classes) == ("loss", "loss", "fc", "label", 10)


def test_a_branch_keeps_its_value_under_its_label() -> None:
    source = write(residual()).source
    assert source.startswith('"""A network."""')
    assert "class Network(nn.Module)" in source
    body = source.split("-> Tensor:\n")[1].split("\n\n")[0].splitlines()
    assert [line.split("  #")[0].strip() for line in body] == [
        "x = self.stem(image)",
        "act = F.relu(x)",
        "x = self.conv(act)",
        "x = x + act",
        "x = torch.flatten(x, 1)",
        "x = self.fc(x)",
        "return x",
    ]


def test_several_outputs_losses_and_a_computed_target() -> None:
    program = write(two_heads())
    assert "def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:" in program.source
    assert "        return fc, picture\n" in program.source
    assert program.outputs == ("logits", "picture")
    assert 'logits, picture = model(image=batch["image"])' in program.source
    assert 'torch.flatten(batch["image"], 1)' in program.source
    assert 'return {"loss": loss, "likeness": likeness}' in program.source
    assert [loss.prediction for loss in program.losses] == ["logits", "picture"]
    assert [loss.target for loss in program.losses] == ["label", ""]


def test_shared_weights_are_one_module() -> None:
    source = write(shared()).source
    assert source.count("nn.Linear(64, 64)") == 1
    assert source.count("self.first(x)") == 2


def test_each_phase_has_its_function() -> None:
    given = two_heads()
    phases = (Phase(name="classify", losses=("loss",)), Phase(name="copy", losses=("likeness",)))
    program = write(replace(given, plan=replace(given.plan, phases=phases)))
    assert program.phases == {"classify": "classify_losses", "copy": "copy_losses"}
    classify, copy = program.source.split("\ndef ")[1:]
    assert "logits, _ = model(" in classify
    assert "_, picture = model(" in copy
    assert "cross_entropy" not in copy


def test_a_recurrent_layer_unpacks_only_what_is_read() -> None:
    nodes = [node("digits", "data.digits"), node("rows", "squeeze", axis=1), node("memory", "lstm", units=16)]
    links = [("digits.image", "rows.x"), ("rows.y", "memory.x"), ("memory.state", "fc.x")]
    source = write(document([*nodes, linear("fc", 10)], links, {"digits": DIGITS})).source
    assert "self.memory = nn.LSTM(8, 16, batch_first=True)\n" in source
    assert "_, (hidden, _) = self.memory(x)\n" in source


def test_a_network_without_a_loss_returns_its_loose_ends() -> None:
    nodes = [node("noise", "input", dims=(4,)), linear("left", 2), linear("right", 3)]
    program = write(document(nodes, [("noise.y", "left.x"), ("noise.y", "right.x")]))
    assert program.fields == ("noise",)
    assert program.outputs == ("left", "right")
    assert not program.phases


def test_layers_that_lead_nowhere_are_left_out() -> None:
    given = cnn()
    nodes = {**given.graph.nodes, "lone": linear("lone", 3)}
    program = write(replace(given, graph=replace(given.graph, nodes=nodes)))
    assert "lone" not in program.source


def test_errors_are_raised_with_their_problems() -> None:
    given = cnn(filters=0)
    with pytest.raises(NetbuilderError) as caught:
        write(given)
    assert caught.value.problems[0].node == "conv"


def test_pending_shapes_are_no_program() -> None:
    shapes = replace(ShapeInference().infer(cnn()), pending=frozenset({"fc"}))
    with pytest.raises(NetbuilderError) as caught:
        write_program(cnn(), shapes)
    assert caught.value.problems[0].code == "shape.pending"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Digits CNN", "DigitsCNN"),
        ("my net, v2", "MyNetV2"),
        ("2nd try", "Network"),
        ("", "Network"),
        ("Tensor", "Network"),
        ("Mélodie", "Network"),
        ("none", "Network"),
        ("a" * 500, "Network"),
    ],
)
def test_class_names(title: str, name: str) -> None:
    assert class_name(title) == name


def test_a_title_is_harmless_in_the_docstring() -> None:
    given = replace(cnn(), about=About(title='"""\nimport os\x00\u202e\\'))
    program = write(given)
    assert program.source.splitlines()[0] == '"""\'\'\' import os /."""'


def test_long_calls_are_wrapped() -> None:
    tree = ast.parse("value = function(" + ", ".join(f"argument_{i}=some.name_{i}" for i in range(12)) + ")").body[0]
    lines = wrapped(tree, WIDTH)
    assert max(map(len, lines)) <= WIDTH
    assert lines[0] == "value = function("
    assert lines[1] == "    argument_0=some.name_0,"
    assert ast.dump(ast.parse("\n".join(lines)).body[0]) == ast.dump(tree)
    short = ast.parse("value = torch.concatenate([" + ", ".join(f"piece_{i}" for i in range(9)) + "], dim=1)").body[0]
    assert len(wrapped(short, WIDTH)) == 3


def test_a_text_that_does_not_say_what_was_meant_is_refused() -> None:
    writer = Writer()
    writer.text("x = 1")
    with pytest.raises(CompilerError):
        writer.finish(ast.parse("x = 2"))
    writer.text("x = (")
    with pytest.raises(CompilerError):
        writer.finish(ast.parse("x = 1"))


def test_strings_are_in_double_quotes_where_they_need_no_escapes() -> None:
    assert printed(ast.parse("f('a', \"b'c\", '\"')", mode="eval").body) == 'f("a", "b\'c", \'"\')'


@pytest.mark.parametrize("words", ["a\x00b", "tab\there", "line\u2028break", "bidi\u202eevil", '"""', "\\", "  "])
def test_remarks_are_one_printable_line(words: str) -> None:
    line = harmless(words)
    assert line.isprintable()
    assert not set('"\\') & set(line)


def test_the_text_by_itself_gives_the_same_bits() -> None:
    for given in (cnn(), residual(), two_heads(), shared()):
        program = write(given)
        loaded = load_module(program)
        model = loaded.new_network()
        namespace: dict[str, Any] = {"__name__": "model"}
        exec(program.source, namespace)
        twin = namespace[program.class_name]()
        twin.load_state_dict(model.state_dict())
        batch = {"image": torch.rand(5, 1, 8, 8), "label": torch.arange(5)}
        for phase, function in program.phases.items():
            ours, theirs = loaded.losses[phase](model, batch), namespace[function](twin, batch)
            assert ours.keys() == theirs.keys()
            assert all(torch.equal(ours[key], theirs[key]) for key in ours)
        release(program)


def test_fields_of_one_name_are_told_apart() -> None:
    nodes = [node("left", "data.digits"), node("right", "data.digits"), node("sum", "add")]
    links = [("left.image", "sum.a"), ("right.image", "sum.b")]
    program = write(document(nodes, links, {"left": DIGITS, "right": DIGITS}))
    assert program.fields == ("left_image", "right_image")
    assert program.sources["right_image"] == ("right", "image")
    assert "x = left_image + right_image" in program.source


def test_a_layer_that_only_makes_targets_is_called_by_the_phase() -> None:
    given = two_heads()
    nodes = {**given.graph.nodes, "teacher": linear("teacher", 64, trainable=False)}
    edges = {**given.graph.edges}
    edges[PortRef("teacher", "x")] = edges[PortRef("likeness", "target")]
    edges[PortRef("likeness", "target")] = PortRef("teacher", "y")
    program = write(replace(given, graph=replace(given.graph, nodes=nodes, edges=edges)))
    forward, losses = program.source.split("def train_losses")
    assert "self.teacher(" not in forward
    assert "model.teacher(x)" in losses
    assert program.losses[1].target == ""


def test_an_output_may_return_what_came_in() -> None:
    nodes = [node("noise", "input", dims=(4,)), linear("fc", 3), node("first", "output"), node("second", "output")]
    program = write(document(nodes, [("noise.y", "fc.x"), ("fc.y", "first.x"), ("noise.y", "second.x")]))
    assert "        return fc, noise\n" in program.source
    assert program.outputs == ("first", "second")


def test_a_label_like_the_chain_s_variable_gets_out_of_its_way() -> None:
    nodes = [node("i", "input", "x", dims=(4,)), linear("a", 3), linear("b", 2)]
    source = write(document(nodes, [("i.y", "a.x"), ("a.y", "b.x")])).source
    assert "def forward(self, x: Tensor)" in source
    assert "        h = self.a(x)" in source


def test_names_of_nested_weights_become_members() -> None:
    nodes = [node("digits", "data.digits"), node("rows", "squeeze", axis=1)]
    layer = node("encoder", "transformer_encoder_layer", heads=2, initializer="xavier_uniform")
    source = write(
        document([*nodes, layer], [("digits.image", "rows.x"), ("rows.y", "encoder.x")], {"digits": DIGITS})
    ).source
    assert "nn.init.xavier_uniform_(self.encoder.self_attn.in_proj_weight)" in source
