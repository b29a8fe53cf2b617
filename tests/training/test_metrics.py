"""Metrics: the numbers that people expect, by task."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn import metrics as reference

from netbuilder.layers.spec import Task
from netbuilder.training import metrics
from netbuilder.training.network import Network
from tests.builders import linear
from tests.training import documents


def _random(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_classification_matches_scikit_learn():
    prediction = _random(0, 200, 5)
    target = torch.randint(0, 5, (200,), generator=torch.Generator().manual_seed(1))
    values, confusion = metrics.compute(Task.CLASSIFICATION, prediction, target)
    chosen = prediction.argmax(1)
    assert values["accuracy"] == pytest.approx(reference.accuracy_score(target, chosen))
    for name, function in (
        ("precision", reference.precision_score),
        ("recall", reference.recall_score),
        ("f1", reference.f1_score),
    ):
        assert values[name] == pytest.approx(function(target, chosen, average="macro"))
    np.testing.assert_array_equal(confusion, reference.confusion_matrix(target, chosen))


def test_a_logarithm_of_a_count_is_not_compared_with_counts():
    made = documents.network("data.diabetes", [linear("value", 1)], "poisson_nll_loss", "features", "target")
    assert Network(made, torch.device("cpu")).metric_names == ("loss",)


def test_labels_at_every_place_count_each():
    prediction, target = _random(0, 10, 4, 6, 3), torch.randint(0, 4, (10, 6, 3))
    values, confusion = metrics.compute(Task.CLASSIFICATION, prediction, target)
    assert values["accuracy"] == pytest.approx((prediction.argmax(1) == target).float().mean().item())
    assert confusion.sum().item() == 180


@pytest.mark.parametrize("shape", [(150,), (150, 1)])
def test_binary_takes_logits(shape):
    prediction, target = _random(2, *shape), (_random(3, *shape) > 0).float()
    values, confusion = metrics.compute(Task.BINARY, prediction, target)
    chosen, truth = (prediction > 0).flatten().int(), target.flatten().int()
    assert values["accuracy"] == pytest.approx(reference.accuracy_score(truth, chosen))
    assert values["precision"] == pytest.approx(reference.precision_score(truth, chosen))
    assert values["recall"] == pytest.approx(reference.recall_score(truth, chosen))
    assert values["f1"] == pytest.approx(reference.f1_score(truth, chosen))
    np.testing.assert_array_equal(confusion, reference.confusion_matrix(truth, chosen))


@pytest.mark.parametrize("shape", [(80,), (80, 1), (80, 3), (80, 2, 2)])
def test_regression_matches_scikit_learn(shape):
    prediction, target = _random(4, *shape), _random(5, *shape)
    values, confusion = metrics.compute(Task.REGRESSION, prediction, target)
    flat = prediction.reshape(80, -1), target.reshape(80, -1)
    assert confusion is None
    assert values["mae"] == pytest.approx(reference.mean_absolute_error(flat[1], flat[0]), rel=1e-5)
    assert values["r2"] == pytest.approx(reference.r2_score(flat[1], flat[0]), rel=1e-4)
    assert values["rmse"] == pytest.approx(reference.mean_squared_error(flat[1], flat[0]) ** 0.5, rel=1e-5)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 2)])
def test_errors_of_a_normalized_target_are_in_its_own_units(shape):
    mean, deviation = _random(6, *shape) + 100, _random(7, *shape).abs() + 5
    own = deviation * _random(8, 90, *shape) + mean
    guess = own + _random(9, 90, *shape)
    columns = own.reshape(90, -1), guess.reshape(90, -1)
    values, _ = metrics.compute(Task.REGRESSION, (guess - mean) / deviation, (own - mean) / deviation, deviation)
    assert values["mae"] == pytest.approx(reference.mean_absolute_error(*columns), rel=1e-3)
    assert values["rmse"] == pytest.approx(reference.mean_squared_error(*columns) ** 0.5, rel=1e-3)
    assert values["r2"] == pytest.approx(reference.r2_score(*columns), rel=1e-3)


def test_the_deviation_of_a_pictures_channels_counts_for_all_their_pixels():
    target, guess = _random(1, 20, 3, 4, 5), _random(2, 20, 3, 4, 5)
    deviation = torch.tensor([1.0, 2.0, 4.0]).reshape(3, 1, 1)
    values, _ = metrics.compute(Task.REGRESSION, guess, target, deviation)
    assert values["mae"] == pytest.approx(((guess - target).abs() * deviation).mean().item())


def test_one_row_has_no_r2():
    values, _ = metrics.compute(Task.REGRESSION, torch.ones(1, 1), torch.zeros(1, 1))
    assert set(values) == {"mae", "rmse"}


def test_better_knows_its_direction():
    assert metrics.is_better("loss", 1.0, 2.0)
    assert metrics.is_better("accuracy", 2.0, 1.0)
    assert metrics.is_better("aux.accuracy", 2.0, 1.0)
    assert not metrics.is_better("rmse", 2.0, 1.0)
    assert not metrics.is_better("accuracy", 1.0, 1.0)
    assert not metrics.is_better("loss", float("nan"), None)
    assert metrics.is_better("loss", 5.0, None)


def test_every_task_lists_known_metrics():
    assert set(metrics.BY_TASK) == set(Task)
    assert {name for names in metrics.BY_TASK.values() for name in names} | {"loss"} == set(metrics.HIGHER_IS_BETTER)


def test_importing_torchmetrics_spares_what_is_not_needed_of_it_and_touches_nothing():
    code = """
import sys, threading
import torch
from netbuilder.layers.spec import Task
from netbuilder.training import metrics
threads = [threading.Thread(target=metrics.library) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
metrics.compute(Task.CLASSIFICATION, torch.randn(8, 3), torch.arange(8) % 3)
metrics.compute(Task.BINARY, torch.randn(8), torch.arange(8) % 2)
metrics.compute(Task.REGRESSION, torch.randn(8, 2), torch.randn(8, 2))
known = {name.partition(".")[0] for name in sys.modules}
assert not known & {"torchmetrics", "scipy", "transformers", "regex"}, known
import torchmetrics  # by somebody else, later: all of it
assert torchmetrics.Accuracy and torchmetrics.functional.text.bleu_score
here, there = metrics.library().multiclass_accuracy, torchmetrics.functional.classification.multiclass_accuracy
chosen, truth = torch.tensor([0, 1, 2, 1]), torch.tensor([0, 1, 1, 1])
assert here(chosen, truth, 3) == there(chosen, truth, 3)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
