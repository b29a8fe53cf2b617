"""Block files: round trips, and refusals of what is not sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from netbuilder.document.block_files import BlockFile, dumps_block, gather, loads_block, read_block, write_block
from netbuilder.document.model import Definition, Document, Frame, Graph, Layout, Node, Place, PortRef
from netbuilder.foundation.limits import DOCUMENT_BYTES
from netbuilder.foundation.problem import NetbuilderError


def small(key: str, *inner: Node) -> Definition:
    nodes = [Node(id=f"{key}_in", type="input", label="x"), *inner, Node(id=f"{key}_out", type="output", label="y")]
    edges = {PortRef(f"{key}_out", "x"): PortRef(f"{key}_in", "y")}
    width = {"name": "width", "title": "Width", "kind": "int", "default": 8, "help": "How wide.", "minimum": 1}
    graph = Graph(nodes={node.id: node for node in nodes}, edges=edges)
    return Definition(
        key=key, title=key.title(), graph=graph, parameters=(width,), description="A thing.", reference="A paper"
    )


def nested() -> Document:
    part = Node(id="part", type="block.inner", label="part", parameters={"width": {"=": "width * 2"}, "repeat": 2})
    blocks = {"outer": small("outer", part), "inner": small("inner"), "other": small("other")}
    frame = Frame(id="f1", title="Why", scope="inner")
    other = Frame(id="f2", scope="other")
    places = {"part": Place(10, 20), "inner_in": Place(1, 2), "other_in": Place(3, 4)}
    return Document(blocks=blocks, layout=Layout(places=places, frames={"f1": frame, "f2": other}))


def test_gathers_a_block_with_what_it_needs_and_nothing_else() -> None:
    file = gather(nested(), "outer")
    assert set(file.blocks) == {"outer", "inner"}
    assert set(file.layout.places) == {"part", "inner_in"}
    assert set(file.layout.frames) == {"f1"}
    assert file.definition.title == "Outer"


def test_comes_back_from_the_disk_as_it_was(tmp_path: Path) -> None:
    file = gather(nested(), "outer")
    write_block(tmp_path / "outer.netblock", file)
    assert read_block(tmp_path / "outer.netblock") == file


def test_keeps_what_a_newer_program_added() -> None:
    raw = json.loads(dumps_block(gather(nested(), "outer")))
    raw["mood"] = "good"
    raw["blocks"]["inner"]["icon"] = "leaf"
    again = json.loads(dumps_block(loads_block(json.dumps(raw))))
    assert again == raw


def change(raw: dict[str, Any], *path: str, to: Any) -> dict[str, Any]:
    here = raw
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = to
    return raw


@pytest.mark.parametrize(
    ("path", "to", "code"),
    [
        (("format",), "netbuilder", "file.format"),
        (("version",), 2, "file.newer"),
        (("version",), "1", "file.version"),
        (("block",), "elsewhere", "file.block"),
        (("block",), "../../etc", "file.value"),
        (("blocks",), {}, "file.value"),
        (("blocks", "outer", "title"), 3, "file.value"),
        (("blocks", "outer", "graph", "edges"), [[["gone", "y"], ["outer_out", "x"]]], "file.link"),
        (("layout", "places", "part"), [1e300, 0], "file.value"),
        (("layout",), None, "file.value"),
    ],
)
def test_refuses_what_is_not_sound(path: tuple[str, ...], to: Any, code: str) -> None:
    raw = change(json.loads(dumps_block(gather(nested(), "outer"))), *path, to=to)
    with pytest.raises(NetbuilderError) as caught:
        loads_block(json.dumps(raw), "somewhere/else/outer.netblock")
    problem = caught.value.problems[0]
    assert problem.code == code
    assert "outer.netblock" in problem.message
    assert "somewhere/else" not in problem.message


def test_refuses_a_block_whose_parts_are_missing() -> None:
    raw = json.loads(dumps_block(gather(nested(), "outer")))
    del raw["blocks"]["inner"]
    with pytest.raises(NetbuilderError, match="needs the block 'inner', which is missing"):
        loads_block(json.dumps(raw))


def test_refuses_a_block_that_holds_itself() -> None:
    part = Node(id="part", type="block.outer", label="part")
    file = BlockFile(block="outer", blocks={"outer": small("outer", part)})
    with pytest.raises(NetbuilderError, match="holds itself"):
        loads_block(dumps_block(file))


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[]", b" " * (DOCUMENT_BYTES + 1)])
def test_refuses_damaged_files(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "damaged.netblock"
    path.write_bytes(data)
    with pytest.raises(NetbuilderError, match=r"damaged\.netblock"):
        read_block(path)


def test_says_that_a_file_is_missing_or_a_folder(tmp_path: Path) -> None:
    with pytest.raises(NetbuilderError, match="no such file"):
        read_block(tmp_path / "gone.netblock")
    with pytest.raises(NetbuilderError, match="is a folder, not a block file"):
        read_block(tmp_path)


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "outer.netblock"
    write_block(path, gather(nested(), "outer"))
    before = path.read_bytes()
    note = "x" * 100_000
    many = {f"n{i}": Node(id=f"n{i}", type="relu", label=f"relu_{i}", note=note) for i in range(200)}
    large = BlockFile(block="a", blocks={"a": Definition(key="a", title="A", graph=Graph(nodes=many))})
    with pytest.raises(NetbuilderError, match="too large"):
        write_block(path, large)
    assert path.read_bytes() == before
