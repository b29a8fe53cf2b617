"""Weights by name, weights to start from, and the two commands."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn

import netbuilder
from netbuilder.cli import main
from netbuilder.document import edits
from netbuilder.exchange.incoming.weight_files import read_weights
from netbuilder.exchange.incoming.weight_names import match_weights
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.project import Project, runs_folder
from netbuilder.training.start_weights import carry_start, load_start

INPUT = torch.arange(6.0).reshape(2, 3)


@pytest.fixture
def module() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


@pytest.fixture
def project(module: nn.Module, tmp_path: Path) -> Project:
    """A saved project of the module, with its weights."""
    project = netbuilder.from_module(module, INPUT)
    project.save(tmp_path / "x.netb")
    return project


def code_of(do: Any, *arguments: Any) -> str:
    with pytest.raises(NetbuilderError) as caught:
        do(*arguments)
    return caught.value.problems[0].code


# -- weights to start from ---------------------------------------------------------------------------------------------


def test_a_saved_project_starts_from_its_weights(module: nn.Module, project: Project) -> None:
    assert project.path is not None
    loaded = netbuilder.load(project.path)
    assert torch.equal(loaded.build()(INPUT), module(INPUT))
    assert loaded.document.plan.weights is not None
    assert (runs_folder(project.path) / loaded.document.plan.weights.file).is_file()


def test_saving_elsewhere_takes_the_weights_along(module: nn.Module, project: Project, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    project.save(tmp_path / "other" / "y.netb")
    assert torch.equal(netbuilder.load(tmp_path / "other" / "y.netb").build()(INPUT), module(INPUT))


def test_a_missing_file_is_a_problem_with_a_fix(project: Project) -> None:
    assert project.path is not None
    assert project.document.plan.weights is not None
    (runs_folder(project.path) / project.document.plan.weights.file).unlink()
    loaded = netbuilder.load(project.path)
    assert code_of(loaded.build) == "weights.missing"
    problem = next(problem for problem in loaded.check().problems if problem.code == "weights.missing")
    fixed = edits.apply(loaded.document, problem.fixes[0].edit, problem.fixes[0].arguments)
    assert fixed.plan.weights is None
    Project(fixed).build()


def test_another_file_is_noticed(project: Project) -> None:
    assert project.path is not None
    start = project.document.plan.weights
    assert start is not None
    wrong = edits.set_start_weights(project.document, start.file, "0" * 64)
    assert code_of(Project(wrong, project.path).build) == "weights.changed"
    file = runs_folder(project.path) / start.file
    file.write_bytes(file.read_bytes()[:-1] + b"\xff")
    assert code_of(netbuilder.load(project.path).build) == "checkpoint.damaged"


@pytest.mark.parametrize("file", ["../x.safetensors", "/etc/passwd", "a/../../b", "C:\\x", "..\\x"])
def test_only_files_of_the_project_are_read(file: str, project: Project) -> None:
    assert project.path is not None
    hostile = edits.set_start_weights(project.document, file, "0" * 64)
    assert code_of(Project(hostile, project.path).build) == "weights.place"


def test_layers_that_changed_since_keep_drawn_weights(module: nn.Module, project: Project) -> None:
    last = next(node for node in project.document.graph.nodes.values() if node.parameters.get("units") == 2)
    wider = edits.set_parameters(project.document, last.id, {"units": 5})
    built = Project(wider, project.path).build()
    first = module[0]
    assert isinstance(first, nn.Linear)
    assert any(torch.equal(parameter, first.weight) for parameter in built.parameters())
    assert built(INPUT).shape == (2, 5)


def test_a_file_of_that_name_is_not_replaced(project: Project, tmp_path: Path) -> None:
    assert project.path is not None
    assert project.document.plan.weights is not None
    other = tmp_path / "other.runs"
    place = other / project.document.plan.weights.file
    place.parent.mkdir(parents=True)
    place.write_bytes((runs_folder(project.path) / project.document.plan.weights.file).read_bytes())
    carry_start(project.document.plan.weights, runs_folder(project.path), other)  # the same one is no trouble
    changed = netbuilder.from_module(nn.Linear(3, 1), INPUT)
    changed.keep_weights(tmp_path / "new.runs")
    assert changed.document.plan.weights is not None
    assert code_of(carry_start, changed.document.plan.weights, tmp_path / "new.runs", other) == "weights.taken"
    assert load_start(project.document.plan.weights, other)


def first_loss(project: Project, folder: Path) -> float:
    """Train one epoch and return the loss on the validation part."""
    losses: list[float] = []
    project.train(
        epochs=1,
        folder=folder,
        on_telemetry=lambda told: losses.extend(
            float(event.data["metrics"]["loss"]) for event in told.events if event.kind == "epoch"
        ),
    )
    return losses[0]


def test_training_starts_from_the_weights(tmp_path: Path) -> None:
    project = Project.new("digits-mlp")
    project.save(tmp_path / "x.netb")
    drawn = first_loss(project, tmp_path / "first")
    matches = project.load_weights(tmp_path / "first" / "best.safetensors")
    assert not [fate for fate in matches.fates if fate.reason]
    project.save()
    assert first_loss(Project.load(tmp_path / "x.netb"), tmp_path / "second") < 0.9 * drawn


# -- by name -----------------------------------------------------------------------------------------------------------


def names_of(*names: str) -> dict[str, tuple[str, str, tuple[int, ...]]]:
    return {name: (name, "weight", (2,)) for name in names}


@pytest.mark.parametrize(
    ("ours", "theirs", "matched"),
    [
        ("a.weight", "a.weight", True),
        ("a.weight", "module.a.weight", True),
        ("a.weight", "_orig_mod.model.a.weight", True),
        ("encoder.layer_norm.weight", "bert.encoder.LayerNorm.weight", True),
        ("layers.0.self_1.query.weight", "layers.0.self.query.weight", True),
        ("a.weight", "b.weight", False),
        ("a.weight", "a.bias", False),
    ],
)
def test_names_that_match(ours: str, theirs: str, matched: bool) -> None:
    matches = match_weights(names_of(ours), {theirs: torch.ones(2)})
    assert matches.matched == int(matched)
    if not matched:
        assert [fate.reason for fate in matches.fates if fate.key == theirs and not fate.name]


def test_each_finds_its_own_among_similar_ones() -> None:
    ours = [f"layer.{number}.{part}.weight" for number in range(12) for part in ("query", "key", "value")]
    theirs = [
        f"bert.encoder.layer.{number}.self.{part}.weight" for number in range(12) for part in ("query", "key", "value")
    ]
    given = {name: torch.full((2,), float(number)) for number, name in enumerate(theirs)}
    matches = match_weights(names_of(*ours), given)
    assert matches.matched == len(ours)
    assert all(matches.held[name]["weight"][0] == number for number, name in enumerate(ours))


def test_a_tie_is_no_match() -> None:
    matches = match_weights(
        names_of("layer.weight"), {"a.layer.weight": torch.ones(2), "b.layer.weight": torch.ones(2)}
    )
    assert not matches.matched
    assert "nothing" in matches.table()


def test_a_wrong_shape_is_told() -> None:
    matches = match_weights(names_of("a.weight"), {"a.weight": torch.ones(3, 4)})
    assert "3×4" in matches.table()
    assert not matches.held


# -- files -------------------------------------------------------------------------------------------------------------


def test_state_dictionaries_are_read_in_a_process_of_their_own(module: nn.Module, tmp_path: Path) -> None:
    torch.save({"state_dict": module.state_dict(), "epoch": 3}, tmp_path / "w.pt")
    found = read_weights(tmp_path / "w.pt")
    assert found.keys() == module.state_dict().keys()
    assert torch.equal(found["0.weight"], module.state_dict()["0.weight"])


def test_a_hostile_pickle_runs_nothing(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> Any:
            return open, (str(tmp_path / "ran"), "w")

    torch.save({"a": Hostile()}, tmp_path / "w.pt")
    assert code_of(read_weights, tmp_path / "w.pt") == "weights.damaged"
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
def test_a_raw_hostile_pickle_runs_nothing(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> Any:
            return open, (str(tmp_path / "ran"), "w")

    (tmp_path / "raw.pt").write_bytes(pickle.dumps(Hostile()))
    assert code_of(read_weights, tmp_path / "raw.pt") == "weights.damaged"
    assert not (tmp_path / "ran").exists()


def test_what_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"\xff" * 100)
    assert code_of(read_weights, tmp_path / "w.safetensors") == "weights.damaged"
    (tmp_path / "w.safetensors").write_bytes(b"\x10" + bytes(7) + b"{}" + b" " * 3)
    assert code_of(read_weights, tmp_path / "w.safetensors") == "weights.damaged"
    assert code_of(read_weights, tmp_path / "w.h5") == "weights.kind"
    assert code_of(read_weights, tmp_path / "none.pt") == "weights.missing"


@pytest.mark.slow
def test_a_file_without_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "w.pt")
    assert code_of(read_weights, tmp_path / "w.pt") == "weights.empty"


# -- commands ----------------------------------------------------------------------------------------------------------


def test_the_commands(module: nn.Module, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = torch.export.export(module.eval(), (INPUT,), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    torch.export.save(program, tmp_path / "m.pt2")
    file = tmp_path / "x.netb"
    assert main(["import", str(tmp_path / "m.pt2"), "-o", str(file)]) == 0
    said = capsys.readouterr().out
    assert "aten.linear.default" in said
    assert "All" in said
    assert not torch.equal(netbuilder.load(file).build()(INPUT), module(INPUT))
    assert main(["import", str(tmp_path / "m.pt2"), "-o", str(file)]) == 2  # it exists
    safetensors.torch.save_file(module.state_dict(), tmp_path / "w.safetensors")
    assert main(["weights", str(file), "--from", str(tmp_path / "w.safetensors")]) in (0, 1)
    assert main(["import", str(tmp_path / "m.pt2"), "-o", str(tmp_path / "y.netb"), "--weights"]) == 0
    assert torch.equal(netbuilder.load(tmp_path / "y.netb").build()(INPUT), module(INPUT))
    other = {f"other.{key}": torch.zeros(7) for key in module.state_dict()}
    safetensors.torch.save_file(other, tmp_path / "o.safetensors")
    before = file.read_bytes()
    capsys.readouterr()
    assert main(["weights", str(file), "--from", str(tmp_path / "o.safetensors")]) == 1
    assert "Nothing was changed" in capsys.readouterr().out
    assert file.read_bytes() == before


def test_an_export_takes_the_weights_that_the_project_starts_from(
    module: nn.Module, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.path is not None
    target = tmp_path / "out.safetensors"
    assert main(["export", str(project.path), "--to", "safetensors", "-o", str(target)]) == 0
    assert "starts from" in capsys.readouterr().out
    written = list(safetensors.torch.load_file(target).values())
    for tensor in module.state_dict().values():
        assert any(torch.equal(tensor, each) for each in written)
