"""Every format: the file gives the network's outputs wherever it is loaded, and a failure leaves the disk as it was."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from netbuilder.compiler.program import write_program
from netbuilder.document import edits
from netbuilder.document.files import read_document
from netbuilder.exchange import agreement, onnx_file
from netbuilder.exchange.formats import FORMATS, Order, export
from netbuilder.exchange.runs import find_run, list_runs
from netbuilder.foundation.job import Cancelled, Job
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.foundation.resources import resource
from netbuilder.project import Project
from netbuilder.training.checkpoints import load_checkpoint
from tests.builders import chain, document, linear, node, tiny_cnn, tiny_mlp
from tests.compiler.blocks import define, staged
from tests.exchange.plain_process import run_without_netbuilder

TEMPLATES = sorted(path.stem for path in resource("templates").glob("*.netb"))
SAMPLE = ("digits-rows-lstm",)
"""In the normal run; all others are slow."""

SLOWLY = [key if key in SAMPLE else pytest.param(key, marks=pytest.mark.slow) for key in TEMPLATES]


def template(key):
    return read_document(resource(f"templates/{key}.netb"))


def alone(*layers, dims=(4,), **settings):
    """A chain of layers behind an Input."""
    nodes = [node("entry", "input", dims=dims, layout="", dtype="float32", **settings), *layers]
    return document(nodes, chain(*nodes), title="Alone")


def samples(found, batch):
    from netbuilder.compiler.shapes import ShapeInference
    from netbuilder.exchange.traced import sample_inputs

    shapes = ShapeInference().infer(found)
    program = write_program(found, shapes)
    return sample_inputs({key: shapes.types[program.sources[key]] for key in program.fields}, batch, 24, seed=5)


def listed(result):
    return [each.numpy() for each in (result if isinstance(result, tuple) else (result,))]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A project with a run of two epochs: (project, run folder)."""
    folder = tmp_path_factory.mktemp("trained")
    project = Project(template("spiral"))
    project.save(folder / "spiral.netb")
    project.train(epochs=2, folder=folder / "spiral.runs" / "one")
    return project, folder / "spiral.runs" / "one"


# -- files that run ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", SLOWLY)
def test_onnxruntime_gives_the_networks_outputs_for_any_batch_size(key, tmp_path):
    import onnx
    import onnxruntime
    import torch

    found = template(key)
    path = tmp_path / "network.onnx"
    exported = export(Order(document=found, format="onnx", target=path))
    assert exported.files == (path,)
    assert exported.difference is not None
    assert exported.difference < 1e-4
    model = onnx.load(path)
    program = Project(found).program()
    assert [each.name for each in model.graph.input] == list(program.fields)
    assert [each.name for each in model.graph.output] == list(program.outputs)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    network = Project(found).build().eval()
    for batch in (1, 7):
        inputs = samples(found, batch)
        with torch.no_grad():
            expected = listed(network(**inputs))
        for one, other in zip(expected, session.run(None, {k: v.numpy() for k, v in inputs.items()}), strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5)


def test_onnx_metadata_say_what_it_is(tmp_path):
    import onnx

    path = tmp_path / "network.onnx"
    export(Order(document=tiny_cnn(), format="onnx", target=path, settings={"opset": 18}))
    model = onnx.load(path)
    about = {each.key: each.value for each in model.metadata_props}
    assert about["title"] == "Tiny CNN"
    assert about["weights"] == "fresh weights, drawn from seed 0"
    assert json.loads(about["classes.scores"]) == list("0123456789")
    assert model.producer_name == "NetBuilder"
    assert [each.version for each in model.opset_import if not each.domain] == [18]


@pytest.mark.parametrize("key", SLOWLY)
def test_a_plain_process_loads_and_runs_pt2(key, tmp_path):
    import torch

    found = template(key)
    exported = export(Order(document=found, format="pt2", target=tmp_path / "network.pt2"))
    assert exported.difference == 0
    network = Project(found).build().eval()
    for batch in (1, 7):
        inputs = samples(found, batch)
        with torch.no_grad():
            outputs = dict(enumerate(listed(network(**inputs))))
        np.savez(tmp_path / f"in{batch}.npz", **{name: value.numpy() for name, value in inputs.items()})
        np.savez(tmp_path / f"out{batch}.npz", **{str(place): value for place, value in outputs.items()})
    run_without_netbuilder(
        tmp_path,
        """
import torch.export
about = {"title": "", "outputs": "", "weights": ""}
network = torch.export.load("network.pt2", extra_files=about).module()
assert about["title"], about
for batch in (1, 7):
    result = network(**{name: torch.from_numpy(value) for name, value in np.load(f"in{batch}.npz").items()})
    result = result if isinstance(result, tuple) else (result,)
    for place, expected in np.load(f"out{batch}.npz").items():
        np.testing.assert_allclose(result[int(place)].detach().numpy(), expected, rtol=1e-6, atol=1e-7)
""",
    )


def test_pt2_holds_no_pickled_samples(tmp_path):
    import zipfile

    path = tmp_path / "network.pt2"
    export(Order(document=tiny_mlp(), format="pt2", target=path))
    with zipfile.ZipFile(path) as archive:
        inside = {entry.filename: entry.file_size for entry in archive.infolist()}
    assert sum(size for name, size in inside.items() if "sample_inputs" in name) == 0
    assert any(name.endswith("model.json") for name in inside)


@pytest.mark.parametrize("format", ["onnx", "pt2"])
def test_a_length_that_varies_stays_open(format, tmp_path):
    found = alone(node("memory", "lstm", units=6), dims=(-1, 3))
    path = tmp_path / f"network{FORMATS[format].suffix}"
    exported = export(Order(document=found, format=format, target=path))
    assert exported.difference is not None
    if format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        for length in (1, 5, 60):
            (result, *_) = session.run(None, {"entry": np.zeros((2, length, 3), np.float32)})
            assert result.shape[:2] == (2, length)


def test_exporting_needs_no_sockets(tmp_path):
    """In a process where opening a socket ends it, and a socket really would."""
    code = f"""
import sys
def refuse(event, arguments):
    if event.startswith("socket."):
        raise SystemExit(7)
sys.addaudithook(refuse)
from pathlib import Path
from netbuilder.exchange.formats import Order, export
from netbuilder.templates import open_template
export(Order(document=open_template("spiral"), format="onnx", target=Path({str(tmp_path)!r}) / "x.onnx"))
print("written", flush=True)
import socket
socket.socket()
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=110)
    assert (done.returncode, done.stdout, done.stderr) == (7, "written\n", "")


# -- what cannot be exported -------------------------------------------------------------------------------------------


def test_an_operator_that_onnx_lacks_is_a_problem_of_its_node(tmp_path):
    found = alone(node("flat", "linear", units=4), node("powers", "matrix_exp"), dims=(4, 4))
    order = Order(document=found, format="onnx", target=tmp_path / "x.onnx")
    with pytest.raises(NetbuilderError) as caught:
        export(order)
    (problem,) = caught.value.problems
    assert problem.node == "powers"
    assert "powers cannot be written as ONNX: ONNX has no equivalent of its operator" in problem.message
    assert list(tmp_path.glob("*.onnx")) == []
    assert export(replace(order, format="pt2", target=tmp_path / "x.pt2")).difference == 0


def test_outputs_drawn_at_random_are_not_compared(tmp_path):
    found = alone(node("noise", "random_normal"), linear("out", 2))
    for format in ("onnx", "pt2"):
        exported = export(Order(document=found, format=format, target=tmp_path / f"x{FORMATS[format].suffix}"))
        assert exported.difference is None
        assert exported.notes == ("Outputs were not compared: the network draws random numbers.",)


@pytest.mark.parametrize(
    ("spoil", "message"), [(lambda y: y + 0.01, "difference is 0.01"), (lambda y: y[:, :1], "shape")]
)
def test_a_file_that_gives_other_outputs_is_not_kept(tmp_path, monkeypatch, spoil, message):
    compare = agreement.compare

    def disturbed(network, run, title):
        return compare(network, lambda inputs: [spoil(each) for each in run(inputs)], title)

    monkeypatch.setattr(onnx_file, "compare", disturbed)
    with pytest.raises(NetbuilderError, match=message):
        export(Order(document=tiny_mlp(), format="onnx", target=tmp_path / "x.onnx"))
    assert list(tmp_path.glob("*.onnx")) == []


def test_a_document_with_errors_is_refused(tmp_path):
    broken = document([node("digits", "data.digits"), linear("out", 3)], [("digits.image", "out.x")])
    for key, form in FORMATS.items():
        with pytest.raises(NetbuilderError):
            export(Order(document=broken, format=key, target=tmp_path / f"x{form.suffix}"))
    assert list(tmp_path.glob("x*")) == []


def test_a_network_without_weights_has_no_weights_file(tmp_path):
    with pytest.raises(NetbuilderError, match="no weights to write"):
        export(Order(document=alone(node("act", "relu")), format="safetensors", target=tmp_path / "x.safetensors"))


# -- weights of a run --------------------------------------------------------------------------------------------------


def test_safetensors_hold_the_runs_weights_under_the_modules_names(trained, tmp_path):
    import safetensors.torch

    project, run = trained
    path = tmp_path / "weights.safetensors"
    exported = export(Order(document=project.document, format="safetensors", target=path, run=run))
    best = load_checkpoint(run / "best.safetensors")
    assert exported.origin.epoch == best.about["epoch"]
    found = safetensors.torch.load_file(path)
    assert found.keys() == project.build().state_dict().keys()
    assert all(bool((found[key] == best.tensors[key]).all()) for key in found)
    checkpoint = load_checkpoint(path)
    assert checkpoint.paths == best.paths
    assert checkpoint.about["title"] == project.document.about.title
    assert checkpoint.about["program"]


def test_weights_move_by_node_path_whatever_the_labels_say(trained, tmp_path):
    project, run = trained
    hidden = next(each for each in project.document.graph.nodes.values() if each.type == "linear")
    renamed = edits.rename(project.document, hidden.id, "renamed_layer")
    path = tmp_path / "weights.safetensors"
    export(Order(document=renamed, format="safetensors", target=path, run=run))
    best, found = load_checkpoint(run / "best.safetensors"), load_checkpoint(path)
    (old,) = (key for key, owner in best.paths.items() if owner == hidden.id and key.endswith("weight"))
    assert bool((found.tensors["renamed_layer.weight"] == best.tensors[old]).all())


def test_weights_that_do_not_fit_name_the_nodes(trained, tmp_path):
    project, run = trained
    nodes = [each for each in project.document.graph.nodes.values() if each.type == "linear"]
    wider = edits.set_parameters(project.document, nodes[0].id, {"units": 9})
    with pytest.raises(NetbuilderError) as caught:
        export(Order(document=wider, format="safetensors", target=tmp_path / "x.safetensors", run=run))
    assert {problem.node for problem in caught.value.problems} == {nodes[0].id, nodes[1].id}
    assert "The network was edited since" in caught.value.problems[0].message
    assert "9×2 are needed" in caught.value.problems[0].message
    with pytest.raises(NetbuilderError, match="the run has no weights for it"):
        export(Order(document=tiny_mlp(), format="onnx", target=tmp_path / "x.onnx", run=run))
    assert list(tmp_path.glob("x.*")) == []


def test_a_damaged_checkpoint_is_refused(trained, tmp_path):
    project, run = trained
    broken = tmp_path / "broken"
    broken.mkdir()
    content = bytearray((run / "best.safetensors").read_bytes())
    content[-3] ^= 1
    (broken / "best.safetensors").write_bytes(content)
    with pytest.raises(NetbuilderError, match="damaged"):
        export(Order(document=project.document, format="pt2", target=tmp_path / "x.pt2", run=broken))
    (tmp_path / "empty").mkdir()
    with pytest.raises(NetbuilderError, match="has no weights"):
        export(Order(document=project.document, format="pt2", target=tmp_path / "x.pt2", run=tmp_path / "empty"))


def test_runs_are_found_by_folder_and_by_name(trained):
    project, run = trained
    assert find_run("one", project.path) == run
    assert find_run(str(run), None) == run
    assert list_runs(run.parent) == [run]
    assert list_runs(run.parent / "nowhere") == []
    with pytest.raises(NetbuilderError, match="has the runs one"):
        find_run("two", project.path)
    with pytest.raises(NetbuilderError, match="no run"):
        find_run("../spiral.runs/two", project.path)


# -- the disk ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", list(FORMATS))
def test_a_cancelled_export_writes_nothing(key, tmp_path):
    job = Job()
    job.cancel()
    with pytest.raises(Cancelled):
        export(Order(document=tiny_mlp(), format=key, target=tmp_path / f"x{FORMATS[key].suffix}"), job)
    assert list(tmp_path.glob("x*")) == []


def test_a_file_that_is_there_is_replaced_only_when_that_was_asked_for(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_text("mine")
    order = Order(document=tiny_mlp(), format="safetensors", target=path)
    with pytest.raises(NetbuilderError, match="exists already"):
        export(order)
    assert path.read_text() == "mine"
    export(replace(order, overwrite=True))
    assert load_checkpoint(path).tensors
    with pytest.raises(NetbuilderError, match="no folder"):
        export(replace(order, target=tmp_path / "nowhere" / "x.safetensors"))
    with pytest.raises(NetbuilderError, match="is a folder"):
        export(replace(order, target=tmp_path))


FULL = """
import resource, signal, sys
from pathlib import Path
from netbuilder.exchange.formats import Order, export
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.templates import open_template
format, target, limit = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
document = open_template("digits-residual")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    export(Order(document=document, format=format, target=target, overwrite=True))
except NetbuilderError as error:
    print(error.problems[0].code)
else:
    print("written")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits file sizes, which is for Linux")
@pytest.mark.parametrize(
    "key", ["safetensors", *(pytest.param(key, marks=pytest.mark.slow) for key in ("python", "onnx"))]
)
def test_a_disk_that_takes_no_more_leaves_everything_as_it_was(key, tmp_path):
    """With the limit nothing changes; without it the same order writes: the injector is what stops it."""
    target = tmp_path / f"x{FORMATS[key].suffix}"
    kept = target / "model.py" if key == "python" else target
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("before")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def run(limit):
        command = [sys.executable, "-c", FULL, key, str(target), str(limit)]
        return subprocess.run(command, capture_output=True, text=True, timeout=110, check=True).stdout.split()[-1]

    assert run(20_000) == "save.limit"
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert run(1 << 30) == "written"


def test_a_new_folder_goes_again_when_its_files_cannot_be_written(tmp_path, monkeypatch):
    def fail(files):
        raise NetbuilderError(Problem(code="save.full", message="full"))

    monkeypatch.setattr("netbuilder.exchange.python_project.save_together", fail)
    with pytest.raises(NetbuilderError, match="full"):
        export(Order(document=template("spiral"), format="python", target=tmp_path / "new" / "folder"))
    assert not (tmp_path / "new").exists()


def test_the_documentation_lists_every_format():
    """The table of docs/exporting.md is the registry, in its order."""
    from pathlib import Path

    lines = (Path(__file__).parents[2] / "docs" / "exporting.md").read_text("utf-8").splitlines()
    start = lines.index("| format | `--to` | what it is |") + 2
    rows = [f"| {form.title} | `{form.key}` | {form.summary} |" for form in FORMATS.values()]
    assert lines[start : start + len(rows) + 1] == [*rows, ""]


# -- blocks ------------------------------------------------------------------------------------------------------------


def test_blocks_leave_with_a_runs_weights_by_the_paths_of_their_layers(tmp_path):
    """Stages of repeated blocks; one instance was renamed since the run, so that all its keys are other ones."""
    found = staged()
    found = replace(found, plan=replace(found.plan, epochs=1))
    Project(found).train(folder=tmp_path / "run")
    renamed = edits.rename(found, "one", "renamed")
    path = tmp_path / "blocks.safetensors"
    export(Order(document=renamed, format="safetensors", target=path, run=tmp_path / "run"))
    best, weights = load_checkpoint(tmp_path / "run" / "best.safetensors"), load_checkpoint(path)
    key, old = "renamed.block.1.r_conv.weight", "first.block.1.r_conv.weight"
    assert bool((weights.tensors[key] == best.tensors[old]).all())
    assert weights.paths[key] == "one/0/s_block/1/r_conv"
    order = Order(document=renamed, format="onnx", target=tmp_path / "blocks.onnx", run=tmp_path / "run")
    assert export(order).difference is not None
    assert export(replace(order, format="pt2", target=tmp_path / "blocks.pt2")).difference == 0


def test_an_operator_inside_a_block_is_a_problem_of_the_layer_there(tmp_path):
    inside = [node("b_in", "input", "x"), node("b_powers", "matrix_exp"), node("b_out", "output", "y")]
    block = define("powers", inside, chain(*inside), "Powers")
    found = replace(alone(node("first", "block.powers"), dims=(4, 4)), blocks={"powers": block})
    with pytest.raises(NetbuilderError) as caught:
        export(Order(document=found, format="onnx", target=tmp_path / "x.onnx"))
    assert caught.value.problems[0].node == "first/0/b_powers"
    assert "b_powers cannot be written as ONNX" in caught.value.problems[0].message
