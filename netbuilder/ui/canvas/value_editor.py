"""The field that opens over a value on a node's card: the form's own field, and only while it is used.

Enter takes what was typed, Esc leaves the value, Tab goes on to the next value of the card, and leaving takes it too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QFrame, QLabel, QLineEdit, QVBoxLayout, QWidget

from netbuilder.document.expressions import is_expression
from netbuilder.foundation.parameter import Kind, Parameter
from netbuilder.ui.canvas.card_values import CardValue
from netbuilder.ui.fields import tooltip
from netbuilder.ui.form import Form
from netbuilder.ui.shared_values import promote

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

_LETTERS = 11.0  # the height of a card's letters at 100 %
_SMALLEST, _LARGEST = 12, 20  # pixels
_MARGIN = 5
_INPUTS = (QLineEdit, QComboBox, QCheckBox)
_WIDTHS = {Kind.CHOICE: 130, Kind.TEXT: 190, Kind.INTS: 110}
_WIDTH = 74  # of a field of any other kind
_AXIS = 62  # of each size, where their number is given
_WORDS = 200  # of an expression with what it comes to, and of a complaint


class ValueEditor(QFrame):
    """Edits one value of one node; one widget for the whole canvas, where it is needed."""

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view = view
        self._value: CardValue | None = None
        self._typed: list[Any] = []  # the last accepted value, none so far
        self._form: Form | None = None
        self._is_leaving = False
        self.setObjectName("valueEditor")
        self.setProperty("card", True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        self._column.setSpacing(2)
        self.caption = QLabel()
        self.caption.setProperty("role", "caption")
        self._column.addWidget(self.caption)
        self.hide()
        view.moved.connect(self._settle)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._follow_focus)

    @property
    def form(self) -> Form:
        """The open field, as a form of one parameter."""
        assert self._form is not None, "nothing is open"
        return self._form

    @property
    def value(self) -> CardValue | None:
        """The value that is being edited, or None."""
        return self._value

    def edit(self, value: CardValue) -> None:
        """Open over a value."""
        self.finish()
        self._value, self._typed = value, []
        self._make_form(value)
        self.caption.setText(value.parameter.title + (f" ({value.parameter.unit})" if value.parameter.unit else ""))
        self.setToolTip(tooltip(value.parameter))
        self._settle()
        self.show()
        self.raise_()
        self._enter()

    def finish(self) -> None:
        """Close, and set what was typed; what was refused is left, and said."""
        value = self._value
        if value is None or self._is_leaving:
            return
        self._is_leaving = True
        if self._holds(QApplication.focusWidget()):
            self._view.setFocus(Qt.FocusReason.OtherFocusReason)  # a line says its last word when it loses the focus
        complaint, typed = self.form.note(value.parameter.name), self._typed
        self._is_leaving = False
        self.close_up()
        if complaint:
            self._view.workspace.message.emit(complaint)
        elif typed and value.node in self._view.graph.nodes:
            refused = self._view.values.set(value, typed[-1])
            self._view.workspace.seal()
            if refused:
                self._view.workspace.problemsRaised.emit(refused)

    def close_up(self) -> None:
        """Close without setting anything."""
        if self._value is None:
            return
        self._value = None
        if self._holds(QApplication.focusWidget()):
            self._view.setFocus(Qt.FocusReason.OtherFocusReason)
        self.hide()

    # Keys and focus ------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the value on Enter, unless it is refused; no key reaches the canvas below."""
        value, is_enter = self._value, event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if is_enter and value is not None and not self.form.note(value.parameter.name):
            self.finish()
        event.accept()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave the value as it is on Esc and go on at Tab: the inputs take both for their own purposes."""
        if event.type() != QEvent.Type.KeyPress:
            return False
        key = cast("QKeyEvent", event).key()
        if key == Qt.Key.Key_Escape:
            self.close_up()
        elif key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            self._go_on(1 if key == Qt.Key.Key_Tab else -1)
        else:
            return False
        return True

    def focusNextPrevChild(self, _: bool) -> bool:
        """Keep the focus: an input that gives way to the one for expressions does not hand it on."""
        return False

    def _go_on(self, step: int) -> None:
        """Go on to the next input, after the last one to the next value of the card."""
        inputs, focus = self._inputs(), QApplication.focusWidget()
        place = inputs.index(focus) + step if focus in inputs else -1
        value = self._value
        if 0 <= place < len(inputs):
            _begin(inputs[place])
        elif value is not None and not self.form.note(value.parameter.name):
            values, node = self._view.values, value.node
            names = [each.parameter.name for each in values.on(node)]
            self.finish()
            place = (names.index(value.parameter.name) + step) % len(names)
            found = values.find(node, names[place]) if len(names) > 1 else None
            if found is not None:
                values.edit(found)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Keep the canvas below from zooming."""
        event.accept()

    def _follow_focus(self, _: QWidget | None, now: QWidget | None) -> None:
        if self._value is not None and now is not None and not self._holds(now):
            self.finish()

    def _holds(self, widget: QWidget | None) -> bool:
        """Whether a widget is in this one or in a list or menu that it has opened."""
        while widget is not None and widget is not self:
            widget = widget.parentWidget()
        return widget is self

    def _inputs(self) -> list[QWidget]:
        return [widget for kind in _INPUTS for widget in self.form.findChildren(kind) if widget.isVisibleTo(self)]

    def _enter(self) -> None:
        inputs = self._inputs()
        if not inputs:
            return
        _begin(inputs[0])
        if isinstance(inputs[0], QComboBox):
            inputs[0].showPopup()

    # Making and placing --------------------------------------------------------------------------------------------

    def _make_form(self, value: CardValue) -> None:
        if self._form is not None:
            self._column.removeWidget(self._form)
            self._form.hide()
            self._form.deleteLater()
        view = self._view
        parameter = replace(value.parameter, advanced=False, shown_when=None)
        self._form = form = Form((parameter,), self, labels=0, in_block=bool(view.workspace.scope))
        given = view.graph.nodes[value.node].parameters.get(parameter.name)
        shown = given if is_expression(given) else value.value
        form.set_values({parameter.name: shown}, block=view.workspace.sight.values)
        form.edited.connect(self._note)
        for kind in _INPUTS:
            for widget in form.findChildren(kind):
                widget.installEventFilter(self)
        form.complained.connect(self._settle)
        form.promoted.connect(self._promote)
        self._column.insertWidget(0, form)

    def _note(self, _: str, new: Any) -> None:
        self._typed = [new]
        if self._value is not None and self._value.parameter.kind is Kind.CHOICE and not is_expression(new):
            QTimer.singleShot(0, self, self.finish)  # its list is still closing

    def _promote(self) -> None:
        """Make the value a parameter of the block in sight."""
        value = self._value
        self.close_up()
        if value is not None:
            parameter = replace(value.parameter, default=value.value)
            promote(self._view.workspace, self._view.values.sharers(value), parameter)

    def _settle(self) -> None:
        """Stay over the value, in letters as large as its own."""
        if self._value is None:
            return
        value = self._view.values.find(self._value.node, self._value.parameter.name)
        if value is None:
            self.close_up()
            return
        size = min(max(round(_LETTERS * self._view.camera.zoom), _SMALLEST), _LARGEST)
        sheet = f"QLineEdit, QComboBox, QCheckBox {{ font-size: {size}px; }}"
        if self.styleSheet() != sheet:
            self.setStyleSheet(sheet)
        rect = self._view.values.rect(value)
        width, frame = self._width(value.parameter) * size // _SMALLEST + 2 * _MARGIN, 2 * self.frameWidth()
        self.setFixedWidth(width)
        lines = self._column.totalHeightForWidth(width - frame) if self._column.hasHeightForWidth() else 0
        self.setFixedHeight(max(lines, self._column.totalSizeHint().height()) + frame)
        input_height = self._inputs()[0].sizeHint().height()
        x = round(rect.left()) - _MARGIN - 9  # the line's own border and margin
        y = round(rect.center().y()) - _MARGIN - input_height // 2
        room = self._view.rect().adjusted(4, 4, -4 - self.width(), -4 - self.height())
        self.move(max(min(x, room.right()), room.left()), max(min(y, room.bottom()), room.top()))

    def _width(self, parameter: Parameter) -> int:
        """Return how wide the field is at 100 %."""
        name = parameter.name
        own = _AXIS * parameter.length if parameter.length else _WIDTHS.get(parameter.kind, _WIDTH)
        if self.form.note(name) or self.form.expression(name):
            own = max(own, _WORDS)
        return max(own, self.caption.sizeHint().width())


def _begin(widget: QWidget) -> None:
    """Put the focus into an input, its text selected to be replaced."""
    widget.setFocus(Qt.FocusReason.TabFocusReason)
    if isinstance(widget, QLineEdit):
        widget.selectAll()
