"""Rules at their edges: losses below zero or at it, losses that are no number, losses that are balanced already."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pytest

from netbuilder.document import edits
from netbuilder.document.model import Document
from netbuilder.insight.facts import Facts, find_facts
from netbuilder.insight.finding import Finding
from netbuilder.insight.record import Record
from netbuilder.insight.rules.class_imbalance import CLASS_IMBALANCE
from netbuilder.insight.rules.overfitting import OVERFITTING
from tests.training.documents import binary, iris


@dataclass
class Points:
    """A curve."""

    steps: np.ndarray
    values: np.ndarray


def overfitting(validation: list[float], train: list[float]) -> list[Finding]:
    """Return what is found in a run of ten steps an epoch, given the losses of its epochs."""
    ends = 10 * np.arange(1, len(validation) + 1)
    series = {
        "loss/validation": Points(ends, np.array(validation)),
        "loss/train": Points(np.arange(1, ends[-1] + 1), np.repeat(train, 10)),
    }
    record = Record(
        document=iris(), facts=Facts(), series=series, step=int(ends[-1]), steps_per_epoch=10, epoch=len(ends)
    )
    return [found for found in OVERFITTING.judge(record, frozenset()) if found is not None]


FALLING = [1.0, 0.8, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05]


@pytest.mark.parametrize("shift", [0.0, -1.5])
def test_overfitting_is_seen_wherever_the_losses_lie(shift):
    turned = [2.0, 1.0, 0.8, 1.2, 1.5, 1.8, 2.0, 2.2]
    (found,) = overfitting([each + shift for each in turned], [each + shift for each in FALLING])
    assert "-" not in found.message


def test_a_likelihood_that_hardly_rises_is_no_overfitting():
    still = [-1.0, -2.0, -2.1, -2.09, -2.08, -2.09, -2.08, -2.08]
    assert not overfitting(still, [each - 3.0 for each in FALLING])


def test_a_loss_of_nothing_and_one_that_is_no_number_are_looked_at():
    (found,) = overfitting([1.0, 0.5, 0.0, 0.1, 0.2, 0.3, 0.3, 0.3], FALLING)
    assert "higher now" in found.message
    assert not overfitting([1.0, 0.5, float("nan"), *[float("nan")] * 5], FALLING)
    assert not overfitting([1.0, 0.5, 0.4, 0.6, 0.9, *[float("inf")] * 3], FALLING)


def imbalance(made: Document) -> list[Finding]:
    """Return what is found where the rare class is not recognized."""
    confusion = np.array([[90, 0], [4, 1]])
    record = Record(document=made, facts=find_facts(made), step=100, epoch=5, confusion=confusion)
    return [found for found in CLASS_IMBALANCE.judge(record, frozenset()) if found is not None]


def test_a_yes_that_weighs_more_already_is_not_told_of_again():
    assert imbalance(binary())
    weighed = edits.apply(
        binary(), "set_parameters", MappingProxyType({"node": "loss", "values": {"positive_weights": (18.0,)}})
    )
    assert not imbalance(weighed)
