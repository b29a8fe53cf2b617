"""Mistakes: which rows of a validation the network was wrong about, the surest first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from netbuilder.training import pictures
from netbuilder.training.batches import Part
from netbuilder.training.protocol import Picture, PictureKind
from netbuilder.training.samples import image_bytes

MOST: Final = 48
"""So many are kept at most."""

EACH: Final = 6
"""And so many of one pair of classes, so that a frequent confusion does not hide the others."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One row that was taken for another class.

    Attributes:
        row: Its place in the validation part.
        truth: Its class.
        guess: What the network takes it for.
        certainty: The probability that it gives to that.
    """

    row: int
    truth: int
    guess: int
    certainty: float


def find_mistakes(scores: torch.Tensor, truth: torch.Tensor) -> tuple[Mistake, ...]:
    """Return what a network was most surely wrong about.

    Args:
        scores: Logits (rows, classes).
        truth: Class indices (rows,).
    """
    certainty, guess = torch.softmax(scores.float(), dim=1).max(dim=1)
    wrong = torch.nonzero(guess != truth).flatten()
    order = wrong[torch.argsort(certainty[wrong], descending=True, stable=True)]
    met: Counter[tuple[int, int]] = Counter()
    found: list[Mistake] = []
    columns = (order.tolist(), truth[order].tolist(), guess[order].tolist(), certainty[order].tolist())
    for row, right, taken, sure in zip(*columns, strict=True):
        met[right, taken] += 1
        if met[right, taken] <= EACH:
            found.append(Mistake(row, right, taken, sure))
        if len(found) == MOST:
            break
    return tuple(found)


def mistakes_picture(
    mistakes: tuple[Mistake, ...], wrong: int, part: Part, classes: tuple[str, ...], step: int
) -> Picture:
    """Return mistakes as a picture: with the images, where the rows have some.

    Args:
        mistakes: What to show.
        wrong: How many rows were wrong in all.
        part: The validation part.
        classes: The names of the classes.
        step: The step whose weights were judged.
    """
    data = np.zeros((len(mistakes), 0, 0), np.uint8)
    rows = torch.tensor([each.row for each in mistakes], dtype=torch.int64)
    for source in part.sources:
        for tensor in source.tensors.values():
            if tensor.dim() == 4 and tensor.shape[1] in (1, 3) and not data.size and len(rows):
                chosen = tensor.index_select(0, (rows % source.rows).to(tensor.device))
                data = image_bytes(chosen.cpu().numpy())
    told = tuple(float(value) for each in mistakes for value in (each.truth, each.guess, each.certainty))
    caption = f"{wrong:,} of {part.rows:,} are wrong"
    return Picture(
        kind=PictureKind.MISTAKES,
        node="",
        step=step,
        data=pictures.frozen(data),
        extent=told,
        labels=classes,
        caption=caption,
    )
