"""How large a step's update is beside the weights: measured where the run tells it, else worked out."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import Final

from netbuilder.insight.facts import Layer
from netbuilder.insight.record import Record
from netbuilder.insight.rule import in_pieces
from netbuilder.training import optimizers

_DESCENT: Final = frozenset({"sgd", "asgd"})
"""Optimizers whose update is the gradient times the rate; of all others it is about the rate, whatever the gradient
(Kingma and Ba 2015, section 2.1: |Δ| is bounded by about the step size)."""


def find_largest(record: Record) -> Generator[None, None, tuple[float, Layer] | None]:
    """Return the largest update ratio of all layers, and the layer; None where none is known.

    It yields now and then, as rules do.

    Args:
        record: What the run has told.
    """
    largest: tuple[float, Layer] | None = None
    for layer in in_pieces(record.facts.trained):
        if layer is None:
            yield None
        elif (ratio := update_ratio(record, layer)) is not None and (largest is None or ratio > largest[0]):
            largest = ratio, layer
    return largest


def update_ratio(record: Record, layer: Layer) -> float | None:
    """Return the size of a layer's last update divided by that of its weights.

    Args:
        record: What the run has told.
        layer: A layer with weights.

    Returns:
        None where the run has told too little.
    """
    measured = record.median(f"update_ratio/{layer.path}", 1)
    if measured is not None:
        return measured
    size, rate = record.weight_size(layer.path), record.rate
    if not size or rate is None:
        return None
    spec, values = optimizers.find(record.document.plan.phases[0].optimizer)
    if spec.key not in _DESCENT:
        return rate / size
    norm = record.median(f"gradient_norm/{layer.path}", 1)
    if norm is None:
        return None
    gradient = norm / math.sqrt(layer.weights)
    return rate * gradient / (1.0 - min(float(values.get("momentum", 0.0)), 0.999)) / size
