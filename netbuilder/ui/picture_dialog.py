"""The picture dialog: which kind of picture of the network, in which look, and where to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
)

from netbuilder.foundation.parameter import Choice, Kind, Parameter, defaults
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.ui import dialogs
from netbuilder.ui.dialog import Dialog
from netbuilder.ui.form import LABELS, Form
from netbuilder.ui.render import SUFFIXES

if TYPE_CHECKING:
    from netbuilder.ui.window import MainWindow

PARAMETERS = (
    Parameter(
        name="suffix",
        title="Kind",
        kind=Kind.CHOICE,
        default=".pdf",
        choices=(
            Choice(value=".pdf", title="PDF page", help="For papers: sharp at any size, its fonts embedded."),
            Choice(value=".svg", title="SVG drawing", help="For web pages and drawing programs; text as shapes."),
            Choice(value=".png", title="PNG picture", help="For everything else."),
        ),
        help="PDF and SVG stay sharp at any size; PNG is made of pixels.",
    ),
    Parameter(
        name="theme",
        title="Look",
        kind=Kind.CHOICE,
        default="print",
        choices=(
            Choice(value="print", title="for print"),
            Choice(value="light", title="light"),
            Choice(value="dark", title="dark"),
        ),
        help="For print is black on white, without grid and shadows.",
    ),
    Parameter(
        name="scale",
        title="Scale",
        kind=Kind.FLOAT,
        default=2.0,
        minimum=0.5,
        maximum=8,
        help="Pixels for each point of the canvas.",
        shown_when=lambda values: values["suffix"] == ".png",
    ),
    Parameter(
        name="live",
        title="Live pictures",
        kind=Kind.BOOL,
        default=False,
        help="Whether the small pictures that training has drawn on the nodes are in it.",
    ),
)


class PictureDialog(Dialog):
    """Draws the window's network into a file."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._values: dict[str, Any] = defaults(PARAMETERS)
        self.setWindowTitle("Export: picture")
        self.setMinimumWidth(520)
        self.form = Form(PARAMETERS)
        self.form.edited.connect(self._edit)
        workspace = window.workspace
        self.target = QLineEdit(str(workspace.file.folder / f"{workspace.name}{self._values['suffix']}"))
        self.browse = QPushButton("Browse…")
        self.browse.clicked.connect(self._browse)
        self.outcome = QLabel()
        self.outcome.setProperty("role", "bad")
        self.outcome.setWordWrap(True)
        self.outcome.hide()
        self.go = QPushButton("Export")
        self.go.setProperty("role", "primary")
        self.go.setDefault(True)
        self.go.clicked.connect(self._export)
        self.target.textChanged.connect(lambda text: self.go.setEnabled(bool(text.strip())))
        self.leave = QPushButton("Close")
        self.leave.clicked.connect(self.close)
        self._lay_out()

    def _lay_out(self) -> None:
        heading = QLabel("Picture of the network")
        heading.setProperty("role", "heading")
        place, label = QHBoxLayout(), QLabel("File")
        label.setProperty("role", "muted")
        label.setMinimumWidth(LABELS)
        place.addWidget(label)
        place.addWidget(self.target, 1)
        place.addWidget(self.browse)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.leave)
        buttons.addWidget(self.go)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(12)
        layout.addWidget(heading)
        layout.addWidget(self.form)
        layout.addLayout(place)
        layout.addWidget(self.outcome)
        layout.addStretch(1)
        layout.addLayout(buttons)

    def _edit(self, name: str, value: Any, _gesture: str) -> None:
        self._values[name] = value
        if name == "suffix" and self.target.text().strip():
            path = Path(self.target.text().strip())
            named = path.with_suffix(value) if path.suffix.lower() in SUFFIXES else dialogs.with_ending(path, value)
            self.target.setText(str(named))

    def _browse(self) -> None:
        kinds = {self._values["suffix"]: "Picture"}
        path = dialogs.name_file(self, "Export a picture", Path(self.target.text()), kinds)
        if path is not None:
            self.target.setText(str(path))

    def _export(self) -> None:
        typed = Path(self.target.text().strip()).expanduser().absolute()
        path = dialogs.with_ending(typed, self._values["suffix"], SUFFIXES)
        if not dialogs.may_replace(self, path):
            return
        values = self._values
        try:
            self._window.canvas.export(path, values["theme"], values["scale"], live=values["live"])
        except NetbuilderError as error:
            self.outcome.setText("\n".join(problem.message for problem in error.problems))
            self.outcome.show()
        else:
            self._window.workspace.message.emit(f"Exported {path.name}")
            self.close()
