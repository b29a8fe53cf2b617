"""The preferences dialog: every change takes effect at once, another size with the next start."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialogButtonBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from netbuilder.foundation import trust
from netbuilder.foundation.preferences import PREFERENCES, Preferences
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.ui.dialog import Dialog
from netbuilder.ui.dialogs import show_problems
from netbuilder.ui.form import Form
from netbuilder.ui.panels.cards import TallArea, label


class PreferencesDialog(Dialog):
    """A form of the settings.

    Signals:
        changed: (name, value) the user changed one; it is already remembered.
    """

    changed = Signal(str, object)

    def __init__(self, preferences: Preferences, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Preferences")
        self.setMinimumWidth(460)
        self._preferences = preferences
        self.form = Form(PREFERENCES, labels=170)
        self.form.set_values(preferences.values())
        self.form.edited.connect(self._edit)
        self.later = label("Everything has the new size when NetBuilder is started again.", "muted", wrap=True)
        self.later.hide()
        heading = QLabel("Preferences")
        heading.setProperty("role", "heading")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        buttons.button(QDialogButtonBox.StandardButton.Close).setDefault(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(14)
        layout.addWidget(heading)
        layout.addWidget(TallArea(self.form), 1)
        layout.addWidget(self.later)
        layout.addLayout(self._trust())
        layout.addWidget(buttons)
        self.resize(self.sizeHint())  # Qt would give it two thirds of the screen at most

    def _trust(self) -> QHBoxLayout:
        """Return the line that says how much Python is trusted, and takes the trust back."""
        self.trusted = QLabel()
        self.forget_button = QPushButton("Take back")
        self.forget_button.setToolTip("Ask again before any custom layer's code runs, whatever was trusted before")
        self.forget_button.clicked.connect(self._forget)
        self.forget_button.setAutoDefault(False)  # else Enter in a field would press it
        row = QHBoxLayout()
        row.addWidget(self.trusted, 1)
        row.addWidget(self.forget_button)
        self._show_trust()
        return row

    def _show_trust(self) -> None:
        count = trust.count()
        self.trusted.setText(f"Python that you trust: {count or 'no'} custom {'layer' if count == 1 else 'layers'}")
        self.forget_button.setEnabled(count > 0)

    def _forget(self) -> None:
        try:
            trust.forget()
        except NetbuilderError as error:
            show_problems(self, "The trust cannot be taken back", error.problems)
        self._show_trust()

    def _edit(self, name: str, value: Any, _gesture: str) -> None:
        self._preferences.set(name, value)
        if name == "size":
            self.later.show()
        self.changed.emit(name, value)
