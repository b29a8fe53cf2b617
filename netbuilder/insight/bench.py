"""The bench: a run's own trainer, built in a throw-away folder and driven by hand for some steps."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from netbuilder.document.model import Document
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.insight.order import Order
from netbuilder.training.batches import Batch, grouped, shuffling
from netbuilder.training.checkpoints import load_checkpoint, put_into
from netbuilder.training.live_view import LiveView
from netbuilder.training.network import Network
from netbuilder.training.protocol import Start
from netbuilder.training.run_files import LAST, has_state
from netbuilder.training.state import load_generation
from netbuilder.training.trainer import Trainer
from netbuilder.training.transplant import Body, transplant


class Bench:
    """A network with its data and optimizers, of which nothing outlives the bench.

    Attributes:
        trainer: Steps it.
        begins_at: The step of the run whose weights it began with; None for fresh ones.
    """

    def __init__(self, trainer: Trainer, live: LiveView, document: Document) -> None:
        self.trainer = trainer
        self.begins_at: int | None = None
        self._live = live
        self._document = document

    @property
    def network(self) -> Network:
        """The network."""
        return self.trainer.network

    def batches(self, seed: int) -> Iterator[Sequence[Batch]]:
        """Yield training batches without end, those of one step together; equal seeds yield equal ones."""
        part, plan = self.trainer.parts["train"], self._document.plan
        generators = {source.node: shuffling(seed, source.node) for source in part.sources}
        while True:
            yield from grouped(part.shuffled(plan.batch_size, generators), plan.accumulation)

    def step(self, batches: Sequence[Batch]) -> float | None:
        """Do one step; returns the training loss before its update, None when something was not finite."""
        self.network.model_train()
        try:
            self.trainer.step(batches)
        except NetbuilderError as error:
            if any(problem.code == "training.not_finite" for problem in error.problems):
                return None
            raise
        self.trainer.report(0.0)
        return float(self._live.drain().series["loss/train"].values[-1])

    def losses(self, count: int, seed: int, job: Job, share: tuple[float, float] = (0.0, 1.0)) -> list[float]:
        """Do some steps; returns their losses, fewer when one was not finite.

        Args:
            count: Steps.
            seed: Of batches and dropout.
            job: Told how far it is; cancelling it ends the work.
            share: From which to which part of the whole work these steps are.
        """
        torch.manual_seed(seed)
        found: list[float] = []
        low, high = share
        for number, batches in enumerate(itertools.islice(self.batches(seed), count)):
            job.report(low + (high - low) * number / count, job.detail)
            loss = self.step(batches)
            if loss is None:
                break
            found.append(loss)
        return found


class _Within(Job):
    """A piece of a larger job: it can be cancelled with it, and does not say how far the whole is."""

    def __init__(self, whole: Job) -> None:
        super().__init__(title=whole.title)
        self._whole = whole

    def report(self, fraction: float | None = None, detail: str = "") -> None:
        """Say that it goes on."""
        self._whole.report(self._whole.fraction, self._whole.detail or detail)


@contextmanager
def bench(order: Order, job: Job, *, seed: int | None = None) -> Iterator[Bench]:
    """Build a network with all that trains it, and take it down again.

    Args:
        order: Of what.
        job: Told how far it is.
        seed: Draws the weights; None takes the plan's.

    Raises:
        NetbuilderError: When it cannot be built.
        Cancelled: When the job was.
    """
    document = order.document
    if seed is not None:
        document = replace(document, plan=replace(document.plan, seed=seed))
    with tempfile.TemporaryDirectory(prefix="netbuilder-") as folder:
        live = LiveView()
        start = Start(
            document=document, folder=str(Path(folder) / "run"), base=order.base, runs=order.runs, device=order.device
        )
        trainer = Trainer(start, live, _Within(job))
        try:
            trainer.build()
            made = Bench(trainer, live, document)
            if order.run:
                made.begins_at = _load(order, trainer.network)
            yield made
        finally:
            trainer.close()


def _load(order: Order, network: Network) -> int | None:
    """Give a network the newest weights of a run, moved to where they belong in it.

    Returns:
        Their step; None when the run has saved none yet.

    Raises:
        NetbuilderError: When they are damaged, or of another network than the order says.
    """
    found = _newest(Path(order.run))
    if found is None:
        return None
    tensors, step = found
    trained, document = order.trained or order.document, order.document
    if trained.graph is document.graph and trained.blocks is document.blocks:
        put_into(network.model, tensors, Path(order.run))
    else:
        before = Network(trained, network.device, Path(order.runs))
        put_into(before.model, tensors, Path(order.run))
        transplant(Body(before.document, before.modules), Body(network.document, network.modules))
    return step


def _newest(run: Path) -> tuple[Mapping[str, torch.Tensor], int] | None:
    """Return a run's newest weights and their step: its training state's, which is written at every pause."""
    if has_state(run):
        state, _ = load_generation(run)
        return state.part("model"), state.step
    if not (run / LAST).is_file():
        return None
    checkpoint = load_checkpoint(run / LAST)
    return checkpoint.tensors, int(checkpoint.about.get("step", 0))
