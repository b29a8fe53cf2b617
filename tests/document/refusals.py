"""Wrong project files, and how they are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from netbuilder.document.files import dumps, loads
from netbuilder.foundation.problem import NetbuilderError, Problem
from tests.builders import tiny_mlp


def refusal(text: str | bytes, name: str = "project.netb") -> Problem:
    with pytest.raises(NetbuilderError) as caught:
        loads(text, name)
    (problem,) = caught.value.problems
    assert problem.code.startswith("file.")
    assert problem.file == name
    assert "project.netb" in problem.message
    assert problem.message.endswith(".")
    return problem


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    """Return the tiny MLP's file with one change."""
    raw = json.loads(dumps(tiny_mlp()))
    change(raw)
    return json.dumps(raw)


def first(raw: dict[str, Any]) -> dict[str, Any]:
    node: dict[str, Any] = raw["graph"]["nodes"][0]
    return node
