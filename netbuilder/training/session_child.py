"""The process in which a session runs: `python -m netbuilder.training.session_child PARENT`.

It reads commands from its standard input and writes telemetry to its standard output (see `wire`), and ends when
nobody writes to it any more, or when it is told to (SIGTERM): a run in progress is stopped and saved first. What runs
in it is a `ThreadHost`, so that both hosts do the same; the thread that drains it here waits for the other process, and
the trainer waits for neither.

Whatever else is printed goes to the standard error.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from typing import BinaryIO, Final

from netbuilder.foundation.lifeline import die_with
from netbuilder.training import wire
from netbuilder.training.protocol import State, Stop
from netbuilder.training.thread_host import ThreadHost

PACE: Final = 0.03
"""Seconds between two looks at what is new."""

STEADY_PACE: Final = 0.1
"""The same while a run just goes on: each look takes the interpreter from it."""

BEAT: Final = 1.0
"""Seconds after which the process says that it lives though nothing is new."""

LAST_WISH: Final = 4.0
"""Seconds that a run is given to save its weights when the window is gone."""

CLOSE: Final = "close"
"""What is sent in place of a command for `ThreadHost.close`."""


def main() -> None:
    """Obey until the input ends."""
    commands, answers = _take_streams()
    faulthandler.enable(all_threads=False)  # looking at threads that go on can be a fault of its own
    die_with(int(sys.argv[1]))
    import torch  # now, while nobody waits: the first Start finds it there

    torch.get_num_threads()
    host = ThreadHost()
    teller = _Teller(host, answers)
    teller.start()
    with contextlib.suppress(_ToldToEnd):
        signal.signal(signal.SIGTERM, _end)
        _obey(host, commands, teller)
    host.send(Stop())
    host.wait(LAST_WISH)
    teller.leave()
    os._exit(0)  # whatever is stuck: nobody is left to wait for it


class _ToldToEnd(Exception):
    """The system, or somebody, asks this process to end."""


def _end(number: int, frame: object) -> None:
    """Leave what waits for commands; once is enough."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _ToldToEnd


def _obey(host: ThreadHost, commands: BinaryIO, teller: _Teller) -> None:
    while True:
        try:
            command = wire.read(commands)
        except EOFError:
            return
        if command == CLOSE:
            host.close()
        else:
            host.send(command)
        teller.wake()


@dataclass
class _Teller:
    """Tells the other process what is new, on a thread of its own.

    Attributes:
        host: Whom to ask.
        answers: Where to write.
    """

    host: ThreadHost
    answers: BinaryIO

    def __post_init__(self) -> None:
        self._woken = threading.Event()
        self._leaving = False
        self._thread = threading.Thread(target=self._run, name="netbuilder: telling", daemon=True)

    def start(self) -> None:
        """Begin, with a word that the process is there."""
        self._thread.start()

    def wake(self) -> None:
        """Look at once: a command was given."""
        self._woken.set()

    def leave(self) -> None:
        """Tell what is left, and end."""
        self._leaving = True
        self._woken.set()
        self._thread.join(BEAT)

    def _run(self) -> None:
        last, silent = None, BEAT
        moved, since = None, time.monotonic()
        while True:
            leaving = self._leaving
            # Read before the drain: what was told before it is then in `news`.
            rests = self.host.wait(0) and not self.host.state.is_active
            news = self.host.drain()
            told = (news.progress, rests)
            is_news = bool(news.series or news.pictures or news.events or news.timeline)
            if news.events or news.pictures or (news.progress.state, news.progress.step) != moved:
                moved, since = (news.progress.state, news.progress.step), time.monotonic()
            if is_news or told != last or silent >= BEAT:
                last, silent = told, 0.0
                try:
                    wire.write(self.answers, (news, rests, time.monotonic() - since))
                except OSError:
                    return  # nobody reads any more: the input has ended, too
            if leaving:
                return
            pace = STEADY_PACE if news.progress.state is State.RUNNING else PACE
            self._woken.wait(pace)
            self._woken.clear()
            silent += pace


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Return the streams of commands and answers, and lead whatever is printed elsewhere."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    commands = os.fdopen(os.dup(0), "rb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    return commands, answers


if __name__ == "__main__":
    try:
        main()
    except BaseException:  # a defect of ours: the other process tells it; a run must not go on unheard
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
