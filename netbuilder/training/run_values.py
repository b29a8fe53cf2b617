"""What runs are listed, sorted and compared by: one plain value a key, the same in the window and in the terminal."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from netbuilder.training.run_store import RunRecord

Value: TypeAlias = str | float | int | None

FIXED: Final[Mapping[str, str]] = {
    "name": "Name",
    "state": "State",
    "started": "Started",
    "duration": "Duration",
    "epochs": "Epochs",
    "steps": "Steps",
    "device": "Device",
    "seed": "Seed",
    "parameters": "Weights",
    "tags": "Tags",
    "notes": "Notes",
    "title": "Project",
}
"""Values that every run has: key -> title."""

RUNNING: Final = "running"
INTERRUPTED: Final = "interrupted"

LOWER_IS_BETTER: Final = frozenset({"loss", "train_loss", "mae", "rmse"})
_KINDS: Final = {"best": "best", "last": "last", "test": "test"}


def run_name(record: RunRecord) -> str:
    """Return what to call a run: the user's name for it, else its folder's."""
    return record.marks.name or record.id


def run_state(record: RunRecord, is_running: bool) -> str:
    """Return where a run stands.

    Args:
        record: The run.
        is_running: Whether some process holds it.

    Returns:
        "running"; "interrupted" for one whose program ended in the middle of it; else the reason of its end.
    """
    if is_running:
        return RUNNING
    return record.reason if record.ended is not None else INTERRUPTED


def plan_values(plan: Mapping[str, Any]) -> dict[str, Value]:
    """Return a plan's settings flat: "batch_size", "optimizer", "learning_rate", ...

    With several phases, what belongs to a phase is headed by its name: "generator.learning_rate".
    """
    phases = [phase for phase in plan.get("phases", ()) if isinstance(phase, dict)]
    found: dict[str, Value] = {}
    for phase in phases:
        head = f"{phase.get('name', '')}." if len(phases) > 1 else ""
        found.update({head + name: value for name, value in _phase_values(phase).items()})
    for name, value in plan.items():
        if name not in ("phases", "extra"):
            found[name] = _plain(value.get("file") if name == "weights" and isinstance(value, dict) else value)
    return found


def _phase_values(phase: Mapping[str, Any]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for part in ("optimizer", "schedule"):
        setting = phase.get(part)
        if isinstance(setting, dict):
            found[part] = _plain(setting.get("key"))
            head = "" if part == "optimizer" else "schedule."
            values = setting.get("values")
            found.update({head + name: _plain(value) for name, value in (values or {}).items()})
    groups = [group for group in phase.get("groups", ()) if isinstance(group, dict)]
    if any(group.get("nodes") or group.get("rate", 1.0) != 1.0 for group in groups):
        found["groups"] = "; ".join(f"{len(group.get('nodes', ()))} at {group.get('rate', 1.0)}" for group in groups)
    found["updates"] = _plain(phase.get("updates", 1))
    return found


def _plain(value: Any) -> Value:
    if value is None or isinstance(value, (str, int, float)):
        return value
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def values_of(record: RunRecord, is_running: bool = False, now: float | None = None) -> dict[str, Value]:
    """Return everything that a run can be compared by.

    Keys are those of `FIXED`, "best/<metric>", "last/<metric>", "test/<metric>" and "plan/<setting>".

    Args:
        record: The run.
        is_running: Whether some process holds it.
        now: The time, for the duration of a run in progress; None asks the clock.
    """
    end = record.ended if record.ended is not None else ((now or time.time()) if is_running else None)
    values: dict[str, Value] = {
        "name": run_name(record),
        "state": run_state(record, is_running),
        "started": record.started,
        "duration": max(0.0, end - record.started) if end is not None else None,
        "epochs": record.epochs,
        "steps": record.steps,
        "device": record.device,
        "seed": record.seed,
        "parameters": record.parameters or None,
        "tags": ", ".join(record.marks.tags),
        "notes": record.marks.notes,
        "title": record.title,
    }
    for kind, results in (("best", record.results.get("best")), ("last", record.results.get("last"))):
        values.update({f"{kind}/{name}": _number(value) for name, value in (results or {}).items()})
    values.update({f"test/{name}": _number(value) for name, value in record.test.items()})
    values.update({f"plan/{name}": value for name, value in plan_values(record.plan).items() if name != "seed"})
    return values


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def title_of(key: str) -> str:
    """Return what people call a value: "best/loss" is "Best loss", "plan/batch_size" is "Batch size"."""
    if key in FIXED:
        return FIXED[key]
    if key == "plan/epochs":
        return "Epochs planned"  # beside those that were done
    kind, _, name = key.partition("/")
    words = name.replace("_", " ").replace(".", " ").replace("ema ", "EMA ")
    words = words.replace("f1", "F1").replace("r2", "R²") if kind in _KINDS else words
    text = f"{_KINDS[kind]} {words}" if kind in _KINDS else words
    return text[:1].upper() + text[1:]


def keys_of(rows: Iterable[Mapping[str, Value]]) -> list[str]:
    """Return every key that some row has, in the order in which columns stand."""
    found = dict.fromkeys(key for row in rows for key in row)
    rank = {"best": 1, "last": 2, "test": 3, "plan": 4}
    return sorted(found, key=lambda key: rank.get(key.partition("/")[0] if "/" in key else "", 0))


def differing(rows: Iterable[Mapping[str, Value]], keys: Iterable[str]) -> list[str]:
    """Return those keys whose values are not the same in all rows."""
    known = list(rows)
    return [key for key in keys if len({_identity(row.get(key)) for row in known}) > 1]


def _identity(value: Value) -> tuple[str, Value]:
    return type(value).__name__ if isinstance(value, bool) else "", value


def lower_is_better(key: str) -> bool:
    """Whether less of a value is better: of "best/loss", "validation.mae"."""
    return key.rpartition("/")[2].rpartition(".")[2] in LOWER_IS_BETTER


def same_but_seed(record: RunRecord) -> str:
    """Return what is equal for runs that differ in nothing but their seed; "" where it cannot be told.

    That is the plan without its seed, the network's weights in number, and the rows that were read.
    """
    plan = plan_values(record.plan)
    plan.pop("seed", None)
    return repr((sorted(plan.items(), key=lambda item: item[0]), record.parameters, sorted(record.data.items())))
