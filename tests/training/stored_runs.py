"""Stores with runs as a user has them after a while, made without training anything."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from netbuilder.document.files import dumps
from netbuilder.document.model import Document, Plan, Setting
from netbuilder.training.protocol import Event, Points
from netbuilder.training.run_schema import connect
from netbuilder.training.run_store import (
    FILE_NAME,
    RunRecord,
    RunStore,
    write_event,
    write_points,
    write_run,
)

STARTED = 1_790_000_000.0


def plan_of(rate: float = 1e-3, seed: int = 0, **values) -> Plan:
    """Return a plan with Adam at a learning rate."""
    plan = Plan(seed=seed, **values)
    phase = replace(plan.phases[0], optimizer=Setting(key="adam", values={"learning_rate": rate}))
    return replace(plan, phases=(phase,))


def record_of(folder: Path, run: str, number: int = 0, *, document: Document | None = None, **values) -> RunRecord:
    """Return the record of a finished run."""
    plan = values.pop("plan", plan_of())
    document = replace(document or Document(), plan=plan)
    text = dumps(document)
    defaults = {
        "title": "Digits",
        "started": STARTED + 100 * number,
        "ended": STARTED + 100 * number + 42,
        "reason": "finished",
        "document": text if isinstance(text, str) else text.decode(),
        "plan": asdict(plan),
        "seed": plan.seed,
        "device": "CPU",
        "parameters": 1218,
        "steps": 40,
        "test": {"loss": 0.5 / (number + 1), "accuracy": 0.9},
    }
    return RunRecord(id=run, folder=str(folder / run), **{**defaults, **values})


def store_of(folder: Path, records: Iterable[RunRecord], epochs: int = 4, weights: bool = True) -> RunStore:
    """Write runs of 10 steps an epoch; the loss of the n-th falls to about 1 / (n + 1)."""
    folder.mkdir(parents=True, exist_ok=True)
    with closing(connect(folder / FILE_NAME, create=True)) as connection:
        for number, record in enumerate(records):
            write_run(connection, record)
            steps = np.arange(1, 10 * epochs + 1)
            loss = 2.0 / (1 + steps * (number + 1) / 20)
            for start in range(0, len(steps), 10):
                part = slice(start, start + 10)
                at = record.started + start / 5
                write_points(connection, record.id, {"loss/train": Points(steps[part], loss[part])}, at)
            ends = steps[9::10]
            validation = {
                "loss/validation": Points(ends, 1.1 * loss[9::10]),
                "accuracy/validation": Points(ends, 1 - loss[9::10] / 2),
            }
            write_points(connection, record.id, validation, record.started + epochs)
            for epoch, step in enumerate(ends.tolist(), 1):
                value = 1.1 * float(loss[step - 1])
                metrics = {"loss": value, "accuracy": 1 - value / 2.2}
                data = {"epoch": epoch, "metrics": metrics, "best": True, "train_loss": value}
                write_event(connection, record.id, Event(kind="epoch", text=f"Epoch {epoch}", step=step, data=data))
            if weights:
                (folder / record.id).mkdir(exist_ok=True)
                (folder / record.id / "best.safetensors").write_bytes(b"w" * 1000)
        connection.commit()
    return RunStore.open(folder)
