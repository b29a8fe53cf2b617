"""A program that trains in children of its own, which a test kills: torch is imported once, not once a kill.

It reads lines from its standard input: the folder of a run. For each it forks a child that begins the run there, or
goes on with it, and answers with the child's process id. After one more line it waits for the child, and answers with
its exit code: until then the id is the child's, whether it still runs or not. One that ends its run exits with 0.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch  # noqa: F401  # before the first child

from netbuilder.training import metrics, session, state_saver
from netbuilder.training.inbox import Inbox
from netbuilder.training.live_view import LiveView
from netbuilder.training.protocol import Start, State
from netbuilder.training.run_files import has_state
from tests.builders import node
from tests.training.documents import iris, planned, with_optimizer

EPOCHS = 20


def killed_document():
    """Return what is trained: with all that a state has to hold."""
    extra = (node("norm", "batch_norm1d"), node("act", "relu"), node("drop", "dropout"))
    return planned(with_optimizer(iris(8, *extra), "adam", "cosine", learning_rate=0.01), epochs=EPOCHS, ema_decay=0.9)


def _train(folder: Path) -> int:
    """Train to the end, as far as nobody minds."""
    # States are saved all the time, so that a kill often comes in the middle of a save.
    state_saver.FIRST_SECONDS = state_saver.LEAST_SECONDS = 0.0
    state_saver.MOST_SECONDS, state_saver.SHARE = 0.02, 10.0
    session.REPORT_SECONDS = 0.01
    start = Start(document=killed_document(), folder=str(folder), resume=has_state(folder))
    return 0 if session.Session(start, Inbox(), LiveView()).run() is State.ENDED else 1


def main() -> None:
    """Serve until the input ends."""
    metrics.library()
    print("ready", flush=True)
    while line := sys.stdin.readline():
        child = os.fork()
        if not child:
            os.setsid()
            code = 2
            try:
                code = _train(Path(line.strip()))
            finally:
                os._exit(code)
        print(child, flush=True)
        sys.stdin.readline()
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
