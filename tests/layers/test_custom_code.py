"""What a custom layer's text says is read from its syntax; nothing of it runs."""

from __future__ import annotations

import pytest

from netbuilder.foundation.parameter import Values
from netbuilder.layers.catalog import catalog
from netbuilder.layers.custom import EXAMPLE, applied, code_of, settings, sizes
from netbuilder.layers.custom_code import MOST_PORTS, CodeError, parse_arguments, parse_names, read

SPEC = catalog()["custom"]

TWO = """\
import numpy as np
import torch.nn.functional as F
from torch import nn

class Two(nn.Module):
    def __init__(self, in_features, width: int = 4, *, bias=True):
        super().__init__()

    def forward(self, x, y, mask=None, *, other, scale=2.0):
        def inner():
            return 1, 2, 3
        hidden = x
        return hidden, y
"""


def values_of(code: str, **more: object) -> Values:
    """Return a node's parameters as they are after its code was applied."""
    fresh = SPEC.defaults()
    return SPEC.resolve({**fresh, **applied(code, fresh), **more})


def test_a_class_is_read() -> None:
    code = read(TWO)
    assert (code.name, code.is_class) == ("Two", True)
    assert code.declared == "x, y, mask?, other"
    assert code.settings == {"in_features": False, "width": True, "bias": True}
    assert code.outputs == ("hidden", "y")
    assert set(code.binds) == {"np", "Two"}


def test_a_function_is_read() -> None:
    code = read("def mix(a, b, weight=0.5, mask=None):\n    return a * weight + b\n")
    assert (code.name, code.is_class, code.declared) == ("mix", False, "a, b, mask?")
    assert code.settings == {"weight": True}
    assert code.outputs == ()


def test_outputs_without_names_get_some() -> None:
    assert read("def two(x):\n    return x + 1, x\n").outputs == ("y1", "y2")
    assert read("def two(x):\n    return x, x\n").outputs == ("y1", "y2")


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("", "no class", 0),
        ("x = 3", "more than imports", 1),
        ("def one(x):\n  return x\ndef two(x):\n  return x", "more than imports", 3),
        ("class A(nn.Module):\n    def forward(self x):\n", "no Python, at line 2", 2),
        ("class A:\n    def forward(self, x): pass", "does not derive", 1),
        ("class A(nn.Module):\n    pass", "without a method forward", 1),
        ("class A(nn.Module):\n    def forward(self, *xs): pass", "any number of inputs", 2),
        ("class A(nn.Module):\n    def forward(self, me): pass", "input called 'me'", 2),
        ("class torch(nn.Module):\n    def forward(self, x): pass", "another meaning", 1),
        ("def print(x):\n    return x", "another meaning", 1),
        ("def inputs(x):\n    return x", "another meaning", 1),
        ("def x(x):\n    return x", "both called x", 1),
        ("from os import path as F\ndef g(x):\n    return x", "another thing as F", 1),
        ("from os import *\ndef g(x):\n    return x", "everything", 1),
        ("from . import secrets\ndef g(x):\n    return x", "folder", 1),
        ("from __future__ import annotations\ndef g(x):\n    return x", "__future__", 1),
        ("import g\ndef g(x):\n    return x", "called g", 2),
        ("def g(x):\n    return '\ud800'", "cannot be read", 0),
        ("def g(" + ", ".join(f"x{n}" for n in range(MOST_PORTS + 1)) + "):\n    return x1", "at most", 1),
    ],
)
def test_what_is_no_layer_says_why_and_where(text: str, words: str, line: int) -> None:
    with pytest.raises(CodeError, match="(?s)" + words.replace("(", r"\(").replace("*", r"\*")) as caught:
        read(text)
    assert caught.value.line == line


@pytest.mark.parametrize("text", ["def g(x):\n    return x\x00", "def g(x):\n    return " + "(" * 9000 + ")" * 9000])
def test_texts_that_break_a_parser_are_refused(text: str) -> None:
    with pytest.raises(CodeError, match="Python"):
        read(text)


def test_usual_imports_are_welcome_in_every_spelling() -> None:
    head = "import math\nimport torch\nimport torch.nn as nn\nfrom torch.nn import functional as F\n"
    assert set(read(head + "def g(x):\n    return x\n").binds) == {"g"}


def test_arguments_are_plain_values() -> None:
    assert parse_arguments("a=1, b=-0.5, c='x', d=(1, [2, 3]), e=None, f=True") == {
        "a": 1,
        "b": -0.5,
        "c": "x",
        "d": (1, (2, 3)),
        "e": None,
        "f": True,
    }
    assert parse_arguments(" ") == {}
    assert parse_arguments("a=1  # the usual") == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        "a=__import__('os').getcwd()",
        "1",
        "*x",
        "**x",
        "a=b",
        "a=1e999",
        "a=10**30",
        "a={1: 2}",
        "a=1), g(b=2",
        "a=1)\nf(b=2",
        "a=1; b=2",
        "a=",
        "a=1, a=2",
        "ａ=1, a=2",
        "a=" + "(" * 500 + ")" * 500,
    ],
)
def test_arguments_that_are_more_than_values_are_refused(text: str) -> None:
    with pytest.raises(CodeError):
        parse_arguments(text)


def test_settings_are_those_of_the_constructor() -> None:
    code = read(TWO)
    assert settings(code, {"arguments": "width=8"}) == {"width": 8}
    with pytest.raises(CodeError, match="does not take"):
        settings(code, {"arguments": "depth=8"})
    needing = read("class A(nn.Module):\n    def __init__(self, n): pass\n    def forward(self, x): pass\n")
    with pytest.raises(CodeError, match="needs a value for n"):
        settings(needing, {"arguments": ""})
    accepting = read("class A(nn.Module):\n    def __init__(self, **all): pass\n    def forward(self, x): pass\n")
    assert settings(accepting, {"arguments": "any=1"}) == {"any": 1}


def test_sizes_come_from_the_first_input_unless_they_are_given() -> None:
    assert sizes(values_of(TWO)) == {"in_features": ("x", -1)}
    assert sizes(values_of(TWO, arguments="in_features=3")) == {}
    assert sizes(values_of(EXAMPLE)) == {}


def test_applying_a_text_changes_the_ports_with_it() -> None:
    fresh = SPEC.defaults()
    assert applied(TWO, fresh) == {"code": TWO, "inputs": "x, y, mask?, other", "outputs": "hidden, y"}
    named = {**fresh, "outputs": "first, second"}
    assert "outputs" not in applied(TWO, named), "names that fit are kept"
    assert applied("nonsense(", fresh) == {"code": "nonsense("}


def test_ports_are_the_declared_ones_whatever_the_code_says() -> None:
    values = SPEC.resolve({"code": "nonsense(", "inputs": "a, b?, a, me, 1x", "outputs": "u v"})
    assert [(port.name, port.optional) for port in SPEC.input_ports(values)] == [("a", False), ("b", True)]
    assert [port.name for port in SPEC.output_ports(values)] == ["u", "v"]
    assert [port.name for port in SPEC.output_ports({**values, "outputs": "?"})] == ["y"]
    assert len(parse_names(" ".join(f"x{n}" for n in range(1000)))) == MOST_PORTS


def test_templates_follow_from_the_text() -> None:
    values = values_of(TWO, arguments="width=8, bias=False")
    assert SPEC.make_text(values) == "Two(in_features=in_features, width=8, bias=False)"
    assert SPEC.call_text(values) == "me(x, y, mask=mask, other=other)"
    assert SPEC.target_text(values) == "hidden, y"
    function = values_of("def mix(a, b, weight=0.5):\n    return a * weight + b\n", arguments="weight=0.1")
    assert (SPEC.make_text(function), SPEC.call_text(function)) == ("", "mix(a, b, weight=0.1)")


def test_a_face_needs_no_parsing() -> None:
    assert SPEC.brief is not None
    assert SPEC.brief(SPEC.defaults()) == "Swish"
    assert SPEC.brief(SPEC.resolve({"code": "class Broken(nn.Module:"})) == "Broken"
    assert SPEC.brief(SPEC.resolve({"code": "nothing"})) == ""
    assert code_of(SPEC.defaults()) is not None
