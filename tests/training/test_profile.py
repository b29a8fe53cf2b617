"""Profile: what is measured is where it belongs, and measuring changes nothing in the training."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from netbuilder.compiler.cost import count_costs
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document.model import Document
from netbuilder.training import profile
from netbuilder.training.network import Network
from netbuilder.training.profile_report import KIND, NodeProfile, ProfileReport, newest_report
from netbuilder.training.protocol import Profile, Resume, State, Step, Stop
from netbuilder.training.run_store import RunStore
from tests.builders import node, tiny_cnn
from tests.training import documents
from tests.training.documents import Run, begin, iris, planned

BOTH_HOSTS = True
"""See `conftest`."""


def _profiled(made: Document, folder, *, steps: int = 2, passes: int = 3) -> tuple[Run, ProfileReport]:
    run = begin(planned(made, epochs=1000), folder, paused=True)
    for _ in range(steps):
        run.command(Step())
    run.until(lambda told: told.progress.state is State.PAUSED and told.progress.step == steps)
    run.command(Profile(passes))
    run.until(lambda told: newest_report(run.events) is not None)
    run.host.send(Stop())
    run.finish()
    report = newest_report(run.events)
    assert report is not None
    return run, report


@pytest.fixture(scope="module")
def cnn(tmp_path_factory) -> tuple[Run, ProfileReport]:
    return _profiled(tiny_cnn(6), tmp_path_factory.mktemp("profile") / "run")


def test_every_node_has_its_times(cnn):
    _, report = cnn
    assert list(report.nodes) == ["stem", "norm", "act", "conv", "sum", "pool", "flat", "scores", "loss"]
    assert all(each.forward > 0 and each.backward > 0 for each in report.nodes.values())
    assert (report.rows, report.passes, report.step, report.device) == (tiny_cnn(6).plan.batch_size, 3, 2, "CPU")
    assert report.seconds > 0
    assert sum(report.share(each) for each in report.nodes.values()) == pytest.approx(1.0)


def test_what_is_kept_is_what_was_estimated(cnn):
    _, report = cnn
    made = tiny_cnn(6)
    costs = count_costs(made, ShapeInference().infer(made))
    for path, measured in report.nodes.items():
        assert measured.kept == pytest.approx(costs.nodes[path].kept * report.rows, abs=200), path
        assert measured.output == costs.nodes[path].bytes * report.rows, path


def test_a_slow_layer_is_named(tmp_path, monkeypatch):
    """A layer that sleeps forward, or whose gradient does, has that time and no other layer has it."""
    tanh, slept = torch.tanh, 0.01

    class Slow(torch.autograd.Function):
        @staticmethod
        def forward(ctx, value):
            profile.time.sleep(slept)
            result = tanh(value)
            ctx.save_for_backward(result)
            return result

        @staticmethod
        def backward(ctx, gradient):
            profile.time.sleep(2 * slept)
            (result,) = ctx.saved_tensors
            return gradient * (1 - result * result)

    monkeypatch.setattr(torch, "tanh", Slow.apply)
    _, report = _profiled(iris(8, node("act", "tanh")), tmp_path / "run")
    assert report.nodes["act"].forward >= slept
    assert report.nodes["act"].backward >= 2 * slept
    others = [each.seconds for path, each in report.nodes.items() if path != "act"]
    assert max(others) < slept, "machines may be slow, but hardly that slow"
    assert report.seconds >= 3 * slept


def test_profiling_changes_nothing_in_the_training(tmp_path):
    """Batch statistics, dropout and noise, accumulated gradients and Adam: the losses are equal to the last bit."""
    noise = (node("norm", "batch_norm1d"), node("noise", "gaussian_noise"), node("drop", "dropout"))
    made = planned(iris(6, *noise), epochs=2, accumulation=2)

    def losses(folder, *, nosy: bool) -> list[float]:
        run = begin(made, folder, paused=True)
        for step in range(4):
            run.command(Step())
            run.until(lambda told, step=step: told.progress.state is State.PAUSED and told.progress.step == step + 1)
            if nosy:
                run.command(Profile(2))
        run.host.send(Resume())
        run.finish()
        assert len([event for event in run.events if event.kind == KIND]) == (4 if nosy else 0)
        return [*run.series("loss/train"), *run.series("loss/validation")]

    assert losses(tmp_path / "nosy", nosy=True) == losses(tmp_path / "calm", nosy=False)


def test_everything_is_put_back(tmp_path):
    made = iris(6, node("norm", "batch_norm1d"), node("drop", "dropout"))
    network = Network(made, torch.device("cpu"))
    network.model_train()
    weights = list(network.model.parameters())
    weights[0].grad = kept = torch.ones_like(weights[0])
    before = {key: tensor.clone() for key, tensor in network.model.state_dict().items()}
    batch = {key: torch.randn(16, 4) if "feature" in key else torch.arange(16) % 3 for key in network.fields.values()}
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)
    expected = (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist())
    profile.measure(network, network.phases, batch, 2)
    assert torch.equal(torch.get_rng_state(), expected[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == expected[1:]
    assert weights[0].grad is kept
    assert weights[1].grad is None
    assert all(torch.equal(tensor, before[key]) for key, tensor in network.model.state_dict().items())
    assert network.model.training


def test_several_phases_are_added_up(tmp_path):
    made = documents.alternating(iris(6))
    run, report = _profiled(made, tmp_path / "run", passes=2)
    assert len(made.plan.phases) == 2
    assert list(report.nodes) == ["hidden", "act", "scores", "loss"]
    assert all(each.forward > 0 for each in report.nodes.values())
    assert run.end.data["reason"] == "stopped"


def test_a_report_is_an_event_that_the_store_keeps(cnn):
    run, report = cnn
    kept = RunStore.open(run.folder.parent).events(run.folder.name)
    assert newest_report(kept) == report
    event = report.event()
    assert json.loads(json.dumps(event.data)) == event.data
    assert event.text.startswith("Profiled: a batch of")


def test_a_blocks_report_is_the_sum_of_what_is_in_it():
    parts = {
        "b/0/a": NodeProfile(forward=1.0, backward=2.0, output=3, kept=4),
        "b/1/a": NodeProfile(forward=10.0),
        "b2/0/a": NodeProfile(forward=100.0),
    }
    report = ProfileReport(nodes=parts)
    assert report.of("b") == NodeProfile(forward=11.0, backward=2.0, output=3, kept=4)
    assert report.of("b/0/a") == parts["b/0/a"]
    assert report.of("x") is None


def test_no_time_is_spent_beyond_what_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(profile, "SECONDS", 0.0)
    _, report = _profiled(iris(), tmp_path / "run", passes=1000)
    assert report.passes == profile.FEWEST


def test_what_goes_wrong_is_told_and_training_goes_on(tmp_path, monkeypatch):
    def fail(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr("netbuilder.training.trainer.measure", fail)
    run = begin(planned(iris(), epochs=2), tmp_path / "run", paused=True)
    run.command(Profile())
    run.host.send(Resume())
    run.finish()
    assert [event for event in run.events if event.kind == "problem"]
    assert run.end.data["reason"] == "finished"


def test_without_a_run_the_command_is_ignored(tmp_path):
    run = documents.train(planned(iris(), epochs=1), tmp_path / "run")
    run.command(Profile())
    assert run.events[-1].text == "Profile was ignored: nothing is being trained."


def test_a_report_of_no_nodes_can_be_told():
    report = replace(ProfileReport(), rows=3)
    assert report.event().text == "Profiled: a batch of 3 takes 0 ms forward and backward."
