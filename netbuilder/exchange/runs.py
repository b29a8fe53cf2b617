"""Runs whose weights may leave: where they lie, and what to call them. Needs neither torch nor numpy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training.run_files import BEST, LAST


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a network's weights come from.

    Attributes:
        run: The run's folder; None when they were drawn.
        epoch: The epoch (from 1) they are of, where that is known.
        is_best: Whether they are the run's best, not just its last.
        seed: What they were drawn from.
        is_start: Whether they are those that the plan starts from, such as imported ones.
    """

    run: Path | None = None
    epoch: int | None = None
    is_best: bool = False
    seed: int = 0
    is_start: bool = False

    @property
    def is_fresh(self) -> bool:
        """Whether they were drawn, and nobody has trained them."""
        return self.run is None and not self.is_start

    def __str__(self) -> str:
        """For people: "the best weights of the run 2026-01-31-120000 (epoch 12)"."""
        if self.is_start:
            return "the weights that the project starts from"
        if self.run is None:
            return f"fresh weights, drawn from seed {self.seed}"
        epoch = f" (epoch {self.epoch})" if self.epoch is not None else ""
        return f"the {'best' if self.is_best else 'last'} weights of the run {self.run.name}{epoch}"


def runs_folder(file: Path) -> Path:
    """Return the folder of a project file's runs."""
    return file.with_suffix(".runs")


def list_runs(folder: Path) -> list[Path]:
    """Return the runs in a `.runs` folder that have weights, the newest first; none when it cannot be read."""
    try:
        found = [each for each in folder.iterdir() if any((each / name).is_file() for name in (BEST, LAST))]
    except OSError:
        return []
    return sorted(found, key=lambda each: (_changed(each), each.name), reverse=True)


def find_run(run: str, file: Path | None) -> Path:
    """Return the folder of a run.

    Args:
        run: Its folder, or its name in the project's `.runs` folder.
        file: The project's file; None when it has none.

    Raises:
        NetbuilderError: When there is no such run; the problem names those that there are.
    """
    places = [Path(run)]
    if file is not None and run == Path(run).name:
        places.append(runs_folder(file) / run)
    for place in places:
        if place.is_dir():
            return place.absolute()
    known = [each.name for each in list_runs(runs_folder(file))] if file else []
    hint = f" {file.name} has the runs {', '.join(known[:5])}." if known and file else ""
    raise NetbuilderError(
        Problem(
            code="export.run",
            message=f"There is no run {run!r}: name a run's folder, or one of the project's runs.{hint}",
            file=run,
            expected=", ".join(known[:5]),
            found=run,
        )
    )


def checkpoint_file(run: Path) -> Path:
    """Return the file of a run's best weights, or of its last ones when it finished no epoch.

    Raises:
        NetbuilderError: When it has neither.
    """
    for name in (BEST, LAST):
        if (run / name).is_file():
            return run / name
    message = f"The run {run.name} has no weights: it ended before any were saved, or it is no run's folder."
    raise NetbuilderError(Problem(code="export.no_weights", message=message, file=str(run), expected=BEST))


def _changed(run: Path) -> float:
    for name in (BEST, LAST):
        try:
            return (run / name).stat().st_mtime
        except OSError:
            continue
    return 0.0
