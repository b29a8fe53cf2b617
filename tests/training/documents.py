"""Small documents to train, one of each kind, and a run from start to end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from netbuilder.data.schemas import describe
from netbuilder.document.model import Document, Group, Node, Phase, Setting
from netbuilder.training.checkpoints import load_checkpoint
from netbuilder.training.protocol import (
    Command,
    Event,
    Picture,
    PictureKind,
    SessionHost,
    Start,
    State,
    Telemetry,
)
from netbuilder.training.thread_host import ThreadHost
from tests.builders import chain, document, linear, node


def planned(made: Document, **plan: Any) -> Document:
    """Return a document with some of its plan changed."""
    return replace(made, plan=replace(made.plan, **plan))


def network(
    source: str, body: Iterable[Node], loss: str, inputs: str, truth: str, between: Iterable[Node] = (), **data: Any
) -> Document:
    """Return source -> body -> loss, with `between` the source's target and the loss's."""
    body, between = list(body), list(between)
    checked = [*chain(*between), (f"{between[-1].id}.y", "loss.target")] if between else []
    first = f"{between[0].id}.x" if between else "loss.target"
    links = [
        (f"data.{inputs}", f"{body[0].id}.x"),
        *chain(*body),
        (f"{body[-1].id}.y", "loss.prediction"),
        (f"data.{truth}", first),
        *checked,
    ]
    nodes = [node("data", source, **data), *body, *between, node("loss", loss)]
    return document(nodes, links, {"data": describe(source, data)})


def iris(hidden: int = 8, *extra: Node) -> Document:
    """Return a classifier of iris flowers; one epoch is 7 steps of 16."""
    body = [linear("hidden", hidden), *(extra or (node("act", "tanh"),)), linear("scores", 3)]
    return planned(network("data.iris", body, "cross_entropy", "features", "label"), batch_size=16, epochs=4)


def diabetes() -> Document:
    """Return a regression."""
    body = [linear("hidden", 16), node("act", "relu"), linear("value", 1)]
    return planned(network("data.diabetes", body, "mse_loss", "features", "target"), epochs=3)


def binary() -> Document:
    """Return a two-class network with a single logit."""
    between = [node("floats", "cast", dtype="float32"), node("column", "unsqueeze", axis=1)]
    body = [linear("hidden", 8), node("act", "relu"), linear("logit", 1)]
    made = network("data.breast_cancer", body, "bce_with_logits", "features", "label", between)
    return planned(made, epochs=3)


def rows_lstm() -> Document:
    """Return digits read row by row by an LSTM."""
    made = network(
        "data.digits",
        [node("rows", "squeeze", axis=1), node("lstm", "lstm", units=12), linear("scores", 10)],
        "cross_entropy",
        "image",
        "label",
    )
    edges = {
        target: source._replace(port="state") if source.node == "lstm" else source
        for target, source in made.graph.edges.items()
    }
    return planned(replace(made, graph=replace(made.graph, edges=edges)), epochs=2, batch_size=128)


def moons() -> Document:
    """Return a two-class network over the plane."""
    body = [linear("hidden", 16), node("act", "relu"), linear("scores", 2)]
    return planned(
        network("data.moons", body, "cross_entropy", "points", "label", samples=300, normalize=True), epochs=2
    )


def surface() -> Document:
    """Return a regression over the plane, with normalized input and target."""
    body = [linear("hidden", 16), node("act", "tanh"), linear("value", 1)]
    made = network("data.surface", body, "mse_loss", "points", "target", samples=300, normalize=True)
    return with_optimizer(planned(made, epochs=30), "adam", learning_rate=0.02)


def two_losses() -> Document:
    """Return iris with two heads and a loss each."""
    made = iris()
    more = document(
        [linear("second", 3), node("extra", "cross_entropy")],
        [("act.y", "second.x"), ("second.y", "extra.prediction"), ("data.label", "extra.target")],
    )
    graph = replace(
        made.graph,
        nodes={**made.graph.nodes, **more.graph.nodes},
        edges={**made.graph.edges, **more.graph.edges},
    )
    return replace(made, graph=graph)


def with_optimizer(made: Document, key: str, schedule: str = "constant", **values: Any) -> Document:
    """Return a document with another optimizer and schedule in its only phase."""
    phase = replace(made.plan.phases[0], optimizer=Setting(key=key, values=values), schedule=Setting(key=schedule))
    return planned(made, phases=(phase,))


def alternating(made: Document) -> Document:
    """Return a document with two phases: one updates the hidden layer, one the scores."""
    phases = tuple(
        Phase(name=name, groups=(Group(nodes=(part,)),), optimizer=Setting(key="sgd"))
        for name, part in (("first", "hidden"), ("second", "scores"))
    )
    return planned(made, phases=phases)


new_host: Callable[[], SessionHost] = ThreadHost
"""Where `begin` begins a session; the tests of both hosts put another in its place."""


@dataclass(slots=True)
class Run:
    """Everything that one session told."""

    host: SessionHost
    folder: Path
    telemetry: list[Telemetry] = field(default_factory=list)

    @property
    def events(self) -> list[Event]:
        """All events so far."""
        return [event for told in self.telemetry for event in told.events]

    def of(self, kind: str) -> list[Event]:
        """Return the events of one kind."""
        return [event for event in self.events if event.kind == kind]

    @property
    def end(self) -> Event:
        """The only "end" event."""
        (event,) = self.of("end")
        return event

    def series(self, name: str) -> list[float]:
        """Return all values of one series."""
        blocks = [told.series[name].values for told in self.telemetry if name in told.series]
        return np.concatenate(blocks).tolist() if blocks else []

    def steps(self, name: str) -> list[int]:
        """Return all steps of one series."""
        blocks = [told.series[name].steps for told in self.telemetry if name in told.series]
        return np.concatenate(blocks).tolist() if blocks else []

    def pictures(self, kind: PictureKind) -> dict[str, Picture]:
        """Return node -> the newest picture of one kind."""
        return {each.node: each for told in self.telemetry for each in told.pictures if each.kind is kind}

    def drain(self) -> Telemetry:
        """Take what is new."""
        self.telemetry.append(self.host.drain())
        return self.telemetry[-1]

    def until(self, reached: Callable[[Telemetry], bool], seconds: float = 60.0) -> None:
        """Drain until something is so."""
        import time

        end = time.monotonic() + seconds
        while not reached(self.drain()):
            assert time.monotonic() < end, f"waited in vain: {self.telemetry[-1].progress}, {self.events[-3:]}"
            time.sleep(0.002)

    def command(self, command: Command) -> None:
        """Send a command and wait until it took effect."""
        number = self.host.send(command)
        self.until(lambda told: told.progress.acknowledged >= number)

    def finish(self, seconds: float = 60.0) -> Run:
        """Wait for the end, and take the rest."""
        assert self.host.wait(seconds), "the session did not end"
        self.drain()
        for event in self.of("crash"):
            raise AssertionError(event.data["traceback"])
        return self


def begin(made: Document, folder: Path, *commands: Command, paused: bool = False) -> Run:
    """Start a session."""
    run = Run(new_host(), folder)
    run.host.send(Start(document=made, folder=str(folder), paused=paused))
    for command in commands:
        run.host.send(command)
    return run


def train(made: Document, folder: Path) -> Run:
    """Run a session to its end."""
    return begin(made, folder).finish()


def fail(made: Document, folder: Path) -> Run:
    """Run a session that must fail."""
    run = train(made, folder)
    assert run.host.state is State.FAILED
    assert run.end.data["reason"] == "failed"
    return run


def saved_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a run's last checkpoint."""
    return dict(load_checkpoint(folder / "last.safetensors").tensors)


ENDED = (State.ENDED, State.FAILED)
