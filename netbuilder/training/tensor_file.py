"""Tensor files: what a safetensors file consists of, piece by piece, so that writing one takes no second copy.

`safetensors.torch.save` returns the whole file as one object, which a training that saves its state would need as much
memory for as for all that it holds. The format (https://github.com/huggingface/safetensors#format) is a length of
8 bytes, a header in JSON, and the tensors' bytes in the order of their offsets, without gaps, the low byte of a number
first, as in the memory of all that PyTorch is built for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import torch

_DTYPES: Final[Mapping[torch.dtype, str]] = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.complex64: "C64",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint64: "U64",
    torch.uint32: "U32",
    torch.uint16: "U16",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def in_order(tensors: Mapping[str, torch.Tensor]) -> Sequence[tuple[str, torch.Tensor]]:
    """Return tensors in the order of the file: the largest numbers first, so that each lies where its size divides."""
    return sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0]))


def header_of(tensors: Sequence[tuple[str, torch.Tensor]], metadata: Mapping[str, str]) -> bytes:
    """Return what stands before the tensors' bytes.

    Args:
        tensors: In the order of the file.
        metadata: Text by key.

    Raises:
        KeyError: When the format has no word for a tensor's dtype.
    """
    table: dict[str, Any] = {"__metadata__": dict(metadata)}
    place = 0
    for key, tensor in tensors:
        end = place + tensor.numel() * tensor.element_size()
        table[key] = {"dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [place, end]}
        place = end
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def pieces_of(tensors: Sequence[tuple[str, torch.Tensor]]) -> Iterator[memoryview]:
    """Yield the tensors' bytes, one tensor at a time; no copy is made of one that lies whole on the CPU."""
    for _, tensor in tensors:
        if tensor.numel():
            yield tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data
