"""Custom layers in the window: written and applied in the inspector, reviewed before they are trusted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
import torch  # noqa: F401  # shapes wait for it
from PySide6.QtCore import Qt, QThreadPool
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from netbuilder.compiler.custom import untrusted
from netbuilder.compiler.trials import TRIALS
from netbuilder.document import edits
from netbuilder.document.model import Node, Place, PortRef
from netbuilder.foundation import trust
from netbuilder.foundation.preferences import Preferences
from netbuilder.layers.catalog import catalog
from netbuilder.layers.custom import EXAMPLE
from netbuilder.ui.canvas import menus
from netbuilder.ui.code_field import APPLIED, CHANGED, CodeDialog, CodeField
from netbuilder.ui.panels.inspector import GroupPage, InspectorPanel
from netbuilder.ui.panels.node_page import NodePage
from netbuilder.ui.panels.problem_rows import ProblemRow
from netbuilder.ui.preferences_dialog import PreferencesDialog
from netbuilder.ui.theme import ThemeController, controller
from netbuilder.ui.trust_dialog import HIDDEN, TrustDialog
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace
from tests.ui.panels.recorded import FLAT, HEAD, open_digits

CUSTOM = "ncustom01"
MINE = "def mine(a, b):\n    return a + b, a\n"
THEIRS = "import os\n\n\ndef theirs(x):\n    os.system('true')\n    return x\n"


@pytest.fixture(autouse=True)
def trials_end(qtbot: QtBot) -> Iterator[None]:
    """Let what is being tried come to its end: nobody in the window waits for it."""
    yield
    qtbot.waitUntil(lambda: TRIALS.is_idle, timeout=60_000)


def add(workspace: Workspace, code: str = EXAMPLE, id: str = CUSTOM) -> None:
    """Put a custom layer between Flatten and the head."""
    values = {**catalog()["custom"].defaults(), "code": code}
    node = Node(id=id, type="custom", label=f"own_{id[-1]}", parameters=values)
    workspace.edit("Add", partial(edits.add_node, node=node, place=Place(500, 200)))
    workspace.edit("Link", lambda old: edits.connect(old, PortRef(id, "x"), PortRef(FLAT, "y")))
    workspace.edit("Link", lambda old: edits.connect(old, PortRef(HEAD, "x"), PortRef(id, "y")))


@pytest.fixture
def inspector(qtbot: QtBot, digits: Workspace, themes: ThemeController) -> InspectorPanel:
    panel = InspectorPanel(digits, themes)
    qtbot.addWidget(panel)
    panel.resize(284, 900)
    panel.show()
    panel.show_selection()
    return panel


def page_of(inspector: InspectorPanel, workspace: Workspace, id: str = CUSTOM) -> NodePage:
    """Select a node and return its page."""
    workspace.select([id])
    inspector.show_selection()
    assert isinstance(inspector.page, NodePage)
    return inspector.page


def field_of(page: NodePage) -> CodeField:
    """Return the editor's field."""
    field = page.form.fields["code"]
    assert isinstance(field, CodeField)
    return field


def write(field: CodeField, text: str) -> None:
    """Replace what stands in the editor, as typing does."""
    field.editor.selectAll()
    field.editor.insertPlainText(text)


def opened() -> TrustDialog:
    """Return the dialog that asks."""
    found = [each for each in QApplication.topLevelWidgets() if isinstance(each, TrustDialog) and each.isVisible()]
    assert len(found) == 1
    return found[0]


def none_opened() -> bool:
    """Whether no dialog asks."""
    return not [each for each in QApplication.topLevelWidgets() if isinstance(each, TrustDialog) and each.isVisible()]


def parameters(workspace: Workspace, id: str = CUSTOM) -> dict[str, object]:
    """Return a node's parameters."""
    return dict(workspace.document.graph.nodes[id].parameters)


def settle(qtbot: QtBot, workspace: Workspace) -> None:
    """Wait until all shapes are known."""
    workspace.torch_loaded()
    qtbot.waitUntil(lambda: not workspace.shapes.pending, timeout=60_000)


# The editor -------------------------------------------------------------------------------------------------------


def test_ctrl_enter_applies_as_one_undo_entry_and_trusts_what_was_typed(
    digits: Workspace, inspector: InspectorPanel
) -> None:
    add(digits)
    field = field_of(page_of(inspector, digits))
    assert field.editor.toPlainText() == EXAMPLE
    assert not field.apply_button.isEnabled()
    write(field, MINE)
    assert field.state.text() == CHANGED
    assert parameters(digits)["code"] == EXAMPLE, "nothing counts before it is applied"
    QTest.keyClick(field.editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert field.state.text() == APPLIED
    found = parameters(digits)
    assert (found["code"], found["inputs"], found["outputs"]) == (MINE, "a, b", "y1, y2")
    assert digits.history.undo_title == "Change code"
    assert trust.is_trusted(MINE)
    digits.undo()
    assert digits.history.undo_title == "Link"
    assert parameters(digits)["code"] == EXAMPLE
    assert field.editor.toPlainText() == EXAMPLE


def test_what_is_typed_outlives_other_edits_and_looking_elsewhere(digits: Workspace, inspector: InspectorPanel) -> None:
    add(digits)
    page = page_of(inspector, digits)
    write(field_of(page), "def half")
    digits.edit("Rename", partial(edits.rename, node=CUSTOM, label="other"))
    QTest.keyClick(field_of(page).editor, Qt.Key.Key_Escape)
    assert field_of(page).draft == "def half"
    page_of(inspector, digits, HEAD)
    page = page_of(inspector, digits)
    assert field_of(page).draft == "def half"
    field_of(page).revert_button.click()
    assert field_of(page).draft is None
    page_of(inspector, digits, HEAD)
    assert field_of(page_of(inspector, digits)).draft is None


def test_a_mistake_is_told_below_the_editor_and_its_line_is_marked(
    qtbot: QtBot, digits: Workspace, inspector: InspectorPanel
) -> None:
    add(digits)
    page = page_of(inspector, digits)
    write(field_of(page), "def mine(x):\n    return x +\n")
    field_of(page).apply()
    settle(qtbot, digits)
    assert "no Python, at line 2" in page.form.note("code")
    assert field_of(page).editor.marked == (2,)
    write(field_of(page), "def mine(x):\n    return x\n")
    assert field_of(page).editor.marked == (), "the line may be another one now"
    field_of(page).apply()
    settle(qtbot, digits)
    assert page.form.note("code") == ""


def test_keys_indent_as_python_wants_it(digits: Workspace, inspector: InspectorPanel) -> None:
    add(digits)
    editor = field_of(page_of(inspector, digits)).editor
    editor.clear()
    QTest.keyClicks(editor, "if x:")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    QTest.keyClicks(editor, "y")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    QTest.keyClick(editor, Qt.Key.Key_Tab)
    QTest.keyClicks(editor, "z")
    assert editor.toPlainText() == "if x:\n    y\n        z"
    QTest.keyClick(editor, Qt.Key.Key_Backtab)
    assert editor.toPlainText() == "if x:\n    y\n    z"
    editor.selectAll()
    QTest.keyClick(editor, Qt.Key.Key_Tab)
    assert editor.toPlainText() == "    if x:\n        y\n        z"
    editor.undo()
    assert editor.toPlainText() == "if x:\n    y\n    z"


def test_the_larger_window_applies_too(digits: Workspace, inspector: InspectorPanel) -> None:
    add(digits)
    field = field_of(page_of(inspector, digits))
    field.enlarge_button.click()
    (dialog,) = inspector.findChildren(CodeDialog)
    assert dialog.editor.toPlainText() == EXAMPLE
    dialog.editor.setPlainText(MINE)
    QTest.keyClick(dialog.editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert parameters(digits)["code"] == MINE


def test_several_nodes_share_no_code_field(digits: Workspace, inspector: InspectorPanel) -> None:
    add(digits)
    add(digits, id="ncustom02")
    digits.select([CUSTOM, "ncustom02"])
    inspector.show_selection()
    assert isinstance(inspector.page, GroupPage)
    assert "code" not in inspector.page.form.fields
    assert "trainable" in inspector.page.form.fields


# Trust ------------------------------------------------------------------------------------------------------------


def test_the_inspector_offers_to_review(qtbot: QtBot, digits: Workspace, inspector: InspectorPanel) -> None:
    add(digits, THEIRS)
    settle(qtbot, digits)
    page = page_of(inspector, digits)
    (row,) = [each for each in page.findChildren(ProblemRow) if each.problem.actions]
    asked: list[str] = []
    digits.reviewRequested.connect(asked.append)
    (button,) = [each for each in row.findChildren(QPushButton) if each.text() == "Review and trust…"]
    button.click()
    assert asked == [CUSTOM]
    assert not trust.is_trusted(THEIRS)


def test_changing_code_of_unknown_origin_asks_first(digits: Workspace, inspector: InspectorPanel) -> None:
    add(digits, THEIRS)
    field = field_of(page_of(inspector, digits))
    changed = THEIRS.replace("return x", "return 2 * x")
    write(field, changed)
    field.apply()
    dialog = opened()
    assert dialog.view.toPlainText() == changed, "what would run is shown, not what was there"
    dialog.cancel_button.click()
    assert parameters(digits)["code"] == THEIRS
    assert field.draft == changed
    assert trust.count() == 0
    field.apply()
    opened().trust_button.click()
    assert parameters(digits)["code"] == changed
    assert trust.is_trusted(changed)
    assert not trust.is_trusted(THEIRS)


def test_cancel_is_what_enter_and_escape_do(qtbot: QtBot) -> None:
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Escape):
        dialog = TrustDialog(THEIRS, ["own"], "the file x.netb")
        qtbot.addWidget(dialog)
        dialog.show()
        QTest.keyClick(dialog, key)
        assert not dialog.isVisible()
        assert dialog.result() == TrustDialog.DialogCode.Rejected
        assert dialog.view.isReadOnly()
        assert HIDDEN not in [label.text() for label in dialog.findChildren(type(dialog.layout().itemAt(0).widget()))]


def test_hidden_characters_are_shown_and_told(qtbot: QtBot) -> None:
    dialog = TrustDialog("def mine(x):\n    return x  # \u202e\n", ["own"], "the file x.netb")
    qtbot.addWidget(dialog)
    assert r"# \u202e" in dialog.view.toPlainText()
    assert HIDDEN in [label.text() for label in dialog.findChildren(type(dialog.layout().itemAt(0).widget()))]


@pytest.fixture
def window(qtbot: QtBot) -> MainWindow:
    window = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(window, before_close_func=lambda window: setattr(window, "_may_close", True))
    window.show()
    window.furnish()
    return window


def test_the_window_reviews_one_text_after_the_other(qtbot: QtBot, window: MainWindow) -> None:
    workspace = window.workspace
    open_digits(workspace)
    action = window.actions_["graph.trust"]
    assert not action.isEnabled()
    add(workspace, THEIRS)
    add(workspace, THEIRS, "ncustom02")
    add(workspace, THEIRS + "# another\n", "ncustom03")
    settle(qtbot, workspace)
    assert action.isEnabled()
    assert not trust.count(), "looking at them trusts nothing"
    action.trigger()
    assert opened().view.toPlainText() == THEIRS
    opened().trust_button.click()
    assert opened().view.toPlainText().endswith("# another\n")
    opened().cancel_button.click()
    assert none_opened()
    assert list(untrusted(workspace.document)) == [THEIRS + "# another\n"]
    menu = menus.build(window.canvas, window.canvas.node_rect("ncustom03").center())
    (entry,) = [each for each in menu.actions() if "Review" in each.text()]
    entry.trigger()
    opened().trust_button.click()
    assert not untrusted(workspace.document)
    settle(qtbot, workspace)
    assert not action.isEnabled()
    QThreadPool.globalInstance().waitForDone(10_000)


def test_the_preferences_take_trust_back(qtbot: QtBot) -> None:
    trust.grant([THEIRS, MINE])
    dialog = PreferencesDialog(Preferences())
    qtbot.addWidget(dialog)
    assert "2 custom layers" in dialog.trusted.text()
    dialog.forget_button.click()
    assert "no custom layers" in dialog.trusted.text()
    assert not dialog.forget_button.isEnabled()
    assert not trust.is_trusted(MINE)


def test_enter_in_a_preference_takes_no_trust_back(qtbot: QtBot) -> None:
    trust.grant([MINE])
    dialog = PreferencesDialog(Preferences())
    qtbot.addWidget(dialog)
    with qtbot.waitExposed(dialog):
        dialog.show()
    line = dialog.form.fields["snapshot_megabytes"].findChild(QLineEdit)
    line.setFocus()
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert trust.is_trusted(MINE)


def test_trust_that_cannot_be_kept_is_told(
    digits: Workspace, inspector: InspectorPanel, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    add(digits)
    monkeypatch.setenv("NETBUILDER_HOME", "/dev/null/nowhere")
    raised: list[object] = []
    digits.problemsRaised.connect(raised.extend)
    field = field_of(page_of(inspector, digits))
    write(field, MINE)
    field.apply()
    assert [problem.code for problem in raised] == ["trust.folder"]  # type: ignore[attr-defined]
    assert parameters(digits)["code"] == MINE, "the text is not lost"
    assert untrusted(digits.document)


def test_shapes_arrive_behind_the_windows_back(qtbot: QtBot, digits: Workspace, inspector: InspectorPanel) -> None:
    code = "import time\n\n\ndef slow(x):\n    time.sleep(0.1)\n    return x.relu()\n"
    trust.grant([code])
    add(digits, code)
    settle(qtbot, digits)
    assert not [each for each in digits.problems if each.node == CUSTOM]
    assert digits.shapes.types[PortRef(CUSTOM, "y")] == digits.shapes.types[PortRef(FLAT, "y")]
    facts = page_of(inspector, digits).facts.texts()
    assert facts["Out"] == str(digits.shapes.types[PortRef(FLAT, "y")])
