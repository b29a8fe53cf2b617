"""Our own defects: each is shown once, with a report that can be copied."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from netbuilder.ui.crash import CrashDialog, CrashReporter


@pytest.fixture
def reporter(qtbot: QtBot, tmp_path: Path) -> Iterator[CrashReporter]:
    reporter = CrashReporter()
    reporter.install(tmp_path)
    yield reporter
    reporter.uninstall()


def fail() -> None:
    raise ValueError("a defect")


def escape() -> None:
    try:
        fail()
    except ValueError:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]


def dialogs() -> list[CrashDialog]:
    return [each for each in QApplication.topLevelWidgets() if isinstance(each, CrashDialog) and each.isVisible()]


def test_a_defect_in_every_painting_is_shown_once(reporter: CrashReporter, qtbot: QtBot) -> None:
    for _ in range(5):
        escape()
    qtbot.waitUntil(lambda: bool(dialogs()))
    QApplication.processEvents()
    assert len(reporter.reports) == 5
    (dialog,) = dialogs()
    (copy,) = [button for button in dialog.findChildren(QPushButton) if button.text() == "Copy report"]
    copy.click()
    assert "ValueError: a defect" in QGuiApplication.clipboard().text()
    dialog.close()
