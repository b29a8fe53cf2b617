"""A process that computes gradients for a run of several devices: `python -m netbuilder.training.teammate PARENT`.

It builds the same network, then waits for weights and rows and adds its gradients to those of the others (`team`). It
keeps nothing from one batch to the next, and ends with the process that started it.
"""

from __future__ import annotations

import faulthandler
import os
import queue
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import torch
import torch.distributed as dist

from netbuilder.document.model import Document, Plan
from netbuilder.foundation.lifeline import die_with
from netbuilder.training import wire
from netbuilder.training.batch_statistics import BatchStatistics
from netbuilder.training.network import Network
from netbuilder.training.team_link import NEW_NETWORK, Layout, collect, held, join_group, pack, unpack
from netbuilder.training.updates import NonFiniteError
from netbuilder.training.works import new_updater

Order = Mapping[str, Any]
"""What the first process says: see `Team`."""


def main() -> None:
    """Compute until the run is over."""
    faulthandler.enable(all_threads=False)  # looking at threads that go on can be a fault of its own
    die_with(int(sys.argv[1]))
    stream = os.fdopen(os.dup(0), "rb")
    orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(stream, orders), daemon=True).start()
    mate = Teammate(orders)
    mate.join()
    while True:
        mate.compute()


def _listen(stream: BinaryIO, orders: queue.SimpleQueue[Order]) -> None:
    """Take orders, and end when nobody is left who could give any."""
    try:
        while True:
            orders.put(wire.read(stream))
    except EOFError:
        os._exit(0)


class Teammate:
    """One of the processes of a run that is not the first."""

    def __init__(self, orders: queue.SimpleQueue[Order]) -> None:
        """Build the network.

        Args:
            orders: The first one says all; those that follow bring another network.
        """
        self._orders = orders
        order = orders.get()
        self._store = str(order["store"])
        self._rank, self._size = order["rank"], order["size"]
        self._device = torch.device(order["device"])
        torch.set_num_threads(order["threads"])
        self._build(order["document"], order["layout"])

    def _build(self, document: Document, layout: Layout) -> None:
        plan = document.plan
        self._network = network = Network(document, self._device)
        self._statistics = BatchStatistics(network.model)
        self._updaters = [new_updater(network, phase, _unscaled(plan), 1, lambda _: None) for phase in plan.phases]
        network.set_updated([updater.parameters for updater in self._updaters])
        network.model_train()
        self._held = held(network.model)
        self._layout = {name: (getattr(torch, dtype), tuple(shape)) for name, (dtype, shape) in layout.items()}

    def join(self) -> None:
        """Meet the others."""
        Path(f"{self._store}-{self._rank}").touch()
        join_group(self._rank, self._size, self._store, self._device)

    def compute(self) -> None:
        """Wait for a batch, and add the gradients of its share to those of the others; or for another network."""
        head = torch.zeros(3 + self._size, dtype=torch.float64, device=self._device)
        dist.broadcast(head, 0)
        phase, share, seed, *counts = head.tolist()
        if phase == NEW_NETWORK:
            order = self._orders.get()
            self._build(order["document"], order["layout"])
            return
        self._receive_weights()
        count, rows = int(counts[self._rank]), sum(counts)
        updater = self._updaters[int(phase)]
        if len(self._updaters) > 1:
            self._network.train_only(int(phase))
        for parameter in updater.parameters:
            parameter.grad = None
        batch = self._receive_rows(count)
        torch.manual_seed(int(seed) + self._rank)
        try:
            with self._statistics.of_all():
                values = updater.backward(self._network.model, batch, share * count / rows)
        except NonFiniteError as error:  # told by the first, which sees that the sum is not finite
            values = error.values
        dist.reduce(collect(updater.parameters, [value * count / rows for value in values.values()]), 0)

    def _receive_weights(self) -> None:
        data = pack(self._held)
        dist.broadcast(data, 0)
        with torch.no_grad():
            for tensor, new in zip(self._held, unpack(data, [(t.dtype, t.shape) for t in self._held]), strict=True):
                tensor.copy_(new)

    def _receive_rows(self, count: int) -> dict[str, torch.Tensor]:
        like = [(dtype, (count, *shape)) for dtype, shape in self._layout.values()]
        size = sum(dtype.itemsize * torch.Size(shape).numel() for dtype, shape in like)
        data = torch.empty(size, dtype=torch.uint8, device=self._device)
        dist.recv(data, 0)
        return dict(zip(self._layout, unpack(data, like), strict=True))


def _unscaled(plan: Plan) -> Plan:
    """Return a plan without a scaler for float16: the first process has it, and sends the scale with the share."""
    return replace(plan, precision="float32") if plan.precision == "fp16" else plan


if __name__ == "__main__":
    main()
