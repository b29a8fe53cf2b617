"""The terminal by itself and its commands about projects: what is printed where, and which exit code."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from netbuilder import cli
from netbuilder.project import Project


def test_templates(run):
    code, out, _ = run("templates")
    assert code == 0
    assert "digits-residual" in out
    code, out, _ = run("templates", "--json")
    entries = json.loads(out)
    assert entries[0]["key"] == "digits-residual"
    assert {"key", "title", "description", "category", "mark", "time"} <= set(entries[0])


def test_check_tells_blocks_where_they_stand_in_the_flow(run, tmp_path):
    path = tmp_path / "digits.netb"
    run("new", "digits-transformer", "-o", path)
    labels = ["digits", "patches", "encoder", "norm", "average", "scores", "loss"]
    found = json.loads(run("check", path, "--json")[1])
    assert list(dict.fromkeys(name.partition(".")[0] for name in found["shapes"])) == labels
    assert found["shapes"]["encoder.y"] == "N × 16 × 48"
    assert list(found["costs"]["layers"]) == labels[1:]
    out = run("check", path)[1]
    assert [line.partition(".")[0] for line in out.splitlines() if ".y " in line] == labels[1:-1]


def test_new(run, tmp_path):
    path = tmp_path / "mine.netb"
    assert run("new", "spiral", "-o", path)[0] == 0
    assert Project.load(path).document.about.title == "Spiral"
    before = path.read_bytes()
    code, _, err = run("new", "diabetes", "-o", path)
    assert code == 2
    assert "exists already" in err
    assert path.read_bytes() == before
    code, _, err = run("new", "spirals", "-o", tmp_path / "other.netb")
    assert code == 2
    assert "did you mean 'spiral'" in err
    code, _, err = run("new", "spiral", "-o", tmp_path / "no" / "folder" / "x.netb")
    assert code == 2
    assert "could not be saved" in err


def test_layers(run):
    code, out, _ = run("layers", "--json")
    assert code == 0
    layers = {layer["key"]: layer for layer in json.loads(out)}
    assert len(layers) >= 80
    conv = layers["conv2d"]
    assert (conv["title"], conv["category"]) == ("Conv2d", "convolution")
    assert {"key", "title", "category", "ports", "parameters"} <= set(conv)
    assert [port["name"] for port in conv["ports"]["inputs"]] == ["x"]
    assert [port["name"] for port in layers["lstm"]["ports"]["outputs"]] == ["sequence", "state"]
    filters = next(parameter for parameter in conv["parameters"] if parameter["name"] == "filters")
    assert filters["kind"] == "int"
    assert filters["default"] == 32
    code, out, _ = run("layers")
    assert code == 0
    assert all(key in out for key in layers)


def test_check(run, spiral):
    code, out, err = run("check", spiral)
    assert (code, err) == (0, "")
    assert "N × 32" in out
    assert "multiply-adds a sample; memory: " in out
    code, out, _ = run("check", spiral, "--json")
    found = json.loads(out)
    assert found["shapes"]["scores.y"] == "N × 2"
    assert found["problems"] == []
    costs = found["costs"]
    assert costs["layers"]["scores"]["multiply_adds"] == 32 * 2
    assert costs["parameters"] == sum(layer["parameters"] for layer in costs["layers"].values())
    assert costs["training_bytes"] > costs["activation_bytes"] > 0
    assert costs["complete"]


def test_check_names_the_node_and_exits_with_1(run, spiral):
    text = spiral.read_text("utf-8")
    spiral.write_text(text.replace('"units": 2', '"units": 0').replace('"units":2', '"units":0'), "utf-8")
    code, _, err = run("check", spiral)
    assert code == 1
    assert "error: spiral.netb: scores:" in err
    code, out, _ = run("check", spiral, "--json")
    assert code == 1
    problems = json.loads(out)["problems"]
    assert any(problem["severity"] == "error" and problem["label"] == "scores" for problem in problems)


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "absent.netb"],
        ["train", "absent.netb"],
        ["export", "absent.netb", "-o", "out"],
        ["render", "absent.netb", "-o", "out.png"],
        ["absent.netb"],
        ["trian"],
    ],
)
def test_a_file_that_is_not_there_is_said_in_plain_words(run, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert arguments[-1] in err or "absent.netb" in err
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["train"],
        ["train", "x.netb", "--epochs", "0"],
        ["train", "x.netb", "--epochs", "many"],
        ["train", "x.netb", "--seed", "-1"],
        ["export", "x.netb", "--to", "fortran", "-o", "out"],
        ["one.netb", "two.netb"],
    ],
)
def test_wrong_arguments_exit_with_2(run, arguments):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "netbuilder" in err


def test_usage_is_short_and_names_what_is_not_there(run, spiral):
    _, _, err = run("train", spiral, "--epochs", "0")
    assert err.startswith("usage: netbuilder train ")
    assert "number from 1 to 1,000,000" in err
    assert "no command and no file called frobnicate" in run("frobnicate", spiral)[2]
    assert "one file at most" in run(spiral, spiral)[2]


def test_the_window_opens_with_a_display_and_trains_without(run, spiral, monkeypatch, capsys):
    import netbuilder.ui.app

    opened = []
    monkeypatch.setattr(netbuilder.ui.app, "main", lambda path=None: opened.append(path) or 0)
    monkeypatch.setenv("DISPLAY", ":77")
    assert run()[0] == 0
    assert run(spiral)[0] == 0
    assert opened == [None, spiral]
    trained = []
    monkeypatch.setattr(
        cli.projects,
        "train_project",
        lambda project, asked: trained.append((project.document.about.title, asked.epochs, asked.devices)) or 0,
    )
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    code, out, _ = run()
    assert code == 0
    assert "no display" in out
    assert run(spiral)[0] == 0
    assert trained == [("Handwritten digits", None, 1), ("Spiral", None, 1)]
    assert len(opened) == 2


def test_the_installed_command_and_the_module_are_the_same(tmp_path):
    done = subprocess.run([sys.executable, "-m", "netbuilder", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("NetBuilder ")
    script = shutil.which("netbuilder", path=os.path.dirname(sys.executable))
    if script is not None:
        again = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
        assert again.stdout == done.stdout


def test_starting_the_terminal_is_quick_because_it_loads_little():
    code = (
        "import sys; from netbuilder.cli import main; main(['templates'])\n"
        "print([name for name in ('torch', 'PySide6', 'polars', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
