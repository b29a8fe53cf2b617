"""Tensors of an ONNX file: from its own bytes, or from a data file beside it that is checked before it is opened.

A file may say that a tensor's bytes stand in another file. Loaders have been tricked by that into reading any file of
the machine (CVE-2022-25882, CVE-2024-27318, CVE-2026-34446, CVE-2026-34447), so only a plain file in the same folder is
read: no path, no symbolic link, no second name of a file.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil
from onnx import TensorProto, helper, numpy_helper

from netbuilder.exchange.incoming.onnx.values import Array
from netbuilder.foundation.problem import NetbuilderError, Problem

AXES: Final = 32
"""How many axes a tensor has at most."""

_NAME: Final = re.compile(r"[^/\\:\x00]{1,255}\Z")
"""What the name of a data file may be: no folder, no drive."""

_FLOATS: Final = frozenset({"float16", "bfloat16", "float64"})


@dataclass(slots=True)
class TensorReader:
    """Reads the tensors of one file.

    Attributes:
        path: The ONNX file.
        spare: How many bytes may still be read from data files: what is free in memory at the start.
        narrowed: Names of dtypes that were turned into 32-bit floating point.
    """

    path: Path
    spare: int
    narrowed: set[str]

    @classmethod
    def beside(cls, path: Path) -> TensorReader:
        """Return a reader for the tensors of a file."""
        return cls(path, psutil.virtual_memory().available, set())

    def read(self, tensor: Any) -> Array:
        """Return a tensor's numbers; floating point of other widths as 32-bit.

        Args:
            tensor: A `TensorProto`.

        Raises:
            NetbuilderError: When it is damaged, too large, or not where it may be.
        """
        dims = tuple(tensor.dims)
        if len(dims) > AXES or any(size < 0 for size in dims):
            raise self._damaged(tensor, f"has the shape {list(dims)[:AXES]}")
        try:
            if tensor.data_location == TensorProto.EXTERNAL:
                found: Array = self._external(tensor, dims)
            else:
                found = numpy_helper.to_array(tensor)
        except (ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
            raise self._damaged(tensor, f"does not hold what it says ({str(error)[:120]})") from error
        if tuple(found.shape) != dims:
            raise self._damaged(tensor, f"holds {found.size} numbers for the shape {list(dims)}")
        if found.dtype.name in _FLOATS:
            self.narrowed.add(found.dtype.name)
            return found.astype(np.float32)
        return found

    def _external(self, tensor: Any, dims: tuple[int, ...]) -> Array:
        where = {plain(entry.key): plain(entry.value) for entry in tensor.external_data}
        dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
        if dtype.hasobject:
            raise ValueError("texts do not stand in data files")
        count = math.prod(dims) * dtype.itemsize
        start, length = int(where.get("offset") or 0), int(where.get("length") or count)
        if length != count or start < 0:
            raise ValueError(f"{length} bytes at {start} where {count} belong")
        if count > self.spare:
            raise self._damaged(tensor, f"has {count:,} bytes, more than is free in memory")
        self.spare -= count
        data = self._bytes(tensor, where, start, count)
        return np.frombuffer(data, dtype=dtype).reshape(dims)

    def _bytes(self, tensor: Any, where: Mapping[str, str], start: int, count: int) -> bytes:
        name = where.get("location", "")
        if not _NAME.match(name) or name in (".", ".."):
            raise self._refused(tensor, name, "is not the name of a file in the same folder")
        place = self.path.parent / name
        try:
            handle = os.open(place, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        except OSError as error:
            why = "is a symbolic link" if place.is_symlink() else f"cannot be read ({error.strerror})"
            raise self._refused(tensor, name, why) from error
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode) or about.st_nlink > 1 or place.is_symlink():
            os.close(handle)
            raise self._refused(tensor, name, "is not a plain file with a single name")
        with os.fdopen(handle, "rb") as file:
            if start + count > about.st_size:
                raise self._refused(tensor, name, f"has {about.st_size:,} bytes, but {start + count:,} are needed")
            file.seek(start)
            data = file.read(count)
        wanted = where.get("checksum")
        if wanted and hashlib.sha1(data, usedforsecurity=False).hexdigest() != wanted.lower():
            raise self._refused(tensor, name, "was changed since the network was written: its checksum differs")
        return data

    def _damaged(self, tensor: Any, what: str) -> NetbuilderError:
        return NetbuilderError(
            Problem(
                code="import.onnx.tensor",
                message=f"{self.path.name}: the tensor {plain(tensor.name)[:80]!r} {what}.",
                found=what[:80],
                file=str(self.path),
            )
        )

    def _refused(self, tensor: Any, name: str, why: str) -> NetbuilderError:
        return NetbuilderError(
            Problem(
                code="import.onnx.external",
                message=f"{self.path.name}: the tensor {plain(tensor.name)[:80]!r} is kept in {name[:80]!r}, "
                f"which {why}. Put the network and its data files into one folder.",
                expected="a plain file in the same folder",
                found=name[:80],
                file=str(self.path),
            )
        )


def plain(text: Any) -> str:
    """Return a text of the file as text: where its bytes are none, they come as bytes."""
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
