"""Processes that open one file at one moment, again and again: run by `test_document_lock`.

Prints for each round how many of them hold the file: one, if the lock is any good.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from netbuilder.document.sidecar import sidecar
from netbuilder.ui.document_lock import DocumentLock

RACERS = 4


def real(path: Path) -> bool:
    """Take the real lock."""
    global _kept
    _kept = DocumentLock()
    return _kept.take(path)


def naive(path: Path) -> bool:
    """Look, then write: what one does without thinking."""
    target = sidecar(path) / f"{path.name}.naive"
    target.parent.mkdir(exist_ok=True)
    if target.exists():
        return False
    time.sleep(0.001)  # the next line of a program is never the next moment
    target.write_text(str(os.getpid()))
    return True


_kept: DocumentLock | None = None
KINDS: dict[str, Callable[[Path], bool]] = {"real": real, "naive": naive}


def race(kind: str, path: Path) -> int:
    """Let the racers go at one moment; returns how many hold the file at the end of it."""
    start, answers, done = os.pipe(), os.pipe(), os.pipe()
    children = []
    for _ in range(RACERS):
        child = os.fork()
        if child == 0:
            os.close(start[1])
            os.read(start[0], 1)  # the end of the pipe wakes all of them
            os.write(answers[1], b"1" if KINDS[kind](path) else b"0")
            os.read(done[0], 1)  # whoever has it keeps it until all have tried
            os._exit(0)
        children.append(child)
    os.close(start[1])
    held = sum(os.read(answers[0], 1) == b"1" for _ in children)
    os.write(done[1], b"x" * RACERS)
    for child in children:
        os.waitpid(child, 0)
    for descriptor in (start[0], *answers, *done):
        os.close(descriptor)
    return held


def main() -> None:
    """Race so often."""
    kind, count, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    for number in range(count):
        print(race(kind, folder / f"{number}.netb"), flush=True)


if __name__ == "__main__":
    main()
