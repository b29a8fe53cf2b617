"""Mates: the processes that a team starts (`teammate` is what runs in them), as seen from the first."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

from netbuilder.foundation.module_process import start_module
from netbuilder.training import wire
from netbuilder.training.devices import Device


class Mate:
    """One of the processes of a run that is not the first.

    Attributes:
        device: Where it computes.
        process: It.
    """

    def __init__(self, device: Device, order: Mapping[str, Any]) -> None:
        """Start it.

        Args:
            device: Where it computes.
            order: See `Team`.
        """
        self.device = device
        self._ready = Path(str(order["store"]) + f"-{order['rank']}")
        self._started = start_module("netbuilder.training.teammate", str(os.getpid()), answers=False)
        self.process = self._started.process
        self.send(order)

    def send(self, order: Mapping[str, Any]) -> None:
        """Give it an order; that it has ended is noticed by who waits for it."""
        with contextlib.suppress(OSError):
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
        lines = self._started.printed(4000).splitlines()
        return lines[-1][:200] if lines else ""

    def end(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self._started.report.close()
