"""Saving files so that they hold either the old or the new content, never a third state.

The one way in which the program writes a file that it would miss: a temporary file in the same folder, every write
checked, flushed to the disk, renamed over the old one, and the folder flushed too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from netbuilder.foundation.problem import NetbuilderError, Problem

TEMPORARY: Final = ".netbuilder-tmp"
"""The ending of temporary files; `sweep_temporaries` removes what a killed save left."""

_WORDS: Final = {
    errno.ENOSPC: ("save.full", "the disk is full. Free some space or save elsewhere"),
    errno.EDQUOT: ("save.quota", "your disk quota is used up. Delete something or save elsewhere"),
    errno.EFBIG: ("save.limit", "the system allows no file of this size here. Save elsewhere"),
    errno.EROFS: ("save.read_only", "the disk is read-only. Save elsewhere"),
    errno.EACCES: ("save.permission", "you may not write here. Change the permissions or save elsewhere"),
    errno.EPERM: ("save.permission", "you may not write here. Change the permissions or save elsewhere"),
    errno.ENOENT: ("save.folder", "the folder does not exist. Save elsewhere"),
    errno.ENOTDIR: ("save.folder", "its folder is not a folder. Save elsewhere"),
    errno.EISDIR: ("save.folder", "there is a folder of that name. Choose another name"),
    errno.ENAMETOOLONG: ("save.name", "the name is too long. Choose a shorter one"),
    errno.EINVAL: ("save.name", "this name is not possible here. Choose another one"),
    errno.EIO: ("save.disk", "the disk reports an error. Save elsewhere, and check the disk"),
}


def atomic_save(path: str | os.PathLike[str], data: bytes | Iterable[bytes | memoryview]) -> None:
    """Replace the content of `path`, all or nothing.

    An existing file keeps its permissions; a link stays a link, and what it points to is replaced. When this
    returns, the new content is on the disk; when it raises, the old content is untouched.

    Args:
        path: Where to save.
        data: The whole content, or its pieces.

    Raises:
        NetbuilderError: When the system refuses, saying why in plain words. With the code "save.unconfirmed" the
        new content is in place, but
            a power cut might still bring the old one back.
    """
    wish = Path(path)
    try:
        target = _resolve(wish)
        _replace(target, (data,) if isinstance(data, bytes) else data)
    except OSError as error:
        code, words = _why(error)
        message = f"{wish.name} could not be saved: {words}. The file on the disk was left as it was."
        raise NetbuilderError(Problem(code=code, message=message, file=str(wish))) from error
    try:
        _flush_folder(target.parent)
    except OSError as error:
        message = f"{wish.name} was written, but the disk did not confirm it: {_why(error)[1]}."
        raise NetbuilderError(Problem(code="save.unconfirmed", message=message, file=str(wish))) from error


def save_together(files: Mapping[Path, bytes]) -> None:
    """Replace the contents of several files of existing folders, all of them or none.

    Everything is written beside its place and flushed before the first file is replaced, so a full disk changes
    nothing. Only a crash between two renames can leave some files old and some new, each of them whole.

    Args:
        files: Path -> its whole content.

    Raises:
        NetbuilderError: When the system refuses; it says whether any file was replaced already.
    """
    targets: dict[Path, Path] = {}
    temporaries: dict[Path, Path] = {}
    wish, kept = Path(), "The files on the disk were left as they were."
    try:
        for wish, content in files.items():
            targets[wish] = _resolve(wish)
            temporaries[wish] = _write_beside(targets[wish], (content,))
        for wish, temporary in temporaries.items():
            os.replace(temporary, targets[wish])
            kept = "Some of the other files were replaced already."
        for folder in {target.parent for target in targets.values()}:
            kept = "All files were written, but the disk did not confirm it."
            _flush_folder(folder)
    except BaseException as error:
        for temporary in temporaries.values():
            with contextlib.suppress(OSError):  # renamed already, or the first error is the one to tell
                temporary.unlink()
        if not isinstance(error, OSError):
            raise
        code, words = _why(error)
        message = f"{wish.name} could not be saved: {words}. {kept}"
        raise NetbuilderError(Problem(code=code, message=message, file=str(wish))) from error


def sweep_temporaries(folder: str | os.PathLike[str]) -> list[Path]:
    """Remove temporary files that killed saves left in `folder`.

    A save that is going on in another process is left alone: the names hold the process id.

    Returns:
        What was removed; nothing when the folder cannot be read.
    """
    removed = []
    try:
        leftovers = [entry for entry in Path(folder).iterdir() if entry.name.endswith(TEMPORARY)]
    except OSError:  # no folder, or none of ours: nothing to sweep
        return []
    for leftover in leftovers:
        owner = leftover.name.removesuffix(TEMPORARY).rpartition(".")[0].rpartition(".")[2]
        if owner.isdigit() and not _is_alive(int(owner)):
            with contextlib.suppress(OSError):  # somebody else swept it, or it may not be removed: harmless
                leftover.unlink()
                removed.append(leftover)
    return removed


def _resolve(wish: Path) -> Path:
    """Return the file that a path stands for, links followed.

    Raises:
        OSError: When no file can have that name, or there is a folder.
    """
    if "\0" in str(wish):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    target = Path(os.path.realpath(wish))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    return target


def _replace(target: Path, pieces: Iterable[bytes | memoryview]) -> None:
    temporary = _write_beside(target, pieces)
    try:
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            temporary.unlink()
        raise


def _write_beside(target: Path, pieces: Iterable[bytes | memoryview]) -> Path:
    """Write and flush a temporary file in the folder of `target`, with its permissions; nothing is left on failure."""
    mode = _mode(target)
    temporary = target.with_name(f".{target.name[:80]}.{os.getpid()}.{secrets.token_hex(4)}{TEMPORARY}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(temporary, flags, 0o666 if mode is None else mode)  # never more readable than the old one
    try:
        try:
            for piece in pieces:
                _write_all(descriptor, piece)
            _restore_mode(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            temporary.unlink()
        raise
    return temporary


def _why(error: OSError) -> tuple[str, str]:
    """Return the problem's code and the reason in words."""
    return _WORDS.get(error.errno or 0, ("save.failed", f"the system says: {error.strerror or error}"))


def _mode(target: Path) -> int | None:
    """Return the permissions of an existing file; a file that may not be written is not replaced either."""
    try:
        mode = stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        return None
    os.close(os.open(target, os.O_WRONLY))  # writes nothing, and says exactly why it may not be written
    return mode


def _restore_mode(descriptor: int, mode: int | None) -> None:
    """Give the new file the permissions of the old one, where the disk knows permissions (not on a stick)."""
    if mode is not None and hasattr(os, "fchmod"):
        with contextlib.suppress(PermissionError):
            os.fchmod(descriptor, mode)


def _write_all(descriptor: int, piece: bytes | memoryview) -> None:
    """Write every byte: one call may take fewer than it was given, on a disk that is nearly full."""
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _flush_folder(folder: Path) -> None:
    """Make the renaming last through a power cut, where folders can be opened (not on Windows)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_alive(process: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(process))


def read_limited(path: str | os.PathLike[str], limit: int) -> Iterator[bytes]:
    """Yield a file's content in pieces, at most one byte more than `limit`, which tells that it is too large.

    Raises:
        OSError: When it cannot be read.
    """
    with open(path, "rb") as file:
        left = limit + 1
        while left and (piece := file.read(min(left, 1 << 20))):
            left -= len(piece)
            yield piece
