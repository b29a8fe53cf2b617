"""Coverage: which operators a file had, and what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of operator.

    Attributes:
        origin: What the file calls it ("aten.conv2d").
        count: How often it was met.
        layers: What it became: titles of layers, or () when it is opaque or was worked out while reading.
        reason: Why it is opaque, or "".
    """

    origin: str
    count: int
    layers: tuple[str, ...] = ()
    reason: str = ""

    @property
    def became(self) -> str:
        """What became of it, in words."""
        if self.reason:
            return f"opaque: {self.reason}"
        return ", ".join(self.layers) or "worked out"


@dataclass(frozen=True, slots=True)
class Coverage:
    """The table of all operators.

    Attributes:
        rows: Opaque ones first, then by name.
    """

    rows: tuple[Row, ...] = ()

    @property
    def met(self) -> int:
        """How many operators there were."""
        return sum(row.count for row in self.rows)

    @property
    def opaque(self) -> int:
        """How many of them no layer computes."""
        return sum(row.count for row in self.rows if row.reason)

    @property
    def summary(self) -> str:
        """One sentence."""
        if not self.opaque:
            return f"All {self.met} operators became layers."
        return f"{self.met - self.opaque} of {self.met} operators became layers; {self.opaque} did not."

    def table(self) -> str:
        """Return the rows as lines of text in columns."""
        width = max((len(row.origin) for row in self.rows), default=8)
        lines = [f"{'operator':{width}}  count  became"]
        lines += [f"{row.origin:{width}}  {row.count:5}  {row.became}" for row in self.rows]
        return "\n".join(lines)


def count_coverage(found: Iterable[tuple[str, str, str]], folded: Mapping[str, int]) -> Coverage:
    """Return the table.

    Args:
        found: (Origin, layer's title or "", reason or "") of each operation.
        folded: Origin -> how many were worked out while reading.
    """
    counts: Counter[tuple[str, str]] = Counter()
    layers: dict[tuple[str, str], dict[str, None]] = {}
    for origin, title, reason in found:
        counts[origin, reason] += 1
        layers.setdefault((origin, reason), {})[title] = None
    rows = [
        Row(origin, count, () if reason else tuple(layers[origin, reason]), reason)
        for (origin, reason), count in counts.items()
    ]
    rows += [Row(origin, count) for origin, count in folded.items()]
    return Coverage(tuple(sorted(rows, key=lambda row: (not row.reason, row.origin, row.became))))
