"""Panels are found by walking the package and cost little to import."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pytestqt.qtbot import QtBot

from netbuilder.ui import panels
from netbuilder.ui.panels import Area
from netbuilder.ui.theme import ThemeController
from netbuilder.ui.workspace import Workspace


def test_every_panel_is_found_once_in_order() -> None:
    found = panels.discover()
    bottom = [spec for spec in found if spec.area is Area.BOTTOM]
    assert [spec.key for spec in bottom][:4] == ["curves", "activations", "mistakes", "weights"]
    assert [spec.order for spec in bottom] == sorted({spec.order for spec in bottom}), "each has its own place"
    assert len({spec.key for spec in found}) == len(found)
    assert {spec.key for spec in found} >= {"code", "inspector"}
    shortcuts = [spec.shortcut for spec in found if spec.shortcut]
    assert len(set(shortcuts)) == len(shortcuts)


def test_finding_the_panels_loads_neither_torch_nor_a_plotting_package() -> None:
    text = (
        "import sys; from netbuilder.ui import panels; panels.discover();"
        "print([name for name in ('torch', 'pyqtgraph', 'matplotlib', 'sklearn', 'polars') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("key", [spec.key for spec in panels.discover()])
def test_every_panel_shows_itself_without_document_or_run(
    qtbot: QtBot, workspace: Workspace, themes: ThemeController, key: str
) -> None:
    spec = next(spec for spec in panels.discover() if spec.key == key)
    widget = spec.make(workspace, themes)
    qtbot.addWidget(widget)
    widget.resize(700, 260)
    widget.show()
    qtbot.wait(20)
    assert not widget.grab().toImage().isNull()
