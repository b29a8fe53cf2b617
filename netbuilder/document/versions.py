"""Earlier versions: the last few states of a project's file, kept as it is saved.

They lie in the hidden folder beside it, named after when they were written (UTC), and can be opened like any project.
Keeping one is a hard link, so that it costs no time and no space beside the old content itself.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from netbuilder.document.files import SUFFIX, read_document
from netbuilder.document.model import Document
from netbuilder.document.sidecar import real, sidecar
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.foundation.save import atomic_save

KEPT: Final = 3

_DAMAGED: Final = " damaged"
_WHEN: Final = re.compile(rf" (\d{{4}}-\d\d-\d\d \d\d\.\d\d\.\d\d\.\d{{6}})({_DAMAGED})?{re.escape(SUFFIX)}\Z")
_FORM: Final = "%Y-%m-%d %H.%M.%S.%f"


@dataclass(frozen=True, slots=True)
class Version:
    """One earlier state of a project's file.

    Attributes:
        path: Where it is.
        saved: When it was written, in seconds since 1970.
        size: In bytes.
        is_damaged: Whether it could not be read as it was replaced; such a one is never deleted.
    """

    path: Path
    saved: float
    size: int
    is_damaged: bool = False

    def read(self) -> Document:
        """Return what it holds.

        Raises:
            NetbuilderError: When it cannot be read.
        """
        return read_document(self.path)


def find_versions(path: Path) -> list[Version]:
    """Return the earlier versions of a project, the latest first; those that hold what the file holds are left out.

    Args:
        path: The project's file, which need not exist.
    """
    folder, stem = sidecar(path), real(path).stem
    found = []
    try:
        entries = os.listdir(folder)
    except OSError:  # there is none, or it may not be read: nothing can be offered
        return []
    for entry in entries:
        match = _WHEN.search(entry)
        if match is None or entry[: match.start()] != stem:
            continue
        version = folder / entry
        with contextlib.suppress(OSError, ValueError):  # gone since it was listed, or named by somebody else
            saved = datetime.strptime(match[1], _FORM).replace(tzinfo=UTC).timestamp()
            if not _is_same(version, path):
                found.append(Version(version, saved, version.stat().st_size, bool(match[2])))
    return sorted(found, key=lambda version: version.saved, reverse=True)


def newest_good(path: Path) -> tuple[Version, Document] | None:
    """Return the latest version of a project that can be read, with what it holds; None when there is none."""
    for version in find_versions(path):
        with contextlib.suppress(NetbuilderError):  # the one before it may be whole
            return version, version.read()
    return None


def keep_version(path: Path, is_sound: bool) -> Path | None:
    """Keep what a project's file holds, which is about to be replaced.

    Args:
        path: The file.
        is_sound: Whether it is known to be readable; else it is read to find out.

    Returns:
        Where it is kept; None when there is nothing to keep.

    Raises:
        OSError: When the system refuses.
    """
    target = real(path)
    try:
        modified = target.stat().st_mtime_ns
    except FileNotFoundError:
        return None
    when = datetime.fromtimestamp(modified // 1_000 / 1e6, UTC).strftime(_FORM)
    mark = "" if is_sound or _is_sound(target) else _DAMAGED
    folder = sidecar(target)
    version = folder / f"{target.stem} {when}{mark}{SUFFIX}"
    folder.mkdir(exist_ok=True)
    if version.exists():  # a save was killed right after this, or several within a microsecond
        return version
    try:
        os.link(target, version)
    except OSError:  # a disk without links, such as a stick's
        try:
            atomic_save(version, target.read_bytes())
        except NetbuilderError as error:
            raise OSError(str(error)) from error
        os.utime(version, ns=(modified, modified))
    return version


def prune_versions(path: Path) -> None:
    """Delete all but the last few readable versions of a project."""
    sound = [version for version in find_versions(path) if not version.is_damaged]
    for version in sound[KEPT:]:
        with contextlib.suppress(OSError):  # one too many does no harm
            version.path.unlink()


def _is_sound(path: Path) -> bool:
    try:
        read_document(path)
    except NetbuilderError:
        return False
    return True


def _is_same(version: Path, path: Path) -> bool:
    """Whether a version holds what the file itself holds: a save was killed between keeping and replacing."""
    try:
        return os.path.samefile(version, path)
    except OSError:
        return False
