"""Our own defects, shown: whatever escapes becomes a dialog with a report to copy, never a silent exit.

Native crashes write their stacks to `crash.log` in the user's folder, and the next start says so.
"""

from __future__ import annotations

import faulthandler
import platform
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import TextIO

from PySide6.QtCore import QMessageLogContext, QObject, Qt, QtMsgType, Signal, qInstallMessageHandler, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from netbuilder.ui.dialog import Dialog
from netbuilder.ui.theme import mono_font

_MOST_DIALOGS = 3
"""A defect in something repeated, such as painting, must not bury the window under dialogs."""


def report(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> str:
    """Return what a maintainer needs to know of an exception."""
    head = f"NetBuilder on Python {platform.python_version()}, Qt {qVersion()}, {platform.platform()}"
    return head + "\n\n" + "".join(traceback.format_exception(kind, error, trace))


def _place(text: str) -> str:
    """Return the line that raised: the same defect in every painting is one to the user."""
    return next((line for line in reversed(text.splitlines()) if line.startswith("  File ")), text)


class CrashReporter(QObject):
    """Catches what escapes on any thread, and Qt's own complaints.

    Signals:
        caught: (report) something escaped; on Qt's thread.

    Attributes:
        reports: All of them, for tests and for the dialog.
        qt_warnings: What Qt has complained about.
    """

    caught = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.reports: list[str] = []
        self.qt_warnings: list[str] = []
        self._log: TextIO | None = None
        self._dialogs: set[CrashDialog] = set()
        self.caught.connect(self._show, Qt.ConnectionType.QueuedConnection)

    def install(self, folder: Path) -> str:
        """Watch from now on.

        Args:
            folder: Where native crashes are written.

        Returns:
            The native crash of the last start, or "".
        """
        path = folder / "crash.log"
        last = path.read_text("utf-8", "replace").strip() if path.exists() else ""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._log = path.open("w", encoding="utf-8")
        faulthandler.enable(self._log)
        sys.excepthook = self._escaped
        threading.excepthook = self._escaped_thread
        qInstallMessageHandler(self._qt_message)
        return last

    def uninstall(self) -> None:
        """Stop watching."""
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__
        qInstallMessageHandler(None)
        faulthandler.disable()
        if self._log:
            self._log.close()

    def _escaped(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QGuiApplication.quit()
            return
        text = report(kind, error, trace)
        sys.stderr.write(text)
        # A painter that the failed frames hold would stay active on its widget, which Qt answers with a crash.
        traceback.clear_frames(trace)
        known = any(_place(text) == _place(other) for other in self.reports)
        self.reports.append(text)
        if not known:
            self.caught.emit(text)

    def _escaped_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit:
            self._escaped(args.exc_type, args.exc_value, args.exc_traceback)

    def _qt_message(self, kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        sys.stderr.write(f"Qt: {text}\n")
        if kind in (QtMsgType.QtWarningMsg, QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg):
            self.qt_warnings.append(text)

    def _show(self, text: str) -> None:
        if len(self._dialogs) < _MOST_DIALOGS:
            dialog = CrashDialog(text, "Something went wrong in NetBuilder", QApplication.activeWindow())
            # Without a window in front the dialog has no parent that would keep it alive.
            self._dialogs.add(dialog)
            dialog.finished.connect(lambda _: self._dialogs.discard(dialog))
            dialog.open()


class CrashDialog(Dialog):
    """A report that can be copied; the program goes on behind it."""

    def __init__(self, text: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("NetBuilder: a defect")
        self.resize(720, 440)
        heading = QLabel(title)
        heading.setProperty("role", "heading")
        words = QLabel(
            "This is a defect in NetBuilder, not a mistake of yours. Your document is still open: save it under "
            "another name. Please report the text below; it holds no data of yours besides file names."
        )
        words.setWordWrap(True)
        words.setProperty("role", "muted")
        self.text = QPlainTextEdit(text, readOnly=True)
        self.text.setFont(mono_font())
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton("Copy report", QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(text))
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(10)
        for widget in (heading, words, self.text, buttons):
            layout.addWidget(widget)
