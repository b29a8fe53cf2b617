"""A person who does not rest: trains, edits, takes back and looks around, for as long as is asked.

`python -m tests.soak.soak_child SECONDS HOST` prints one JSON object as its last line: what the process took at the end
of each round (resident MB, threads, open files, widgets), and what Qt complained of.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from itertools import cycle
from types import TracebackType
from typing import Any

import psutil
from PySide6.QtCore import QTimer, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from netbuilder.compiler.flow import is_loss
from netbuilder.document import edits
from netbuilder.document.model import new_id
from netbuilder.templates import open_template
from netbuilder.training.protocol import State
from netbuilder.training.run_trash import purge
from netbuilder.ui.app import Program, make_application
from netbuilder.ui.panels.log import MOST_LINES

TRAIN_SECONDS = 6.0
"""How long a round trains."""

STEP_MS = 120
"""Between two things that are done."""

HARMLESS = ("propagateSizeHints", "does not support raise")
"""What the platform without a screen says of every window."""

complaints: list[str] = []


def note(kind: QtMsgType, _: Any, text: str) -> None:
    """Keep what Qt complains of."""
    if kind is not QtMsgType.QtDebugMsg and not any(each in text for each in HARMLESS):
        complaints.append(text)


def fail(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print what was raised, and end: a slot's error would go by unseen."""
    traceback.print_exception(kind, error, trace)
    sys.stderr.flush()
    os._exit(1)


class Person:
    """Works in the window, a small thing at a time."""

    def __init__(self, program: Program, seconds: float) -> None:
        self.program, self.workspace, self.window = program, program.workspace, program.window
        self.end = time.monotonic() + seconds
        self.process = psutil.Process()
        self.samples: list[dict[str, float]] = []
        self.began = time.monotonic()
        self.stopping = False
        self.nodes = cycle(self.workspace.document.graph.nodes)
        self.acts = cycle((self.select, self.tune, self.undo, self.redo, self.undo, self.grow, self.undo, self.look))
        self.panels = cycle(("curves", "activations", "weights", "histograms", "runs", "health", "log", "problems"))
        self.timer = QTimer(interval=STEP_MS)
        self.timer.timeout.connect(self.act)

    def start(self) -> None:
        """Begin when torch is there, with a log that is as long as it gets."""
        for number in range(MOST_LINES):
            self.workspace.message.emit(f"Line {number} of what happened before")
        self.workspace.control.train()
        self.timer.start()

    def act(self) -> None:
        """Do the next thing, and begin a round anew when its time is over."""
        if not self.workspace.state.is_active:
            if self.workspace.state is State.FAILED:
                raise RuntimeError([event.text for event in self.workspace.events])
            self.rest()
        elif not self.stopping and time.monotonic() - self.began > TRAIN_SECONDS:
            self.stopping = True
            self.workspace.control.stop()
        else:
            next(self.acts)()

    def rest(self) -> None:
        """Between two runs: note what is taken, then go on or leave."""
        gc.collect()
        self.samples.append(
            {
                "seconds": time.monotonic(),
                "mb": self.process.memory_info().rss / 1e6,
                "threads": self.process.num_threads(),
                "files": self.process.num_fds() if hasattr(self.process, "num_fds") else 0,
                "widgets": len(QApplication.allWidgets()),
            }
        )
        if time.monotonic() >= self.end:
            self.timer.stop()
            self.window.close_now()
            return
        self.tidy()
        self.began, self.stopping = time.monotonic(), False
        self.workspace.control.train()

    def tidy(self) -> None:
        """Delete the runs that are over for good: a list that grows is no leak, and not what is looked at here."""
        runs = self.workspace.runs
        store, over = runs.store, [row.id for row in runs.rows]
        runs.do(lambda: purge(store, over), lambda _: runs.look())

    def select(self) -> None:
        """Select another node."""
        self.workspace.select((next(self.nodes),))

    def tune(self) -> None:
        """Change the learning rate of the run that goes on."""
        self.workspace.edit("Tune", lambda document: edits.change_plan(document, values={"clip_norm": 5.0}))

    def grow(self) -> None:
        """Draw another layer."""
        self.workspace.edit(
            "Add", lambda document: edits.insert_layer(document, self.loss(), "prediction", "relu", {}, id=new_id())
        )

    def loss(self) -> str:
        """Return the loss's id."""
        return next(id for id, node in self.workspace.document.graph.nodes.items() if is_loss(node))

    def undo(self) -> None:
        """Take the last edit back."""
        self.workspace.undo()

    def redo(self) -> None:
        """Make it again."""
        self.workspace.redo()

    def look(self) -> None:
        """Look at another panel, and at the network from elsewhere."""
        self.window.docks.show(next(self.panels))
        self.window.canvas.views.fit_all()


def main(seconds: float, host: str) -> None:
    """Work for so many seconds."""
    gc.disable()  # as the command does
    qInstallMessageHandler(note)
    program = Program(make_application())
    program.crashes.uninstall()
    sys.excepthook = fail
    program.preferences.set("train_in", host)
    document = open_template("digits-mlp")
    program.workspace.open_unsaved(edits.change_plan(document, values={"epochs": 1_000_000}))
    person = Person(program, seconds)
    program.loader.loaded.connect(lambda: QTimer.singleShot(1000, person.start))
    program.run()
    print(json.dumps({"samples": person.samples, "complaints": complaints}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2])
