"""A run as a project again: the document that it trained, and its weights to start from. Imports torch."""

from __future__ import annotations

from pathlib import Path

from netbuilder.document import edits
from netbuilder.document.files import loads
from netbuilder.document.model import Document, StartWeights
from netbuilder.exchange.runs import checkpoint_file
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training.checkpoints import Checkpoint, load_checkpoint
from netbuilder.training.run_store import RunStore
from netbuilder.training.run_trash import folder_of
from netbuilder.training.snapshots import load_snapshot
from netbuilder.training.start_weights import place_start


def document_of(store: RunStore, run: str) -> Document:
    """Return what a run trained.

    Raises:
        NetbuilderError: When there is no such run, or the store or the document in it cannot be read.
    """
    record = store.run(run)
    if record is None:
        message = f"There is no run {run!r} any more."
        raise NetbuilderError(Problem(code="runs.unknown", message=message, file=str(store.path), found=run))
    return loads(record.document)


def keep_weights(store: RunStore, run: str, runs: Path, step: int | None = None) -> StartWeights:
    """Copy weights of a run to where weights to start from are.

    A copy, so that the run can be deleted and a project be moved without the other.

    Args:
        store: The store.
        run: The run.
        runs: The folder of runs of the project that is to start from them.
        step: The step of one of its snapshots, whose weights are meant; None means the best ones, or the last ones of
            a run that finished no epoch.

    Returns:
        What the plan says of them.

    Raises:
        NetbuilderError: When the run has no weights, they are damaged, or the copy cannot be written.
    """
    folder = folder_of(store, run)
    kept = load_checkpoint(checkpoint_file(folder)) if step is None else _at(folder, step)
    about = {"run": run, **{name: kept.about[name] for name in ("epoch", "step") if name in kept.about}}
    return place_start(runs, Checkpoint(tensors=kept.tensors, paths=kept.paths, about=about))


def _at(folder: Path, step: int) -> Checkpoint:
    """Return the weights of one of a run's snapshots."""
    state = load_snapshot(folder, step)
    return Checkpoint(
        tensors=state.part("model"), paths=state.about["paths"], about={"epoch": state.epoch, "step": state.step}
    )


def project_of(store: RunStore, run: str, runs: Path, step: int | None = None) -> Document:
    """Return what a run trained, as a document that starts from the run's weights, or from drawn ones if it has none.

    Args:
        store: The store.
        run: The run.
        runs: The folder of runs of the project that is to start from them.
        step: See `keep_weights`.

    Raises:
        NetbuilderError: When there is no such run, or something of it is damaged.
    """
    document = document_of(store, run)
    try:
        start = keep_weights(store, run, runs, step)
    except NetbuilderError as error:
        if error.problems[0].code != "export.no_weights":
            raise
        return edits.set_start_weights(document, "", "")
    return edits.set_start_weights(document, start.file, start.sha256)
