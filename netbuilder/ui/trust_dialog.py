"""Reviewing Python of unknown origin: the dialog that shows it and asks whether it may run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox, QVBoxLayout, QWidget

from netbuilder.foundation.trust import digest, visible
from netbuilder.ui.dialog import Dialog
from netbuilder.ui.panels.cards import label
from netbuilder.ui.panels.code_view import CodeView
from netbuilder.ui.theme import controller
from netbuilder.ui.workspace import Workspace

MEANING = (
    "Once you trust it, this code runs on your computer with your rights, whenever the network is checked, trained or "
    "exported: it can read, change and send away your files. Trust it if you have read it and understand it, or know "
    "who wrote it. Until then the layer is only looked at. Trust is for exactly this text: when it changes, you are "
    "asked again."
)
HIDDEN = "It holds characters that cannot be seen, or that reorder what is seen; they are shown by their numbers."


class TrustDialog(Dialog):
    """Shows a text and asks whether it may run; Cancel is what Enter and Escape do.

    Attributes:
        view: The text, read-only.
        trust_button: Says yes.
        cancel_button: Says no.
    """

    def __init__(self, text: str, labels: Sequence[str], origin: str, parent: QWidget | None = None) -> None:
        """Show a text.

        Args:
            text: What may run or not.
            labels: The nodes that hold it.
            origin: Where it comes from.
            parent: The window.
        """
        super().__init__(parent)
        self.setWindowTitle("Review and trust")
        self.resize(820, 680)
        shown = visible(text)
        self.view = CodeView(controller().theme)
        self.view.setAccessibleName("The code to be trusted")
        self.view.setPlainText(shown)
        controller().changed.connect(self.view.set_theme)
        named = ", ".join(labels[:4]) + ("…" if len(labels) > 4 else "")
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addWidget(label("Let this Python code run?", "heading"))
        column.addWidget(label(f"It is the code of {named} in {origin}.", wrap=True))
        if shown != text:
            column.addWidget(label(HIDDEN, "bad", wrap=True))
        column.addWidget(self.view, 1)
        column.addWidget(label(f"SHA-256 {digest(text)}", "muted", wrap=True))
        column.addWidget(label(MEANING, wrap=True))
        column.addWidget(self._buttons())
        self.cancel_button.setFocus()

    def _buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox()
        self.trust_button = buttons.addButton("Trust and run", QDialogButtonBox.ButtonRole.AcceptRole)
        self.cancel_button = buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        for button in (self.trust_button, self.cancel_button):
            button.setAutoDefault(button is self.cancel_button)
            button.setDefault(button is self.cancel_button)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        return buttons


def ask_trust(
    parent: QWidget, workspace: Workspace, text: str, labels: Sequence[str], agreed: Callable[[], None]
) -> None:
    """Ask whether a text may run, and call `agreed` after a yes.

    Args:
        parent: The window.
        workspace: Says where the text comes from.
        text: What may run or not.
        labels: The nodes that hold it.
        agreed: What to do then.
    """
    origin = f"the file {workspace.path}" if workspace.path else "this network, which has no file yet"
    dialog = TrustDialog(text, labels, origin, parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.accepted.connect(agreed)
    dialog.open()
