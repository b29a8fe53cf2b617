"""A `.pt2` file: the network as `torch.export` writes it, for any process with torch. Imports torch."""

from __future__ import annotations

import io
from pathlib import Path

import torch

from netbuilder.exchange.agreement import Agreement, compare
from netbuilder.exchange.traced import silenced, trace
from netbuilder.exchange.weighted import WeightedNetwork
from netbuilder.foundation.job import Job
from netbuilder.foundation.save import atomic_save


def write_pt2(network: WeightedNetwork, path: Path, job: Job) -> Agreement:
    """Write a network as a `.pt2` file, after checking that it gives the network's outputs.

    `torch.export.load(path).module()` is called with the fields as keywords, and takes any batch size. The samples
    that the exporter followed are left out: torch would store them pickled.

    Returns:
        How well it agrees with the network.

    Raises:
        NetbuilderError: When a node cannot be exported, outputs differ, or the file cannot be written.
    """
    job.report(0.2, "Following the network")
    exported = trace(network)
    exported._example_inputs = None
    about = {
        "title": network.document.about.title,
        "outputs": "\n".join(network.program.outputs),
        "weights": str(network.origin),
    }
    job.report(0.6, "Packing")
    buffer = io.BytesIO()
    with silenced():
        torch.export.save(exported, buffer, extra_files=about)
    job.report(0.8, "Comparing outputs")
    with silenced():
        loaded = torch.export.load(io.BytesIO(buffer.getvalue())).module()
        agreement = compare(network, lambda inputs: loaded(**inputs), "The .pt2 file")
    job.report(0.95, f"Writing {path.name}")
    atomic_save(path, buffer.getvalue())
    return agreement
