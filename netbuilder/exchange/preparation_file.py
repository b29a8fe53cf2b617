"""What a network needs to be asked without its data: `preparation.json`, made of plain values.

It says how raw values become each of the network's inputs (columns, categories, fills, mean and deviation of the
training part) and what its outputs mean (class names, the units of numbers).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from netbuilder.compiler.program import Program
from netbuilder.data.columns import MISSING
from netbuilder.data.numbers import DECIMAL, POINTS_ALONE, THOUSANDS
from netbuilder.data.spec import ColumnCode, Prepared
from netbuilder.document.model import Document, Field, PortRef
from netbuilder.exchange.answers import Answer, find_field, list_answers
from netbuilder.layers.spec import Task
from netbuilder.layers.tensor import TensorType

_COMMAS: Final = {"decimal": f"{DECIMAL}|{POINTS_ALONE}", "thousands": THOUSANDS}
"""What a comma means -> the numbers that are rewritten, as in `data.numbers`."""


def describe_preparation(
    document: Document, program: Program, types: Mapping[str, TensorType], prepared: Mapping[str, Prepared]
) -> dict[str, Any]:
    """Return the content of `preparation.json`.

    Args:
        document: What is exported.
        program: Its text.
        types: The type of each of the program's fields.
        prepared: Data node id -> its prepared rows.
    """
    inputs = {}
    for key in program.fields:
        port = program.sources[key]
        field, data = find_field(document, port), prepared.get(port.node)
        dims = [dim if isinstance(dim, int) else -1 for dim in types[key].dims[1:]]
        found: dict[str, Any] = {"dims": dims, "dtype": types[key].dtype, "layout": field.layout if field else ""}
        if data is not None and field is not None:
            found |= _scale(data, port) | _rows(data, field)
        inputs[key] = found
    outputs = {each.output: _output(each, prepared) for each in list_answers(document, program)}
    return {"title": document.about.title, "missing": sorted(MISSING), "inputs": inputs, "outputs": outputs}


def dumps(preparation: Mapping[str, Any]) -> bytes:
    """Return a preparation as the file's content."""
    return json.dumps(preparation, indent=1).encode() + b"\n"


def takes_pictures(field: Mapping[str, Any]) -> bool:
    """Whether an input can be read from picture files."""
    return field["layout"] == "CHW" and field["dims"][0] in (1, 3) and field["dtype"] == "float32"


def _scale(data: Prepared, port: PortRef) -> dict[str, Any]:
    """Return what a field was normalized by, if it was."""
    fitted = data.fitted.get(port.port)
    return {"mean": fitted.mean.tolist(), "std": fitted.std.tolist()} if fitted else {}


def _rows(data: Prepared, field: Field) -> dict[str, Any]:
    """Return how a row of a text table becomes the field, for fields that are rows of numbers."""
    code = data.code
    if code is None or code.field != field.name:
        if field.layout != "F" or field.dtype != "float32":
            return {}
        columns: list[dict[str, Any]] = [{"name": f"number {place + 1}"} for place in range(field.dims[0])]
        columns = [{**column, "place": place, "kind": "number"} for place, column in enumerate(columns)]
        return {
            "table": {
                "header": None,
                "delimiter": ",",
                "encoding": "utf-8-sig",
                "width": len(columns),
                "columns": columns,
            }
        }
    fills = data.filled[field.name].tolist() if field.name in data.filled else None
    columns, first = [], 0
    for each in code.columns:
        columns.append(_column(each, fills[first] if fills is not None else None))
        first += each.width
    how = {"header": code.header, "delimiter": code.delimiter, "encoding": code.encoding}
    return {"table": {**how, "width": code.width, "columns": columns}}


def _column(code: ColumnCode, fill: float | None) -> dict[str, Any]:
    found: dict[str, Any] = {"name": code.name, "place": code.place, "kind": code.kind}
    if code.kind != "number":
        return found | {"categories": list(code.categories), "gap": code.gap}
    if fill is not None:
        found["fill"] = fill
    if code.comma:
        found |= {"comma": code.comma, "pattern": _COMMAS[code.comma]}
    return found


def _output(answer: Answer, prepared: Mapping[str, Prepared]) -> dict[str, Any]:
    if answer.task is Task.CLASSIFICATION and answer.classes:
        return {"kind": "classes", "classes": list(answer.classes)}
    if answer.task is Task.BINARY:
        return {"kind": "binary", "classes": list(answer.classes) if len(answer.classes) == 2 else ["no", "yes"]}
    if answer.task is Task.REGRESSION and answer.target is not None and answer.target.node in prepared:
        return {"kind": "numbers", **_scale(prepared[answer.target.node], answer.target)}
    return {"kind": "numbers"}
