"""The form: every kind of parameter shows, accepts, refuses in words, and reports canonical values."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from netbuilder.foundation.parameter import Choice, Kind, Parameter
from netbuilder.ui.fields import IntsField, NumberField
from netbuilder.ui.form import Form
from netbuilder.ui.numbers import number_text, parse_number, stepped
from netbuilder.ui.pickers import BoolField, ChoiceField, ColumnField, ColumnsField, PathField, TextField

FILTERS = Parameter(
    name="filters", title="Filters", kind=Kind.INT, default=32, minimum=1, maximum=4096, help="How many."
)
RATE = Parameter(name="rate", title="Learning rate", kind=Kind.FLOAT, default=1e-3, minimum=0.0, logarithmic=True)
KERNEL = Parameter(name="kernel", title="Kernel size", kind=Kind.INTS, default=(3, 3), length=2, minimum=1)
SHAPE = Parameter(name="shape", title="Shape", kind=Kind.INTS, default=(8, 8))
PADDING = Parameter(
    name="padding",
    title="Padding",
    kind=Kind.CHOICE,
    default="same",
    choices=(Choice(value="same", title="same"), Choice(value=0, title="none"), Choice(value="own", title="own")),
)
AMOUNT = Parameter(
    name="amount",
    title="Amount",
    kind=Kind.INT,
    default=0,
    minimum=0,
    shown_when=lambda values: values["padding"] == "own",
)
LIMIT = Parameter(name="limit", title="Limit", kind=Kind.FLOAT, default=None, optional=True, none_title="no limit")
BIAS = Parameter(name="bias", title="Bias", kind=Kind.BOOL, default=True, advanced=True)
NAME = Parameter(name="name", title="Name", kind=Kind.TEXT, default="x")
FILE = Parameter(name="file", title="File", kind=Kind.FILE, default="")
TARGET = Parameter(name="target", title="Target", kind=Kind.COLUMN, default="")
FEATURES = Parameter(name="features", title="Features", kind=Kind.COLUMNS, default=())
ALL = (FILTERS, RATE, KERNEL, SHAPE, PADDING, AMOUNT, LIMIT, NAME, FILE, TARGET, FEATURES, BIAS)


class Edits(list[tuple[str, Any, str]]):
    def note(self, name: str, value: Any, gesture: str) -> None:
        self.append((name, value, gesture))

    @property
    def last(self) -> tuple[str, Any]:
        return self[-1][:2]


@pytest.fixture
def edits() -> Edits:
    return Edits()


@pytest.fixture
def form(qtbot: QtBot, edits: Edits) -> Form:
    made = Form(ALL)
    qtbot.addWidget(made)
    made.edited.connect(edits.note)
    made.show()
    return made


def retype(widget: Any, text: str) -> None:
    widget.selectAll()
    QTest.keyClicks(widget, text)


def number(form: Form, name: str) -> Any:
    field = form.fields[name]
    assert isinstance(field, NumberField)
    return field.box


def test_every_field_shows_its_default_and_has_a_name_for_screen_readers(form: Form) -> None:
    assert number(form, "filters").text() == "32"
    assert number(form, "rate").text() == "0.001"
    assert number(form, "limit").text() == ""
    assert number(form, "limit").placeholderText() == "no limit"
    assert number(form, "filters").accessibleName() == "Filters"
    assert "How many." in number(form, "filters").toolTip()
    assert "whole number from 1 to 4096" in number(form, "filters").toolTip()


def test_typing_a_number_reports_it_and_one_gesture_joins_the_digits(form: Form, edits: Edits) -> None:
    retype(number(form, "filters"), "64")
    assert [edit[:2] for edit in edits] == [("filters", 6), ("filters", 64)]
    assert len({gesture for _, _, gesture in edits}) == 1
    QTest.keyClick(number(form, "filters"), Qt.Key.Key_Return)
    retype(number(form, "filters"), "8")
    assert edits[-1][2] != edits[0][2]


@pytest.mark.parametrize("text", ["0", "5000", "abc", "1.5", "", "１２x", "9" * 400, "nan", "1e999"])
def test_a_bad_number_is_refused_in_words_and_the_old_value_stays(form: Form, edits: Edits, text: str) -> None:
    box = number(form, "filters")
    box.selectAll()
    box.insert(text)
    box.textEdited.emit(box.text())
    assert edits == []
    assert form.note("filters").startswith("Filters: expected a whole number from 1 to 4096, got ")
    assert form.values()["filters"] == 32
    assert box.property("invalid") is True
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert box.text() == "32"
    assert form.note("filters") == ""
    assert box.property("invalid") is False


def test_leaving_a_field_shows_the_value_that_is_in_force(form: Form) -> None:
    box = number(form, "filters")
    retype(box, "0")
    box.editingFinished.emit()
    assert box.text() == "32"
    assert "expected" in form.note("filters")


@pytest.mark.parametrize(
    ("text", "value"), [("1e-3", 1e-3), ("3E-4", 3e-4), ("0,5", 0.5), ("1_000", 1000.0), (".5", 0.5), ("−1", None)]
)
def test_floats_are_read_as_people_write_them(form: Form, edits: Edits, text: str, value: float | None) -> None:
    box = number(form, "rate")
    box.clear()
    box.insert(text)
    box.textEdited.emit(text)
    if value is None:
        assert "at least 0" in form.note("rate")
    else:
        assert form.values()["rate"] == value


def test_a_number_being_typed_is_not_rewritten_when_the_document_answers(form: Form) -> None:
    box = number(form, "rate")
    box.setFocus()
    retype(box, "1e-")
    form.set_values(form.values())
    assert box.text() == "1e-"
    retype(box, "1e-5")
    form.set_values(form.values())
    assert box.text() == "1e-5"


def test_arrow_keys_step_within_the_range(form: Form, edits: Edits) -> None:
    box = number(form, "filters")
    QTest.keyClick(box, Qt.Key.Key_Up)
    assert edits.last == ("filters", 33)
    QTest.keyClick(box, Qt.Key.Key_PageDown)
    assert edits.last == ("filters", 23)
    form.set_values({"filters": 2})
    for _ in range(5):
        QTest.keyClick(box, Qt.Key.Key_Down)
    assert edits.last == ("filters", 1)
    assert form.note("filters") == ""


def test_dragging_a_label_scrubs_the_number_as_one_gesture(form: Form, edits: Edits) -> None:
    label = form._rows["filters"].label
    QTest.mousePress(label, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    for x in (15, 30, 45):
        QTest.mouseMove(label, QPoint(x, 5))
    QTest.mouseRelease(label, Qt.MouseButton.LeftButton, pos=QPoint(45, 5))
    assert edits.last == ("filters", 42)
    assert len({gesture for _, _, gesture in edits}) == 1


@pytest.mark.parametrize(
    ("keys", "steps"),
    [
        (Qt.KeyboardModifier.NoModifier, 10),
        (Qt.KeyboardModifier.ShiftModifier, 100),
        (Qt.KeyboardModifier.ControlModifier, 2),
    ],
)
def test_sizes_are_scrubbed_together_coarsely_with_shift_and_finely_with_ctrl(
    form: Form, edits: Edits, keys: Qt.KeyboardModifier, steps: int
) -> None:
    label = form._rows["kernel"].label
    drag(label, 40, keys)
    assert edits.last == ("kernel", (3 + steps, 3 + steps))
    assert form.fields["kernel"].focusProxy().hasFocus()


def test_escape_brings_a_scrubbed_number_back(form: Form, edits: Edits) -> None:
    label = form._rows["filters"].label
    drag(label, 40, release=False)
    assert edits.last == ("filters", 42)
    QTest.keyClick(form.window().focusWidget(), Qt.Key.Key_Escape)
    assert edits.last == ("filters", 32)
    assert len({gesture for _, _, gesture in edits}) == 1
    QTest.mouseMove(label, QPoint(90, 5))
    assert edits.last == ("filters", 32)


def drag(
    label: QWidget,
    pixels: int,
    keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
    release: bool = True,
) -> None:
    """Drag a field's name to the right."""
    left = Qt.MouseButton.LeftButton
    QTest.mousePress(label, left, keys, QPoint(5, 5))
    end = QPointF(5 + pixels, 5)
    move = QMouseEvent(QEvent.Type.MouseMove, end, label.mapToGlobal(end), Qt.MouseButton.NoButton, left, keys)
    QApplication.sendEvent(label, move)
    if release:
        QTest.mouseRelease(label, left, keys, end.toPoint())


def test_logarithmic_parameters_step_by_factors() -> None:
    assert stepped(RATE, 1e-3, 20) == pytest.approx(1e-2)
    assert stepped(RATE, 1e-3, -20) == pytest.approx(1e-4)
    assert stepped(FILTERS, 32, -100) == 1
    assert stepped(FILTERS, 4090, 100) == 4096


def test_ints_have_a_box_an_axis(form: Form, edits: Edits) -> None:
    field = form.fields["kernel"]
    assert isinstance(field, IntsField)
    assert [box.text() for box in field.boxes] == ["3", "3"]
    retype(field.boxes[1], "5")
    assert edits.last == ("kernel", (3, 5))
    retype(field.boxes[0], "0")
    assert "Kernel size: expected 2 whole numbers of at least 1" in form.note("kernel")
    assert form.values()["kernel"] == (3, 5)


def test_ints_of_any_length_are_one_line(form: Form, edits: Edits) -> None:
    field = form.fields["shape"]
    assert isinstance(field, IntsField)
    box = field.boxes[0]
    assert box.text() == "8, 8"
    for text in ("4, 4, 2", "4 × 4 × 2", "(4,4,2)"):
        box.clear()
        form.set_values({"shape": (1,)})
        box.clear()
        box.insert(text)
        box.textEdited.emit(text)
        assert form.values()["shape"] == (4, 4, 2)
    box.insert(", x")
    box.textEdited.emit(box.text())
    assert "expected whole numbers" in form.note("shape")


def test_choices_keep_the_type_of_their_value(form: Form, edits: Edits) -> None:
    field = form.fields["padding"]
    assert isinstance(field, ChoiceField)
    field.box.setCurrentIndex(1)
    field.box.activated.emit(1)
    assert edits.last == ("padding", 0)


def test_a_field_is_shown_only_when_it_matters(form: Form) -> None:
    assert not form.fields["amount"].isVisible()
    form.set_values({"padding": "own"})
    assert form.fields["amount"].isVisible()


def test_an_emptied_optional_field_means_none(form: Form, edits: Edits) -> None:
    retype(number(form, "limit"), "2")
    assert edits.last == ("limit", 2.0)
    number(form, "limit").selectAll()
    QTest.keyClick(number(form, "limit"), Qt.Key.Key_Backspace)
    assert edits.last == ("limit", None)


def test_advanced_fields_are_folded_away(form: Form, edits: Edits) -> None:
    field = form.fields["bias"]
    assert isinstance(field, BoolField)
    assert not field.isVisible()
    form.fold.click()
    assert field.isVisible()
    field.box.click()
    assert edits.last == ("bias", False)


def test_columns_are_picked_from_those_of_the_file(form: Form, edits: Edits) -> None:
    target, features = form.fields["target"], form.fields["features"]
    assert isinstance(target, ColumnField)
    assert isinstance(features, ColumnsField)
    form.set_columns(["age", "height", "kind"])
    assert [target.box.itemText(i) for i in range(target.box.count())] == ["automatic", "age", "height", "kind"]
    target.box.activated.emit(3)
    assert edits.last == ("target", "kind")
    target.box.activated.emit(0)
    assert edits.last == ("target", "")
    for row in (1, 0):
        features.list.item(row).setCheckState(Qt.CheckState.Checked)
    assert edits.last == ("features", ("age", "height"))


def test_a_chosen_column_that_the_file_lacks_stays_until_it_is_taken_out(form: Form) -> None:
    features = form.fields["features"]
    assert isinstance(features, ColumnsField)
    form.set_values({"features": ("gone",)})
    form.set_columns(["age"])
    assert [features.list.item(i).text() for i in range(2)] == ["age", "gone"]
    assert features.list.item(1).checkState() is Qt.CheckState.Checked


def test_a_path_counts_once_the_line_is_left_or_the_file_picked(
    form: Form, edits: Edits, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = form.fields["file"]
    assert isinstance(field, PathField)
    retype(field.line, "data.csv")
    assert edits == []
    QTest.keyClick(field.line, Qt.Key.Key_Return)
    assert edits.last == ("file", "data.csv")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("other.csv", ""))
    field.button.click()
    assert edits.last == ("file", "other.csv")
    assert field.line.text() == "other.csv"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    field.button.click()
    assert edits.last == ("file", "other.csv")


def test_text_is_reported_as_typed(form: Form, edits: Edits) -> None:
    field = form.fields["name"]
    assert isinstance(field, TextField)
    retype(field.line, "ab")
    assert [edit[:2] for edit in edits] == [("name", "a"), ("name", "ab")]


def test_values_that_no_field_accepts_show_the_default_and_say_so(form: Form, edits: Edits) -> None:
    form.set_values({"filters": "many", "kernel": [0, 3], "padding": {"=": "x"}, "bias": 3, "features": 7})
    assert form.values()["filters"] == 32
    for name in ("filters", "kernel", "padding", "bias", "features"):
        assert "expected" in form.note(name)
    assert edits == []
    retype(number(form, "filters"), "32")  # what is shown is not in force before it is chosen
    assert edits.last == ("filters", 32)
    padding = form.fields["padding"]
    assert isinstance(padding, ChoiceField)
    padding.box.activated.emit(0)
    assert edits.last == ("padding", "same")
    assert form.note("filters") == form.note("padding") == ""


@pytest.mark.parametrize("text", ["60,000", "60.000", "60 000", "60'000", "60_000", "60000"])
def test_a_whole_number_may_have_its_thousands_apart(qtbot: QtBot, text: str) -> None:
    field = NumberField(Parameter(name="rows", title="Rows", kind=Kind.INT, default=1))
    qtbot.addWidget(field)
    retype(field.box, text)
    assert field.value() == 60_000


@pytest.mark.parametrize(("text", "value"), [("0,125", 0.125), ("1,000", 1.0), ("1.000", 1.0), ("12,5", 12.5)])
def test_a_number_may_have_a_decimal_comma(qtbot: QtBot, text: str, value: float) -> None:
    field = NumberField(Parameter(name="rate", title="Rate", kind=Kind.FLOAT, default=7.0))
    qtbot.addWidget(field)
    retype(field.box, text)
    assert field.value() == value


def test_numbers_in_a_line_keep_all_their_digits(qtbot: QtBot) -> None:
    field = IntsField(SHAPE)
    qtbot.addWidget(field)
    field.set_value((1_048_577, 4))
    assert field.boxes[0].text() == "1048577, 4"
    retype(field.boxes[0], f"{field.boxes[0].text()}, 3")
    assert field.value() == (1_048_577, 4, 3)
    weights = IntsField(Parameter(name="weights", title="Weights", kind=Kind.FLOATS, default=()))
    qtbot.addWidget(weights)
    weights.set_value((0.123456789, 2.0))
    assert weights.boxes[0].text() == "0.123456789, 2"
    retype(weights.boxes[0], "0,5; 0,75")
    assert weights.value() == (0.5, 0.75)


def test_a_number_too_large_for_a_tensor_is_refused(qtbot: QtBot) -> None:
    field = NumberField(Parameter(name="size", title="Size", kind=Kind.INT, default=1))
    qtbot.addWidget(field)
    said: list[str] = []
    field.complained.connect(said.append)
    retype(field.box, "9" * 400)
    assert "expected a whole number" in said[-1]
    retype(field.box, str(2**60 + 1))
    field.step_by(1)
    assert field.value() == 2**60 + 2


def test_differing_values_show_as_such_until_one_is_chosen(form: Form, edits: Edits) -> None:
    form.set_values({"filters": 8}, mixed={"filters", "bias", "padding", "kernel"})
    assert number(form, "filters").text() == ""
    assert number(form, "filters").placeholderText() == "mixed"
    retype(number(form, "filters"), "8")
    assert edits.last == ("filters", 8)


def test_notes_from_outside_stand_until_the_value_changes(form: Form) -> None:
    form.set_notes({"filters": "Too many for this input.", "nowhere": "x"})
    assert form.note("filters") == "Too many for this input."
    assert form._rows["filters"].note.isVisible()
    retype(number(form, "filters"), "7")
    assert form.note("filters") == ""


@pytest.mark.parametrize(
    ("value", "text"), [(1e-5, "1e-5"), (1.0, "1"), (0.25, "0.25"), (7, "7"), (1e30, "1e30"), (None, "")]
)
def test_numbers_are_written_plainly(value: float | None, text: str) -> None:
    assert number_text(value) == text
    if value is not None:
        assert parse_number(text) == value
