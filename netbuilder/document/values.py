"""Parameter values in canonical form: what JSON can hold, with tuples in the place of lists."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from netbuilder.foundation.limits import DOCUMENT_DEPTH, TEXT_LENGTH


def freeze(value: object, depth: int = DOCUMENT_DEPTH) -> Any:
    """Return a JSON value with its lists as tuples, all the way down.

    Args:
        value: Null, a truth value, a number, text, a list or an object with text keys.
        depth: How deeply it may nest.

    Raises:
        ValueError: Saying in plain words what is wrong.
    """
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"expected a finite number, found {value}")
        return value
    if isinstance(value, str):
        if len(value) > TEXT_LENGTH:
            raise ValueError(f"expected text of at most {TEXT_LENGTH:,} characters, found {len(value):,}")
        return value
    if depth <= 0:
        raise ValueError(f"expected lists and objects nested at most {DOCUMENT_DEPTH} deep")
    if isinstance(value, (list, tuple)):
        return tuple(freeze(item, depth - 1) for item in value)
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: freeze(item, depth - 1) for key, item in value.items()}
    raise ValueError(f"expected text, a number, a truth value, a list or an object, found {type(value).__name__}")


def freeze_mapping(values: Mapping[str, Any], depth: int = DOCUMENT_DEPTH) -> dict[str, Any]:
    """Return parameters by name with every value frozen.

    Raises:
        ValueError: Saying which value is wrong, and how.
    """
    frozen = {}
    for name, value in values.items():
        try:
            frozen[name] = freeze(value, depth - 1)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return frozen
