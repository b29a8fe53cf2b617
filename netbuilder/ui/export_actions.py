"""What the Export menu does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog

from netbuilder.foundation.problem import NetbuilderError

if TYPE_CHECKING:
    from netbuilder.ui.window import MainWindow


class ExportActions:
    """Asks where to, then writes."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._workspace = window.workspace

    def python(self) -> None:
        """Write `model.py` and `train.py` into a folder, on a thread."""
        name = QFileDialog.getExistingDirectory(
            self._window, "Export a Python project into this folder", str(self._folder())
        )
        if not name:
            return
        from netbuilder.exchange.python_project import export_python

        document, base = self._workspace.document, str(self._folder())
        self._window.background.run(
            "Exporting the Python project",
            lambda _job: export_python(document, Path(name), base),
            lambda _: self._workspace.message.emit(f"Exported model.py and train.py to {name}"),
        )

    def picture(self) -> None:
        """Write the canvas as a picture."""
        suggestion = self._folder() / f"{self._workspace.name}.png"
        name, _ = QFileDialog.getSaveFileName(
            self._window, "Export a picture of the network", str(suggestion), "PNG picture (*.png);;SVG drawing (*.svg)"
        )
        if not name:
            return
        try:
            self._window.canvas.export(Path(name))
        except NetbuilderError as error:
            self._window.show_problems("The picture could not be written", error.problems)
        else:
            self._workspace.message.emit(f"Exported {Path(name).name}")

    def _folder(self) -> Path:
        path = self._workspace.path
        return path.parent if path else Path.home()
