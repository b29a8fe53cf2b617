"""Numbers as people write them, in whatever country, and as keys, wheel and drags step them."""

from __future__ import annotations

import math
import re

from netbuilder.foundation.parameter import Kind, Parameter

_SEPARATORS = re.compile(r"[\s,;x×]+")
_SEMICOLONS = re.compile(r"\s*;\s*")
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}([,.'’\s])\d{3}(?:\1\d{3})*")
"""A whole number with its thousands apart, as many write it and as the program itself shows it: 60,000."""


def number_text(value: float | None) -> str:
    """Write a number as a person would: 0.001, 1e-5, 20."""
    if value is None:
        return ""
    text = repr(value)
    mantissa, exponent, power = text.partition("e")
    mantissa = mantissa.removesuffix(".0")
    return f"{mantissa}e{int(power)}" if exponent else mantissa


def parse_number(text: str, *, is_whole: bool = False) -> object:
    """Return the number that `text` says, else the text itself, which `Parameter.normalize` refuses in words.

    Args:
        text: What was typed.
        is_whole: Whether a whole number is meant: then a comma or point before three digits sets thousands apart.
    """
    cleaned = text.strip().replace("_", "").replace("−", "-")
    if is_whole and _GROUPED.fullmatch(cleaned):
        cleaned = re.sub(r"[^\d+-]", "", cleaned)
    try:
        return int(cleaned)
    except ValueError:
        pass
    try:
        return float(cleaned.replace(",", ".") if cleaned.count(",") == 1 else cleaned)
    except ValueError:
        return text.strip()


def plain_value(parameter: Parameter, text: str) -> object:
    """Return the value that a line of text says, for `Parameter.normalize` to accept or to refuse in words."""
    if parameter.kind in (Kind.INTS, Kind.FLOATS):
        # Where semicolons set numbers apart, a comma is a decimal sign: 0,5; 0,7.
        separators = _SEMICOLONS if ";" in text and parameter.kind is Kind.FLOATS else _SEPARATORS
        return tuple(parse_number(part) for part in separators.split(text.strip("()[] ")) if part)
    if parameter.kind is Kind.BOOL:
        return {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}.get(
            text.lower(), text
        )
    if parameter.kind in (Kind.INT, Kind.FLOAT):
        return parse_number(text, is_whole=parameter.kind is Kind.INT)
    return text


def stepped(parameter: Parameter, value: float, steps: float) -> float:
    """Return `value` moved by `steps`, inside the accepted range: by factors where the parameter is logarithmic."""
    whole = parameter.kind in (Kind.INT, Kind.INTS)
    if parameter.logarithmic and value > 0:
        moved = value * 10 ** (steps / 20)
        moved = float(f"{moved:.2g}")
        if whole and round(moved) == value:
            moved = value + math.copysign(1, steps)
    elif whole:
        moved = value + round(steps)  # exact, however large it is
    else:
        size = _step_size(parameter, value)
        moved = float(f"{round(value / size + steps) * size:.10g}")
    if parameter.minimum is not None:
        moved = max(moved, parameter.minimum)
    if parameter.maximum is not None:
        moved = min(moved, parameter.maximum)
    return round(moved) if whole else moved


def _step_size(parameter: Parameter, value: float) -> float:
    if parameter.minimum is not None and parameter.maximum is not None:
        span = parameter.maximum - parameter.minimum
    else:
        span = 10 * max(abs(value), 0.01)
    return float(10.0 ** math.floor(math.log10(max(span, 1e-12) / 50)))
