"""What the window imports before torch imports no torch; devices and threads are what they say."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training import devices, threads


def test_the_window_may_import_these_before_torch():
    code = """
import sys
import netbuilder.training.protocol, netbuilder.training.optimizers, netbuilder.training.schedules
import netbuilder.training.run_store, netbuilder.training.live_view, netbuilder.training.thread_host
import netbuilder.training.devices
from netbuilder.training.thread_host import ThreadHost
ThreadHost()
heavy = {"torch", "PySide6", "torchmetrics", "sklearn", "safetensors"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_cpu_is_always_there_and_first():
    assert devices.list_devices()[0] == devices.Device("cpu", "CPU")
    assert len(devices.list_devices()) == 1 + torch.cuda.device_count() + torch.backends.mps.is_available()


def test_what_is_not_there_is_a_problem():
    with pytest.raises(NetbuilderError, match="no device called 'cuda:99'"):
        devices.find_device("cuda:99")


def test_cuda_devices_are_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "NVIDIA H200")
    assert devices.find_device("cuda").title == "NVIDIA H200 (cuda:0)"
    assert devices.find_device("cuda:1").title == "NVIDIA H200 (cuda:1)"


def test_small_networks_get_one_thread_and_large_ones_leave_a_core():
    assert threads.intra_op_threads(5_000, 64, cores=16) == 1
    assert threads.intra_op_threads(5_000_000, 64, cores=16) == 15
    assert threads.intra_op_threads(5_000_000, 64, cores=1) == 1


def test_the_number_of_threads_is_put_back():
    before = torch.get_num_threads()
    with threads.limited_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
