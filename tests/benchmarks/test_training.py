"""Benchmarks of training: against the loop that tutorials show, in speed and in memory, with the live view on.

Each measurement is a process of its own; ours and theirs take turns, and medians are compared, so that other programs
on the machine disturb both alike. Speed is processor time a step: both use one thread, and the window's share is
measured with the window.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROUNDS = 5
EPOCHS = {"mlp": 150, "cnn": 25}
FACTOR = {"mlp": 1.0, "cnn": 1.0}
"""Promised; 1.6 and 1.1 are aimed at."""

ROOT = Path(__file__).parents[2]


def _measure(mode: str, network: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.training_child", mode, network, str(EPOCHS[network])],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.benchmark
@pytest.mark.timeout(900)
@pytest.mark.parametrize("network", ["mlp", "cnn"])
def test_training_is_no_slower_than_by_hand_and_no_larger(network, capsys):
    hand, ours = [], []
    for _ in range(ROUNDS):
        hand.append(_measure("hand", network))
        ours.append(_measure("ours", network))
    middle = {
        (who, what): statistics.median(each[what] for each in measured)
        for who, measured in (("hand", hand), ("ours", ours))
        for what in ("cpu", "wall", "peak")
    }
    speed = middle["hand", "cpu"] / middle["ours", "cpu"]
    memory = middle["ours", "peak"] / middle["hand", "peak"]
    with capsys.disabled():
        print(
            f"\n{network}: {1e3 * middle['hand', 'cpu']:.2f} ms a step by hand, "
            f"{1e3 * middle['ours', 'cpu']:.2f} ms ours, {speed:.2f} times as fast "
            f"({middle['hand', 'wall'] / middle['ours', 'wall']:.2f} on the wall); "
            f"{middle['hand', 'peak']:.0f} and {middle['ours', 'peak']:.0f} MiB, {memory:.3f} times as large"
        )
    assert speed >= FACTOR[network]
    assert memory <= 1.1


@pytest.mark.benchmark
@pytest.mark.timeout(600)
@pytest.mark.parametrize("network", ["mlp", "cnn"])
def test_the_probe_takes_two_percent(network, tmp_path, monkeypatch, capsys):
    from netbuilder.training.probe import Probe
    from netbuilder.training.protocol import Watch
    from tests.benchmarks.training_child import network as make
    from tests.training.documents import begin

    spent: list[float] = []
    take = Probe.take

    def timed(self, step):
        began = time.thread_time()
        try:
            return take(self, step)
        finally:
            spent.append(time.thread_time() - began)

    monkeypatch.setattr(Probe, "take", timed)
    made = make(network, 4 * EPOCHS[network])
    run = begin(made, tmp_path / "run", Watch(nodes=tuple(made.graph.nodes)))
    run.until(lambda told: told.progress.step > 0)
    began = time.perf_counter()
    assert run.host.wait(500)
    share = sum(spent[1:-1]) / (time.perf_counter() - began)
    with capsys.disabled():
        each = 1e3 * statistics.median(spent)
        print(f"\n{network}: {len(spent)} looks of {each:.2f} ms, {100 * share:.2f} % of the time")
    assert share <= 0.025
