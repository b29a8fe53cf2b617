"""A run opened again computes what the run computed, from a copy of its weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from netbuilder.document.files import write_document
from netbuilder.exchange.run_project import document_of, keep_weights, project_of
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.project import Project
from netbuilder.training.checkpoints import load_checkpoint
from netbuilder.training.run_store import RunStore
from netbuilder.training.run_trash import purge
from tests.training.documents import iris, planned


@pytest.fixture
def trained(tmp_path: Path) -> tuple[Path, RunStore, str]:
    """A project file, its store, and the id of a run of its."""
    file = tmp_path / "x.netb"
    document = planned(iris(), epochs=2)
    write_document(file, document)
    outcome = Project.load(file).train()
    return file, RunStore.open(outcome.folder.parent), outcome.folder.name


def test_the_document_comes_back_with_the_runs_weights(trained):
    file, store, run = trained
    document = project_of(store, run, file.with_suffix(".runs"))
    assert document.graph == document_of(store, run).graph
    assert document.plan.weights.file == "imported/weights.safetensors"
    model = Project(document, file).build()
    best = load_checkpoint(store.path.parent / run / "best.safetensors")
    state = model.state_dict()
    assert state.keys() == best.tensors.keys()
    assert all(torch.equal(state[key], tensor) for key, tensor in best.tensors.items())


def test_the_copy_outlives_the_run_and_each_is_a_file_of_its_own(trained):
    file, store, run = trained
    runs = file.with_suffix(".runs")
    first, second = keep_weights(store, run, runs), keep_weights(store, run, runs)
    assert {first.file, second.file} == {"imported/weights.safetensors", "imported/weights-2.safetensors"}
    purge(store, (run,))
    assert load_checkpoint(runs / first.file).about["run"] == run


def test_training_starts_from_them(trained):
    file, store, run = trained
    document = project_of(store, run, file.with_suffix(".runs"))
    again = Project(planned(document, epochs=1), file).train()
    losses = [RunStore.open(again.folder.parent).series(each, "loss/train").values for each in (run, again.folder.name)]
    assert losses[1][0] < losses[0][0]


def test_a_run_without_weights_comes_back_with_drawn_ones(trained):
    file, store, run = trained
    for weights in (store.path.parent / run).glob("*.safetensors"):
        weights.unlink()
    assert project_of(store, run, file.with_suffix(".runs")).plan.weights is None
    with pytest.raises(NetbuilderError) as caught:
        keep_weights(store, run, file.with_suffix(".runs"))
    assert caught.value.problems[0].code == "export.no_weights"


def test_damaged_weights_and_unknown_runs_are_told(trained):
    file, store, run = trained
    weights = store.path.parent / run / "best.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(NetbuilderError) as caught:
        project_of(store, run, file.with_suffix(".runs"))
    assert caught.value.problems[0].code == "checkpoint.damaged"
    with pytest.raises(NetbuilderError) as caught:
        document_of(store, "nobody")
    assert caught.value.problems[0].code == "runs.unknown"
