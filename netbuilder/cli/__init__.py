"""The terminal: `netbuilder`, and everything the program does without a window."""

from __future__ import annotations

import argparse
import gc
import io
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from netbuilder import __version__
from netbuilder.cli import catalog, exchange, insight, projects, recovery, runs
from netbuilder.cli.answers import FAILED, INTERRUPTED, UNUSABLE, Command, complain
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.foundation.waiting import wait_passively

COMMANDS: Final[Mapping[str, Command]] = {
    **catalog.COMMANDS,
    **projects.COMMANDS,
    **insight.COMMANDS,
    **runs.COMMANDS,
    **recovery.COMMANDS,
    **exchange.COMMANDS,
}
"""Every command by name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Args:
        arguments: What follows the program's name; None takes it from the system.
    """
    wait_passively()
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks a sign shows "?", and nothing breaks off
            stream.reconfigure(errors="replace")
    try:
        return _dispatch(given)
    except NetbuilderError as error:
        complain(error.problems)
        return UNUSABLE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has enough (`| head`). Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _dispatch(given: list[str]) -> int:
    parser = _parser()
    if given and (given[0] in COMMANDS or given[0].startswith("-")):
        asked = parser.parse_args(given)
        return COMMANDS[asked.command].run(asked)
    if len(given) > 1 and not Path(given[0]).exists():
        parser.error(f"there is no command and no file called {given[0]}")
    if len(given) > 1:
        parser.error(f"one file at most, got {len(given)}: {' '.join(given)}")
    return _open_window(Path(given[0]) if given else None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="netbuilder",
        usage="netbuilder [FILE]\n       netbuilder {" + ",".join(COMMANDS) + "} ...",
        description="Draw a neural network, train it, watch it learn. Without a command the window opens.",
    )
    parser.add_argument("--version", action="version", version=f"NetBuilder {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="", required=True, prog="netbuilder")
    for name, command in COMMANDS.items():
        help = command.help
        inner = commands.add_parser(name, help=help, description=help[:1].upper() + help[1:] + ".")
        inner.set_defaults(command=name)
        command.add_arguments(inner)
    return parser


def _open_window(path: Path | None) -> int:
    if path is not None and not path.exists():
        raise NetbuilderError(
            Problem(
                code="file.missing",
                message=f"There is no file or folder {path}, nor a command of that name.",
                file=str(path),
            )
        )
    if not has_display():
        return _train_without_display(path)
    # From here on the window's own collector decides when: in the many imports to come it would find nothing.
    gc.disable()
    try:
        from netbuilder.ui.app import main as open_window

        return int(open_window(path))
    finally:
        gc.enable()


def has_display() -> bool:
    """Whether a window can be shown: always on Windows and macOS, elsewhere when a display server is named."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def _train_without_display(path: Path | None) -> int:
    from netbuilder.project import Project
    from netbuilder.templates import STARTER

    project = Project.load(path) if path else Project.new(STARTER)
    what = path.name if path else f"the starter project ({project.document.about.title})"
    print(f"There is no display for a window, so {what} is trained here. Ctrl-C stops.")
    parser = argparse.ArgumentParser()
    projects.add_train_arguments(parser)
    return projects.train_project(project, parser.parse_args([str(path or STARTER)]))
