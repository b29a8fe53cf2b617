"""Checkpoints: exact, atomic, and aware of every flipped bit."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import safetensors.torch
import torch

from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training import checkpoints
from netbuilder.training.checkpoints import Checkpoint, load_checkpoint, save_checkpoint


@pytest.fixture
def saved(tmp_path) -> Path:
    generator = torch.Generator().manual_seed(0)
    shared = torch.randn(4, 4, generator=generator)
    tensors = {
        "stem.weight": torch.randn(8, 1, 3, 3, generator=generator),
        "norm.num_batches_tracked": torch.tensor(5),
        "head.weight": shared,
        "tied.weight": shared,
    }
    paths = {"stem.weight": "n1", "norm.num_batches_tracked": "n2", "head.weight": "b1/2/n7", "tied.weight": "n8"}
    save_checkpoint(tmp_path / "best.safetensors", Checkpoint(tensors=tensors, paths=paths, about={"epoch": 3}))
    return tmp_path / "best.safetensors"


def test_what_is_saved_comes_back(saved):
    loaded = load_checkpoint(saved)
    generator = torch.Generator().manual_seed(0)
    shared = torch.randn(4, 4, generator=generator)
    assert torch.equal(loaded.tensors["head.weight"], shared)
    assert torch.equal(loaded.tensors["tied.weight"], shared)
    assert torch.equal(loaded.tensors["stem.weight"], torch.randn(8, 1, 3, 3, generator=generator))
    assert loaded.tensors["norm.num_batches_tracked"].item() == 5
    assert loaded.paths["head.weight"] == "b1/2/n7"
    assert loaded.about["epoch"] == 3
    assert len(loaded.about["sha256"]) == 64


def test_it_is_a_plain_safetensors_file(saved):
    assert set(safetensors.torch.load_file(saved)) == set(load_checkpoint(saved).tensors)


def test_every_flipped_bit_is_reported(saved, tmp_path):
    data = saved.read_bytes()
    chooser = random.Random(20)
    silently_wrong = 0
    for number in range(200):
        # Half of the flips in the header, where the seal itself lies, half anywhere.
        bit = chooser.randrange(8 * (600 if number % 2 else len(data)))
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        (tmp_path / "flipped.safetensors").write_bytes(changed)
        with pytest.raises(NetbuilderError, match="checkpoint"):
            load_checkpoint(tmp_path / "flipped.safetensors")
        try:
            safetensors.torch.load(bytes(changed))
            silently_wrong += 1
        except Exception:  # the positive control counts only what it misses
            pass
    assert silently_wrong > 20, "safetensors alone would have noticed: the test proves nothing"


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100, -1])
def test_a_truncated_file_is_reported(saved, length):
    saved.write_bytes(saved.read_bytes()[:length])
    with pytest.raises(NetbuilderError, match=r"best\.safetensors"):
        load_checkpoint(saved)


def test_a_huge_header_is_refused_before_it_is_read(tmp_path):
    file = tmp_path / "x.safetensors"
    file.write_bytes((checkpoints.HEADER_LIMIT + 1).to_bytes(8, "little") + b"{}")
    with pytest.raises(NetbuilderError, match="header"):
        load_checkpoint(file)


def test_other_safetensors_files_and_missing_ones_are_refused(tmp_path):
    file = tmp_path / "other.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(2)}, file)
    with pytest.raises(NetbuilderError, match="not a checkpoint"):
        load_checkpoint(file)
    with pytest.raises(NetbuilderError, match="cannot be read"):
        load_checkpoint(tmp_path / "missing.safetensors")


def test_a_failing_save_leaves_the_old_file(saved, monkeypatch):
    before = saved.read_bytes()

    def full(descriptor, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("netbuilder.foundation.save.os.write", full)
    with pytest.raises(NetbuilderError, match="disk is full"):
        save_checkpoint(saved, Checkpoint(tensors={"a": torch.zeros(3)}, paths={"a": "n1"}))
    monkeypatch.undo()
    assert saved.read_bytes() == before
    assert [entry.name for entry in saved.parent.iterdir() if entry.name.startswith(".")] == []
