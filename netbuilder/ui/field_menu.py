"""The menu of a field inside a block: expressions, and making a value a parameter of the block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QLineEdit, QMenu, QWidget

from netbuilder.document.blocks import KINDS
from netbuilder.foundation.parameter import Parameter

if TYPE_CHECKING:
    from netbuilder.ui.expression_field import ExpressionField
    from netbuilder.ui.form import Form


class FieldMenu(QObject):
    """Offers it on a field's name, on the field and on its expression."""

    def __init__(
        self, form: Form, parameter: Parameter, label: QWidget, field: QWidget, expression: ExpressionField
    ) -> None:
        super().__init__(form)
        self._form, self._parameter = form, parameter
        for widget in (label, field, *field.findChildren(QWidget), expression.line):
            widget.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            widget.customContextMenuRequested.connect(
                lambda at, widget=widget: self.build(widget).popup(widget.mapToGlobal(at))
            )

    def build(self, widget: QWidget) -> QMenu:
        """Make the menu for one of the widgets; it deletes itself when it closes."""
        form, name = self._form, self._parameter.name
        menu = widget.createStandardContextMenu() if isinstance(widget, QLineEdit) else QMenu(widget)
        menu.aboutToHide.connect(menu.deleteLater)
        if menu.actions():
            menu.addSeparator()
        if form.expression(name):
            menu.addAction("Use the value in place of the expression", lambda: form.end_expression(name))
        else:
            menu.addAction("Use an expression", lambda: form.begin_expression(name))
            promote = menu.addAction("Make it a parameter of the block", lambda: form.promoted.emit(name))
            promote.setEnabled(self._parameter.kind in KINDS)
        return menu
