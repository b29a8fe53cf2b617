"""Axes: round tick values, their texts, and the way from a value to a pixel, linear or logarithmic."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from netbuilder.ui.panels.decimation import Floats


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of values laid over a range of pixels.

    Attributes:
        low: The value at `start`.
        high: The value at `end`, above `low`.
        start: A pixel.
        end: A pixel; below `start` for an axis that points up.
        logarithmic: Whether equal distances are equal factors; `low` is then above 0.
    """

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def pixels(self, values: Floats) -> Floats:
        """Return where the values lie; what a logarithmic axis cannot show is nan."""
        low, high = self.low, self.high
        if self.logarithmic:
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.where(values > 0, np.log10(values), np.nan)
            low, high = math.log10(low), math.log10(high)
        return np.asarray(self.start + (values - low) * ((self.end - self.start) / (high - low)))

    def pixel(self, value: float) -> float:
        """Return where one value lies."""
        return float(self.pixels(np.array([value]))[0])

    def value(self, pixel: float) -> float:
        """Return the value at a pixel."""
        part = (pixel - self.start) / (self.end - self.start)
        if self.logarithmic:
            low, high = math.log10(self.low), math.log10(self.high)
            return float(10 ** (low + part * (high - low)))
        return self.low + part * (self.high - self.low)

    def ticks(self, room: float) -> list[float]:
        """Return round values inside the range, about `room` pixels apart or more."""
        count = max(abs(self.end - self.start) / room, 1.0)
        if self.logarithmic:
            return self._decades(count)
        step = _round_step((self.high - self.low) / count)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]

    def _decades(self, count: float) -> list[float]:
        low, high = math.log10(self.low), math.log10(self.high)
        every = max(math.ceil((high - low) / count), 1)
        ticks = [10.0**power for power in range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1, every)]
        if len(ticks) >= 2:
            return ticks
        fine = [m * 10.0**p for p in range(math.floor(low), math.ceil(high) + 1) for m in (1, 2, 5)]
        return [tick for tick in fine if self.low <= tick <= self.high]


def _round_step(size: float) -> float:
    power = 10.0 ** math.floor(math.log10(size))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= size * 0.999)


def tick_text(value: float, step: float) -> str:
    """Write a tick's value with as many decimals as the distance between ticks needs."""
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e6:
        return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step else 0
    return f"{value:,.{decimals}f}".replace("-", "−")


def value_text(value: float) -> str:
    """Write a measured value: four digits that count, aligned well in a column."""
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return (f"{value:,.0f}" if abs(value) < 1e7 else f"{value:.3g}").replace("-", "−")
    if abs(value) < 1e-3:
        return f"{value:.2e}".replace("e-0", "e-").replace("-", "−")
    decimals = 3 - math.floor(math.log10(abs(value))) if abs(value) >= 1 else 4
    return f"{value:.{max(decimals, 0)}f}".replace("-", "−")


def short_text(value: float) -> str:
    """Write the end of a scale: three digits, no more than needed."""
    return f"{value:.3g}".replace("e-0", "e-").replace("-", "−")


def range_of(low: float, high: float, *, logarithmic: bool) -> tuple[float, float]:
    """Return a pleasant range around values: down to 0 where that wastes little, never empty."""
    # What is astronomically large or small is cut, so that no sum or quotient leaves the floats.
    low, high = max(low, -1e300), min(high, 1e300)
    if logarithmic:
        low = max(low if low > 0 else high / 1e4, 1e-290)
        high = max(high, low)
        return (low / 1.15, high * 1.15) if high > low else (low / 2, high * 2)
    if low >= 0 and low < 0.35 * high:
        low = 0.0
    span = high - low
    if span <= 1e-12 * max(abs(low), abs(high)):
        span = abs(high) or 1.0
        return low - 0.5 * span, high + 0.5 * span
    return (low if low == 0 else low - 0.04 * span), high + 0.04 * span
