"""The size of everything: a preference that Qt is told of before the application is made."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialogButtonBox, QLineEdit
from pytestqt.qtbot import QtBot

from netbuilder.foundation.preferences import Preferences
from netbuilder.ui.preferences_dialog import PreferencesDialog
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace

CODE = """
from netbuilder.foundation.preferences import Preferences
from netbuilder.ui.app import make_application
application = make_application(Preferences().get("size"))
print(application.primaryScreen().devicePixelRatio())
"""


def ratio(**environment: str) -> float:
    given = {name: value for name, value in os.environ.items() if name != "QT_SCALE_FACTOR"}
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, env=given | environment)
    return float(done.stdout)


def test_the_next_start_is_as_large_as_was_asked_for() -> None:
    assert ratio() == 1.0
    Preferences().set("size", "150")
    assert ratio() == 1.5
    assert ratio(QT_SCALE_FACTOR="2") == 2.0, "the environment counts more"


def test_the_window_is_no_larger_than_its_screen(qtbot: QtBot) -> None:
    window = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(window)
    screen = window.screen().availableSize()
    window.resize(screen.width() + 300, 500)
    window.stay_on_screen()
    assert (window.width(), window.height()) == (max(screen.width(), window.minimumSizeHint().width()), 500)


def test_a_size_that_there_is_not_is_no_size() -> None:
    with pytest.raises(ValueError, match="Size"):
        Preferences().set("size", "1000")


def test_the_dialog_says_when_it_counts(qtbot: QtBot) -> None:
    dialog = PreferencesDialog(Preferences())
    qtbot.addWidget(dialog)
    dialog.show()
    assert not dialog.later.isVisible()
    dialog._edit("size", "125", "")
    assert dialog.later.isVisible()
    assert Preferences().get("size") == "125"


def test_a_dialog_is_no_larger_than_its_screen_and_has_its_buttons_in_reach(qtbot: QtBot) -> None:
    dialog = PreferencesDialog(Preferences())
    qtbot.addWidget(dialog)
    dialog.resize(3000, 3000)
    with qtbot.waitExposed(dialog):
        dialog.show()
    room = dialog.screen().availableSize()
    assert dialog.width() <= room.width()
    assert dialog.height() <= room.height()
    dialog.resize(460, 440)  # what a screen of 1280 x 720 leaves at 150 %
    qtbot.waitUntil(lambda: dialog.height() == 440)
    (buttons,) = dialog.findChildren(QDialogButtonBox)
    assert dialog.rect().contains(buttons.geometry())


def test_escape_closes_a_dialog_from_any_of_its_fields_after_it_took_back_what_was_refused(qtbot: QtBot) -> None:
    dialog = PreferencesDialog(Preferences())
    qtbot.addWidget(dialog)
    with qtbot.waitExposed(dialog):
        dialog.show()
    line = dialog.form.fields["snapshot_megabytes"].findChild(QLineEdit)
    assert line is not None
    line.setFocus()
    line.selectAll()
    QTest.keyClicks(line, "x")
    QTest.keyClick(line, Qt.Key.Key_Escape)
    assert dialog.isVisible()
    assert line.text().isdigit()
    QTest.keyClick(line, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
