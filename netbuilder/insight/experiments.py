"""Short runs in a process of their own: a training goes on meanwhile, and cancelling is ending the child.

Random numbers are a process's: a short run beside a training in the same one would change what that draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from netbuilder.document.model import Document
from netbuilder.foundation.child import call_in_child
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import Problem
from netbuilder.insight.order import Order

if TYPE_CHECKING:
    from netbuilder.insight.check import Result
    from netbuilder.insight.comparison import Comparison
    from netbuilder.insight.rate_finder import RateCurve
    from netbuilder.training.trial import Row

_DIED = Problem(
    code="experiment.died",
    message="The short run was ended from outside, perhaps because memory ran out. Nothing of the project has changed.",
)


def check_in_child(order: Order, job: Job) -> tuple[Result, ...]:
    """Do what `check.check` does, in a child process; raises as that, and when the child died."""
    return call_in_child(partial(_check, order), job, _DIED)


def find_rate_in_child(order: Order, job: Job) -> RateCurve:
    """Do what `rate_finder.find_rate` does, in a child process; raises as that, and when the child died."""
    return call_in_child(partial(_find_rate, order), job, _DIED)


def compare_in_child(order: Order, fixed: Document, job: Job) -> Comparison:
    """Do what `comparison.compare` does, in a child process; raises as that, and when the child died."""
    return call_in_child(partial(_compare, order, fixed), job, _DIED)


def try_ways_in_child(document: Document, job: Job, **settings: Any) -> tuple[Row, ...]:
    """Do what `trial.Trial(document, **settings).run` does, in a child process: its compiler touches nobody else.

    Raises as that, and when the child died. `Job.known` tells the rows so far.
    """
    return call_in_child(partial(_try_ways, document, settings), job, _DIED)


def _check(order: Order, job: Job) -> tuple[Result, ...]:
    from netbuilder.insight.check import check

    return check(order, job)


def _find_rate(order: Order, job: Job) -> RateCurve:
    from netbuilder.insight.rate_finder import find_rate

    return find_rate(order, job)


def _compare(order: Order, fixed: Document, job: Job) -> Comparison:
    from netbuilder.insight.comparison import compare

    return compare(order, fixed, job)


def _try_ways(document: Document, settings: Mapping[str, Any], job: Job) -> tuple[Row, ...]:
    from netbuilder.training.trial import Trial

    return Trial(document, **settings).run(job)
