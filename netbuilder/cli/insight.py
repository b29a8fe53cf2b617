"""Short runs in the terminal: the learning-rate finder, and checks before training."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from netbuilder.cli.answers import DONE, FAILED, Command, add_file, add_json, labels_of, print_json

if TYPE_CHECKING:
    from netbuilder.insight.order import Order

SIGNS: Final = {"pass": "✓", "warn": "!", "fail": "✗"}


def _find_rate(asked: argparse.Namespace) -> int:
    from netbuilder.foundation.job import Job
    from netbuilder.insight.rate_finder import find_rate

    curve = find_rate(_order(asked), Job())
    if asked.json:
        print_json({**asdict(curve), "suggestion": curve.suggestion})
    elif curve.suggestion is None:
        print(f"The loss does not fall at any of the {len(curve.rates)} learning rates that were tried.")
    else:
        print(f"learning rate  {curve.suggestion:g}")
        print(f"The loss is least at {curve.least:.2g} and falls fastest at {curve.steepest:.2g}.")
    return DONE if curve.suggestion is not None else FAILED


def _preflight(asked: argparse.Namespace) -> int:
    from netbuilder.foundation.job import Job
    from netbuilder.insight.check import Verdict, check

    order = _order(asked)
    results = check(order, Job())
    labels = labels_of(order.document)
    if asked.json:
        print_json(
            [
                {
                    "check": each.check,
                    "verdict": str(each.verdict),
                    "message": each.message,
                    **({"node": each.node, "label": labels.get(each.node, each.node)} if each.node else {}),
                    "numbers": dict(each.numbers),
                    "fixes": [fix.title for fix in each.fixes],
                }
                for each in results
            ]
        )
    else:
        for each in results:
            fixes = " or ".join(fix.title for fix in each.fixes)
            print(f"{SIGNS[each.verdict]} {each.title}: {each.message}" + (f" Fix: {fixes}." if fixes else ""))
    return FAILED if any(each.verdict is Verdict.FAIL for each in results) else DONE


def _order(asked: argparse.Namespace) -> Order:
    from netbuilder.insight.order import Order
    from netbuilder.project import Project, runs_folder

    project = Project.load(asked.file)
    path = Path(asked.file).absolute()
    return Order(document=project.document, base=str(path.parent), runs=str(runs_folder(path)), device=asked.device)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_file(parser)
    parser.add_argument("--device", default="cpu", metavar="D", help="cpu (default), cuda, cuda:1, mps")
    add_json(parser)


COMMANDS: Final = {
    "find-rate": Command(_find_rate, "try ever larger learning rates and suggest one; trains nothing", _add_arguments),
    "preflight": Command(
        _preflight, "try a network and its data in short runs; exit 1 when a check failed", _add_arguments
    ),
}
