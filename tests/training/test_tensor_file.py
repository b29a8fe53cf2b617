"""Tensor files: what is written piece by piece is what safetensors reads."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load

from netbuilder.training.tensor_file import _DTYPES, header_of, in_order, pieces_of


def _written(tensors):
    ordered = in_order(tensors)
    return header_of(ordered, {"made": "here"}) + b"".join(pieces_of(ordered))


@pytest.mark.parametrize("dtype", _DTYPES, ids=str)
def test_every_dtype_comes_back(dtype):
    random = torch.randint(0, 100, (3, 5), generator=torch.Generator().manual_seed(0)).to(dtype)
    read = load(_written({"values": random}))["values"]
    assert read.dtype is dtype
    assert torch.equal(read.view(torch.uint8), random.view(torch.uint8))


def test_every_shape_and_layout_comes_back():
    base = torch.arange(48.0)
    tensors = {
        "number": torch.tensor(3.0),
        "none": torch.empty(0, 4),
        "turned": base.reshape(6, 8).T,
        "channels last": base.reshape(2, 3, 4, 2).to(memory_format=torch.channels_last),
        "part": base[10:20],
        "shared": base,
        "odd": torch.tensor([1, 2, 3], dtype=torch.uint8),
        "state": torch.get_rng_state(),
        "learns": torch.nn.Parameter(base.clone()),
    }
    read = load(_written(tensors))
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[key], tensors[key]) for key in tensors)


def test_numbers_lie_where_their_size_divides():
    data = _written({f"{n}": torch.zeros(n, dtype=dtype) for n, dtype in enumerate(_DTYPES)})
    size = int.from_bytes(data[:8], "little")
    assert size % 8 == 0
    table = json.loads(data[8 : 8 + size])
    assert table.pop("__metadata__") == {"made": "here"}
    sizes = {word: torch.zeros(1, dtype=dtype).element_size() for dtype, word in _DTYPES.items()}
    assert all(entry["data_offsets"][0] % sizes[entry["dtype"]] == 0 for entry in table.values())


@pytest.mark.skipif(sys.platform != "linux", reason="counts in kilobytes, as Linux does")
def test_saving_takes_no_second_copy(tmp_path):
    code = """
import resource, sys
from pathlib import Path
import torch
from netbuilder.training.checkpoints import Checkpoint, save_checkpoint
tensors = {str(number): torch.ones(4_000_000) for number in range(8)}
save_checkpoint(Path(sys.argv[1]) / "first", Checkpoint(tensors={"a": torch.ones(1)}, paths={}))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
save_checkpoint(Path(sys.argv[1]) / "all", Checkpoint(tensors=tensors, paths={}))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 32_000, "kilobytes; the tensors take 128,000"
