"""`Rule`: the one declaration from which a health rule's work, help and tests come, and the registry of all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from netbuilder.foundation.declaration import Declaration, Registry
from netbuilder.insight.finding import Finding
from netbuilder.insight.record import Record

Held: TypeAlias = frozenset[str]
"""Nodes at which a rule's finding is shown now: there it holds on with a milder limit, so that it does not flicker."""


@dataclass(frozen=True, kw_only=True)
class Rule(Declaration):
    """One thing that can go wrong in a training.

    Attributes:
        judge: Record, nodes where the finding is shown already -> what is wrong now. It is a pure function and looks at
            no more than some hundred points of a curve.
        looks: In how many looks in a row it must be found before it is shown.
        quiet: In how many looks in a row it must be absent before it goes.
    """

    judge: Callable[[Record, Held], Iterable[Finding]]
    looks: int = 3
    quiet: int = 4


@cache
def registry() -> Registry[Rule]:
    """Return all rules by key."""
    from netbuilder.insight import rules

    found = Registry(Rule)
    found.discover(rules)
    return found
