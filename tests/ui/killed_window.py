"""The real window, edited until it is killed: run by `test_killed_window`.

`edit FILE SECONDS` opens a file, adds a node every few milliseconds, prints "number time" before each, and kills itself
without a warning after so long. `recover` starts again as a user would, says yes, and prints the document recovered.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from netbuilder.document import edits
from netbuilder.document.files import dumps
from netbuilder.document.model import Node, Place
from netbuilder.ui.app import Program, make_application
from netbuilder.ui.recovery_dialog import RecoveryDialog


def make_program(path: Path | None) -> Program:
    program = Program(make_application())
    program.loader.start = lambda: None  # type: ignore[method-assign]  # torch has no part in this
    program.preferences.set("started", True)
    program.open_first(path)
    return program


def edit(path: Path, seconds: float) -> None:
    """Edit, and die."""
    program = make_program(path)
    count = 0

    def add() -> None:
        nonlocal count
        count += 1
        node = Node(id=f"n{count:08x}", type="relu", label="relu")
        os.write(1, b"%d %.6f\n" % (count, time.monotonic()))
        program.workspace.edit("Add", partial(edits.add_node, node=node, place=Place(count, 0)))

    adding = QTimer(interval=4)
    adding.timeout.connect(add)
    adding.start()
    program.window.furnished.connect(lambda: QTimer.singleShot(round(1_000 * seconds), die))
    program.run()


def die() -> None:
    """Write when, and end like a program that was killed: nothing of it runs any more."""
    os.write(1, b"killed %.6f\n" % time.monotonic())
    os.kill(os.getpid(), signal.SIGKILL)


def recover() -> None:
    """Start, press Recover in the dialog that comes, and print what is open then."""
    program = make_program(None)

    def look() -> None:
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, RecoveryDialog) and widget.isVisible():
                looking.stop()
                widget.recover_button.click()
                print(program.workspace.is_modified, program.workspace.path, flush=True)
                print(dumps(program.workspace.document), flush=True)
                os._exit(0)

    looking = QTimer(interval=20)
    looking.timeout.connect(look)
    looking.start()
    program.run()


if __name__ == "__main__":
    if sys.argv[1] == "edit":
        edit(Path(sys.argv[2]), float(sys.argv[3]))
    else:
        recover()
