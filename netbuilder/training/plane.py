"""The plane: what a network answers over all of a two-dimensional input, and where its data lies in it.

Both pictures are in the data's own coordinates: normalization is undone for the points and applied to the grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from netbuilder.data.spec import Array, Prepared, Standardization
from netbuilder.layers.spec import Task
from netbuilder.training import pictures
from netbuilder.training.network import Network
from netbuilder.training.protocol import Picture, PictureKind

GRID = 64
MARGIN = 0.08
"""How far the plane reaches beyond the data, as a part of its width."""


@dataclass(frozen=True, slots=True)
class Plane:
    """A grid over a network's only input.

    Attributes:
        key: The input's key in batches.
        grid: The grid's points, normalized, on the device; row by row from the lowest y.
        extent: x0, y0, x1, y1 in the data's own coordinates.
        target: What normalized the values that the network learns, if anything.
    """

    key: str
    grid: torch.Tensor
    extent: tuple[float, float, float, float]
    target: Standardization | None

    @classmethod
    def of(cls, network: Network, prepared: Mapping[str, Prepared]) -> Plane | None:
        """Return the plane of a network whose only input has two numbers; None for all others."""
        if len(network.program.fields) != 1 or not network.scored:
            return None
        key = network.program.fields[0]
        port = network.program.sources[key]
        field = network.field(port)
        if field is None or field.dims != (2,) or field.dtype != "float32":
            return None
        scale = prepared[port.node].fitted.get(port.port)
        points = original(prepared[port.node].parts["train"][port.port], scale)
        low, high = points.min(axis=0), points.max(axis=0)
        edge = np.maximum((high - low) * MARGIN, 1e-6)
        (x0, y0), (x1, y1) = (low - edge).tolist(), (high + edge).tolist()
        columns, rows = np.meshgrid(np.linspace(x0, x1, GRID), np.linspace(y0, y1, GRID))
        grid = np.stack([columns.ravel(), rows.ravel()], axis=1)
        if scale is not None:
            grid = (grid - scale.mean) / scale.std
        truth = network.program.sources[network.scored[0].target]
        target = prepared[truth.node].fitted.get(truth.port)
        return cls(key, torch.from_numpy(grid.astype(np.float32)).to(network.device), (x0, y0, x1, y1), target)

    def draw(self, network: Network, step: int) -> Picture | None:
        """Return what the network answers: a probability for two classes, the likeliest class for more, else the value.

        Call within `Network.evaluating`. None when the answer is not one vector or number a point.
        """
        scored = network.scored[0]
        answer = network.predict({self.key: self.grid})[scored.output]
        if answer.dim() > 2 or len(answer) != len(self.grid):
            return None
        answer = answer.reshape(len(self.grid), -1)
        if scored.task is Task.BINARY:
            values = torch.sigmoid(answer[:, 0])
        elif scored.task is Task.CLASSIFICATION:
            values = torch.softmax(answer, 1)[:, 1] if answer.shape[1] == 2 else answer.argmax(1).float()
        else:
            values = answer[:, 0]
        data = values.float().reshape(GRID, GRID).cpu().numpy()
        if scored.task is Task.REGRESSION and self.target is not None:
            data = data * self.target.std.flat[0] + self.target.mean.flat[0]
        data = pictures.frozen(data.astype(np.float32))
        return Picture(
            kind=PictureKind.BOUNDARY, node="", step=step, data=data, extent=self.extent, labels=scored.classes
        )


def original(points: Array, scale: Standardization | None) -> Array:
    """Return points in the data's own coordinates."""
    return points if scale is None else points * scale.std + scale.mean
