"""Profile: how long each node of a network takes forward and backward, and how much memory, measured on a batch.

Forward, the tapped forward pass tells when a node is done. Backward, every operation that autograd recorded between two
taps belongs to the node that came second; it is timed by hooks around it. On a GPU the device is waited for at each of
these moments, so that the sum over the nodes is more than a whole pass takes, which is measured beside it.

Nothing of the training changes: gradients, buffers and all random numbers are put back.
"""

from __future__ import annotations

import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import torch

from netbuilder.training.batches import Batch, count_rows
from netbuilder.training.network import Network
from netbuilder.training.profile_report import NodeProfile, ProfileReport
from netbuilder.training.updates import sum_losses

WARM_UP: Final = 2
"""Passes that are not counted: the first ones find kernels and memory."""

SECONDS: Final = 5.0
"""After so long no further pass begins, once there are `FEWEST`."""

FEWEST: Final = 3


def measure(network: Network, phases: Sequence[str], batch: Batch, passes: int) -> ProfileReport:
    """Measure a network as it trains; where there are several phases, their sum.

    Args:
        network: In training mode.
        phases: Names of the plan's phases, in order.
        batch: As the training takes it.
        passes: How many are counted.

    Raises:
        RuntimeError: Whatever the network raises on the batch.
    """
    with _undisturbed(network):
        stopwatch = _Stopwatch(network)
        wholes: list[float] = []
        began = time.perf_counter()
        for number in range(-WARM_UP, max(passes, 1)):
            if number >= FEWEST and time.perf_counter() - began > SECONDS:
                break
            whole = 0.0
            stopwatch.begin()
            for phase in range(len(phases)):
                if len(phases) > 1:
                    network.train_only(phase)
                whole += _time_whole(network, phases[phase], batch)
                stopwatch.time(phases[phase], batch)
            if number >= 0:
                wholes.append(whole)
                stopwatch.end()
        kept, outputs = _weigh(network, phases, batch)
    nodes = {
        path: NodeProfile(forward=forward, backward=backward, output=outputs.get(path, 0), kept=kept.get(path, 0))
        for path, (forward, backward) in stopwatch.medians().items()
    }
    return ProfileReport(nodes=nodes, rows=count_rows(batch), passes=len(wholes), seconds=statistics.median(wholes))


@contextmanager
def _undisturbed(network: Network) -> Iterator[None]:
    """Put everything back that passes change."""
    model, device = network.model, network.device
    gradients = [(parameter, parameter.grad) for parameter in model.parameters()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    plain, arrays = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        random.setstate(plain)
        np.random.set_state(arrays)
        for parameter, gradient in gradients:
            parameter.grad = gradient
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)


def _clear(network: Network) -> None:
    for parameter in network.model.parameters():
        parameter.grad = None


def _time_whole(network: Network, phase: str, batch: Batch) -> float:
    """Return the seconds that one pass takes when nothing inside is measured."""
    now = _clock(network.device)
    _clear(network)
    began = now()
    sum_losses(network.phase_losses(phase, batch)).backward()  # type: ignore[no-untyped-call]
    return now() - began


class _Stopwatch:
    """Times the nodes of a network in one pass after the other."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._now = _clock(network.device)
        self._pass: dict[str, list[float]] = {}
        self._passes: list[dict[str, list[float]]] = []
        self._owned: set[Any] = set()

    def begin(self) -> None:
        """Begin a pass over all phases."""
        self._pass = defaultdict(lambda: [0.0, 0.0])

    def end(self) -> None:
        """Count the pass."""
        self._passes.append(self._pass)

    def time(self, phase: str, batch: Batch) -> None:
        """Time one phase's losses and backward pass."""
        network, times, now = self._network, self._pass, self._now
        self._owned = set()
        _clear(network)
        last = now()

        def tap(path: str, value: torch.Tensor) -> None:
            nonlocal last
            times[path][0] += now() - last
            self._own(value.grad_fn, path)
            last = now()

        losses, _ = network.tap_losses(phase, batch, tap)
        nodes = {loss.name: loss.node for loss in network.program.losses}
        share = (now() - last) / len(losses)  # of several losses it cannot be told which took how long
        for name, loss in losses.items():
            times[nodes[name]][0] += share
            self._own(loss.grad_fn, nodes[name])
        total = sum_losses(losses)
        if total.requires_grad:
            total.backward()  # type: ignore[no-untyped-call]

    def _own(self, last: Any, path: str) -> None:
        """Time all operations that lead to `last` and belong to no earlier node as the node's."""
        waiting = [last]
        while waiting:
            operation = waiting.pop()
            if operation is None or operation in self._owned:
                continue
            self._owned.add(operation)
            self._hook(operation, self._pass[path])
            waiting += [before for before, _ in operation.next_functions]

    def _hook(self, operation: Any, times: list[float]) -> None:
        began, now = 0.0, self._now

        def start(_: Any) -> None:
            nonlocal began
            began = now()

        def stop(*_: Any) -> None:
            times[1] += now() - began

        operation.register_prehook(start)
        operation.register_hook(stop)

    def medians(self) -> dict[str, tuple[float, float]]:
        """Return node path -> seconds forward and backward, each the median of the passes."""
        paths = dict.fromkeys(path for each in self._passes for path in each)
        return {
            path: (
                statistics.median(each[path][0] for each in self._passes),
                statistics.median(each[path][1] for each in self._passes),
            )
            for path in paths
        }


def _weigh(network: Network, phases: Sequence[str], batch: Batch) -> tuple[dict[str, int], dict[str, int]]:
    """Return the bytes that each node keeps for the backward pass, and those of its output; weights do not count."""
    outputs: dict[str, int] = {}
    kept: dict[str, int] = {}
    for number, phase in enumerate(phases):
        if len(phases) > 1:
            network.train_only(number)
        _clear(network)
        saved: list[torch.UntypedStorage] = []
        known = {storage.data_ptr() for storage in _own_storages(network)}

        def settle(path: str, saved: list[torch.UntypedStorage] = saved, known: set[int] = known) -> None:
            for storage in saved:
                if storage.data_ptr() not in known:
                    known.add(storage.data_ptr())
                    kept[path] = kept.get(path, 0) + storage.nbytes()
            saved.clear()

        def tap(path: str, value: torch.Tensor, settle: Callable[[str], None] = settle) -> None:
            outputs[path] = max(outputs.get(path, 0), value.numel() * value.element_size())
            settle(path)

        def pack(value: torch.Tensor, saved: list[torch.UntypedStorage] = saved) -> torch.Tensor:
            saved.append(value.untyped_storage())
            return value.detach()  # what autograd gave is part of its graph: keeping it would be a circle

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
            losses, _ = network.tap_losses(phase, batch, tap)
        settle(next(loss.node for loss in network.program.losses if loss.name in losses))
    return kept, outputs


def _own_storages(network: Network) -> Iterator[torch.UntypedStorage]:
    for tensor in (*network.model.parameters(), *network.model.buffers()):
        yield tensor.untyped_storage()


def _clock(device: torch.device) -> Callable[[], float]:
    """Return what tells the time when all work of the device is done."""
    if device.type == "cpu":
        return time.perf_counter
    wait = torch.cuda.synchronize if device.type == "cuda" else torch.mps.synchronize

    def now() -> float:
        wait()
        return time.perf_counter()

    return now
