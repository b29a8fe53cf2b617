"""What a terminal shows: a training as a progress bar or as one JSON object a line, and what a network costs."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO, TypeAlias

from netbuilder.compiler.cost import Cost, Costs
from netbuilder.foundation.problem import Problem
from netbuilder.training.footprint import Memory, in_words
from netbuilder.training.protocol import Event, Points, Progress, State, Telemetry
from netbuilder.training.unattended import Outcome

Complain: TypeAlias = Callable[[Sequence[Problem]], None]
"""Says what is wrong on the error stream."""

STEP_INTERVAL = 10
"""One step in so many is told; counted, never timed, so that equal runs print equal lines."""


class JsonLines:
    """Prints `step` and `epoch` objects, which hold no time, no place and no name of this run, and one `end`."""

    def __init__(self, complain: Complain, stream: TextIO | None = None) -> None:
        """Print to `stream`, the standard output by default; problems go to `complain`."""
        self._complain = complain
        self._stream = stream or sys.stdout
        self._waiting: list[dict[str, Any]] = []
        self._seen = 0

    def watch(self, telemetry: Telemetry) -> None:
        """Print what is new, in the order of steps, a step before the epoch that it ends.

        Points may come after the epoch that they belong to: an epoch waits until all its steps are there.
        """
        points = telemetry.series.get("loss/train")
        if points is not None:
            self._seen = int(points.steps[-1])
        self._waiting += [*_step_lines(points), *_epoch_lines(telemetry.events)]
        self._waiting.sort(key=lambda line: (line["step"], line["event"] == "epoch"))
        is_over = telemetry.progress.state in (State.ENDED, State.FAILED)
        ready = [line for line in self._waiting if is_over or line["step"] <= self._seen]
        self._waiting = self._waiting[len(ready) :]
        for line in ready:
            self._print(line)
        for event in telemetry.events:
            if event.kind == "resume" or (event.kind == "log" and event.step == 0):
                print(event.text, file=sys.stderr)
            self._complain(event.problems)

    def finish(self, outcome: Outcome) -> None:
        """Print the end."""
        self._print(
            {
                "event": "end",
                "reason": outcome.reason,
                "steps": outcome.steps,
                "best_epoch": outcome.best_epoch,
                "test": dict(outcome.test),
                "folder": str(outcome.folder),
            }
        )

    def _print(self, line: Mapping[str, Any]) -> None:
        print(json.dumps(finite(line), ensure_ascii=False), file=self._stream, flush=True)


def _step_lines(points: Points | None) -> Iterator[dict[str, Any]]:
    if points is not None:
        for step, loss in zip(points.steps.tolist(), points.values.tolist(), strict=True):
            if step % STEP_INTERVAL == 0:
                yield {"event": "step", "step": step, "loss": loss}


def _epoch_lines(events: tuple[Event, ...]) -> Iterator[dict[str, Any]]:
    for event in events:
        if event.kind == "epoch":
            yield {
                "event": "epoch",
                "epoch": event.data["epoch"],
                "step": event.step,
                "metrics": dict(event.data["metrics"]),
            }


def finite(value: Any) -> Any:
    """Return a JSON value with every number that JSON lacks replaced by null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value


@dataclass(slots=True)
class ProgressBar:
    """One line that is redrawn on a terminal; elsewhere one line an epoch."""

    complain: Complain
    stream: TextIO = field(default_factory=lambda: sys.stdout)
    _drawn: bool = False
    _metrics: str = ""

    def watch(self, telemetry: Telemetry) -> None:
        """Show what is new."""
        for event in telemetry.events:
            self._show_event(event)
        if self.stream.isatty() and telemetry.progress.state is not State.IDLE:
            self._draw(telemetry.progress)

    def finish(self, outcome: Outcome) -> None:
        """Say how it ended."""
        self._line(_end_text(outcome))
        if outcome.folder.is_dir():
            self._line(f"Kept in {outcome.folder}")

    def _show_event(self, event: Event) -> None:
        if event.kind == "epoch":
            self._metrics = "  ".join(f"{name} {value:.4g}" for name, value in event.data["metrics"].items())
            if not self.stream.isatty():
                self._line(event.text)
        elif event.kind in ("log", "resume"):
            self._line(event.text)
        elif event.problems:
            self._clear()
            self.complain(event.problems)

    def _draw(self, progress: Progress) -> None:
        width = shutil.get_terminal_size().columns
        text = progress_line(progress, self._metrics, width - 1, self._blocks())
        self.stream.write("\r\x1b[K" + text)
        self.stream.flush()
        self._drawn = True

    def _line(self, text: str) -> None:
        self._clear()
        print(text, file=self.stream, flush=True)

    def _clear(self) -> None:
        if self._drawn:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
            self._drawn = False

    def _blocks(self) -> str:
        try:
            "█░".encode(self.stream.encoding or "ascii")
        except UnicodeEncodeError:
            return "#."
        return "█░"


def progress_line(progress: Progress, metrics: str, width: int, blocks: str) -> str:
    """Return the bar's line.

    Args:
        progress: How far the run is.
        metrics: The last epoch's, as text.
        width: Columns of the terminal.
        blocks: What the bar is drawn with: done, not done.
    """
    if progress.state is State.STARTING or not progress.steps:
        return {State.STARTING: "Preparing…", State.STOPPING: "Saving…"}.get(progress.state, "")[:width]
    done = progress.step / progress.steps
    filled = round(20 * done)
    parts = [
        f"Epoch {min(progress.epoch + 1, progress.epochs)}/{progress.epochs}",
        blocks[0] * filled + blocks[1] * (20 - filled),
        f"{100 * done:3.0f} %",
        f"{progress.rate:,.0f} steps/s" if progress.rate else "",
        f"{_clock(progress.seconds_left)} left" if progress.seconds_left is not None else "",
        metrics,
    ]
    return "  ".join(part for part in parts if part)[:width]


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _end_text(outcome: Outcome) -> str:
    words = {
        "finished": "Training finished",
        "early stopping": "Training stopped early, validation no longer improved",
        "stopped": "Training was stopped; what was learned is saved",
    }
    text = words.get(outcome.reason, f"Training ended: {outcome.reason}")
    if outcome.reason == "stopped" and not outcome.steps:
        text = "Training was stopped before its first step"
    marks = ", ".join(f"{name} {value:.4g}" for name, value in outcome.test.items())
    return f"{text}. On the test part: {marks}." if marks else f"{text}."


def plain_costs(costs: Costs, memory: Memory, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return costs as JSON: numbers of weights and multiply-adds, and bytes; layers in the order of their labels."""
    layers = {label: _plain_cost(costs.nodes[id]) for id, label in labels.items() if id in costs.nodes}
    total = costs.total
    return {
        "layers": layers,
        "parameters": total.parameters,
        "trainable": total.trainable,
        "multiply_adds": total.macs,
        "training_bytes": memory.training,
        "activation_bytes": memory.activations,
        "inference_bytes": memory.inference,
        "complete": costs.complete,
    }


def _plain_cost(cost: Cost) -> dict[str, int]:
    return {
        "parameters": cost.parameters,
        "trainable": cost.trainable,
        "multiply_adds": cost.macs,
        "output_bytes": cost.bytes,
        "kept_bytes": cost.kept,
    }


def costs_in_words(costs: Costs, memory: Memory) -> str:
    """Return costs as one line for people."""
    least = "" if costs.complete else "at least "
    return (
        f"{least}{costs.total.parameters:,} parameters, {costs.total.macs:,} multiply-adds a sample; "
        f"memory: {in_words(memory.training)} to train a batch ({in_words(memory.activations)} of it activations), "
        f"{in_words(memory.inference)} to predict a sample"
    )
