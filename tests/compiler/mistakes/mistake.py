"""A mistake, and what layers are given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from netbuilder.document.model import Field
from netbuilder.foundation.problem import Severity

T = -1
"""A size that varies, as a field says it."""


def values(*dims: int, dtype: str = "float32", classes: int = 0, vocabulary: int = 0, layout: str = "") -> Field:
    """Return what one input is given: one sample's sizes and of what kind the values are."""
    names = tuple(f"class {index}" for index in range(classes))
    return Field(name="field", dims=dims, dtype=dtype, classes=names, vocabulary=vocabulary, layout=layout)


@dataclass(frozen=True)
class Mistake:
    """One layer that is given something unfitting.

    Attributes:
        title: What was done wrong.
        layer: The layer's key.
        given: Input port -> what it is given.
        fix: How the first fix is called; it must mend the mistake.
        expected: What the message must contain beside the names of the two nodes.
        settings: The layer's parameters that are not at their defaults.
        before: Layers (key, parameters) between the first input and its data.
        severity: How much it matters.
    """

    title: str
    layer: str
    given: dict[str, Field]
    fix: str
    expected: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    before: tuple[tuple[str, dict[str, Any]], ...] = ()
    severity: Severity = Severity.ERROR


IMAGE = values(3, 8, 8)
GRAY = values(1, 8, 8)
SEQUENCE = values(T, 8)
TOKENS = values(T, dtype="int64", vocabulary=30)
LABEL = values(dtype="int64", classes=10)
ONE_PIXEL = {"kernel_size": (1, 1)}
