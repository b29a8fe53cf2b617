"""Problems: a user's mistakes as values, each with its place, its reason and the fixes on offer.

A mistake of the user's never travels as a bare exception. It is a `Problem`; where it must interrupt, it
travels inside a `NetbuilderError`. Everything else that is raised is our own defect and becomes a crash report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much a problem matters: an error prevents training, a warning does not, advice is a hint."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """An edit on offer: a registered edit's name with plain arguments, applied as one undo entry.

    Attributes:
        title: What the button says, e.g. "Insert Flatten".
        edit: A name registered with `netbuilder.document.edits`.
        arguments: JSON-like keyword arguments of that edit.
    """

    title: str
    edit: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that the user should know or mend, in plain words, at the place it is about.

    Attributes:
        code: A stable dotted name, e.g. "shape.rank"; tests and filters use it, people do not read it.
        message: One sentence, complete in itself: what was expected, what was found.
        severity: Error, warning or advice.
        node: The node path ("" when the problem is not about a node).
        port: The port's name on that node, or "".
        field: The parameter's name on that node (or a plan setting), or "".
        file: The file it is about, or "".
        line: One-based line in that file, or in the text of the field `code`; 0 when unknown.
        expected: What would have been right, short.
        found: What was there, short.
        fixes: Edits on offer, the most likely first.
        actions: What the interface can do about it that is no edit, by name, the most likely first: "trust" (let the
            user look at the node's code and trust it), "go_on" (with the last run), "go_on_apart" (in a process of
            its own), "go_on_cpu" (on the processor).
    """

    code: str
    message: str
    severity: Severity = Severity.ERROR
    node: str = ""
    port: str = ""
    field: str = ""
    file: str = ""
    line: int = 0
    expected: str = ""
    found: str = ""
    fixes: tuple[Fix, ...] = ()
    actions: tuple[str, ...] = ()

    @property
    def is_error(self) -> bool:
        """Whether this problem prevents training."""
        return self.severity is Severity.ERROR


class NetbuilderError(Exception):
    """The user's mistakes, where they must interrupt what was going on.

    Attributes:
        problems: At least one problem.
    """

    def __init__(self, problems: Problem | Sequence[Problem]) -> None:
        """Carry one or more problems.

        Args:
            problems: One problem or a non-empty sequence of them.
        """
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        assert self.problems, "a NetbuilderError carries at least one problem"
        super().__init__("; ".join(problem.message for problem in self.problems))
