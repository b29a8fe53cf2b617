"""Hostile states: one of the right form with wrong contents is refused with its file's name, and changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from netbuilder.document.model import Document
from netbuilder.training.protocol import Look, Rewind, Snapshot, Start, State, Step
from netbuilder.training.run_files import STATE, STATE_BEFORE
from netbuilder.training.run_store import RunRecord, RunStore
from netbuilder.training.snapshot_files import path_of, snapshots_of
from netbuilder.training.state import TrainingState, load_state, save_state
from tests.builders import linear
from tests.training import documents
from tests.training.changes import finish, losses, paused
from tests.training.documents import Run, iris, planned, train, with_optimizer

STEP = 9
"""Two steps into the second epoch: all that a state may hold is there."""

Spoil = Callable[[TrainingState], TrainingState]


def about(**values: Any) -> Spoil:
    return lambda state: replace(state, about={**state.about, **values})


def of_optimizer(**values: Any) -> Spoil:
    def spoil(state: TrainingState) -> TrainingState:
        (name, own) = next(iter(state.about["optimizer"].items()))
        return replace(state, about={**state.about, "optimizer": {name: {**own, **values}}})

    return spoil


def random_words(**values: Any) -> Spoil:
    return lambda state: replace(state, about={**state.about, "random": {**state.about["random"], **values}})


def tensor(end: str, make: Callable[[torch.Tensor], torch.Tensor | None]) -> Spoil:
    """Return what changes the first tensor whose key ends so, or leaves it out."""

    def spoil(state: TrainingState) -> TrainingState:
        key = next(key for key in state.tensors if key.endswith(end))
        made = make(state.tensors[key])
        kept = {name: each for name, each in state.tensors.items() if name != key}
        return replace(state, tensors=kept if made is None else {**kept, key: made})

    return spoil


def without(_: torch.Tensor) -> None:
    return None


def other_shape(given: torch.Tensor) -> torch.Tensor:
    return torch.zeros(3, 5, dtype=given.dtype)


ODD = {
    "a negative step": about(step=-1),
    "more steps than a number holds": about(step=10**30),
    "a step that is true": about(step=True),
    "negative epochs": about(epoch=-1),
    "an epoch that is to begin": about(epoch_step=STEP + 1),
    "rows of another step": about(pace=[32, STEP - 1, 0]),
    "rows below zero": about(pace=[-32, STEP, 0]),
    "no rows": about(pace=[0, STEP, 0]),
    "negative patience": about(without_better=-2),
    "a factor that is no number": of_optimizer(factor=float("nan")),
    "a warm-up that is to begin": of_optimizer(warming={"hidden.weight": STEP + 50}),
    "half a scaler": of_optimizer(scaler={"scale": 2.0}),
    "a place beyond numpy's words": random_words(numpy=[99_999, 0, 0.0]),
    "a place before numpy's words": random_words(numpy=[-1, 0, 0.0]),
    "another Python's numbers": random_words(python=[9, None]),
    "words that Python refuses": tensor("random/python", lambda given: given + 2**40),
    "words that numpy would cut": tensor("random/numpy", lambda given: given - 2**40),
    "no state of torch's numbers": tensor("random/cpu", torch.zeros_like),
    "no order of rows": tensor("random/order/data", torch.zeros_like),
    "losses of more steps": tensor("losses/epoch", lambda given: torch.cat([given, given])),
    "no losses of epochs": tensor("losses/held_out", lambda given: given[:0]),
    "a confusion of no classes": tensor("picture/confusion", other_shape),
    "answers that are no rows": tensor("picture/outputs/scores", lambda given: given.flatten()),
    "layers without names": about(paths=["hidden"]),
    "parameters without names": about(parameters=[1, 2]),
    "weights of another shape": tensor("model/hidden.weight", other_shape),
    "no weights": tensor("model/scores.bias", without),
    "best weights of another shape": tensor("best/hidden.weight", other_shape),
    "too few best weights": tensor("best/scores.bias", without),
    "a running average of another shape": tensor("average/hidden.weight", other_shape),
    "a memory of another shape": tensor("/hidden.weight/exp_avg", other_shape),
    "half a memory": tensor("/scores.bias/exp_avg_sq", without),
    "a memory of whole numbers": tensor("/scores.bias/exp_avg", lambda given: given.long()),
    "fewer than no updates": tensor("/hidden.weight/step", lambda given: given - 100),
    "updates that are no number": tensor("/hidden.weight/step", lambda given: given * float("nan")),
}  # fmt: skip
"""What is odd -> what makes a state so."""


def adam() -> Document:
    return planned(with_optimizer(iris(), "adam"), ema_decay=0.9, epochs=3)


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """The losses of a run that nobody disturbs."""
    return losses(train(adam(), tmp_path_factory.mktemp("straight") / "run"))


def test_each_is_refused_with_the_name_of_its_file_and_the_run_goes_on(straight, tmp_path):
    run = paused(adam(), tmp_path / "run", STEP)
    run.command(Snapshot())
    (moment,) = (each for each in snapshots_of(run.folder) if each.step == STEP)
    path = path_of(run.folder, moment)
    sound = load_state(path)
    run.command(Step())
    for what, spoil in ODD.items():
        save_state(path, spoil(sound))
        told = len(run.of("problem"))
        run.command(Rewind(STEP))
        run.command(Look())  # which reads again what there is to go back to
        found = [problem for event in run.of("problem")[told:] for problem in event.problems]
        assert [(each.code in ("state.format", "state.mismatch"), each.file) for each in found] == [
            (True, str(path))
        ], what
        assert path.name in found[0].message, what
        assert "go on from another moment of the run, or train from the beginning" in found[0].message.lower(), what
        run.command(Snapshot())
    assert losses(finish(run)) == straight
    assert not list(tmp_path.glob("run~*")), "nothing was left behind"


def test_a_network_with_more_outputs_than_classes_goes_back(tmp_path):
    nodes = {**iris().graph.nodes, "scores": linear("scores", 5)}
    run = paused(replace(iris(), graph=replace(iris().graph, nodes=nodes)), tmp_path / "run", STEP)
    run.command(Snapshot())
    run.command(Step())
    run.command(Rewind(STEP))
    assert not finish(run).of("problem")


def test_a_sound_one_is_taken_all_the_same(straight, tmp_path):
    run = paused(adam(), tmp_path / "run", STEP)
    run.command(Snapshot())
    (moment,) = (each for each in snapshots_of(run.folder) if each.step == STEP)
    path = path_of(run.folder, moment)
    save_state(path, load_state(path))
    run.command(Step())
    run.command(Rewind(STEP))
    finish(run)
    points = RunStore.open(tmp_path).series("run", "loss/train")
    assert points.values.tolist() == straight


def contents(folder: Path) -> dict[str, str]:
    """Return what lies in a run's folder: name -> digest."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def record(folder: Path) -> tuple[RunRecord | None, list[str], list[float]]:
    """Return what the run store knows of a run."""
    store = RunStore.open(folder.parent)
    events = [event.text for event in store.events(folder.name)]
    return store.run(folder.name), events, store.series(folder.name, "loss/train").values.tolist()


def refused(made: Document, folder: Path, moment: int | None = None) -> list[str]:
    """Go on with a run, which cannot be; returns the codes of the problems."""
    run = Run(documents.new_host(), folder)
    start = Start(document=made, folder=str(folder), resume=True, moment=moment, snapshots=1 << 28)
    run.host.send(start)
    run.finish()
    assert run.host.state is State.FAILED
    return [problem.code for event in run.of("problem") for problem in event.problems if problem.is_error]


@pytest.mark.parametrize("what", ["half a memory", "no order of rows"])
def test_a_run_that_cannot_go_on_keeps_its_record_and_its_files(what, tmp_path):
    made = adam()
    train(made, tmp_path / "run")
    sound = load_state(tmp_path / "run" / STATE)
    for name in (STATE, STATE_BEFORE):
        save_state(tmp_path / "run" / name, ODD[what](sound))
    before, files = record(tmp_path / "run"), contents(tmp_path / "run")
    assert before[0] is not None
    assert before[0].reason == "finished"
    longer = planned(made, epochs=6)
    assert set(refused(longer, tmp_path / "run")) <= {"state.mismatch", "state.format"}
    assert (record(tmp_path / "run"), contents(tmp_path / "run")) == (before, files)


def test_the_state_before_takes_the_place_of_one_that_does_not_fit(tmp_path):
    made = adam()
    train(planned(made, epochs=1), tmp_path / "run")
    sound = load_state(tmp_path / "run" / STATE)
    save_state(tmp_path / "run" / STATE_BEFORE, sound)
    save_state(tmp_path / "run" / STATE, ODD["half a memory"](sound))
    run = Run(documents.new_host(), tmp_path / "run")
    run.host.send(Start(document=made, folder=str(run.folder), resume=True))
    assert run.finish().end.data["reason"] == "finished"
    (told,) = (problem for event in run.of("problem") for problem in event.problems)
    assert (told.code, told.is_error, Path(told.file).name) == ("state.mismatch", False, STATE)
    assert run.of("resume")[0].data["step"] == sound.step


def test_a_run_whose_network_cannot_be_built_keeps_its_record_and_its_files(tmp_path):
    made = adam()
    train(made, tmp_path / "run")
    before, files = record(tmp_path / "run"), contents(tmp_path / "run")
    assert refused(replace(made, graph=replace(made.graph, edges={})), tmp_path / "run")
    assert (record(tmp_path / "run"), contents(tmp_path / "run")) == (before, files)


def test_a_moment_that_does_not_fit_leaves_nothing_behind(tmp_path):
    run = paused(adam(), tmp_path / "run", STEP)
    run.command(Snapshot())
    finish(run)
    (moment,) = (each for each in snapshots_of(run.folder) if each.step == STEP)
    path = path_of(run.folder, moment)
    save_state(path, ODD["half a memory"](load_state(path)))
    before, files = record(run.folder), contents(run.folder)
    assert refused(adam(), run.folder, moment=STEP) == ["state.mismatch"]
    assert (record(run.folder), contents(run.folder)) == (before, files)
    assert not list(tmp_path.glob("run~*"))
