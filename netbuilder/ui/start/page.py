"""The start page: what to begin with on the left, templates on the right. It asks by signals; the window acts."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from netbuilder.foundation.preferences import RecentFile
from netbuilder.ui.action_table import BY_ID
from netbuilder.ui.dialogs import shown_keys
from netbuilder.ui.panels.cards import clear
from netbuilder.ui.project_file import ProjectFile
from netbuilder.ui.start.cards import Gallery
from netbuilder.ui.text import ago
from netbuilder.ui.theme import ThemeController

_SHOWN_RECENT = 6
_LEFT = 410
_ROOMY = 1100
"""Pixels: the width of the left side with its scroll bar; from where on the page has wide margins."""


class StartPage(QWidget):
    """What a user sees before there is a document.

    Signals:
        asked: (id of an action) a button on the left.
        fileChosen: (Path) a recent file.
        templateChosen: (key) a template's card.
    """

    asked = Signal(str)
    fileChosen = Signal(object)
    templateChosen = Signal(str)

    def __init__(self, file: ProjectFile, theme: ThemeController) -> None:
        super().__init__()
        self.setObjectName("startPage")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._file = file
        self._recent = QVBoxLayout()
        self._recent.setSpacing(0)
        self.gallery = Gallery(theme)
        self.gallery.chosen.connect(self.templateChosen)
        left = QWidget()
        left.setLayout(self._left_side())
        begin = _scrolling(left, "How to begin")
        begin.setFixedWidth(_LEFT)
        self._columns = QHBoxLayout(self)
        self._columns.addWidget(begin)
        self._columns.addWidget(_scrolling(self.gallery, "Templates"), 1)
        self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the margins in proportion: a small window needs its room for what is in it."""
        super().resizeEvent(event)
        small = self.width() < _ROOMY
        self._columns.setContentsMargins(*((24, 20, 12, 0) if small else (72, 56, 24, 0)))
        self._columns.setSpacing(24 if small else 48)

    def refresh(self) -> None:
        """Show the recent files as they are now."""
        clear(self._recent)
        files = self._file.recent[:_SHOWN_RECENT]
        for file in files:
            row = RecentRow(file)
            row.chosen.connect(self.fileChosen)
            self._recent.addWidget(row)
        if not files:
            label = QLabel("What you open or save is listed here.")
            label.setProperty("role", "muted")
            label.setContentsMargins(4, 8, 0, 0)
            self._recent.addWidget(label)

    def _left_side(self) -> QVBoxLayout:
        side = QVBoxLayout()
        side.setContentsMargins(0, 0, 10, 24)
        side.setSpacing(10)
        title = QLabel("Draw a network. Watch it learn.")
        title.setProperty("role", "title")
        title.setWordWrap(True)
        side.addWidget(title)
        words = QLabel("Everything you draw is plain PyTorch underneath,\nand you can take it with you.")
        words.setProperty("role", "muted")
        side.addWidget(words)
        side.addSpacing(18)
        for id, text, hint, role in (
            ("file.new", "New network", shown_keys(BY_ID["file.new"].shortcuts[:1]), "bigPrimary"),
            ("file.open", "Open…", shown_keys(BY_ID["file.open"].shortcuts[:1]), "big"),
            ("file.data", "From your own data…", "CSV, Parquet, images", "big"),
        ):
            side.addWidget(self._big_button(id, text, hint, role))
        side.addSpacing(26)
        heading = QLabel("RECENT")
        heading.setProperty("role", "section")
        side.addWidget(heading)
        side.addLayout(self._recent)
        side.addSpacing(14)
        side.addWidget(_drop_area())
        side.addStretch(1)
        return side

    def _big_button(self, id: str, text: str, hint: str, role: str) -> QPushButton:
        button = QPushButton(text)
        button.setProperty("role", role)
        button.setMinimumHeight(44)
        button.clicked.connect(lambda: self.asked.emit(id))
        label = QLabel(hint)
        label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        row = QHBoxLayout(button)
        row.setContentsMargins(16, 0, 16, 0)
        row.addStretch(1)
        row.addWidget(label)
        return button


class RecentRow(QPushButton):
    """One recent file: its name, its folder, when it was open, what its training reached.

    Signals:
        chosen: (Path) the user wants it.
    """

    chosen = Signal(object)

    def __init__(self, file: RecentFile) -> None:
        super().__init__()
        path = Path(file.path)
        self.setProperty("role", "row")
        self.setMinimumHeight(36)
        self.setToolTip(str(path))
        self.setAccessibleName(f"{path.stem}, in {path.parent}")
        self.clicked.connect(lambda: self.chosen.emit(path))
        name = QLabel(path.stem)
        folder = QLabel(_short_folder(path.parent))
        folder.setProperty("role", "muted")
        folder.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        when = QLabel(" · ".join(filter(None, (ago(file.opened), file.mark))))
        when.setProperty("role", "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.setSpacing(10)
        row.addWidget(name)
        row.addWidget(folder, 1)
        row.addWidget(when)
        for label in (name, folder, when):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)


def _scrolling(widget: QWidget, name: str) -> QScrollArea:
    """Return a part of the page that scrolls where the window is too low for it."""
    scroll = QScrollArea(widgetResizable=True)
    scroll.setAccessibleName(name)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setWidget(widget)
    return scroll


def _short_folder(folder: Path) -> str:
    try:
        return str(folder.relative_to(Path.home()))
    except ValueError:
        return str(folder)


def _drop_area() -> QLabel:
    area = QLabel("Drop a project, a CSV or a folder of images\nanywhere in this window")
    area.setObjectName("dropArea")
    area.setAlignment(Qt.AlignmentFlag.AlignCenter)
    area.setMinimumHeight(76)
    return area
