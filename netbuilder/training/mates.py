"""Mates: the processes that a team starts (`teammate` is what runs in them), as seen from the first."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

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
