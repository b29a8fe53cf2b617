"""The preferences dialog: every change takes effect at once."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from netbuilder.foundation.preferences import PREFERENCES, Preferences
from netbuilder.ui.form import Form


class PreferencesDialog(QDialog):
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
        heading = QLabel("Preferences")
        heading.setProperty("role", "heading")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(14)
        layout.addWidget(heading)
        layout.addWidget(self.form)
        layout.addStretch(1)
        layout.addWidget(buttons)

    def _edit(self, name: str, value: Any, _gesture: str) -> None:
        self._preferences.set(name, value)
        self.changed.emit(name, value)
