"""Checks before training: each tries one thing that would make a long run a waste, and says what it saw.

A check is declared like a rule and found by walking `netbuilder.insight.checks`. It is given a bench, whose network it
may train, since nothing outlives it; each check gets a fresh one's weights.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from typing import Any

import torch

from netbuilder.document.model import Document
from netbuilder.foundation.declaration import Declaration, Registry
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import Fix
from netbuilder.insight.bench import Bench, bench
from netbuilder.insight.facts import Facts, find_facts
from netbuilder.insight.order import Order
from netbuilder.training.batches import Batch


class Verdict(StrEnum):
    """How a check came out."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a check saw.

    Attributes:
        check: The check's key.
        title: What it is about, in a few words.
        verdict: How it came out.
        message: What was seen, in a sentence or two.
        node: The path of the layer to blame, or "".
        numbers: Pairs of a title and a value, written for people.
        fixes: Edits on offer.
    """

    check: str
    title: str
    verdict: Verdict
    message: str
    node: str = ""
    numbers: tuple[tuple[str, str], ...] = ()
    fixes: tuple[Fix, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What checks look at.

    Attributes:
        document: What would be trained.
        facts: What is known of its network.
        bench: The network with its data and optimizers.
        job: Told how far it is.
    """

    document: Document
    facts: Facts
    bench: Bench
    job: Job

    @cached_property
    def batch(self) -> Batch:
        """A training batch: the first rows of a fixed order."""
        return next(self.bench.batches(self.document.plan.seed))[0]

    def total(self, batch: Batch) -> torch.Tensor:
        """Return the sum of all phases' losses on a batch, in the mode that the network is in."""
        parts = [
            loss.sum() for updater in self.bench.trainer.updaters
            for loss in updater.losses(self.bench.network.model, batch).values()
        ]  # fmt: skip
        return torch.stack(parts).sum()

    def outputs(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Return what the network gives for a batch, in the mode that it is in."""
        network = self.bench.network
        found = network.model(**{name: batch[name] for name in network.program.fields})
        return found if isinstance(found, tuple) else (found,)


@dataclass(frozen=True, kw_only=True)
class Check(Declaration):
    """One thing to try before training.

    Attributes:
        place: Checks are done in this order. Whoever trains comes last: weights are put back, optimizers are not.
        look: Subject -> what was seen; None when it does not apply.
    """

    place: int
    look: Callable[[Subject], Result | None]

    def result(self, verdict: Verdict, message: str, **more: Any) -> Result:
        """Return what this check saw."""
        return Result(check=self.key, title=self.title, verdict=verdict, message=message, **more)


@cache
def registry() -> Registry[Check]:
    """Return all checks by key."""
    from netbuilder.insight import checks

    found, ordered = Registry(Check), Registry(Check)
    found.discover(checks)
    for each in sorted(found, key=lambda each: each.place):
        ordered.add(each)
    return ordered


def check(order: Order, job: Job) -> tuple[Result, ...]:
    """Do all checks; nothing of the project changes.

    Args:
        order: Of what.
        job: Told how far it is.

    Raises:
        NetbuilderError: When the network cannot be built.
        Cancelled: When the job was.
    """
    found = []
    with bench(order, job) as made:
        model = made.network.model
        fresh: Mapping[str, torch.Tensor] = copy.deepcopy(model.state_dict())
        subject = Subject(document=order.document, facts=find_facts(order.document), bench=made, job=job)
        for number, each in enumerate(registry()):
            job.report(number / len(registry()), each.title)
            model.load_state_dict(fresh)
            model.zero_grad(set_to_none=True)
            made.network.model_train()
            torch.manual_seed(order.document.plan.seed)
            result = each.look(subject)
            if result is not None:
                found.append(result)
    return tuple(found)
