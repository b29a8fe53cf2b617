"""Training from the terminal: what is printed where, and which exit code."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import pytest

from netbuilder.document.model import Setting
from netbuilder.project import Project
from netbuilder.training.moments import Reason
from netbuilder.training.snapshot_files import snapshots_of


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
