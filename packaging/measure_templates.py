"""Train every template as it is and write what it reached: `python packaging/measure_templates.py [KEY ...]`.

Writes `resources/templates/marks.json`, which the start page and `netbuilder templates` show. Only what was measured
stands there: the mark on the test part, and the seconds from Train to the end, on the CPU, without the import of torch.
"""

from __future__ import annotations

import json
import math
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from make_templates import FOLDER, RECIPES, Recipe

from netbuilder.project import Project

MARKS = FOLDER / "marks.json"


def measure(recipe: Recipe) -> dict[str, Any]:
    """Train one template and return its entry."""
    project = Project.load(FOLDER / f"{recipe.key}.netb")
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        outcome = project.train(folder=Path(folder) / "run")
        seconds = time.perf_counter() - begun
    value = outcome.test[recipe.metric]
    assert value >= recipe.mark, f"{recipe.key} reached {value}, and should reach {recipe.mark}"
    return {
        "title": recipe.title,
        "subtitle": recipe.subtitle,
        "description": recipe.description,
        "category": recipe.category,
        "mark": _mark(recipe.metric, value),
        "time": f"{math.ceil(seconds)} s on CPU",
        "metric": recipe.metric,
        "value": round(value, 4),
        "seconds": round(seconds, 2),
        "measured_with": f"torch {torch.__version__}, {platform.machine()}",
    }


def _mark(metric: str, value: float) -> str:
    # Rounded down: a card promises no more than was reached.
    return f"R² {math.floor(100 * value) / 100:.2f}" if metric == "r2" else f"{math.floor(100 * value)} %"


def main() -> None:
    """Measure the templates that were asked for, or all."""
    chosen = sys.argv[1:]
    known = json.loads(MARKS.read_text("utf-8")) if MARKS.exists() else {}
    import netbuilder.training.session  # noqa: F401  # what the window has loaded by the time Train is pressed
    from netbuilder.training.metrics import library

    library()
    for recipe in RECIPES:
        if not chosen or recipe.key in chosen:
            known[recipe.key] = measure(recipe)
            print(recipe.key, known[recipe.key]["mark"], known[recipe.key]["seconds"], flush=True)
    ordered = {recipe.key: known[recipe.key] for recipe in RECIPES if recipe.key in known}
    MARKS.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", "utf-8", newline="\n")


if __name__ == "__main__":
    main()
