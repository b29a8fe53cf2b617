"""Nothing that a file says becomes code: hostile labels, titles, notes, fields, ids, phases and values."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from netbuilder.compiler.module import initialize, load_module, release
from netbuilder.compiler.program import write_program
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.compiler.source import Writer
from netbuilder.compiler.template import CompilerError, build, checked, constant, name, same
from netbuilder.document.model import About, Document, Phase, PortRef, Schema
from netbuilder.foundation.problem import NetbuilderError
from tests.builders import DIGITS
from tests.compiler.documents import cnn, with_node, with_parameters

HOSTILE = (
    "PWNED()",
    "x = PWNED()",
    "x\nPWNED()",
    "x\r\nPWNED()",
    "x\x0cPWNED()",
    "x\u2028PWNED()",
    "x\x85PWNED()",
    "x;PWNED()",
    "x#\nPWNED()",
    '"""\nPWNED()\n"""',
    "'''\nPWNED()\n'''",
    '\\"""\nPWNED()',
    '"',
    "'",
    "\\",
    "\\\n",
    "{PWNED()}",
    "%s",
    "a=PWNED(), b",
    "*PWNED()",
    "**PWNED()",
    "lambda: PWNED()",
    "__class__",
    "__init__",
    "__getattr__",
    "__builtins__",
    "__import__('os')",
    "self",
    "forward",
    "train",
    "training",
    "_parameters",
    "super",
    "torch",
    "nn",
    "F",
    "math",
    "Tensor",
    "None",
    "True",
    "class",
    "def",
    "match",
    "_",
    "print",
    "ｐrint",
    "ℌello",
    "café",
    "变量",
    "x\u202ePWNED()",
    "x\x00y",
    "\ud800",
    "",
    " ",
    "1x",
    "-1",
    "batch",
    "model",
    "tap",
    "output",
    "DigitsCNN",
    "train_losses",
    "a" * 10_000,
)


@pytest.fixture(autouse=True)
def alarm(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A builtin `PWNED` that tells when it is called."""
    rung: list[str] = []
    monkeypatch.setattr(builtins, "PWNED", lambda: rung.append("rung"), raising=False)
    yield rung
    assert not rung, "a text from a file was executed"


def test_the_alarm_works(alarm: list[str]) -> None:
    exec("PWNED()")
    assert alarm.pop() == "rung"


def run(given: Document) -> str:
    """Write, load, initialize and run a document; return its source."""
    program = write_program(given, ShapeInference().infer(given))
    loaded = load_module(program)
    try:
        model = loaded.new_network()
        initialize(model, program, 0)
        shapes = {"image": torch.rand(2, 1, 8, 8), "label": torch.tensor([1, 2])}
        fields = {field.name: shapes[wish] for field, wish in zip(given.schemas["digits"].fields, shapes, strict=True)}
        batch = {key: fields[port.port] for key, port in program.sources.items()}
        seen: list[str] = []
        loaded.tapped(model)(lambda path, value: seen.append(path), **{key: batch[key] for key in program.fields})
        assert len(seen) == 5
        for function in loaded.losses.values():
            (loss,) = function(model, batch).values()
            assert loss.isfinite()
    finally:
        release(program)
    return program.source


def same_code(source: str, plain: str) -> bool:
    """Whether two sources have equally many calls and imports, that is, nothing was added."""

    def count(text: str) -> list[str]:
        return [type(each).__name__ for each in ast.walk(ast.parse(text))]

    return count(source) == count(plain)


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_labels(words: str) -> None:
    plain = run(cnn())
    for id in ("conv", "act", "fc", "loss", "digits"):
        assert same_code(run(with_node(cnn(), id, label=words)), plain)


def test_equal_labels() -> None:
    given = cnn()
    for id in given.graph.nodes:
        given = with_node(given, id, label="same")
    run(given)


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_titles_and_notes(words: str) -> None:
    given = replace(cnn(), about=About(title=words, description=words))
    for id in given.graph.nodes:
        given = with_node(given, id, note=words)
    run(given)


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_fields(words: str) -> None:
    image, label = DIGITS.fields
    if words == label.name:
        return
    given = replace(cnn(), schemas={"digits": Schema(fields=(replace(image, name=words), label))})
    edges = {**given.graph.edges, PortRef("conv", "x"): PortRef("digits", words)}
    assert same_code(run(replace(given, graph=replace(given.graph, edges=edges))), run(cnn()))


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_phases_and_ids(words: str) -> None:
    given = cnn()
    given = replace(given, plan=replace(given.plan, phases=(Phase(name=words),)))
    words = words or "an empty id stands for no node: the reader of files refuses it"
    nodes = {(words if id == "act" else id): replace(each, id=words) if id == "act" else each
             for id, each in given.graph.nodes.items()}  # fmt: skip
    edges = {
        PortRef(words if target.node == "act" else target.node, target.port): PortRef(
            words if source.node == "act" else source.node, source.port
        )
        for target, source in given.graph.edges.items()
    }
    run(replace(given, graph=replace(given.graph, nodes=nodes, edges=edges)))


class Sly(int):
    """A number that prints as code."""

    def __repr__(self) -> str:
        return "PWNED()"


@pytest.mark.parametrize(
    "value",
    [*HOSTILE[:12], Sly(3), 1e400, float("nan"), -5, 10**30, True, None, ["PWNED()"], {"a": "PWNED()"}, 3.5, object()],
    ids=range(23),
)
def test_parameter_values(value: Any) -> None:
    with pytest.raises(NetbuilderError) as caught:
        run(with_parameters(cnn(), "conv", filters=value))
    assert caught.value.problems[0].field == "filters"
    with pytest.raises(NetbuilderError):
        run(with_parameters(cnn(initializer=value), "fc"))


def test_unknown_parameters_are_ignored() -> None:
    assert run(cnn(**{"PWNED()": 1, "kernel_size=PWNED(), x": 2})) == run(cnn())


@pytest.mark.parametrize("words", [words for words in HOSTILE if not (words.isascii() and words.isidentifier())])
def test_no_tree_holds_a_name_that_is_none(words: str) -> None:
    with pytest.raises(CompilerError):
        name(words)


def test_keywords_are_no_names() -> None:
    with pytest.raises(CompilerError):
        checked("class")
    assert checked("x1") == "x1"


@pytest.mark.parametrize(
    "value", [Sly(3), 1e400, -1e400, float("nan"), 1 << 70, [1], {"a": 1}, b"x", object(), (1, [2])]
)
def test_only_plain_values_become_constants(value: object) -> None:
    with pytest.raises(CompilerError):
        constant(value)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4).map(tuple),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@drawn(VALUES)
def test_constants_survive_being_printed(value: Any) -> None:
    try:
        text = ast.unparse(constant(value))
    except UnicodeEncodeError:
        return
    back = ast.literal_eval(text)
    assert repr(back) == repr(value)
    squared = build("(value,) * 2", {"value": constant(value)}, (), {})
    assert ast.dump(ast.parse(ast.unparse(squared), mode="eval").body) == ast.dump(squared)


def module(expression: ast.expr) -> ast.Module:
    return ast.Module(body=[ast.Expr(value=expression)], type_ignores=[])


def call(**keywords: str) -> ast.Call:
    return ast.Call(
        func=ast.Name(id="f", ctx=ast.Load()),
        args=[],
        keywords=[ast.keyword(arg=name, value=ast.Constant(value=1)) for name in keywords.values()],
    )


ATTACKS: tuple[ast.Module, ...] = (
    module(ast.Name(id="PWNED()", ctx=ast.Load())),
    module(ast.Name(id="x; PWNED()", ctx=ast.Load())),
    module(ast.Attribute(value=ast.Name(id="x", ctx=ast.Load()), attr="y.PWNED()", ctx=ast.Load())),
    module(call(name="a=PWNED(), b")),
    module(ast.Constant(value=Sly(3))),
    module(ast.BinOp(left=ast.Constant(value=-2), op=ast.Pow(), right=ast.Constant(value=2))),
    ast.Module(
        body=[ast.ClassDef(name="A(PWNED())", bases=[], keywords=[], body=[ast.Pass()], decorator_list=[])],
        type_ignores=[],
    ),
    ast.Module(
        body=[ast.Assign(targets=[ast.Name(id="x = PWNED()", ctx=ast.Store())], value=ast.Constant(value=1), lineno=0)],
        type_ignores=[],
    ),
    ast.Module(
        body=[ast.Import(names=[ast.alias(name="os, sys")])],
        type_ignores=[],
    ),
    ast.Module(body=[ast.Global(names=["x\nPWNED()"])], type_ignores=[]),
)
"""Trees whose printed text says something else: every one prints code or a value that the tree does not hold."""


@pytest.mark.parametrize("tree", ATTACKS, ids=range(len(ATTACKS)))
def test_a_printed_text_that_is_not_its_tree_is_refused(tree: ast.Module) -> None:
    writer = Writer()
    for statement in tree.body:
        writer.text(ast.unparse(statement))
    with pytest.raises(CompilerError):
        writer.finish(tree)


def test_a_printed_text_that_is_its_tree_is_accepted() -> None:
    tree = ast.parse("x = f(a=1, b=-2.5)\nclass A(B):\n    y = 'z', None, True\n")
    writer = Writer()
    writer.text(ast.unparse(tree))
    assert writer.finish(tree)


class Sly(int):
    """A number that prints as something else."""

    def __repr__(self) -> str:
        return "1"


TREES = [
    *(ast.Constant(value=value) for value in (1, True, 1.0, 0.0, -0.0, "1", "x", None, (1,), (True,), Sly(1), b"x")),
    *(ast.parse(text) for text in ("f(1)", "f(a=1)", "f(*a)", "f(**a)", "x = 1", "x: int = 1", "x = y = 1", "")),
    *(ast.parse(text) for text in ("u'x'", "'x'", "def f(): pass", "def f(a): pass", "def f() -> int: pass")),
    ast.Name(id="x", ctx=ast.Load()),
    ast.Name(id="x", ctx=ast.Store()),
    ast.Name(id="x"),
    ast.List(elts=[], ctx=ast.Load()),
    ast.List(elts=[ast.Constant(value=1)], ctx=ast.Load()),
]


@pytest.mark.parametrize("one", TREES, ids=range(len(TREES)))
def test_a_tree_is_the_same_as_itself_alone(one: ast.AST) -> None:
    assert [other for other in TREES if same(one, other)] == [one]
    assert not same(one, ast.Constant(value=2))
