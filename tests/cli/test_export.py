"""Exports and pictures from the terminal."""

import json

from netbuilder.document import edits
from netbuilder.project import Project


def test_export(run, spiral, tmp_path):
    code, out, _ = run("export", spiral, "--to", "python", "-o", tmp_path / "out")
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("*.*") if path.name[0] != ".") == [
        "data.pt",
        "model.py",
        "predict.py",
        "preparation.json",
        "train.py",
    ]
    assert "model.py" in out
    assert "Weights: fresh weights, drawn from seed 0." in out


def test_export_of_a_run(run, spiral, tmp_path):
    assert run("train", spiral, "--epochs", "2", "--run-dir", tmp_path / "spiral.runs" / "one")[0] == 0
    file = tmp_path / "weights.safetensors"
    code, out, _ = run("export", spiral, "--to", "safetensors", "-o", file, "--run", "one")
    assert code == 0
    assert out.splitlines()[0] == f"Wrote {file}"
    assert "best weights of the run one (epoch " in out
    before = file.read_bytes()
    code, _, err = run("export", spiral, "--to", "safetensors", "-o", file)
    assert code == 2
    assert "exists already" in err
    assert file.read_bytes() == before
    code, out, _ = run("export", spiral, "--to", "safetensors", "-o", file, "--overwrite", "--json")
    found = json.loads(out)
    assert (found["format"], found["files"], found["run"]) == ("safetensors", [str(file)], None)
    assert file.read_bytes() != before
    code, _, err = run("export", spiral, "--to", "safetensors", "-o", tmp_path / "x.safetensors", "--run", "two")
    assert code == 2
    assert "no run 'two'" in err
    assert "the runs one" in err


def test_export_to_onnx_shows_the_largest_difference(run, spiral, tmp_path):
    code, out, err = run("export", spiral, "--to", "onnx", "-o", tmp_path / "spiral.onnx", "--json")
    assert (code, err) == (0, "")
    assert 0 <= json.loads(out)["difference"] < 1e-5
    code, _, err = run("export", spiral, "--to", "onnx", "-o", tmp_path / "other.onnx", "--opset", "3")
    assert code == 2
    assert "Opset: expected a whole number from 18 to 23, got 3" in err
    assert not (tmp_path / "other.onnx").exists()


def test_an_export_that_fails_names_the_node_and_writes_nothing(run, spiral, tmp_path):
    project = Project.load(spiral)
    scores = next(node for node in project.document.graph.nodes.values() if node.label == "scores")
    Project(edits.set_parameters(project.document, scores.id, {"units": 1})).save(spiral)
    code, _, err = run("export", spiral, "--to", "python", "-o", tmp_path / "out")
    assert code == 2
    assert "error: spiral.netb: loss: " in err
    assert not (tmp_path / "out").exists()


def test_render_refuses_other_kinds_of_pictures(run, spiral, tmp_path):
    code, _, err = run("render", spiral, "-o", tmp_path / "x.bmp")
    assert code == 2
    assert ".svg or .pdf" in err
