"""Devices: what there is to train on, with names for people."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from typing import Final

from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training.events import GO_ON_CPU

_SEVERAL: Final = re.compile(r"(.+?) ?x([1-9]\d?)")


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


def list_choices() -> tuple[Device, ...]:
    """Return what a run can be given here: each device, and all GPUs together where there are several."""
    devices = list_devices()
    count = sum(each.key.startswith("cuda") for each in devices)
    return (*devices, Device(several("cuda", count), f"All {count} GPUs")) if count > 1 else devices


def find_devices(key: str) -> tuple[Device, ...]:
    """Return the devices that share a run: "cpu x2" is twice the CPU, "cuda x2" the first two GPUs.

    Raises:
        NetbuilderError: When there are not so many here.
    """
    name, count = split(key)
    if name == "mps" and count > 1:
        message = f"There is one Apple GPU at most, and {count} devices were asked for: train on one."
        raise NetbuilderError(Problem(code="device.missing", message=message, expected="1 device", found=str(count)))
    if name.startswith("cuda") and count > 1:
        return tuple(find_device(f"cuda:{number}") for number in range(count))
    return (find_device(name),) * count


def split(key: str) -> tuple[str, int]:
    """Return the device's own key, and how many of them are meant: "cpu x2" -> "cpu", 2."""
    found = _SEVERAL.fullmatch(key)
    return (found[1], int(found[2])) if found else (key, 1)


def several(key: str, count: int) -> str:
    """Return the key of several devices."""
    return key if count == 1 else f"{split(key)[0]} x{count}"


def find_device(key: str) -> Device:
    """Return the device called `key` ("cuda" means the first); of several, the first.

    Raises:
        NetbuilderError: When there is no such device here.
    """
    known = list_devices()
    key, _ = split(key)
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
            actions=(GO_ON_CPU,),
        )
    )
