"""What a trainer works with: its document's network, data, optimizers and running average, and how long the run is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from netbuilder.document.model import Document, Phase, Plan
from netbuilder.foundation.problem import Problem
from netbuilder.training.batches import Part
from netbuilder.training.compilation import CompiledLosses, takes_graphs
from netbuilder.training.course import Course
from netbuilder.training.network import Network
from netbuilder.training.updates import Losses, Updater, UpdateSettings
from netbuilder.training.weight_average import WeightAverage


@dataclass(frozen=True, slots=True, kw_only=True)
class Works:
    """What a trainer works with.

    Attributes:
        document: What it trains.
        network: Its network.
        parts: Its data by part.
        updaters: One a phase.
        average: The running average of the weights, if there is one.
    """

    document: Document
    network: Network
    parts: Mapping[str, Part]
    updaters: Sequence[Updater]
    average: WeightAverage | None


@dataclass(frozen=True, slots=True)
class Length:
    """How long a run is.

    Attributes:
        steps_per_epoch: Steps of a whole epoch.
        epochs: Epochs in all.
        extra: By how many steps the run is longer than these epochs, since others had other batches.
    """

    steps_per_epoch: int
    epochs: int
    extra: int = 0

    @property
    def steps(self) -> int:
        """Steps in all."""
        return self.steps_per_epoch * self.epochs + self.extra


def length_of(part: Part, plan: Plan, extra: int = 0) -> Length:
    """Return how long a run is.

    Args:
        part: The rows to train on.
        plan: The plan.
        extra: See `Length`.
    """
    return Length(-(-part.batch_count(plan.batch_size) // plan.accumulation), plan.epochs, extra)


def length_from(part: Part, course: Course, step: int, before: Plan, plan: Plan) -> Length:
    """Return how long a run is when its plan changes; an epoch in progress is brought to its end.

    Args:
        part: The rows to train on.
        course: Where the run stands.
        step: Steps done.
        before: The plan so far.
        plan: The plan from now on.
    """
    whole = length_of(part, plan)
    done = course.rows_done(step, before.batch_size * before.accumulation)
    left = -(-part.batch_count(plan.batch_size, done) // plan.accumulation) if done else 0
    begun = course.epochs + (1 if done else 0)
    epochs = max(plan.epochs, begun)
    return Length(whole.steps_per_epoch, epochs, step + left - begun * whole.steps_per_epoch)


def new_updater(
    network: Network,
    phase: Phase,
    plan: Plan,
    steps: int,
    tell: Callable[[Problem], None],
    losses: Losses | None = None,
) -> Updater:
    """Return a phase's updater.

    Args:
        network: The network.
        phase: The phase.
        plan: What the phases share.
        steps: Steps in the whole run.
        tell: Is told when its losses cannot be compiled.
        losses: The phase's function, where it is compiled already.
    """
    with_graphs = takes_graphs(plan, network.device)
    if losses is None or (isinstance(losses, CompiledLosses) and losses.with_graphs and not with_graphs):
        losses = network.losses(phase)
        losses = CompiledLosses(losses, tell, with_graphs=with_graphs) if plan.compile else losses
    settings = UpdateSettings(clip_norm=plan.clip_norm, steps=steps, precision=plan.precision)
    return Updater(phase, losses, network.groups(phase), settings)


def new_works(
    document: Document, network: Network, parts: Mapping[str, Part], steps: int, tell: Callable[[Problem], None]
) -> Works:
    """Return what a trainer works with at the beginning of a run.

    Args:
        document: What it trains.
        network: Its network; from now on exactly what the phases update requires gradients.
        parts: Its data by part.
        steps: Steps in the whole run.
        tell: Is told when the losses cannot be compiled.

    Raises:
        NetbuilderError: When a phase has nothing to update, or its settings are wrong.
    """
    plan = document.plan
    updaters = [new_updater(network, phase, plan, steps, tell) for phase in plan.phases]
    network.set_updated([updater.parameters for updater in updaters])
    average = WeightAverage(network.model, plan.ema_decay) if plan.ema_decay else None
    return Works(document=document, network=network, parts=parts, updaters=updaters, average=average)
