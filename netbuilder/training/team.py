"""The team: processes that share the work of each batch, one a device (`torch.distributed`).

The session's own process is the first; it alone holds optimizers, schedules, records and checkpoints, so that
pausing, going on from a state, snapshots and schedules are what they are with one device. For each batch it sends the
weights and a share of the rows to the others (`teammate`), computes its own share, and adds all gradients up. That is
as many bytes as averaging gradients among equals takes, where every process would then make the same update.

Gradients and losses are means over all rows, as with one device, where the loss is a mean over rows. Batch
normalization sees each share by itself; its running statistics are those of the first share.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from netbuilder.document.model import Document
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training import wire
from netbuilder.training.batches import Batch, Part, count_rows
from netbuilder.training.deaths import reason_of
from netbuilder.training.devices import Device
from netbuilder.training.protocol import Start
from netbuilder.training.updates import NonFiniteError, Updater

PATIENCE: Final = timedelta(days=30)
"""How long a process may wait for the others: as long as a pause. One that has ended is noticed at once."""

START_SECONDS: Final = 120.0
"""How long the others may take to load torch and to build the network."""

END_SECONDS: Final = 2.0
"""How long the reason is waited for why a process no longer answers."""

Layout = Mapping[str, tuple[str, Sequence[int]]]
"""The name of each field of a batch -> its dtype, and its shape without the rows."""


def layout_of(part: Part) -> Layout:
    """Return what batches of a part are made of."""
    return {
        name: (str(tensor.dtype).removeprefix("torch."), list(tensor.shape[1:]))
        for source in part.sources
        for name, tensor in source.tensors.items()
    }


def join_group(rank: int, size: int, store: str, device: torch.device) -> None:
    """Join the processes; returns when all are there.

    Args:
        rank: Which this one is; 0 is the session's.
        size: How many there are.
        store: A file through which they find one another.
        device: Where this one computes.

    Raises:
        RuntimeError: When it fails.
    """
    if device.type == "cuda":
        torch.cuda.set_device(device)
    else:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")  # nobody else's
    backend = "nccl" if device.type == "cuda" else "gloo"
    meeting = dist.FileStore(store, size)  # type: ignore[attr-defined]  # torch's own guide calls it so
    dist.init_process_group(backend, store=meeting, rank=rank, world_size=size, timeout=PATIENCE)


def pack(tensors: Sequence[Tensor]) -> Tensor:
    """Return the content of tensors, one behind the other, as bytes."""
    return torch.cat([tensor.detach().contiguous().reshape(-1).view(torch.uint8) for tensor in tensors])


def unpack(data: Tensor, like: Sequence[tuple[torch.dtype, Sequence[int]]]) -> Iterator[Tensor]:
    """Yield the tensors whose content `pack` returned.

    Args:
        data: Bytes.
        like: The dtype and shape of each.
    """
    at = 0
    for dtype, shape in like:
        size = dtype.itemsize * int(torch.Size(shape).numel())
        yield data[at : at + size].clone().view(dtype).reshape(tuple(shape))  # a clone is aligned
        at += size


def held(model: nn.Module) -> list[Tensor]:
    """Return what a network computes with: its weights and its statistics."""
    return [tensor for tensor in (*model.parameters(), *model.buffers()) if tensor.numel()]


def collect(parameters: Sequence[nn.Parameter], values: Sequence[float]) -> Tensor:
    """Return all gradients and some values in one tensor; a gradient that there is none of counts as zeros."""
    gradients = [torch.zeros_like(each) if each.grad is None else each.grad for each in parameters]
    told = torch.tensor(values, dtype=torch.float32, device=gradients[0].device)
    return torch.cat([*(each.reshape(-1).float() for each in gradients), told])


def shares(rows: int, size: int) -> list[int]:
    """Return how many rows each process gets; the first ones have one more where they do not come out even."""
    least, more = divmod(rows, size)
    return [least + (number < more) for number in range(size)]


class Team:
    """The other processes of a run, as the first sees them."""

    def __init__(self, start: Start, devices: Sequence[Device], layout: Layout, threads: int) -> None:
        """Start them and wait until they are there.

        Args:
            start: What is trained.
            devices: One for each process, that of this one first.
            layout: What batches are made of.
            threads: How many each may use inside an operation.

        Raises:
            NetbuilderError: When one of them does not come.
        """
        self._document = start.document
        self._size = len(devices)
        self._device = torch.device(devices[0].key)
        self._folder = Path(tempfile.mkdtemp(prefix="netbuilder-team-"))
        self._mates: list[_Mate] = []
        try:
            for rank, device in enumerate(devices[1:], 1):
                order = {
                    "start": start,
                    "rank": rank,
                    "size": self._size,
                    "store": str(self._folder / "store"),
                    "device": device.key,
                    "layout": layout,
                    "threads": threads,
                }
                self._mates.append(_Mate(device, order))
            self._gather()
        except BaseException:
            self.close()
            raise

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

    def take_part(self, updaters: Sequence[Updater]) -> None:
        """Let the updates of these phases be computed by all."""
        for number, updater in enumerate(updaters):
            updater.divide = partial(self.add_gradients, number)

    def check(self, document: Document) -> None:
        """Check that a document can be trained from now on: the others keep the network that they have built.

        Raises:
            NetbuilderError: When its network is another one.
        """
        if _network_of(document) != _network_of(self._document):
            message = (
                "On several devices only settings can be changed while it trains. Stop, and train the new network."
            )
            raise NetbuilderError(Problem(code="session.mates_network", message=message))

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
            NetbuilderError: When a process has ended, and as `Updater.backward`.
        """
        rows = count_rows(batch)
        if rows < self._size:
            return updater.backward(model, batch, share)
        counts = shares(rows, self._size)
        before = [each.grad for each in updater.parameters]
        for each in updater.parameters:
            each.grad = None
        with self._answered():
            self._send(phase, model, batch, counts, share * updater.loss_scale)
        part = counts[0] / rows
        own = {name: tensor[: counts[0]] for name, tensor in batch.items()}
        try:
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

    def _send(self, phase: int, model: nn.Module, batch: Batch, counts: Sequence[int], share: float) -> None:
        # Drawn from the run's own numbers: a run that goes on from its state draws the same.
        seed = int(torch.randint(2**31 - 1, ()))
        head = torch.tensor([phase, share, seed, *counts], dtype=torch.float64, device=self._device)
        dist.broadcast(head, 0)
        dist.broadcast(pack(held(model)), 0)
        at = counts[0]
        for rank, count in enumerate(counts[1:], 1):
            dist.send(pack([tensor[at : at + count] for tensor in batch.values()]), rank)
            at += count

    def _take_in(self, parameters: Sequence[nn.Parameter], before: Sequence[Tensor | None], summed: Tensor) -> None:
        at = 0
        for parameter, earlier in zip(parameters, before, strict=True):
            size = parameter.numel()
            if parameter.grad is not None:  # zeros are not the same as none: Adam moves weights by them
                new = summed[at : at + size].reshape(parameter.shape).to(parameter.dtype)
                parameter.grad = new if earlier is None else new + earlier
            else:
                parameter.grad = earlier
            at += size

    @contextmanager
    def _answered(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # what torch raises when a process is gone
            raise self._lost(error) from error

    def _lost(self, error: Exception | None) -> NetbuilderError:
        """Return the problem that a process is gone, with the reason, which may come a moment later."""
        end = time.monotonic() + END_SECONDS
        while time.monotonic() < end and all(mate.status is None for mate in self._mates):
            time.sleep(0.02)
        gone = next((mate for mate in self._mates if mate.status is not None), None)
        if gone is None:
            why = f"did not answer ({error})" if error is not None else "did not begin in time"
            where = "of another device"
        else:
            status = gone.status
            assert status is not None
            where = f"for {gone.device.title}"
            why = f"has ended: {reason_of(status)}"
        last = gone.last_line() if gone is not None else ""
        return NetbuilderError(
            Problem(
                code="session.mate_died",
                message=f"A process {where} {why}. All processes of the run were ended; it can be gone on with from"
                " where it was saved.",
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


def _network_of(document: Document) -> tuple[object, ...]:
    """Return what the others have built."""
    phases = [(phase.name, phase.losses, [group.nodes for group in phase.groups]) for phase in document.plan.phases]
    return document.graph, document.blocks, phases, document.plan.precision


class _Mate:
    """One of the other processes."""

    def __init__(self, device: Device, order: Mapping[str, Any]) -> None:
        self.device = device
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
        self._report: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed in `end`
        self._ready = Path(str(order["store"]) + f"-{order['rank']}")
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "netbuilder.training.teammate", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=self._report,
            stderr=self._report,
            env={**os.environ, "PYTHONPATH": path},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        with contextlib.suppress(BrokenPipeError):  # it has ended, as will be noticed
            wire.write(cast("BinaryIO", self.process.stdin), order)

    @property
    def is_ready(self) -> bool:
        """Whether it has built the network."""
        return self._ready.exists()

    @property
    def status(self) -> int | None:
        """Its exit status; None while it lives."""
        return self.process.poll()

    def last_line(self) -> str:
        """Return the last line that it printed."""
        self._report.seek(0)
        lines = self._report.read()[-4000:].decode(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else ""

    def end(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self._report.close()
