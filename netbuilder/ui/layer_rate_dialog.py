"""The dialog that asks at which rate some layers are to learn."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialogButtonBox, QVBoxLayout, QWidget

from netbuilder.document.model import Group
from netbuilder.document.plan import GROUP_PARAMETERS
from netbuilder.ui.dialog import Dialog
from netbuilder.ui.form import Form
from netbuilder.ui.panels.cards import ElidedLabel, label

INTRO = (
    "These layers learn at the optimizer's rate times this number; schedules and warm-up apply as to all. A rate of 1"
    " without a weight decay of their own puts them back among the others. To keep layers as they are, switch off"
    " “Trainable” in the inspector."
)


class LayerRateDialog(Dialog):
    """Asks for the numbers of a parameter group.

    Signals:
        chosen: (dict) "rate" and "weight_decay", when the user agrees.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget, labels: Sequence[str], present: Group | None) -> None:
        """Make the dialog.

        Args:
            parent: The window.
            labels: The layers' labels.
            present: The group that they are in now, if all are in one.
        """
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("A rate of their own")
        self.form = Form(GROUP_PARAMETERS)
        if present is not None:
            self.form.set_values({"rate": present.rate, "weight_decay": present.weight_decay})
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.confirm)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addWidget(ElidedLabel(", ".join(labels), "heading"))
        column.addWidget(label(INTRO, "muted", wrap=True))
        column.addWidget(self.form)
        column.addWidget(buttons)
        self.setMinimumWidth(420)

    def confirm(self) -> None:
        """Agree to what the form says, unless something in it is refused."""
        if not self.form.settle():
            return
        self.chosen.emit(self.form.values())
        self.accept()
