"""Comparing two moments: weights, metrics, confusion and answers of two snapshots, of one run or two."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training.comparison import compare
from netbuilder.training.protocol import Resume, Snapshot
from netbuilder.training.snapshots import load_snapshot
from tests.builders import linear, node
from tests.training.documents import iris, network, planned
from tests.training.test_time_machine import begin, go_to

BOTH_HOSTS = True
"""See `conftest`."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run with snapshots at the steps 0, 3, 10 and its end, 28."""
    folder = tmp_path_factory.mktemp("compared") / "run"
    made = begin(iris(), folder)
    for step in (3, 10):
        go_to(made, step)
        made.command(Snapshot())
    made.host.send(Resume())
    made.finish()
    return made


def test_layers_moved_as_far_as_their_weights(run):
    folder = run.folder
    found = compare((folder, 3), (folder, 28))
    one, other = load_snapshot(folder, 3).part("model"), load_snapshot(folder, 28).part("model")
    assert [layer.path for layer in found.layers] == ["hidden", "scores"]
    for layer in found.layers:
        keys = [key for key in one if key.startswith(f"{layer.path}.")]
        assert len(keys) == 2
        a, b = (torch.cat([each[key].flatten() for key in keys]) for each in (one, other))
        assert layer.before == pytest.approx(float(a.norm()), rel=1e-5)
        assert layer.after == pytest.approx(float(b.norm()), rel=1e-5)
        assert layer.distance == pytest.approx(float((b - a).norm()), rel=1e-5)
        assert layer.relative == pytest.approx(float((b - a).norm() / a.norm()), rel=1e-5)
        assert layer.cosine == pytest.approx(float(torch.cosine_similarity(a, b, dim=0)), rel=1e-5)
    assert found.steps == (3, 28)
    assert not found.only_before
    assert not found.only_after


def test_a_moment_does_not_differ_from_itself(run):
    found = compare((run.folder, 10), (run.folder, 10))
    assert all(layer.distance == 0 and layer.relative == 0 for layer in found.layers)
    assert all(layer.cosine == pytest.approx(1) for layer in found.layers)
    for one, other in found.metrics.values():
        assert one == other
    for answers in found.answers.values():
        np.testing.assert_array_equal(answers.before, answers.after)


def test_metrics_are_the_newest_up_to_the_moment(run):
    found = compare((run.folder, 3), (run.folder, 10)).metrics
    losses, validation = run.series("loss/train"), run.series("loss/validation")
    assert found["loss/train"] == (losses[2], losses[9])
    assert math.isnan(found["loss/validation"][0])
    assert found["loss/validation"][1] == validation[0]
    assert "accuracy/validation" in found


def test_confusions_and_answers_are_those_of_the_moments(run):
    found = compare((run.folder, 3), (run.folder, 28))
    before, after = found.confusions
    assert before is None, "no epoch had ended"
    assert after is not None
    assert after.step == 28
    assert after.data.sum() == 22
    (answers,) = found.answers.values()
    assert answers.before.shape == answers.after.shape == (16, 3)
    assert not np.array_equal(answers.before, answers.after)
    then, later = answers.chosen
    assert then.shape == later.shape == (16,)


def test_another_runs_moment_with_another_network(run, tmp_path):
    other = begin(iris(12, node("act", "tanh"), linear("more", 12)), tmp_path / "run", paused=False).finish()
    found = compare((run.folder, 28), (other.folder, 0))
    assert not [layer for layer in found.layers if layer.path == "hidden"]
    assert found.only_before == ("hidden", "scores")
    assert found.only_after == ("hidden", "more", "scores")
    assert list(found.answers) == list(compare((run.folder, 3), (run.folder, 10)).answers)


def test_of_two_seeds_the_same_layers_are_compared(run, tmp_path):
    other = begin(planned(iris(), seed=5), tmp_path / "run", paused=False).finish()
    found = compare((run.folder, 28), (other.folder, 28))
    assert [layer.path for layer in found.layers] == ["hidden", "scores"]
    assert all(layer.cosine < 0.9 for layer in found.layers)


def test_a_moment_that_is_gone_is_told(run):
    with pytest.raises(NetbuilderError, match="no snapshot of step 5"):
        compare((run.folder, 3), (run.folder, 5))


def test_a_layer_that_was_zero_moved_without_bounds(run):
    (layer, *_) = compare((run.folder, 3), (run.folder, 10)).layers
    assert replace(layer, before=0.0).relative == math.inf
    assert replace(layer, before=0.0, distance=0.0).relative == 0


def test_answers_of_one_number_a_row_are_compared(tmp_path):
    body = [linear("value", 1), node("one", "squeeze", axis=1)]
    made = network("data.diabetes", body, "mse_loss", "features", "target", [node("flat", "squeeze", axis=1)])
    begun = begin(planned(made, epochs=1), tmp_path / "run", paused=False)
    end = begun.finish().end
    assert end.data["reason"] == "finished"
    (answers,) = compare((begun.folder, 0), (begun.folder, end.step)).answers.values()
    assert answers.before.shape == (16, 1)
