"""Amending: a run's network, optimizers and averages made anew after an edit, with everything that can be kept.

All of it or nothing: what a trainer works with is a value (`Works`), and a change that cannot be made leaves the old
one as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from netbuilder.document.model import Document, Phase, Plan
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training import optimizer_memory
from netbuilder.training.batches import Part, renamed
from netbuilder.training.network import Network
from netbuilder.training.state import TrainingState
from netbuilder.training.state_fit import check
from netbuilder.training.transplant import Body, Memory, Transplant, transplant
from netbuilder.training.updates import Updater
from netbuilder.training.weight_average import WeightAverage
from netbuilder.training.works import Works, new_updater


def amend(
    works: Works,
    document: Document,
    step: int,
    steps: int,
    tell: Callable[[Problem], None],
    state: TrainingState | None = None,
) -> tuple[Works, Transplant | None]:
    """Return what a trainer works with after an edit.

    Args:
        works: What it works with so far. Nothing of it is changed, but the optimizers' memory and, where the network
            stays, the network are shared.
        document: The edited document.
        step: Steps done.
        steps: Steps in the whole run from now on, for the schedules.
        tell: Is told when the losses cannot be compiled.
        state: What the new works are to be brought to afterwards; they must fit it.

    Returns:
        The new works, and how the network went over; None when it is the same network.

    Raises:
        NetbuilderError: When the document has errors or asks for what a run cannot do, or the state is of another one.
    """
    try:
        new, moved = _made_anew(works, document, step, steps, tell)
        if state is not None:
            check(state, new.network.model, new.updaters)
    except BaseException:  # whatever it is: where the network stays, its weights are to learn as they did
        works.network.set_updated([updater.parameters for updater in works.updaters])
        raise
    return new, moved


def _made_anew(
    works: Works, document: Document, step: int, steps: int, tell: Callable[[Problem], None]
) -> tuple[Works, Transplant | None]:
    """Do what `amend` does; what fails leaves a network that stays with other weights that learn."""
    moved = None
    network = works.network
    if _needs_network(works.document, document):
        network, moved = _move(works, document)
    else:
        network.thaw()
    handing = _Handing(works, network, moved, step)
    updaters = [handing.updater(phase, document.plan, steps, tell) for phase in document.plan.phases]
    network.set_updated([updater.parameters for updater in updaters])
    new = Works(
        document=document,
        network=network,
        parts=_parts(works, network) if moved is not None else works.parts,
        updaters=updaters,
        average=handing.average(document.plan.ema_decay),
    )
    return new, moved


def _needs_network(before: Document, after: Document) -> bool:
    """Whether an edit changes the text of the network or of its losses, and not only how it is trained."""
    losses = [(phase.name, phase.losses) for phase in before.plan.phases]
    return (
        before.graph != after.graph
        or before.blocks != after.blocks
        or losses != [(phase.name, phase.losses) for phase in after.plan.phases]
    )


def _move(works: Works, document: Document) -> tuple[Network, Transplant]:
    """Return the edited network with everything that could be kept."""
    old = works.network
    cuda = [old.device] if old.device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):  # drawing it must not change what the run draws next
        new = Network(replace(document, plan=replace(document.plan, weights=None)), old.device)
    _check_data(old, new)
    moved = transplant(Body(old.document, old.modules), Body(new.document, new.modules))
    return new, moved


def _check_data(before: Network, after: Network) -> None:
    """Refuse a network that reads what was not read when the run began."""
    for port in after.fields.keys() - before.fields.keys():
        node = after.document.graph.nodes[port[0]]
        raise NetbuilderError(
            Problem(
                code="change.data",
                message=(
                    f"{node.label}'s {port[1]!r} was not read when this run began, so that the run in progress cannot"
                    " learn from it: stop it and train anew."
                ),
                node=node.id,
                port=port[1],
            )
        )


def _parts(works: Works, network: Network) -> dict[str, Part]:
    keys = {old: network.fields[port] for port, old in works.network.fields.items() if port in network.fields}
    return {name: renamed(part, keys) for name, part in works.parts.items()}


class _Handing:
    """Hands on what optimizers and averages remember."""

    def __init__(self, works: Works, network: Network, moved: Transplant | None, step: int) -> None:
        self._works = works
        self._network = network
        self._moved = moved
        self._step = step
        self._names = network.parameter_names
        self._before = {name: parameter for parameter, name in works.network.parameter_names.items()}

    def updater(self, phase: Phase, plan: Plan, steps: int, tell: Callable[[Problem], None]) -> Updater:
        """Return a phase's updater, which goes on where the phase was."""
        before = next((each for each in self._works.updaters if each.name == phase.name), None)
        network = self._network
        compiled = before.losses if before is not None and self._moved is None else None
        updater = new_updater(network, phase, plan, steps, tell, compiled)
        updater.warm(self._warming(before))
        if before is not None:
            optimizer_memory.hand_on(
                updater.optimizer, (before.setting, phase.optimizer), lambda each: self._memory(before, each)
            )
            updater.follow(before)
        return updater

    def average(self, decay: float) -> WeightAverage | None:
        """Return the running average, which goes on where it was; a new one begins with the present weights."""
        if not decay:
            return None
        model, before = self._network.model, self._works.average
        average = WeightAverage(model, decay)
        if before is not None:
            known = dict(zip(self._works.network.model.parameters(), before.weights, strict=True))
            average.put_back([self._fitted(parameter, known) for parameter in model.parameters()], before.updates)
        return average

    def _warming(self, before: Updater | None) -> dict[nn.Parameter, int]:
        """Return whose rate rises: what is fresh, and what has not reached its full rate."""
        warming = {}
        for parameter, name in self._names.items():
            if self._moved is not None and self._moved.is_fresh(name):
                warming[parameter] = self._step
            elif before is not None and self._before[name] in before.warming:
                warming[parameter] = before.warming[self._before[name]]
        return warming

    def _memory(self, before: Updater, parameter: nn.Parameter) -> Memory:
        name = self._names[parameter]
        old = self._before.get(name)
        known: Memory = before.optimizer.state.get(old, {}) if old is not None else {}
        return known if self._moved is None else self._moved.memory(name, known)

    def _fitted(self, parameter: nn.Parameter, known: Mapping[nn.Parameter, Tensor]) -> Tensor:
        """Return the running average of a parameter; of a fresh one its weights."""
        name = self._names[parameter]
        if self._moved is None:
            return known[parameter]
        return parameter.detach() if self._moved.is_fresh(name) else self._moved.fitted(name, known[self._before[name]])
