"""The registry of rules: which function says what becomes of an operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from netbuilder.exchange.incoming.onnx.network import Network
from netbuilder.exchange.incoming.onnx.values import Value

Result: TypeAlias = "Value | tuple[Value | None, ...]"
Rule: TypeAlias = Callable[[Network], Result]

RULES: Final[dict[str, Rule]] = {}
"""Operator -> its rule. A rule returns the value of each output, None for one that nothing reads."""


def operator(*kinds: str) -> Callable[[Rule], Rule]:
    """Declare a function as the rule of operators."""

    def declare(rule: Rule) -> Rule:
        for kind in kinds:
            assert kind not in RULES, f"{kind} has two rules"
            RULES[kind] = rule
        return rule

    return declare
