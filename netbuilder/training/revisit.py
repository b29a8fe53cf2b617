"""Revisiting: a run that is over is looked into again, with its snapshots, as right after its end.

Nothing is trained and nothing of the run is touched: its network is built of what it trained, its best weights are put
into it, and what comes of it is what an ended session leaves behind (`netbuilder.training.remains`).
"""

from __future__ import annotations

from pathlib import Path

import torch

from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training import failures
from netbuilder.training.batches import make_part
from netbuilder.training.checkpoints import load_checkpoint, put_into
from netbuilder.training.devices import find_devices
from netbuilder.training.live_view import LiveView
from netbuilder.training.network import Network
from netbuilder.training.past import confusion_of
from netbuilder.training.probe import Probe
from netbuilder.training.protocol import Start
from netbuilder.training.reading import read_rows
from netbuilder.training.remains import Remains
from netbuilder.training.run_files import BEST, LAST
from netbuilder.training.samples import slim
from netbuilder.training.snapshot_files import snapshots_of
from netbuilder.training.snapshots import load_snapshot


def revisit(start: Start, live: LiveView, job: Job) -> Remains:
    """Build what a run that is over left behind, and show it.

    Args:
        start: The run: its folder, what it trained, where its data are.
        live: Where its pictures go.
        job: Is told the progress.

    Raises:
        NetbuilderError: When its data cannot be read or were changed in kind, or its weights cannot be had.
        Cancelled: When the job was cancelled.
    """
    plan, folder = start.document.plan, Path(start.folder)
    device = torch.device(find_devices(start.device)[0].key)
    with failures.explained(plan, lambda error: None):
        prepared = read_rows(start, job, lambda note: None)
        job.report(None, "Building the network")
        network = Network(start.document, device, Path(start.runs))
        prepared = {node: prepared[node] for node in network.data_nodes}
        parts = {part: make_part(prepared, part, network.fields, device) for part in ("train", "validation", "test")}
    network.set_updated([[each for _, own in network.groups(phase) for each in own] for phase in plan.phases])
    step = _dress(network, folder)
    probe = Probe(network, {node: slim(data) for node, data in prepared.items()}, parts, live)
    moments = snapshots_of(folder)
    if moments:
        probe.confusion = confusion_of(load_snapshot(folder, moments[-1].step))
    remains = Remains(network, probe, step, folder, moments)
    for picture in remains.look():
        live.add_picture(picture)
    live.timeline = remains.timeline
    return remains


def _dress(network: Network, folder: Path) -> int:
    """Put a run's best weights into its network, else its last ones; returns the step that they are of."""
    path = next((folder / name for name in (BEST, LAST) if (folder / name).exists()), None)
    if path is None:
        message = f"The run {folder.name} has no weights: it ended before any were saved."
        raise NetbuilderError(Problem(code="revisit.no_weights", message=message, file=str(folder)))
    kept = load_checkpoint(path)
    put_into(network.model, kept.tensors, folder)
    return int(kept.about.get("step", 0))
