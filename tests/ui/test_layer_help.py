"""What a layer does: the inspector's section and the dialog say what the page of layers says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from netbuilder.foundation.preferences import Preferences
from netbuilder.layers.about.documentation import document
from netbuilder.layers.catalog import catalog
from netbuilder.layers.spec import LayerSpec
from netbuilder.ui.layer_help import LayerHelp, LayerHelpDialog
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace
from tests.ui.panels.recorded import CONV, HEAD, open_digits

ROOT = Path(__file__).resolve().parents[2]


def page_module() -> ModuleType:
    """Return the script that writes the page of layers."""
    spec = importlib.util.spec_from_file_location("page_writer", ROOT / "packaging" / "write_layers_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def window(qtbot: QtBot) -> MainWindow:
    workspace = Workspace(Preferences())
    open_digits(workspace)
    made = MainWindow(workspace, controller())
    qtbot.addWidget(made, before_close_func=lambda window: setattr(window, "_may_close", True))
    made.furnish()
    made.show()
    return made


def dialog(window: MainWindow) -> LayerHelpDialog | None:
    found = window.findChildren(LayerHelpDialog)
    return found[-1] if found else None


@pytest.mark.parametrize("key", ["lstm", "conv2d", "cross_entropy", "embedding", "top_k", "input"])
def test_the_dialog_and_the_page_say_the_same(qtbot: QtBot, key: str) -> None:
    spec: LayerSpec = catalog()[key]
    about = document(spec)
    shown = LayerHelpDialog(None, spec)  # type: ignore[arg-type]
    qtbot.addWidget(shown)
    (section,) = [
        part for part in page_module().write_page().split("\n### ") if part.startswith(f"{spec.title} (`{key}`)")
    ]
    for port in (*about.inputs, *about.outputs):
        assert port.facts in shown.help.details.text()
        assert port.facts in section
    for parameter in about.parameters:
        assert f"{parameter.accepted}; default {parameter.default}" in shown.settings.text()
        assert f"{parameter.accepted}; default {parameter.default}" in section
        assert parameter.help in section
    assert ", ".join(about.keywords) in section
    assert ("```math" in section) == bool(shown.help.formula)


def test_the_key_explains_the_selected_layer(window: MainWindow) -> None:
    window.workspace.select([CONV])
    window.canvas.setFocus()
    window.actions_["help.layer"].trigger()
    shown = dialog(window)
    assert shown is not None
    assert shown.windowTitle() == "Conv2d: what it does"
    QTest.keyClick(shown, Qt.Key.Key_Escape)
    assert not shown.isVisible()


def test_the_key_explains_the_palettes_entry_while_it_has_the_focus(window: MainWindow, qtbot: QtBot) -> None:
    window.workspace.select([CONV])
    window.activateWindow()
    palette = window.docks.palette
    palette.field.setText("lstmcell")
    palette.tree.setFocus()
    qtbot.waitUntil(palette.tree.hasFocus)
    window.actions_["help.layer"].trigger()
    shown = dialog(window)
    assert shown is not None
    assert shown.windowTitle() == "LSTMCell: what it does"


def test_without_a_layer_it_says_what_to_do(window: MainWindow) -> None:
    said: list[str] = []
    window.workspace.message.connect(said.append)
    window.canvas.setFocus()
    for selection in ([], [CONV, HEAD]):
        window.workspace.select(selection)
        window.actions_["help.layer"].trigger()
    assert dialog(window) is None
    assert len(said) == 2
    assert all("Select one layer" in text for text in said)


def test_an_output_does_not_claim_a_shape_that_follows_from_its_input() -> None:
    (out,) = document(catalog()["relu"]).outputs
    assert (out.shape, out.values) == ("", "numbers (float)")
    (taken,) = document(catalog()["relu"]).inputs
    assert taken.shape == "any shape"
    mask = document(catalog()["multihead_attention"]).inputs[1]
    assert mask.facts == "N × T, true or false (bool), may be left out. True where a position is padding."


def test_backquotes_become_quotes(qtbot: QtBot) -> None:
    shown = LayerHelp(catalog()["lstm"])
    qtbot.addWidget(shown)
    assert "“sequence”" in shown.words.text()
    assert "`" not in shown.words.text()
