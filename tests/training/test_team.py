"""Several devices: two processes learn what one learns, and end together."""

from __future__ import annotations

import os
import signal
import sys

import psutil
import pytest
import torch

from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training.devices import find_devices, several, split
from netbuilder.training.protocol import Change, Pause, Resume, Start, State, Step, Stop
from netbuilder.training.team import pack, shares, unpack
from netbuilder.training.thread_host import ThreadHost
from tests.builders import node
from tests.training import documents
from tests.training.documents import Run, iris, planned, saved_weights

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gloo's signals are those of Unix")

KINDS = {
    "several phases": lambda: documents.alternating(iris()),
    "sequences": lambda: planned(documents.rows_lstm(), epochs=1),
    "accumulated": lambda: planned(iris(), batch_size=9, accumulation=3, clip_norm=0.5, epochs=2),
}


def begin(made, folder, device="cpu x2", **start) -> Run:
    run = Run(ThreadHost(), folder)
    run.host.send(Start(document=made, folder=str(folder), device=device, **start))
    return run


def mates() -> list[psutil.Process]:
    """The processes that share the work."""
    children = psutil.Process().children(recursive=True)
    return [each for each in children if "netbuilder.training.teammate" in " ".join(each.cmdline())]


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_learn_what_one_learns(kind, tmp_path):
    made = KINDS[kind]()
    one = begin(made, tmp_path / "one", "cpu").finish()
    two = begin(made, tmp_path / "two").finish()
    assert two.host.state is State.ENDED
    assert two.series("loss/train") == pytest.approx(one.series("loss/train"), rel=2e-4)
    assert two.series("loss/validation") == pytest.approx(one.series("loss/validation"), rel=2e-4)
    mine, theirs = saved_weights(tmp_path / "one"), saved_weights(tmp_path / "two")
    assert all(torch.allclose(mine[key], theirs[key], rtol=1e-3, atol=1e-5) for key in mine)
    assert "Training on CPU ×2" in two.of("log")[0].text
    assert mates() == []


def test_it_is_paused_stepped_changed_and_stopped_like_any_other(tmp_path):
    made = planned(iris(8, node("act", "relu"), node("drop", "dropout")), epochs=100_000)
    run = begin(made, tmp_path / "run", paused=True)
    run.until(lambda told: told.progress.state is State.PAUSED)
    (mate,) = mates()
    run.command(Step())
    run.until(lambda told: told.progress.step == 1)
    run.command(Change(document=planned(made, batch_size=32)))
    run.command(Change(document=planned(iris(12), epochs=9)))
    run.until(lambda _: len(run.of("change")) == 2)
    assert [event.data["taken"] for event in run.of("change")] == [True, False]
    assert "only settings can be changed" in run.of("change")[1].text + str(run.of("change")[1].problems)
    run.command(Resume())
    run.until(lambda told: told.progress.step > 10)
    run.command(Pause())
    run.host.send(Stop())
    run.finish()
    assert run.end.data["reason"] == "stopped"
    assert not mate.is_running()


def test_when_a_process_dies_all_end_and_the_reason_is_told(tmp_path):
    run = begin(planned(iris(), epochs=100_000), tmp_path / "run")
    run.until(lambda told: told.progress.step > 10)
    (mate,) = mates()
    os.kill(mate.pid, signal.SIGKILL)
    run.finish(30)
    assert run.host.state is State.FAILED
    (problem,) = [problem for event in run.of("problem") for problem in event.problems]
    assert problem.code == "session.mate_died"
    assert "killed from outside" in problem.message
    assert mates() == []


def test_a_loss_that_is_no_number_anywhere_stops_all_before_the_update(tmp_path):
    made = documents.with_optimizer(documents.diabetes(), "sgd", learning_rate=1e10)
    run = begin(made, tmp_path / "run").finish()
    (problem,) = [problem for event in run.of("problem") for problem in event.problems]
    assert problem.code == "training.not_finite"
    assert all(torch.isfinite(weight).all() for weight in saved_weights(tmp_path / "run").values())
    assert mates() == []


def test_devices_by_name():
    assert split("cuda:0") == ("cuda:0", 1)
    assert split("cpu x2") == ("cpu", 2)
    assert several("cpu", 3) == "cpu x3"
    assert [each.key for each in find_devices("cpu x2")] == ["cpu", "cpu"]
    with pytest.raises(NetbuilderError, match="no device called 'cuda:"):
        find_devices("cuda x64")


def test_every_row_is_computed_once():
    for rows in range(3, 40):
        counts = shares(rows, 3)
        assert sum(counts) == rows
        assert max(counts) - min(counts) <= 1


def test_bytes_come_back_as_they_went():
    tensors = [torch.rand(3, 5), torch.arange(7), torch.tensor([True, False]), torch.rand(2, 2).to(torch.bfloat16)]
    back = list(unpack(pack(tensors), [(each.dtype, each.shape) for each in tensors]))
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(tensors, back, strict=True))
