"""`Rule`: the one declaration from which a health rule's work, help and tests come, and the registry of all."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias, TypeVar

from netbuilder.foundation.declaration import Declaration, Registry
from netbuilder.insight.finding import Finding
from netbuilder.insight.record import Record

Held: TypeAlias = frozenset[str]
"""Nodes at which a rule's finding is shown now: there it holds on with a milder limit, so that it does not flicker."""

Findings: TypeAlias = Generator["Finding | None", None, None]
"""What is wrong, one by one; None is where whoever waits for the thread can have it."""

PIECE: Final = 64
"""So many layers are looked at between two such places."""

T = TypeVar("T")


def in_pieces(layers: Iterable[T]) -> Iterator[T | None]:
    """Yield layers, and None after every `PIECE` of them, which a rule hands on."""
    for number, layer in enumerate(layers, 1):
        yield layer
        if number % PIECE == 0:
            yield None


@dataclass(frozen=True, kw_only=True)
class Rule(Declaration):
    """One thing that can go wrong in a training.

    Attributes:
        judge: Record, nodes where the finding is shown already -> what is wrong now. It is a pure function, looks at no
            more than some hundred points of a curve, and yields None now and then where it goes through many layers.
        looks: In how many looks in a row it must be found before it is shown.
        quiet: In how many looks in a row it must be absent before it goes.
    """

    judge: Callable[[Record, Held], Findings]
    looks: int = 3
    quiet: int = 4


@cache
def registry() -> Registry[Rule]:
    """Return all rules by key."""
    from netbuilder.insight import rules

    found = Registry(Rule)
    found.discover(rules)
    return found
