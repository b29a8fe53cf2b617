"""A module of ours that runs as a process of its own and is spoken with over pipes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO


@dataclass(frozen=True, slots=True)
class ModuleProcess:
    """The process.

    Attributes:
        process: It; its standard input is a pipe, and so is its output where that tells answers.
        report: A file with what else it prints. Whoever started it closes it.
    """

    process: subprocess.Popen[bytes]
    report: IO[bytes]

    def printed(self, most: int) -> str:
        """Return the end of what it printed.

        Args:
            most: So many bytes of it.
        """
        self.report.seek(0)
        return self.report.read()[-most:].decode(errors="replace").strip()


def start_module(module: str, argument: str, *, answers: bool = True, **environment: str) -> ModuleProcess:
    """Start a module.

    Call this on a thread that lasts where the process is to end with this one: Linux ends it with the thread.

    Args:
        module: Its full name.
        argument: What it is given in `sys.argv`.
        answers: Whether its standard output is a pipe; else what it prints there is reported, too.
        environment: What it is to find in its environment beside what is in ours.

    Raises:
        OSError: When the system refuses.
    """
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    report = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as the process
    try:
        process = subprocess.Popen(
            # -P: nothing that lies beside a project is imported by accident.
            [sys.executable, "-P", "-m", module, argument],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if answers else report,
            stderr=report,
            env={**os.environ, "PYTHONPATH": path, **environment},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except BaseException:
        report.close()
        raise
    return ModuleProcess(process, report)
