"""Preparing a data node's rows for training: read, checked, split, filled and normalized by the training part alone."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from netbuilder.data.files import fingerprint
from netbuilder.data.schemas import find_source, resolve
from netbuilder.data.settings import normalized_fields
from netbuilder.data.spec import Array, Dataset, Prepared, SourceSpec, Standardization
from netbuilder.data.splits import split_rows
from netbuilder.document.model import Field, Node, Schema
from netbuilder.foundation.job import Job
from netbuilder.foundation.parameter import Values
from netbuilder.foundation.problem import Fix, NetbuilderError, Problem

SKIP = "skip_unreadable"
"""The setting of sources that can leave damaged files out."""

CACHE_BYTES = 512 * 2**20
"""Prepared data of at most so many bytes is kept in memory for the next run."""


def prepare(node: Node, base: str | Path = "", job: Job | None = None) -> Prepared:
    """Read a data node's rows and make them ready for batches.

    The arrays are contiguous, have the schema's dtype and are shared with later callers: nobody writes into them.

    Args:
        node: A data node.
        base: The folder that relative paths are relative to; "" is the working folder.
        job: Told how far the work is; cancelling it stops the work.

    Raises:
        NetbuilderError: When settings, files or values are wrong; the problems name the node, the file and the row.
        Cancelled: When the job was cancelled.
    """
    job = job or Job(title="Reading data")
    try:
        source = find_source(node.type)
        values = resolve(source, node.parameters, base)
        key = fingerprint(source, values)
        cached = _CACHE.get(key)
        if cached is not None:
            return cached
        prepared = _prepare(source, values, job)
        _CACHE.put(key, prepared)
        return prepared
    except NetbuilderError as error:
        raise NetbuilderError([_at(node, problem) for problem in error.problems]) from error


def _at(node: Node, problem: Problem) -> Problem:
    """Return a problem with its node, and with what mends it there."""
    fixes = problem.fixes
    if problem.code == "data.damaged" and node.parameters.get(SKIP) is False:
        fixes = (Fix(title="Skip unreadable images", edit="set_parameters", arguments=_skipping(node)),)
    return replace(problem, node=node.id, fixes=fixes)


def _skipping(node: Node) -> dict[str, Any]:
    return {"node": node.id, "values": {SKIP: True}}


def forget_prepared() -> None:
    """Drop everything that was kept in memory for the next run."""
    _CACHE.clear()


def _prepare(source: SourceSpec, values: Values, job: Job) -> Prepared:
    dataset = source.read(values, job)
    job.report(None, "Splitting")
    _check(dataset)
    classes = dataset.columns[dataset.stratify] if dataset.stratify and values.get("stratify") else None
    rows = split_rows(
        dataset.rows,
        validation_percent=values["validation_percent"],
        test_percent=values["test_percent"],
        seed=values["split_seed"],
        classes=classes,
    )
    parts = {part: {name: column[chosen] for name, column in dataset.columns.items()} for part, chosen in rows.items()}
    filled = _fill(parts, dataset.schema, str(values.get("missing", "")))
    job.report(None, "Normalizing")
    fields = {field.name for field in dataset.schema.fields}
    fitted = {}
    for name in normalized_fields(source.normalizes, values):
        if name in fields:
            fitted[name] = _standardize(parts, name, _layout(dataset.schema, name))
    return Prepared(
        schema=replace(dataset.schema, source=fingerprint(source, values)),
        parts={part: _contiguous(columns, dataset.schema) for part, columns in parts.items()},
        fitted=fitted,
        filled=filled,
        notes=dataset.notes,
        code=dataset.code,
    )


def _layout(schema: Schema, name: str) -> str:
    """Return the layout of the field called `name`."""
    return next(field.layout for field in schema.fields if field.name == name)


def _check(dataset: Dataset) -> None:
    for field in dataset.schema.fields:
        column = dataset.columns[field.name]
        if field.classes:
            _check_classes(field, column)
        elif column.dtype.kind == "f" and np.isinf(column).any():
            row = int(np.argwhere(np.isinf(column))[0][0])
            raise _value_problem(f"Row {row + 1} of {field.name} holds a number too large to train on.", row)


def _check_classes(field: Field, column: Array) -> None:
    if column.dtype.kind not in "iu":
        raise _value_problem(f"The labels of {field.name} are not whole numbers.", 0)
    wrong = np.flatnonzero((column < 0) | (column >= len(field.classes)))
    if len(wrong):
        row = int(wrong[0])
        raise _value_problem(
            f"Row {row + 1} has class {column[row]}, and the classes are 0 to {len(field.classes) - 1}.", row
        )


def _value_problem(message: str, row: int) -> NetbuilderError:
    return NetbuilderError(Problem(code="data.content", message=message, line=row + 1))


def _fill(parts: Mapping[str, dict[str, Array]], schema: Schema, strategy: str) -> dict[str, Array]:
    """Replace missing numbers by the training part's mean or median of their column.

    Returns:
        Field -> what its missing numbers are replaced by, where the strategy fills.
    """
    filled: dict[str, Array] = {}
    for field in schema.fields:
        if field.dtype != "float32":
            continue
        wanting = [columns for columns in parts.values() if np.isnan(columns[field.name]).any()]
        if strategy not in ("mean", "median") and not wanting:
            continue
        training = parts["train"][field.name].astype(np.float64)
        if strategy in ("mean", "median") and (~np.isnan(training)).any(axis=0).all():
            filled[field.name] = (np.nanmean if strategy == "mean" else np.nanmedian)(training, axis=0)
        elif wanting:
            message = f"Values of {field.name} are missing and cannot be filled from the training part."
            raise _value_problem(message, 0)
        for columns in wanting:
            column = columns[field.name]
            columns[field.name] = np.where(np.isnan(column), filled[field.name], column).astype(np.float32)
    return filled


def _standardize(parts: Mapping[str, dict[str, Array]], name: str, layout: str) -> Standardization:
    """Normalize a field of all parts by the training part: pictures by channel, everything else by feature."""
    training = parts["train"][name].astype(np.float64)
    axes = (0, 2, 3) if layout == "CHW" else (0,)
    mean, deviation = training.mean(axis=axes, keepdims=True)[0], training.std(axis=axes, keepdims=True)[0]
    # A column that never changes in the training part has nothing to scale; rounding leaves it a tiny deviation.
    deviation = np.where(deviation > 1e-7 * np.maximum(1.0, np.abs(mean)), deviation, 1.0)
    for columns in parts.values():
        columns[name] = ((columns[name] - mean) / deviation).astype(np.float32)
    return Standardization(mean=mean, std=deviation)


def _contiguous(columns: Mapping[str, Array], schema: Schema) -> dict[str, Array]:
    return {
        field.name: np.ascontiguousarray(columns[field.name], dtype=np.dtype(field.dtype)) for field in schema.fields
    }


class _Cache:
    """Prepared data by fingerprint: the least recently used goes first; safe from any thread."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, Prepared] = OrderedDict()

    def get(self, key: str) -> Prepared | None:
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: str, prepared: Prepared) -> None:
        if _bytes(prepared) > self._limit:
            return
        with self._lock:
            self._entries[key] = prepared
            while sum(map(_bytes, self._entries.values())) > self._limit:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


def _bytes(prepared: Any) -> int:
    return sum(column.nbytes for part in prepared.parts.values() for column in part.values())


_CACHE = _Cache(CACHE_BYTES)
