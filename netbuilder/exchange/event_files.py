"""TensorBoard's event files, written here: its own writer would bring along a large package for a small format.

An event file is a TFRecord file: for each record its length (8 bytes), the masked CRC-32C of that length, the data and
their masked CRC-32C. The data are a protocol buffer message `Event`: wall time (field 1, double), step (field 2,
varint) and `Summary` (field 5), whose `Value` (field 1) has a tag (field 1) and a number (field 2, float). The formats:
https://www.tensorflow.org/tutorials/load_data/tfrecord and `event.proto`, `summary.proto` in TensorBoard's source.

A million points take seconds: all records of a series that are equally long are made at once, as rows of an array.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.foundation.save import atomic_save
from netbuilder.training.protocol import Points

Bytes = NDArray[np.uint8]

_CASTAGNOLI = 0x82F63B78  # the polynomial, its bits reversed
_MASK = 0xA282EAD8
_ROWS = 65_536  # records made at once


def write_events(path: Path, series: Mapping[str, Points], clock: Points, started: float) -> None:
    """Write a run's series as one event file.

    Args:
        path: The file; TensorBoard looks for "tfevents" in its name.
        series: Tag -> points. Numbers are kept as 32-bit floats, as the format has them.
        clock: Step -> seconds since the run's first steps; may be empty.
        started: When the run began, in seconds since the epoch.

    Raises:
        NetbuilderError: When it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"The folder {path.parent} cannot be made: {error.strerror or error}."
        raise NetbuilderError(Problem(code="export.folder", message=message, file=str(path.parent))) from error
    atomic_save(path, encode(series, clock, started))


def encode(series: Mapping[str, Points], clock: Points, started: float) -> Iterator[bytes]:
    """Yield the pieces of an event file; see `write_events`."""
    version = b"brain.Event:2"
    yield record(_time(started) + b"\x1a" + _varint(len(version)) + version)
    for tag, points in series.items():
        for start in range(0, len(points.steps), _ROWS):
            part = slice(start, start + _ROWS)
            yield from _series(tag, points.steps[part], points.values[part], clock, started)


def record(data: bytes) -> bytes:
    """Return one record of a TFRecord file."""
    return _framed(np.frombuffer(data, np.uint8)[None]).tobytes()


def crc32c(rows: Bytes) -> NDArray[np.uint32]:
    """Return the CRC-32C (Castagnoli) of each row of bytes."""
    table = _table()
    found = np.full(len(rows), 0xFFFFFFFF, np.uint32)
    for column in range(rows.shape[1]):
        found = table[(found ^ rows[:, column]) & 0xFF] ^ (found >> np.uint32(8))
    return found ^ np.uint32(0xFFFFFFFF)


def _series(
    tag: str, steps: NDArray[np.int64], values: NDArray[np.float64], clock: Points, started: float
) -> Iterator[bytes]:
    """Yield the records of some points, those of equally long step numbers together: they ascend, so nothing moves."""
    name = tag.encode()
    passed = np.interp(steps, clock.steps, clock.values) if len(clock.steps) else np.zeros(len(steps))
    times = started + passed
    with np.errstate(over="ignore"):
        numbers = values.astype("<f4")
    value = b"\x0a" + _varint(len(name)) + name + b"\x15"
    summary = b"\x0a" + _varint(len(value) + 4) + value
    head = b"\x2a" + _varint(len(summary) + 4) + summary
    steps = np.maximum(steps, 0)  # a hostile store may hold others, for which the format has no room here
    widths = (steps[:, None] >> np.arange(7, 63, 7) > 0).sum(axis=1) + 1
    edges = np.flatnonzero(np.diff(widths)) + 1
    for part in np.split(np.arange(len(steps)), edges):
        if len(part):
            width = int(widths[part[0]])
            columns = (
                _repeated(b"\x09", len(part)),
                times[part].astype("<f8").view(np.uint8).reshape(-1, 8),
                _repeated(b"\x10", len(part)),
                _varints(steps[part], width),
                _repeated(head, len(part)),
                numbers[part].view(np.uint8).reshape(-1, 4),
            )
            yield _framed(np.concatenate(columns, axis=1)).tobytes()


def _framed(rows: Bytes) -> Bytes:
    length = np.frombuffer(struct.pack("<Q", rows.shape[1]), np.uint8)[None]
    head = np.concatenate((length, _masked(length)), axis=1)
    return np.concatenate((np.repeat(head, len(rows), axis=0), rows, _masked(rows)), axis=1)


def _masked(rows: Bytes) -> Bytes:
    """Return each row's CRC, turned so that a CRC of data that hold CRCs tells something, too."""
    crc = crc32c(rows)
    turned = ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(_MASK)
    return turned.astype("<u4").view(np.uint8).reshape(-1, 4)


@cache
def _table() -> NDArray[np.uint32]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> np.uint32(1)) ^ np.uint32(_CASTAGNOLI), table >> np.uint32(1))
    return table


def _time(seconds: float) -> bytes:
    return b"\x09" + struct.pack("<d", seconds)


def _repeated(data: bytes, count: int) -> Bytes:
    return np.repeat(np.frombuffer(data, np.uint8)[None], count, axis=0)


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _varints(numbers: NDArray[np.int64], width: int) -> Bytes:
    """Return numbers as varints of `width` bytes each, which is what they take."""
    shifts = np.arange(width, dtype=np.int64) * 7
    digits = ((numbers[:, None] >> shifts) & 0x7F).astype(np.uint8)
    digits[:, :-1] |= 0x80
    return digits
