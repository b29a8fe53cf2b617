"""The probe: looks inside the network a few times a second and makes the pictures that people watch.

It runs between steps on the session's thread, by the clock, with 16 fixed samples, in eval and inference mode; every
module's own mode and the random numbers are as before afterwards, so that looking changes nothing. When a look takes
long, the next comes later: it never costs more than about two percent. Faces are drawn of those nodes only that
somebody sees.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from netbuilder.data.spec import Prepared
from netbuilder.foundation.problem import Problem, Severity
from netbuilder.training import dead_units, gradient_flow, pictures, series_names
from netbuilder.training.batches import Batch, Part
from netbuilder.training.histories import Thinning
from netbuilder.training.live_view import LiveView
from netbuilder.training.mistakes import mistakes_picture
from netbuilder.training.network import Network
from netbuilder.training.plane import Plane
from netbuilder.training.protocol import Event, Picture, PictureKind, Watch
from netbuilder.training.samples import data_pictures
from netbuilder.training.series_names import series_of
from netbuilder.training.validation import Evaluation
from netbuilder.training.value_statistics import describe

SAMPLES = 16
SECONDS = 0.5
"""Between two looks, unless they are expensive."""

ANSWER = 1024
"""So many values of an answer are kept for comparisons."""

SHARE = 0.02
"""What part of the time looks may take."""


@dataclass(frozen=True, slots=True)
class _Order:
    """A picture to come: which array of the transfer it is made of, and how."""

    number: int
    make: Callable[[NDArray[np.float32]], Picture]


@dataclass(frozen=True, slots=True)
class Look:
    """What one look saw.

    Attributes:
        pictures: Of all nodes.
        scalars: Series name -> value; see `netbuilder.training.series_names`. Gradients are the last step's, none
            before the first.
        is_recorded: Whether the histograms among the pictures belong to the run's record.
    """

    pictures: tuple[Picture, ...]
    scalars: Mapping[str, float]
    is_recorded: bool = False


class Probe:
    """Takes pictures of one network.

    Attributes:
        due: When the next look is due, on the clock of `time.perf_counter`.
        muted: Whether what is seen is shown to nobody: another moment of the run is looked at.
        confusion: The last validation's confusion matrix.
    """

    def __init__(
        self, network: Network, prepared: Mapping[str, Prepared], parts: Mapping[str, Part], live: LiveView
    ) -> None:
        """Choose the fixed samples and show the pictures of the data, which never change.

        Args:
            network: What to look into.
            prepared: Data node id -> its rows.
            parts: Part -> its tensors; the samples come from the validation part, if there is one.
            live: Where pictures go.
        """
        self._network = network
        self._live = live
        self._watch = Watch()
        self._flows = True
        self._thinning = Thinning()
        part = parts["validation"] if parts["validation"].rows else parts["train"]
        self._count = min(SAMPLES, part.rows)
        self._batch: Batch = {key: tensor.clone() for key, tensor in part.rows_at(0, self._count).items()}
        self._plane = Plane.of(network, prepared)
        self.due = 0.0
        self.muted = False
        self.confusion: Picture | None = None
        self.mistakes: Picture | None = None
        for picture in data_pictures(network, prepared, self._batch):
            live.add_picture(picture)

    def watch(self, command: Watch) -> bool:
        """Choose which nodes are drawn in full, whose faces are drawn, and which sample.

        Returns:
            Whether there is more to see than before: who moves about in a network must not make looks more frequent.
        """
        before, self._watch = self._watch, command
        return (
            before.sample != command.sample
            or not set(command.nodes) <= set(before.nodes)
            or (before.in_view is not None and (command.in_view is None or not command.in_view <= before.in_view))
            or (command.gradient_flow and not before.gradient_flow)
            or (command.histograms and not before.histograms)
        )

    def loss(self) -> float:
        """Return the sum of all losses of the fixed samples."""
        with self._network.evaluating():
            return float(sum(loss.mean().item() for loss in self._network.observe(self._batch).losses.values()))

    @property
    def wish(self) -> Watch:
        """What it looks at."""
        return self._watch

    def hurry(self) -> None:
        """Look at the next occasion."""
        self.due = 0.0

    def take(self, step: int) -> Look:
        """Look once, show what was seen, and plan the next look.

        Args:
            step: The steps done, for the pictures.

        Returns:
            What was seen, for the record.
        """
        began = time.perf_counter()
        is_recorded = self._thinning.next()
        look = replace(self.look(step, histograms=is_recorded or self._watch.histograms), is_recorded=is_recorded)
        for picture in () if self.muted else look.pictures:
            self._live.add_picture(picture)
        now = time.perf_counter()
        self.due = now + max(SECONDS, (now - began) / SHARE)
        return look

    def look(self, step: int, *, histograms: bool = True) -> Look:
        """Look once, without showing it to anybody.

        Args:
            step: The step whose weights the network has.
            histograms: Whether to draw how weights, gradients and values are spread.
        """
        transfer = pictures.Transfer()
        scalars: dict[str, float] = {}
        with self._network.evaluating():
            orders = self._activations(transfer, step, scalars if histograms else None)
            orders += self._weights(transfer, step, histograms=histograms)
            orders += self._flow(transfer, step)
            norms = self._norms(transfer)
            arrays = transfer.fetch()
            boundary = self._plane.draw(self._network, step) if self._plane else None
        seen = [order.make(arrays[order.number]) for order in orders]
        if boundary:
            seen.append(boundary)
        scalars |= {series_of(series_names.GRADIENT_NORM, path): float(arrays[at]) for path, at in norms.items()}
        for picture in seen:
            if picture.kind is PictureKind.DEAD:
                scalars[series_of(series_names.DEAD, picture.node)] = float(picture.data[0] / picture.data[1])
        return Look(tuple(seen), scalars)

    def answers(self) -> dict[str, torch.Tensor]:
        """Return what the network answers to the fixed samples: output -> a row of at most `ANSWER` values each."""
        with self._network.evaluating():
            outputs = self._network.predict(self._batch)
        names = self._network.program.outputs
        return {
            name: value.reshape(self._count, -1)[:, :ANSWER]
            for name, value in zip(names, outputs, strict=True)
            if value.dim() and len(value) == self._count
        }

    def show_confusion(self, evaluation: Evaluation, part: Part, step: int) -> None:
        """Show a validation's confusion matrix, and what was wrong.

        Args:
            evaluation: What it scored.
            part: The rows that were judged.
            step: The step whose weights were judged.
        """
        if evaluation.confusion is None:
            return
        counts = pictures.frozen(evaluation.confusion.cpu().numpy().astype(np.int64))
        self.confusion = Picture(kind=PictureKind.CONFUSION, node="", step=step, data=counts, labels=evaluation.classes)
        if evaluation.mistakes is not None:
            wrong = int(counts.sum() - np.trace(counts))
            self.mistakes = mistakes_picture(evaluation.mistakes, wrong, part, evaluation.classes, step)
        if not self.muted:
            for picture in self.judged:
                self._live.add_picture(picture)

    @property
    def judged(self) -> tuple[Picture, ...]:
        """What the last validation showed: the confusion matrix and the mistakes, as far as there are any."""
        return tuple(picture for picture in (self.confusion, self.mistakes) if picture is not None)

    @property
    def _sample(self) -> int:
        return min(max(self._watch.sample, 0), self._count - 1)

    def _activations(self, transfer: pictures.Transfer, step: int, statistics: dict[str, float] | None) -> list[_Order]:
        """Order the pictures of the values of all nodes that are seen.

        Args:
            transfer: Takes what they are made of along.
            step: For the pictures.
            statistics: Filled with the statistics of all nodes' values, whose histograms are drawn, too; None for none.
        """
        orders: list[_Order] = []
        shown = self._watch.in_view
        rests = self._network.rests
        if shown is not None and not shown and not self._watch.nodes and statistics is None and not rests:
            return orders

        def look(path: str, value: torch.Tensor) -> None:
            if statistics is not None and value.is_floating_point() and value.numel():
                orders.append(self._spread(transfer, path, value, step, statistics))
            # What has no row for each sample (a positional table, a scalar) has no picture of one.
            if value.dim() == 0 or len(value) != self._count:
                return
            if shown is None or path in shown:
                orders.extend(self._face(transfer, path, value, step))
            if path in rests:  # seen or not: rules watch them
                orders.extend(self._dead(transfer, path, value, step))
            if path in self._watch.nodes:
                orders.extend(self._full(transfer, path, value, step))

        self._network.tap(self._batch, look)
        return orders

    def _face(self, transfer: pictures.Transfer, path: str, value: torch.Tensor, step: int) -> list[_Order]:
        sample = self._sample
        maps = pictures.maps_of(value, sample)
        vector = pictures.vector_of(value, sample)
        finish: Callable[[NDArray[np.float32]], NDArray[Any]]
        if maps is not None:
            number = transfer.add(pictures.shrink(maps[: pictures.THUMBS], pictures.THUMB_SIZE))
            kind, finish = PictureKind.THUMBS, pictures.to_bytes
        elif vector is not None:
            number = transfer.add(pictures.shrink_vector(vector, pictures.BARS))
            kind, finish = PictureKind.BARS, pictures.frozen
        else:
            return []

        def make(data: NDArray[np.float32]) -> Picture:
            return Picture(kind=kind, node=path, step=step, data=finish(data), sample=sample)

        return [_Order(number, make)]

    def _dead(self, transfer: pictures.Transfer, path: str, value: torch.Tensor, step: int) -> list[_Order]:
        rest = self._network.rests.get(path)
        if rest is None or value.dim() < 2 or not value.numel():
            return []
        count, total, noun = dead_units.count_dead(value, rest)

        def make(data: NDArray[np.float32]) -> Picture:
            caption = f"{int(data)} of {total:,} {noun} are {rest.words} for all {self._count} samples"
            counts = pictures.frozen(np.array([data, total], np.float32))
            ends = (rest.low, rest.high)
            return Picture(kind=PictureKind.DEAD, node=path, step=step, data=counts, extent=ends, caption=caption)

        return [_Order(transfer.add(count), make)]

    def _spread(
        self, transfer: pictures.Transfer, path: str, value: torch.Tensor, step: int, statistics: dict[str, float]
    ) -> _Order:
        """Order the histogram of a node's value, and note its statistics when it is drawn."""
        rest = self._network.rests.get(path)

        def make(data: NDArray[np.float32]) -> Picture:
            for kind, number in describe(data, rest).items():
                statistics[series_of(kind, path)] = number
            counts, extent = pictures.histogram(data)
            return Picture(kind=PictureKind.VALUES, node=path, step=step, data=counts, extent=extent)

        return _Order(transfer.add(pictures.spread([value])), make)

    def _flow(self, transfer: pictures.Transfer, step: int) -> list[_Order]:
        """Order the picture of the gradient flow, when somebody wants it."""
        if not (self._watch.gradient_flow and self._flows):
            return []
        try:
            flow = gradient_flow.measure(self._network, self._batch)
        except RuntimeError as error:
            self._flows = False  # what cannot be measured once cannot be measured: a run need not end for it
            self._live.add_event(Event(kind="problem", text=(told := _no_flow(error)).message, problems=(told,)))
            return []
        if flow is None:
            return []
        labels = tuple(flow.norms)

        def make(data: NDArray[np.float32]) -> Picture:
            return Picture(
                kind=PictureKind.FLOW,
                node="",
                step=step,
                data=pictures.frozen(data[1:]),
                extent=(float(data[0]),),
                labels=labels,
            )

        return [_Order(transfer.add(torch.stack([flow.start, *flow.norms.values()])), make)]

    def _full(self, transfer: pictures.Transfer, path: str, value: torch.Tensor, step: int) -> list[_Order]:
        sample = self._sample
        maps = pictures.maps_of(value, sample)
        vector = pictures.vector_of(value, sample)
        if maps is not None:
            shown, total = maps[: pictures.MAPS], len(maps)
            number = transfer.add(pictures.shrink(shown, pictures.MAP_SIZE))
            kind, noun, count = PictureKind.MAPS, "maps", len(shown)
        elif vector is not None:
            number = transfer.add(vector[: pictures.VECTOR])
            kind, noun, count, total = PictureKind.VECTOR, "values", min(len(vector), pictures.VECTOR), len(vector)
        else:
            return []
        caption = f"{count} of {total} {noun}" if count < total else f"{total} {noun}"

        def make(data: NDArray[np.float32]) -> Picture:
            return Picture(
                kind=kind,
                node=path,
                step=step,
                data=pictures.frozen(data),
                extent=_extent(data),
                caption=caption,
                sample=sample,
            )

        return [_Order(number, make)]

    def _weights(self, transfer: pictures.Transfer, step: int, *, histograms: bool) -> list[_Order]:
        """Order watched layers' kernels, and the histograms of every layer's weights and gradients if they are due."""
        orders = []
        for path, module in self._network.modules.items():
            weights = [parameter for parameter in module.parameters() if parameter.numel()]
            if not weights:
                continue
            gradients = [parameter.grad for parameter in weights if parameter.grad is not None]
            if histograms:
                orders.append(self._histogram(transfer, PictureKind.WEIGHTS, path, [*weights], step))
            if histograms and gradients:
                orders.append(self._histogram(transfer, PictureKind.GRADIENTS, path, gradients, step))
            if path in self._watch.nodes:
                kernels = pictures.kernels_of(max(weights, key=lambda weight: (weight.dim(), weight.numel())))
                orders.append(_Order(transfer.add(kernels), _kernels(path, step)))
        return orders

    def _histogram(
        self, transfer: pictures.Transfer, kind: PictureKind, path: str, tensors: list[torch.Tensor], step: int
    ) -> _Order:
        def make(data: NDArray[np.float32]) -> Picture:
            counts, extent = pictures.histogram(data)
            return Picture(kind=kind, node=path, step=step, data=counts, extent=extent)

        return _Order(transfer.add(pictures.spread(tensors)), make)

    def _norms(self, transfer: pictures.Transfer) -> dict[str, int]:
        numbers = {}
        for path, module in self._network.modules.items():
            gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
            if gradients:
                parts = torch.stack([torch.linalg.vector_norm(gradient) for gradient in gradients])
                numbers[path] = transfer.add(torch.linalg.vector_norm(parts))
        return numbers


def _kernels(path: str, step: int) -> Callable[[NDArray[np.float32]], Picture]:
    return lambda data: Picture(
        kind=PictureKind.KERNELS, node=path, step=step, data=pictures.frozen(data), extent=_extent(data)
    )


def _no_flow(error: RuntimeError) -> Problem:
    return Problem(
        code="training.no_gradient_flow",
        severity=Severity.WARNING,
        message=(
            f"The gradient flow cannot be measured ({str(error).splitlines()[0]}). The training goes on; links are not "
            "coloured in this run."
        ),
    )


def _extent(data: NDArray[np.float32]) -> tuple[float, float]:
    finite = data[np.isfinite(data)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
