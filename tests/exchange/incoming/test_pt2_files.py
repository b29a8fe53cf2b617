"""Files that are damaged, hostile or not what they seem: always a plain error, never code, never much memory."""

from __future__ import annotations

import io
import json
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from netbuilder.exchange.incoming.exported_program import read_pt2
from netbuilder.exchange.incoming.formats import import_file
from netbuilder.exchange.incoming.sizes import read_size
from netbuilder.foundation.job import Cancelled, Job
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.layers.tensor import Size

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def valid() -> bytes:
    """A small valid file."""
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    program = torch.export.export(module, (torch.randn(2, 3),), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    return buffer.getvalue()


def members(data: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(found: Members, compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in found.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def name_of(found: Members, end: str) -> str:
    return next(name for name in found if name.endswith(end))


def changed(data: bytes, end: str, change: Callable[[Any], None]) -> bytes:
    """Return a file with the JSON of one member changed."""
    found = members(data)
    name = name_of(found, end)
    value = json.loads(found[name])
    change(value)
    found[name] = json.dumps(value).encode()
    return packed(found)


def refusal(path: Path, data: bytes) -> str:
    """Return why a file is refused."""
    path.write_bytes(data)
    with pytest.raises(NetbuilderError) as caught:
        import_file(path)
    return caught.value.problems[0].code


def test_a_valid_file_is_read(valid: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.pt2"
    path.write_bytes(packed(members(valid)))  # the control of all that follows
    imported = import_file(path)
    assert imported.coverage.opaque == 0
    assert {node.type for node in imported.document.graph.nodes.values()} == {"input", "linear", "relu", "output"}


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "x.pt2", b"") == "import.damaged"
    assert refusal(tmp_path / "x.pt2", b"PK\x03\x04" + bytes(100)) == "import.damaged"
    assert refusal(tmp_path / "x.pt2", pickle.dumps({"a": 1})) == "import.damaged"
    assert refusal(tmp_path / "x.txt", b"") == "import.kind"


def test_a_missing_file_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(NetbuilderError) as caught:
        import_file(tmp_path / "none.pt2")
    assert caught.value.problems[0].code == "import.unreadable"


def test_compressed_members_are_refused(valid: bytes, tmp_path: Path) -> None:
    bomb = members(valid)
    bomb["archive/data/weights/zeros"] = bytes(10_000_000)
    assert refusal(tmp_path / "x.pt2", packed(bomb, zipfile.ZIP_DEFLATED)) == "import.damaged"


def test_pickled_weights_are_refused_and_run_nothing(valid: bytes, tmp_path: Path) -> None:
    mark = tmp_path / "ran"

    class Hostile:
        def __reduce__(self) -> Any:
            return open, (str(mark), "w")

    def pickle_first(config: Any) -> None:
        next(iter(config["config"].values()))["use_pickle"] = True

    data = changed(valid, "model_weights_config.json", pickle_first)
    found = members(data)
    found[name_of(found, "weight_0")] = pickle.dumps(Hostile())
    found["archive/data/sample_inputs/model.pt"] = pickle.dumps(Hostile())
    assert refusal(tmp_path / "x.pt2", packed(found)) == "import.pickled"
    assert not mark.exists()
    pickle.loads(pickle.dumps(Hostile())).close()  # the control: unpickled, it does run
    assert mark.exists()


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("sizes", [{"as_int": 1 << 40}, {"as_int": 1 << 40}]),
        ("sizes", [{"as_int": -1}, {"as_int": 3}]),
        ("sizes", [{"as_expr": {"expr_str": "s0"}}, {"as_int": 3}]),
        ("strides", [{"as_int": 1 << 30}, {"as_int": 1}]),
        ("strides", [{"as_int": 3}]),
        ("storage_offset", {"as_int": 9}),
        ("storage_offset", {"as_int": -1}),
        ("dtype", 99),
        ("dtype", "float"),
        ("layout", 1),
    ],
)
def test_tensors_that_do_not_lie_in_their_bytes_are_refused(
    what: str, value: Any, valid: bytes, tmp_path: Path
) -> None:
    def change(config: Any) -> None:
        next(iter(config["config"].values()))["tensor_meta"][what] = value

    assert refusal(tmp_path / "x.pt2", changed(valid, "model_weights_config.json", change)) == "import.damaged"


def test_a_tensor_may_not_name_a_member_outside(valid: bytes, tmp_path: Path) -> None:
    def change(config: Any) -> None:
        next(iter(config["config"].values()))["path_name"] = "../../../../../../etc/passwd"

    assert refusal(tmp_path / "x.pt2", changed(valid, "model_weights_config.json", change)) == "import.damaged"


def test_the_same_bytes_are_not_read_again_and_again(valid: bytes, tmp_path: Path) -> None:
    found = members(valid)
    name = name_of(found, "model_weights_config.json")
    config = json.loads(found[name])
    first = next(iter(config["config"].values()))
    config["config"] |= {f"more{number}": first for number in range(10_000)}
    found[name] = json.dumps(config).encode()
    path = tmp_path / "x.pt2"
    path.write_bytes(packed(found))
    assert import_file(path).coverage.opaque == 0  # one member, one reading, however many name it


def _nodes(program: Any) -> list[Any]:
    nodes: list[Any] = program["graph_module"]["graph"]["nodes"]
    return nodes


def test_a_circle_is_refused_or_opaque(valid: bytes, tmp_path: Path) -> None:
    def change(program: Any) -> None:
        first = _nodes(program)[0]
        first["inputs"][0]["arg"] = {"as_tensor": {"name": _nodes(program)[-1]["outputs"][0]["as_tensor"]["name"]}}

    path = tmp_path / "x.pt2"
    path.write_bytes(changed(valid, "model.json", change))
    imported = import_file(path)
    assert imported.coverage.opaque
    assert "nothing before it makes" in imported.coverage.table()


@pytest.mark.parametrize("target", ["os.system", "torch.ops.aten.__class__.x", "torch.ops.evil.run.default", "eval"])
def test_names_of_operators_are_only_text(target: str, valid: bytes, tmp_path: Path) -> None:
    def change(program: Any) -> None:
        _nodes(program)[0]["target"] = target

    path = tmp_path / "x.pt2"
    path.write_bytes(changed(valid, "model.json", change))
    imported = import_file(path)
    assert imported.coverage.opaque == 1
    graphs = (imported.document.graph, *(block.graph for block in imported.document.blocks.values()))
    assert any(node.type.startswith("foreign.") for graph in graphs for node in graph.nodes.values())


def test_huge_constants_are_not_made(valid: bytes, tmp_path: Path) -> None:
    def change(program: Any) -> None:
        node = _nodes(program)[0]
        node["target"] = "torch.ops.aten.zeros.default"
        node["inputs"] = [{"name": "size", "arg": {"as_ints": [1 << 20, 1 << 20]}, "kind": 1}]

    path = tmp_path / "x.pt2"
    path.write_bytes(changed(valid, "model.json", change))
    assert "too large" in import_file(path).coverage.table()


def test_another_version_of_the_format_is_refused(valid: bytes, tmp_path: Path) -> None:
    def change(program: Any) -> None:
        program["schema_version"]["major"] = 7

    assert refusal(tmp_path / "x.pt2", changed(valid, "model.json", change)) == "import.version"
    old = {"serialized_exported_program.json": b"{}", "serialized_state_dict.pt": b""}
    assert refusal(tmp_path / "x.pt2", packed(old)) == "import.version"


def test_reading_stops_when_it_is_cancelled(valid: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.pt2"
    path.write_bytes(valid)
    job = Job()
    job.cancel()
    with pytest.raises(Cancelled):
        import_file(path, job)


def fuzz(data: bytes, folder: Path, rounds: int, seed: int) -> int:
    """Read mutations of a file; returns how many were still readable."""
    chance = random.Random(seed)
    path = folder / "fuzzed.pt2"
    readable = 0
    for _ in range(rounds):
        found = members(data)
        name = chance.choice([name for name in found if found[name]])
        mutated = bytearray(found[name])
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(mutated))
            kind = chance.randrange(4)
            if kind == 0:
                mutated[place] = chance.randrange(256)
            elif kind == 1:
                del mutated[place : place + chance.randint(1, 40)]
            elif kind == 2:
                mutated[place:place] = mutated[place : place + chance.randint(1, 40)]
            else:
                mutated[place:place] = chance.choice([b"-1", b"9" * 20, b"null", b"[" * 50, b'"', b"1e400", b"{}"])
            if not mutated:
                break
        found[name] = bytes(mutated)
        path.write_bytes(packed(found) if chance.random() < 0.9 else bytes(mutated))
        try:
            import_file(path)
            readable += 1
        except NetbuilderError:
            continue
    return readable


def test_mutations_give_plain_errors(valid: bytes, tmp_path: Path) -> None:
    readable = fuzz(valid, tmp_path, 150, seed=1)
    assert 0 < readable < 150


@pytest.mark.slow
def test_many_mutations_give_plain_errors(valid: bytes, tmp_path: Path) -> None:
    assert fuzz(valid, tmp_path, 5_000, seed=2)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("Symbol('s0', positive=True, integer=True)", Size("s0")),
        ("Mul(Integer(4), Symbol('s0', integer=True))", Size("s0", 4)),
        ("Add(Symbol('s0'), Integer(-1))", Size("s0", 1, -1)),
        ("2*s0 + 3", Size("s0", 2, 3)),
        ("12", 12),
        ("s0 - s0", 0),
        ("s0*s0", None),
        ("s0 + s1", None),
        ("__import__('os').system('x')", None),
        ("Symbol(open('x'))", None),
        ("(" * 400, None),
        ("9" * 400, None),
    ],
)
def test_sizes_are_read_and_never_evaluated(text: str, size: object) -> None:
    assert read_size(text) == size


def test_a_file_in_memory_is_read_like_one_on_disk(valid: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.pt2"
    path.write_bytes(valid)
    one, other = read_pt2(path), read_pt2(Path("x"), None, valid)
    assert [step.target for step in one.steps] == [step.target for step in other.steps]
