"""The program with its window: makes the parts and hands them to one another.

Until the first paint only Qt, the document and the catalog are loaded; torch follows behind the window's back.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from threading import Event

from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication, QIcon
from PySide6.QtWidgets import QApplication

from netbuilder import __version__
from netbuilder.foundation.preferences import Preferences
from netbuilder.foundation.resources import resource
from netbuilder.templates import STARTER, open_template
from netbuilder.training.protocol import State
from netbuilder.ui.collector import Collector
from netbuilder.ui.crash import CrashDialog, CrashReporter
from netbuilder.ui.theme import controller, ui_font
from netbuilder.ui.torch_loader import TorchLoader
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace

_LARGE = 400  # nodes
_STUCK = 3
"""The exit status when something in the background did not end in time and the process was left all the same."""


class Program:
    """Everything that lives as long as the window does.

    Attributes:
        application: Qt's.
        workspace: What the window's parts share.
        window: The window.
    """

    def __init__(self, application: QApplication, preferences: Preferences | None = None) -> None:
        self.application = application
        self.preferences = preferences or Preferences()
        self.crashes = CrashReporter()
        self._last_crash = self.crashes.install(self.preferences.path.parent)
        self.theme = controller()
        self.theme.set_mode(self.preferences.get("theme"))
        self.workspace = Workspace(self.preferences)
        self.workspace.analysis.hold()  # the window releases it as it is furnished: nothing shows it before
        self.window = MainWindow(self.workspace, self.theme)
        self.loader = TorchLoader()
        self.collector = Collector(self.window)
        self._ended = True
        self.loader.loaded.connect(self._torch_loaded)
        self.loader.failed.connect(self._torch_failed)
        self.window.furnished.connect(self._after_first_paint)
        self.window.closed.connect(self._note_closed)
        self._ran = self._is_opening = False
        self.workspace.stateChanged.connect(self._spare_what_the_first_run_loads)
        self.workspace.documentReplaced.connect(self._spare_what_is_opened)
        self.workspace.shapesChanged.connect(self._spare_what_is_found)

    def open_first(self, path: Path | None) -> None:
        """Show what the program starts with: a file; on the first run the starter; the last project; the start page."""
        recent = self.workspace.file.recent
        first_run = not self.preferences.get("started")
        if path is not None:
            self.window.files.open_path(path)
        elif first_run:
            self.workspace.open_unsaved(open_template(STARTER))
        elif self.preferences.get("at_start") == "last_project" and recent:
            self.window.files.open_path(Path(recent[0].path))
        else:
            self.window.show_start()

    def run(self) -> int:
        """Show the window and live until it is closed.

        Returns:
            The exit status.
        """
        self.window.show()
        status = self.application.exec()
        self.collector.stop()
        self.crashes.uninstall()
        if not self._ended:
            # A step of minutes, or a disk that does not answer: what was written is whole, and waiting on would keep
            # the user's desktop waiting too.
            sys.stderr.flush()
            os._exit(_STUCK)
        return status

    def leave(self, status: int) -> int:
        """Return the exit status, or end the process with it at once while torch is still being imported.

        Everything is closed and saved by then. The ordinary end would destroy torch's C++ objects under the import's
        feet, which now and then is an abort.
        """
        if self.loader.is_busy:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        return status

    def _after_first_paint(self) -> None:
        self.loader.start()
        self.preferences.set("started", True)
        self.window.recovery.look()
        if self._last_crash:
            CrashDialog(self._last_crash, "NetBuilder ended abruptly last time", self.window).open()
        if self.preferences.problem is not None:
            self.workspace.message.emit(self.preferences.problem.message)

    def _torch_loaded(self) -> None:
        from netbuilder.training.devices import list_choices

        self.window.toolbar.set_devices(tuple((device.key, device.title) for device in list_choices()))
        self.workspace.torch_loaded()

    def _torch_failed(self, trouble: str) -> None:
        CrashDialog(trouble, "PyTorch cannot be loaded, so nothing can be trained", self.window).open()

    def _spare_what_the_first_run_loads(self, state: State) -> None:
        """Spare torch's compiler, which the first optimizer imports: its objects take a collection 100 ms and more."""
        if state is State.RUNNING and not self._ran:
            self._ran = True
            self.collector.spare()

    def _spare_what_is_opened(self) -> None:
        """Spare a large document: nothing in it refers back, and a collection would look at all of it."""
        self._is_opening = len(self.workspace.document.graph.nodes) > _LARGE
        if self._is_opening:
            self.collector.spare()

    def _spare_what_is_found(self) -> None:
        """Spare what was first found of it, too."""
        if self._is_opening and self.workspace.is_settled:
            self._is_opening = False
            self.collector.spare()

    def _note_closed(self, ended: bool) -> None:
        self._ended = ended


SWITCH_INTERVAL = 0.001
"""Seconds after which a thread at work gives way to Qt's: with Python's own 5 ms, a few of them are a lost frame."""


def make_application(size: str = "100") -> QApplication:
    """Return the application, dressed; Python's threads give way to it sooner than they would.

    Args:
        size: How large everything is, in percent; what the environment says counts more.
    """
    sys.setswitchinterval(SWITCH_INTERVAL)
    if size != "100":  # Qt reads it once, when the application is made
        os.environ.setdefault("QT_SCALE_FACTOR", str(int(size) / 100))
    QGuiApplication.setDesktopFileName("netbuilder")
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setApplicationName("NetBuilder")
    application.setApplicationVersion(__version__)
    application.setStyle("Fusion")
    application.setFont(ui_font())
    application.setWindowIcon(QIcon(str(resource("icons/netbuilder.svg"))))
    return application


def main(path: Path | None = None) -> int:
    """Open the window and live until it is closed.

    Args:
        path: A project, a table or a folder of images to begin with.

    Returns:
        The exit status.
    """
    preferences = Preferences()
    application = make_application(preferences.get("size"))
    program = Program(application, preferences)
    program.window.stay_on_screen()
    _close_on_signals(program.window)
    program.open_first(path)
    return program.leave(program.run())


def _close_on_signals(window: MainWindow) -> None:
    """Let Ctrl+C, the end of the desktop's session and of the terminal close the window, without asking anybody.

    A run in progress is stopped and saved; what was not saved of the document is offered at the next start.
    """
    asked = Event()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup: the terminal may go
            signal.signal(number, lambda *_: asked.set())

    def look() -> None:
        # Here, not in the handler, which may run in the midst of anything: of asking a question, say, before it is
        # open and can be closed. As long as the window is there: another question may come.
        if asked.is_set() and window.isVisible():
            window.close_now()

    # Python runs signal handlers only between its own instructions: let some run now and then.
    pulse = QTimer(window, interval=250)
    pulse.timeout.connect(look)
    pulse.start()
