"""Targets: what must hold between a loss's prediction and its target."""

from __future__ import annotations

from collections.abc import Iterator

from netbuilder.foundation.parameter import Values
from netbuilder.layers.relations import expects, settings_clash
from netbuilder.layers.remedies import Insert, for_shape, numbers
from netbuilder.layers.spec import Check, Mismatch, Types
from netbuilder.layers.tensor import TensorType, may_equal


def same_as_target(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """Prediction and target have one shape; torch would broadcast (N, 1) against (N) to (N, N)."""
    prediction, target = inputs["prediction"], inputs["target"]
    if prediction.rank == target.rank and all(map(may_equal, prediction.dims, target.dims)):
        return
    if target.rank == prediction.rank + 1 or (target.rank > 2 and prediction.rank == 2):
        inserts = for_shape(target, prediction)
        if inserts and _flat(prediction) == _flat(target):
            yield expects("target", f"a target of the prediction's shape ({prediction})", target, *inserts)
            return
    yield expects(
        "prediction", f"a prediction of the target's shape ({target})", prediction, *for_shape(prediction, target)
    )


def _flat(found: TensorType) -> int | None:
    """Return how many numbers a sample holds; sizes of 1 do not matter, so that N × T × 1 and N × T are alike."""
    sizes = [size for size in found.dims[1:] if size != 1]
    return numbers(found) if all(isinstance(size, int) for size in sizes) else -len(sizes)


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


def a_weight_for_each_class(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """Class weights, if there are any, are as many as the prediction has classes."""
    weights, classes = values["class_weights"], inputs["prediction"].dims[1]
    if weights and isinstance(classes, int) and len(weights) != classes:
        found = f"{len(weights)} weight{'' if len(weights) == 1 else 's'}"
        yield settings_clash("prediction", f"a weight for each of {classes} classes", found, class_weights=())


def a_weight_for_each_answer(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """Weights of yes, if there are any, are one for all or one for each column of the prediction."""
    weights, prediction = values["positive_weights"], inputs["prediction"]
    columns = prediction.dims[1] if prediction.rank == 2 else 1
    if len(weights) > 1 and isinstance(columns, int) and len(weights) != columns:
        expected = f"one weight for all, or one for each of {columns} columns"
        yield settings_clash("prediction", expected, f"{len(weights)} weights", positive_weights=())


def _class_axis_mismatch(prediction: TensorType, target: TensorType) -> Mismatch:
    last = prediction.rank - 1
    if prediction.rank > 2 and prediction.dims[:-1] == target.dims:
        wanted = f"the classes on axis 1 for a target of {target}"
        return expects("prediction", wanted, prediction, ("transpose", {"first": 1, "second": last}))
    if target.rank == 2 and target.dims[1] == 1 and prediction.rank == 2:
        return expects("target", "one class index a sample (N)", target, ("squeeze", {"axis": 1}))
    if target.dims == prediction.dims:
        words = "class indices, not a column for each class"
        return expects("target", words, target, ("argmax", {"axis": 1}))
    if target.rank == 1 and prediction.rank > 2:
        return expects("prediction", "N × classes", prediction, *_one_place(prediction, target.classes))
    rest = TensorType(prediction.dims[:1] + prediction.dims[2:])
    inserts: tuple[Insert, ...] = ()
    if target.rank == prediction.rank - 1 and target.rank > 2:  # a class for each place, at another resolution
        inserts = for_shape(prediction, TensorType((*prediction.dims[:2], *target.dims[1:])))
    if inserts:
        wanted = f"scores for each of the target's places ({target})"
        return expects("prediction", wanted, prediction, *inserts)
    return expects("target", f"{rest} for a prediction of {prediction}", target)


def _one_place(prediction: TensorType, classes: int) -> tuple[Insert, ...]:
    """Return layers that make one row of scores of scores for each place or step."""
    if classes and prediction.dims[1] == classes:
        return (("global_avg_pool", {}), ("flatten", {}))
    if prediction.rank == 3 and (prediction.dims[2] == classes or not isinstance(prediction.dims[1], int)):
        return (("mean", {"axes": (1,)}), ("select", {"axis": 1, "index": -1}))
    return (("flatten", {}),)


def two_classes(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """A target of class indices has no more than two classes."""
    prediction, classes = inputs["prediction"], inputs["target"].classes
    if classes > 2:
        columns = prediction.rank == inputs["target"].rank + 1 and prediction.dims[1] == classes
        yield Mismatch(
            port="target",
            message=f"expects a target of 0 or 1, got {classes} classes",
            expected="2 classes",
            found=str(classes),
            insert=(("one_hot", {}),) if columns and prediction.rank == 2 else (),
            become=("cross_entropy",),
        )


def same_as_prediction(port: str) -> Check:
    """Return the relation: the input called `port` has the prediction's shape."""

    def check(values: Values, inputs: Types) -> Iterator[Mismatch]:
        prediction, other = inputs["prediction"], inputs[port]
        if prediction.rank != other.rank or not all(map(may_equal, prediction.dims, other.dims)):
            yield expects(port, f"the prediction's shape ({prediction})", other, *for_shape(other, prediction))

    return check
