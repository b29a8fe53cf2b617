"""Series names: what the curves are called that a run records of each of its layers, and of the computer."""

from __future__ import annotations

from typing import Final

GRADIENT_NORM: Final = "gradient_norm"
"""The Euclidean norm of the gradient of a layer's weights, as of the last step."""

UPDATE_RATIO: Final = "update_ratio"
"""‖Δw‖ / ‖w‖: how far one step of the optimizer moved a layer's weights, as a part of what they were."""

DEAD: Final = "dead"
"""The part of an activation's units that rest for all samples, 0 to 1."""

MEAN: Final = "activation_mean"
"""The mean of a layer's outputs for all samples."""

DEVIATION: Final = "activation_std"
"""Their standard deviation."""

ZERO: Final = "activation_zero"
"""The part of them that is exactly 0, 0 to 1."""

SATURATED: Final = "activation_saturated"
"""The part of an activation's outputs that is within 1 % of either end of its range, 0 to 1; of those with two ends."""

LAYER_KINDS: Final = (GRADIENT_NORM, UPDATE_RATIO, DEAD, MEAN, DEVIATION, ZERO, SATURATED)
"""All of them; a layer's curve is called by the kind, a slash and its node path."""


PROCESS: Final = "memory/process"
"""Bytes that the process has in memory, the window and its libraries included where they share one."""

ALLOCATED: Final = "memory/allocated"
"""Bytes that tensors take on the device."""

RESERVED: Final = "memory/reserved"
"""Bytes that torch holds on the device, for tensors to come, too."""

PEAK: Final = "memory/peak"
"""The most bytes that tensors took on the device since the run began."""

PROCESSOR: Final = "load/cpu"
"""Which part of all processor cores the process keeps busy, 0 to 1."""

DEVICE: Final = "load/device"
"""Which part of the time the device had work, 0 to 1."""

THROUGHPUT: Final = "throughput"
"""Samples trained on in a second, with everything that comes between."""

SYSTEM: Final = (PROCESS, ALLOCATED, RESERVED, PEAK, PROCESSOR, DEVICE, THROUGHPUT)
"""All of the computer's."""


def series_of(kind: str, path: str) -> str:
    """Return the name of a layer's curve."""
    return f"{kind}/{path}"


def is_of_layer(name: str) -> bool:
    """Whether a curve is of one layer rather than of the whole run."""
    kind, _, path = name.partition("/")
    return bool(path) and kind in LAYER_KINDS
