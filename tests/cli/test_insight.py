"""Short runs in the terminal."""

from __future__ import annotations

import json

from netbuilder.cli import main
from netbuilder.project import Project
from tests.insight.cases import stuck
from tests.training.documents import iris, with_optimizer


def saved(made, folder):
    path = folder / "x.netb"
    Project(made).save(path)
    return str(path)


def test_a_rate_is_suggested(tmp_path, capsys):
    path = saved(with_optimizer(iris(), "adam"), tmp_path)
    assert main(["find-rate", path]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("learning rate  0.")
    assert main(["find-rate", path, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert f"{told['suggestion']:g}" in shown
    assert len(told["rates"]) == len(told["losses"])
    assert sorted(each.name for each in tmp_path.iterdir()) in (["x.netb"], ["netbuilder-home", "x.netb"])


def test_checks_are_listed_and_a_failed_one_ends_with_1(tmp_path, capsys):
    assert main(["preflight", saved(with_optimizer(iris(16), "adam", learning_rate=0.05), tmp_path)]) == 0
    assert "✓ One batch by heart" in capsys.readouterr().out
    path = saved(stuck(tmp_path), tmp_path)
    assert main(["preflight", path]) == 1
    assert "✗ Looks at its input" in capsys.readouterr().out
    assert main(["preflight", path, "--json"]) == 1
    told = {each["check"]: each for each in json.loads(capsys.readouterr().out)}
    assert told["input"]["verdict"] == "fail"
    assert told["gradients"]["label"] == "hidden"
    assert "Draw the weights that begin at 0" in told["gradients"]["fixes"]


def test_a_rate_that_never_helps_ends_with_1(tmp_path, capsys):
    assert main(["find-rate", saved(stuck(tmp_path), tmp_path)]) == 1
    assert "does not fall" in capsys.readouterr().out
