"""The system meter: what a run takes of the computer. Read at the probe's looks, some ten microseconds each time."""

from __future__ import annotations

import psutil
import torch

from netbuilder.training.series_names import ALLOCATED, DEVICE, PEAK, PROCESS, PROCESSOR, RESERVED


class SystemMeter:
    """Reads the meters of one device."""

    def __init__(self, device: torch.device) -> None:
        """Begin to measure; the first reading tells of the time since now."""
        self._device = device
        self._process = psutil.Process()
        self._cores = psutil.cpu_count() or 1
        self._tells_load = device.type == "cuda"
        self._process.cpu_percent(None)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)

    def read(self) -> dict[str, float]:
        """Return series name -> what it is now."""
        with self._process.oneshot():
            found = {
                PROCESS: float(self._process.memory_info().rss),
                # Over a moment the clocks of time and of work disagree a little.
                PROCESSOR: min(self._process.cpu_percent(None) / 100.0 / self._cores, 1.0),
            }
        if self._device.type == "cuda":
            found |= {
                ALLOCATED: float(torch.cuda.memory_allocated(self._device)),
                RESERVED: float(torch.cuda.memory_reserved(self._device)),
                PEAK: float(torch.cuda.max_memory_allocated(self._device)),
            }
        elif self._device.type == "mps":
            found |= {
                ALLOCATED: float(torch.mps.current_allocated_memory()),
                RESERVED: float(torch.mps.driver_allocated_memory()),
            }
        if self._tells_load:
            found |= self._load()
        return found

    def _load(self) -> dict[str, float]:
        try:
            return {DEVICE: torch.cuda.utilization(self._device) / 100.0}
        except (ModuleNotFoundError, RuntimeError):  # torch asks NVIDIA's library, which need not be there
            self._tells_load = False
            return {}
