"""What the Export menu does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

if TYPE_CHECKING:
    from PySide6.QtWidgets import QDialog

    from netbuilder.ui.window import MainWindow


class ExportActions:
    """Opens the dialog of each format, and the one of pictures."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def python(self) -> None:
        """Export a Python project."""
        self._open("python")

    def onnx(self) -> None:
        """Export an ONNX file."""
        self._open("onnx")

    def pt2(self) -> None:
        """Export a program of torch.export."""
        self._open("pt2")

    def safetensors(self) -> None:
        """Export the weights."""
        self._open("safetensors")

    def picture(self) -> None:
        """Export a picture of the network."""
        from netbuilder.ui.picture_dialog import PictureDialog

        self._show(PictureDialog(self._window))

    def _open(self, key: str) -> None:
        from netbuilder.exchange.formats import FORMATS
        from netbuilder.ui.export_dialog import ExportDialog

        self._show(ExportDialog(self._window, FORMATS[key]))

    def _show(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()
