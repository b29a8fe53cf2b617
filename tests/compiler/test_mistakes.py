"""Mistakes that people make, each told in plain words at the right place, with a fix that mends it in one edit."""

from __future__ import annotations

from dataclasses import replace
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
from tests.compiler.mistakes.branches import BRANCHES, SHAPES
from tests.compiler.mistakes.images import CONVOLUTIONS, NORMALIZATIONS, POOLS
from tests.compiler.mistakes.losses import LOSSES
from tests.compiler.mistakes.mistake import IMAGE, LABEL, Mistake, T, values
from tests.compiler.mistakes.sequences import SEQUENCES
from tests.compiler.mistakes.tables import LINEAR, TABLES

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
