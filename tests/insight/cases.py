"""For each rule a training that goes wrong in its way: small, real and repeatable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netbuilder.document.model import Document
from tests.builders import linear, node
from tests.training.documents import diabetes, iris, moons, network, planned, surface, with_optimizer


@dataclass(frozen=True, slots=True)
class Case:
    """One training.

    Attributes:
        make: Makes the document; a folder for files of its own is given.
        looks: After how many batches or epochs to look, one by one; 0 looks at the end alone.
        unit: Batches or epochs.
        mends: Which of the fixes, by its place, takes the finding away.
    """

    make: Callable[[Path], Document]
    looks: int = 0
    unit: str = "batch"
    mends: int = 0


def infinite(folder: Path) -> Document:
    """A regression whose updates grow beyond all floats."""
    return planned(with_optimizer(diabetes(), "sgd", learning_rate=100.0), epochs=30)


def exploding(folder: Path) -> Document:
    """A linear regression with a rate a little beyond what converges."""
    made = network("data.surface", [linear("value", 1)], "mse_loss", "points", "target", samples=300, normalize=True)
    return planned(with_optimizer(made, "sgd", learning_rate=1.7), epochs=30)


def vanishing(folder: Path) -> Document:
    """Ten layers with sigmoids."""
    body = [part for place in range(10) for part in (linear(f"layer{place}", 16), node(f"sigmoid{place}", "sigmoid"))]
    made = network("data.iris", [*body, linear("scores", 3)], "cross_entropy", "features", "label", normalize=True)
    return planned(with_optimizer(made, "adam", learning_rate=0.002), batch_size=16, epochs=10)


def dead(folder: Path) -> Document:
    """A rectifier killed by its first updates."""
    body = [linear("hidden", 32), node("act", "relu"), linear("scores", 2)]
    made = network("data.breast_cancer", body, "cross_entropy", "features", "label", normalize=False)
    return planned(with_optimizer(made, "sgd", learning_rate=0.1), epochs=10)


def saturated(folder: Path) -> Document:
    """A tanh behind inputs of some hundreds."""
    body = [linear("hidden", 16), node("act", "tanh"), linear("scores", 2)]
    made = network("data.breast_cancer", body, "cross_entropy", "features", "label", normalize=False)
    return planned(with_optimizer(made, "sgd", learning_rate=0.001), epochs=10)


def overfitted(folder: Path) -> Document:
    """A large network on a few noisy rows."""
    body = [linear("hidden", 128), node("act", "relu"), linear("more", 128), node("act2", "relu"), linear("scores", 2)]
    made = network(
        "data.moons", body, "cross_entropy", "points", "label", samples=60, noise=0.4, validation_percent=40,
        normalize=True,
    )  # fmt: skip
    return planned(with_optimizer(made, "adam", learning_rate=0.01), epochs=60, batch_size=16)


def too_high(folder: Path) -> Document:
    """A rate of 100."""
    return planned(with_optimizer(iris(), "adam", learning_rate=100.0), epochs=15)


def too_low(folder: Path) -> Document:
    """A rate of a ten-millionth."""
    return planned(with_optimizer(iris(), "adam", learning_rate=1e-6), epochs=12)


def stuck(folder: Path) -> Document:
    """A network whose weights begin at zero, behind layers through which no gradient gets then."""
    made = network(
        "data.iris",
        [
            linear("hidden", 8, initializer="zeros", bias=False),
            node("act", "relu"),
            linear("scores", 3, initializer="zeros"),
        ],
        "cross_entropy",
        "features",
        "label",
        normalize=True,
    )
    return planned(with_optimizer(made, "adam", learning_rate=0.01), epochs=20, batch_size=16)


def collapsed(folder: Path) -> Document:
    """A rate at which the last bias decides everything."""
    body = [linear("hidden", 16), node("act", "relu"), linear("scores", 10)]
    made = network("data.digits", [node("flat", "flatten"), *body], "cross_entropy", "image", "label")
    return planned(with_optimizer(made, "adam", learning_rate=5.0), epochs=3)


def imbalanced(folder: Path) -> Document:
    """A class of which there is one row in thirty, hardly to be told from the other."""
    random = np.random.default_rng(0)
    rows = [(*random.normal(0, 1, 2), "usual") for _ in range(580)] + [
        (*random.normal(0.6, 1, 2), "rare") for _ in range(20)
    ]
    path = folder / "rows.csv"
    path.write_text("a,b,kind\n" + "".join(f"{a:.4f},{b:.4f},{kind}\n" for a, b, kind in rows))
    body = [linear("hidden", 8), node("act", "relu"), linear("scores", 2)]
    made = network("data.table", body, "cross_entropy", "features", "label", file=str(path), target="kind")
    return planned(with_optimizer(made, "adam", learning_rate=0.005), epochs=4)


def sure(folder: Path) -> Document:
    """A regression of a target whose values are in the hundreds."""
    body = [linear("hidden", 8), node("act", "relu"), linear("value", 1)]
    made = network("data.diabetes", body, "mse_loss", "features", "target", normalize_target=False)
    return planned(with_optimizer(made, "adam", learning_rate=0.01), epochs=2)


def few_rows(folder: Path) -> Document:
    """Batch normalization over four rows."""
    return planned(iris(8, node("norm", "batch_norm1d"), node("act", "relu")), batch_size=4, epochs=2)


def flat(folder: Path) -> Document:
    """A line between two moons: it can do no better than so."""
    made = network(
        "data.moons", [linear("scores", 2)], "cross_entropy", "points", "label", samples=1000, normalize=True
    )
    return planned(with_optimizer(made, "adam", learning_rate=0.05), epochs=30)


CASES = {
    "not_finite": Case(infinite),
    "exploding_gradients": Case(exploding, looks=60),
    "vanishing_gradients": Case(vanishing, looks=8),
    "dead_units": Case(dead, looks=10),
    "saturation": Case(saturated, looks=8),
    "overfitting": Case(overfitted),
    "rate_too_high": Case(too_high),
    "rate_too_low": Case(too_low),
    "no_progress": Case(stuck),
    "class_collapse": Case(collapsed),
    "class_imbalance": Case(imbalanced),
    "initial_loss": Case(sure),
    "small_batch_norm": Case(few_rows),
    "plateau": Case(flat),
}
"""Rule -> a training that it is about."""

HEALTHY = {
    "iris": lambda: planned(with_optimizer(iris(), "adam", learning_rate=0.01), epochs=30),
    "moons": lambda: planned(with_optimizer(moons(), "adam", learning_rate=0.01), epochs=30),
    "surface": surface,
    "diabetes": lambda: planned(diabetes(), epochs=20),
}
"""Trainings with which nothing is wrong."""
