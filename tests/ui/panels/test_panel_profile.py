"""The Profile panel: sorted by share, beside what was estimated, and what is clicked is selected."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.training.profile_report import NodeProfile, ProfileReport
from netbuilder.training.protocol import Profile, Telemetry
from netbuilder.ui.panels.profile import COLUMNS, EMPTY, PANEL, ProfilePanel, share_bar
from netbuilder.ui.theme import ThemeController
from netbuilder.ui.workspace import Workspace
from tests.ui.panels.recorded import CONV, HEAD, LOSS, RELU, RecordedHost, tell

REPORT = ProfileReport(
    nodes={
        CONV: NodeProfile(forward=0.002, backward=0.004, output=524_288, kept=16_384),
        RELU: NodeProfile(forward=0.0001, backward=0.0001, output=524_288, kept=524_288),
        HEAD: NodeProfile(forward=0.001, backward=0.002, output=2_560, kept=524_288),
        "nelsewhere": NodeProfile(forward=0.0008),
    },
    rows=64,
    passes=10,
    seconds=0.0095,
    device="CPU",
    step=7,
)


def _panel(qtbot: QtBot, workspace: Workspace, themes: ThemeController) -> ProfilePanel:
    panel = PANEL.make(workspace, themes)
    assert isinstance(panel, ProfilePanel)
    qtbot.addWidget(panel)
    panel.resize(900, 260)
    panel.show()
    return panel


def _column(panel: ProfilePanel, title: str) -> list[str]:
    at = [column.title for column in COLUMNS].index(title)
    return [panel.table.item(row, at).text() for row in range(panel.table.rowCount())]


def test_it_says_what_will_be_there(qtbot, digits, themes):
    panel = _panel(qtbot, digits, themes)
    assert panel.card.empty_text == EMPTY


def test_layers_are_sorted_by_their_share(qtbot, digits: Workspace, host: RecordedHost, themes):
    panel = _panel(qtbot, digits, themes)
    tell(digits, host, Telemetry(events=(REPORT.event(),)))
    assert _column(panel, "Layer") == ["stem", "head", "nelsewhere", "relu"]
    assert _column(panel, "Share") == ["60.0 %", "30.0 %", "8.0 %", "2.0 %"]
    assert _column(panel, "Forward")[0] == "2.00 ms"
    assert _column(panel, "Kept")[0] == "16 kB"
    assert _column(panel, "Type")[2] == "gone"
    assert "3.90 ms forward, 6.10 ms backward (a whole pass 9.50 ms)" in panel.card.note.text()
    panel.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    assert _column(panel, "Layer") == ["head", "nelsewhere", "relu", "stem"]


def test_a_layer_s_new_name_is_there_at_once(qtbot, digits: Workspace, host: RecordedHost, themes):
    panel = _panel(qtbot, digits, themes)
    tell(digits, host, Telemetry(events=(REPORT.event(),)))
    digits.edit("Rename", lambda document: edits.rename(document, CONV, "trunk"))
    assert _column(panel, "Layer") == ["trunk", "head", "nelsewhere", "relu"]


def test_a_bar_is_as_long_as_the_share():
    lengths = []
    for percent in (0, 25, 100):
        image = share_bar(percent, "#4f8cff").toImage()
        lengths.append(sum(image.pixelColor(x, 5).alpha() > 0 for x in range(image.width())) / image.width())
    assert lengths == [pytest.approx(1 / 52, abs=0.02), pytest.approx(0.25, abs=0.02), 1.0]


def test_a_click_selects_the_layer(qtbot, digits: Workspace, host: RecordedHost, themes):
    panel = _panel(qtbot, digits, themes)
    tell(digits, host, Telemetry(events=(REPORT.event(),)))
    at = panel.table.visualItemRect(panel.table.item(1, 0)).center()
    qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert digits.selection == {HEAD}


def test_the_button_measures_again(qtbot, digits: Workspace, host: RecordedHost, themes):
    panel = _panel(qtbot, digits, themes)
    qtbot.mouseClick(panel.again, Qt.MouseButton.LeftButton)
    assert host.commands == [Profile()]


def test_the_table_as_numbers(qtbot, digits: Workspace, host: RecordedHost, themes):
    panel = _panel(qtbot, digits, themes)
    tell(digits, host, Telemetry(events=(REPORT.event(),)))
    head, first, *_ = panel.rows()
    assert head[:5] == ["node", "label", "type", "forward_s", "backward_s"]
    assert first[:5] == [CONV, "stem", "Conv2d", "0.002", "0.004"]
    assert LOSS not in {row[0] for row in panel.rows()}
