"""Generations: the files that a journal consists of, one after the other."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from netbuilder.document.changes import changes, is_nothing, unhurried
from netbuilder.document.journal.holding import hold
from netbuilder.document.journal.lines import FORMAT, VERSION, encoded, line_of
from netbuilder.document.model import Document, Graph
from netbuilder.document.records import Json, plain, plain_definition, plain_document, plain_graph
from netbuilder.document.text import check_size
from netbuilder.foundation.limits import MEBIBYTE
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.foundation.save import atomic_save

UNTITLED: Final = "untitled"
"""What journals of documents without a file are named after."""

WORTHWHILE: Final = MEBIBYTE
"""Changes of fewer bytes are not worth a new generation."""

_FULL: Final = 24 * MEBIBYTE


def generation_path(folder: Path, name: str, token: str, generation: int) -> Path:
    """Return the file of one generation of a journal.

    Args:
        folder: Where.
        name: The project file's name, or `UNTITLED`.
        token: 8 random hexadecimal digits, the same for all generations.
        generation: From 1 on.
    """
    return folder / f"{name[:120]}.{token}-{generation}.journal"


class Generation:
    """One file of a journal while it is being written.

    Attributes:
        path: Where it is.
        size: In bytes.
        is_flushed: Whether all of it is on the disk.
    """

    def __init__(self, path: Path, document: Document, header: Json, edits: int) -> None:
        """Write the header and the whole document, all or nothing.

        Args:
            path: A file that is not there yet, in an existing folder.
            document: What the following changes are changes of.
            header: What `_Header` says besides `edits`.
            edits: How many edits are in the document.

        Raises:
            NetbuilderError: When the system refuses, or the document is larger than any that can be read.
        """
        self.path = path
        self._document = document
        self._number = 1
        snapshot = encoded({"number": 1, "time": time.time(), "edits": edits, "document": _plain_document(document)})
        check_size(snapshot, str(path))
        data = line_of(encoded({"format": FORMAT, "version": VERSION, "edits": edits, **header})) + line_of(snapshot)
        atomic_save(path, data)
        self._least = self.size = len(data)
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0))
            hold(self._descriptor)  # nobody else's: its name is fresh
        except OSError as error:
            message = f"{path.name} could not be opened: {error.strerror}."
            raise NetbuilderError(Problem(code="journal.open", message=message, file=str(path))) from error
        self.is_flushed = True

    def append(self, document: Document, edits: int) -> None:
        """Append what leads to `document`; the operating system has it when this returns.

        Raises:
            OSError: When the system refuses. The last line may be torn then: a new generation must begin.
        """
        made = changes(self._document, document)
        if is_nothing(made):
            self._document = document
            return
        entry: Json = {"number": self._number + 1, "time": time.time(), "edits": edits}
        entry.update({"document": _plain_document(document)} if made is None else {"changes": made})
        line = memoryview(line_of(encoded(entry)))
        self.size += len(line)
        self.is_flushed = False
        while line:
            line = line[os.write(self._descriptor, line) :]
        self._number += 1
        self._document = document

    def flush(self) -> None:
        """Have all of it on the disk.

        Raises:
            OSError: When the system refuses.
        """
        os.fsync(self._descriptor)
        self.is_flushed = True

    @property
    def is_long(self) -> bool:
        """Whether the changes have outgrown the document, so that another generation is worth its while."""
        return self.size - self._least > max(WORTHWHILE, 2 * self._least)

    @property
    def is_full(self) -> bool:
        """Whether another generation must begin, so that what is written can always be read."""
        return self.size - self._least > _FULL

    def close(self) -> None:
        """Let go of the file, which stays."""
        os.close(self._descriptor)


def _plain_document(document: Document) -> Json:
    """Return what `plain_document` does, links unsorted, in steps between which the window comes to its turn."""
    layout = document.layout
    shell = plain_document(replace(document, graph=Graph(), blocks={}, layout=replace(layout, places={})))
    shell["graph"] = _plain_graph(document.graph)
    shell["blocks"] = {
        key: {**plain_definition(replace(block, graph=Graph())), "graph": _plain_graph(block.graph)}
        for key, block in document.blocks.items()
    }
    shell["layout"]["places"] = {id: [place.x, place.y] for id, place in unhurried(layout.places.items())}
    return shell


def _plain_graph(graph: Graph) -> Json:
    nodes = [plain(node) for node in unhurried(graph.nodes.values())]
    rest = plain_graph(replace(graph, nodes={}, edges={}))
    return {**rest, "nodes": nodes, "edges": [[source, target] for target, source in graph.edges.items()]}
