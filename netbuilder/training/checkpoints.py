"""Checkpoints: weights as safetensors files that notice any change of a single bit.

A file holds readable keys (`stem.weight`) and, in its metadata, which node path each key belongs to, so that weights
move by path and a rename breaks nothing. The SHA-256 of the whole file (taken with 64 zeros in its own place) stands
in the metadata as well: one file, written atomically, that needs no companion.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.foundation.save import atomic_save
from netbuilder.training.tensor_file import header_of, in_order, pieces_of

HEADER_LIMIT = 8 << 20
"""Larger headers are refused: a million entries in one take gigabytes to parse."""

_BLANK = "0" * 64
_SEAL = re.compile(rb'"sha256":"([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes:
        tensors: Key -> tensor, on the CPU.
        paths: Key -> node path.
        about: Plain values: step, epoch, metrics.
    """

    tensors: Mapping[str, torch.Tensor]
    paths: Mapping[str, str]
    about: Mapping[str, Any] = field(default_factory=dict)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> str:
    """Write a checkpoint: all of it or nothing.

    Returns:
        Its SHA-256, in hexadecimal.

    Raises:
        NetbuilderError: When it cannot be written.
    """
    metadata = {
        "format": "netbuilder-checkpoint-1",
        "paths": json.dumps(dict(checkpoint.paths), sort_keys=True),
        "about": json.dumps(dict(checkpoint.about), sort_keys=True, default=str),
        "sha256": _BLANK,
    }
    tensors = in_order(checkpoint.tensors)
    header = header_of(tensors, metadata)
    if len(header) > HEADER_LIMIT:
        raise NetbuilderError(_refusal(path, "checkpoint.header", "has too many tensors for one file"))
    place = header.index(b'"sha256":"' + _BLANK.encode()) + len('"sha256":"')
    seal = hashlib.sha256(header)
    for piece in pieces_of(tensors):  # read twice rather than copied: the seal stands before what it seals
        seal.update(piece)
    digest = seal.hexdigest()
    atomic_save(path, itertools.chain((header[:place], digest.encode(), header[place + 64 :]), pieces_of(tensors)))
    return digest


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint and prove that it is what was written.

    Raises:
        NetbuilderError: When it cannot be read, is not a checkpoint, or was changed or damaged.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > HEADER_LIMIT:
                raise NetbuilderError(_refusal(path, "checkpoint.header", "has a header larger than any checkpoint's"))
            file.seek(0)
            data = bytearray(file.read())
    except OSError as error:
        raise NetbuilderError(_refusal(path, "checkpoint.unreadable", f"cannot be read ({error.strerror})")) from error
    digest = _check_seal(path, data, size)
    from safetensors.torch import load

    try:
        header = json.loads(bytes(data[8 : 8 + size]))["__metadata__"]
        tensors = load(bytes(data))
        return Checkpoint(
            tensors=tensors, paths=json.loads(header["paths"]), about={**json.loads(header["about"]), "sha256": digest}
        )
    except Exception as error:  # the seal holds, so whoever wrote it wrote nonsense; safetensors raises many types
        raise NetbuilderError(_refusal(path, "checkpoint.format", f"is not a checkpoint ({error})")) from error


def remove_checkpoint(path: Path) -> None:
    """Remove a checkpoint, if there is one.

    Raises:
        NetbuilderError: When the system refuses.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        what = f"is out of date and cannot be removed ({error.strerror or error})"
        raise NetbuilderError(_refusal(path, "checkpoint.unwritable", what)) from error


def put_into(model: nn.Module, tensors: Mapping[str, torch.Tensor], run: Path) -> None:
    """Put the weights of a run into a network.

    Args:
        model: The network.
        tensors: State key -> weights.
        run: The run's folder.

    Raises:
        NetbuilderError: When they are of another network.
    """
    try:
        model.load_state_dict(dict(tensors))
    except RuntimeError as error:  # torch names each key that differs
        message = f"The weights of the run {run.name} do not fit the network that its record holds."
        found = str(error).splitlines()[-1].strip()
        raise NetbuilderError(
            Problem(code="checkpoint.mismatch", message=message, found=found, file=str(run))
        ) from error


def _check_seal(path: Path, data: bytearray, size: int) -> str:
    """Blank the file's own SHA-256 in `data`, compare, and return it."""
    seals = list(_SEAL.finditer(data, 8, min(len(data), 8 + size)))
    if len(seals) != 1:
        raise NetbuilderError(
            _refusal(path, "checkpoint.format", "is damaged, or not a checkpoint of NetBuilder's: its seal is missing")
        )
    start, end = seals[0].span(1)
    written = data[start:end].decode()
    data[start:end] = _BLANK.encode()
    if hashlib.sha256(data).hexdigest() != written:
        raise NetbuilderError(
            _refusal(path, "checkpoint.damaged", "is damaged: it is not what was written (its SHA-256 differs)")
        )
    return written


def _refusal(path: Path, code: str, what: str) -> Problem:
    return Problem(code=code, message=f"The checkpoint {path.name} {what}.", file=str(path))
