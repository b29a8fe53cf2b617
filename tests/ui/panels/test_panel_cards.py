"""Cards and what stands in them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from netbuilder.ui.panels.cards import ElidedLabel

# What the platform without a screen says of every tip.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


def tip(label: ElidedLabel, qtbot: QtBot) -> str:
    """Return what is shown where the pointer rests on a label."""
    QToolTip.hideText()
    qtbot.waitUntil(lambda: not QToolTip.isVisible())
    at = label.rect().center()
    QApplication.sendEvent(label, QHelpEvent(QEvent.Type.ToolTip, at, label.mapToGlobal(at)))
    return QToolTip.text() if QToolTip.isVisible() else ""


def test_a_cut_label_s_tip_is_its_text_of_now(qtbot: QtBot) -> None:
    label = ElidedLabel("the first of many long words that have no room")
    qtbot.addWidget(label)
    label.resize(60, 20)
    label.show()
    label.grab()
    assert "the first of many" in tip(label, qtbot)
    label.setText("another text, with <b>, which is as long")
    label.grab()
    assert "another text, with &lt;b&gt;" in tip(label, qtbot)
    label.setText("ok")
    label.grab()
    assert label.toolTip() == ""
    assert tip(label, qtbot) == ""
    label.setToolTip("what it means")
    assert tip(label, qtbot) == "what it means"
