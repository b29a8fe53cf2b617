"""Block files: reading and writing `.netblock` files, each one block with all the blocks that it is made of.

They hold the same records as a project and are read as carefully: nothing in one can run, what this version does not
know is kept, and what is wrong is refused as a whole.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from netbuilder.document.blocks import block_key, is_block, needed
from netbuilder.document.files import check_frames, check_graphs, convert, read_bytes
from netbuilder.document.model import Definition, Document, Layout
from netbuilder.document.records import (
    DefinitionRecord,
    Json,
    Key,
    LayoutRecord,
    definition_from,
    layout_from,
    plain_definition,
    plain_layout,
)
from netbuilder.document.text import check_size, read_json, refuse_file, short_name, write_json
from netbuilder.document.values import freeze_mapping
from netbuilder.foundation.limits import BLOCKS
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.foundation.save import atomic_save

SUFFIX: Final = ".netblock"
FORMAT: Final = "netbuilder-block"
VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockFile:
    """One block with what it needs.

    Attributes:
        block: The key of the block that is meant.
        blocks: That definition and all that it is made of, by key.
        layout: Where their nodes and frames lie.
        extra: What a newer program wrote here; kept, never used.
    """

    block: str
    blocks: Mapping[str, Definition]
    layout: Layout = field(default_factory=Layout)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def definition(self) -> Definition:
        """The definition that is meant."""
        return self.blocks[self.block]


class _Record(Struct, frozen=True):
    format: Literal["netbuilder-block"]
    version: Literal[1]
    block: Key
    blocks: Annotated[dict[Key, DefinitionRecord], Meta(min_length=1, max_length=BLOCKS)]
    layout: LayoutRecord = LayoutRecord()


def gather(document: Document, key: str) -> BlockFile:
    """Return a block of a document with all that it is made of, and where that lies.

    Args:
        document: Where it is.
        key: The key of one of its definitions.
    """
    blocks = needed(document, iter([key]))
    return BlockFile(block=key, blocks=blocks, layout=layout_of(document, blocks))


def layout_of(document: Document, blocks: Mapping[str, Definition]) -> Layout:
    """Return where the nodes and frames in these of a document's definitions lie."""
    nodes = {id for block in blocks.values() for id in block.graph.nodes}
    return Layout(
        places={id: place for id, place in document.layout.places.items() if id in nodes},
        frames={id: frame for id, frame in document.layout.frames.items() if frame.scope in blocks},
        routes={target: points for target, points in document.layout.routes.items() if target.node in nodes},
    )


def read_block(path: str | os.PathLike[str]) -> BlockFile:
    """Read a block file.

    Raises:
        NetbuilderError: When it cannot be read or is no sound block file; nothing was changed.
    """
    return loads_block(read_bytes(path, "a block file"), str(path))


def write_block(path: str | os.PathLike[str], file: BlockFile) -> None:
    """Write a block file, all or nothing.

    Raises:
        NetbuilderError: When the system refuses or the block is too large to be read; the old file is as it was.
    """
    data = dumps_block(file).encode()
    check_size(data, str(path))
    atomic_save(path, data)


def dumps_block(file: BlockFile) -> str:
    """Return a block file's text."""
    return write_json(
        {
            **file.extra,
            "format": FORMAT,
            "version": VERSION,
            "block": file.block,
            "blocks": {key: plain_definition(block) for key, block in file.blocks.items()},
            "layout": plain_layout(file.layout),
        }
    )


def loads_block(text: str | bytes, name: str = "The text") -> BlockFile:
    """Read a block file's text.

    Args:
        text: The text, as UTF-8 or decoded.
        name: The file's name or path, for problems.

    Raises:
        NetbuilderError: When it is no sound block file.
    """
    raw = read_json(text.encode(errors="surrogatepass") if isinstance(text, str) else text, name)
    _check_header(raw, name)
    record: _Record = convert(raw, _Record, name)
    check_graphs([block.graph for block in record.blocks.values()], name)
    check_frames(record.layout.frames, name)
    try:
        file = _file_from(record, raw)
    except ValueError as error:
        message = f"{short_name(name)} holds a value that is not acceptable {error}."
        raise NetbuilderError(Problem(code="file.value", message=message, file=name)) from error
    check_complete(file.blocks, name)
    if file.block not in file.blocks:
        refuse_file("file.block", f"{short_name(name)} is incomplete: the block {file.block!r} is missing.", name)
    return file


def check_complete(blocks: Mapping[str, Definition], name: str) -> None:
    """Check that blocks hold all that they are made of, and that none is made of itself.

    Raises:
        NetbuilderError: Naming what is missing, or what has no end.
    """
    document = Document(blocks=blocks)
    for key, block in blocks.items():
        inner = [block_key(node) for node in block.graph.nodes.values() if is_block(node)]
        missing = next((each for each in inner if each not in blocks), None)
        if missing is not None:
            message = f"{short_name(name)} is incomplete: {block.title} needs the block {missing!r}, which is missing."
            refuse_file("file.block", message, name)
        if key in needed(document, iter(inner)):
            refuse_file("file.block", f"{short_name(name)}: the block {block.title} holds itself, without end.", name)


def _check_header(raw: Json, name: str) -> None:
    if raw.get("format") != FORMAT:
        message = f'{short_name(name)} is not a NetBuilder block: expected "format": "{FORMAT}".'
        refuse_file("file.format", message, name)
    version = raw.get("version")
    if type(version) is not int or version < 1:
        refuse_file("file.version", f"{short_name(name)} does not say which version wrote it.", name)
    if version > VERSION:
        message = (
            f"{short_name(name)} was written by a newer NetBuilder (file version {version}, not {VERSION}). "
            "Update NetBuilder to use it."
        )
        refuse_file("file.newer", message, name)


def _file_from(record: _Record, raw: Json) -> BlockFile:
    known = record.__struct_fields__
    return BlockFile(
        block=record.block,
        blocks={key: definition_from(key, block, raw["blocks"][key]) for key, block in record.blocks.items()},
        layout=layout_from(record.layout, raw.get("layout", {})),
        extra=freeze_mapping({key: value for key, value in raw.items() if key not in known}),
    )


__all__ = [
    "SUFFIX",
    "BlockFile",
    "check_complete",
    "dumps_block",
    "gather",
    "layout_of",
    "loads_block",
    "read_block",
    "write_block",
]
