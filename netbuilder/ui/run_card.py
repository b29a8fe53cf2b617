"""What is said of the selected run: its name, tags and notes, to be typed, and where its weights come from."""

from __future__ import annotations

from PySide6.QtCore import QSize, QTimer
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from netbuilder.training.run_files import has_state
from netbuilder.training.run_trash import folder_of
from netbuilder.training.run_values import INTERRUPTED
from netbuilder.ui.panels.cards import ElidedLabel, label, scrolling
from netbuilder.ui.run_rows import Row
from netbuilder.ui.run_table import split_tags
from netbuilder.ui.text import clock, counted, duration, file_size
from netbuilder.ui.workspace import Workspace

_NOTES_MS = 800
_UNFINISHED = (INTERRUPTED, "failed", "stopped")


class _Notes(QPlainTextEdit):
    """Notes that say when they are left."""

    def __init__(self, card: RunCard) -> None:
        super().__init__()
        self._card = card

    def sizeHint(self) -> QSize:
        """Ask for two lines; the rest of the card's room comes on top."""
        return QSize(200, 48)

    def minimumSizeHint(self) -> QSize:
        """Return the same: the card is scrolled where it has less room."""
        return self.sizeHint()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Keep what was typed."""
        super().focusOutEvent(event)
        self._card.keep_notes()


class RunCard(QFrame):
    """The card of one run; hidden unless exactly one is selected."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace, self._runs = workspace, workspace.runs
        self._row: Row | None = None
        self.setProperty("card", True)
        self.setFixedWidth(264)
        self.title = ElidedLabel("", "")
        self.about = label("", "muted", wrap=True)
        self.name = QLineEdit()
        self.name.setPlaceholderText("Name")
        self.name.setAccessibleName("Name of the run")
        self.name.editingFinished.connect(self._keep_name)
        self.tags = QLineEdit()
        self.tags.setPlaceholderText("Tags, apart by commas")
        self.tags.setAccessibleName("Tags of the run")
        self.tags.editingFinished.connect(self._keep_tags)
        self.notes = _Notes(self)
        self.notes.setPlaceholderText("Notes")
        self.notes.setAccessibleName("Notes on the run")
        self.notes.setTabChangesFocus(True)
        self.go_on = QPushButton("Go on")
        self.go_on.setToolTip("Let this run go on from the state that it saved last")
        self.go_on.clicked.connect(self._go_on)
        self._timer = QTimer(self, interval=_NOTES_MS, singleShot=True)
        self._timer.timeout.connect(self.keep_notes)
        self.notes.textChanged.connect(self._timer.start)
        page = QWidget()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(1, 1, 1, 1)
        outer.addWidget(scrolling(page))
        column = QVBoxLayout(page)
        column.setContentsMargins(10, 8, 10, 10)
        column.setSpacing(6)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.go_on)
        column.addLayout(head)
        for widget in (self.about, self.name, self.tags):
            column.addWidget(widget)
        column.addWidget(self.notes, 1)
        workspace.stateChanged.connect(self._offer)
        self.hide()

    def refresh(self) -> None:
        """Show the selected run; what is being typed stays."""
        chosen = self._runs.selected
        row = chosen[0] if len(chosen) == 1 else None
        is_other = (row.id if row else "") != (self._row.id if self._row else "")
        if is_other:
            self.keep_notes()
        before, self._row = self._row, row
        self._offer()
        self.setVisible(row is not None)
        if row is None or (before is not None and row == before):
            return
        marks = row.record.marks
        self.title.setText(row.id)
        self.about.setText(_describe(row))
        for field, text in ((self.name, marks.name), (self.tags, ", ".join(marks.tags))):
            if is_other or not field.hasFocus():
                field.setText(text)
        if is_other or not self.notes.hasFocus():
            self.notes.blockSignals(True)
            self.notes.setPlainText(marks.notes)
            self.notes.blockSignals(False)

    def _offer(self, _: object = None) -> None:
        """Offer to go on with a run that was stopped, failed or interrupted, and left a state behind."""
        row = self._row
        is_open = row is not None and not row.is_running and row.values["state"] in _UNFINISHED
        self.go_on.setVisible(row is not None and is_open and has_state(folder_of(self._runs.store, row.id)))
        self.go_on.setEnabled(not self._workspace.state.is_active)

    def _go_on(self) -> None:
        if self._row is not None:
            self._workspace.goOnRequested.emit(self._row.id, "")

    def keep_notes(self) -> None:
        """Keep what was typed."""
        self._timer.stop()
        if self._row is not None and (text := self.notes.toPlainText()) != self._row.record.marks.notes:
            self._runs.mark((self._row.id,), notes=text)

    def _keep_name(self) -> None:
        if self._row is not None and (text := " ".join(self.name.text().split())) != self._row.record.marks.name:
            self._runs.mark((self._row.id,), name=text)

    def _keep_tags(self) -> None:
        if self._row is not None and (tags := split_tags(self.tags.text())) != self._row.record.marks.tags:
            self._runs.mark((self._row.id,), tags=tags)


def room_text(size: int, snapshots: int) -> str:
    """Return what runs take on the disk in words: "34 MB, 20 MB of it snapshots"."""
    return file_size(size) + (f", {file_size(snapshots)} of it snapshots" if snapshots else "")


def _describe(row: Row) -> str:
    record = row.record
    words = [str(row.values["state"]), f"started {clock(record.started)}"]
    if isinstance(seconds := row.values["duration"], (int, float)):
        words.append(f"took {duration(seconds)}")
    words.append(counted(record.epochs, "epoch"))
    if record.best_epoch is not None:
        words.append(f"best after epoch {record.best_epoch}")
    text = ", ".join(words)
    if row.values["state"] == INTERRUPTED:
        text += ". Its program ended in the middle of it"
    text += f". Takes {room_text(row.taken.size, row.taken.snapshots)}"
    return text[:1].upper() + text[1:] + "."
