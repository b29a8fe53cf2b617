"""Runs in processes of their own, and what such a process does not survive."""

from __future__ import annotations

import os
import signal

from netbuilder.training.process_host import ProcessHost
from netbuilder.training.protocol import Start, State, Stop
from netbuilder.training.run_files import STATE
from tests.training.documents import Run, iris, planned

LONG = 100_000

FAULTS = {
    "SIGSEGV": "a fault in compiled code",
    "SIGKILL": "killed from outside",
    "SIGABRT": "compiled code gave up",
    "SIGBUS": "a fault in memory",
    "SIGILL": "instructions that this processor does not know",
    "SIGFPE": "signal SIGFPE",
    "nonsense": "it ended by itself with status 1",
    "SIGSTOP": "its process no longer answered",
}


def start(host: ProcessHost, folder, made, *, paused: bool = False) -> Run:
    run = Run(host, folder)
    run.host.drain()
    run.host.send(Start(document=made, folder=str(folder), paused=paused))
    return run


def saved(run: Run) -> bool:
    return (run.folder / STATE).exists()


def running(host: ProcessHost, folder) -> Run:
    """Return a run in progress that has a state to go on from."""
    run = start(host, folder, planned(iris(), epochs=LONG))
    run.until(lambda told: told.progress.state is State.RUNNING and told.progress.step > 5 and saved(run))
    return run


def stop(run: Run) -> None:
    run.host.send(Stop())
    run.finish()
    assert run.end.data["reason"] == "stopped"


def harm(host: ProcessHost, fault: str) -> None:
    """Do something to the process that it does not survive."""
    assert host.process_id is not None
    if fault == "nonsense":
        host._child.commands.write(bytes(8) + bytes(8))
        host._child.commands.flush()
    else:
        os.kill(host.process_id, getattr(signal, fault))
