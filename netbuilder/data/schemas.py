"""What a data node yields, found out once and then kept in the document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from netbuilder.data import splits
from netbuilder.data.files import absolute, fingerprint
from netbuilder.data.settings import SHARED
from netbuilder.data.sources import registry
from netbuilder.data.spec import Preview, SourceSpec
from netbuilder.document.model import Schema
from netbuilder.foundation.problem import NetbuilderError, Problem


def find_source(node_type: str) -> SourceSpec:
    """Return the source that a data node's type names.

    Raises:
        NetbuilderError: When this program has no such source.
    """
    source = registry().get(node_type)
    if source is None:
        raise NetbuilderError(
            Problem(code="data.unknown_source", message=f"This version has no data source called {node_type!r}.")
        )
    return source


def resolve(source: SourceSpec, parameters: Mapping[str, Any], base: str | Path = "") -> dict[str, Any]:
    """Return all of a data node's values in canonical form, its paths made absolute.

    Raises:
        NetbuilderError: One problem a value that is not accepted, each naming its parameter.
    """
    problems = []
    values = source.defaults()
    for name, parameter in source.by_name.items():
        try:
            values[name] = parameter.normalize(parameters.get(name, parameter.default))
        except ValueError as error:
            problems.append(Problem(code="data.value", message=f"{error}.", field=name))
    if problems:
        raise NetbuilderError(problems)
    return absolute(source, values, base)


def describe(node_type: str, parameters: Mapping[str, Any], base: str | Path = "") -> Schema:
    """Find out what a data node yields, reading as little as its source can.

    Args:
        node_type: The source's key, e.g. "data.digits".
        parameters: The node's values; missing ones get their default.
        base: The folder that relative paths are relative to; "" is the working folder.

    Returns:
        The fields, the number of rows, and a fingerprint of settings and files.

    Raises:
        NetbuilderError: When a value is wrong or a file cannot be used; the problems name the field, file and line.
    """
    source = find_source(node_type)
    values = resolve(source, parameters, base)
    stamp = fingerprint(source, values, without=SHARED)
    return replace(source.describe(values), source=stamp)


def is_stale(schema: Schema, node_type: str, parameters: Mapping[str, Any], base: str | Path = "") -> bool:
    """Whether the settings, or the files behind them, changed since `schema` was found out."""
    try:
        source = find_source(node_type)
        return schema.source != fingerprint(source, resolve(source, parameters, base), without=SHARED)
    except NetbuilderError:
        return True


def check_split(node_type: str, parameters: Mapping[str, Any], rows: int) -> None:
    """Make sure that this many rows can be split as a data node's settings say, as far as their number tells.

    Raises:
        NetbuilderError: When a part would be empty.
    """
    values = resolve(find_source(node_type), parameters)
    splits.check_split(rows, validation_percent=values["validation_percent"], test_percent=values["test_percent"])


def preview(node_type: str, parameters: Mapping[str, Any], base: str | Path = "", rows: int = 50) -> Preview:
    """Return the first rows of a data node for people to look at.

    Args:
        node_type: The source's key.
        parameters: The node's values.
        base: The folder that relative paths are relative to.
        rows: How many rows at most.

    Raises:
        NetbuilderError: As `describe`.
    """
    from netbuilder.data.preview import show_rows

    source = find_source(node_type)
    values = resolve(source, parameters, base)
    return source.preview(values, rows) if source.preview else show_rows(source, values, rows)
