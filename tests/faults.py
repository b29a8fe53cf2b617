"""Faults: disks that fail at a chosen moment, and a watch over what a piece of code does to the machine.

Each injector runs its subject in a child process, so that a kill or a broken disk is real, and each has a positive
control among the tests.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
MARK = "save-entry"
SYSCALLS = ("openat", "write", "fsync", "fchmod", "rename")
ACTIONS = ("signal=KILL", "error=ENOSPC", "error=EIO", "error=EACCES")

_PREFACE = f"""
import os, sys
sys.path[:0] = {[str(ROOT), *(entry for entry in sys.path if entry.endswith("site-packages"))]!r}
"""
_LINE = re.compile(r"^(?:\d+ +)?(\w+)\(")


@dataclass(frozen=True)
class Outcome:
    """How a child ended: its exit status (negative for a signal), and what it wrote to its standard streams."""

    status: int
    output: str
    errors: str


@dataclass(frozen=True)
class Injection:
    """One fault: the `when`-th call of `syscall` since the program's start is answered by `action`."""

    syscall: str
    when: int
    action: str

    def __str__(self) -> str:
        return f"{self.syscall} number {self.when}: {self.action}"


@dataclass
class Subject:
    """Code that saves, run in a fresh Python under strace.

    Attributes:
        code: Imports and a function `save()`; ends with status 0 when the save is acknowledged, 3 when it is refused.
        arguments: `sys.argv[1:]`.
        folder: Where it may leave traces of its own.
    """

    code: str
    arguments: Sequence[str]
    folder: Path
    _script: Path = field(init=False)

    def __post_init__(self) -> None:
        assert shutil.which("strace"), "strace is missing: packaging/bootstrap.py test installs it"
        self._script = self.folder / "subject.py"
        frame = f"""
{textwrap.dedent(self.code)}
os.access({MARK!r}, os.F_OK)
try:
    save()
except Exception as error:
    sys.stderr.write(type(error).__name__ + ": " + str(error))
    sys.stderr.flush()
    os._exit(3)
os._exit(0)
"""
        self._script.write_text(_PREFACE + frame)

    def points(self) -> list[tuple[str, int]]:
        """Run without faults; return each call since the save began, with its number since the program's start."""
        log = self.folder / "calls.log"
        outcome = self._run(["-o", str(log), "-e", f"trace={','.join(SYSCALLS)},access,faccessat,faccessat2"])
        assert outcome.status == 0, outcome.errors
        counts = dict.fromkeys(SYSCALLS, 0)
        found: list[tuple[str, int]] = []
        began = False
        for line in log.read_text().splitlines():
            match = _LINE.match(line)
            if match is None:
                continue
            call = match[1]
            if call in counts:
                counts[call] += 1
                if began:
                    found.append((call, counts[call]))
            elif MARK in line:
                began = True
        assert began, "the save's entry was not seen"
        return found

    def strike(self, injection: Injection) -> Outcome:
        """Run with one fault."""
        rule = f"inject={injection.syscall}:{injection.action}:when={injection.when}"
        return self._run(["-o", os.devnull, "-e", f"trace={injection.syscall}", "-e", rule])

    def calls(self) -> list[str]:
        """Run without faults; return the lines of strace for the calls of interest since the save began."""
        log = self.folder / "calls.log"
        self._run(["-o", str(log), "-y", "-e", f"trace={','.join(SYSCALLS)},access,faccessat,faccessat2"])
        lines = log.read_text().splitlines()
        start = next(number for number, line in enumerate(lines) if MARK in line)
        return lines[start + 1 :]

    def _run(self, options: list[str]) -> Outcome:
        python = [sys.executable, "-I", "-S", "-B", str(self._script), *self.arguments]
        return run(["strace", "-qq", *options, *python])


def run(command: Sequence[str], timeout: float = 60) -> Outcome:
    """Run a command to its end."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=ROOT, check=False)
    status = done.returncode
    # strace ends by the signal that ended its child; a shell says 128 + signal
    return Outcome(-signal.SIGKILL if status == 128 + signal.SIGKILL else status, done.stdout, done.stderr)


def run_python(code: str, *arguments: str, before: Sequence[str] = (), timeout: float = 60) -> Outcome:
    """Run Python code in a fresh process that can import what this one can.

    Args:
        code: The code; `os` and `sys` are imported.
        arguments: `sys.argv[1:]`.
        before: A command to run it under.
        timeout: In seconds.
    """
    script = _PREFACE + textwrap.dedent(code)
    return run([*before, sys.executable, "-I", "-B", "-c", script, *arguments], timeout)


def on_own_disk(code: str, *, size: str = "256k", read_only_code: str = "", timeout: float = 60) -> Outcome:
    """Run Python code with a small disk of its own, at `sys.argv[1]`, in a mount namespace that ends with it.

    Args:
        code: The code.
        size: The disk's size.
        read_only_code: Code to run afterwards, when the disk has become read-only.
        timeout: In seconds.
    """
    require_mounting()
    python = [sys.executable, "-I", "-B", "-c"]
    second = 'mount -o remount,ro "$D" && "$1" "$2" "$3" "$4" "$6" "$D"' if read_only_code else "true"
    first = f'mount -t tmpfs -o size={size} none "$D" && "$1" "$2" "$3" "$4" "$5" "$D" && {second}'
    shell = f'D=$(mktemp -d) || exit 1; {first}; S=$?; umount "$D"; rmdir "$D"; exit $S'
    codes = [_PREFACE + textwrap.dedent(code), _PREFACE + textwrap.dedent(read_only_code)]
    return run([*_unshare(), "sh", "-c", shell, "sh", *python, *codes], timeout)


def require_mounting() -> None:
    """Skip the test where no mount namespace can be made (not Linux, or an unprivileged container)."""
    if not sys.platform.startswith("linux") or not shutil.which("unshare"):
        pytest.skip("small disks are made with Linux mount namespaces")
    if run([*_unshare(), "mount", "-t", "tmpfs", "none", "/mnt"]).status != 0:
        pytest.skip("mounting is not permitted here")


def _unshare() -> list[str]:
    return ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]


_WATCH = """
import json
events = []
quiet = False
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGING = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
"os.chown", "os.putenv",
            "os.utime", "shutil.", "tempfile.")
RUNNING = ("exec", "compile", "import", "pickle.", "marshal.", "ctypes.", "subprocess.", "os.system", "os.exec",
"os.fork", "os.forkpty",
           "os.posix_spawn", "os.spawn", "os.startfile", "pty.", "code.__new__", "function.__new__",
           "sys._getframe_none", "webbrowser.")
CALLING = ("socket.", "urllib.", "http.", "ftplib.", "smtplib.", "ssl.")

def watch(event, arguments):
    if quiet:
        return
    if event == "open":
        mode, flags = arguments[1], arguments[2]
        if (isinstance(mode, str) and any(c in mode for c in "wax+")) or (isinstance(flags, int) and flags & WRITING):
            events.append(["write", str(arguments[0])])
        else:
            events.append(["read", str(arguments[0])])
    elif event.startswith(CHANGING):
        events.append(["write", event + " " + repr(arguments)[:200]])
    elif event.startswith(RUNNING):
        events.append(["run", event + " " + repr(arguments)[:200]])
    elif event.startswith(CALLING):
        events.append(["connect", event + " " + repr(arguments)[:200]])

def report(result):
    global quiet
    quiet = True
    print(json.dumps({"events": events, "result": result}))
"""


def watch(prepare: str, subject: str, *arguments: str, timeout: float = 60) -> dict[str, Any]:
    """Run code in a child under an audit hook; return {"events": [[kind, what], ...], "result": ...}.

    Kinds: "run" (code compiled, executed, imported, unpickled or a process started), "write", "read", "connect".

    Args:
        prepare: Code that runs before the watch begins: imports, and one harmless use that loads what is loaded on
        demand.
        subject: Code to watch; it leaves its JSON-like result in `result`.
        arguments: `sys.argv[1:]`.
        timeout: In seconds.
    """
    parts = [_WATCH, textwrap.dedent(prepare), "sys.addaudithook(watch)", textwrap.dedent(subject), "report(result)"]
    outcome = run_python("\n".join(parts), *arguments, timeout=timeout)
    assert outcome.status == 0, outcome.errors
    found: dict[str, Any] = json.loads(outcome.output.splitlines()[-1])
    return found
