"""Training on a GPU beside eager PyTorch in the loop that tutorials show: same network, rows, batch and rate.

Run by hand where there is one: `pytest -m "gpu and benchmark" tests/benchmarks/test_gpu.py -s`. What is compared is the
time on the wall, after the first epoch, the median of the rounds' ratios; "tuned" trains in the way that the measured
trial recommends, in which `torch.compile` and CUDA graphs take part. It was never run: no GPU was at hand.
"""

from __future__ import annotations

import pytest

from tests.benchmarks.test_peers import OWN, measure, ratio, table

EPOCHS = {"mlp": 200, "lenet": 100, "resnet": 50}
"""Measured, after the first one: twenty steps each."""

ROUNDS = 3

NOISE = 0.93
"""A ratio may be so much below 1 before it counts as missed."""


@pytest.mark.gpu
@pytest.mark.benchmark
@pytest.mark.timeout(1800)
def test_never_slower_than_eager_pytorch_on_a_gpu(tmp_path, capsys, monkeypatch):
    import torch

    monkeypatch.setenv("PEERS_DEVICE", "cuda:0")
    found = measure(OWN, EPOCHS, ROUNDS, tmp_path)
    with capsys.disabled():
        print(f"\n{torch.cuda.get_device_name(0)}; {ROUNDS} rounds, medians; on the wall in brackets")
        print(f"\n{table(found)}\n")
    ratios = {(name, mode): ratio(found, name, "hand", mode, "wall") for name in EPOCHS for mode in ("ours", "tuned")}
    assert min(ratios.values()) >= NOISE, ratios
