"""Trust: which Python of the user's own, kept in projects as text, may run on this computer.

A text is trusted by its SHA-256. The list lies in the user's folder for settings, beside the preferences, and never in
a project: what comes from elsewhere cannot bring its own permission along. It is looked at afresh whenever it changed,
so that a terminal and an open window agree.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

from netbuilder.foundation.limits import MEBIBYTE
from netbuilder.foundation.preferences import config_folder
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.foundation.save import atomic_save, read_limited

FILE: Final = "trusted.json"
BYTES: Final = 8 * MEBIBYTE


class _File(msgspec.Struct):
    sha256: dict[str, str] = {}


@lru_cache(maxsize=1024)
def digest(text: str) -> str:
    """Return the SHA-256 of a text, which is what trust is given to."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def is_trusted(text: str) -> bool:
    """Whether the user has allowed exactly this text to run; never when the list cannot be read."""
    return digest(text) in _listed()


def grant(texts: Iterable[str]) -> None:
    """Allow texts to run from now on, until `forget`.

    Args:
        texts: What the user has looked at and agreed to, or has typed.

    Raises:
        NetbuilderError: When the list cannot be written; then nothing is trusted that was not before.
    """
    wanted = {digest(text) for text in texts}
    listed = _listed()
    if wanted <= listed.keys():
        return
    today = time.strftime("%Y-%m-%d")
    _write({**dict.fromkeys(wanted, today), **listed})


def forget() -> int:
    """Take all trust back.

    Returns:
        How many texts were trusted.

    Raises:
        NetbuilderError: When the list cannot be written; it stays as it was.
    """
    listed = _listed()
    if listed:
        _write({})
    return len(listed)


def count() -> int:
    """Return how many texts are trusted."""
    return len(_listed())


def visible(text: str) -> str:
    r"""Return a text of unknown origin as it can be shown: whatever is hidden or steers a terminal becomes `\u202e`."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    number = ord(letter)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"


def _path() -> Path:
    return config_folder() / FILE


def _listed() -> Mapping[str, str]:
    path = _path()
    try:
        found = os.stat(path)
    except OSError:  # there is none yet, or it is out of reach: nothing is trusted
        return {}
    return _read(path, found.st_mtime_ns, found.st_size, found.st_ino)


@lru_cache(maxsize=1)
def _read(path: Path, _changed: int, _size: int, _inode: int) -> Mapping[str, str]:
    """Return the list; an empty one when it cannot be read, since doubt must never run anything."""
    try:
        data = b"".join(read_limited(path, BYTES))
        return msgspec.json.decode(data, type=_File).sha256 if len(data) <= BYTES else {}
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError):
        return {}


def _write(listed: Mapping[str, str]) -> None:
    path = _path()
    text = json.dumps({"sha256": dict(listed)}, indent=1, sort_keys=True) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"Your trust cannot be remembered: the folder {path.parent} cannot be made ({error.strerror})."
        raise NetbuilderError(Problem(code="trust.folder", message=message, file=str(path))) from error
    atomic_save(path, text.encode())
