"""Targets: what must hold between a loss's prediction and its target."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from netbuilder.foundation.parameter import Values
from netbuilder.layers.relations import Insert, expects, may_equal
from netbuilder.layers.spec import Check, Mismatch, Types
from netbuilder.layers.tensor import TensorType


def same_as_target(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """Prediction and target have one shape; torch would broadcast (N, 1) against (N) to (N, N)."""
    prediction, target = inputs["prediction"], inputs["target"]
    if prediction.rank == target.rank and all(map(may_equal, prediction.dims, target.dims)):
        return
    fixes: tuple[Insert, ...] = ()
    port = "prediction"
    if prediction.dims == (*target.dims, 1):
        fixes = (("squeeze", {"axis": prediction.rank - 1}),)
    elif target.dims == (*prediction.dims, 1):
        port, fixes = "target", (("squeeze", {"axis": target.rank - 1}),)
    elif prediction.rank > 2 and target.rank == 2 and _flat(prediction) == _flat(target):
        fixes = (("flatten", {}),)
    elif target.rank > 2 and prediction.rank == 2 and _flat(prediction) == _flat(target):
        port, fixes = "target", (("flatten", {}),)
    yield Mismatch(
        port=port,
        message=f"expects a prediction of the target's shape ({target}), got {prediction}",
        expected=str(target),
        found=str(prediction),
        insert=fixes,
    )


def _flat(found: TensorType) -> int | None:
    sizes = found.dims[1:]
    return prod(size for size in sizes if isinstance(size, int)) if all(isinstance(s, int) for s in sizes) else None


def classes_of_target(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """The target is the prediction without its class axis (axis 1), which has an entry for every class."""
    prediction, target = inputs["prediction"], inputs["target"]
    if target.dtype != "int64":
        yield expects("target", "class indices (int64)", target.dtype, ("cast", {"dtype": "int64"}))
        return
    wanted = prediction.dims[:1] + prediction.dims[2:]
    if len(wanted) != target.rank or not all(map(may_equal, wanted, target.dims)):
        yield _class_axis_mismatch(prediction, target)
        return
    outputs = prediction.dims[1]
    if target.classes and isinstance(outputs, int) and outputs < target.classes:
        yield Mismatch(
            port="prediction",
            message=f"expects one output a class: there are {target.classes} classes but the prediction has {outputs}"
            f" output{'s' if outputs != 1 else ''}; give the layer before it {target.classes}",
            expected=f"{target.classes} outputs",
            found=str(outputs),
        )


def _class_axis_mismatch(prediction: TensorType, target: TensorType) -> Mismatch:
    if prediction.rank > 2 and prediction.dims[:-1] == target.dims:
        return expects(
            "prediction",
            f"the classes on axis 1 for a target of {target}",
            prediction,
            ("transpose", {"first": 1, "second": prediction.rank - 1}),
        )
    if target.rank == 2 and target.dims[1] == 1 and prediction.rank == 2:
        return expects("target", "one class index a sample (N)", target, ("squeeze", {"axis": 1}))
    if target.rank == 1 and prediction.rank > 2:
        return expects("prediction", "N × classes", prediction, ("flatten", {}))
    wanted = TensorType(prediction.dims[:1] + prediction.dims[2:])
    return expects("target", f"{wanted} for a prediction of {prediction}", target)


def two_classes(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """A target of class indices has no more than two classes."""
    classes = inputs["target"].classes
    if classes > 2:
        yield Mismatch(
            port="target",
            message=f"expects a target of 0 or 1, got {classes} classes; use the cross entropy loss for these",
            expected="2 classes",
            found=str(classes),
        )


def same_as_prediction(port: str) -> Check:
    """Return the relation: the input called `port` has the prediction's shape."""

    def check(values: Values, inputs: Types) -> Iterator[Mismatch]:
        prediction, other = inputs["prediction"], inputs[port]
        if prediction.rank != other.rank or not all(map(may_equal, prediction.dims, other.dims)):
            yield expects(port, f"the prediction's shape ({prediction})", other)

    return check
