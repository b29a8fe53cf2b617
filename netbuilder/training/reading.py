"""Reading: the rows that a run trains on."""

from __future__ import annotations

from collections.abc import Callable

from netbuilder.compiler.bypass import in_force
from netbuilder.data.preparation import prepare
from netbuilder.data.spec import Prepared
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training.protocol import Start
from netbuilder.training.readiness import find_change


def read_rows(start: Start, job: Job, note: Callable[[str], None]) -> dict[str, Prepared]:
    """Return the rows of all data nodes that something is linked to, by their ids.

    Args:
        start: What is to be trained.
        job: Is told the progress.
        note: Is told what people should know of the data.

    Raises:
        NetbuilderError: When they cannot be read, or are not what the document says of them.
        Cancelled: When the job was cancelled.
    """
    prepared = {}
    graph = in_force(start.document).graph
    linked = {source.node for source in graph.edges.values()}
    for node in graph.nodes.values():
        if node.type.startswith("data.") and node.id in linked:
            job.report(None, f"Reading {node.label}")
            prepared[node.id] = prepare(node, start.base, job)
            known = start.document.schemas.get(node.id)
            if known is not None and (change := find_change(node, known, prepared[node.id].schema)):
                raise NetbuilderError(change)
            for text in prepared[node.id].notes:
                note(text)
    return prepared
