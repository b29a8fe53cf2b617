"""One measurement of the window in a process of its own, as one JSON object on the last line.

`python -m tests.benchmarks.window_child qt|paint|memory|torch` or `... live|headless|hand TEMPLATE WARM LOOK ROUNDS`,
where WARM is how many seconds pass before the first look, LOOK how many a look takes, and ROUNDS how many there are.
"""

from __future__ import annotations

import time

BEGAN = time.perf_counter()

import gc  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import traceback  # noqa: E402
from collections.abc import Callable  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from itertools import pairwise  # noqa: E402
from types import TracebackType  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

if TYPE_CHECKING:
    from netbuilder.document.model import Document
    from netbuilder.ui.app import Program

ENDLESS = 100_000
"""Epochs: every measured training is left running."""

LIVE_VIEWS = ("curves", "activations", "weights")
HEAVY = ("torch", "pyqtgraph", "sklearn", "scipy", "polars", "networkx", "torchmetrics", "pandas")


def tell(**found: Any) -> None:
    """Print what was found and leave at once."""
    print(json.dumps(found), flush=True)
    os._exit(0)


def fail(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Leave with an error: Qt would go on after an exception."""
    traceback.print_exception(kind, error, trace)
    sys.stderr.flush()
    os._exit(1)


def resident() -> float:
    """Return the resident memory of this process in MiB."""
    import psutil

    return float(psutil.Process().memory_info().rss / 2**20)


def show_qt_alone() -> None:
    """Paint an empty window of the same size."""
    from PySide6.QtCore import QTimer
    from PySide6.QtGui import QPaintEvent
    from PySide6.QtWidgets import QApplication, QMainWindow

    class Window(QMainWindow):
        def paintEvent(self, event: QPaintEvent) -> None:
            QTimer.singleShot(0, lambda: tell(seconds=time.perf_counter() - BEGAN))

    application = QApplication([])
    window = Window()
    window.resize(1600, 1000)
    window.show()
    application.exec()


def open_program(template: str | None = None) -> Program:
    """Return the program with a template that trains without end, or with the starter project."""
    gc.disable()  # as the command does
    from netbuilder.templates import STARTER, open_template
    from netbuilder.ui.app import Program, make_application

    program = Program(make_application())
    program.crashes.uninstall()
    sys.excepthook = fail
    program.workspace.open_unsaved(endless(open_template(template)) if template else open_template(STARTER))
    return program


def show_first_paint() -> None:
    """Start with the starter project."""
    program = open_program()
    program.loader.start = lambda: None  # type: ignore[method-assign]

    def painted() -> None:
        seconds = time.perf_counter() - BEGAN
        tell(
            seconds=seconds,
            heavy=[name for name in HEAVY if name in sys.modules],
            nodes=len(program.workspace.document.graph.nodes),
            start_page=program.window.is_start_page_shown,
        )

    program.window.painted.connect(painted)
    program.run()


def show_memory() -> None:
    """Measure the starter project's window before and after torch, and how the window stalls meanwhile."""
    from PySide6.QtCore import Qt, QTimer

    program, found, beats = open_program(), {}, Beats()
    clock = QTimer(interval=16, timerType=Qt.TimerType.PreciseTimer)
    clock.timeout.connect(beats.beat)

    load = program.loader.start

    def painted() -> None:
        found["window"] = resident()
        clock.start()
        load()

    def loaded() -> None:
        found["stall"] = beats.take()["max"]
        QTimer.singleShot(3000, settled)

    def settled() -> None:
        tell(**found, with_torch=resident(), compiler="torch._dynamo" in sys.modules)

    program.loader.start = painted  # type: ignore[method-assign]
    program.loader.loaded.connect(loaded)
    program.run()


def show_torch_alone() -> None:
    """Measure `import torch`."""
    import torch  # noqa: F401

    tell(torch=resident())


def wait_for_a_core() -> float:
    """Return the seconds for which this thread was ready and had to wait for other programs; 0 where none is told."""
    try:
        with open("/proc/thread-self/schedstat") as told:
            return int(told.read().split()[1]) * 1e-9
    except FileNotFoundError:
        return 0.0


class Beats:
    """The moments of a timer of 16 ms on Qt's thread: what keeps it waiting keeps a frame waiting."""

    def __init__(self) -> None:
        self._moments: list[tuple[float, float, float]] = []

    def beat(self) -> None:
        """Note that the timer fired."""
        self._moments.append((time.perf_counter(), wait_for_a_core(), time.thread_time()))

    def take(self) -> dict[str, float]:
        """Return how long it waited since the last call, how long without what other programs took of it, and how long
        this thread computed meanwhile.
        """
        moments, self._moments = self._moments, []
        passed = [[later - earlier for earlier, later in zip(*pair, strict=True)] for pair in pairwise(moments)]
        gaps = sorted(wall for wall, _, _ in passed)
        own = sorted(wall - waited for wall, waited, _ in passed)
        computed = sorted(computed for _, _, computed in passed)
        found = {"median": at(gaps, 0.5), "p95": at(gaps, 0.95), "p99": at(gaps, 0.99), "max": gaps[-1]}
        found |= {"own_p99": at(own, 0.99), "own_max": own[-1]}
        return found | {"computed_p99": at(computed, 0.99), "computed_max": computed[-1]}


def at(ordered: list[float], share: float) -> float:
    """Return the value below which a share of the others lies."""
    return ordered[int(len(ordered) * share)]


def endless(document: Document) -> Document:
    """Return a document whose training does not end by itself."""
    from dataclasses import replace

    return replace(document, plan=replace(document.plan, epochs=ENDLESS))


@dataclass(frozen=True)
class Times:
    """How long to look: see this module's docstring."""

    warm: float
    look: float
    rounds: int

    @classmethod
    def read(cls, warm: str, look: str, rounds: str) -> Times:
        """Read them from the command line."""
        return cls(float(warm), float(look), int(rounds))


class Mark:
    """Where a look at a training begins."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.wall, self.process, self.thread = time.perf_counter(), time.process_time(), time.thread_time()

    def until(self, step: int) -> dict[str, float]:
        """Return steps a second, steps a second of processor time, and this thread's share of the processor time."""
        wall, process = time.perf_counter() - self.wall, time.process_time() - self.process
        share = (time.thread_time() - self.thread) / process
        return {"wall": (step - self.step) / wall, "cpu": (step - self.step) / process, "share": share}


def middle(looks: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each number."""
    from statistics import median

    return {name: median(look[name] for look in looks) for name in looks[0]}


class LiveRun:
    """Trains with every live view open, and in turn with the window hidden and nobody asking."""

    def __init__(self, template: str, times: Times, host: str = "thread") -> None:
        from PySide6.QtCore import Qt, QTimer

        self.times = times
        self.program = open_program(template)
        self.program.preferences.set("train_in", host)
        self.workspace, self.window = self.program.workspace, self.program.window
        self.beats = Beats()
        self.clock = QTimer(interval=16, timerType=Qt.TimerType.PreciseTimer)
        self.clock.timeout.connect(self.beats.beat)
        self.looks: dict[bool, list[dict[str, float]]] = {True: [], False: []}
        self.idle: dict[str, float] = {}
        self.mark = Mark(0)
        self.drains = 0
        self.workspace.telemetry.connect(self.count_drain)
        self.turn = 0
        self.program.loader.loaded.connect(lambda: QTimer.singleShot(2000, self.begin_idle))
        self.after = QTimer.singleShot

    def count_drain(self, _: object) -> None:
        """Count one look at the run."""
        self.drains += 1

    def begin_idle(self) -> None:
        """Open every view and look at the window at rest."""
        self.open_views()
        self.clock.start()
        self.after(400, self.beats.take)
        self.after(400 + int(1000 * self.times.look), self.begin)

    def open_views(self) -> None:
        """Let all live views be seen, all but one as windows of their own, and choose a layer with weights."""
        from PySide6.QtWidgets import QDockWidget

        docks = {dock.objectName(): dock for dock in self.window.findChildren(QDockWidget)}
        first, *others = (docks[name] for name in LIVE_VIEWS)
        first.raise_()
        for dock in others:
            self.window.docks.detaching.set_detached(dock, True)
        nodes = self.workspace.document.graph.nodes
        chosen = [id for id, node in nodes.items() if node.type in ("conv2d", "linear")]
        assert chosen, sorted({node.type for node in nodes.values()})
        self.workspace.select((chosen[0],))
        self.views = [docks[name].widget() for name in LIVE_VIEWS]
        # A hidden canvas asks for less than the terminal's run does, with which the live one is compared.
        self.window.canvas.removeEventFilter(self.window.canvas.attention)

    def begin(self) -> None:
        """Train."""
        self.idle = self.beats.take()
        self.workspace.control.train()
        self.wait_for_steps()

    def wait_for_steps(self) -> None:
        """Give it time to read, build and warm up."""
        if self.workspace.state.value == "failed":
            raise RuntimeError([event.text for event in self.workspace.events])
        if self.step():
            self.after(int(1000 * self.times.warm), self.look)
        else:
            self.after(50, self.wait_for_steps)

    def step(self) -> int:
        """Return the step that the session is at."""
        return self.workspace.trainer._host._live.progress.step

    def look(self) -> None:
        """Begin the next look: live, hidden, live, hidden, ..."""
        if self.turn == 2 * self.times.rounds:
            self.end()
            return
        live = self.turn % 2 == 0
        trainer = self.workspace.trainer
        if live:
            self.window.show()
            trainer._timer.start()
            assert all(view.isVisible() for view in self.views), "a live view is hidden"
        else:
            self.window.hide()
            trainer._timer.stop()
        self.after(400, self.note)

    def note(self) -> None:
        """Remember where the look begins."""
        self.beats.take()
        self.drains = 0
        self.mark = Mark(self.step())
        self.after(int(1000 * self.times.look), self.count)

    def count(self) -> None:
        """End the look."""
        look = self.mark.until(self.step()) | self.beats.take()
        self.looks[self.turn % 2 == 0].append(look | {"drains": self.drains / self.times.look})
        self.turn += 1
        self.look()

    def end(self) -> None:
        """Tell the medians."""
        told = {name: middle(self.looks[live]) for name, live in (("live", True), ("hidden", False))}
        tell(
            **told,
            idle=self.idle,
            ratios=sorted(a["cpu"] / b["cpu"] for a, b in zip(self.looks[True], self.looks[False], strict=True)),
            state=self.workspace.state.value,
            curves=len(self.workspace.series),
            pictures=len(self.workspace.pictures),
        )


def train_beside_the_window(template: str, *times: str) -> None:
    """Train in the window's process."""
    run = LiveRun(template, Times.read(*times))
    run.program.run()


def train_apart(template: str, *times: str) -> None:
    """Train beside the window, in a process of its own; processor time is then the window's alone."""
    run = LiveRun(template, Times.read(*times), "process")
    run.program.run()


def train_headless(template: str, *times: str) -> None:
    """Train in a session alone."""
    import tempfile

    from netbuilder.foundation.waiting import wait_passively
    from netbuilder.templates import open_template
    from netbuilder.training.protocol import Start
    from netbuilder.training.thread_host import ThreadHost

    wait_passively()
    given = Times.read(*times)
    host = ThreadHost()
    host.send(Start(document=endless(open_template(template)), folder=tempfile.mkdtemp() + "/run"))
    while host.drain().progress.step == 0:
        time.sleep(0.05)
    time.sleep(given.warm)
    mark = Mark(host.drain().progress.step)
    for _ in range(10):
        time.sleep(given.look * given.rounds / 10)
        host.drain()
    tell(**mark.until(host.drain().progress.step))


def train_by_hand(template: str, *times: str) -> None:
    """Train the same network in the loop that tutorials show: a DataLoader, and `.item()` twice a step.

    It validates every epoch, as the session does.
    """
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from netbuilder.compiler.module import build
    from netbuilder.data.preparation import prepare
    from netbuilder.templates import open_template

    torch.set_num_threads(1)
    given = Times.read(*times)
    document = open_template(template)
    source = next(node for node in document.graph.nodes.values() if node.type.startswith("data."))
    parts = prepare(source).parts
    rows, held_out = (
        TensorDataset(torch.tensor(parts[part]["image"]), torch.tensor(parts[part]["label"]))
        for part in ("train", "validation")
    )
    batches = DataLoader(rows, batch_size=document.plan.batch_size, shuffle=True)
    checks = DataLoader(held_out, batch_size=256)
    model = build(document)
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = torch.nn.CrossEntropyLoss()
    steps, mark, warm = 0, Mark(0), False
    while True:
        running, right = 0.0, 0
        for image, label in batches:
            optimizer.zero_grad()
            output = model(image)
            loss = criterion(output, label)
            loss.backward()
            optimizer.step()
            running += loss.item()
            right += (output.argmax(1) == label).sum().item()
            steps += 1
        model.eval()
        with torch.no_grad():
            for image, label in checks:
                output = model(image)
                running += criterion(output, label).item()
                right += (output.argmax(1) == label).sum().item()
        model.train()
        seconds = time.perf_counter() - mark.wall
        if not warm and seconds > given.warm:
            warm, mark = True, Mark(steps)
        elif warm and seconds > given.look * given.rounds:
            tell(**mark.until(steps))


WHAT: dict[str, Callable[..., None]] = {
    "qt": show_qt_alone,
    "paint": show_first_paint,
    "memory": show_memory,
    "torch": show_torch_alone,
    "live": train_beside_the_window,
    "apart": train_apart,
    "headless": train_headless,
    "hand": train_by_hand,
}

if __name__ == "__main__":
    WHAT[sys.argv[1]](*sys.argv[2:])
