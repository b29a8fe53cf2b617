"""Losses."""

from __future__ import annotations

from netbuilder.foundation.problem import Severity
from tests.compiler.mistakes.mistake import GRAY, LABEL, Mistake, T, values

LOSSES = (
    Mistake(
        "numbers as classes", "cross_entropy", {"prediction": values(10), "target": values()}, "Insert Cast (int64)"
    ),
    Mistake(
        "small whole numbers as classes",
        "cross_entropy",
        {"prediction": values(10), "target": values(dtype="int32", classes=10)},
        "Insert Cast (int64)",
        "int32",
    ),
    Mistake(
        "a column for each class",
        "cross_entropy",
        {"prediction": values(10), "target": values(10)},
        "Insert ArgMax (axis 1)",
        "whole numbers",
    ),
    Mistake(
        "a whole column for each class",
        "cross_entropy",
        {"prediction": values(10), "target": values(10, dtype="int64")},
        "Insert ArgMax (axis 1)",
    ),
    Mistake(
        "classes in a column",
        "cross_entropy",
        {"prediction": values(10), "target": values(1, dtype="int64")},
        "Insert Squeeze (axis 1)",
    ),
    Mistake(
        "the classes on the last axis",
        "cross_entropy",
        {"prediction": values(T, 10), "target": values(T, dtype="int64", classes=10)},
        "Insert Transpose (1 ↔ 2)",
        "the classes on axis 1",
    ),
    Mistake(
        "scores for each step, one class a sample",
        "cross_entropy",
        {"prediction": values(T, 10), "target": LABEL},
        "Insert Mean (axis 1)",
    ),
    Mistake(
        "scores for each place, one class a sample",
        "cross_entropy",
        {"prediction": values(10, 4, 4), "target": LABEL},
        "Insert GlobalAvgPool",
    ),
    Mistake(
        "scores for fewer places than the target has",
        "cross_entropy",
        {"prediction": values(3, 4, 4), "target": values(8, 8, dtype="int64", classes=3)},
        "Insert Upsample (8×8",
    ),
    Mistake(
        "fewer outputs than classes",
        "cross_entropy",
        {"prediction": values(8), "target": LABEL},
        "Set Units to 10",
        "there are 10 classes but the prediction has 8 outputs",
        before=(("linear", {"units": 8}),),
    ),
    Mistake(
        "more outputs than classes",
        "cross_entropy",
        {"prediction": values(8), "target": LABEL},
        "Set Units to 10",
        before=(("linear", {"units": 12}),),
        severity=Severity.WARNING,
    ),
    Mistake(
        "a softmax before the loss's own",
        "cross_entropy",
        {"prediction": values(10), "target": LABEL},
        "Remove softmax",
        before=(("linear", {"units": 10}), ("softmax", {})),
        severity=Severity.WARNING,
    ),
    Mistake(
        "plain scores into NLLLoss",
        "nll_loss",
        {"prediction": values(10), "target": LABEL},
        "Insert LogSoftmax",
        before=(("linear", {"units": 10}),),
        severity=Severity.WARNING,
    ),
    Mistake(
        "a sigmoid before the loss's own",
        "bce_with_logits",
        {"prediction": values(1), "target": values(1)},
        "Remove sigmoid",
        before=(("linear", {"units": 1}), ("sigmoid", {})),
        severity=Severity.WARNING,
    ),
    Mistake(
        "ten classes as yes or no",
        "bce_with_logits",
        {"prediction": values(10), "target": LABEL},
        "Use CrossEntropyLoss",
        "10 classes",
    ),
    Mistake(
        "yes or no in another shape",
        "bce_with_logits",
        {"prediction": values(1), "target": values(dtype="int64", classes=2)},
        "Insert Squeeze (axis 1)",
    ),
    Mistake(
        "a column against numbers",
        "mse_loss",
        {"prediction": values(1), "target": values()},
        "Insert Squeeze (axis 1)",
        "a prediction of the target's shape (N), got N × 1",
    ),
    Mistake(
        "numbers against a column",
        "mse_loss",
        {"prediction": values(), "target": values(1)},
        "Insert Squeeze (axis 1)",
        "a target of the prediction's shape (N), got N × 1 from source_target",
    ),
    Mistake(
        "two columns against three",
        "l1_loss",
        {"prediction": values(4), "target": values(3)},
        "Set Units to 3",
        before=(("linear", {"units": 2}),),
    ),
    Mistake("a picture against its pixels", "mse_loss", {"prediction": values(64), "target": GRAY}, "Insert Flatten"),
    Mistake("pixels against a picture", "mse_loss", {"prediction": GRAY, "target": values(64)}, "Insert Flatten"),
    Mistake(
        "a smaller picture than the target",
        "mse_loss",
        {"prediction": values(1, 6, 6), "target": GRAY},
        "Insert Upsample (8×8",
    ),
    Mistake("counts as a target", "mse_loss", {"prediction": values(), "target": values(dtype="int64")}, "Insert Cast"),
    Mistake(
        "classes as numbers", "mse_loss", {"prediction": values(10), "target": LABEL}, "Use CrossEntropyLoss", "classes"
    ),
    Mistake(
        "a variance of another shape",
        "gaussian_nll_loss",
        {"prediction": values(3), "target": values(3), "variance": values(1)},
        "Insert Linear (3 units)",
    ),
)
