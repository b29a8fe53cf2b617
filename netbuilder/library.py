"""The library: blocks to choose from besides the project's own, those that ship with the program and the user's.

The user's lie as `.netblock` files in a folder of their own and are read like files from anywhere: a damaged one is
told of and offered no further.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import platformdirs

from netbuilder.document.adoption import fingerprint
from netbuilder.document.block_files import SUFFIX, BlockFile, gather, read_block, write_block
from netbuilder.document.blocks import INPUT, OUTPUT
from netbuilder.document.model import Definition, Document, Graph
from netbuilder.document.names import identifier
from netbuilder.foundation.preferences import HOME
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.foundation.resources import resource, resource_names

SHIPPED: Final = "shipped."
PERSONAL: Final = "library."
"""What the keys of entries begin with."""


def library_folder() -> Path:
    """Return the folder of the user's blocks: below `$NETBUILDER_HOME` when set, else below the platform's for data."""
    home = os.environ.get(HOME)
    base = Path(home) if home else platformdirs.user_data_path("netbuilder", appauthor=False)
    return base / "blocks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A block in the library.

    Attributes:
        key: "library." or "shipped.", and the file's name without its ending.
        path: The file.
        definition: The block; of a shipped one without what is inside, which is read again when it is wanted.
        mark: The same for two entries that mean the same.
        held: What the file of one of the user's holds: it may be gone when it is wanted.
    """

    key: str
    path: Path
    definition: Definition
    mark: str
    held: BlockFile | None = None

    @property
    def file(self) -> BlockFile:
        """What the file holds."""
        return self.held if self.held is not None else read_block(self.path)

    @property
    def is_personal(self) -> bool:
        """Whether it is the user's, to be renamed and deleted."""
        return self.key.startswith(PERSONAL)


class Library:
    """The blocks in the library, read again when their files change.

    Attributes:
        folder: Where the user's blocks lie.
        entries: Key -> entry, the user's first.
        problems: What is wrong with files that could not be read.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Begin with nothing read; see `refresh`.

        Args:
            folder: Where the user's blocks lie; None takes `library_folder()`.
        """
        self.folder = folder if folder is not None else library_folder()
        self.entries: Mapping[str, Entry] = {}
        self.problems: tuple[Problem, ...] = ()
        self._read: dict[Path, tuple[tuple[int, int], Entry | Problem]] = {}

    def refresh(self) -> bool:
        """Look at the files; returns whether anything is otherwise than before."""
        paths = [(PERSONAL, path) for path in self._personal()]
        paths += [(SHIPPED, resource(name)) for name in resource_names("blocks", SUFFIX)]
        known, self._read = self._read, {}
        for prefix, path in paths:
            try:
                status = path.stat()
            except OSError:  # deleted since the folder was listed
                continue
            stamp = (status.st_mtime_ns, status.st_size)
            old = known.get(path)
            self._read[path] = old if old is not None and old[0] == stamp else (stamp, _read(prefix, path))
        found = [each for _, each in self._read.values()]
        entries = {each.key: each for each in found if isinstance(each, Entry)}
        problems = tuple(each for each in found if isinstance(each, Problem))
        changed = entries != self.entries or problems != self.problems
        self.entries, self.problems = entries, problems
        return changed

    def save(self, document: Document, key: str) -> Path:
        """Save a block of a document, with all that it is made of, beside what is there.

        Args:
            document: Where it is.
            key: Its key.

        Returns:
            The file.

        Raises:
            NetbuilderError: When it cannot be written.
        """
        file = gather(document, key)
        path = self._free_path(file.definition.title)
        self._write(path, file)
        return path

    def rename(self, key: str, title: str) -> None:
        """Give one of the user's blocks another title, and its file a name to go with it.

        Raises:
            NetbuilderError: When it is not there any more, or cannot be written.
        """
        entry = self._own(key)
        if not title.strip():
            raise NetbuilderError(Problem(code="library.title", message="A block needs a title."))
        if title.strip() == entry.definition.title:
            return
        file = entry.file
        named = replace(file.definition, title=title.strip())
        file = replace(file, blocks={**file.blocks, file.block: named})
        path = self._free_path(named.title)
        self._write(path, file)
        self._remove(entry)

    def delete(self, key: str) -> None:
        """Delete one of the user's blocks.

        Raises:
            NetbuilderError: When the system refuses.
        """
        self._remove(self._own(key))

    def _remove(self, entry: Entry) -> None:
        try:
            entry.path.unlink(missing_ok=True)
        except OSError as error:
            message = f"{entry.path.name} could not be deleted: {error.strerror}."
            raise NetbuilderError(Problem(code="library.delete", message=message, file=str(entry.path))) from error
        self.refresh()

    def make_folder(self) -> Path:
        """Return the folder of the user's blocks, made where it was missing.

        Raises:
            NetbuilderError: When the system refuses.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"The folder for your blocks could not be made: {error.strerror}."
            raise NetbuilderError(Problem(code="library.folder", message=message, file=str(self.folder))) from error
        return self.folder

    def _own(self, key: str) -> Entry:
        entry = self.entries.get(key)
        if entry is None or not entry.is_personal:
            message = "This block is not in your library any more."
            raise NetbuilderError(Problem(code="library.missing", message=message))
        return entry

    def _write(self, path: Path, file: BlockFile) -> None:
        self.make_folder()
        write_block(path, file)
        self.refresh()

    def _free_path(self, title: str) -> Path:
        """Return a file for a block of that title, beside what is there."""
        name, number = identifier(title), 1
        path = self.folder / f"{name}{SUFFIX}"
        while path.exists():
            number += 1
            path = self.folder / f"{name}_{number}{SUFFIX}"
        return path

    def _personal(self) -> list[Path]:
        try:
            return sorted(path for path in self.folder.iterdir() if path.name.endswith(SUFFIX))
        except OSError:  # nothing was saved yet, or the folder cannot be looked into: saving tells
            return []


def _read(prefix: str, path: Path) -> Entry | Problem:
    try:
        file = read_block(path)
    except NetbuilderError as error:
        return error.problems[0]
    key, mark = prefix + path.name.removesuffix(SUFFIX), fingerprint(file.block, file.blocks)
    if prefix == PERSONAL:
        return Entry(key=key, path=path, definition=file.definition, mark=mark, held=file)
    return Entry(key=key, path=path, definition=_outline(file.definition), mark=mark)


def _outline(definition: Definition) -> Definition:
    """Return a definition with its ports alone: what the palette shows of it."""
    nodes = {id: node for id, node in definition.graph.nodes.items() if node.type in (INPUT, OUTPUT)}
    return replace(definition, graph=Graph(nodes=nodes))
