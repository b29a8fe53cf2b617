"""Faults from outside: bad data, memory and disks that run out. What happened is said, and nothing is lost."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from netbuilder.document.model import Document
from netbuilder.foundation import trust
from netbuilder.training.checkpoints import load_checkpoint
from netbuilder.training.process_host import ProcessHost
from netbuilder.training.protocol import Pause, Resume, Start, State
from netbuilder.training.run_store import RunStore
from netbuilder.training.shortage import asked, free, in_short
from tests.builders import linear, node
from tests.compiler.test_custom import custom
from tests.data.test_bad_content import BAD_IMAGES, GOOD, TABLES, png
from tests.training.documents import Run, begin, fail, iris, network, planned, train

BOTH_HOSTS = True
"""See `conftest`."""

unix = pytest.mark.skipif(sys.platform == "win32", reason="limits are those of Unix")


def table(path: Path) -> Document:
    """Return a network that learns a good table at `path`, which is written."""
    path.write_text(GOOD)
    body = [linear("hidden", 4), node("act", "tanh"), linear("scores", 2)]
    made = network("data.table", body, "cross_entropy", "features", "label", file=str(path))
    return planned(made, batch_size=8, epochs=2)


def with_data(made: Document, **parameters) -> Document:
    """Return a document whose data node has other settings."""
    data = made.graph.nodes["data"]
    changed = replace(data, parameters={**data.parameters, **parameters})
    return replace(made, graph=replace(made.graph, nodes={**made.graph.nodes, "data": changed}))


def the_problem(run: Run):
    (problem,) = [each for event in run.of("problem") for each in event.problems]
    return problem


def test_a_good_table_is_learned(tmp_path):
    assert train(table(tmp_path / "data.csv"), tmp_path / "run").end.data["reason"] == "finished"


@pytest.mark.parametrize("name", TABLES)
def test_a_bad_table_stops_the_run_and_is_named_with_its_row(name, tmp_path):
    content, parameters, code, line = TABLES[name]
    made = with_data(table(tmp_path / "data.csv"), **parameters)
    (tmp_path / "data.csv").write_bytes(content)
    run = fail(made, tmp_path / "run")
    problem = the_problem(run)
    assert (problem.code, problem.line, problem.node) == (code, line, "data")
    assert run.series("loss/train") == []


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_a_bad_picture_stops_the_run_and_is_named(name, tmp_path):
    folder = tmp_path / "bilder – снимки"
    for label, color in (("cat", 0), ("dög", (255, 255, 255))):
        (folder / label).mkdir(parents=True)
        for index in range(10):
            (folder / label / f"{index}.png").write_bytes(png((9, 7), color=color))
    body = [node("flat", "flatten"), linear("scores", 2)]
    made = network("data.images", body, "cross_entropy", "image", "label", folder=str(folder), height=8, width=8)
    made = planned(made, epochs=1)
    assert train(made, tmp_path / "good").end.data["reason"] == "finished"
    (folder / "cat" / "3.png").write_bytes(BAD_IMAGES[name])
    problem = the_problem(fail(made, tmp_path / "run"))
    assert problem.file == str(folder / "cat" / "3.png")
    assert problem.node == "data"


def test_a_file_that_vanished_or_changed_before_the_start_is_told(tmp_path):
    path = tmp_path / "data.csv"
    made = table(path)
    path.write_text(
        "\n".join(f"{line.partition(',')[0]},{line}" for line in GOOD.splitlines()).replace("size", "more", 1)
    )
    assert "features has the size 3 and had 2" in the_problem(fail(made, tmp_path / "changed")).message
    path.unlink()
    assert the_problem(fail(made, tmp_path / "gone")).file == str(path)


def test_a_file_that_vanishes_while_it_trains_is_missed_by_nobody(tmp_path):
    """All rows are in memory by then."""
    path = tmp_path / "data.csv"
    run = begin(planned(table(path), epochs=20), tmp_path / "run", paused=True)
    run.until(lambda told: told.progress.state is State.PAUSED)
    path.unlink()
    run.command(Resume())
    assert run.finish().end.data["reason"] == "finished"


LAYER = """\
class Fault(nn.Module):
    def __init__(self):
        super().__init__()
        self.count = 0

    def forward(self, x):
        self.count += 1
        if self.count == 40 and self.training:
            import os, resource, torch
            {fault}
        return x
"""


def _faulty(fault: str, epochs: int = 40) -> Document:
    code = LAYER.format(fault=fault)
    trust.grant([code])
    return planned(iris(8, custom("fault", code)), epochs=epochs)


@pytest.fixture
def apart():
    """A process of its own, whose limits are nobody else's."""
    host = ProcessHost()
    yield host
    host.leave()


def _start(host: ProcessHost, made: Document, folder: Path) -> Run:
    run = Run(host, folder)
    host.drain()
    host.send(Start(document=made, folder=str(folder)))
    return run


@unix
@pytest.mark.thread_only
def test_memory_that_really_runs_out_is_told_in_numbers_and_comes_back(apart, tmp_path):
    limit = "used = int(open('/proc/self/statm').read().split()[0]) * 4096; "
    limit += "resource.setrlimit(resource.RLIMIT_AS, (used + (600 << 20), -1)); x = x + torch.ones(1 << 30)[:1]"
    run = _start(apart, _faulty(limit), tmp_path / "x.runs" / "a").finish()
    problem = the_problem(run)
    assert problem.code == "training.memory"
    assert problem.expected == "4.3 GB more"
    assert problem.found.endswith("free")
    assert run.host.state is State.FAILED
    process = apart.process_id
    again = _start(apart, iris(), tmp_path / "x.runs" / "b").finish()
    assert again.end.data["reason"] == "finished", "the next run has its memory, in the same process"
    assert apart.process_id == process


@unix
@pytest.mark.thread_only
def test_a_disk_that_really_is_full_is_told_once_and_what_was_saved_stays(apart, tmp_path):
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (64, -1))"
    run = _start(apart, _faulty(limit), tmp_path / "x.runs" / "a").finish()
    codes = [each.code for event in run.of("problem") for each in event.problems]
    assert len(run.of("epoch")) == 40, "the training goes on"
    assert {"runs.unwritable", "save.limit"} <= set(codes), "each is told, whichever comes first"
    assert codes.count("runs.unwritable") == 1
    assert codes.count("save.limit") <= 2, "once along the way, once at the end"
    assert run.series("loss/train")[-1] > 0
    assert load_checkpoint(tmp_path / "x.runs" / "a" / "last.safetensors").about["step"] < 40 * 7
    assert RunStore.open(tmp_path / "x.runs").list_runs()[0].id == "a"


def test_pausing_a_run_whose_folder_is_gone_is_told(tmp_path):
    import shutil

    run = begin(planned(iris(), epochs=2000), tmp_path / "x.runs" / "run")
    run.until(lambda told: told.progress.step > 5)
    run.command(Pause())
    shutil.rmtree(tmp_path / "x.runs", ignore_errors=True)
    run.command(Resume())
    run.finish()
    assert run.host.state in (State.ENDED, State.FAILED)
    assert run.of("crash") == []


def test_what_torch_says_of_memory_is_understood():
    cpu = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4000 bytes. Error code 12")
    gpu = RuntimeError("CUDA out of memory. Tried to allocate 1.50 GiB. GPU 0 has … of which 512.00 MiB is free.")
    assert asked(cpu) == 4000
    assert (asked(gpu), free(gpu)) == (1.5 * 2**30, 2**29)
    assert free(cpu) > 0
    assert in_short(gpu) == ("1.6 GB more", "537 MB free")
    assert in_short(MemoryError()) == ("", "")
