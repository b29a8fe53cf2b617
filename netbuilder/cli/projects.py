"""Projects in the terminal: checking, training, trusting what they hold."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from netbuilder.cli.answers import (
    DONE,
    FAILED,
    INTERRUPTED,
    UNUSABLE,
    Command,
    add_file,
    add_json,
    complain,
    labels_of,
    plain_problem,
    print_json,
)
from netbuilder.foundation.problem import NetbuilderError, Problem

if TYPE_CHECKING:
    from netbuilder.project import Project


def _check(asked: argparse.Namespace) -> int:
    from netbuilder.console import costs_in_words, plain_costs
    from netbuilder.document.topology import flow
    from netbuilder.project import Project
    from netbuilder.training.footprint import measure

    checked = Project.load(asked.file).check()
    names, types = labels_of(checked.document), checked.shapes.types
    labels = {id: names[id] for id in flow(checked.document.graph)}
    rank = {id: index for index, id in enumerate(labels)}
    outputs = (port for port in types if port.node in labels and port not in checked.document.graph.edges)
    shapes = {
        f"{labels[port.node]}.{port.port}": str(types[port])
        for port in sorted(outputs, key=lambda port: rank[port.node])
    }
    memory = measure(checked.document, checked.costs)
    if asked.json:
        problems = [plain_problem(problem, labels) for problem in checked.problems]
        costs = plain_costs(checked.costs, memory, labels)
        print_json({"file": str(asked.file), "shapes": shapes, "costs": costs, "problems": problems})
    else:
        width = max(map(len, shapes), default=0)
        for name, shape in shapes.items():
            print(f"{name:{width}}  {shape}")
        print(costs_in_words(checked.costs, memory))
        complain(checked.problems, labels, Path(asked.file).name)
        if checked.is_sound:
            print("Nothing prevents training.")
    return DONE if checked.is_sound else FAILED


def _train(asked: argparse.Namespace) -> int:
    from netbuilder.project import Project

    if asked.resume is not None and (asked.seed is not None or asked.run_dir is not None or asked.fastest):
        message = "A run that goes on keeps its seed, folder and precision: leave --seed, --run-dir and --fastest out."
        raise NetbuilderError(Problem(code="resume.options", message=message))
    return train_project(Project.load(asked.file), asked)


def train_project(project: Project, asked: argparse.Namespace) -> int:
    """Train a project and show how it goes; returns the exit code."""
    from netbuilder.console import JsonLines, ProgressBar
    from netbuilder.training.devices import several

    labels = labels_of(project.document)
    told: list[Problem] = []

    def tell(problems: Sequence[Problem]) -> None:
        """Say what was not said yet: what ends a training is an event of it first."""
        complain([each for each in problems if each not in told], labels, project.path.name if project.path else "")
        told.extend(problems)

    display = JsonLines(tell) if asked.json else ProgressBar(tell)
    try:
        if asked.fastest:
            _choose_fastest(project, asked)
        if asked.resume is None:
            outcome = project.train(
                epochs=asked.epochs,
                device=several(asked.device, asked.devices),
                seed=asked.seed,
                folder=asked.run_dir,
                snapshots=asked.snapshots,
                on_telemetry=display.watch,
            )
        else:
            device = several(asked.device, asked.devices)
            outcome = project.resume(
                asked.resume,
                epochs=asked.epochs,
                device=device,
                snapshots=asked.snapshots,
                on_telemetry=display.watch,
            )
    except NetbuilderError as error:
        tell(error.problems)
        return UNUSABLE
    except KeyboardInterrupt:
        _leave(project)
    display.finish(outcome)
    if outcome.reason != "stopped":
        return DONE
    if outcome.steps:
        run = str(outcome.folder) if asked.run_dir else outcome.folder.name
        print(f"Go on with: {_way_on(project, run)}", file=sys.stderr)
    return INTERRUPTED


def _leave(project: Project) -> NoReturn:
    """End the program though a step or a save is under way: who asks twice does not want to wait."""
    print(f"Left without waiting. What was saved before can go on: {_way_on(project)}", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(INTERRUPTED)  # the usual way out would wait for the session's thread


def _way_on(project: Project, run: str = "") -> str:
    """Return the command that goes on with a project's run."""
    file = str(project.path) if project.path else "FILE"
    return " ".join(["netbuilder", "train", shlex.quote(file), "--resume", *([shlex.quote(run)] if run else [])])


def _choose_fastest(project: Project, asked: argparse.Namespace) -> None:
    """Measure ways to train, show them on the error stream, and put the fastest into the plan; the file stays."""
    from netbuilder.document import edits
    from netbuilder.training.trial import fastest, table

    rows = project.find_fastest(device=asked.device, with_compile=asked.compile)
    best = fastest(rows)
    print(table(rows), file=sys.stderr)
    if best is not None:
        print(f"Training in {best.title}.", file=sys.stderr)
        project.document = edits.change_plan(project.document, best.values)


def _trust(asked: argparse.Namespace) -> int:
    from netbuilder.foundation import trust

    if asked.forget:
        count = trust.forget()
        print(f"Nothing is trusted any more ({count} {'text was' if count == 1 else 'texts were'}).")
        return DONE
    if asked.file is None:
        raise NetbuilderError(Problem(code="trust.file", message="Name the project whose code is to be looked at."))
    from netbuilder.compiler.custom import untrusted
    from netbuilder.project import Project

    texts = untrusted(Project.load(asked.file).document)
    if not texts:
        print(f"{asked.file} holds no Python that needs your trust.")
    agreed = []
    for text, labels in texts.items():
        _show_code(text, labels, trust.digest(text))
        if asked.yes or _agrees("Let this code run with your rights on this computer? [y/N] "):
            agreed.append(text)
    trust.grant(agreed)
    if texts:
        print(f"Trusted {len(agreed)} of {len(texts)}." if len(agreed) < len(texts) else "Trusted.")
    return DONE if len(agreed) == len(texts) else FAILED


def _show_code(text: str, labels: Sequence[str], digest: str) -> None:
    """Print a text of unknown origin, so that nothing in it can steer the terminal."""
    from netbuilder.foundation.trust import visible

    print(f"Python of the {'node' if len(labels) == 1 else 'nodes'} {', '.join(labels)} (SHA-256 {digest}):")
    print()
    for number, line in enumerate(text.split("\n"), 1):
        print(f"{number:4}  {visible(line)}")
    print()


def _agrees(question: str) -> bool:
    """Ask; no answer is a no."""
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1_000_000:
        raise ValueError
    return number


def _seed(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**32:
        raise ValueError
    return number


def _megabytes(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 1_000_000:
        raise ValueError
    return number


_positive.__name__ = "number from 1 to 1,000,000"  # what argparse calls it in its message
_seed.__name__ = "seed from 0 to 4,294,967,295"
_megabytes.__name__ = "number of megabytes from 0 to 1,000,000"


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    add_file(parser)
    add_json(parser)


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `train_project` is asked."""
    add_file(parser)
    parser.add_argument(
        "--epochs",
        type=_positive,
        metavar="N",
        help="instead of the project's; with --resume: beyond those that are done",
    )
    parser.add_argument(
        "--resume",
        nargs="?",
        const="",
        metavar="RUN",
        help="go on with a run from where it stopped, by its id, name or folder; the newest one by default",
    )
    parser.add_argument("--device", default="cpu", metavar="D", help="cpu (default), cuda, cuda:1, mps")
    parser.add_argument(
        "--devices",
        type=_positive,
        default=1,
        metavar="N",
        help="so many of the device share each batch, a process each",
    )
    parser.add_argument("--seed", type=_seed, metavar="S", help="instead of the project's")
    parser.add_argument(
        "--fastest",
        action="store_true",
        help="first measure for some seconds how this computer trains it fastest, and train so; the file stays",
    )
    parser.add_argument("--compile", action="store_true", help="with --fastest: try torch.compile too (takes longer)")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument(
        "--snapshots",
        type=_megabytes,
        metavar="MB",
        help="how much disk space the run's snapshots may take; 0 keeps none; usually what the preferences say (256)",
    )
    parser.add_argument(
        "--run-dir", metavar="DIR", help="where the run is kept; a new folder beside the file by default"
    )


def _trust_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help="a project (.netb)")
    parser.add_argument("--yes", action="store_true", help="trust all code of the file without asking, for scripts")
    parser.add_argument("--forget", action="store_true", help="take all trust back, whatever file it was for")


COMMANDS: Final = {
    "check": Command(_check, "show shapes, costs and problems; exit 1 when there are errors", _check_arguments),
    "train": Command(_train, "train a project", add_train_arguments),
    "trust": Command(_trust, "show the Python that a project holds, and let it run", _trust_arguments),
}
