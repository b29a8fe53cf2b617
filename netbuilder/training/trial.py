"""The trial: how fast this computer trains a network in several ways, measured on its own rows for a few seconds.

Each way has a network of its own from the plan's seed, and all make equally many steps on the same batches, in turns,
so that other programs disturb all alike: the speeds are medians of each turn's ratio to the plain way, and the losses
that they come to can be compared. No run is touched, and random numbers and threads are afterwards as before.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from statistics import fmean, median
from typing import Any, Final

import torch

from netbuilder.document.model import Document, Phase
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training import failures
from netbuilder.training.batches import Batch, grouped, make_part, shuffling
from netbuilder.training.compilation import CompiledLosses, takes_graphs
from netbuilder.training.devices import find_device
from netbuilder.training.memory import IMAGE_RANK
from netbuilder.training.network import Network
from netbuilder.training.protocol import Start
from netbuilder.training.reading import read_rows
from netbuilder.training.threads import intra_op_threads, limited_threads
from netbuilder.training.updates import Losses, NonFiniteError, Updater, UpdateSettings

ROUNDS: Final = 7
"""Turns of each way that count."""

TURN_SECONDS: Final = 0.12
"""About how long a turn of the plain way takes."""

WARM_UP: Final = 3
"""Steps of each way before the first turn: the first one allocates and compiles."""

TOO_SLOW: Final = 4.0
"""A way that takes so many times as long as the plain one is not measured further."""

GAIN: Final = 1.05
"""What is recommended must be faster than the plain way by this factor, and in all turns but one: less is noise."""

PLAIN: Final[Mapping[str, Any]] = {
    "precision": "float32",
    "memory_format": "auto",
    "compile": False,
    "cuda_graphs": False,
    "threads": 0,
}
"""What the plan's settings are by themselves, and what the others are measured against."""

_DTYPES = {"float32": "float32", "bf16": "bfloat16", "fp16": "float16"}
_FORMATS = {"auto": "", "contiguous": "channels first", "channels_last": "channels last"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way, and what was found.

    Attributes:
        values: The plan's settings: `precision`, `memory_format`, `compile`, `cuda_graphs`, `threads`.
        title: For people: "bfloat16, channels last".
        milliseconds: Of a step, on the wall: what the plain way took in its first turns, by `speed`, so that the ways
            compare although other programs come and go; None when it could not be measured.
        speed: How many times as fast as the plain way, the median of all turns; None likewise.
        least: The same in the worst turns: only one was worse; None likewise.
        loss: The mean training loss of all turns; None likewise, or when the way was given up.
        difference: How far that is from the plain way's, relative to it.
        note: What else there is to say: why it could not be measured, how long the compiler took.
        is_plan: Whether the plan says so now.
    """

    values: Mapping[str, Any]
    title: str
    milliseconds: float | None = None
    speed: float | None = None
    least: float | None = None
    loss: float | None = None
    difference: float | None = None
    note: str = ""
    is_plan: bool = False


def fastest(rows: Sequence[Row]) -> Row | None:
    """Return the way to recommend: the fastest that came to a loss; the plain one where no other is clearly faster."""
    sound = [row for row in rows if row.speed is not None and row.loss is not None]
    if not sound:
        return None
    faster = [row for row in sound if (row.speed or 0.0) >= GAIN and (row.least or 0.0) >= 1.0]
    return max(faster, key=lambda row: row.speed or 0.0, default=sound[0])


def in_words(values: Mapping[str, Any]) -> str:
    """Return settings for people, those that say "automatic" left out."""
    threads = values["threads"]
    parts = [
        _DTYPES[values["precision"]],
        _FORMATS[values["memory_format"]],
        f"{threads} thread{'' if threads == 1 else 's'}" if threads else "",
        "compiled" if values["compile"] else "",
        "CUDA graphs" if values["compile"] and values["cuda_graphs"] else "",
    ]
    return ", ".join(filter(None, parts))


@dataclass(slots=True)
class _Way:
    """One way at work."""

    values: Mapping[str, Any]
    network: Network
    updaters: Sequence[Updater]
    batches: Sequence[Sequence[Batch]]
    threads: int
    count: int = 0
    seconds: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_over: bool = False

    def turn(self, steps: int) -> float:
        """Do some steps; returns the seconds that one took, and keeps them and the mean loss."""
        losses = []
        torch.manual_seed(self.count)
        _finish(self.network.device)
        began = time.perf_counter()
        with limited_threads(self.threads):
            for _ in range(steps):
                batches = self.batches[self.count % len(self.batches)]
                values: dict[str, float] = {}
                for number, updater in enumerate(self.updaters):
                    if len(self.updaters) > 1:
                        self.network.train_only(number)
                    values |= updater.run(self.network.model, batches, self.count)
                self.count += 1
                losses.append(sum(values.values()))
            _finish(self.network.device)
        self.losses.append(fmean(losses))
        self.seconds.append((time.perf_counter() - began) / steps)
        return self.seconds[-1]


class Trial:
    """A trial of one document.

    Attributes:
        rows: What is known so far, the plain way first; replaced as more becomes known.
    """

    def __init__(
        self, document: Document, *, base: str = "", runs: str = "", device: str = "cpu", with_compile: bool = False
    ) -> None:
        """Prepare; nothing is read before `run`.

        Args:
            document: What is to be trained.
            base: The folder that relative file names are relative to.
            runs: The project's folder of runs, for weights to start from.
            device: "cpu", "cuda:0", "mps".
            with_compile: Whether `torch.compile` is tried too, which takes from seconds to minutes.
        """
        self.rows: tuple[Row, ...] = ()
        self._document = document
        self._base, self._runs = base, Path(runs)
        self._device = device
        self._with_compile = with_compile
        self._present = {name: getattr(document.plan, name) for name in PLAIN}
        self._found: dict[str, Row] = {}
        self._stage = 0

    def run(self, job: Job) -> tuple[Row, ...]:
        """Measure; returns all rows.

        Args:
            job: Told how far it is, and the rows as they become known.

        Raises:
            NetbuilderError: When the document, its data or the device are not in order, or memory runs out.
            Cancelled: When the job was cancelled.
        """
        job.report(None, "Reading the data")
        device = torch.device(find_device(self._device).key)
        with _as_before(device), failures.explained(self._document.plan, lambda error: None):
            self._prepare(job, device)
            stages = 3 if self._with_compile else 2
            self._measure(self._precisions(device), job, 0, stages)
            if device.type == "cpu":
                self._measure(self._threads(), job, 1, stages)
            if self._with_compile:
                self._measure(self._compiled(device), job, 2, stages)
        return self.rows

    # -- the ways ------------------------------------------------------------------------------------------------------

    def _precisions(self, device: torch.device) -> list[Mapping[str, Any]]:
        plain = self._plain.network
        formats = ["auto"]
        if any(parameter.dim() == IMAGE_RANK for parameter in plain.model.parameters()):
            formats.append("contiguous" if plain.is_channels_last else "channels_last")
        known = ["float32", "bf16", *([] if device.type == "cpu" else ["fp16"])]
        ways: list[Mapping[str, Any]] = [
            {**PLAIN, "precision": each, "memory_format": format} for each in known for format in formats
        ]
        if self._present not in ways:
            ways.append(self._present)
        return ways[1:]

    def _threads(self) -> list[Mapping[str, Any]]:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        counts = {1, max(1, cores // 2), max(1, cores - 1), cores} - {self._plain.threads}
        best = self._best()
        bases = [PLAIN] if best == PLAIN else [PLAIN, best]
        return [{**base, "threads": count} for base in bases for count in sorted(counts)]

    def _compiled(self, device: torch.device) -> list[Mapping[str, Any]]:
        compiled = {**self._best(), "compile": True, "cuda_graphs": False}
        wish = replace(self._document.plan, cuda_graphs=True)
        return [compiled, *([{**compiled, "cuda_graphs": True}] if takes_graphs(wish, device) else [])]

    def _best(self) -> Mapping[str, Any]:
        best = fastest(self.rows)
        return best.values if best is not None else PLAIN

    # -- at work -------------------------------------------------------------------------------------------------------

    def _prepare(self, job: Job, device: torch.device) -> None:
        start = Start(document=self._document, folder="", base=self._base, runs=str(self._runs), device=self._device)
        prepared = read_rows(start, job, lambda note: None)
        network = self._network(PLAIN, device)
        part = make_part({node: prepared[node] for node in network.data_nodes}, "train", network.fields, device)
        plan = self._document.plan
        generators = {node: shuffling(plan.seed, node) for node in network.data_nodes}
        batches = grouped(part.shuffled(plan.batch_size, generators), plan.accumulation)
        self._batches = tuple(islice(batches, 32))
        if not self._batches:
            raise NetbuilderError(Problem(code="data.empty", message="There are no rows to train on."))
        self._plain = self._way(PLAIN, network)

    def _network(self, values: Mapping[str, Any], device: torch.device) -> Network:
        document = replace(self._document, plan=replace(self._document.plan, **values))
        return Network(document, device, self._runs)

    def _way(self, values: Mapping[str, Any], network: Network) -> _Way:
        plan = network.document.plan
        settings = UpdateSettings(clip_norm=plan.clip_norm, steps=100_000, precision=plan.precision)
        way = _Way(values, network, (), self._batches, 1)

        def losses(phase: Phase) -> Losses:
            own = network.losses(phase)
            if not plan.compile:
                return own
            with_graphs = takes_graphs(plan, network.device)
            return CompiledLosses(own, lambda problem: way.notes.append(problem.found), with_graphs=with_graphs)

        way.updaters = [Updater(each, losses(each), network.groups(each), settings) for each in plan.phases]
        way.threads = plan.threads or intra_op_threads(network.macs, plan.batch_size)
        network.set_updated([updater.parameters for updater in way.updaters])
        network.model_train()
        return way

    def _measure(self, others: Sequence[Mapping[str, Any]], job: Job, stage: int, stages: int) -> None:
        """Let the plain way and others take turns."""
        self._stage = stage
        device = self._plain.network.device
        plain = self._way(PLAIN, self._network(PLAIN, device))
        ways = [plain, *(self._way(each, self._network(each, device)) for each in others)]
        for way in ways:
            job.report(stage / stages, f"{in_words(way.values)}: first steps")
            self._warm_up(way, plain)
        steps = max(1, round(TURN_SECONDS / plain.seconds[-1]))
        for way in ways:
            way.seconds.clear()
            way.losses.clear()
        for number in range(ROUNDS):
            for way in ways:
                if not way.is_over:
                    job.report((stage + (number + 1) / (ROUNDS + 1)) / stages, in_words(way.values))
                    self._turn(way, steps)
            self._tell(ways)
            job.learn(self.rows)

    def _warm_up(self, way: _Way, plain: _Way) -> None:
        began = time.perf_counter()
        self._turn(way, 1)
        first = time.perf_counter() - began
        if not way.is_over:
            self._turn(way, WARM_UP - 1)
        if way.is_over:
            return
        if way.values["compile"] and not way.notes:
            way.notes.append(f"the compiler took {first:.0f} s")
        slower = way.seconds[-1] / plain.seconds[-1]
        if slower >= TOO_SLOW:
            way.is_over = True
            way.notes.append(f"given up: about {slower:.0f} times as slow")

    def _turn(self, way: _Way, steps: int) -> None:
        try:
            with failures.explained(way.network.document.plan, way.network.explain):
                way.turn(steps)
        except NonFiniteError as error:
            if way.values == PLAIN:
                raise NetbuilderError(_not_finite(error)) from error
            way.is_over = True
            way.notes.append("its loss is not finite: " + ", ".join(error.values))
        except NetbuilderError as error:
            if way.values == PLAIN:
                raise
            way.is_over = True
            way.notes.append(error.problems[0].message)

    def _tell(self, ways: Sequence[_Way]) -> None:
        """Bring the rows up to date."""
        plain = ways[0]
        for way in ways:
            title = in_words(way.values)
            if way is plain and self._stage > 0:
                continue
            known = self._found.get(in_words(PLAIN))
            base = known.milliseconds if known is not None and way is not plain else None
            self._found[title] = _row(way, plain, base, is_plan=dict(way.values) == self._present)
        self.rows = tuple(self._found.values())


def _row(way: _Way, plain: _Way, base: float | None, *, is_plan: bool) -> Row:
    note = "; ".join(way.notes)
    row = Row(values=way.values, title=in_words(way.values), note=note, is_plan=is_plan)
    if way.is_over or not way.seconds:
        return row
    ratios = [theirs / own for theirs, own in zip(plain.seconds, way.seconds, strict=False)]
    loss, usual = fmean(way.losses), fmean(plain.losses[: len(way.losses)])
    speed = median(ratios)
    return replace(
        row,
        milliseconds=1e3 * median(way.seconds) if base is None else base / speed,
        speed=speed,
        least=sorted(ratios)[min(1, len(ratios) - 1)],
        loss=loss,
        difference=(loss - usual) / abs(usual) if usual else 0.0,
    )


def _not_finite(error: NonFiniteError) -> Problem:
    found = ", ".join(f"{name} = {value:g}" for name, value in error.values.items())
    message = (
        f"There is nothing to compare: in float32 a training comes to {found} already. Look at the data and at the "
        "learning rate first."
    )
    return Problem(code="trial.not_finite", message=message, expected="finite numbers", found=found)


def _finish(device: torch.device) -> None:
    """Wait for what is under way on a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@contextmanager
def _as_before(device: torch.device) -> Iterator[None]:
    """Give random numbers and memory back afterwards."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        try:
            yield
        finally:
            failures.release_memory()


def table(rows: Sequence[Row]) -> str:
    """Return rows as lines of text, a column each."""
    heads = ("", "ms a step", "times as fast", "loss differs by", "")
    lines = [heads, *(_cells(row) for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(heads))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at in (0, 4) else cell.rjust(width) for at, (cell, width) in enumerate(pairs)
        ).rstrip()
        for pairs in (list(zip(line, widths, strict=True)) for line in lines)
    )


def percent(share: float) -> str:
    """Return a difference as "+2.14 %"; what rounds to nothing has no sign."""
    text = f"{100 * share:+.2f} %"
    return "0.00 %" if text[1:] == "0.00 %" else text


def _cells(row: Row) -> tuple[str, ...]:
    notes = "; ".join(filter(None, (row.note, "as the plan says" if row.is_plan else "")))
    if row.milliseconds is None or row.speed is None or row.difference is None:
        return row.title, "-", "-", "-", notes
    return row.title, f"{row.milliseconds:.2f}", f"{row.speed:.2f}", percent(row.difference), notes
