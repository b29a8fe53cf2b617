"""Recovery: what killed programs have left in journals, and how it stands to the files on the disk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from netbuilder.document.files import read_document
from netbuilder.document.journal.reading import Leftover, Recovered, find_journals, recover
from netbuilder.document.model import Document
from netbuilder.document.sidecar import real, recovery_folder, sidecar
from netbuilder.foundation.problem import NetbuilderError, Problem


class Standing(Enum):
    """How the file that the edits began from is now."""

    UNSAVED = auto()
    """There never was one."""
    SAME = auto()
    """It is as it was: what is recovered goes on from it."""
    CHANGED = auto()
    """It was written since: what is recovered must not replace it unasked."""
    MISSING = auto()
    """It is gone, or has moved."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One journal that a killed program has left.

    Attributes:
        leftover: Its files.
        file: The project's file, or None.
        standing: How that is now.
        recovered: What the journal holds; None when it cannot be read.
        on_disk: What the file holds; None when there is none that can be read.
        problems: Why the journal cannot be read.
    """

    leftover: Leftover
    file: Path | None
    standing: Standing
    recovered: Recovered | None = None
    on_disk: Document | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        """What the network is called."""
        if self.file is not None:
            return self.file.name
        title = self.recovered.document.about.title if self.recovered is not None else ""
        return title or "A network that was never saved"


def find_offers(files: Iterable[Path]) -> list[Offer]:
    """Return what can be recovered, the latest first; journals that a window is writing are left out.

    A journal that holds just what its file holds is deleted: its program was killed between saving and tidying up.

    Args:
        files: Projects beside which to look, besides the user's folder.
    """
    offers = [offer for leftover, file in _leftovers(files) if (offer := _judge(leftover, file)) is not None]
    return sorted(offers, key=lambda offer: offer.recovered.ended if offer.recovered else 0.0, reverse=True)


def _leftovers(files: Iterable[Path]) -> Iterator[tuple[Leftover, Path | None]]:
    seen: set[Path] = set()
    for file in files:
        path = real(file)
        if path not in seen:
            seen.add(path)
            yield from ((leftover, path) for leftover in find_journals(sidecar(path), path.name))
    yield from ((leftover, None) for leftover in find_journals(recovery_folder()))


def _judge(leftover: Leftover, file: Path | None) -> Offer | None:
    if leftover.is_live:
        return None
    try:
        recovered = recover(leftover)
    except NetbuilderError as error:
        standing = Standing.UNSAVED if file is None else Standing.SAME
        return Offer(leftover, file, standing, problems=error.problems)
    base = recovered.base
    if file is None and base is not None:  # its folder could not be written to
        file = Path(base.path)
    on_disk = _read(file)
    if recovered.document == (on_disk if file is not None else Document()):
        with contextlib.suppress(NetbuilderError):  # it is offered again, and found to be nothing again
            leftover.discard()
        return None
    standing = Standing.UNSAVED
    if file is not None:
        same = base is not None and base.is_on_disk(file)
        standing = Standing.SAME if same else Standing.CHANGED if file.exists() else Standing.MISSING
    return Offer(leftover, file, standing, recovered, on_disk)


def _read(file: Path | None) -> Document | None:
    if file is None:
        return None
    try:
        return read_document(file)
    except NetbuilderError:  # gone, or damaged: then what is recovered is all the more wanted
        return None
