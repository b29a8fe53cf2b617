"""The wire: the protocol's values as bytes, for a session in a process of its own.

A message is JSON text followed by the raw bytes of its arrays. Which types can stand in it is a closed list: those of
`protocol`, and problems; nothing that is read is looked up by a name that came from elsewhere. Documents travel as the
text of their files.

Each message begins with two numbers (8 bytes each, little-endian): the length of the text, and of everything after it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from netbuilder.document.files import dumps, loads
from netbuilder.document.model import Document
from netbuilder.foundation.problem import Fix, Problem, Severity
from netbuilder.training import protocol
from netbuilder.training.moments import Reason

_NUMBER: Final = 8
LARGEST: Final = 1 << 31
"""Bytes of a text, and of all arrays, of one message at most: more is no message, whatever its head says."""

_KIND: Final = "$"
"""The key that tells what an object of the text is."""

_TYPES: Final[Mapping[str, type]] = {
    kind.__name__: kind
    for kind in (*vars(protocol).values(), Reason, Problem, Fix, Severity)
    if isinstance(kind, type) and (is_dataclass(kind) or issubclass(kind, StrEnum)) and kind is not Document
}


class WireError(Exception):
    """What came over the wire is no message."""


def write(stream: BinaryIO, value: Any) -> None:
    """Write one message.

    Args:
        stream: Where to.
        value: See `encode`.

    Raises:
        TypeError: When something in it has no place on the wire.
        OSError: When nobody reads any more.
    """
    stream.write(encode(value))
    stream.flush()


def encode(value: Any) -> bytes:
    """Return the message that `read` makes a value of again.

    Args:
        value: Of the protocol's types, made of plain values and arrays.

    Raises:
        TypeError: When something in it has no place on the wire.
    """
    arrays: list[NDArray[Any]] = []
    text = json.dumps(_plain(value, arrays), separators=(",", ":")).encode()
    data = [np.ascontiguousarray(array).tobytes() for array in arrays]
    sizes = (len(text), sum(map(len, data)))
    return b"".join((*(size.to_bytes(_NUMBER, "little") for size in sizes), text, *data))


def read(stream: BinaryIO) -> Any:
    """Read one message.

    Returns:
        The value; arrays in it are read-only.

    Raises:
        EOFError: When there is nothing more.
        WireError: When it is no message.
    """
    head = stream.read(2 * _NUMBER)
    if len(head) < 2 * _NUMBER:
        raise EOFError
    text, size = (int.from_bytes(head[at : at + _NUMBER], "little") for at in (0, _NUMBER))
    if max(text, size) > LARGEST:
        raise WireError(f"a message of {text + size:,} bytes")
    body, data = stream.read(text), stream.read(size)
    if len(body) < text or len(data) < size:
        raise EOFError
    try:
        return _Reader(data).value(json.loads(body))
    except Exception as error:  # whatever is in it, a document's problems among them
        raise WireError(f"{type(error).__name__}: {error}") from error


def _plain(value: Any, arrays: list[NDArray[Any]]) -> Any:
    """Return a value as JSON holds it; arrays are put aside."""
    if isinstance(value, StrEnum):
        return {_KIND: type(value).__name__, "value": value.value}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Document):
        return {_KIND: "document", "text": dumps(value)}
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {_KIND: "array", "dtype": value.dtype.str, "shape": list(value.shape)}
    if isinstance(value, np.generic):
        return value.item()
    if is_dataclass(value) and type(value).__name__ in _TYPES:
        return {
            _KIND: type(value).__name__,
            **{each.name: _plain(getattr(value, each.name), arrays) for each in fields(value)},
        }
    if isinstance(value, Mapping):
        return {_KIND: "mapping", "items": [[_plain(key, arrays), _plain(item, arrays)] for key, item in value.items()]}
    if isinstance(value, (tuple, list, frozenset, set)):
        kind = {tuple: "tuple", list: "list"}.get(type(value), "frozenset")
        return {_KIND: kind, "items": [_plain(item, arrays) for item in value]}
    raise TypeError(f"{type(value).__name__} has no place on the wire")


class _Reader:
    """Makes values of a message's text; arrays are taken from its bytes in the order in which they were put aside."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def value(self, plain: Any) -> Any:
        if not isinstance(plain, dict):
            return plain
        kind = plain.pop(_KIND)
        if kind == "document":
            return loads(plain["text"])
        if kind == "array":
            return self._array(np.dtype(plain["dtype"]), tuple(plain["shape"]))
        if kind == "mapping":
            return {self.value(key): self.value(item) for key, item in plain["items"]}
        if kind in ("tuple", "list", "frozenset"):
            make = {"tuple": tuple, "list": list, "frozenset": frozenset}[kind]
            return make([self.value(item) for item in plain["items"]])
        made = _TYPES[kind]
        if issubclass(made, StrEnum):
            return made(plain["value"])
        return made(**{name: self.value(item) for name, item in plain.items()})

    def _array(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        count = math.prod(shape)
        if min(shape, default=0) < 0:
            raise ValueError(f"an array of shape {shape}")
        array = np.frombuffer(self._data, dtype, count, self._at).reshape(shape)
        self._at += count * dtype.itemsize
        return array
