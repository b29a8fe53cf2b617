"""Changes in any order, and while a run does not rest, leave it in order."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netbuilder.document import edits
from netbuilder.document.files import read_document
from netbuilder.document.model import Document
from netbuilder.training.protocol import Change, Pause, Resume, Step
from netbuilder.training.run_store import RunStore
from tests.builders import node
from tests.training.changes import change, finish
from tests.training.documents import (
    begin,
    iris,
    planned,
    saved_weights,
)

BOTH_HOSTS = True
"""See `conftest`."""


def test_changes_reach_a_run_that_does_not_rest(tmp_path):
    made = iris(8, node("act", "relu"), node("drop", "dropout", p=0.5))
    made = planned(made, epochs=30)
    run = begin(made, tmp_path / "run")
    for number in range(12):
        wish = planned(edits.set_parameters(made, "drop", {"p": number / 20}), batch_size=16 + number)
        run.command(
            Change(document=wish if number % 2 else edits.set_parameters(wish, "hidden", {"units": 8 + number}))
        )
    finish(run)
    assert all(event.data["taken"] for event in run.of("change"))
    assert run.end.data["reason"] == "finished"
    assert len(run.of("epoch")) == 30
    steps = run.steps("loss/train")
    assert steps == list(range(1, len(steps) + 1))


WISHES = st.one_of(
    st.builds(lambda units: ("hidden", units), st.integers(1, 12)),
    st.builds(lambda size: ("batch_size", size), st.integers(2, 60)),
    st.builds(lambda epochs: ("epochs", epochs), st.integers(1, 3)),
    st.sampled_from([("do", Step()), ("do", Pause()), ("do", Resume()), ("back", 0), ("back", 1), ("wait", 0)]),
)


def wished(document: Document, kind: str, value: Any) -> Document:
    if kind == "hidden":
        return edits.set_parameters(document, "hidden", {"units": value})
    return planned(document, **{kind: value})


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(wishes=st.lists(WISHES, max_size=9), rests=st.booleans())
def test_any_sequence_of_changes_leaves_a_run_in_order(wishes, rests, tmp_path_factory):
    """Each row of an epoch once, each step once, and the network that was asked for last."""
    folder = tmp_path_factory.mktemp("changes") / "run"
    document = planned(iris(8, node("act", "relu"), node("drop", "dropout", p=0.5)), epochs=3)
    run = begin(document, folder, paused=rests)
    for kind, value in wishes:
        if kind == "do":
            run.command(value)
        elif kind == "wait":
            time.sleep(0.01)
        elif kind == "back":
            ways = [event for event in run.of("change") if "state" in event.data and Path(event.data["state"]).exists()]
            if not ways or run.of("end"):
                continue
            before = read_document(ways[-1 - value % len(ways)].data["document"])
            if change(run, before, ways[-1 - value % len(ways)].data["state"]).data["taken"]:
                document = before
        elif not run.of("end"):
            told = len(run.of("change"))
            run.command(Change(document=wished(document, kind, value)))
            if len(run.of("change")) > told:  # else it had ended
                assert run.of("change")[-1].data["taken"]
                document = wished(document, kind, value)
    run.host.send(Resume())
    run.finish()
    assert run.end.data["reason"] == "finished"
    steps = RunStore.open(folder.parent).series("run", "loss/train").steps.tolist()
    assert steps == list(range(1, run.end.step + 1))
    assert run.telemetry[-1].progress.steps == run.end.step
    assert len(saved_weights(folder)["hidden.weight"]) == document.graph.nodes["hidden"].parameters["units"]
