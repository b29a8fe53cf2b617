"""Devices: what there is to train on, with names for people."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from netbuilder.foundation.problem import NetbuilderError, Problem


@dataclass(frozen=True, slots=True)
class Device:
    """One device: torch's name of it and what people call it."""

    key: str
    title: str


def list_devices() -> tuple[Device, ...]:
    """Return the devices that exist here, the CPU first. Imports torch."""
    import torch

    devices = [Device("cpu", "CPU")]
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            key = f"cuda:{index}"
            devices.append(Device(key, f"{torch.cuda.get_device_name(index)} ({key})"))
    if torch.backends.mps.is_available():
        devices.append(Device("mps", f"Apple GPU ({platform.machine()})"))
    return tuple(devices)


def find_device(key: str) -> Device:
    """Return the device called `key` ("cuda" means the first).

    Raises:
        NetbuilderError: When there is no such device here.
    """
    known = list_devices()
    wanted = "cuda:0" if key == "cuda" else key
    for device in known:
        if device.key == wanted:
            return device
    raise NetbuilderError(
        Problem(
            code="device.missing",
            message=f"There is no device called {key!r} on this computer.",
            expected="one of " + ", ".join(device.key for device in known),
            found=key,
        )
    )
