"""Short real trainings, and what rules make of them."""

from __future__ import annotations

from pathlib import Path

from netbuilder.document.model import Document
from netbuilder.insight.facts import find_facts
from netbuilder.insight.finding import Finding
from netbuilder.insight.monitor import Monitor, look_once
from netbuilder.insight.record import Record, make_record
from netbuilder.training.protocol import State, Step
from netbuilder.ui.series import RunRecord
from tests.training.documents import Run, begin, train


def record_of(made: Document, run: Run) -> Record:
    """Return what a run has told so far, as rules read it."""
    kept = RunRecord()
    for told in run.telemetry:
        kept.add(told)
    return make_record(made, find_facts(made), kept.series, kept.pictures, kept.events, kept.progress)


def trained(made: Document, folder: Path) -> Record:
    """Train to the end; the probe looks by the clock, so a short run has few looks."""
    return record_of(made, train(made, folder))


def watched(made: Document, folder: Path, looks: int, unit: str = "batch") -> tuple[Record, tuple[Finding, ...]]:
    """Train `looks` batches or epochs, looking after each; return the record and what is shown in the end."""
    run, monitor = begin(made, folder, paused=True), Monitor()
    run.until(lambda told: told.progress.state is State.PAUSED)
    for _ in range(looks):
        if not run.host.state.is_active:
            break
        before = run.telemetry[-1].progress.step
        run.command(Step(unit))
        run.until(lambda told, before=before: told.progress.state is not State.RUNNING and told.progress.step != before)
        look_once(monitor, record_of(made, run))
    record = record_of(made, run)
    from netbuilder.training.protocol import Stop

    if run.host.state.is_active:
        run.host.send(Stop())
    run.host.wait(30)
    return record, monitor.findings


def keys(findings: tuple[Finding, ...]) -> set[str]:
    """Return which rules have found something."""
    return {finding.rule for finding in findings}
