"""Exporting in a process of its own: the same result, cancelling leaves nothing, and a death is told in plain words."""

import time

import psutil
import pytest

from netbuilder.exchange.child_process import export_in_child
from netbuilder.exchange.formats import Order
from netbuilder.foundation import child
from netbuilder.foundation.job import Cancelled, Job
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.foundation.save import TEMPORARY
from netbuilder.training.checkpoints import load_checkpoint
from tests.builders import document, linear, node, tiny_mlp


class Watched(Job):
    """A job that remembers what it was told, and does something at the first word of a kind."""

    def __init__(self, word="", act=lambda: None):
        super().__init__(title="Exporting")
        self.told, self.word, self.act = [], word, act

    def report(self, fraction=None, detail=""):
        super().report(fraction, detail)
        if detail and detail not in self.told:
            self.told.append(detail)
        if self.word and self.word in detail:
            self.word = ""
            self.act()


def children():
    return [each for each in psutil.Process().children() if "spawn_main" in " ".join(each.cmdline())]


def test_a_child_writes_what_an_export_here_would(tmp_path):
    job = Watched()
    order = Order(document=tiny_mlp(), format="safetensors", target=tmp_path / "x.safetensors")
    exported = export_in_child(order, job)
    assert exported.files == (order.target,)
    assert load_checkpoint(order.target).paths
    assert job.told[0] == "Loading PyTorch"
    assert "Building the network" in job.told
    assert children() == []


def test_a_users_mistake_comes_back_as_problems(tmp_path):
    broken = document([node("digits", "data.digits"), linear("out", 3)], [("digits.image", "out.x")])
    with pytest.raises(NetbuilderError) as caught:
        export_in_child(Order(document=broken, format="onnx", target=tmp_path / "x.onnx"), Job())
    assert caught.value.problems[0].node == "digits"


@pytest.mark.parametrize(("key", "name"), [("onnx", "x.onnx"), pytest.param("python", "new", marks=pytest.mark.slow)])
def test_cancelling_ends_the_child_and_leaves_nothing(key, name, tmp_path):
    job = Watched("Building the network")
    job.act = job.cancel
    began = time.monotonic()
    with pytest.raises(Cancelled):
        export_in_child(Order(document=tiny_mlp(), format=key, target=tmp_path / name), job)
    assert time.monotonic() - began < 60
    assert children() == []
    assert [path.name for path in tmp_path.iterdir() if path.name != "netbuilder-home"] == []


def test_what_a_child_that_was_ended_has_begun_to_write_is_swept(tmp_path):
    order = Order(document=tiny_mlp(), format="onnx", target=tmp_path / "x.onnx")
    left = tmp_path / f".x.onnx.99999999.abcd{TEMPORARY}"

    def act():
        left.write_bytes(b"half")
        job.cancel()

    job = Watched("Loading PyTorch", act)
    with pytest.raises(Cancelled):
        export_in_child(order, job)
    assert not left.exists()


def test_a_child_that_dies_is_a_problem(tmp_path):
    def kill():
        for each in children():
            each.kill()

    order = Order(document=tiny_mlp(), format="onnx", target=tmp_path / "x.onnx")
    with pytest.raises(NetbuilderError, match="ended from outside"):
        export_in_child(order, Watched("Building the network", kill))
    assert list(tmp_path.glob("*.onnx")) == []


def test_a_defect_of_ours_comes_back_as_one():
    """It becomes a crash report with the child's traceback, not a user's problem."""
    sent = []

    class Pipe:
        def send(self, message):
            sent.append(message)

    def fail(job):
        raise ZeroDivisionError("ours")

    child.run(fail, Pipe())
    ((kind, text),) = sent
    assert kind == "crash"
    assert "ZeroDivisionError: ours" in text
