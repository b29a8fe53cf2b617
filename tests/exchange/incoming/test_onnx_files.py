"""What a file may do to the one who opens it: nothing but become a graph, or be refused in plain words."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from netbuilder.exchange.incoming.builder import Imported
from netbuilder.exchange.incoming.formats import import_file
from netbuilder.exchange.incoming.onnx import graph, reading
from netbuilder.foundation.job import Cancelled, Job
from netbuilder.foundation.problem import NetbuilderError, Problem
from tests.exchange.incoming.onnx_files import check, draw, imported, ints, model, node
from tests.faults import watch


def refusal(action: Callable[[], Imported]) -> Problem:
    """Return the problem that an import ends with."""
    with pytest.raises(NetbuilderError) as caught:
        action()
    (problem,) = caught.value.problems
    return problem


def small() -> onnx.ModelProto:
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Gather", ["shape", "zero"], ["n"]),
        node("Unsqueeze", ["n", "axis"], ["n1"]),
        node("Concat", ["n1", "rest"], ["dims"], axis=0),
        node("Conv", ["x", "w", "b"], ["h"], pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["h", "b", "b", "b", "v"], ["i"]),
        node("Reshape", ["i", "dims"], ["f"]),
        node("Gemm", ["f", "dense"], ["g"], transB=1),
        node("Softmax", ["g"], ["y"]),
    ]
    constants = {
        "zero": np.int64(0),
        "axis": ints(0),
        "rest": ints(-1),
        "w": draw(4, 2, 3, 3),
        "b": draw(4),
        "v": draw(4, low=0.5),
        "dense": draw(3, 64),
    }
    return model(nodes, {"x": ("N", 2, 4, 4)}, constants)


def test_the_small_file_is_right(tmp_path: Path):
    check(small(), tmp_path)


# -- data files --------------------------------------------------------------------------------------------------


def outside(location: str, count: int = 8, **more: str) -> onnx.ModelProto:
    """Return a model whose weights stand in another file."""
    made = model([node("Add", ["x", "w"], ["y"])], {"x": ("N", count)}, {"w": draw(count)})
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **more}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return made


def test_weights_in_a_file_beside_are_read(tmp_path: Path):
    data = draw(8)
    (tmp_path / "w.bin").write_bytes(b"....." + data.tobytes())
    checksum = hashlib.sha1((tmp_path / "w.bin").read_bytes()[5:]).hexdigest()
    found = imported(outside("w.bin", offset="5", length="32", checksum=checksum), tmp_path)
    (weights,) = found.weights.values()
    np.testing.assert_array_equal(weights["weight"].numpy(), data)


@pytest.mark.parametrize(
    "location",
    [
        *("../secret.bin", "folder/../../secret.bin", "/etc/passwd", "folder/w.bin", "..", ".", "", "C:\\secret.bin"),
        *(
            "..\\secret.bin",
            "link.bin",
            "hard.bin",
            "missing.bin",
            "fifo",
            "folder",
            "w.bin\x00.txt",
            "file:///etc/passwd",
        ),
    ],
)
def test_no_other_file_of_the_machine_is_read(location: str, tmp_path: Path):
    place = tmp_path / "project"
    (place / "folder").mkdir(parents=True)
    for target in (tmp_path / "secret.bin", place / "folder" / "w.bin"):
        target.write_bytes(draw(8).tobytes())
    (place / "link.bin").symlink_to(tmp_path / "secret.bin")
    os.link(tmp_path / "secret.bin", place / "hard.bin")
    os.mkfifo(place / "fifo")
    problem = refusal(lambda: imported(outside(location), place))
    assert problem.code in ("import.onnx.external", "import.onnx.tensor")
    assert problem.file.endswith("network.onnx")


@pytest.mark.parametrize(
    "about",
    [{"offset": "8"}, {"offset": "-8"}, {"length": "16"}, {"offset": "many"}, {"checksum": "0" * 40}],
)
def test_data_files_that_do_not_fit_are_refused(about: dict[str, str], tmp_path: Path):
    (tmp_path / "w.bin").write_bytes(draw(8).tobytes())
    assert refusal(lambda: imported(outside("w.bin", **about), tmp_path)).code.startswith("import.onnx.")


def test_more_data_than_memory_is_refused_before_it_is_read(tmp_path: Path):
    (tmp_path / "w.bin").write_bytes(draw(8).tobytes())
    made = outside("w.bin")
    made.graph.initializer[0].dims[0] = 1 << 43
    assert "free in memory" in refusal(lambda: imported(made, tmp_path)).message


# -- damaged files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"\x00", b"PK\x03\x04", b"hello", b"\xff" * 100, b"\x08\x0a", b"{" * 1000])
def test_what_is_no_onnx_file_is_refused(data: bytes, tmp_path: Path):
    (tmp_path / "n.onnx").write_bytes(data)
    assert refusal(lambda: import_file(tmp_path / "n.onnx")).code == "import.onnx.damaged"


def test_a_missing_file_is_said(tmp_path: Path):
    assert refusal(lambda: import_file(tmp_path / "n.onnx")).code == "import.unreadable"


def test_a_file_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data = small().SerializeToString()
    (tmp_path / "n.onnx").write_bytes(data)
    monkeypatch.setattr(reading, "FILE_BYTES", len(data))
    import_file(tmp_path / "n.onnx")
    monkeypatch.setattr(reading, "FILE_BYTES", len(data) - 1)
    assert refusal(lambda: import_file(tmp_path / "n.onnx")).code == "import.large"


@pytest.mark.parametrize("version", [6, 10_000, 0, -1])
def test_versions_that_are_not_read_are_named(version: int, tmp_path: Path):
    made = small()
    made.opset_import[0].version = version
    problem = refusal(lambda: imported(made, tmp_path))
    assert problem.code == "import.onnx.version"
    assert str(onnx.defs.onnx_opset_version()) in problem.expected


def test_cycles_and_values_from_nowhere_are_refused(tmp_path: Path):
    made = small()
    made.graph.node[4].input[0] = "y"
    assert "nothing before it gives" in refusal(lambda: imported(made, tmp_path)).message
    made = small()
    made.graph.node[5].output[0] = "h"
    assert "twice" in refusal(lambda: imported(made, tmp_path)).message


def test_tensors_that_lie_about_their_size_are_refused(tmp_path: Path):
    for dims in ([4, 2, 3], [4, 2, 3, 3_000_000_000], [-4, 2, 3, 3], [1] * 40):
        made = small()
        del made.graph.initializer[3].dims[:]
        made.graph.initializer[3].dims.extend(dims)
        assert refusal(lambda made=made: imported(made, tmp_path)).code == "import.onnx.tensor"


def test_constants_that_would_fill_the_memory_stay_unmade(tmp_path: Path):
    """ConstantOfShape, Expand, Tile, Range and Pad ask for any amount with a few bytes."""
    huge = ints(100_000, 100_000, 1000)
    asks = [
        ([node("ConstantOfShape", ["huge"], ["c"])], {"huge": huge}),
        ([node("Expand", ["one", "huge"], ["c"])], {"huge": huge, "one": np.ones((1, 1, 1), np.float32)}),
        ([node("Tile", ["one", "huge"], ["c"])], {"huge": huge, "one": np.ones((1, 1, 1), np.float32)}),
        ([node("Range", ["a", "b", "s"], ["c"])], {"a": np.int64(0), "b": np.int64(2**50), "s": np.int64(1)}),
        ([node("Gather", ["t", "i"], ["c"])], {"t": draw(1, 20_000), "i": np.zeros(20_000, np.int64)}),
    ]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for nodes, constants in asks:
        made = model([*nodes, node("Add", ["x", "c"], ["y"])], {"x": ("N", 8)}, constants)
        found = imported(made, tmp_path)
        assert found.coverage.opaque >= 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000


def test_functions_that_use_themselves_or_multiply_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def function(name: str, *kinds: str) -> onnx.FunctionProto:
        values = ["a", *(f"v{number}" for number in range(len(kinds)))]
        nodes = [node(kind, [values[n]], [values[n + 1]], domain="own") for n, kind in enumerate(kinds)]
        return helper.make_function("own", name, ["a"], [values[-1]], nodes, [helper.make_opsetid("own", 1)])

    use = [node("F0", ["x"], ["y"], domain="own")]
    made = model(use, {"x": ("N", 8)}, functions=[function("F0", "F0")], domains={"own": 1})
    assert refusal(lambda: imported(made, tmp_path)).code == "import.onnx.depth"
    monkeypatch.setattr(graph, "NODES", 5_000)
    bombs = [function(f"F{level}", *[f"F{level + 1}"] * 10) for level in range(8)]
    made = model(use, {"x": ("N", 8)}, functions=bombs, domains={"own": 1})
    assert refusal(lambda: imported(made, tmp_path)).code == "import.onnx.large"


def test_settings_that_make_no_sense_make_an_operator_opaque(tmp_path: Path):
    nonsense = [
        node("Conv", ["x", "w"], ["y"], strides=[0, 0]),
        node("Conv", ["x", "w"], ["y"], strides="fast"),
        node("Conv", ["x", "w"], ["y"], pads=[-1, 0, 0, 0]),
        node("Conv", ["x", "w"], ["y"], pads=[1]),
        node("MaxPool", ["x"], ["y"]),
        node("Transpose", ["x"], ["y"], perm=[0, 0, 1, 9]),
        node("Softmax", ["x"], ["y"], axis=0),
        node("ReduceMean", ["x", "axes"], ["y"]),
        node("Concat", ["x", "x"], ["y"], axis=0),
        node("Reshape", ["x", "axes"], ["y"]),
        node("LeakyRelu", ["x"], ["y"], alpha="steep"),
        node("Cast", ["x"], ["y"], to=99),
        node("Split", ["x"], ["y", "z"], axis=40),
        node("LSTM", ["x", "w", "w"], ["y"], hidden_size=3),
        node("Relu", [], ["y"]),
        node("Gemm", ["x"], ["y"]),
    ]
    for each in nonsense:
        made = model([each], {"x": ("N", 2, 4, 4)}, {"w": draw(4, 2, 3, 3), "axes": ints(7)})
        found = imported(made, tmp_path)
        assert found.coverage.opaque == 1, each
        (row,) = [row for row in found.coverage.rows if row.reason]
        assert len(row.reason) > 10


def test_an_input_without_samples_and_an_output_that_is_a_size_are_said(tmp_path: Path):
    made = model([node("Add", ["x", "s"], ["y"])], {"x": ("N", 8), "s": ()})
    assert refusal(lambda: imported(made, tmp_path)).code == "import.onnx.input"
    made = model([node("Shape", ["x"], ["y"])], {"x": ("N", 8)})
    assert refusal(lambda: imported(made, tmp_path)).code == "import.onnx.output"


def test_an_import_can_be_cancelled(tmp_path: Path):
    (tmp_path / "n.onnx").write_bytes(small().SerializeToString())
    job = Job()
    job.cancel()
    with pytest.raises(Cancelled):
        import_file(tmp_path / "n.onnx", job)


# -- what it does while it is read -----------------------------------------------------------------------------

PREPARE = """
from netbuilder.exchange.incoming.formats import import_file
from netbuilder.foundation.problem import NetbuilderError
import_file(sys.argv[1])
"""

SUBJECT = """
result = []
for path in sys.argv[2:]:
    try:
        import_file(path)
    except NetbuilderError as error:
        result.append(error.problems[0].code)
"""


def test_reading_runs_writes_and_connects_to_nothing(tmp_path: Path):
    """Names of the file that are code, modules, paths and addresses stay names."""
    names = (
        "os.system",
        "__import__('os').system('touch bomb')",
        "builtins.eval",
        "http://127.0.0.1:9/x",
        "/etc/passwd",
    )
    (tmp_path / "good.onnx").write_bytes(small().SerializeToString())
    paths = []
    for number, name in enumerate(names):
        nodes = [
            node(name, ["x"], ["h"], domain=name, name=name, code=name),
            node("Gemm", ["h", name], ["y"], name=f"/{name}/Gemm"),
        ]
        made = model(nodes, {"x": ("N", 8)}, {name: draw(8, 5)}, domains={name: 1})
        made.graph.value_info.append(helper.make_tensor_value_info("h", TensorProto.FLOAT, ["N", 8]))
        entry = made.graph.node[1].metadata_props.add()
        entry.key, entry.value = "pkg.torch.onnx.name_scopes", f"['', {name!r}, {name!r}]"
        places = (made, outside(name))
        for place, each in enumerate(places):
            path = tmp_path / f"{number}{place}.onnx"
            path.write_bytes(each.SerializeToString())
            paths.append(str(path))
    found = watch(PREPARE, SUBJECT, str(tmp_path / "good.onnx"), *paths)
    done = [event for event in found["events"] if event[0] in ("run", "write", "connect")]
    assert not done, done
    read = {event[1] for event in found["events"] if event[0] == "read"}
    assert read <= {"/proc/meminfo", *paths, *(str(tmp_path / name) for name in names)}, read
    assert found["result"] == ["import.onnx.external"] * len(names)


# -- mutations ---------------------------------------------------------------------------------------------------


def mutated(data: bytes, draw: random.Random) -> bytes:
    """Return a file with some bytes changed, taken out, doubled or cut off."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        place = draw.randrange(len(changed))
        kind = draw.randrange(5)
        if kind == 0:
            changed[place] ^= 1 << draw.randrange(8)
        elif kind == 1:
            changed[place] = draw.randrange(256)
        elif kind == 2:
            del changed[place : place + draw.randrange(1, 40)]
        elif kind == 3:
            changed[place:place] = changed[place : place + draw.randrange(1, 40)]
        else:
            del changed[max(place, 8) :]
        if not changed:
            return b"\x00"
    return bytes(changed)


def survive(count: int, folder: Path, seed: int) -> tuple[int, float]:
    """Import mutations of valid files; return how many were refused and the longest time."""
    generator, place = random.Random(seed), folder / "n.onnx"
    data, refused, longest = small().SerializeToString(), 0, 0.0
    said: list[Problem] = []
    for _ in range(count):
        place.write_bytes(mutated(data, generator))
        started = time.perf_counter()
        try:
            import_file(place)
        except NetbuilderError as error:
            refused += 1
            said.extend(error.problems)
        longest = max(longest, time.perf_counter() - started)
    assert all(problem.message and problem.code for problem in said)
    return refused, longest


def test_mutated_files_are_refused_or_read(tmp_path: Path):
    refused, _ = survive(60, tmp_path, 1)
    assert 0 < refused < 60


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_mutated_files_are_refused_or_read(tmp_path: Path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused, longest = survive(3_000, tmp_path, 2)
    print(f"{refused} of 3,000 refused; the longest took {longest:.2f} s")
    assert 0 < refused < 3_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000
