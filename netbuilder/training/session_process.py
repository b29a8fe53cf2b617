"""The process of a session, as the host holds it: what it was told, when it was heard, and how to end it."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import threading
import time
from typing import Any, BinaryIO

from netbuilder.foundation.module_process import start_module
from netbuilder.training import wire
from netbuilder.training.revival import Cause


class SessionProcess:
    """The process.

    Attributes:
        process: It.
        answers: What it tells.
        offset: What is added to its numbers of commands to make them the host's.
        asked: The host's number of the last command that it was given.
        rested: The number of the last command after which it had nothing to do.
        heard: When it gave the last sign of life, by `time.monotonic`.
        met: The same by the clock on the wall, which goes on while the computer sleeps.
        quiet: For how many seconds it has given none while somebody looked.
        still: For how many seconds nothing had moved in it then.
        is_spoiled: Whether the device is of no use to it any more.
        is_ready: Whether it gave one.
        is_over: Whether it has ended.
        killed_for: Why it was ended from here, or "".
        cause: Why another one takes its place, once that is known.
        listener: The thread that hears it.
    """

    def __init__(self, offset: int, asked: int) -> None:
        """Start it.

        Call this on a thread that lasts: Linux ends the process with the thread that started it.
        """
        self._started = start_module("netbuilder.training.session_child", str(os.getpid()))
        self.process = self._started.process
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.commands: BinaryIO = self.process.stdin  # type: ignore[assignment]
        self.answers: BinaryIO = self.process.stdout  # type: ignore[assignment]
        self.offset, self.asked, self.rested = offset, asked, 0
        self.heard, self.met = time.monotonic(), time.time()
        self.quiet = self.still = 0.0
        self.is_ready = self.is_over = self.is_spoiled = False
        self.killed_for = ""
        self.cause: Cause | None = None
        self.listener: threading.Thread
        self._waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="netbuilder: telling", daemon=True)
        self._writer.start()

    def send(self, command: Any) -> None:
        """Give it a command; nobody waits until it reads it, which one that loads torch, or hangs, does late or never.

        One that has ended hears nothing, and the end is told by who listens to it.
        """
        self._waiting.put(wire.encode(command))

    def hear(self) -> float:
        """Note a sign of life; returns the seconds since the last one, those of a sleep of the computer included."""
        now, before = time.time(), self.met
        self.heard, self.met, self.quiet, self.is_ready = time.monotonic(), now, 0.0, True
        return now - before

    def kill(self, reason: str) -> None:
        """End it at once, for a reason that is told."""
        self.killed_for = reason
        self.process.kill()

    def leave(self, patience: float) -> None:
        """Let it end by itself; after a while end it."""
        self._waiting.put(None)
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def end(self) -> int:
        """Wait for the end; returns the exit status."""
        return self.process.wait()

    def close(self) -> str:
        """Close what belongs to a process that has ended; returns the last lines that it printed."""
        self._waiting.put(None)
        self._writer.join()
        self.answers.close()
        with self._started.report:
            return self._started.printed(8000)

    def _write(self) -> None:
        """Write what waits, until there will be no more."""
        with contextlib.suppress(OSError):  # it has ended: what was written last did not arrive
            while (message := self._waiting.get()) is not None:
                self.commands.write(message)
                self.commands.flush()
        with contextlib.suppress(OSError):
            self.commands.close()
