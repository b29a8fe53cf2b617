"""Metrics by task, through torchmetrics, computed once over all predictions of a part."""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType

import torch

from netbuilder.layers.spec import Task

HIGHER_IS_BETTER: Mapping[str, bool] = {
    "loss": False,
    "accuracy": True,
    "precision": True,
    "recall": True,
    "f1": True,
    "mae": False,
    "rmse": False,
    "r2": True,
}
"""Every metric's key, and whether more of it is better."""

BY_TASK: Mapping[Task, tuple[str, ...]] = {
    Task.CLASSIFICATION: ("accuracy", "precision", "recall", "f1"),
    Task.BINARY: ("accuracy", "precision", "recall", "f1"),
    Task.REGRESSION: ("mae", "rmse", "r2"),
}
"""The metrics of each task; the first is the one people ask for."""


def is_better(metric: str, value: float, best: float | None) -> bool:
    """Whether `value` of a metric (perhaps "<loss>.accuracy") beats `best`; nothing that is not a number does."""
    if value != value:
        return False
    if best is None:
        return True
    return value > best if HIGHER_IS_BETTER.get(metric.rpartition(".")[2], False) else value < best


def compute(task: Task, prediction: torch.Tensor, target: torch.Tensor) -> tuple[dict[str, float], torch.Tensor | None]:
    """Return the metrics of one loss node over a whole part, and the confusion matrix where there are classes.

    Args:
        task: What the loss trains for.
        prediction: All predictions, as they enter the loss.
        target: All targets.
    """
    if task is Task.CLASSIFICATION:
        return _classification(prediction, target)
    if task is Task.BINARY:
        return _binary(prediction, target)
    return _regression(prediction, target), None


def _classification(prediction: torch.Tensor, target: torch.Tensor) -> tuple[dict[str, float], torch.Tensor]:
    functional = library()
    classes = prediction.shape[1]
    chosen = prediction.argmax(dim=1).flatten()
    truth = target.flatten()
    macro = {"num_classes": classes, "average": "macro", "validate_args": False}
    metrics = {
        "accuracy": functional.multiclass_accuracy(chosen, truth, classes, average="micro", validate_args=False),
        "precision": functional.multiclass_precision(chosen, truth, **macro),
        "recall": functional.multiclass_recall(chosen, truth, **macro),
        "f1": functional.multiclass_f1_score(chosen, truth, **macro),
    }
    confusion = functional.multiclass_confusion_matrix(chosen, truth, classes, validate_args=False)
    return _floats(metrics), confusion


def _binary(prediction: torch.Tensor, target: torch.Tensor) -> tuple[dict[str, float], torch.Tensor]:
    functional = library()
    chosen = (prediction > 0).flatten().long()
    truth = (target > 0.5).flatten().long()
    metrics = {
        "accuracy": functional.binary_accuracy(chosen, truth, validate_args=False),
        "precision": functional.binary_precision(chosen, truth, validate_args=False),
        "recall": functional.binary_recall(chosen, truth, validate_args=False),
        "f1": functional.binary_f1_score(chosen, truth, validate_args=False),
    }
    return _floats(metrics), functional.binary_confusion_matrix(chosen, truth, validate_args=False)


def _regression(prediction: torch.Tensor, target: torch.Tensor) -> dict[str, float]:
    library()
    from torchmetrics.functional import regression

    rows = len(prediction)
    predicted, truth = prediction.reshape(rows, -1).float(), target.reshape(rows, -1).float()
    # torchmetrics wants flat vectors where there is one column.
    predicted, truth = (predicted[:, 0], truth[:, 0]) if predicted.shape[1] == 1 else (predicted, truth)
    metrics = {
        "mae": regression.mean_absolute_error(predicted, truth),
        "rmse": regression.mean_squared_error(predicted, truth, squared=False),
    }
    if rows >= 2:  # R² compares with the variance, which one row has none of
        metrics["r2"] = regression.r2_score(predicted, truth)
    return _floats(metrics)


def _floats(metrics: Mapping[str, torch.Tensor]) -> dict[str, float]:
    values = torch.stack([metric.float() for metric in metrics.values()]).tolist()
    return dict(zip(metrics, values, strict=True))


@functools.cache
def library() -> ModuleType:
    """Import torchmetrics on first use, which takes a moment."""
    with _light_scipy():
        from torchmetrics.functional import classification

        return classification


@contextmanager
def _light_scipy() -> Iterator[None]:
    """Spare the import of `scipy.signal` while torchmetrics is imported.

    torchmetrics imports it only to give it back an old name, which costs a second and 60 MB. A stand-in that has
    the name serves as well; whoever needs the real one later imports it as always.
    """
    name = "scipy.signal"
    if name in sys.modules or importlib.util.find_spec("scipy") is None:
        yield
        return
    stand_in = ModuleType(name)
    stand_in.hamming = None  # type: ignore[attr-defined]
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]
