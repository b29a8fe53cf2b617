"""Runs that are changed while they go on: what the tests of changes share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from netbuilder.document import edits
from netbuilder.document.files import read_document
from netbuilder.document.model import Document
from netbuilder.training.protocol import Change, Event, Resume, Start, State, Step
from netbuilder.training.state import load_state
from tests.training import documents
from tests.training.documents import (
    Run,
    saved_weights,
)


def paused(document: Document, folder: Path, steps: int) -> Run:
    """Return a run that rests after some steps, and has room for snapshots."""
    run = Run(documents.new_host(), folder)
    run.host.send(Start(document=document, folder=str(folder), paused=True, snapshots=1 << 28))
    for _ in range(steps):
        run.command(Step())
    at_rest(run)
    return run


def at_rest(run: Run) -> None:
    run.until(lambda told: told.progress.state is State.PAUSED)


def change(run: Run, document: Document, state: str = "") -> Event:
    """Send a change; returns what the run said to it."""
    run.command(Change(document=document, state=state))
    return run.of("change")[-1]


def finish(run: Run) -> Run:
    run.host.send(Resume())
    return run.finish()


def losses(run: Run) -> list[float]:
    return run.series("loss/train")


def inserted(document: Document, target: str, key: str, **values: Any) -> Document:
    to, port = target.split(".")
    return edits.insert_layer(document, to, port, key, values, "new", id="new")


def hidden_weights(run: Run, told: Event) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the hidden layer's weights before a change and at the end."""
    before = load_state(Path(told.data["state"])).part("model")["hidden.weight"]
    return before, saved_weights(run.folder)["hidden.weight"]


def gone_back(run: Run, told: Event) -> None:
    """Go back to before a change."""
    answer = change(run, read_document(told.data["document"]), told.data["state"])
    assert answer.data["back"] == told.data["number"]
    assert run.of("rewind")[-1].data["rewound"] == told.step
