"""Files of weights: safetensors, and the state dictionaries that `torch.save` writes. Imports torch.

A `.pt` file is pickled. It is read in a process of its own with `weights_only`, with limited memory and time, which
hands the tensors back as safetensors: whatever goes wrong in there stays in there.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import safetensors
import safetensors.torch
from torch import Tensor

from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training.checkpoints import HEADER_LIMIT

SAFETENSORS: Final = ".safetensors"
PICKLED: Final = (".pt", ".pth", ".bin", ".ckpt")
SUFFIXES: Final = (SAFETENSORS, *PICKLED)
"""Files that weights are read from."""

SECONDS: Final = 600
"""How long the child process may take."""


def read_weights(path: Path, job: Job | None = None) -> dict[str, Tensor]:
    """Return the tensors of a file by name.

    Args:
        path: A safetensors file, or one that `torch.save` wrote of a `state_dict`.
        job: Is told the progress; stops the work when cancelled.

    Raises:
        NetbuilderError: When the file is missing, damaged, hostile, holds no tensors, or is of another kind.
        Cancelled: When `job` was cancelled.
    """
    job = job or Job()
    job.report(None, f"reading {path.name}")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise _refusal(path, "weights.kind", f"is of a kind that is not read; weights are read from {known} files")
    if not path.is_file():
        raise _refusal(path, "weights.missing", "is not there, or is no file")
    found = _read_safetensors(path) if suffix == SAFETENSORS else _read_pickled(path, job)
    if not found:
        raise _refusal(path, "weights.empty", "holds no tensors")
    return found


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
        if size > HEADER_LIMIT:
            raise _refusal(path, "weights.damaged", "has a header that is larger than any network needs")
        return safetensors.torch.load_file(path)
    except OSError as error:
        raise _refusal(path, "weights.unreadable", f"cannot be read ({error.strerror or error})") from error
    except (safetensors.SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise _refusal(path, "weights.damaged", f"is damaged, or no safetensors file ({str(error)[:120]})") from error


def _read_pickled(path: Path, job: Job) -> dict[str, Tensor]:
    with tempfile.TemporaryDirectory(prefix="netbuilder-") as folder:
        target = Path(folder) / "weights.safetensors"
        child = Path(__file__).with_name("pickled_child.py")
        arguments = [sys.executable, "-I", str(child), str(path.absolute()), str(target)]
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            said = _wait(process, path, job)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        if process.returncode == 0 and target.is_file():
            return _read_safetensors(target)
        lines = [line for line in said.splitlines() if line.strip()]
        reason = lines[-1][:200] if lines else f"the process that read it ended with {process.returncode}"
        raise _refusal(path, "weights.damaged", f"is damaged, or no state_dict of tensors alone ({reason})")


def _wait(process: subprocess.Popen[str], path: Path, job: Job) -> str:
    for _ in range(SECONDS * 5):
        try:
            return process.communicate(timeout=0.2)[1]
        except subprocess.TimeoutExpired:
            job.report(None, f"reading {path.name}")
    raise _refusal(path, "weights.slow", f"takes more than {SECONDS // 60} minutes to read")


def _refusal(path: Path, code: str, what: str) -> NetbuilderError:
    return NetbuilderError(Problem(code=code, message=f"{path.name} {what}.", file=str(path)))
