"""Promises 8 and 9: huge, mutated and hostile project files are read or refused early, nothing else."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netbuilder.document import edits
from netbuilder.document.files import dumps, loads, read_document, write_document
from netbuilder.document.model import Document, Graph, Node
from netbuilder.foundation import limits
from netbuilder.foundation.problem import NetbuilderError
from tests.builders import node, tiny_cnn, tiny_mlp
from tests.document.refusals import changed, first, refusal

# Promise 9: one file just under and one just over each limit.


def nodes(count: int) -> str:
    graph = Graph(nodes={f"n{i}": Node(id=f"n{i}", type="relu", label=f"a{i}") for i in range(count)})
    return dumps(Document(graph=graph))


def wide(raw: dict[str, Any], count: int) -> None:
    raw["graph"]["edges"] = [[["digits", "image"], ["flat", f"x{i}"]] for i in range(count)]


def nested(raw: dict[str, Any], depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    first(raw)["parameters"] = {"a": value}


def marked(count: int) -> str:
    """Return a file with so many commas and opening brackets."""
    text = changed(lambda raw: raw.update(x=[0, 0]))
    missing = count - sum(map(text.count, ",[{"))
    return text.replace('"x": [0', '"x": [' + "0," * missing + "0")


LIMITS: dict[str, tuple[int, Callable[[int], str]]] = {
    "bytes": (limits.DOCUMENT_BYTES, lambda size: dumps(tiny_mlp()).ljust(size)),
    "values": (limits.DOCUMENT_MARKS, marked),
    "nodes": (limits.NODES, nodes),
    "links": (limits.EDGES, lambda count: changed(lambda raw: wide(raw, count))),
    "depth": (limits.DOCUMENT_DEPTH - 1, lambda depth: changed(lambda raw: nested(raw, depth))),
    "frames": (
        limits.FRAMES,
        lambda count: changed(lambda raw: raw["layout"].update(frames=[{"id": f"f{i}"} for i in range(count)])),
    ),
    "blocks": (
        limits.BLOCKS,
        lambda count: changed(
            lambda raw: raw.update(blocks={f"b{i}": {"title": "", "graph": {}} for i in range(count)})
        ),
    ),
    "fields": (
        limits.FIELDS,
        lambda count: changed(lambda raw: raw["schemas"]["digits"].update(fields=[{"name": "f"}] * count)),
    ),
    "classes": (
        limits.CLASSES,
        lambda count: changed(lambda raw: raw["schemas"]["digits"]["fields"][0].update(classes=["c"] * count)),
    ),
    "axes": (
        limits.DIMENSIONS,
        lambda count: changed(lambda raw: raw["schemas"]["digits"]["fields"][0].update(dims=[1] * count)),
    ),
    "phases": (limits.PHASES, lambda count: changed(lambda raw: raw["plan"].update(phases=[{}] * count))),
    "label": (limits.KEY_LENGTH, lambda length: changed(lambda raw: first(raw).update(label="a" * length))),
    "type": (limits.KEY_LENGTH, lambda length: changed(lambda raw: first(raw).update(type="a" * length))),
    "title": (limits.NAME_LENGTH, lambda length: changed(lambda raw: raw["about"].update(title="ü" * length))),
    "note": (limits.TEXT_LENGTH, lambda length: changed(lambda raw: first(raw).update(note="ü" * length))),
    "text": (
        limits.TEXT_LENGTH,
        lambda length: changed(lambda raw: first(raw).update(parameters={"a": "ü" * length})),
    ),
    "place": (
        int(limits.COORDINATE),
        lambda at: changed(lambda raw: raw["layout"]["places"].update(flat=[at, -at])),
    ),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_limits_accept_just_under_and_refuse_just_over(limit: str) -> None:
    largest, make = LIMITS[limit]
    loads(make(largest))
    assert refusal(make(largest + 1)).code in ("file.large", "file.value")


def test_nodes_and_links_are_counted_over_all_blocks() -> None:
    half = json.loads(nodes(limits.NODES // 2 + 1))
    other = json.loads(json.dumps(half["graph"]).replace('"n', '"m').replace('"modes"', '"nodes"'))
    other = {"nodes": [{**each, "id": "m" + each["id"][1:]} for each in half["graph"]["nodes"]]}
    half["blocks"] = {"b": {"title": "", "graph": other}}
    assert refusal(json.dumps(half)).code == "file.large"


def test_a_huge_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "project.netb"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a terabyte of nothing
    with pytest.raises(NetbuilderError, match="is too large") as caught:
        read_document(path)
    assert caught.value.problems[0].code == "file.large"


def test_what_would_be_too_large_to_open_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a.netb"
    write_document(path, tiny_mlp())
    big = tiny_mlp()
    for number in range(170):
        big = edits.add_node(big, node(f"big{number}", "relu", text="x" * 100_000))
    with pytest.raises(NetbuilderError, match="is too large"):
        write_document(path, big)
    assert read_document(path) == tiny_mlp()


# Promise 8: mutated files are read or refused, nothing else.

TOKENS = [
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b",",
    b":",
    b"null",
    b"1e9",
    b"-1",
    b"true",
    b"\\u0000",
    b"\xff",
    b"",
    b'"id"',
    b"[]",
]


def mutate(data: bytes, random: random.Random) -> bytes:
    """Return the file with one to four random changes: bits, tokens, pieces cut out, doubled or moved."""
    mutable = bytearray(data)
    for _ in range(random.randint(1, 4)):
        start = random.randrange(len(mutable) or 1)
        end = min(len(mutable), start + random.choice([1, 4, 40, 400]))
        match random.randrange(5):
            case 0 if start < len(mutable):
                mutable[start] ^= 1 << random.randrange(8)
            case 1:
                mutable[start:end] = random.choice(TOKENS)
            case 2:
                del mutable[start:end]
            case 3:
                mutable[start:start] = mutable[start:end]
            case _:
                other = random.randrange(len(mutable) or 1)
                mutable[start:end] = mutable[other : other + 40]
    return bytes(mutable)


def fuzz(count: int, seed: int) -> tuple[int, int]:
    """Return how many mutated files were read and how many refused."""
    random_ = random.Random(seed)
    data = dumps(tiny_cnn()).encode()
    read = refused = 0
    for _ in range(count):
        try:
            document = loads(mutate(data, random_), "fuzzed")
        except NetbuilderError:
            refused += 1
        else:
            assert loads(dumps(document)) == document
            read += 1
    return read, refused


def test_mutated_files_are_read_or_refused() -> None:
    read, refused = fuzz(3_000, seed=1)
    assert read > 50, "the mutations are too wild to try the inside"
    assert refused > 1_000


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_mutated_files_are_read_or_refused() -> None:
    read, refused = fuzz(100_000, seed=2)
    assert min(read, refused) > 1_000
