"""The keeper: a run's best and last weights, in memory and as checkpoint files."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from netbuilder.training.checkpoints import Checkpoint, load_checkpoint, remove_checkpoint, save_checkpoint
from netbuilder.training.metrics import is_better
from netbuilder.training.run_files import AVERAGE, BEST, LAST
from netbuilder.training.weight_average import WeightAverage

SAVE_SECONDS = 5.0
"""While a run lasts its files are written at most this often; at its end they always are."""


class Keeper:
    """Keeps what a run must not lose."""

    def __init__(
        self,
        folder: Path,
        model: nn.Module,
        paths: Mapping[str, str],
        monitor: str,
        average: WeightAverage | None = None,
    ) -> None:
        """Keep the weights of `model`.

        Args:
            folder: The run's folder.
            model: The network.
            paths: State key -> node path.
            monitor: The metric that tells which weights are best.
            average: The running average of the weights, which is kept beside the last ones.
        """
        self._folder = folder
        self._model = model
        self._paths = paths
        self._monitor = monitor
        self._average = average
        self._best: dict[str, torch.Tensor] = {}
        self._best_about: dict[str, Any] = {}
        self._best_saved = True
        self._saved = 0.0
        self.best_epoch: int | None = None
        self._best_value: float | None = None

    def offer(self, epoch: int, step: int, metrics: Mapping[str, float]) -> bool:
        """Look at the weights after an epoch; returns whether they are the best so far."""
        value = metrics.get(self._monitor, float("nan"))
        better = is_better(self._monitor, value, self._best_value)
        if better:
            self._best_value = value
            self.best_epoch = epoch
            self._best_about = {"epoch": epoch, "step": step, "metrics": dict(metrics)}
            self._best_saved = False
            self._copy()
        return better

    def keep_average(self, average: WeightAverage | None) -> None:
        """Keep another running average beside the last weights from now on, or none."""
        self._average = average

    @property
    def best(self) -> Mapping[str, torch.Tensor]:
        """The best weights; empty when no epoch was finished."""
        return self._best

    @property
    def best_about(self) -> Mapping[str, Any]:
        """The best weights' epoch, step and metrics; empty when no epoch was finished."""
        return self._best_about

    def put_back(self, best: Mapping[str, torch.Tensor], about: Mapping[str, Any]) -> None:
        """Take other weights for the best so far, and write them when it is time.

        Args:
            best: Copied; empty when no epoch was finished.
            about: Their `best_about`.
        """
        own = self._model.state_dict()  # its memory formats
        self._best = {key: torch.empty_like(own[key]).copy_(tensor) for key, tensor in best.items()}
        self._best_about = dict(about)
        self._best_saved = False
        self.best_epoch = about.get("epoch")
        # None where they were judged by something else: the next epoch's are the best then.
        self._best_value = about["metrics"].get(self._monitor) if about else None

    def save_if_due(self, epoch: int, step: int) -> None:
        """Write what is new, unless that was tried a moment ago.

        Raises:
            NetbuilderError: When it cannot be written.
        """
        if time.monotonic() - self._saved >= SAVE_SECONDS:
            self._saved = time.monotonic()
            self.save_last(epoch, step)
            self.save_best()

    def save_last(self, epoch: int, step: int) -> Path:
        """Write the present weights, and their running average where there is one.

        What lies there of another network, or of what a run has left behind, goes: best weights before an epoch was
        finished, an average where there is none any more.

        Raises:
            NetbuilderError: When it cannot be written.
        """
        path = self._folder / LAST
        about = {"epoch": epoch, "step": step}
        save_checkpoint(path, Checkpoint(tensors=self._model.state_dict(), paths=self._paths, about=about))
        if self._average is not None:
            about["updates"] = self._average.updates
            with self._average.applied():
                averaged = Checkpoint(tensors=self._model.state_dict(), paths=self._paths, about=about)
                save_checkpoint(self._folder / AVERAGE, averaged)
        else:
            remove_checkpoint(self._folder / AVERAGE)
        if self.best_epoch is None:
            remove_checkpoint(self._folder / BEST)
        self._saved = time.monotonic()
        return path

    def save_best(self) -> Path | None:
        """Write the best weights, unless they are on the disk or there are none; returns where they lie."""
        if self.best_epoch is None:
            return None
        path = self._folder / BEST
        if not self._best_saved:
            save_checkpoint(path, Checkpoint(tensors=self._best, paths=self._paths, about=self._best_about))
            self._best_saved = True
        return path

    @property
    def best_step(self) -> int | None:
        """The step of the best weights; None when no epoch was finished."""
        return self._best_about.get("step")

    def restore_best(self) -> None:
        """Put the best weights back into the model; nothing happens when no epoch was finished."""
        if self._best:
            self._model.load_state_dict(self._best)

    def restore_last(self) -> int:
        """Put the weights of the last file back into the model.

        Returns:
            The step they were saved at.

        Raises:
            NetbuilderError: When the file cannot be read or was damaged.
        """
        checkpoint = load_checkpoint(self._folder / LAST)
        self._model.load_state_dict(dict(checkpoint.tensors))
        return int(checkpoint.about.get("step", 0))

    def is_finite(self) -> bool:
        """Whether all present weights and statistics are finite."""
        tensors = [tensor for tensor in self._model.state_dict().values() if tensor.is_floating_point()]
        return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)

    def _copy(self) -> None:
        """Copy the present weights over the best ones, in place once there are any."""
        for key, tensor in self._model.state_dict().items():
            if key in self._best:
                self._best[key].copy_(tensor)
            else:
                self._best[key] = tensor.clone()
