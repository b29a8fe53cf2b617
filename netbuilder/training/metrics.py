"""Metrics by task, through torchmetrics, computed once over all predictions of a part.

Errors (MAE, RMSE) are in the target's own units, also when it is normalized; the loss is of what the network learns,
the normalized values.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace

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


def compute(
    task: Task, prediction: torch.Tensor, target: torch.Tensor, deviation: torch.Tensor | None = None
) -> tuple[dict[str, float], torch.Tensor | None]:
    """Return the metrics of one loss node over a whole part, and the confusion matrix where there are classes.

    Args:
        task: What the loss trains for.
        prediction: All predictions, as they enter the loss.
        target: All targets.
        deviation: What a normalized target was divided by, broadcastable to one target; None when it was not.
    """
    if task is Task.CLASSIFICATION:
        return _classification(prediction, target)
    if task is Task.BINARY:
        return _binary(prediction, target)
    if deviation is not None:
        deviation = deviation.expand(target.shape[1:]).reshape(1, -1)
    return _regression(prediction, target, deviation), None


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


def _regression(prediction: torch.Tensor, target: torch.Tensor, deviation: torch.Tensor | None) -> dict[str, float]:
    functional = library()
    rows = len(prediction)
    predicted, truth = prediction.reshape(rows, -1).float(), target.reshape(rows, -1).float()
    if deviation is not None:  # no need to add the mean: no metric feels a shift of both
        predicted, truth = predicted * deviation, truth * deviation
    # torchmetrics wants flat vectors where there is one column.
    predicted, truth = (predicted[:, 0], truth[:, 0]) if predicted.shape[1] == 1 else (predicted, truth)
    metrics = {
        "mae": functional.mean_absolute_error(predicted, truth),
        "rmse": functional.mean_squared_error(predicted, truth, squared=False),
    }
    if rows >= 2:  # R² compares with the variance, which one row has none of
        metrics["r2"] = functional.r2_score(predicted, truth)
    return _floats(metrics)


def _floats(metrics: Mapping[str, torch.Tensor]) -> dict[str, float]:
    values = torch.stack([metric.float() for metric in metrics.values()]).tolist()
    return dict(zip(metrics, values, strict=True))


def library() -> SimpleNamespace:
    """Import what is needed of torchmetrics on first use; returns its functions by name."""
    with _import_lock:
        if not _known:
            with _bare_packages():
                for module, names in _FUNCTIONS.items():
                    loaded = importlib.import_module(f"torchmetrics.functional.{module}")
                    _known.update({name: getattr(loaded, name) for name in names})
    return SimpleNamespace(**_known)


_FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "classification.accuracy": ("multiclass_accuracy", "binary_accuracy"),
    "classification.precision_recall": (
        "multiclass_precision",
        "multiclass_recall",
        "binary_precision",
        "binary_recall",
    ),
    "classification.f_beta": ("multiclass_f1_score", "binary_f1_score"),
    "classification.confusion_matrix": ("multiclass_confusion_matrix", "binary_confusion_matrix"),
    "regression.mae": ("mean_absolute_error",),
    "regression.mse": ("mean_squared_error",),
    "regression.r2": ("r2_score",),
}
"""Module -> what is needed of it."""

_known: dict[str, Callable[..., torch.Tensor]] = {}
_import_lock = threading.Lock()

_PACKAGES = (
    "torchmetrics",
    "torchmetrics.functional",
    "torchmetrics.functional.classification",
    "torchmetrics.functional.regression",
)


@contextmanager
def _bare_packages() -> Iterator[None]:
    """Let single modules of torchmetrics be imported without all the others.

    Its packages import everything when they are imported themselves: 250 modules of 9 MB, `scipy.signal` only to give
    it back an old name (60 MB), and all of transformers for metrics of texts. Meanwhile they are empty here; afterwards
    none of it is known to Python, so that whoever imports torchmetrics gets the whole of it.
    """
    if "torchmetrics" in sys.modules:
        yield
        return
    for name in _PACKAGES:
        spec = importlib.util.find_spec(name)
        assert spec is not None, "a package that this one depends on is installed"
        sys.modules[name] = importlib.util.module_from_spec(spec)
    sys.modules["torchmetrics"]._logger = logging.getLogger("torchmetrics")  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchmetrics"]:
            del sys.modules[name]
