"""Findings: what a rule has found, on what evidence, and what would mend it."""

from __future__ import annotations

from dataclasses import dataclass

from netbuilder.foundation.problem import Fix, Problem, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a finding rests on.

    Attributes:
        numbers: Pairs of a title and a value, written for people: ("loss now", "2.31").
        series: The curve that shows it, or "".
        first: The first step that counts; 0 when it is no matter of steps.
        last: The last one.
        limit: The value of the curve beyond which something is wrong, drawn as a line; None where there is none.
    """

    numbers: tuple[tuple[str, str], ...] = ()
    series: str = ""
    first: int = 0
    last: int = 0
    limit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is wrong with a run.

    Attributes:
        rule: The key of the rule that found it.
        title: What it is, in a few words: "Dead units".
        message: What was found, in a sentence or two.
        node: The path of the layer to blame; "" for the whole network or the plan.
        severity: How much it matters: a warning, or advice. A run is never stopped by one.
        evidence: What it rests on.
        fixes: Edits on offer, the most promising first.
    """

    rule: str
    title: str
    message: str
    node: str = ""
    severity: Severity = Severity.WARNING
    evidence: Evidence = Evidence()
    fixes: tuple[Fix, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from other findings of the same run: its rule and its node."""
        return self.rule, self.node

    @property
    def problem(self) -> Problem:
        """The finding as the canvas and the inspector show what is wrong with a node."""
        return Problem(
            code=f"health.{self.rule}",
            message=self.message,
            severity=self.severity,
            node=self.node,
            fixes=self.fixes,
        )


def written(value: float) -> str:
    """Write a number of the evidence: three digits that count."""
    return f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e").replace("-", "−")
