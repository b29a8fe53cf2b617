"""The trial: which ways are tried, that they are compared fairly, and that nothing is left changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from netbuilder.foundation.job import Cancelled, Job
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training import trial
from netbuilder.training.trial import PLAIN, Row, Trial, fastest, in_words, table
from netbuilder.training.updates import NonFiniteError, Updater
from tests.builders import tiny_cnn
from tests.insight.cases import infinite
from tests.training.documents import alternating, iris, planned, train, two_losses


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """One step a turn, three turns, two cores."""
    monkeypatch.setattr(trial, "ROUNDS", 3)
    monkeypatch.setattr(trial, "TURN_SECONDS", 0.0)
    monkeypatch.setattr(trial, "TOO_SLOW", 1e9)
    monkeypatch.setattr(trial.os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)


def test_precisions_formats_and_threads_are_tried():
    rows = Trial(planned(tiny_cnn(), batch_size=32)).run(Job())
    titles = [row.title for row in rows]
    assert titles[:4] == ["float32", "float32, channels first", "bfloat16", "bfloat16, channels first"]
    assert "float32, 2 threads" in titles[4:]
    assert all(row.milliseconds > 0 and row.speed > 0 and row.least <= row.speed for row in rows)
    assert (rows[0].speed, rows[0].difference, rows[0].is_plan) == (1.0, 0.0, True)
    assert [row.is_plan for row in rows[1:]] == [False] * (len(rows) - 1)
    assert 0 < abs(rows[2].difference) < 0.05, "bfloat16 rounds, but not that much"
    assert abs(rows[1].difference) < 1e-3


def test_a_network_without_images_has_one_format():
    titles = [row.title for row in Trial(two_losses()).run(Job())]
    assert titles[:2] == ["float32", "bfloat16"]
    assert not any("channels" in title for title in titles)


def test_what_the_plan_says_is_measured_too():
    rows = Trial(planned(iris(), precision="fp16", threads=3)).run(Job())
    (own,) = [row for row in rows if row.is_plan]
    assert own.title == "float16, 3 threads"
    assert own.speed


def test_a_trial_leaves_random_numbers_threads_and_the_next_run_alone(tmp_path):
    before = train(iris(), tmp_path / "a").series("loss/train")
    torch.manual_seed(5)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    made = planned(iris(), accumulation=2, clip_norm=1.0)
    Trial(alternating(made)).run(Job())
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert train(iris(), tmp_path / "b").series("loss/train") == before


def test_a_way_that_does_not_work_says_why_and_the_others_go_on(monkeypatch):
    run = Updater.run

    def fragile(self, model, batches, step):
        if self._settings.precision == "bf16":
            raise NonFiniteError("train", {"loss": float("nan")}, batches[0])
        return run(self, model, batches, step)

    monkeypatch.setattr(Updater, "run", fragile)
    rows = Trial(iris()).run(Job())
    (row,) = [row for row in rows if row.title == "bfloat16"]
    assert (row.milliseconds, row.speed, row.loss) == (None, None, None)
    assert row.note == "its loss is not finite: loss"
    assert fastest(rows).values["precision"] == "float32"


def test_what_is_far_slower_is_given_up(monkeypatch):
    monkeypatch.setattr(trial, "TOO_SLOW", 0.0)
    rows = Trial(planned(iris(), precision="fp16")).run(Job())
    (row,) = [row for row in rows if row.title == "float16"]
    assert row.note.startswith("given up: about")
    assert row.speed is None


def test_the_compiler_is_tried_with_the_fastest_way_when_asked_to(monkeypatch):
    compile_ = torch.compile
    monkeypatch.setattr(torch, "compile", lambda losses, **options: compile_(losses, backend="eager", **options))
    rows = Trial(iris(), with_compile=True).run(Job())
    torch._dynamo.reset()
    (row,) = [row for row in rows if row.values["compile"]]
    assert row.title.endswith("compiled")
    assert row.note.startswith("the compiler took")
    assert abs(row.difference) < 0.2


def test_cuda_graphs_are_tried_on_a_gpu_where_each_update_has_one_batch():
    ways = Trial(iris())._compiled(torch.device("cuda:0"))
    assert [(way["compile"], way["cuda_graphs"]) for way in ways] == [(True, False), (True, True)]
    assert [way["cuda_graphs"] for way in Trial(iris())._compiled(torch.device("cpu"))] == [False]
    several = planned(iris(), accumulation=2)
    assert [way["cuda_graphs"] for way in Trial(several)._compiled(torch.device("cuda:0"))] == [False]


@pytest.mark.gpu
def test_the_ways_of_a_gpu_are_measured():
    rows = Trial(iris(), device="cuda:0", with_compile=True).run(Job())
    by_title = {row.title: row for row in rows}
    assert {"float32", "bfloat16", "float16"} <= by_title.keys()
    (graphs,) = (row for row in rows if row.values["cuda_graphs"])
    assert graphs.speed is not None, graphs.note
    assert abs(graphs.difference or 0.0) < 0.2


def test_it_can_be_cancelled_and_says_how_far_it_is():
    seen = []
    made = Trial(iris())

    class Watched(Job):
        def report(self, fraction=None, detail=""):
            seen.append((fraction, detail))
            if made.rows:
                self.cancel()
            Job.report(self, fraction, detail)

    with pytest.raises(Cancelled):
        made.run(Watched())
    fractions = [fraction for fraction, _ in seen if fraction is not None]
    assert fractions == sorted(fractions)
    assert "bfloat16" in [detail for _, detail in seen]


def test_a_loss_that_is_no_number_leaves_nothing_to_compare(tmp_path):
    made = infinite(tmp_path)
    with pytest.raises(NetbuilderError) as caught:
        Trial(made).run(Job())
    assert [problem.code for problem in caught.value.problems] == ["trial.not_finite"]


def test_a_document_with_errors_is_refused():
    made = iris()
    edges = {port: source for port, source in made.graph.edges.items() if port.node != "scores"}
    with pytest.raises(NetbuilderError):
        Trial(replace(made, graph=replace(made.graph, edges=edges))).run(Job())


def _row(title: str, speed: float | None, least: float = 1.0, loss: float | None = 1.0) -> Row:
    return Row(values={**PLAIN}, title=title, milliseconds=1.0, speed=speed, least=least, loss=loss, difference=0.01)


@pytest.mark.parametrize(
    ("rows", "best"),
    [
        ([_row("plain", 1.0), _row("a", 1.5, 1.2), _row("b", 2.0, 1.1)], "b"),
        ([_row("plain", 1.0), _row("a", 1.04, 1.02)], "plain"),
        ([_row("plain", 1.0), _row("now and then", 1.6, 0.8), _row("a", 1.2, 1.1)], "a"),
        ([_row("plain", 1.0), _row("failed", None), _row("no loss", 3.0, 2.0, None)], "plain"),
    ],
)
def test_the_fastest_is_recommended_when_it_is_clearly_faster(rows, best):
    assert fastest(rows).title == best
    assert fastest([]) is None


def test_ways_have_names_and_a_table():
    assert in_words(PLAIN) == "float32"
    every = {**PLAIN, "precision": "bf16", "memory_format": "channels_last", "compile": True, "threads": 1}
    assert in_words(every) == "bfloat16, channels last, 1 thread, compiled"
    assert in_words({**every, "cuda_graphs": True}).endswith("compiled, CUDA graphs")
    lines = table([_row("float32", 1.0), replace(_row("bfloat16", None), note="not here")]).splitlines()
    assert len({line.index("1.00") for line in lines[1:2]}) == 1
    assert lines[1].split() == ["float32", "1.00", "1.00", "+1.00", "%"]
    assert lines[2].endswith("not here")
