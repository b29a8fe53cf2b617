"""Records: what the run store is told about a run when it begins and when it ends."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

from netbuilder.data.spec import Prepared
from netbuilder.document.files import dumps
from netbuilder.document.model import Document
from netbuilder.training.protocol import Start
from netbuilder.training.run_store import RunRecord

PACKAGES = ("netbuilder", "torch", "numpy", "safetensors", "torchmetrics")


def begin_record(start: Start) -> RunRecord:
    """Return the record of a run that begins now: what is known before its device is found and its data are read."""
    folder = Path(start.folder)
    document = start.document
    text = dumps(document)
    return RunRecord(
        id=folder.name,
        folder=str(folder),
        title=document.about.title,
        started=time.time(),
        document=text if isinstance(text, str) else text.decode(),
        plan=asdict(document.plan),
        seed=document.plan.seed,
        device=start.device,
        versions=versions(),
    )


def with_document(record: RunRecord, document: Document) -> RunRecord:
    """Return a record of a run that trains an edited document from now on."""
    text = dumps(document)
    return replace(record, document=text if isinstance(text, str) else text.decode(), plan=asdict(document.plan))


def with_data(record: RunRecord, prepared: Mapping[str, Prepared], device: str) -> RunRecord:
    """Return a record that also knows what the run reads.

    Args:
        record: What is known so far.
        prepared: Data node id -> its rows.
        device: Where it runs, for people.
    """
    return replace(record, device=device, data={node: data.schema.source for node, data in prepared.items()})


def versions() -> dict[str, str]:
    """Return the versions of what a run's numbers depend on."""
    return {"python": platform.python_version(), **{package: version(package) for package in PACKAGES}}
