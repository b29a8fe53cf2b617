from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import nn

from netbuilder.compiler.cost import count_costs
from netbuilder.compiler.module import build, initialize, load_module, release
from netbuilder.compiler.paths import place
from netbuilder.compiler.problems import find_problems
from netbuilder.compiler.program import Program, write_program
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document import edits
from netbuilder.document.model import Definition, Document, Graph, Group, Node, Phase, Plan, PortRef
from netbuilder.foundation.problem import NetbuilderError, Problem
from tests.builders import conv2d, linear, node
from tests.compiler.blocks import decoder, define, formula, residual_block, stage_block, staged, with_blocks
from tests.compiler.documents import with_parameters

BATCH = {"image": torch.linspace(-1, 1, 5 * 64).reshape(5, 1, 8, 8), "label": torch.arange(5)}


def write(given: Document) -> Program:
    return write_program(given, ShapeInference().infer(given))


def problems(given: Document) -> list[Problem]:
    return [each for each in find_problems(given, ShapeInference().infer(given)) if each.is_error]


def codes(given: Document) -> list[str]:
    return [each.code for each in problems(given)]


def check_same_inside(given: Document) -> Program:
    """Check that the classes compute what the flat graph does, in training mode, random numbers included."""
    program = write(given)
    loaded = load_module(program)
    model = loaded.new_network()
    initialize(model, program, 3)
    torch.manual_seed(1)
    expected = model(image=BATCH["image"])
    seen: list[str] = []
    torch.manual_seed(1)
    found = loaded.tapped(model)(lambda path, _: seen.append(path), image=BATCH["image"])
    assert torch.equal(found, expected)
    assert set(program.names) <= set(seen)
    assert len(seen) == len(set(seen))
    for path, attribute in program.names.items():
        assert isinstance(model.get_submodule(attribute), nn.Module), path
    loaded.losses["train"](model, BATCH)["loss"].backward()
    assert all(weight.grad is not None for weight in model.parameters())
    release(program)
    return program


RESIDUAL = '''class ResidualBlock(nn.Module):
    """Residual block: takes x and gives y."""

    def __init__(self, in_channels: int, filters: int, rate: float) -> None:
        super().__init__()
        self.r_conv = nn.Conv2d(in_channels, filters, 3, padding=1)
        self.r_norm = nn.BatchNorm2d(filters)
        self.r_last = nn.Conv2d(filters, filters, 3, padding=1)
        self.r_short = nn.Conv2d(in_channels, filters, 1)
        self.r_drop = nn.Dropout(rate)

    def forward(self, x: Tensor) -> Tensor:
        h = self.r_conv(x)
        h = self.r_norm(h)
        h = F.relu(h)
        r_last = self.r_last(h)
        h = self.r_short(x)
        h = r_last + h
        h = self.r_drop(h)
        return h
'''


def test_a_block_is_one_class_with_its_parameters_whatever_its_instances_sizes() -> None:
    program = check_same_inside(staged())
    assert RESIDUAL in program.source
    assert program.source.count("class ") == 4
    assert "self.alone = ResidualBlock(in_channels=6, filters=5, rate=0.25)" in program.source
    assert "*(ResidualBlock(in_channels=width, filters=width, rate=0.5) for _ in range(depth))" in program.source
    assert "for in_channels in (4, width, width)" in program.source


def test_weights_are_named_by_node_paths_and_drawn_by_them() -> None:
    program = write(staged())
    assert program.names["one/0/s_block/1/r_conv"] == "first.block.1.r_conv"
    assert program.names["last/0/r_short"] == "alone.r_short"
    model, other = build(staged()), build(edits.rename(staged(), "one", "renamed"))
    one = model.get_submodule("first.block.1.r_conv").weight
    assert torch.equal(one, other.get_submodule("renamed.block.1.r_conv").weight)
    assert not torch.equal(one, model.get_submodule("first.block.0.r_conv").weight), "each copy has fresh weights"


def test_copies_in_series_hand_on_what_they_can_and_share_the_rest() -> None:
    program = check_same_inside(decoder())
    assert "        for layer in self.decode:\n            decode = layer(decode, x)\n" in program.source
    assert "(DecoderLayer(in_features=in_features, units=16) for in_features in (64, 16, 16))" in program.source
    assert program.names["dec/2/d_fc"] == "decode.2.d_fc"


def test_a_tied_block_has_no_weights_of_its_own() -> None:
    body = [conv2d("stem", 8), node("a", "block.residual", "a", rate=0.0), node("b", "block.residual", "b", rate=0.0)]
    given = edits.tie_weights(with_blocks(body, residual_block()), "b", "a")
    program = check_same_inside(given)
    assert program.source.count(" = ResidualBlock(") == 1
    assert not any(path.startswith("b/") for path in program.names)
    costs = count_costs(given, ShapeInference().infer(given))
    assert costs.nodes["b"].parameters == 0 < costs.nodes["a"].parameters
    assert costs.total.parameters == sum(weight.numel() for weight in build(given).parameters())


def test_a_tied_block_of_other_sizes_is_told() -> None:
    body = [conv2d("stem", 4), node("a", "block.residual", "a"), node("b", "block.residual", "b")]
    found = problems(edits.tie_weights(with_blocks(body, residual_block()), "b", "a"))
    assert {each.code for each in found} == {"tie.size"}
    assert "a.r_conv" in found[0].message
    assert "b.r_conv" in found[0].message


def test_layers_in_a_block_may_share_weights() -> None:
    nodes = [
        node("i", "input", "x"),
        linear("p", formula("units")),  # type: ignore[arg-type]
        replace(linear("q", 1), tied_to="p"),
        node("o", "output", "y"),
    ]
    twice = define("twice", nodes, [("i.y", "p.x"), ("p.y", "q.x"), ("q.y", "o.x")], "Twice", {"units": 64})
    given = with_blocks([node("pixels", "flatten"), node("t", "block.twice", "t", repeat=2)], twice)
    program = check_same_inside(given)
    assert [path for path in program.names if path.startswith("t/")] == ["t/0/p", "t/1/p"]


def test_a_setting_that_forward_reads_is_kept_by_the_module() -> None:
    nodes = [node("i", "input", "x"), node("act", "power", exponent=formula("order")), node("o", "output", "y")]
    raised = define("raised", nodes, [("i.y", "act.x"), ("act.y", "o.x")], "Raised", {"order": 2.0})
    body = [node("a", "block.raised", "a", order=2.0), node("b", "block.raised", "b", order=3), conv2d("c", 2)]
    program = check_same_inside(with_blocks(body, raised))
    assert "        self.order = order\n" in program.source
    assert "torch.pow(x, self.order)" in program.source or "x ** self.order" in program.source
    assert program.source.count("class Raised") == 1


def test_renaming_a_port_of_a_block_keeps_its_links() -> None:
    given = edits.rename(edits.rename(staged(), "s_in", "values", scope="stage"), "r_out", "sums", scope="residual")
    program = check_same_inside(given)
    assert "def forward(self, values: Tensor)" in program.source
    assert given.graph.edges[PortRef("flat", "x")] == PortRef("last", "sums")


def test_instances_that_differ_in_kind_have_classes_of_their_own() -> None:
    nodes = [
        node("i", "input", "x"),
        conv2d("c", 4, bias=formula("biased"), padding=formula("padding")),
        node("o", "output", "y"),
    ]
    block = define("choice", nodes, [("i.y", "c.x"), ("c.y", "o.x")], "Choice", {"biased": True, "padding": "same"})
    body = [
        node("a", "block.choice", "a", padding="same"),
        node("b", "block.choice", "b", padding="valid", biased=False),
        node("d", "block.choice", "d", padding="same"),
    ]
    program = check_same_inside(with_blocks(body, block))
    assert program.source.count("class Choice") == 2
    assert program.source.count(" = Choice(") == 2


def test_two_blocks_of_one_title_are_two_classes() -> None:
    other = replace(residual_block(), key="other")
    renamed = {id: replace(n, id=f"o{id}") for id, n in other.graph.nodes.items()}
    edges = {PortRef(f"o{t.node}", t.port): PortRef(f"o{s.node}", s.port) for t, s in other.graph.edges.items()}
    other = replace(other, graph=Graph(nodes={n.id: n for n in renamed.values()}, edges=edges))
    body = [conv2d("stem", 8), node("a", "block.residual", "a"), node("b", "block.other", "b")]
    program = check_same_inside(with_blocks(body, residual_block(), other))
    assert "class ResidualBlock2(nn.Module)" in program.source


def test_a_block_may_give_several_values_and_pass_one_through() -> None:
    nodes = [node("i", "input", "x"), conv2d("c", 4), node("o", "output", "out"), node("p", "output", "same")]
    block = define("fork", nodes, [("i.y", "c.x"), ("c.y", "o.x"), ("i.y", "p.x")], "Fork")
    given = with_blocks([node("f", "block.fork", "f"), node("cat", "concat", "cat", axis=1)], block)
    edges = dict(given.graph.edges)
    edges.pop(PortRef("cat", "x"), None)
    given = replace(given, graph=replace(given.graph, edges=edges))
    given = edits.connect(given, PortRef("cat", "a"), PortRef("f", "out"))
    given = edits.connect(given, PortRef("cat", "b"), PortRef("f", "same"))
    program = check_same_inside(given)
    assert "-> tuple[Tensor, Tensor]" in program.source
    shapes = ShapeInference().infer(given)
    assert str(shapes.types[PortRef("f", "same")]) == "N × 1 × 8 × 8"


def test_shapes_of_blocks_and_of_what_is_in_them() -> None:
    shapes = ShapeInference().infer(staged())
    assert str(shapes.types[PortRef("two", "y")]) == "N × 6 × 8 × 8"
    assert str(shapes.types[PortRef("two/0/s_in", "y")]) == "N × 4 × 8 × 8"
    assert str(shapes.types[PortRef("two/0/s_block/2/r_out", "x")]) == "N × 6 × 8 × 8"
    assert {"one", "two", "two/0/s_block", "two/0/s_block/1/r_sum"} <= shapes.done
    assert place(staged(), "two/0/s_block/1/r_sum") == ("residual", "r_sum")


def test_an_edit_in_a_block_asks_torch_about_its_copies_only() -> None:
    inference = ShapeInference()
    given = staged()
    inference.infer(given)
    before = inference.runs
    inference.infer(edits.set_parameters(given, "last", {"filters": 7}))
    alone = inference.runs - before
    assert 0 < alone <= 8
    inference.infer(edits.set_parameters(given, "last", {"filters": 7}))
    assert inference.runs == before + alone
    first, second = inference.infer(given), inference.infer(edits.move_nodes(given, {}))
    assert first.expansion.flat.graph.edges is second.expansion.flat.graph.edges


def test_a_mistake_in_a_block_is_told_once_with_a_fix_for_the_definition() -> None:
    nodes = [node("i", "input", "x"), linear("l", 5), node("o", "output", "y")]
    block = define("wrong", nodes, [("i.y", "l.x"), ("l.y", "o.x")], "Wrong")
    given = with_blocks([conv2d("c", 2), node("a", "block.wrong", "a"), node("b", "block.wrong", "b")], block)
    found = problems(given)
    assert found[0].node == "a/0/l"
    assert "a.l" in found[0].message
    assert [each.node for each in found] == ["a/0/l"]
    fix = found[0].fixes[0]
    assert fix.arguments["scope"] == "wrong"
    mended = edits.apply(given, fix.edit, fix.arguments)
    assert not [each for each in problems(mended) if each.code == "shape.mismatch"]


def with_inner(given: Document, key: str, nodes: dict[str, Node]) -> Document:
    """Return a document as a file may hold it: nodes put into a block without what edits see to around it."""
    block = given.blocks[key]
    changed = replace(block, graph=replace(block.graph, nodes={**block.graph.nodes, **nodes}))
    return replace(given, blocks={**given.blocks, key: changed})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda d: with_parameters(d, "two", width=formula("1 +")), "block.expression"),
        (lambda d: with_parameters(d, "two", width=0), "parameter.value"),
        (lambda d: with_parameters(d, "two", width="many"), "block.value"),
        (lambda d: with_parameters(d, "two", repeat=0), "block.value"),
        (lambda d: with_parameters(d, "stem", filters=formula("width")), "block.expression"),
        (lambda d: replace(d, blocks={"residual": d.blocks["residual"]}), "block.missing"),
        (lambda d: with_parameters(d, "two", repeat=1000, depth=100), "block.large"),
        (lambda d: edits.disconnect(d, PortRef("s_out", "x"), scope="stage"), "block.exit"),
        (lambda d: edits.disconnect(d, PortRef("one", "x")), "input.open"),
        (lambda d: with_inner(d, "residual", {"n1": node("n1", "block.stage")}), "block.endless"),
        (lambda d: with_inner(d, "stage", {"s_in": node("s_in", "input", "renamed")}), "block.port"),
    ],
)
def test_what_is_wrong_with_blocks_is_told(change, code) -> None:  # type: ignore[no-untyped-def]
    found = problems(change(staged()))
    assert code in [each.code for each in found], [each.message for each in found]
    with pytest.raises(NetbuilderError):
        build(change(staged()))


def test_a_declaration_that_is_not_in_order_is_told() -> None:
    bad = replace(residual_block(), parameters=({"name": "print", "kind": "int", "default": 1},))
    assert codes(with_blocks([conv2d("stem", 8), node("a", "block.residual", "a")], bad))[0] == "block.declaration"


def test_groups_of_the_plan_may_name_a_block_or_a_layer_in_it() -> None:
    from netbuilder.training.network import Network

    phase = Phase(groups=(Group(nodes=("one",), rate=0.1), Group(nodes=("r_short",)), Group()))
    given = replace(staged(), plan=Plan(phases=(phase,)))
    network = Network(given, torch.device("cpu"))
    one, short, rest = (parameters for _, parameters in network.groups(phase))
    assert len(one) + len(short) + len(rest) == len(list(network.model.parameters()))
    assert set(network.key_paths) == set(network.model.state_dict())
    assert network.key_paths["second.block.1.r_norm.running_mean"] == "two/0/s_block/1/r_norm"


def test_pass_through_circles_come_to_an_end() -> None:
    nodes = [node("i", "input", "x"), node("o", "output", "y")]
    same = define("same", nodes, [("i.y", "o.x")], "Same")
    given = with_blocks([node("a", "block.same", "a"), node("b", "block.same", "b"), conv2d("c", 2)], same)
    assert not codes(given)
    circle = replace(given.graph, edges={**given.graph.edges, PortRef("a", "x"): PortRef("b", "y")})
    assert "graph.cycle" in codes(replace(given, graph=circle))


def test_data_and_losses_stand_in_the_main_graph() -> None:
    for type, code in (("data.iris", "block.data"), ("cross_entropy", "block.loss")):
        given = edits.add_node(staged(), node("n1", type), scope="stage")
        assert code in [each.code for each in find_problems(given, ShapeInference().infer(given))]


def test_a_thousand_blocks_in_a_row_and_twenty_in_each_other() -> None:
    nodes = [node("i", "input", "x"), node("o", "output", "y")]
    same = define("same", nodes, [("i.y", "o.x")], "Same")
    row = [node(f"b{index}", "block.same", f"b{index}") for index in range(1000)]
    assert not codes(with_blocks([*row, conv2d("c", 2)], same))
    inner = [residual_block()]
    for depth in range(20):
        held = node(f"m{depth}", f"block.{inner[-1].key}", "held")
        parts = [node(f"i{depth}", "input", "x"), held, node(f"o{depth}", "output", "y")]
        links = [(f"{a.id}.y", f"{b.id}.x") for a, b in pairwise(parts)]
        inner.append(define(f"level{depth}", parts, links, f"Level {depth}"))
    given = with_blocks([conv2d("stem", 8), node("top", "block.level19", "top")], *inner)
    check_same_inside(given)


def test_a_hostile_definition_writes_no_code() -> None:
    for name in ("PWNED", "__import__('os')", "x = 1", "print", "self", "é"):
        bad: Definition = replace(
            residual_block(), title='"""\nimport os', parameters=({"name": name, "kind": "int", "default": 1},)
        )
        assert "block.declaration" in codes(with_blocks([conv2d("c", 8), node("a", "block.residual", "a")], bad))
    evil = replace(residual_block(), title='"""\nimport os; os.abort()\n"""')
    program = check_same_inside(with_blocks([conv2d("c", 8), node("a", "block.residual", "a")], evil))
    assert "import os;" not in [line.strip()[:10] for line in program.source.splitlines()]


def test_a_stage_of_its_own_depth_is_still_one_class() -> None:
    body = [
        conv2d("stem", 4),
        node("a", "block.stage", "a", width=4, depth=2),
        node("b", "block.stage", "b", width=4, depth=3),
    ]
    program = check_same_inside(with_blocks(body, residual_block(), stage_block()))
    assert program.source.count("class Stage") == 1
