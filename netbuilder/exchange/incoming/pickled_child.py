"""The process that reads one pickled file of weights and writes what it holds as safetensors; see `weight_files`.

It imports nothing of NetBuilder's, limits its own memory and processor time where the system can, and reads with
`weights_only`, so that the file may name tensors and nothing else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping

GIGABYTE = 1 << 30
SECONDS = 300
DEPTH = 6
"""How deeply dictionaries are looked into: `{"model": {"encoder": {...}}}`."""


def limit(size: int) -> None:
    """Limit this process to what a file of this size can need."""
    try:
        import resource
    except ImportError:  # Windows has none; the parent's clock remains
        return
    memory = 4 * size + 6 * GIGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(source: str, target: str) -> int:
    """Read `source`, write `target`; return the exit code."""
    limit(os.path.getsize(source))
    import torch
    from safetensors.torch import save_file

    try:
        held = torch.load(source, map_location="cpu", weights_only=True)
        found = {}
        for key, tensor in tensors(held, "", DEPTH):
            if isinstance(tensor, torch.Tensor) and tensor.layout is torch.strided and tensor.device.type == "cpu":
                found[key] = tensor.detach().clone().contiguous()
        save_file(found, target)
    except Exception as error:  # whatever a damaged file makes torch raise; the parent says it to the user
        text = " ".join(str(error).split())
        # Torch's own text goes on to advise loading without its protection; nobody shall follow that here.
        print(text.split("(1) In PyTorch")[0].split("Please file an issue")[0][:300], file=sys.stderr)
        return 1
    return 0


def tensors(held: object, prefix: str, depth: int) -> Iterator[tuple[str, object]]:
    """Yield (dotted name, value) of a dictionary, and of dictionaries in it."""
    if not isinstance(held, Mapping) or not depth:
        return
    for key, value in held.items():
        if isinstance(value, Mapping) and isinstance(key, str):
            inner = "" if key in ("state_dict", "model_state_dict") else f"{prefix}{key}."
            yield from tensors(value, inner, depth - 1)
        elif isinstance(key, str):
            yield prefix + key, value


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
