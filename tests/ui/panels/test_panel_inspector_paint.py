"""The inspector's first page waits for the first paint."""

from pytestqt.qtbot import QtBot

from netbuilder.templates import STARTER, open_template
from netbuilder.ui.panels.inspector import InspectorPanel
from netbuilder.ui.theme import controller
from netbuilder.ui.workspace import Workspace


def test_the_first_page_waits_for_the_first_paint(qtbot: QtBot, workspace: Workspace) -> None:
    panel = InspectorPanel(workspace, controller())
    qtbot.addWidget(panel)
    seen: list[object] = []
    panel._frame.painted.connect(lambda: seen.append(panel.page))
    workspace.open_unsaved(open_template(STARTER))
    panel.show()
    qtbot.waitUntil(lambda: panel.page is not None)
    assert seen
    assert seen[0] is None
