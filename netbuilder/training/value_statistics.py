"""Value statistics: what a layer's outputs are like, in a few numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netbuilder.training import series_names
from netbuilder.training.dead_units import NEAR, Rest


def describe(values: NDArray[np.float32], rest: Rest | None) -> dict[str, float]:
    """Return the statistics of a node's values, by the kind of series that each belongs to.

    Args:
        values: Some of its outputs, for all samples; those that are no numbers make mean and deviation none either.
        rest: Where an activation rests; None for what is none.
    """
    wide = values.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        found = {
            series_names.MEAN: float(wide.mean()),
            series_names.DEVIATION: float(wide.std()),
            series_names.ZERO: float(np.mean(values == 0.0)),
        }
        if rest is not None and rest.low != rest.high:
            near = NEAR * (rest.high - rest.low)
            found[series_names.SATURATED] = float(np.mean((values <= rest.low + near) | (values >= rest.high - near)))
    return found
