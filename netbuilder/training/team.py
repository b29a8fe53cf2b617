"""The team: processes that share the work of each batch, one a device (`torch.distributed`).

The session's own process is the first; it alone holds optimizers, schedules, records and checkpoints, so that
pausing, going on from a state, snapshots and schedules are what they are with one device. For each batch it sends the
weights and a share of the rows to the others (`teammate`), computes its own share, and adds all gradients up. That is
as many bytes as averaging gradients among equals takes, where every process would then make the same update.

When the network is edited, the others are sent the document before the next batch; the weights come with the batch.

Gradients and losses are means over all rows, as with one device, where the loss is a mean over rows; one that is a sum
is refused. Batch normalization looks at all rows (`batch_statistics`).
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import torch
import torch.distributed as dist
from torch import Tensor, nn

from netbuilder.compiler.expansion import Expander
from netbuilder.document.model import Document
from netbuilder.foundation.problem import Fix, NetbuilderError, Problem
from netbuilder.layers.catalog import catalog
from netbuilder.training.batch_statistics import BatchStatistics
from netbuilder.training.batches import Batch, count_rows
from netbuilder.training.deaths import reason_of
from netbuilder.training.devices import Device
from netbuilder.training.mates import Mate
from netbuilder.training.network import Network
from netbuilder.training.team_link import NEW_NETWORK, Layout, collect, held, join_group, pack, shares
from netbuilder.training.updates import NonFiniteError, Updater

START_SECONDS: Final = 120.0
"""How long the others may take to load torch and to build the network."""

END_SECONDS: Final = 2.0
"""How long the reason is waited for why a process no longer answers."""


class MateLostError(NetbuilderError):
    """One of the processes has ended, or does not answer."""


@dataclass(frozen=True, slots=True)
class _Before:
    """What a step changes before its first update: random numbers and statistics."""

    batches: int
    generators: Sequence[Tensor]
    buffers: Sequence[Tensor]


class Team:
    """The other processes of a run, as the first sees them."""

    def __init__(self, network: Network, devices: Sequence[Device], layout: Layout, threads: int) -> None:
        """Start them and wait until they are there.

        Args:
            network: What is trained.
            devices: One for each process, that of this one first.
            layout: What batches are made of.
            threads: How many each may use inside an operation.

        Raises:
            NetbuilderError: When the network cannot be trained so, or one of them does not come.
        """
        refuse_sums(network.document)
        self._network = network
        self._known = network  # to the others
        self._layout = layout
        self._statistics = BatchStatistics(network.model)
        self._size = len(devices)
        self._device = torch.device(devices[0].key)
        self._folder = Path(tempfile.mkdtemp(prefix="netbuilder-team-"))
        self._mates: list[Mate] = []
        self._before: _Before | None = None
        self._calls = 0
        self._is_broken = False
        try:
            for rank, device in enumerate(devices[1:], 1):
                order = {
                    **self._about_network(),
                    "rank": rank,
                    "size": self._size,
                    "store": str(self._folder / "store"),
                    "device": device.key,
                    "threads": threads,
                }
                self._mates.append(Mate(device, order))
            self._gather()
        except BaseException:
            self.close()
            raise

    def _about_network(self) -> dict[str, object]:
        document = self._network.document
        # What weights it starts from matters to nobody else: they come with each batch.
        document = replace(document, plan=replace(document.plan, weights=None))
        return {"document": document, "layout": self._layout}

    def _gather(self) -> None:
        end = time.monotonic() + START_SECONDS
        ready = [mate.is_ready for mate in self._mates]
        while not all(ready):
            if any(mate.status is not None for mate in self._mates) or time.monotonic() > end:
                raise self._lost(None)
            time.sleep(0.02)
            ready = [mate.is_ready for mate in self._mates]
        with self._answered():
            join_group(0, self._size, str(self._folder / "store"), self._device)

    def take_part(self, network: Network, layout: Layout, updaters: Sequence[Updater]) -> None:
        """Let the updates of these phases be computed by all, from the next batch on.

        Args:
            network: What is trained now.
            layout: What its batches are made of.
            updaters: One a phase.
        """
        if network is not self._network:
            self._network, self._layout = network, layout
            self._statistics = BatchStatistics(network.model)
        for number, updater in enumerate(updaters):
            updater.divide = partial(self.add_gradients, number)

    # -- a step --------------------------------------------------------------------------------------------------------

    def begin_step(self, batches: int) -> None:
        """Keep what the next step changes before its first update.

        Args:
            batches: How many there are in it.
        """
        generators = [torch.get_rng_state()]
        if self._device.type == "cuda":
            generators.append(torch.cuda.get_rng_state(self._device))
        self._before = _Before(batches, generators, [each.clone() for each in self._network.model.buffers()])
        self._calls = 0

    def undo_step(self) -> bool:
        """Bring all to where it was before a step in which a process was lost.

        Returns:
            Whether that could be done: else some weights were updated already, or it was something else that failed.
        """
        before, self._before = self._before, None
        if before is None or not self._is_broken or self._calls > before.batches:
            return False
        torch.set_rng_state(before.generators[0])
        for state in before.generators[1:]:
            torch.cuda.set_rng_state(state, self._device)
        for buffer, kept in zip(self._network.model.buffers(), before.buffers, strict=True):
            buffer.copy_(kept)
        return True

    def add_gradients(
        self, phase: int, updater: Updater, model: nn.Module, batch: Batch, share: float
    ) -> Mapping[str, float]:
        """Add the gradients of a batch, of which each process computes some rows.

        Args:
            phase: The number of the updater's phase.
            updater: Whose losses and parameters.
            model: The network.
            batch: Of at least one row.
            share: What the losses are multiplied by.

        Returns:
            Loss label -> mean over all rows.

        Raises:
            NonFiniteError: As `Updater.backward`.
            MateLostError: When a process has ended.
            NetbuilderError: As `Updater.backward`.
        """
        self._calls += 1
        rows = count_rows(batch)
        if rows < self._size:
            return updater.backward(model, batch, share)
        counts = shares(rows, self._size)
        before = [each.grad for each in updater.parameters]
        for each in updater.parameters:
            each.grad = None
        with self._answered():
            self._bring_up_to_date()
            self._send(phase, model, batch, counts, share * updater.loss_scale)
        part = counts[0] / rows
        own = {name: tensor[: counts[0]] for name, tensor in batch.items()}
        try:
            with self._computing(), self._statistics.of_all():
                values = updater.backward(model, own, share * part)
        except NonFiniteError as error:  # the others have sent theirs: the sum will not be finite either
            values = error.values
        summed = collect(updater.parameters, [value * part for value in values.values()])
        with self._answered():
            dist.reduce(summed, 0)
        self._take_in(updater.parameters, before, summed)
        total = dict(zip(values, summed[summed.numel() - len(values) :].tolist(), strict=True))
        if not torch.isfinite(summed[summed.numel() - len(values) :]).all():
            raise NonFiniteError(updater.name, total, batch)
        return total

    def _bring_up_to_date(self) -> None:
        """Let the others build the network as it is now."""
        if self._known is self._network:
            return
        for mate in self._mates:
            mate.send(self._about_network())
        dist.broadcast(self._head(NEW_NETWORK, 0.0, 0, [0] * self._size), 0)
        self._known = self._network

    def _send(self, phase: int, model: nn.Module, batch: Batch, counts: Sequence[int], share: float) -> None:
        # Drawn from the run's own numbers: a run that goes on from its state draws the same.
        seed = int(torch.randint(2**31 - 1, ()))
        dist.broadcast(self._head(phase, share, seed, counts), 0)
        dist.broadcast(pack(held(model)), 0)
        at = counts[0]
        for rank, count in enumerate(counts[1:], 1):
            dist.send(pack([tensor[at : at + count] for tensor in batch.values()]), rank)
            at += count

    def _head(self, phase: float, share: float, seed: int, counts: Sequence[int]) -> Tensor:
        return torch.tensor([phase, share, seed, *counts], dtype=torch.float64, device=self._device)

    def _take_in(self, parameters: Sequence[nn.Parameter], before: Sequence[Tensor | None], summed: Tensor) -> None:
        at = 0
        for parameter, earlier in zip(parameters, before, strict=True):
            size = parameter.numel()
            if parameter.grad is not None:  # zeros are not the same as none: Adam moves weights by them
                # Laid out as the parameter is: kernels that update all weights at once go through both in one order.
                new = torch.empty_like(parameter).copy_(summed[at : at + size].reshape(parameter.shape))
                parameter.grad = new if earlier is None else new + earlier
            else:
                parameter.grad = earlier
            at += size

    # -- the end -------------------------------------------------------------------------------------------------------

    @contextmanager
    def _answered(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # what torch raises when a process is gone
            raise self._lost(error) from error

    @contextmanager
    def _computing(self) -> Iterator[None]:
        """Tell what the network raises from what is raised because a process is gone: statistics are waited for."""
        try:
            yield
        except RuntimeError as error:
            if self._statistics.layers and self._find_gone() is not None:
                raise self._lost(error) from error
            raise

    def _find_gone(self) -> Mate | None:
        """Return the process that has ended, which may show a moment later."""
        end = time.monotonic() + END_SECONDS
        while time.monotonic() < end and all(mate.status is None for mate in self._mates):
            time.sleep(0.02)
        return next((mate for mate in self._mates if mate.status is not None), None)

    def _lost(self, error: Exception | None) -> MateLostError:
        """Return the problem that a process is gone, with the reason."""
        self._is_broken = True
        gone = self._find_gone()
        if gone is None:
            why = f"did not answer ({error})" if error is not None else "did not begin in time"
            where = "of another device"
        else:
            status = gone.status
            assert status is not None
            where = f"for {gone.device.title}"
            why = f"has ended: {reason_of(status)}"
        last = gone.last_line() if gone is not None else ""
        has_begun = self._before is not None
        way_on = "; it can be gone on with from where it was saved, on as many devices or on fewer" if has_begun else ""
        return MateLostError(
            Problem(
                code="session.mate_died",
                message=f"A process {where} {why}. All processes of the run were ended{way_on}.",
                expected=f"{self._size} processes",
                found=last,
            )
        )

    def close(self) -> None:
        """End the others: they hold nothing that could be lost."""
        for mate in self._mates:
            mate.end()
        if dist.is_initialized():
            dist.destroy_process_group()
        shutil.rmtree(self._folder, ignore_errors=True)


def refuse_sums(document: Document) -> None:
    """Refuse losses that add up their rows: of parts of a batch they cannot be put together.

    Raises:
        NetbuilderError: When there is one.
    """
    specs = catalog()
    problems = []
    for path, node in Expander().expand(document).flat.graph.nodes.items():
        if node.type not in specs or not specs[node.type].is_loss or node.parameters.get("reduction") != "sum":
            continue
        (reduction,) = (each for each in specs[node.type].parameters if each.name == "reduction")
        mean = next(choice.value for choice in reduction.choices if choice.value != "sum")
        fix = Fix(title="Take the mean", edit="set_parameters", arguments={"node": path, "values": {"reduction": mean}})
        problems.append(
            Problem(
                code="session.mates_sum",
                message=f"{node.label} adds up the losses of its rows. Several devices share the rows of a batch, and"
                " only means can be put together: take the mean, or train on one device.",
                node=path,
                field="reduction",
                expected="a mean",
                found="sum",
                fixes=(fix,) if path in document.graph.nodes else (),
            )
        )
    if problems:
        raise NetbuilderError(problems)
