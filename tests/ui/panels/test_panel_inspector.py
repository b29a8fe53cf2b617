"""The Inspector: it shows the selected node, the plan or a group; every edit arrives as one undo entry."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from netbuilder.document import edits
from netbuilder.document.files import dumps, loads
from netbuilder.document.model import Document, Node, Place, Setting
from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.limits import TEXT_LENGTH
from netbuilder.foundation.problem import Fix, Problem
from netbuilder.layers.catalog import catalog
from netbuilder.training.protocol import Picture, PictureKind
from netbuilder.ui.fields import NumberField
from netbuilder.ui.layer_help import LayerHelp
from netbuilder.ui.panels.cards import ElidedLabel
from netbuilder.ui.panels.inspector import GroupPage, InspectorPanel
from netbuilder.ui.panels.mosaic import GAP
from netbuilder.ui.panels.node_head import Head, LabelEdit
from netbuilder.ui.panels.plan_page import PlanPage
from netbuilder.ui.panels.problem_rows import ProblemRow
from netbuilder.ui.panels.watched import KernelsView
from netbuilder.ui.pickers import BoolField, ChoiceField
from netbuilder.ui.sight import Sight
from netbuilder.ui.theme import load_theme
from netbuilder.ui.workspace import Workspace
from tests.ui.panels.inspector_pages import node_page, parameters, plan_page, retype
from tests.ui.panels.recorded import CONV, DATA, HEAD, RELU, RecordedHost, run, tell

CONV_PAGE = "https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html"


def test_a_selected_node_is_shown_with_title_label_and_values(inspector: InspectorPanel, digits: Workspace) -> None:
    page = node_page(inspector, digits, CONV)
    assert page.title.text() == "Conv2d"
    assert page.label.text() == "stem"
    assert page.form.values() == parameters(digits, CONV)
    assert catalog()["conv2d"].help.split(".")[0] in page.help.words.text()
    assert page.help.formula is not None
    said = page.help.details.text()
    assert "In <b>x</b>: N × C × H × W, numbers (float)" in said
    assert f'<a href="{CONV_PAGE}">torch.nn.Conv2d</a>' in said
    assert "convolution" in said


def test_typing_a_number_is_one_undo_entry_and_undo_shows_the_old_value(
    inspector: InspectorPanel, digits: Workspace
) -> None:
    page = node_page(inspector, digits, HEAD)
    retype(page.form.fields["units"], "128")
    assert parameters(digits, HEAD)["units"] == 128
    assert digits.history.undo_title == "Change units"
    digits.undo()
    assert parameters(digits, HEAD)["units"] == 10
    field = page.form.fields["units"]
    assert isinstance(field, NumberField)
    assert field.box.text() == "10"
    assert not digits.history.can_undo
    digits.redo()
    assert field.box.text() == "128"


def test_two_visits_to_a_field_are_two_undo_entries(inspector: InspectorPanel, digits: Workspace) -> None:
    page = node_page(inspector, digits, HEAD)
    field = page.form.fields["units"]
    assert isinstance(field, NumberField)
    retype(field, "11")
    QTest.keyClick(field.box, Qt.Key.Key_Return)
    retype(field, "12")
    digits.undo()
    assert parameters(digits, HEAD)["units"] == 11


def test_a_refused_value_changes_nothing(inspector: InspectorPanel, digits: Workspace) -> None:
    page = node_page(inspector, digits, HEAD)
    before = digits.document
    retype(page.form.fields["units"], "0")
    assert digits.document is before
    assert page.form.note("units").startswith("Units: expected")


def test_the_label_renames_the_node_uniquely(inspector: InspectorPanel, digits: Workspace) -> None:
    page = node_page(inspector, digits, HEAD)
    page.label.setText("stem")
    page.label.editingFinished.emit()
    label = digits.document.graph.nodes[HEAD].label
    assert label not in ("head", "stem")
    assert page.label.text() == label
    page.label.setText("  ")
    page.label.editingFinished.emit()
    assert digits.document.graph.nodes[HEAD].label == label
    assert page.label.text() == label


def test_shapes_and_costs_are_shown_as_text_that_can_be_compared(inspector: InspectorPanel, digits: Workspace) -> None:
    pytest.importorskip("torch")
    page = node_page(inspector, digits, CONV)
    digits.torch_loaded()
    while digits.shapes.pending:
        digits.analysis._work()
    facts = page.facts.texts()
    assert facts["In"] == "N × 1 × 8 × 8"
    assert facts["Out"] == "N × 32 × 8 × 8"
    assert facts["Parameters"] == "320"
    assert facts["Multiply-adds"] == "18,432"
    assert facts["Output's memory"] == "8.2 kB a sample"
    assert facts["Kept to train"] == "256 B a sample"


def test_a_run_fills_in_gradient_norm_and_kernels(
    inspector: InspectorPanel, digits: Workspace, host: RecordedHost
) -> None:
    page = node_page(inspector, digits, CONV)
    assert page.kernels.isHidden()
    recorded = run()
    tell(digits, host, recorded)
    last = recorded.series[f"gradient_norm/{CONV}"].values[-1]
    assert float(page.facts.texts()["Gradient norm"]) == pytest.approx(last, abs=1e-4)
    assert not page.kernels.isHidden()
    assert page.kernels.image is not None


def test_problems_stand_on_top_and_their_button_mends_them(
    inspector: InspectorPanel, digits: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fix = Fix(title="Use 12 units", edit="set_parameters", arguments={"node": HEAD, "values": {"units": 12}})
    problem = Problem(code="x", message="10 units are too few.", node=HEAD, field="units", fixes=(fix,))
    monkeypatch.setattr(type(digits), "sight", property(lambda _: Sight(problems={HEAD: (problem,)})))
    page = node_page(inspector, digits, HEAD)
    rows = page.findChildren(ProblemRow)
    assert [row.problem for row in rows] == [problem]
    assert page.form.note("units") == "10 units are too few."
    button = rows[0].findChild(QPushButton)
    assert button.text() == "Use 12 units"
    button.click()
    assert parameters(digits, HEAD)["units"] == 12
    assert digits.history.undo_title == "Use 12 units"


def test_several_nodes_share_their_common_parameters(inspector: InspectorPanel, digits: Workspace) -> None:
    digits.edit("x", lambda document: edits.set_parameters(document, HEAD, {"bias": False}))
    digits.select([CONV, HEAD])
    inspector.show_selection()
    assert isinstance(inspector.page, GroupPage)
    form = inspector.page.form
    assert {"bias", "initializer", "trainable"} <= form.fields.keys()
    assert "units" not in form.fields
    bias = form.fields["bias"]
    assert isinstance(bias, BoolField)
    assert bias.box.checkState() is Qt.CheckState.PartiallyChecked
    bias.box.click()
    assert parameters(digits, CONV)["bias"] == parameters(digits, HEAD)["bias"]
    digits.undo()
    assert (parameters(digits, CONV)["bias"], parameters(digits, HEAD)["bias"]) == (True, False)


def test_what_one_of_several_nodes_refuses_is_said_while_the_others_take_it(
    inspector: InspectorPanel, digits: Workspace
) -> None:
    for id, type in (("n0000000a", "drop_path"), ("n0000000b", "dropout")):
        node = Node(id=id, type=type, label=type, parameters={"p": 0.25})
        digits.edit("Add", partial(edits.add_node, node=node))
    digits.select(["n0000000a", "n0000000b"])
    inspector.show_selection()
    assert isinstance(inspector.page, GroupPage)
    form = inspector.page.form
    field = form.fields["p"]
    assert isinstance(field, NumberField)
    field.box.setFocus()
    retype(field, "1")
    assert [parameters(digits, id)["p"] for id in ("n0000000a", "n0000000b")] == [0.25, 1.0]
    assert form.note("p") == "Not set. drop_path: Probability: expected a number from 0 to 0.99, got 1.0."
    assert field.box.text() == "1"  # it stays as typed, although the nodes differ now
    retype(field, "0.5")
    assert [parameters(digits, id)["p"] for id in ("n0000000a", "n0000000b")] == [0.5, 0.5]
    assert form.note("p") == ""
    digits.undo()
    assert [parameters(digits, id)["p"] for id in ("n0000000a", "n0000000b")] == [0.25, 0.25]
    retype(field, "1")
    digits.undo()
    digits.redo()
    field.box.clearFocus()
    assert field.box.placeholderText() == "mixed"


def test_escape_brings_back_the_different_values_that_a_scrub_had_made_one(
    inspector: InspectorPanel, digits: Workspace
) -> None:
    for id, p in (("n0000000a", 0.25), ("n0000000b", 0.5)):
        node = Node(id=id, type="dropout", label=id, parameters={"p": p})
        digits.edit("Add", partial(edits.add_node, node=node))
    before = digits.document
    digits.select(["n0000000a", "n0000000b"])
    inspector.show_selection()
    assert isinstance(inspector.page, GroupPage)
    label = inspector.page.form._rows["p"].label
    QTest.mousePress(label, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    for x in (25, 45):
        QTest.mouseMove(label, QPoint(x, 5))
    assert parameters(digits, "n0000000a")["p"] == parameters(digits, "n0000000b")["p"] != 0.25
    QTest.keyClick(label, Qt.Key.Key_Escape)
    assert digits.document is before
    assert digits.history.undo_title == "Add"
    field = inspector.page.form.fields["p"]
    assert isinstance(field, NumberField)
    assert field.box.placeholderText() == "mixed"


def two_linear(inspector: InspectorPanel, workspace: Workspace) -> GroupPage:
    spec = catalog()["linear"]
    for id in ("nlinear01", "nlinear02"):
        node = Node(id=id, type="linear", label=id, parameters=spec.defaults())
        workspace.edit("Add", partial(edits.add_node, node=node, place=Place(0, 0)))
    workspace.select(("nlinear01", "nlinear02"))
    inspector.show_selection()
    assert isinstance(inspector.page, GroupPage)
    return inspector.page


def test_several_nodes_that_were_replaced_are_shown_as_what_they_are_now(
    qtbot: QtBot, inspector: InspectorPanel, digits: Workspace
) -> None:
    old = two_linear(inspector, digits)
    assert "units" in old.form.fields

    def replaced(document: Document) -> Document:
        for id in ("nlinear01", "nlinear02"):
            document = edits.replace_type(document, node=id, type="conv2d", parameters=catalog()["conv2d"].defaults())
        return document

    digits.edit("Replace", replaced)
    qtbot.waitUntil(lambda: inspector.page is not old)
    assert isinstance(inspector.page, GroupPage)
    assert "units" not in inspector.page.form.fields
    inspector.page.form.edited.emit("filters", 7, "typing")
    assert [digits.document.graph.nodes[id].parameters["filters"] for id in ("nlinear01", "nlinear02")] == [7, 7]


def test_nodes_that_go_right_after_another_selection_do_no_harm(inspector: InspectorPanel, digits: Workspace) -> None:
    two_linear(inspector, digits)
    digits.select(())  # its page is made a moment later
    digits.undo()
    inspector.show_selection()
    assert isinstance(inspector.page, PlanPage)


def test_nodes_without_common_parameters_say_so(inspector: InspectorPanel, digits: Workspace) -> None:
    digits.select([DATA, CONV])
    inspector.show_selection()
    assert isinstance(inspector.page, GroupPage)
    assert not inspector.page.form.fields


def test_with_nothing_selected_the_plan_is_edited(inspector: InspectorPanel, digits: Workspace) -> None:
    page = plan_page(inspector)
    retype(page.plan.fields["epochs"], "7")
    assert digits.document.plan.epochs == 7
    digits.undo()
    assert digits.document.plan.epochs == 20
    field = page.plan.fields["epochs"]
    assert isinstance(field, NumberField)
    assert field.box.text() == "20"


def test_picking_an_optimizer_brings_its_own_form(inspector: InspectorPanel, digits: Workspace) -> None:
    page = plan_page(inspector)
    picker = page.optimizer.picker.fields["key"]
    assert isinstance(picker, ChoiceField)
    keys = [choice.value for choice in picker.parameter.choices]
    picker.box.activated.emit(keys.index("sgd"))
    assert digits.document.plan.phases[0].optimizer.key == "sgd"
    assert page.optimizer.form is not None
    assert "momentum" in page.optimizer.form.fields
    retype(page.optimizer.form.fields["momentum"], "0.5")
    assert digits.document.plan.phases[0].optimizer.values["momentum"] == 0.5
    digits.undo()
    digits.undo()
    assert digits.document.plan.phases[0].optimizer.key == "adam"
    assert "beta1" in page.optimizer.form.fields


def test_an_optimizer_that_this_version_lacks_stays_until_another_is_picked(
    inspector: InspectorPanel, digits: Workspace
) -> None:
    page = plan_page(inspector)
    unknown = Setting(key="of_tomorrow", values={"learning_rate": 0.5})
    phases = (replace(digits.document.plan.phases[0], optimizer=unknown),)
    digits.edit("Read", lambda document: replace(document, plan=replace(document.plan, phases=phases)))
    assert page.optimizer.form is None
    assert "of_tomorrow" in page.optimizer.summary.text()
    picker = page.optimizer.picker.fields["key"]
    assert isinstance(picker, ChoiceField)
    assert picker.box.currentIndex() < 0
    picker.box.activated.emit(0)
    assert digits.document.plan.phases[0].optimizer.key == picker.value() != "of_tomorrow"
    assert picker.box.currentIndex() == 0
    assert page.optimizer.form is not None


def test_title_and_description_are_edited(inspector: InspectorPanel, digits: Workspace) -> None:
    page = plan_page(inspector)
    QTest.keyClicks(page.title, "Digits")
    page.description.setPlainText("Ten classes.")
    assert digits.document.about.title == "Digits"
    assert digits.document.about.description == "Ten classes."
    digits.undo()
    assert page.description.toPlainText() == ""
    digits.undo()
    assert page.title.text() == ""


def test_a_description_is_never_longer_than_a_file_may_hold(inspector: InspectorPanel, digits: Workspace) -> None:
    raised: list[object] = []
    digits.problemsRaised.connect(raised.append)
    page = plan_page(inspector)
    for _ in range(2):
        page.description.setPlainText("x" * (TEXT_LENGTH + 7))
        assert page.description.toPlainText() == digits.document.about.description == "x" * TEXT_LENGTH
    assert loads(dumps(digits.document)).about == digits.document.about
    assert raised == []


def test_removing_the_selected_node_shows_the_plan_again(
    inspector: InspectorPanel, digits: Workspace, qtbot: QtBot
) -> None:
    node_page(inspector, digits, RELU)
    digits.edit("Remove", lambda document: edits.remove_nodes(document, [RELU]))
    qtbot.waitUntil(lambda: isinstance(inspector.page, PlanPage))
    digits.undo()
    assert RELU in digits.document.graph.nodes


def test_an_unknown_layer_is_kept_and_said_to_be_unknown(inspector: InspectorPanel, digits: Workspace) -> None:
    strange = Node(id="nstrange1", type="future.layer", label="strange", parameters={"x": 1})
    digits.edit("x", lambda document: edits.add_node(document, strange, Place(0, 0)))
    page = node_page(inspector, digits, strange.id)
    assert "does not know" in page.help.words.text()
    assert page.help.formula is None
    assert parameters(digits, strange.id) == {"x": 1}


def test_help_cannot_smuggle_markup(qtbot: QtBot) -> None:
    markup = "<script>alert(1)</script>"
    spec = replace(catalog()["relu"], help=markup, keywords=(markup,), reference=Reference(title=markup, url=markup))
    help = LayerHelp(spec)
    qtbot.addWidget(help)
    assert help.words.textFormat() is Qt.TextFormat.PlainText
    assert "<script" not in help.details.text()


def test_a_note_is_kept_in_the_document_and_undone(inspector: InspectorPanel, digits: Workspace) -> None:
    page = node_page(inspector, digits, CONV)
    page.note.setFocus()
    QTest.keyClicks(page.note, "try 5 x 5 here")
    assert digits.document.graph.nodes[CONV].note == ""
    QTest.keyClick(page.note, Qt.Key.Key_Return)
    assert digits.document.graph.nodes[CONV].note == "try 5 x 5 here"
    assert digits.history.undo_title == "Change note"
    digits.undo()
    assert page.note.text() == ""


def test_the_beginning_of_a_long_label_is_seen(inspector: InspectorPanel, digits: Workspace) -> None:
    page = node_page(inspector, digits, CONV)
    page.label.show_label("a_very_long_label_that_nobody_would_write")
    assert page.label.cursorPosition() == 0


def test_a_label_stands_below_the_title_where_there_is_no_room_beside_it(qtbot: QtBot) -> None:
    title, name = ElidedLabel("AdaptiveAvgPool2d", "heading"), LabelEdit()
    name.show_label("adaptive_avg_pool2d")
    head = Head(QWidget(), title, name)
    qtbot.addWidget(head)
    head.resize(640, 60)
    with qtbot.waitExposed(head):
        head.show()
    qtbot.waitUntil(lambda: name.y() < title.geometry().bottom())
    assert name.x() > title.x()
    head.resize(240, 60)
    qtbot.waitUntil(lambda: name.y() >= title.geometry().bottom())
    assert title.width() >= title.fontMetrics().horizontalAdvance(title.text())
    head.resize(640, 60)
    qtbot.waitUntil(lambda: name.y() < title.geometry().bottom())


def test_a_matrix_takes_the_width_there_is(qtbot: QtBot) -> None:
    view = KernelsView(smallest=10, largest=28)
    qtbot.addWidget(view)
    view.resize(220, 90)
    view.show()
    flat = Picture(kind=PictureKind.KERNELS, node="n1", step=1, data=np.ones((1, 2, 32), np.float32))
    view.show_kernels(flat, load_theme("dark"))
    assert view.height_for(220) == 13
    assert view.image is not None
    assert view.image.width() > 200
    many = Picture(kind=PictureKind.KERNELS, node="n1", step=1, data=np.ones((32, 3, 3), np.float32))
    view.show_kernels(many, load_theme("dark"))
    assert view.height_for(220) == 5 * (28 + GAP), "kernels stay little pictures"
