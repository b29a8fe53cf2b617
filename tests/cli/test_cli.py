"""The terminal, as the issue lists it: what is printed where, and which exit code."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import pytest

from netbuilder import cli
from netbuilder.document import edits
from netbuilder.document.model import Setting
from netbuilder.project import Project
from netbuilder.training.moments import Reason
from netbuilder.training.snapshot_files import snapshots_of


@pytest.fixture
def run(capsys):
    """Run the command line here: (exit code, output, errors)."""

    def run(*arguments):
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as leave:
            code = leave.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def spiral(tmp_path):
    path = tmp_path / "spiral.netb"
    Project.new("spiral").save(path)
    return path


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


def _train_json(run, spiral, folder, *arguments):
    code, out, _ = run("train", spiral, "--json", "--run-dir", folder, *arguments)
    assert code == 0
    return out.splitlines()


def test_train_prints_equal_lines_for_equal_runs(run, spiral, tmp_path):
    first = _train_json(run, spiral, tmp_path / "a", "--epochs", "3", "--seed", "7")
    second = _train_json(run, spiral, tmp_path / "b", "--epochs", "3", "--seed", "7")
    assert first[:-1] == second[:-1]
    lines = [json.loads(line) for line in first]
    assert [line["step"] for line in lines if line["event"] == "step"] == list(range(10, 34, 10))
    epochs = [line for line in lines if line["event"] == "epoch"]
    assert [(line["epoch"], line["step"]) for line in epochs] == [(1, 11), (2, 22), (3, 33)]
    assert "accuracy" in epochs[0]["metrics"]
    steps = [line["step"] for line in lines[:-1]]
    assert steps == sorted(steps)
    end, other = lines[-1], json.loads(second[-1])
    assert end["event"] == "end"
    assert end["folder"] == str(tmp_path / "a")
    assert (tmp_path / "a" / "best.safetensors").is_file()
    assert end["test"]["accuracy"] == other["test"]["accuracy"]
    third = _train_json(run, spiral, tmp_path / "c", "--epochs", "3", "--seed", "8")
    assert third[:-1] != first[:-1]


def test_train_without_a_terminal_prints_a_line_an_epoch(run, spiral, tmp_path):
    code, out, _ = run("train", spiral, "--epochs", "2", "--run-dir", tmp_path / "run")
    assert code == 0
    assert "Epoch 2 of 2" in out
    assert "On the test part: loss" in out
    assert str(tmp_path / "run") in out
    assert "\r" not in out


def test_a_run_in_the_terminal_keeps_snapshots_as_the_window_does(run, spiral, tmp_path):
    run("train", spiral, "--epochs", "3", "--run-dir", tmp_path / "usual")
    kept = snapshots_of(tmp_path / "usual")
    assert (kept[0].step, kept[0].reason) == (0, Reason.TIME)
    assert kept[-1].reason is Reason.END
    run("train", spiral, "--epochs", "3", "--run-dir", tmp_path / "none", "--snapshots", "0")
    assert snapshots_of(tmp_path / "none") == ()
    code, _, err = run("train", spiral, "--snapshots", "-1")
    assert code == 2
    assert "megabytes from 0" in err


def test_train_finds_the_fastest_way_first(run, spiral, tmp_path, monkeypatch):
    from netbuilder.training import trial

    monkeypatch.setattr(trial, "ROUNDS", 2)
    monkeypatch.setattr(trial, "TURN_SECONDS", 0.0)
    monkeypatch.setattr(trial, "fastest", lambda rows: next(row for row in rows if row.title == "bfloat16"))
    before = spiral.read_bytes()
    code, out, err = run("train", "--fastest", spiral, "--epochs", "1", "--run-dir", tmp_path / "run")
    assert code == 0
    assert err.splitlines()[0].split() == ["ms", "a", "step", "times", "as", "fast", "loss", "differs", "by"]
    assert [line.split()[0] for line in err.splitlines()[1:3]] == ["float32", "bfloat16"]
    assert "Training in bfloat16." in err
    assert "Epoch 1 of 1" in out
    assert spiral.read_bytes() == before
    with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as store:
        ((plan,),) = store.execute("SELECT plan FROM runs")
    assert json.loads(plan)["precision"] == "bf16"


def test_train_on_a_device_that_is_not_there(run, spiral):
    code, _, err = run("train", spiral, "--device", "abacus")
    assert code == 2
    assert "abacus" in err


@pytest.mark.parametrize("json_lines", [(), ("--json",)])
def test_warnings_and_errors_of_a_training_are_told_once(run, spiral, tmp_path, json_lines):
    project = Project.load(spiral)
    watching = replace(project.document, plan=replace(project.document.plan, monitor="r2", epochs=1))
    Project(watching).save(spiral)
    code, out, err = run("train", spiral, "--run-dir", tmp_path / "a", *json_lines)
    assert code == 0
    assert err.count("no 'r2' to watch") == 1
    assert "warning: spiral.netb: " in err
    assert "'r2'" not in out
    document = Project.new("diabetes").document
    phases = (replace(document.plan.phases[0], optimizer=Setting(key="sgd", values={"learning_rate": 1e3})),)
    Project(replace(document, plan=replace(document.plan, phases=phases))).save(spiral)
    code, out, err = run("train", spiral, "--run-dir", tmp_path / "b", *json_lines)
    assert code == 2
    assert err.count("Training stopped at step") == 1
    assert "error: spiral.netb: " in err
    assert "Training stopped at step" not in out


def test_a_failing_training_names_the_node_and_the_file(run, tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,x\n2,y\nthree,x\n" + "4,y\n" * 20)
    from tests.builders import document, linear, node

    links = [("rows.features", "out.x"), ("out.y", "loss.prediction"), ("rows.label", "loss.target")]
    nodes = [node("rows", "data.table", file="rows.csv"), linear("out", 2), node("loss", "cross_entropy")]
    Project(document(nodes, links)).save(tmp_path / "rows.netb")
    code, _, err = run("train", tmp_path / "rows.netb", "--json")
    assert code == 2
    assert "error: rows.netb: rows: " in err
    assert "line 4" in err


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


def test_usage_is_short_and_names_what_is_not_there(run, spiral):
    _, _, err = run("train", spiral, "--epochs", "0")
    assert err.startswith("usage: netbuilder train ")
    assert "number from 1 to 1,000,000" in err
    assert "no command and no file called frobnicate" in run("frobnicate", spiral)[2]
    assert "one file at most" in run(spiral, spiral)[2]


def test_render_refuses_other_kinds_of_pictures(run, spiral, tmp_path):
    code, _, err = run("render", spiral, "-o", tmp_path / "x.bmp")
    assert code == 2
    assert ".svg or .pdf" in err


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


def _child(arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "netbuilder", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_interrupt_saves_and_a_broken_pipe_is_quiet(spiral, tmp_path):
    """Two children at once: importing torch is what takes the time."""
    stopped = _child(["train", spiral, "--epochs", "100000", "--json", "--run-dir", tmp_path / "stopped"])
    reader = _child(["train", spiral, "--epochs", "100000", "--json", "--run-dir", tmp_path / "broken"])
    assert json.loads(stopped.stdout.readline())["event"] == "step"
    stopped.send_signal(signal.SIGINT)
    out, err = stopped.communicate(timeout=60)
    assert stopped.returncode == 130, err
    end = json.loads(out.splitlines()[-1])
    assert (end["event"], end["reason"]) == ("end", "stopped")
    assert (tmp_path / "stopped" / "last.safetensors").is_file()
    assert "Traceback" not in err
    assert json.loads(reader.stdout.readline())["step"] > 0
    reader.stdout.close()
    assert reader.wait(timeout=60) == 1
    assert "Traceback" not in reader.stderr.read()
    reader.stderr.close()


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_a_terminal_gets_a_progress_bar(spiral, tmp_path):
    ours, theirs = os.openpty()
    environment = {**os.environ, "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}
    child = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "netbuilder",
            "train",
            str(spiral),
            "--epochs",
            "60",
            "--run-dir",
            str(tmp_path / "run"),
        ],
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=environment,
    )
    os.close(theirs)
    text = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        text += piece
    os.close(ours)
    error = child.communicate(timeout=60)[1].decode()
    assert child.returncode == 0, error
    shown = text.decode()
    assert "\r\x1b[K" in shown
    assert "█" in shown
    assert "steps/s" in shown
    assert "Training finished" in shown
    assert all(len(line) < 100 for line in shown.replace("\x1b[K", "").replace("\r", "\n").splitlines() if "█" in line)


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


def test_a_training_stopped_before_its_first_step_kept_nothing(tmp_path, capsys):
    from netbuilder.console import ProgressBar
    from netbuilder.project import Outcome

    ProgressBar(lambda problems: None).finish(Outcome(reason="stopped", folder=tmp_path / "none"))
    assert capsys.readouterr().out == "Training was stopped before its first step.\n"
    ProgressBar(lambda problems: None).finish(Outcome(reason="stopped", folder=tmp_path, steps=3))
    assert "is saved" in (out := capsys.readouterr().out)
    assert str(tmp_path) in out


def test_time_is_not_what_decides_which_steps_are_told():
    """The lines depend on the telemetry's numbers alone, however it is cut into drains."""
    import io

    import numpy as np

    from netbuilder.console import JsonLines
    from netbuilder.training.protocol import Event, Points, Progress, State, Telemetry

    steps = np.arange(1, 41)
    epoch = Event(kind="epoch", text="", step=20, data={"epoch": 1, "metrics": {"loss": float("nan")}})

    def lines(*cuts, late=0):
        stream = io.StringIO()
        display = JsonLines(lambda problems: None, stream)
        for first, last in zip((0, *cuts), (*cuts, 40), strict=True):
            points = Points(steps[first:last], steps[first:last] / 7)
            events = (epoch,) if first < 20 - late <= last else ()
            state = State.ENDED if last == 40 else State.RUNNING
            display.watch(Telemetry(progress=Progress(state=state), series={"loss/train": points}, events=events))
        return stream.getvalue().splitlines()

    whole = lines()
    assert [json.loads(line)["step"] for line in whole] == [10, 20, 20, 30, 40]
    assert json.loads(whole[2])["metrics"] == {"loss": None}
    assert lines(20) == whole
    assert lines(1, 5, 20, 33) == whole
    assert lines(1, 5, 20, 33, late=18) == whole, "an epoch told before its points waits for them"


def test_a_stopped_run_goes_on_and_an_ended_one_trains_for_more(run, spiral):
    """In two programs: what was stopped in one goes on in the other, and what was printed together equals one run's."""
    stopped = _child(["train", spiral, "--epochs", "100000", "--json"])
    assert json.loads(stopped.stdout.readline())["event"] == "step"
    stopped.send_signal(signal.SIGTERM)
    out, err = stopped.communicate(timeout=60)
    assert stopped.returncode == 130, err
    end = json.loads(out.splitlines()[-1])
    assert end["reason"] == "stopped"
    name = os.path.basename(end["folder"])
    assert f"--resume {name}" in err

    code, out, err = run("train", spiral, "--resume", "--epochs", "2", "--json")
    assert code == 0, err
    assert f"Going on from step {end['steps']:,}" in err
    lines = [json.loads(line) for line in out.splitlines()]
    first, second = (line for line in lines if line["event"] == "epoch")
    assert second["epoch"] == first["epoch"] + 1
    begun = end["steps"] // (first["step"] // first["epoch"])  # epochs that were done, or whose end was validated
    assert first["epoch"] - begun in (0, 1)
    assert os.path.basename(lines[-1]["folder"]) == name

    code, _, err = run("train", spiral, "--resume", name)
    assert code == 2
    assert "say how many more" in err


def test_what_cannot_go_on_is_told(run, spiral):
    code, _, err = run("train", spiral, "--resume")
    assert (code, "holds no run that could go on" in err) == (2, True)
    code, _, err = run("train", spiral, "--resume", "nothing", "--seed", "3")
    assert (code, "keeps its seed" in err) == (2, True)
    run("train", spiral, "--epochs", "1")
    code, _, err = run("train", spiral, "--resume", "nothing")
    assert (code, "There is no run 'nothing'" in err) == (2, True)


def test_a_run_in_a_folder_of_its_own_goes_on(run, spiral, tmp_path):
    run("train", spiral, "--epochs", "1", "--run-dir", tmp_path / "elsewhere" / "mine")
    code, out, err = run("train", spiral, "--resume", tmp_path / "elsewhere" / "mine", "--epochs", "1", "--json")
    assert code == 0, err
    end = json.loads(out.splitlines()[-1])
    assert end["folder"] == str(tmp_path / "elsewhere" / "mine")
    assert "after 1 epoch." in err


def test_who_asks_twice_does_not_wait(spiral):
    """A step that does not end stands in the way of the first Ctrl-C, not of the second."""
    code = """
import sys, time
from netbuilder import cli
from netbuilder.training.trainer import Trainer

def endless(self, batches):
    print("in a step", flush=True)
    time.sleep(60)

Trainer.step = endless
sys.exit(cli.main(["train", sys.argv[1]]))
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(spiral)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while "in a step" not in child.stdout.readline():
        pass
    for _ in range(2):
        child.send_signal(signal.SIGINT)
        time.sleep(0.3)  # two that come at once are one
    _, err = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "Left without waiting" in err
    assert "--resume" in err
