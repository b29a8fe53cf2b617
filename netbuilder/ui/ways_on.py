"""Ways on: what a person can do in one click about a run that failed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from netbuilder.document.model import Document
from netbuilder.foundation.problem import Problem
from netbuilder.training.events import GO_ON, GO_ON_APART, GO_ON_CPU

CPU: Final = "cpu"
APART: Final = "apart"


@dataclass(frozen=True, slots=True)
class Way:
    """One button.

    Attributes:
        title: What it says.
        tip: What follows.
        how: "" as before, "cpu" on the processor, "apart" in a process of its own.
    """

    title: str
    tip: str
    how: str


_WAYS: Final = {
    GO_ON: Way("Go on", "The run goes on from the state that it saved last", ""),
    GO_ON_APART: Way(
        "Go on in a process of its own",
        "The run goes on from the state that it saved last; from now on runs have a process of their own",
        APART,
    ),
    GO_ON_CPU: Way("Train on the CPU", "The run goes on from the state that it saved last, on the processor", CPU),
}


def with_fixes(problem: Problem, document: Document) -> Problem:
    """Return a run's problem with all that mends it in the document as it is now.

    The trainer knows no learning rate but its own: what lowers it is made here.
    """
    if problem.code != "training.not_finite":
        return problem
    from netbuilder.insight.fixes import kept, lower_rate  # with them come all layers: only now are they needed

    return replace(problem, fixes=kept(lower_rate(document), *problem.fixes))


def ways_on(problem: Problem) -> tuple[Way, ...]:
    """Return the ways on that a problem of a run offers, the most likely first."""
    return tuple(_WAYS[name] for name in problem.actions if name in _WAYS)
