from __future__ import annotations

import pytest

from netbuilder.document.expressions import ExpressionError, evaluate, is_expression, names_in

VALUES = {"filters": 16, "rate": 0.5, "name": "same", "shape": (1, 2), "on": True}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("filters", 16),
        ("filters * 4", 64),
        ("filters // 3 + 1", 6),
        ("-filters", -16),
        ("2 ** 10", 1024),
        ("filters / 2", 8.0),
        ("int(filters / 3)", 5),
        ("max(filters, 32)", 32),
        ("min(1, rate)", 0.5),
        ("round(rate * 3)", 2),
        ("abs(-3)", 3),
        ("(-1, filters, filters // 2)", (-1, 16, 8)),
        ("filters % 5", 1),
        ("name", "same"),
        ("shape", (1, 2)),
        ("on", True),
    ],
)
def test_what_an_expression_gives(text, value):
    found = evaluate(text, VALUES)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "filters +",
        "unknown",
        "name * 2",
        "on + 1",
        "1 / 0",
        "2 ** 1000",
        "9 ** 9 ** 9",
        "10 ** 16",
        "1e300",
        "1e10",
        "(-8) ** 0.5",
        "filters if rate else 1",
        "filters > 3",
        "[1, 2]",
        "'text'",
        "True",
        "None",
        "__import__('os')",
        "filters.real",
        "filters[0]",
        "lambda: 1",
        "max(filters)",
        "int(1, 2)",
        "print(1)",
        "max(*shape)",
        "round(1.5, ndigits=1)",
        "filters := 3",
        "(filters, (1, 2))",
        "f'{filters}'",
        "ﬁlters",
        "1" * 201,
        "+".join("1" * 90),
        "filters\x00",
        "1j",
        "~filters",
        "max",
        "shape * 2",
    ],
)
def test_what_is_no_expression(text):
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, VALUES)
    assert str(caught.value)


def test_names_and_values():
    assert names_in("max(filters, 2) * rate") == {"filters", "rate"}
    assert is_expression({"=": "1"})
    assert not is_expression({"=": "1", "more": 2})
    assert not is_expression("filters")
    with pytest.raises(ExpressionError, match="the block has filters, name, on, rate, shape"):
        evaluate("filter", VALUES)
