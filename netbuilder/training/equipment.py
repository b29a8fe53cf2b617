"""Equipment: what watches and keeps a network in training, made anew when another network takes its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from netbuilder.data.spec import Prepared
from netbuilder.foundation.problem import Problem
from netbuilder.training import failures
from netbuilder.training.keeper import Keeper
from netbuilder.training.live_view import LiveView
from netbuilder.training.probe import Probe
from netbuilder.training.protocol import Watch
from netbuilder.training.validation import deviations
from netbuilder.training.works import Works


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """What belongs to one network.

    Attributes:
        keeper: Keeps its best and last weights.
        probe: Makes its pictures.
        deviations: What normalized targets were divided by, for an evaluation.
    """

    keeper: Keeper
    probe: Probe
    deviations: Mapping[str, torch.Tensor]


def equip(
    works: Works,
    prepared: Mapping[str, Prepared],
    folder: Path,
    live: LiveView,
    watch: Watch,
    tell: Callable[[Problem], None],
) -> Equipment:
    """Make what watches and keeps a network.

    Args:
        works: With the network.
        prepared: Data node id -> its rows; as many as pictures need.
        folder: The run's folder.
        live: Where pictures go.
        watch: What is looked at.
        tell: Is told when the plan watches a metric that there is not.
    """
    network = works.network
    keeper = Keeper(folder, network.model, network.key_paths, _monitor(works, tell), works.average)
    probe = Probe(network, {node: prepared[node] for node in network.data_nodes}, works.parts, live)
    probe.watch(watch)
    return Equipment(keeper=keeper, probe=probe, deviations=deviations(network, prepared))


def _monitor(works: Works, tell: Callable[[Problem], None]) -> str:
    """Return what tells which weights are best: what the plan says, or the loss where that cannot be had."""
    wish = works.document.plan.monitor
    known = works.network.metric_names if works.parts["validation"].rows else ("loss",)
    if wish in known:
        return wish
    tell(failures.unknown_monitor(wish, known))
    return "loss"
