"""Trainings that are interrupted at the terminal, and go on."""

import json
import os
import signal
import subprocess
import sys
import time

from tests.cli.children import start


def test_interrupt_saves_and_a_broken_pipe_is_quiet(spiral, tmp_path):
    """Three children at once: importing torch is what takes the time."""
    hung = start(["train", spiral, "--epochs", "100000", "--json", "--run-dir", tmp_path / "hung"])
    stopped = start(["train", spiral, "--epochs", "100000", "--json", "--run-dir", tmp_path / "stopped"])
    reader = start(["train", spiral, "--epochs", "100000", "--json", "--run-dir", tmp_path / "broken"])
    assert json.loads(stopped.stdout.readline())["event"] == "step"
    stopped.send_signal(signal.SIGINT)
    out, err = stopped.communicate(timeout=60)
    assert stopped.returncode == 130, err
    end = json.loads(out.splitlines()[-1])
    assert (end["event"], end["reason"]) == ("end", "stopped")
    assert (tmp_path / "stopped" / "last.safetensors").is_file()
    assert "Traceback" not in err
    assert json.loads(hung.stdout.readline())["step"] > 0
    hung.send_signal(signal.SIGHUP)
    out, err = hung.communicate(timeout=60)
    assert hung.returncode == 130, err
    assert json.loads(out.splitlines()[-1])["reason"] == "stopped"
    assert json.loads(reader.stdout.readline())["step"] > 0
    reader.stdout.close()
    assert reader.wait(timeout=60) == 1
    assert "Traceback" not in reader.stderr.read()
    reader.stderr.close()


def test_a_stopped_run_goes_on_and_an_ended_one_trains_for_more(run, spiral):
    """In two programs: what was stopped in one goes on in the other, and what was printed together equals one run's."""
    stopped = start(["train", spiral, "--epochs", "100000", "--json"])
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
