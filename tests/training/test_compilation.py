"""Compiled losses: the same updates, and what happens when the compiler fails.

Most tests use torch's "eager" backend, which traces but makes no kernels: those take most of a minute.
"""

from __future__ import annotations

import shutil

import pytest
import torch

from netbuilder.foundation.job import Job
from netbuilder.training import compilation
from netbuilder.training.live_view import LiveView
from netbuilder.training.protocol import Start
from netbuilder.training.thread_host import ThreadHost
from netbuilder.training.trainer import Trainer
from tests.builders import node, tiny_cnn
from tests.training import documents
from tests.training.documents import begin, fail, iris, planned, saved_weights, train, two_losses


@pytest.fixture
def compiler(monkeypatch):
    """Replace the backend; returns the batch sizes that graphs were made for."""
    sizes = []
    compile_ = torch.compile

    def backend(graph, inputs):
        sizes.append(next(each.shape[0] for each in reversed(inputs) if isinstance(each, torch.Tensor)))
        return graph.forward

    monkeypatch.setattr(torch, "compile", lambda losses, **options: compile_(losses, backend=backend, **options))
    yield sizes
    torch._dynamo.reset()


def _end(run):
    return run.end.data["reason"], run.series("loss/train")


@pytest.mark.parametrize("made", [planned(iris(), epochs=2), planned(two_losses(), precision="bf16", epochs=2)])
def test_compiled_losses_train_the_same_network(made, tmp_path, compiler):
    plain = train(made, tmp_path / "plain")
    compiled = train(planned(made, compile=True), tmp_path / "compiled")
    assert _end(compiled) == _end(plain)
    assert saved_weights(tmp_path / "compiled").keys() == saved_weights(tmp_path / "plain").keys()
    assert len(compiler) == 2, "one graph for whole batches and one for the last of an epoch"
    assert not compiled.of("problem")
    assert [event.text for event in compiled.of("log")][1] == "The first steps wait for torch.compile."


def test_a_compiler_that_fails_is_told_once_and_training_goes_on(tmp_path, monkeypatch):
    compile_ = torch.compile

    def refuse(graph, inputs):
        raise RuntimeError("no compiler is installed")

    monkeypatch.setattr(torch, "compile", lambda losses, **options: compile_(losses, backend=refuse, **options))
    made = planned(iris(), epochs=2)
    plain = train(made, tmp_path / "plain")
    run = train(planned(made, compile=True), tmp_path / "run")
    torch._dynamo.reset()
    assert _end(run) == _end(plain)
    (told,) = run.of("problem")
    (problem,) = told.problems
    assert problem.code == "training.compile"
    assert not problem.is_error
    assert "no compiler is installed" in problem.found
    assert problem.fixes[0].arguments == {"values": {"compile": False}}


def test_what_the_network_is_to_blame_for_is_told_at_its_node(tmp_path, compiler):
    made = planned(tiny_cnn(), epochs=1, compile=True)
    run = fail(planned(iris(8, node("huge", "exp"), node("more", "exp"), node("most", "exp")), compile=True), tmp_path)
    (problem,) = run.of("problem")[0].problems
    assert problem.code == "training.not_finite"
    assert made.plan.compile


def test_an_error_of_ours_is_not_taken_for_the_compilers(compiler):
    losses = compilation.CompiledLosses(lambda model, batch: {}, lambda problem: None)
    losses._run = lambda model, batch: {}["missing"]
    with pytest.raises(KeyError):
        losses(torch.nn.Linear(1, 1), {})
    assert losses.is_compiled


@pytest.mark.filterwarnings("ignore:`torch.jit.script")
def test_cuda_graphs_are_asked_for_and_left_when_they_fail(monkeypatch):
    asked, told = [], []

    def compile_(losses, **options):
        asked.append(options)

        def run(model, batch):
            raise RuntimeError("accessing tensor output of CUDAGraphs that has been overwritten")

        return run

    monkeypatch.setattr(torch, "compile", compile_)
    losses = compilation.CompiledLosses(lambda model, batch: {"loss": batch}, told.append, with_graphs=True)
    assert asked == [{"dynamic": False, "mode": "reduce-overhead"}]
    assert losses(torch.nn.Linear(1, 1), {}) == {"loss": {}}
    assert not losses.is_compiled
    assert "CUDAGraphs" in told[0].found
    plain = compilation.CompiledLosses(lambda model, batch: {}, told.append)
    assert asked[1] == {"dynamic": False, "mode": None}
    with pytest.raises(RuntimeError):
        plain(torch.nn.Linear(1, 1), {})


@pytest.mark.parametrize("plan", [{}, {"accumulation": 2}])
def test_graphs_are_for_gpus_and_one_batch_an_update(plan):
    wish = planned(iris(), cuda_graphs=True, **plan).plan
    assert compilation.takes_graphs(wish, torch.device("cuda:0")) is (plan.get("accumulation", 1) == 1)
    assert not compilation.takes_graphs(wish, torch.device("cpu"))
    assert not compilation.takes_graphs(planned(iris(), **plan).plan, torch.device("cuda:0"))


@pytest.mark.gpu
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("graphs", [False, True])
def test_kernels_on_a_gpu_train_the_same_network(graphs, tmp_path):
    runs = []
    for name, plan in (("plain", {}), ("compiled", {"compile": True, "cuda_graphs": graphs})):
        run = documents.Run(ThreadHost(), tmp_path / name)
        made = planned(iris(), epochs=4, **plan)
        run.host.send(Start(document=made, folder=str(tmp_path / name), device="cuda:0"))
        runs.append(run.finish(500))
    assert not runs[1].of("problem")
    assert runs[1].series("loss/train") == pytest.approx(runs[0].series("loss/train"), rel=1e-3)


@pytest.mark.gpu
@pytest.mark.parametrize("key", ["sgd", "adam", "adamw"])
def test_data_stay_on_the_gpu_and_all_weights_are_updated_by_one_kernel(key, tmp_path):
    made = documents.with_optimizer(iris(), key)
    trainer = Trainer(Start(document=made, folder=str(tmp_path / "run"), device="cuda:0"), LiveView(), Job())
    try:
        trainer.build()
        for part in trainer.parts.values():
            assert all(tensor.is_cuda for source in part.sources for tensor in source.tensors.values())
        (batches, *_) = trainer.batches()
        assert all(tensor.is_cuda for batch in batches for tensor in batch.values())
        trainer.step(batches)
        for updater in trainer.updaters:
            assert all(group["fused"] for group in updater.optimizer.param_groups)
            assert all(each.is_cuda for each in updater.parameters)
    finally:
        trainer.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore:`torch.jit.script")
@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler on the processor")
def test_kernels_of_the_real_compiler_train_the_same_network(tmp_path):
    made = planned(iris(), epochs=2)
    plain = train(made, tmp_path / "plain")
    run = begin(planned(made, compile=True), tmp_path / "compiled").finish(500)
    assert not run.of("problem")
    assert run.series("loss/train") == pytest.approx(plain.series("loss/train"), rel=1e-4)
    assert run.series("loss/validation") == pytest.approx(plain.series("loss/validation"), rel=1e-4)
