"""Going on: a run that goes on from its state repeats, bit for bit, what it would have done without a pause."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from netbuilder.document.edits import apply
from netbuilder.document.model import Document, Setting
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training import optimizers, schedules, state_saver
from netbuilder.training.checkpoints import load_checkpoint
from netbuilder.training.live_view import LiveView
from netbuilder.training.protocol import Change, Resume, Start, State, Step, Stop
from netbuilder.training.resumable import choose, document_of
from netbuilder.training.run_store import RunStore
from netbuilder.training.state import TrainingState, load_generation, load_state, save_generation, save_state
from netbuilder.training.state_saver import StateSaver
from netbuilder.training.trainer import Trainer
from tests.builders import node, tiny_cnn
from tests.training import documents
from tests.training.documents import Run, begin, iris, planned, train

BOTH_HOSTS = True
"""See `conftest`."""

EPOCH = 7
"""Steps in one epoch of `iris`."""


def go_on(made: Document, folder: Path, *, paused: bool = False) -> Run:
    """Go on with the run in a folder."""
    run = Run(documents.new_host(), folder)
    run.host.send(Start(document=made, folder=str(folder), paused=paused, resume=True))
    return run


def stopped_at(made: Document, folder: Path, step: int) -> Run:
    """Run a session that is stopped after some steps."""
    run = begin(made, folder, *([Step()] * step), paused=True)
    run.until(lambda told: told.progress.state is State.PAUSED and told.progress.step == step)
    run.host.send(Stop())
    return run.finish()


def history(folder: Path) -> dict[str, tuple[list[int], list[float]]]:
    """Return all that the run store holds of a run's curves, but what is taken by the clock."""
    store = RunStore.open(folder.parent)
    names = [
        name for name in store.names(folder.name) if name.endswith(("/train", "/validation")) or name == "learning_rate"
    ]
    points = {name: store.series(folder.name, name) for name in names}
    return {name: (each.steps.tolist(), each.values.tolist()) for name, each in points.items()}


def digests(folder: Path) -> list[str]:
    """Return what tells the weights apart: of the best and the last file."""
    found = []
    for name in ("best.safetensors", "last.safetensors"):
        tensors = sorted(load_checkpoint(folder / name).tensors.items())
        found.append(hashlib.sha256(b"".join(tensor.numpy().tobytes() for _, tensor in tensors)).hexdigest())
    return found


def assert_exact(made: Document, tmp_path: Path, *stops: int) -> None:
    """Train at one go and with stops on the way: nothing may differ."""
    whole = train(made, tmp_path / "whole" / "run")
    folder = tmp_path / "parts" / "run"
    stopped_at(made, folder, stops[0])
    for stop in stops[1:]:
        run = go_on(made, folder, paused=True)
        run.until(lambda told: told.progress.state is State.PAUSED)
        for _ in range(stop - run.telemetry[-1].progress.step):
            run.host.send(Step())
        run.until(lambda told, stop=stop: told.progress.step == stop and told.progress.state is State.PAUSED)
        run.host.send(Stop())
        run.finish()
    parts = go_on(made, folder).finish()
    assert parts.end.data["reason"] == whole.end.data["reason"]
    assert parts.end.data["test"] == whole.end.data["test"]
    assert parts.end.data["best_epoch"] == whole.end.data["best_epoch"]
    assert history(folder) == history(tmp_path / "whole" / "run")
    assert digests(folder) == digests(tmp_path / "whole" / "run")


def dropping() -> Document:
    """Return iris with all that draws random numbers or keeps statistics."""
    extra = (node("norm", "batch_norm1d"), node("act", "relu"), node("drop", "dropout"))
    return planned(iris(8, *extra), epochs=3)


@pytest.mark.thread_only
@pytest.mark.parametrize("step", range(3 * EPOCH))
def test_it_may_be_stopped_at_every_step(step, tmp_path):
    made = documents.with_optimizer(dropping(), "adam", schedule="cosine", learning_rate=0.01)
    assert_exact(planned(made, clip_norm=1.0), tmp_path, step)


@pytest.mark.thread_only
@pytest.mark.parametrize("key", [spec.key for spec in optimizers.registry()])
def test_every_optimizer_goes_on(key, tmp_path):
    assert_exact(documents.with_optimizer(planned(iris(), epochs=2), key), tmp_path, 3, 9)


@pytest.mark.thread_only
@pytest.mark.parametrize("key", [spec.key for spec in schedules.registry()])
def test_every_schedule_goes_on(key, tmp_path):
    made = documents.with_optimizer(planned(iris(), epochs=4), "sgd", schedule=key, learning_rate=0.5, momentum=0.9)
    assert_exact(made, tmp_path, 5, 2 * EPOCH, 3 * EPOCH + 1)


def test_a_schedule_that_watches_the_loss_drops_where_it_would_have(tmp_path):
    made = documents.with_optimizer(planned(iris(), epochs=12), "sgd", learning_rate=3.0, momentum=0.95)
    phase = replace(made.plan.phases[0], schedule=Setting(key="plateau", values={"patience": 1}))
    made = planned(made, phases=(phase,))
    assert_exact(made, tmp_path, 4 * EPOCH, 9 * EPOCH + 3)
    rates = history(tmp_path / "parts" / "run")["learning_rate"][1]
    assert len(set(rates)) > 1, "nothing dropped: this showed nothing"


PLANS = {
    "average": {"ema_decay": 0.9},
    "accumulation": {"accumulation": 3, "batch_size": 8},
    "clipping": {"clip_norm": 0.1},
    "accuracy": {"monitor": "accuracy"},
    "bfloat16": {"precision": "bf16"},
    "float16": {"precision": "fp16"},
}


@pytest.mark.parametrize("kind", PLANS)
def test_every_setting_of_a_plan_goes_on(kind, tmp_path):
    assert_exact(planned(dropping(), **PLANS[kind]), tmp_path, 4, 9)


def test_two_phases_go_on(tmp_path):
    assert_exact(documents.alternating(planned(iris(), epochs=3)), tmp_path, 5, 15)


def test_two_losses_go_on(tmp_path):
    assert_exact(planned(documents.two_losses(), epochs=3), tmp_path, 5, 15)


@pytest.mark.thread_only
def test_images_whose_channels_lie_innermost_go_on(tmp_path):
    assert_exact(documents.with_optimizer(planned(tiny_cnn(4), epochs=1, batch_size=256), "adam"), tmp_path, 2)


def test_sequences_go_on(tmp_path):
    assert_exact(documents.with_optimizer(documents.rows_lstm(), "adam"), tmp_path, 3, 14)


@pytest.mark.thread_only
def test_early_stopping_comes_when_it_would_have(tmp_path):
    made = documents.with_optimizer(planned(iris(), epochs=200, patience=3), "sgd", learning_rate=2.0, momentum=0.95)
    end = train(made, tmp_path / "run").end
    assert end.data["reason"] == "early stopping"
    assert_exact(made, tmp_path, end.step - EPOCH, end.step - 2)


@pytest.fixture
def trainer(tmp_path):
    """A trainer by itself, built and not begun."""
    start = Start(document=documents.with_optimizer(dropping(), "adam"), folder=str(tmp_path / "x.runs" / "run"))
    made = Trainer(start, LiveView(), Job())
    made.build()
    yield made
    made.close()


def _steps(trainer: Trainer, count: int) -> dict[str, torch.Tensor]:
    """Do some steps of the epoch in progress and return the weights."""
    for batches, _ in zip(trainer.batches(), range(count), strict=False):
        trainer.step(batches)
    return {key: tensor.clone() for key, tensor in trainer.network.model.state_dict().items()}


@pytest.mark.thread_only
def test_a_state_can_be_put_back_again_and_again(trainer, tmp_path):
    _steps(trainer, 2)
    state = trainer.state()
    save_state(tmp_path / "kept.safetensors", state)
    first = _steps(trainer, 3)
    for back in (state, load_state(tmp_path / "kept.safetensors"), state):
        trainer.restore(back)
        assert trainer.step_count == 2
        again = _steps(trainer, 3)
        assert all(torch.equal(first[key], again[key]) for key in first)


@pytest.mark.thread_only
def test_a_state_does_not_go_on_with_the_training(trainer):
    state = trainer.state()
    before = {key: tensor.clone() for key, tensor in state.tensors.items()}
    _steps(trainer, 3)
    assert all(torch.equal(before[key], state.tensors[key]) for key in before)
    trainer.restore(state)
    _steps(trainer, 3)
    assert all(torch.equal(before[key], state.tensors[key]) for key in before)


@pytest.mark.thread_only
def test_a_state_of_another_network_or_optimizer_is_refused_and_changes_nothing(trainer, tmp_path):
    before = _steps(trainer, 2)
    others = [iris(9), documents.with_optimizer(dropping(), "sgd"), documents.alternating(dropping())]
    for number, made in enumerate(others):
        stopped_at(made, tmp_path / f"other{number}", 1)
        state = load_state(tmp_path / f"other{number}" / "state.safetensors")
        with pytest.raises(NetbuilderError) as caught:
            trainer.restore(state)
        assert caught.value.problems[0].code == "state.mismatch"
        assert trainer.step_count == 2
    after = trainer.network.model.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_a_run_can_begin_from_the_state_of_another(tmp_path):
    made = documents.with_optimizer(dropping(), "adam")
    whole = train(made, tmp_path / "whole")
    stopped_at(made, tmp_path / "first", 9)
    second = Run(documents.new_host(), tmp_path / "second")
    file = str(tmp_path / "first" / "state.safetensors")
    second.host.send(Start(document=made, folder=str(tmp_path / "second"), state=file))
    second.finish()
    assert second.steps("loss/train") == list(range(10, 3 * EPOCH + 1))
    assert second.series("loss/train") == whole.series("loss/train")[9:]
    assert digests(tmp_path / "second") == digests(tmp_path / "whole")


def _flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


@pytest.mark.thread_only
def test_a_damaged_state_falls_back_to_the_one_before_and_then_is_refused(trainer, tmp_path):
    folder = tmp_path
    for steps in (2, 1):
        _steps(trainer, steps)
        save_generation(folder, trainer.state())
    assert load_generation(folder)[0].step == 3
    _flip(folder / "state.safetensors", -5)
    state, warnings = load_generation(folder)
    assert state.step == 2
    assert [(each.code, each.is_error) for each in warnings] == [("checkpoint.damaged", False)]
    _flip(folder / "state-before.safetensors", 300)
    with pytest.raises(NetbuilderError) as caught:
        load_generation(folder)
    assert all(problem.is_error for problem in caught.value.problems)


@pytest.mark.thread_only
def test_any_flipped_bit_is_noticed(trainer, tmp_path):
    path = tmp_path / "state.safetensors"
    save_state(path, trainer.state())
    whole = path.read_bytes()
    for number in range(200):
        data = bytearray(whole)
        place = number * 7919 % len(data) if number >= 20 else number
        data[place] ^= 1 << number % 8
        path.write_bytes(data)
        with pytest.raises(NetbuilderError):
            load_state(path)


@pytest.mark.thread_only
def test_weights_are_no_state(tmp_path):
    train(iris(), tmp_path / "run")
    with pytest.raises(NetbuilderError, match="not the state"):
        load_state(tmp_path / "run" / "last.safetensors")


def test_a_run_without_a_state_says_so(tmp_path):
    run = go_on(iris(), tmp_path / "run")
    run.finish()
    assert run.host.state is State.FAILED
    (problem,) = run.of("problem")[0].problems
    assert problem.code == "state.missing"


def test_a_full_disk_is_told_once_and_the_training_goes_on(tmp_path, monkeypatch):
    tries = []

    def full(folder, state):
        tries.append(state.step)
        raise NetbuilderError(Problem(code="save.full", message="The disk is full."))

    monkeypatch.setattr(state_saver, "save_generation", full)
    monkeypatch.setattr(state_saver, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(state_saver, "SHARE", 1e9)
    run = train(planned(iris(), epochs=5), tmp_path / "run")
    assert len(tries) >= 5
    assert run.end.data["reason"] == "finished"
    (told,) = (problem for event in run.of("problem") for problem in event.problems)
    assert (told.code, told.is_error) == ("save.full", False), "the window must not say that the run has stopped"


def test_a_state_is_saved_as_the_run_goes_and_within_its_share_of_the_time(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(state_saver.time, "perf_counter", lambda: clock[0])
    saved = []

    def take():
        clock[0] += 1.0  # what saving takes
        saved.append(clock[0])
        return TrainingState(tensors={}, about={})

    monkeypatch.setattr(state_saver, "save_generation", lambda folder, state: None)
    saver = StateSaver(tmp_path, take, lambda: None)
    for step in range(10_000):
        clock[0] += 0.1
        if clock[0] >= saver.due:
            saver.save(step)
        if step % 7 == 0:
            saver.save_at_epoch(step)
    gaps = [after - before for before, after in itertools.pairwise(saved)]
    assert saved[0] < 10, "the first comes soon"
    assert min(gaps) >= 1 / state_saver.SHARE
    assert max(gaps) < 1 / state_saver.SHARE + 3


def test_a_longer_course_gives_patience_anew_and_stretches_the_schedule(tmp_path):
    made = documents.with_optimizer(planned(iris(), epochs=200, patience=3), "sgd", learning_rate=2.0, momentum=0.95)
    end = train(made, tmp_path / "run").end
    assert end.data["reason"] == "early stopping"
    again = go_on(made, tmp_path / "run").finish()
    assert again.end.data["reason"] == "early stopping"
    assert again.end.step == end.step, "nothing is left to do"
    longer = go_on(planned(made, epochs=end.step // EPOCH + 2), tmp_path / "run").finish()
    assert longer.end.step == end.step + 2 * EPOCH

    cosine = documents.with_optimizer(planned(iris(), epochs=2), "sgd", schedule="cosine", learning_rate=0.1)
    train(cosine, tmp_path / "cosine")
    go_on(planned(cosine, epochs=4), tmp_path / "cosine").finish()
    steps, rates = history(tmp_path / "cosine")["learning_rate"]
    rate = dict(zip(steps, rates, strict=True))
    assert rate[2 * EPOCH] < 0.005
    assert rate[2 * EPOCH + 1] == pytest.approx(0.05)


def test_data_that_changed_since_are_told(tmp_path):
    made = planned(iris(), epochs=3)
    stopped_at(made, tmp_path / "run", 9)
    file = tmp_path / "run" / "state.safetensors"
    state = load_state(file)
    save_state(file, replace(state, about={**state.about, "data": {"data": "other"}}))
    run = go_on(made, tmp_path / "run").finish()
    (problem,) = run.of("problem")[0].problems
    assert (problem.code, problem.node, problem.is_error) == ("state.data", "data", False)
    assert run.end.data["reason"] == "finished"


@pytest.mark.thread_only
def test_a_run_in_progress_is_not_gone_on_with_twice(tmp_path):
    made = planned(iris(), epochs=100_000)
    stopped_at(made, tmp_path / "run", 2)
    first = go_on(made, tmp_path / "run", paused=True)
    first.until(lambda told: told.progress.state is State.PAUSED)
    second = go_on(made, tmp_path / "run").finish()
    assert second.host.state is State.FAILED
    assert [problem.code for problem in second.of("problem")[0].problems] == ["resume.running"]
    first.host.send(Stop())
    first.finish()
    assert history(tmp_path / "run")["loss/train"][0] == [1, 2]


@pytest.mark.parametrize("structure", [False, True], ids=["settings", "network"])
def test_a_run_that_was_changed_goes_on_with_what_it_was_changed_to(structure, tmp_path):
    made = documents.with_optimizer(planned(iris(), epochs=4), "adam", learning_rate=0.01)
    changed = planned(documents.with_optimizer(made, "adam", learning_rate=0.002), batch_size=8)
    if structure:
        changed = apply(changed, "set_parameters", {"node": "hidden", "values": {"units": 12}})

    def begun(folder: Path) -> Run:
        run = begin(made, folder, *([Step()] * 5), paused=True)
        run.until(lambda told: told.progress.step == 5 and told.progress.state is State.PAUSED)
        run.command(Change(document=changed))
        return run

    whole = begun(tmp_path / "whole.runs" / "run")
    whole.host.send(Resume())
    whole.finish()
    parts = begun(tmp_path / "parts.runs" / "run")
    for _ in range(3):
        parts.host.send(Step())
    parts.until(lambda told: told.progress.step == 8 and told.progress.state is State.PAUSED)
    parts.host.send(Stop())
    parts.finish()
    document = document_of(choose(tmp_path / "parts.runs"))
    again = go_on(document, tmp_path / "parts.runs" / "run").finish()
    assert again.end.step == whole.end.step
    assert history(tmp_path / "parts.runs" / "run") == history(tmp_path / "whole.runs" / "run")
    assert digests(tmp_path / "parts.runs" / "run") == digests(tmp_path / "whole.runs" / "run")


def test_a_run_that_was_killed_in_its_last_moments_comes_to_its_end(tmp_path):
    made = planned(iris(), epochs=2)
    folder = tmp_path / "x.runs" / "run"
    whole = train(made, folder)
    with RunStore.open(folder.parent)._reading() as connection:
        connection.execute("UPDATE runs SET ended = NULL, reason = ''")
        connection.commit()
    run = choose(folder.parent)
    assert (run.is_interrupted, run.is_done, run.epoch) == (True, False, 2)
    again = go_on(document_of(run), folder).finish()
    assert again.end.data["test"] == whole.end.data["test"]
    assert choose(folder.parent).is_done
