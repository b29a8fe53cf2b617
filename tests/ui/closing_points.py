"""Closes a window at one moment after another, in this process: run by `test_closing` in a process of its own.

Each point opens the whole program, does something, closes the window in the midst of it, and must see everything gone
within five seconds: the event loop, the session's thread, work in the background. Prints "closed POINT SECONDS" each.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QThreadPool, QTimer

from netbuilder.foundation.job import Job
from netbuilder.templates import open_template
from netbuilder.training.protocol import PictureKind, State
from netbuilder.ui import dialogs
from netbuilder.ui.app import Program, make_application
from netbuilder.ui.dialogs import Answer

LIMIT = 5.0
PATIENCE_MS = 60_000


class Visit:
    """One opening of the program, and the way to the moment at which it is closed."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.program = Program(make_application())
        self.window, self.workspace = self.program.window, self.program.workspace
        self.began = 0.0
        self.steps: Iterator[Callable[[], object]] = iter(())
        self.step: Callable[[], object] | None = None
        self.clock = QTimer(interval=5)
        self.clock.timeout.connect(self._look)

    def run(self) -> int:
        """Go there, close, and judge how it went; returns the program's exit status."""
        self.steps = POINTS[self.name](self)
        self.program.loader.loaded.connect(self.clock.start)
        if self.name.startswith("loading"):
            self.window.painted.connect(self.clock.start)
        watchdog = QTimer(singleShot=True, interval=PATIENCE_MS)
        watchdog.timeout.connect(lambda: os._exit(4))
        watchdog.start()
        status = self.program.run()
        watchdog.stop()
        took = time.perf_counter() - self.began
        left = [thread.name for thread in threading.enumerate() if thread.name.startswith("netbuilder")]
        warnings = [text for text in self.program.crashes.qt_warnings if "propagateSizeHints" not in text]
        assert not left, left
        assert not warnings, warnings
        assert not self.program.crashes.reports, self.program.crashes.reports
        assert took <= LIMIT, f"{self.name}: {took:.1f} s"
        print(f"closed {self.name} {took:.2f}", flush=True)
        # The process lives on to the next point: what the end of the process takes along goes here, in order.
        self.workspace.deleteLater()
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        return status

    def _look(self) -> None:
        if self.step is not None and not self.step():
            return
        self.step = next(self.steps, None)
        if self.step is None:
            self.clock.stop()
            self.began = time.perf_counter()
            print(f"closing {self.name} {time.time()}", flush=True)
            assert self.window.close(), "the window refused"

    # What points are made of ------------------------------------------------------------------------------------------

    def open(self) -> None:
        self.workspace.open_unsaved(open_template("digits-mlp"))

    def train(self, where: str = "thread") -> None:
        self.program.preferences.set("train_in", where)
        self.open()
        self.workspace.control.train()

    def is_in(self, state: State) -> Callable[[], bool]:
        return lambda: self.workspace.state is state

    def after(self, seconds: float) -> Callable[[], bool]:
        end = time.perf_counter() + seconds
        return lambda: time.perf_counter() > end


Steps = Iterator[Callable[[], object]]


def idle(visit: Visit) -> Steps:
    visit.open()
    yield visit.after(0.0)


def start_page(visit: Visit) -> Steps:
    visit.window.show_start()
    yield visit.after(0.0)


def loading(seconds: float) -> Callable[[Visit], Steps]:
    def steps(visit: Visit) -> Steps:
        visit.train()
        yield visit.after(seconds)

    return steps


def starting(seconds: float) -> Callable[[Visit], Steps]:
    def steps(visit: Visit) -> Steps:
        visit.train()
        yield visit.is_in(State.STARTING)
        yield visit.after(seconds)

    return steps


def running(seconds: float) -> Callable[[Visit], Steps]:
    def steps(visit: Visit) -> Steps:
        visit.train()
        yield visit.is_in(State.RUNNING)
        yield visit.after(seconds)

    return steps


def apart(seconds: float, *, stopped: bool = False) -> Callable[[Visit], Steps]:
    """The run has a process of its own, which perhaps hears nothing any more."""

    def steps(visit: Visit) -> Steps:
        visit.train("process")
        yield visit.is_in(State.RUNNING)
        if stopped:
            os.kill(visit.workspace.trainer._host.process_id, signal.SIGSTOP)
        yield visit.after(seconds)

    return steps


def validating(visit: Visit) -> Steps:
    """The epoch's steps are done; what comes next is validation and the checkpoint."""
    visit.train()
    live = visit.workspace.trainer._host._live
    yield lambda: live.progress.steps and live.progress.step >= live.progress.steps // max(live.progress.epochs, 1) - 1


def checkpoint(visit: Visit) -> Steps:
    visit.train()
    yield lambda: visit.workspace.progress.epoch >= 1


def paused(visit: Visit) -> Steps:
    visit.train()
    yield visit.is_in(State.RUNNING)
    visit.workspace.control.pause()
    yield visit.is_in(State.PAUSED)


def stepping(visit: Visit) -> Steps:
    visit.open()
    visit.workspace.control.step("batch")
    yield visit.is_in(State.PAUSED)
    visit.workspace.control.step("epoch")
    yield visit.after(0.0)


def stopping(seconds: float) -> Callable[[Visit], Steps]:
    def steps(visit: Visit) -> Steps:
        visit.train()
        yield visit.is_in(State.RUNNING)
        visit.workspace.control.stop()
        yield visit.after(seconds)

    return steps


def ended(visit: Visit) -> Steps:
    visit.train()
    yield visit.is_in(State.RUNNING)
    visit.workspace.control.stop()
    yield lambda: not visit.workspace.state.is_active


def looking(visit: Visit) -> Steps:
    """A node is looked at after the end: its pictures are being drawn."""
    yield from ended(visit)
    visit.workspace.select(list(visit.workspace.document.graph.nodes)[1:3])
    visit.workspace.control.watch(list(visit.workspace.selection), 3)
    yield visit.after(0.0)


def watching(visit: Visit) -> Steps:
    visit.train()
    visit.workspace.select(list(visit.workspace.document.graph.nodes)[1:2])
    yield lambda: any(kind in (PictureKind.MAPS, PictureKind.VECTOR) for kind, _ in visit.workspace.pictures)


def saving(visit: Visit) -> Steps:
    visit.train()
    yield visit.is_in(State.RUNNING)
    visit.workspace.save(visit.folder / "saved.netb")
    visit.workspace.edit("Name", lambda document: document)
    yield visit.after(0.0)


def exporting(seconds: float) -> Callable[[Visit], Steps]:
    def steps(visit: Visit) -> Steps:
        from netbuilder.exchange.child_process import export_in_child
        from netbuilder.exchange.formats import Order

        visit.open()
        order = Order(document=visit.workspace.document, format="python", target=visit.folder / f"export-{seconds}")
        visit.window.background.run("Exporting", lambda job: export_in_child(order, job), lambda _: None)
        yield visit.after(seconds)

    return steps


def reading(visit: Visit) -> Steps:
    table = visit.folder / "table.csv"
    table.write_text("a,b,kind\n" + "".join(f"{row},{row * 2},{'xy'[row % 2]}\n" for row in range(20_000)))
    visit.window.show_start()
    visit.window.files.open_path(table)
    yield visit.after(0.0)


def asking(visit: Visit) -> Steps:
    visit.open()
    visit.window.show_preferences()
    yield visit.after(0.05)


def hanging(visit: Visit) -> Steps:
    """The positive control: work that hears no cancelling, as of a disk that does not answer."""
    visit.open()
    visit.window.background.run("Hanging", lambda _job: time.sleep(60), lambda _: None)
    yield visit.after(0.0)


def hanging_reading(visit: Visit) -> Steps:
    """The same in a panel's reading."""
    visit.open()
    QThreadPool.globalInstance().start(lambda: time.sleep(60))
    yield visit.after(0.0)


def cancelling(visit: Visit) -> Steps:
    """Work that ends when it is told to."""

    def work(job: Job) -> None:
        while True:
            job.report()
            time.sleep(0.01)

    visit.open()
    visit.window.background.run("Working", work, lambda _: None)
    yield visit.after(0.0)


POINTS: dict[str, Callable[[Visit], Steps]] = {
    "loading-0": loading(0.0),
    "loading-1": loading(0.3),
    "idle": idle,
    "start page": start_page,
    "starting-0": starting(0.0),
    "starting-1": starting(0.03),
    "running-0": running(0.0),
    "running-1": running(0.1),
    "running-2": running(0.4),
    "validating": validating,
    "checkpoint": checkpoint,
    "paused": paused,
    "stepping": stepping,
    "stopping-0": stopping(0.0),
    "stopping-1": stopping(0.02),
    "ended": ended,
    "looking": looking,
    "watching": watching,
    "saving": saving,
    "exporting-0": exporting(0.0),
    "exporting-1": exporting(0.05),
    "exporting-2": exporting(1.5),
    "reading": reading,
    "asking": asking,
    "cancelling": cancelling,
    **({"apart-0": apart(0.0), "apart-1": apart(0.3)} if os.name == "posix" else {}),
    "hanging": hanging,
    "hanging reading": hanging_reading,
    **({"hanging apart": apart(0.1, stopped=True)} if os.name == "posix" else {}),
}
"""Every moment, by name."""

CONTROLS = tuple(name for name in POINTS if name.startswith("hanging"))
"""Moments that cannot end well: they must be noticed, and left all the same."""


def main() -> int:
    """Visit the points named on the command line, after the folder for files."""
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    # The answers of a user who wants to leave.
    dialogs.ask_running = lambda parent: Answer.YES
    dialogs.ask_unsaved = lambda parent, name: Answer.NO
    for name in names:
        visit = Visit(name, folder)
        status = visit.run()
        if status:
            return status
    return visit.program.leave(0)


if __name__ == "__main__":
    sys.exit(main())
