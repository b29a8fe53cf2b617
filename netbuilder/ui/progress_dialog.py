"""Work with a dialog that says how far it is and offers to cancel it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QProgressBar, QProgressDialog

from netbuilder.foundation.job import Job

if TYPE_CHECKING:
    from netbuilder.ui.window import MainWindow

APPEARS = 400
"""Milliseconds after which the dialog appears: quick work shows none."""

_LOOKS = 80


def run_with_progress(
    window: MainWindow, title: str, do: Callable[[Job], Any], done: Callable[[Any], None]
) -> QProgressDialog:
    """Do something on a thread while a dialog shows its progress; see `Background.run`.

    Args:
        window: The window, which can be looked at meanwhile and not be used.
        title: What is being done: "Importing model.pt2".
        do: The work.
        done: What to do with its result; not called when it fails or is cancelled.
    """
    ended = threading.Event()

    def work(job: Job) -> Any:
        try:
            return do(job)
        finally:
            ended.set()

    dialog = QProgressDialog(f"{title}…", "Cancel", 0, 0, window)
    dialog.setBar(QProgressBar(dialog, textVisible=False))  # the bar is too thin for a number
    dialog.setRange(0, 0)
    dialog.setWindowTitle("NetBuilder")
    dialog.setWindowModality(Qt.WindowModality.WindowModal)
    dialog.setMinimumWidth(420)
    dialog.setMinimumDuration(APPEARS)
    dialog.setAutoClose(False)
    dialog.setAutoReset(False)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    job = window.background.run(title, work, done)
    dialog.canceled.connect(job.cancel)
    timer = QTimer(dialog, interval=_LOOKS)

    def look() -> None:
        if ended.is_set():
            timer.stop()
            dialog.canceled.disconnect(job.cancel)  # closing it counts as cancelling, which would drop the result
            dialog.close()
            return
        dialog.setLabelText(f"{title}…\n{job.detail}" if job.detail else f"{title}…")
        if job.fraction is None:
            dialog.setMaximum(0)
        else:
            dialog.setMaximum(1000)
            dialog.setValue(round(1000 * job.fraction))

    timer.timeout.connect(look)
    timer.start()
    return dialog
