"""Several devices: two processes learn what one learns, whatever is done to the run, and end together."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch

from netbuilder.document import edits
from netbuilder.document.model import Document, Group
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training.devices import find_devices, several, split
from netbuilder.training.process_host import ProcessHost
from netbuilder.training.protocol import (
    Change,
    Look,
    Pause,
    PictureKind,
    Resume,
    Rewind,
    Snapshot,
    Start,
    State,
    Step,
    Stop,
    Watch,
)
from netbuilder.training.run_store import RunStore
from netbuilder.training.state import load_state
from netbuilder.training.team_link import pack, shares, unpack
from netbuilder.training.thread_host import ThreadHost
from tests.builders import linear, node, tiny_cnn
from tests.training import documents
from tests.training.documents import Run, iris, planned, saved_weights
from tests.training.test_going_on import digests, history

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gloo's signals are those of Unix")


def without_bias(made: Document, layer: str) -> Document:
    """Leave out a bias that normalization takes away: its gradient is rounding, and Adam follows the sign of that."""
    return edits.set_parameters(made, layer, {"bias": False})


def normalized(**plan) -> Document:
    """Iris with batch normalization and all that the first process does by itself; an epoch ends with three rows."""
    made = without_bias(iris(8, node("norm", "batch_norm1d"), node("act", "relu")), "hidden")
    (phase,) = documents.with_optimizer(made, "adam", schedule="cosine", learning_rate=0.01).plan.phases
    groups = (Group(nodes=("scores",), rate=0.1, weight_decay=0.01), Group())
    settings = {"batch_size": 34, "epochs": 3, "ema_decay": 0.9, "clip_norm": 0.5, **plan}
    return planned(made, phases=(replace(phase, groups=groups),), **settings)


def images(**plan) -> Document:
    """A convolutional network whose channels lie innermost, so that gradients and weights must lie alike."""
    made = documents.with_optimizer(without_bias(tiny_cnn(4), "stem"), "adam", learning_rate=0.003)
    return planned(made, memory_format="channels_last", batch_size=256, epochs=1, **plan)


KINDS = {
    "several phases": (
        lambda: planned(documents.alternating(iris()), batch_size=9, accumulation=3, clip_norm=0.5, epochs=2),
        1e-4,
    ),
    "sequences": (lambda: planned(documents.rows_lstm(), epochs=1), 1e-4),
    "normalized": (normalized, 1e-3),
    "images in bfloat16": (lambda: images(precision="bf16"), 2e-2),
    "float16": (lambda: planned(iris(), precision="fp16", epochs=2), 2e-2),
}
"""How far the losses may lie apart: sums are made in another order, of numbers with fewer digits in 16 bits."""


def begin(made, folder, device="cpu x2", **start) -> Run:
    run = Run(ThreadHost(), folder)
    run.host.send(Start(document=made, folder=str(folder), device=device, **start))
    return run


def rest(run: Run, step: int) -> None:
    """Do single steps up to one, and wait there."""
    run.until(lambda told: told.progress.state is State.PAUSED)
    for _ in range(step - run.telemetry[-1].progress.step):
        run.host.send(Step())
    run.until(lambda told: told.progress.state is State.PAUSED and told.progress.step == step)


def end(run: Run) -> Run:
    run.host.send(Resume())
    return run.finish()


def mates() -> list[psutil.Process]:
    """The processes that share the work."""
    children = psutil.Process().children(recursive=True)
    return [each for each in children if "netbuilder.training.teammate" in " ".join(each.cmdline())]


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_learn_what_one_learns(kind, tmp_path):
    make, apart = KINDS[kind]
    one = begin(make(), tmp_path / "one", "cpu").finish()
    two = begin(make(), tmp_path / "two").finish()
    assert two.host.state is State.ENDED
    for name in ("loss/train", "loss/validation", "learning_rate", "loss_scale"):
        assert two.series(name) == pytest.approx(one.series(name), rel=apart), name
    assert two.end.data["test"] == pytest.approx(one.end.data["test"], rel=0.05)
    mine, theirs = saved_weights(tmp_path / "one"), saved_weights(tmp_path / "two")
    assert all(torch.allclose(mine[key].float(), theirs[key].float(), rtol=apart, atol=apart / 10) for key in mine)
    assert "Training on CPU ×2" in two.of("log")[0].text
    assert not two.of("problem")
    assert mates() == []


def test_weights_of_classes_count_within_each_share_as_within_accumulated_batches(tmp_path):
    made = documents.moons()
    made = edits.set_parameters(made, "loss", {"class_weights": [1.0, 5.0]})
    one = begin(planned(made, batch_size=15, accumulation=2), tmp_path / "one", "cpu").finish()
    two = begin(planned(made, batch_size=30), tmp_path / "two").finish()
    assert two.series("loss/train") == pytest.approx(one.series("loss/train"), rel=1e-4)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")
def test_each_process_compiles(tmp_path):
    one = begin(normalized(epochs=1), tmp_path / "one", "cpu").finish()
    two = begin(normalized(epochs=1, compile=True), tmp_path / "two").finish(500)
    assert two.series("loss/train") == pytest.approx(one.series("loss/train"), rel=1e-3)
    assert not two.of("problem")


def edited(made: Document) -> list[Document]:
    """Edits of all kinds, one on top of the other."""
    wide = edits.set_parameters(made, "hidden", {"units": 12})
    longer = edits.insert_layer(wide, "scores", "x", "linear", linear("new", 12).parameters, "new", id="new")
    named = edits.rename(longer, "new", "middle")
    frozen = edits.set_parameters(named, "hidden", {"trainable": False})
    other = documents.with_optimizer(frozen, "sgd", learning_rate=0.05)
    return [wide, longer, named, frozen, planned(other, batch_size=30), edits.remove_and_heal(other, ["norm"])]


def test_edits_go_over_to_all_processes(tmp_path):
    made = without_bias(iris(8, node("norm", "batch_norm1d"), node("act", "relu")), "hidden")
    runs = []
    for name, device in (("one", "cpu"), ("two", "cpu x2")):
        run = begin(made, tmp_path / name, device, paused=True)
        for number, document in enumerate(edited(made)):
            rest(run, 2 * number + 1)
            run.command(Change(document=document))
        end(run)
        assert all(event.data["taken"] for event in run.of("change")), run.of("change")
        runs.append(run)
    assert runs[1].series("loss/train") == pytest.approx(runs[0].series("loss/train"), rel=1e-3)
    mine, theirs = (saved_weights(run.folder) for run in runs)
    assert mine.keys() == theirs.keys()
    assert "middle.weight" in mine
    assert all(torch.allclose(mine[key], theirs[key], rtol=1e-3, atol=1e-4) for key in mine)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Document, Path]:
    """A run that nothing was done to. Dropout draws in both processes: that they draw the same again is held, too."""
    made = iris(8, node("norm", "batch_norm1d"), node("act", "relu"), node("drop", "dropout"))
    folder = tmp_path_factory.mktemp("whole") / "run"
    begin(made, folder).finish()
    return made, folder


def test_going_back_to_before_an_edit_and_to_a_snapshot_is_exact(whole, tmp_path):
    made, straight = whole
    folder = tmp_path / "back" / "run"
    run = begin(made, folder, paused=True, snapshots=1 << 26)
    rest(run, 5)
    run.command(Watch(nodes=("hidden",)))
    run.command(Snapshot())
    rest(run, 9)
    run.command(Change(document=edits.set_parameters(made, "hidden", {"units": 12})))
    (change,) = run.of("change")
    rest(run, 12)
    run.command(Change(document=made, state=change.data["state"]))
    assert run.telemetry[-1].progress.step == 9
    run.command(Look(5))
    assert run.pictures(PictureKind.VECTOR)["hidden"].step == 5
    run.command(Look(None))
    rest(run, 11)
    run.command(Rewind(5))
    end(run)
    assert history(folder) == history(straight)
    assert digests(folder) == digests(straight)


def test_it_is_paused_stepped_and_stopped_and_goes_on_exactly(whole, tmp_path):
    made, straight = whole
    folder = tmp_path / "parts" / "run"
    run = begin(made, folder, paused=True)
    rest(run, 10)
    (mate,) = mates()
    run.command(Resume())
    run.command(Pause())
    run.host.send(Stop())
    run.finish()
    assert run.end.data["reason"] in ("stopped", "finished")
    assert not mate.is_running()
    begin(made, folder, resume=True).finish()
    assert history(folder) == history(straight)
    assert digests(folder) == digests(straight)


def test_a_sum_of_losses_is_refused_before_the_start_and_as_a_change(tmp_path):
    made = iris()
    summed = edits.set_parameters(made, "loss", {"reduction": "sum"})
    run = begin(summed, tmp_path / "run").finish()
    (problem,) = [problem for event in run.of("problem") for problem in event.problems]
    assert (problem.code, problem.node, problem.field) == ("session.mates_sum", "loss", "reduction")
    assert (
        edits.apply(summed, problem.fixes[0].edit, problem.fixes[0].arguments)
        .graph.nodes["loss"]
        .parameters["reduction"]
        == "mean"
    )
    assert run.steps("loss/train") == []
    run = begin(made, tmp_path / "other", paused=True)
    rest(run, 1)
    run.command(Change(document=summed))
    assert [event.data["taken"] for event in run.of("change")] == [False]
    assert len(end(run).steps("loss/train")) == 28


def test_when_a_process_dies_all_end_and_no_step_is_lost(tmp_path):
    """It is gone on with where it stood, on one device."""
    folder = tmp_path / "x.runs" / "run"
    made = planned(iris(8, node("norm", "batch_norm1d"), node("act", "relu")), epochs=100_000)
    run = begin(made, folder)
    run.until(lambda told: told.progress.step > 10)
    (mate,) = mates()
    os.kill(mate.pid, signal.SIGKILL)
    run.finish(30)
    assert run.host.state is State.FAILED
    (problem,) = [problem for event in run.of("problem") for problem in event.problems]
    assert problem.code == "session.mate_died"
    assert "killed from outside" in problem.message
    assert mates() == []
    died = run.end.step
    assert load_state(folder / "state.safetensors").step == died
    epochs = died // 7 + 2
    again = begin(planned(made, epochs=epochs), folder, "cpu", resume=True).finish()
    assert again.end.data["reason"] == "finished"
    straight = begin(planned(made, epochs=epochs), tmp_path / "y.runs" / "run", "cpu").finish()
    kept = RunStore.open(folder.parent).series("run", "loss/train")
    assert kept.steps.tolist() == list(range(1, 7 * epochs + 1))
    assert kept.values.tolist() == pytest.approx(straight.series("loss/train"), rel=1e-2)


def test_none_outlives_the_process_of_the_run_and_the_run_goes_on_in_others(tmp_path):
    host = ProcessHost()
    try:
        run = Run(host, tmp_path / "run")
        made = planned(iris(), epochs=100_000)
        host.send(Start(document=made, folder=str(tmp_path / "run"), device="cpu x2"))
        run.until(lambda told: told.progress.step > 10)
        wide = edits.set_parameters(made, "hidden", {"units": 12})
        run.command(Change(document=wide))
        assert [event.data["taken"] for event in run.of("change")] == [True]
        reached = run.telemetry[-1].progress.step
        run.until(lambda told: told.progress.step > reached + 10)
        (mate,) = mates()
        assert host.process_id is not None
        os.kill(host.process_id, signal.SIGKILL)
        mate.wait(10)
        run.until(lambda told: bool(run.of("resume")) and told.progress.state is State.RUNNING)
        (other,) = mates()
        host.send(Stop())
        run.finish()
        assert run.end.data["reason"] == "stopped"
        other.wait(10)
    finally:
        host.leave()


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
    with pytest.raises(NetbuilderError, match="one Apple GPU"):
        find_devices("mps x2")


def test_every_row_is_computed_once():
    for rows in range(3, 40):
        counts = shares(rows, 3)
        assert sum(counts) == rows
        assert max(counts) - min(counts) <= 1


def test_bytes_come_back_as_they_went():
    tensors = [torch.rand(3, 5), torch.arange(7), torch.tensor([True, False]), torch.rand(2, 2).to(torch.bfloat16)]
    back = list(unpack(pack(tensors), [(each.dtype, each.shape) for each in tensors]))
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(tensors, back, strict=True))
