"""Quantities that a run tells of: what people call them, and which are written in percent."""

from __future__ import annotations

SHARES = frozenset({"accuracy", "precision", "recall", "f1"})
"""Metrics that are parts of a whole."""

_WORDS = {"learning_rate": "learning rate", "gradient_norm": "gradient norm", "f1": "F1", "r2": "R²", "mae": "MAE"}


def quantity_title(name: str) -> str:
    """Return what people call a series: "accuracy/validation" is "accuracy"."""
    key = name.removesuffix("/validation")
    return _WORDS.get(key, key.replace("_", " "))


def is_share(name: str) -> bool:
    """Whether a series or a metric is a part of a whole: "accuracy", "digit.accuracy/validation"."""
    return name.removesuffix("/validation").rpartition(".")[2] in SHARES
