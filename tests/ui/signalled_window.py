"""The real window, training and edited, for a signal from outside: run by `test_signals`.

Arguments: a project, "thread" or "process" (where it trains), "asking" for a question that waits for its answer.
Prints "ready PROCESS STEP" when it trains and holds an edit that no file has; PROCESS is that of the training.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

from PySide6.QtCore import QTimer

from netbuilder.document import edits
from netbuilder.document.model import Node, Place
from netbuilder.training.process_host import ProcessHost
from netbuilder.ui import app
from netbuilder.ui.app import Program, make_application

STEPS = 20


def main() -> int:
    path, where, *more = sys.argv[1:]
    program = Program(make_application())
    app._close_on_signals(program.window)
    program.preferences.set("started", True)
    program.preferences.set("train_in", where)
    program.open_first(Path(path))
    workspace = program.workspace

    def begin() -> None:
        if workspace.is_settled:
            starting.stop()
            workspace.control.train()
            watching.start()

    def watch() -> None:
        step = workspace.progress.step
        if step < STEPS or not any(Path(workspace.trainer.folder or "").glob("state*")):
            return
        watching.stop()
        node = Node(id="nabcdef01", type="relu", label="unsaved")
        workspace.edit("Add", partial(edits.add_node, node=node, place=Place(0, 300)))
        host = workspace.trainer._host
        pid = host.process_id if isinstance(host, ProcessHost) else os.getpid()
        os.write(1, f"ready {pid} {step}\n".encode())
        if more:
            program.window.close()  # asks whether to stop the run, and waits for the answer

    QTimer.singleShot(60_000, lambda: os._exit(9))
    starting, watching = QTimer(interval=10), QTimer(interval=10)
    starting.timeout.connect(begin)
    watching.timeout.connect(watch)
    program.loader.loaded.connect(starting.start)
    return program.leave(program.run())


if __name__ == "__main__":
    sys.exit(main())
