"""What remains of a run: after its end, nodes and samples can still be looked at, until it is dropped."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch

from netbuilder.compiler.module import build
from netbuilder.data.preparation import prepare
from netbuilder.document.model import Document
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training.checkpoints import load_checkpoint
from netbuilder.training.network import Network
from netbuilder.training.probe import Probe
from netbuilder.training.protocol import Pause, Picture, PictureKind, Start, State, Step, Stop, Watch
from tests.builders import node, tiny_cnn
from tests.training import documents
from tests.training.documents import Run, begin, iris, planned, train

BOTH_HOSTS = True
"""See `conftest`."""


def _watch(run: Run, *nodes: str, sample: int = 0) -> dict[tuple[PictureKind, str], Picture]:
    """Watch, wait until it took effect, and return what was drawn for it."""
    run.drain()
    first = len(run.telemetry)
    run.command(Watch(nodes=nodes, sample=sample))
    return {(each.kind, each.node): each for told in run.telemetry[first:] for each in told.pictures}


def _expected(made: Document, folder, source: str, sample: int, layer: str) -> np.ndarray:
    """Return what a layer of the best network answers to one validation sample."""
    model = build(made)
    model.load_state_dict(dict(load_checkpoint(folder / "best.safetensors").tensors))
    parts = prepare(made.graph.nodes[source]).parts["validation"]
    column = next(name for name in parts if name in ("image", "features"))
    answers: list[torch.Tensor] = []
    model.get_submodule(layer).register_forward_hook(lambda _, __, value: answers.append(value))
    with torch.inference_mode():
        model.eval()(torch.tensor(parts[column][sample : sample + 1]))
    return answers[0][0].numpy()


@pytest.fixture(scope="module")
def ended(tmp_path_factory) -> Run:
    """A convolutional network's finished run."""
    run = train(planned(tiny_cnn(6), epochs=1), tmp_path_factory.mktemp("remains") / "run")
    assert run.host.state is State.ENDED
    return run


def test_after_the_end_any_node_and_sample_can_be_looked_at(ended):
    for layer, sample in (("stem", 0), ("conv", 5), ("stem", 15)):
        drawn = _watch(ended, layer, sample=sample)
        picture = drawn[PictureKind.MAPS, layer]
        assert picture.sample == drawn[PictureKind.THUMBS, layer].sample == sample
        assert (PictureKind.KERNELS, layer) in drawn
        assert (PictureKind.WEIGHTS, layer) in drawn
    assert ended.host.state is State.ENDED


def test_what_is_seen_is_the_network_that_was_tested(tmp_path):
    made = documents.with_optimizer(planned(iris(), epochs=60, patience=3), "sgd", learning_rate=2.0, momentum=0.95)
    run = train(made, tmp_path / "run")
    best = load_checkpoint(tmp_path / "run" / "best.safetensors").about["step"]
    assert best < run.end.step, "the test needs a run whose best weights are not its last"
    assert {picture.step for picture in run.telemetry[-1].pictures if picture.sample >= 0} == {best}
    drawn = _watch(run, "hidden", sample=2)
    picture = drawn[PictureKind.VECTOR, "hidden"]
    np.testing.assert_allclose(picture.data, _expected(made, tmp_path / "run", "data", 2, "hidden"), rtol=1e-5)
    assert picture.step == best
    assert not any(kind is PictureKind.GRADIENTS for kind, _ in drawn), "those of the last step are of other weights"


def test_a_stopped_run_can_be_looked_at(tmp_path):
    run = begin(planned(iris(), epochs=10_000), tmp_path / "run")
    run.until(lambda told: told.progress.epoch >= 2)
    run.host.send(Stop())
    run.finish()
    picture = _watch(run, "hidden", sample=1)[PictureKind.VECTOR, "hidden"]
    np.testing.assert_allclose(picture.data, _expected(iris(), tmp_path / "run", "data", 1, "hidden"), rtol=1e-5)


def test_a_run_stopped_in_its_first_epoch_shows_the_last_weights(tmp_path):
    run = begin(iris(), tmp_path / "run", paused=True)
    run.command(Step())
    run.until(lambda told: told.progress.state is State.PAUSED and told.progress.step == 1)
    before = _watch(run, "hidden", sample=3)[PictureKind.VECTOR, "hidden"]
    run.host.send(Stop())
    run.finish()
    after = _watch(run, "hidden", sample=3)[PictureKind.VECTOR, "hidden"]
    assert after.step == before.step == 1
    np.testing.assert_array_equal(after.data, before.data)


def test_a_failed_run_can_be_looked_at_when_there_is_a_network(tmp_path):
    run = train(iris(8, node("bad", "log")), tmp_path / "run")
    assert run.host.state is State.FAILED
    drawn = _watch(run, "hidden", "bad")
    assert np.isfinite(drawn[PictureKind.VECTOR, "hidden"].data).all()
    assert drawn[PictureKind.VECTOR, "bad"].data.shape == (8,)
    assert run.host.state is State.FAILED


def test_a_failed_run_without_a_network_ignores_it(tmp_path):
    made = iris()
    run = train(replace(made, graph=replace(made.graph, edges={})), tmp_path / "run")
    assert _watch(run, "hidden") == {}
    assert "Watch was ignored" in run.of("log")[-1].text


def test_a_watch_that_comes_with_the_end_is_answered(tmp_path, monkeypatch):
    from netbuilder.training.trainer import Trainer

    close = Trainer.close
    run = Run(documents.ThreadHost(), tmp_path / "run")
    numbers = []

    def late(self) -> None:
        close(self)
        numbers.append(run.host.send(Watch(nodes=("hidden",), sample=4)))

    monkeypatch.setattr(Trainer, "close", late)
    run.host.send(Start(document=planned(iris(), epochs=1), folder=str(tmp_path / "run")))
    run.finish()
    assert run.pictures(PictureKind.VECTOR)["hidden"].sample == 4
    assert run.telemetry[-1].progress.acknowledged == numbers[0]
    assert run.of("log")[1:] == []


def test_many_wishes_are_answered_by_one_thread_with_the_newest(ended, monkeypatch):
    entered, go, look, looks = threading.Event(), threading.Event(), Probe.look, []

    def slow(self, step):
        looks.append(threading.current_thread())
        entered.set()
        assert go.wait(30)
        return look(self, step)

    monkeypatch.setattr(Probe, "look", slow)
    ended.drain()
    ended.host.send(Watch(nodes=("stem",), sample=1))
    assert entered.wait(30)
    numbers = [ended.host.send(Watch(nodes=("stem",), sample=sample)) for sample in range(2, 9)]
    assert not ended.host.wait(0)
    go.set()
    assert ended.host.wait(30)
    told = ended.drain()
    assert told.progress.acknowledged == numbers[-1]
    (picture,) = [each for each in told.pictures if each.kind is PictureKind.MAPS]
    assert picture.sample == 8
    assert len(looks) == 2
    assert {thread.name for thread in looks} == {"netbuilder session"}
    assert len(set(looks)) == 1


def test_no_thread_stays_and_everything_is_put_back(ended):
    threads, interval, intra = threading.active_count(), sys.getswitchinterval(), torch.get_num_threads()
    state = torch.get_rng_state()
    _watch(ended, "conv", sample=2)
    assert ended.host.wait(30)
    assert threading.active_count() == threads
    assert sys.getswitchinterval() == interval
    assert torch.get_num_threads() == intra
    assert torch.equal(torch.get_rng_state(), state)


def test_other_commands_are_still_ignored(ended):
    ended.command(Pause())
    assert "Pause was ignored" in ended.of("log")[-1].text
    assert ended.host.state is State.ENDED


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ZeroDivisionError("ours"), "crash"),
        (torch.OutOfMemoryError("CUDA out of memory."), "problem"),
        (NetbuilderError(Problem(code="x", message="a mistake")), "problem"),
    ],
)
def test_what_goes_wrong_while_drawing_is_told(error, kind, ended, monkeypatch):
    def fail(self, step):
        raise error

    count = len(ended.of(kind))
    monkeypatch.setattr(Probe, "look", fail)
    assert _watch(ended, "stem") == {}
    assert len(ended.of(kind)) == count + 1
    monkeypatch.undo()
    assert (PictureKind.MAPS, "stem") in _watch(ended, "stem")
    assert ended.host.state is State.ENDED


@pytest.fixture
def networks(monkeypatch) -> list[weakref.ref[torch.nn.Module]]:
    """Weak references to the models of all networks that are made."""
    made: list[weakref.ref[torch.nn.Module]] = []
    begin_network = Network.__init__

    def watched(self, *arguments) -> None:
        begin_network(self, *arguments)
        made.append(weakref.ref(self.model))

    monkeypatch.setattr(Network, "__init__", watched)
    return made


def _living(networks: list[weakref.ref[torch.nn.Module]]) -> list[bool]:
    gc.collect()
    return [network() is not None for network in networks]


@pytest.mark.thread_only
def test_one_copy_of_the_weights_stays_until_close(tmp_path, networks):
    run = train(planned(iris(11), epochs=1), tmp_path / "run")
    assert _living(networks) == [True]
    real = torch.Tensor, torch.nn.Parameter  # not the fake ones that an export in another test may have left
    tensors = [each for each in gc.get_objects() if type(each) in real]
    held = [each for each in tensors if each.shape == (11, 4)]
    assert len(held) == 1, "the optimizer's and the keeper's copies are gone"
    assert held[0].grad is None
    del tensors, held
    run.host.close()
    assert _living(networks) == [False]
    assert _watch(run, "hidden") == {}
    assert "Watch was ignored" in run.of("log")[-1].text


def test_the_next_start_drops_it_before_it_builds(tmp_path, networks, monkeypatch):
    from netbuilder.training import reading

    run = train(planned(iris(), epochs=1), tmp_path / "a")
    living: list[bool] = []

    def look(each, base, job):
        living.extend(_living(networks))
        return prepare(each, base, job)

    monkeypatch.setattr(reading, "prepare", look)
    run.host.send(Start(document=planned(iris(), epochs=1), folder=str(tmp_path / "b")))
    run.finish()
    assert living == [False]
    assert _living(networks) == [False, True]


def test_pictures_of_an_earlier_run_never_reach_the_next(tmp_path, monkeypatch):
    run = train(planned(iris(), epochs=1), tmp_path / "a")
    entered, go, look = threading.Event(), threading.Event(), Probe.look

    def slow(self, step):
        entered.set()
        assert go.wait(30)
        return look(self, step)

    monkeypatch.setattr(Probe, "look", slow)
    run.host.send(Watch(nodes=("hidden",)))
    assert entered.wait(30)
    monkeypatch.undo()
    first = len(run.telemetry)
    run.host.send(Start(document=planned(documents.diabetes(), epochs=1), folder=str(tmp_path / "b")))
    assert run.host.state is State.STARTING
    go.set()
    run.finish()
    assert run.host.state is State.ENDED
    drawn = [each for told in run.telemetry[first:] for each in told.pictures]
    assert {each.data.size for each in drawn if (each.kind, each.node) == (PictureKind.BARS, "hidden")} == {16}
    assert "value" in {each.node for each in drawn}
    assert "scores" not in {each.node for each in drawn}


def test_undrained_pictures_go_with_their_run(tmp_path):
    run = begin(planned(iris(), epochs=1), tmp_path / "run")
    assert run.host.wait(60)
    run.host.close()
    told = run.drain()
    assert told.pictures == ()
    assert [event.kind for event in told.events][-1] == "end"
