"""The terminal and Python from elsewhere: refused with a reason, shown safely, trusted after a yes."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from netbuilder import cli
from netbuilder.document import edits
from netbuilder.foundation import trust
from netbuilder.layers.catalog import catalog
from netbuilder.layers.custom import applied
from netbuilder.project import Project

CODE = "def halved(x):\n    return x / 2  # \u202e\x1b[2J\n"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line here: (exit code, output, errors)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a custom layer in place of its ReLU."""
    path = tmp_path / "mine.netb"
    document = Project.new("digits-mlp").document
    spec = catalog()["custom"]
    values = {**spec.defaults(), **applied(CODE, spec.defaults())}
    nodes = {
        id: replace(node, type="custom", label="mine", parameters=values) if node.type == "relu" else node
        for id, node in document.graph.nodes.items()
    }
    Project(replace(document, graph=replace(document.graph, nodes=nodes))).save(path)
    return path


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Type something at the terminal."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


@pytest.mark.parametrize("command", ["check", "train", "export"])
def test_untrusted_code_is_refused_and_the_way_is_told(run: Run, project: Path, tmp_path: Path, command: str) -> None:
    more = ("-o", tmp_path / "out") if command == "export" else ()
    code, _, err = run(command, project, *more)
    assert code == (1 if command == "check" else 2)
    assert "contains Python of its own" in err
    assert "netbuilder trust mine.netb" in err
    assert not (tmp_path / "out").exists()


def test_a_no_or_no_answer_trusts_nothing(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("n\n", "\n", "", "yes please\n"):
        answer(monkeypatch, text)
        code, out, _ = run("trust", project)
        assert code == 1
        assert "Trusted 0 of 1." in out
    assert not trust.is_trusted(CODE)


def test_the_code_is_shown_so_that_it_cannot_steer_the_terminal(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, "n\n")
    _, out, _ = run("trust", project)
    assert "   1  def halved(x):" in out
    assert r"# \u202e\x1b[2J" in out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert trust.digest(CODE) in out


def test_a_yes_trusts_the_text_and_training_runs(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer(monkeypatch, "y\n")
    code, out, _ = run("trust", project)
    assert code == 0
    assert "Trusted." in out
    code, out, err = run("train", project, "--epochs", 1, "--run-dir", tmp_path / "run")
    assert code == 0, err
    code, out, _ = run("export", project, "-o", tmp_path / "out")
    assert code == 0
    assert CODE.strip() in (tmp_path / "out" / "model.py").read_text("utf-8")
    code, out, _ = run("trust", project)
    assert code == 0
    assert "needs your trust" in out


def test_scripts_trust_without_a_question_and_all_of_it_is_taken_back(run: Run, project: Path) -> None:
    assert run("trust", project, "--yes")[0] == 0
    assert trust.is_trusted(CODE)
    code, out, _ = run("trust", "--forget")
    assert (code, "1 text was" in out) == (0, True)
    assert not trust.is_trusted(CODE)


def test_trusting_needs_a_project(run: Run, tmp_path: Path) -> None:
    assert run("trust")[0] == 2
    assert run("trust", tmp_path / "none.netb")[0] == 2


def test_failing_while_training_names_the_node_and_the_line(run: Run, project: Path, tmp_path: Path) -> None:
    late = "class Late(nn.Module):\n    def forward(self, x):\n        assert len(x) != 32\n        return x\n"
    loaded = Project.load(project)
    (id,) = (id for id, node in loaded.document.graph.nodes.items() if node.type == "custom")
    values = applied(late, loaded.document.graph.nodes[id].parameters)
    Project(edits.set_parameters(loaded.document, node=id, values=values)).save(project)
    trust.grant([late])
    code, _, err = run("train", project, "--epochs", 1, "--run-dir", tmp_path / "run")
    assert code == 2
    assert "mine failed while running, at line 3 of its code: AssertionError" in err
