"""Layers at rest: what training never changes keeps its statistics, as in the exported code."""

from __future__ import annotations

import pytest

from netbuilder.document.model import Group
from tests.builders import node
from tests.training.documents import iris, planned, saved_weights, train


@pytest.mark.parametrize("affine", [True, False])
def test_a_frozen_batch_normalization_keeps_its_statistics(affine, tmp_path):
    for trainable in (True, False):
        made = iris(8, node("norm", "batch_norm1d", affine=affine, trainable=trainable), node("act", "relu"))
        train(planned(made, epochs=1), tmp_path / str(trainable))
        weights = saved_weights(tmp_path / str(trainable))
        assert bool(weights["norm.running_mean"].any()) is trainable
        assert int(weights["norm.num_batches_tracked"]) == (7 if trainable else 0)


def test_a_layer_that_no_phase_updates_keeps_its_statistics(tmp_path):
    made = iris(8, node("norm", "batch_norm1d"), node("act", "relu"))
    phase = made.plan.phases[0]
    phases = (type(phase)(name=phase.name, groups=(Group(nodes=("scores",)),), optimizer=phase.optimizer),)
    train(planned(made, epochs=1, phases=phases), tmp_path / "run")
    assert not saved_weights(tmp_path / "run")["norm.running_mean"].any()
