"""Files of what is over: no run finds in its folder what another one, another network or a later moment left there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from netbuilder.document.model import Document
from netbuilder.training.checkpoints import load_checkpoint
from netbuilder.training.protocol import Rewind, Snapshot, Start, State, Step, Stop
from netbuilder.training.run_files import AVERAGE, BEST, STATE, STATE_BEFORE, has_state
from netbuilder.training.state import load_state
from tests.builders import document, node
from tests.training import documents
from tests.training.changes import at_rest, change, finish, paused
from tests.training.documents import Run, begin, fail, iris, planned, train, with_optimizer

BOTH_HOSTS = True
"""See `conftest`."""


def stopped(run: Run) -> Run:
    run.host.send(Stop())
    return run.finish()


def test_a_run_that_begins_in_a_used_folder_finds_no_state_there(tmp_path):
    train(planned(iris(), epochs=2, ema_decay=0.9), tmp_path / "run")
    assert has_state(tmp_path / "run")
    broken = replace(iris(), graph=replace(iris().graph, edges={}))
    fail(broken, tmp_path / "run")
    assert not has_state(tmp_path / "run"), "the run that failed would go on as the one before it"


def test_a_run_that_begins_in_a_used_folder_has_no_weights_but_its_own(tmp_path):
    train(planned(iris(), epochs=2, ema_decay=0.9), tmp_path / "run")
    assert (tmp_path / "run" / BEST).exists()
    assert (tmp_path / "run" / AVERAGE).exists()
    stopped(begin(iris(12), tmp_path / "run", paused=True))
    assert not (tmp_path / "run" / BEST).exists()
    assert not (tmp_path / "run" / AVERAGE).exists()


@pytest.fixture
def written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let weights be written at each epoch's end."""
    monkeypatch.setattr("netbuilder.training.keeper.SAVE_SECONDS", 0.0)


def test_best_weights_of_a_network_that_was_edited_go_with_it(tmp_path, written_at_once, monkeypatch):
    run = paused(iris(), tmp_path / "run", 1)
    run.command(Step("epoch"))
    at_rest(run)
    assert (run.folder / BEST).exists()
    change(run, iris(12))
    stopped(run)
    assert not (run.folder / BEST).exists()
    seen = Run(documents.new_host(), run.folder)
    seen.host.send(Start(document=iris(12), folder=str(run.folder), revisit=True))
    seen.finish()
    assert seen.host.state is State.ENDED, "it could not be looked into again"


def test_best_weights_of_what_was_left_behind_go_with_it(tmp_path, written_at_once, monkeypatch):
    run = paused(iris(), tmp_path / "run", 2)
    run.command(Snapshot())
    run.command(Step("epoch"))
    at_rest(run)
    assert load_checkpoint(run.folder / BEST).about["step"] == 7
    run.command(Rewind(2))
    assert stopped(run).end.data["best_epoch"] is None
    assert not (run.folder / BEST).exists()


def test_a_run_that_goes_back_keeps_no_state_of_what_it_left(tmp_path):
    run = paused(iris(), tmp_path / "run", 2)
    run.command(Snapshot())
    for _ in range(3):
        run.command(Step("epoch"))
        at_rest(run)
    run.command(Rewind(2))
    assert load_state(run.folder / STATE).step == 2
    assert not (run.folder / STATE_BEFORE).exists(), "it is of a step that the run has yet to do"
    finish(run)


def test_a_run_that_goes_on_from_a_moment_goes_on_from_there_when_it_is_killed_at_once(tmp_path):
    run = paused(iris(), tmp_path / "run", 2)
    run.command(Snapshot())
    finish(run)
    again = Run(documents.new_host(), run.folder)
    start = Start(document=iris(), folder=str(run.folder), resume=True, moment=2, paused=True, snapshots=1 << 28)
    again.host.send(start)
    at_rest(again)
    assert load_state(run.folder / STATE).step == 2
    assert not (run.folder / STATE_BEFORE).exists()
    stopped(again)


def branched(made: Document, folder: Path, state: Path) -> Run:
    """Train a document to its end from a state of another run."""
    run = Run(documents.new_host(), folder)
    run.host.send(Start(document=made, folder=str(folder), state=str(state)))
    return run.finish()


def test_a_branch_may_switch_momentum_on(tmp_path):
    train(with_optimizer(planned(iris(), epochs=1), "rmsprop"), tmp_path / "one")
    made = with_optimizer(iris(), "rmsprop", momentum=0.9)
    assert branched(made, tmp_path / "two", tmp_path / "one" / STATE).end.data["reason"] == "finished"


def test_a_branch_may_watch_what_was_not_known_before(tmp_path):
    train(planned(iris(), epochs=1), tmp_path / "one")
    more = document(
        [node("extra", "cross_entropy")], [("scores.y", "extra.prediction"), ("data.label", "extra.target")]
    )
    made, graph = iris(), iris().graph
    graph = replace(graph, nodes={**graph.nodes, **more.graph.nodes}, edges={**graph.edges, **more.graph.edges})
    made = planned(replace(made, graph=graph), monitor="extra.loss", epochs=2)
    run = branched(made, tmp_path / "two", tmp_path / "one" / STATE)
    assert run.end.data["best_epoch"] == 2
