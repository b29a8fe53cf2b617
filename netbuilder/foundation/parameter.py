"""Parameters: one declaration gives a form field, a check, a default, a help text and a place in the file.

Layers, data sources, preparation, optimizers, schedules and preferences all declare their settings with these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

Value: TypeAlias = "bool | int | float | str | tuple[Value, ...] | None"
Values: TypeAlias = Mapping[str, Any]
"""Resolved parameters by name."""

LARGEST: Final = 2**63 - 1
"""The largest whole number, either way: what sizes, indices and seeds are kept in everywhere beyond Python."""


class Kind(StrEnum):
    """What a parameter holds, and so which widget edits it."""

    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    CHOICE = "choice"
    TEXT = "text"
    FLOATS = "floats"  # a tuple of numbers, as many as are needed: a weight for each class
    INTS = "ints"  # a tuple of ints: kernel sizes, target shapes, axes
    FILE = "file"
    FOLDER = "folder"
    COLUMN = "column"  # a column's name in the node's file
    COLUMNS = "columns"  # a tuple of column names
    CODE = "code"  # Python, as text; only a custom layer has it, and only what the user trusts runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One value of a `Kind.CHOICE` parameter."""

    value: Value
    title: str
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One setting.

    Attributes:
        name: The identifier in code, files and templates (snake_case).
        title: What the form says ("Kernel size").
        kind: What it holds.
        default: The value of a fresh node.
        help: One or two sentences a student understands.
        minimum: Smallest accepted number (each element of INTS), inclusive.
        maximum: Largest accepted number, inclusive.
        choices: For CHOICE: the accepted values.
        length: For INTS: the exact number of elements; None accepts any length.
        optional: Whether None is accepted ("automatic" or "none"; `none_title` says which).
        none_title: What the form shows for None.
        unit: Shown behind the field ("epochs", "%").
        logarithmic: Scrubbing and sliders move by factors (learning rates).
        advanced: Folded away under "Advanced".
        shown_when: Given all values, whether the field matters now; None means always.
    """

    name: str
    title: str
    kind: Kind
    default: Any
    help: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Choice, ...] = ()
    length: int | None = None
    optional: bool = False
    none_title: str = "automatic"
    unit: str = ""
    logarithmic: bool = False
    advanced: bool = False
    shown_when: Callable[[Values], bool] | None = None

    def normalize(self, value: object) -> Any:
        """Return `value` in this parameter's canonical type, or raise ValueError saying what is accepted.

        Accepts what JSON yields (lists for tuples, 1.0 for 1) and, for INTS of fixed length, one int for all axes.

        Args:
            value: Any value, perhaps from a hostile file.

        Returns:
            The canonical value: exactly bool, int, float, str, None or a tuple of those.

        Raises:
            ValueError: With a sentence such as "Kernel size: expected a whole number of at least 1, got 0".
        """
        if value is None:
            if self.optional:
                return None
            raise self._refusal(value)
        convert = _CONVERTERS[self.kind]
        try:
            return convert(self, value)
        except (TypeError, OverflowError):
            raise self._refusal(value) from None

    def expected(self) -> str:
        """Say in plain words which values are accepted."""
        words = {
            Kind.INT: "a whole number",
            Kind.FLOAT: "a number",
            Kind.BOOL: "yes or no",
            Kind.TEXT: "text",
            Kind.FLOATS: "numbers",
            Kind.INTS: f"{self.length} whole numbers" if self.length else "whole numbers",
            Kind.FILE: "a file",
            Kind.FOLDER: "a folder",
            Kind.COLUMN: "a column name",
            Kind.COLUMNS: "column names",
            Kind.CODE: "Python code",
            Kind.CHOICE: "one of " + ", ".join(choice.title for choice in self.choices),
        }[self.kind]
        if self.minimum is not None and self.maximum is not None:
            words += f" from {self.minimum:g} to {self.maximum:g}"
        elif self.minimum is not None:
            words += f" of at least {self.minimum:g}"
        elif self.maximum is not None:
            words += f" of at most {self.maximum:g}"
        return words

    def _refusal(self, value: object) -> ValueError:
        shown = repr(value)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        return ValueError(f"{self.title}: expected {self.expected()}, got {shown}")

    def _in_range(self, value: float) -> bool:
        return (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)


def defaults(parameters: Iterable[Parameter]) -> dict[str, Any]:
    """Return each parameter's default by name."""
    return {parameter.name: parameter.default for parameter in parameters}


def _to_int(parameter: Parameter, value: Any) -> int:
    whole = type(value) is int or (type(value) is float and value.is_integer())
    if not whole or abs(value) > LARGEST or not parameter._in_range(value):
        raise parameter._refusal(value)
    return int(value)


def _to_float(parameter: Parameter, value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or not parameter._in_range(value):
        raise parameter._refusal(value)
    return float(value)


def _to_bool(parameter: Parameter, value: Any) -> bool:
    if type(value) is not bool:
        raise parameter._refusal(value)
    return value


def _to_choice(parameter: Parameter, value: Any) -> Any:
    value = tuple(value) if isinstance(value, list) else value
    for choice in parameter.choices:
        if type(choice.value) is type(value) and choice.value == value:
            return choice.value
    raise parameter._refusal(value)


def _to_text(parameter: Parameter, value: Any) -> str:
    if type(value) is not str or len(value) > 100_000:
        raise parameter._refusal(value)
    return value


def _to_ints(parameter: Parameter, value: Any) -> tuple[int, ...]:
    if type(value) in (int, float) and parameter.length:
        value = (value,) * parameter.length
    if not isinstance(value, (list, tuple)) or len(value) > 64:
        raise parameter._refusal(value)
    if parameter.length is not None and len(value) != parameter.length:
        raise parameter._refusal(value)
    try:
        return tuple(_to_int(parameter, element) for element in value)
    except ValueError:
        raise parameter._refusal(value) from None


def _to_floats(parameter: Parameter, value: Any) -> tuple[float, ...]:
    if not isinstance(value, (list, tuple)) or len(value) > 100_000:
        raise parameter._refusal(value)
    try:
        return tuple(_to_float(parameter, element) for element in value)
    except ValueError:
        raise parameter._refusal(value) from None


def _to_columns(parameter: Parameter, value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or len(value) > 100_000:
        raise parameter._refusal(value)
    return tuple(_to_text(parameter, element) for element in value)


_CONVERTERS: Mapping[Kind, Callable[[Parameter, Any], Any]] = {
    Kind.INT: _to_int,
    Kind.FLOAT: _to_float,
    Kind.BOOL: _to_bool,
    Kind.CHOICE: _to_choice,
    Kind.TEXT: _to_text,
    Kind.FLOATS: _to_floats,
    Kind.INTS: _to_ints,
    Kind.FILE: _to_text,
    Kind.FOLDER: _to_text,
    Kind.COLUMN: _to_text,
    Kind.COLUMNS: _to_columns,
    Kind.CODE: _to_text,
}
