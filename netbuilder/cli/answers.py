"""Answers: exit codes, what is said on the error stream, JSON, and what every command's arguments share."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netbuilder.foundation.problem import NetbuilderError, Problem

if TYPE_CHECKING:
    from netbuilder.document.model import Document

DONE, FAILED, UNUSABLE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: all is well; the answer is "no"; what was asked for cannot be done; stopped by Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        run: Does it and returns the exit code.
        help: One line.
        add_arguments: Tells a parser what it takes.
    """

    run: Callable[[argparse.Namespace], int]
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]


def labels_of(document: Document) -> dict[str, str]:
    """Return the label of each node of the main graph by its id."""
    return {node.id: node.label for node in document.graph.nodes.values()}


def refuse_existing(path: Path) -> None:
    """Refuse to write a file over another.

    Raises:
        NetbuilderError: When there is one.
    """
    if path.exists():
        raise NetbuilderError(
            Problem(code="file.exists", message=f"{path} exists already; nothing was changed.", file=str(path))
        )


def print_json(value: Any) -> None:
    """Print a value for programs; numbers that JSON lacks are null."""
    from netbuilder.console import finite

    print(json.dumps(finite(value), indent=1, ensure_ascii=False))


def plain_problem(problem: Problem, labels: dict[str, str]) -> dict[str, Any]:
    """Return a problem as a JSON value."""
    found = {
        name: getattr(problem, name)
        for name in ("code", "message", "node", "port", "field", "file", "line", "expected", "found")
        if getattr(problem, name)
    }
    label = labels.get(problem.node)
    return {
        "severity": str(problem.severity),
        **found,
        **({"label": label} if label else {}),
        **({"fixes": [fix.title for fix in problem.fixes]} if problem.fixes else {}),
    }


def complain(problems: Sequence[Problem], labels: dict[str, str] | None = None, file: str = "") -> None:
    """Say what is wrong on the error stream, each with its place."""
    for problem in problems:
        place = [file, (labels or {}).get(problem.node, problem.node)]
        words = ": ".join([str(problem.severity), *(part for part in place if part), problem.message])
        fixes = " or ".join(fix.title for fix in problem.fixes)
        if "trust" in problem.actions:
            fixes = f"look at it and trust it with `netbuilder trust {file or 'FILE'}`"
        print(words + (f" Fix: {fixes}." if fixes else ""), file=sys.stderr)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Let a command print JSON."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def add_file(parser: argparse.ArgumentParser) -> None:
    """Let a command take a project."""
    parser.add_argument("file", metavar="FILE", help="a project (.netb)")
