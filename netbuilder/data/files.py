"""Files that data nodes read: where they lie, whether they can be read at all, and what tells that they changed."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from netbuilder.foundation.declaration import Declaration
from netbuilder.foundation.parameter import Kind, Values
from netbuilder.foundation.problem import NetbuilderError, Problem

MAX_FILES = 1_000_000
"""More files than this in one folder are refused: the folder is hardly the one that was meant."""


def absolute(declaration: Declaration, values: Values, base: str | Path) -> dict[str, object]:
    """Return `values` with the paths of file and folder parameters made absolute.

    Args:
        declaration: What the values belong to.
        values: Resolved values.
        base: The folder that relative paths are relative to: the project's.
    """
    found = dict(values)
    for parameter in declaration.parameters:
        if parameter.kind in (Kind.FILE, Kind.FOLDER) and values[parameter.name]:
            found[parameter.name] = os.path.abspath(Path(base) / values[parameter.name])
    return found


def fingerprint(declaration: Declaration, values: Values, without: frozenset[str] = frozenset()) -> str:
    """Return what tells that the settings or the files behind them changed.

    Args:
        declaration: What the values belong to.
        values: Resolved values with absolute paths.
        without: Names of settings that do not matter.
    """
    digest = hashlib.sha256(declaration.key.encode())
    for parameter in declaration.parameters:
        value = values[parameter.name]
        if parameter.name in without:
            continue
        if parameter.kind in (Kind.FILE, Kind.FOLDER) and value:
            for line in _stamps(Path(value)):
                digest.update(line.encode("utf-8", "surrogateescape"))
        else:
            digest.update(json.dumps([parameter.name, value], sort_keys=True).encode())
    return digest.hexdigest()[:32]


def require_file(path: str, title: str, field: str = "file") -> Path:
    """Return the path of a regular, non-empty file.

    Raises:
        NetbuilderError: When nothing is chosen, or the file is missing, empty, a folder, a device or not readable.
    """
    if not path:
        raise refusal("data.no_file", f"{title} has no file yet: choose one.", field=field)
    found = Path(path)
    try:
        status = found.stat()
    except (OSError, ValueError) as error:
        raise refusal("data.missing_file", _unopened(found, error), path, field) from error
    if stat.S_ISDIR(status.st_mode):
        raise refusal("data.not_a_file", f"{_shown(path)} is a folder, and a file is needed.", path, field)
    if not stat.S_ISREG(status.st_mode):
        raise refusal("data.not_a_file", f"{_shown(path)} is not an ordinary file.", path, field)
    if status.st_size == 0:
        raise refusal("data.empty_file", f"{_shown(path)} is empty.", path, field)
    return found


def require_folder(path: str, title: str, field: str = "folder") -> Path:
    """Return the path of a folder that can be listed.

    Raises:
        NetbuilderError: When nothing is chosen, or the folder is missing, a file, or not readable.
    """
    if not path:
        raise refusal("data.no_folder", f"{title} has no folder yet: choose one.", field=field)
    found = Path(path)
    try:
        if not stat.S_ISDIR(found.stat().st_mode):
            raise refusal("data.not_a_folder", f"{_shown(path)} is a file, and a folder is needed.", path, field)
        with os.scandir(found):
            return found
    except (OSError, ValueError) as error:
        raise refusal("data.missing_folder", _unopened(found, error), path, field) from error


def refusal(code: str, message: str, file: str | Path = "", field: str = "", line: int = 0) -> NetbuilderError:
    """Return the error that carries one problem about a file."""
    return NetbuilderError(Problem(code=code, message=message, file=str(file), field=field, line=line))


def _stamps(path: Path) -> Iterator[str]:
    try:
        status = path.stat()
    except (OSError, ValueError):
        yield f"{path} missing"
        return
    if not stat.S_ISDIR(status.st_mode):
        yield f"{path} {status.st_size} {status.st_mtime_ns}"
        return
    yield str(path)
    for entry in list_files(path):
        yield f"{entry.path} {entry.stat().st_size} {entry.stat().st_mtime_ns}"


def list_files(folder: Path) -> list[os.DirEntry[str]]:
    """Return the files in the subfolders of `folder`, sorted by path; hidden ones are left out.

    Raises:
        NetbuilderError: When there are more than `MAX_FILES`, or a subfolder cannot be listed.
    """
    found: list[os.DirEntry[str]] = []
    try:
        for inner in sorted((entry for entry in os.scandir(folder) if _is_folder(entry)), key=lambda entry: entry.name):
            found.extend(entry for entry in os.scandir(inner) if not entry.name.startswith(".") and entry.is_file())
            if len(found) > MAX_FILES:
                raise refusal("data.too_many_files", f"{_shown(folder)} holds more than {MAX_FILES:,} files.", folder)
    except OSError as error:
        raise refusal("data.missing_folder", f"{_shown(folder)} cannot be read: {_reason(error)}.", folder) from error
    return sorted(found, key=lambda entry: entry.path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and entry.is_dir()


def _unopened(path: Path, error: Exception) -> str:
    """Say why a file or folder cannot be opened, and what to do where it is not there."""
    if not isinstance(error, FileNotFoundError):
        return f"{_shown(path)} cannot be opened: {_reason(error)}."
    return (
        f"{_shown(path)} is not in the folder {path.absolute().parent}. Put it back there, or choose where it is now "
        "in the data node's settings."
    )


def _shown(path: str | Path) -> str:
    return Path(path).name or str(path)


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return str(text)[:1].lower() + str(text)[1:]
