"""The Log panel: what happened, line by line, with the time; bounded, to be filtered and copied."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from PySide6.QtCore import QDateTime, Qt
from PySide6.QtGui import QGuiApplication, QShowEvent, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPlainTextEdit, QPushButton, QStackedLayout, QVBoxLayout, QWidget

from netbuilder.foundation.problem import Problem
from netbuilder.training.protocol import Telemetry
from netbuilder.ui.icons import icon
from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.panels.cards import label
from netbuilder.ui.theme import Theme, ThemeController, mono_font
from netbuilder.ui.workspace import Workspace

MOST_LINES = 5_000
LONGEST = 2_000
LAID_OUT = 100
"""After so many lines that came into sight, those out of it are written anew: Qt keeps how a line that was in sight is
laid out, which takes 4 kB, for as long as the line is there."""
EMPTY = "What happens is noted here: training's epochs and checkpoints, what was saved, what went wrong."


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        time: When, as hours, minutes, seconds.
        kind: What it is about: "message", or the event's kind.
        text: What happened.
    """

    time: str
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.time}  {self.kind:<10}  {self.text}"

    @property
    def is_bad(self) -> bool:
        """Whether it tells of a failure."""
        return self.kind in ("problem", "crash")


class LogPanel(QWidget):
    """The newest lines, the last at the bottom."""

    def __init__(self, workspace: Workspace, themes: ThemeController) -> None:
        super().__init__()
        self.lines: deque[Line] = deque(maxlen=MOST_LINES)
        self._unwritten: deque[Line] = deque(maxlen=MOST_LINES)
        self._written = 0  # since lines were last written anew
        self._laid_out = 0  # of these, as they came into sight
        self._themes = themes
        self.view = QPlainTextEdit()
        self.view.setReadOnly(True)
        self.view.setMaximumBlockCount(MOST_LINES)
        self.view.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.view.setFont(mono_font(12))
        self.view.setProperty("role", "log")
        self.view.setAccessibleName("Log")
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter")
        self.filter.setAccessibleName("Filter")
        self.filter.setClearButtonEnabled(True)
        self.filter.setFixedWidth(220)
        self.filter.textChanged.connect(self.show_lines)
        self.copy_button = self._button("Copy", "copy", "Copy the lines shown", self.copy)
        self.clear_button = self._button(
            "Clear", "delete", "Forget these lines; the run's own record keeps them", self.clear
        )
        self._follows = True  # the end is in sight, and stays there
        scroll = self.view.verticalScrollBar()
        scroll.valueChanged.connect(self._note_scroll)
        scroll.rangeChanged.connect(self._follow)
        bar = QHBoxLayout()
        bar.addWidget(self.filter)
        bar.addStretch(1)
        bar.addWidget(self.copy_button)
        bar.addWidget(self.clear_button)
        self._stack = QStackedLayout()
        self.empty = label(EMPTY, "muted", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.view)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.addLayout(bar)
        column.addLayout(self._stack, 1)
        workspace.message.connect(self._add_message)
        workspace.telemetry.connect(self._add_events)
        workspace.problemsRaised.connect(self._add_problems)
        themes.changed.connect(self._restyle)
        for event in workspace.events:
            self._note(event.kind, event.text)

    def _button(self, text: str, name: str, tip: str, call: object) -> QPushButton:
        button = QPushButton(icon(name, "muted"), text)
        button.setProperty("role", "quiet")
        button.setToolTip(tip)
        button.clicked.connect(call)
        return button

    def add(self, kind: str, text: str) -> None:
        """Note one line; line breaks become spaces, and what is very long is cut."""
        self._note(kind, text)
        self._write()

    def showEvent(self, event: QShowEvent) -> None:
        """Write what was noted while nobody looked."""
        super().showEvent(event)
        self._write()

    def copy(self) -> None:
        """Put the lines shown on the clipboard."""
        QGuiApplication.clipboard().setText(self.view.toPlainText())

    def clear(self) -> None:
        """Forget all lines."""
        self.lines.clear()
        self._unwritten.clear()
        self.view.clear()
        self._stack.setCurrentWidget(self.empty)

    def show_lines(self) -> None:
        """Write all lines again that pass the filter."""
        self.view.clear()
        self._unwritten.clear()
        self._unwritten.extend(self.lines)
        self._write()

    def _passes(self, line: Line) -> bool:
        words = self.filter.text().lower().split()
        return all(word in str(line).lower() for word in words)

    def _note(self, kind: str, text: str) -> None:
        text = " ".join(text.split())
        text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
        line = Line(QDateTime.currentDateTime().toString("HH:mm:ss"), kind, text)
        self.lines.append(line)
        self._unwritten.append(line)

    def _write(self) -> None:
        """Write what is not written yet, if anybody looks: a fast run has an epoch every few milliseconds."""
        if not self._unwritten or not self.isVisible():
            return
        cursor = QTextCursor(self.view.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.beginEditBlock()
        lines = [line for line in self._unwritten if self._passes(line)]
        self._unwritten.clear()
        for line in lines:
            self._append(line, cursor)
        cursor.endEditBlock()
        self._stack.setCurrentWidget(self.view)
        self._written += len(lines)
        self._laid_out += min(len(lines), self._in_sight)
        if self._laid_out >= LAID_OUT and self._follows and not self.view.textCursor().hasSelection():
            self._write_anew()

    def _note_scroll(self, value: int) -> None:
        self._follows = value >= self.view.verticalScrollBar().maximum() - 2

    def _follow(self, _: int, end: int) -> None:
        """Keep the end in sight: how far it is becomes known only after the lines are laid out."""
        if self._follows:
            self.view.verticalScrollBar().setValue(end)

    @property
    def _in_sight(self) -> int:
        """How many lines are in sight, one that is cut off included."""
        return self.view.verticalScrollBar().pageStep() + 1

    def _write_anew(self) -> None:
        """Write lines anew, but for those in sight at the end: how they are laid out goes with the old ones."""
        document = self.view.document()
        end = max(0, document.blockCount() - self._in_sight)
        start = max(0, end - self._written - self._in_sight)  # with those that were in sight the last time
        cursor = QTextCursor(document.findBlockByNumber(start))
        cursor.beginEditBlock()
        cursor.setPosition(document.findBlockByNumber(end).position(), QTextCursor.MoveMode.KeepAnchor)
        lines = cursor.selection()
        cursor.removeSelectedText()
        cursor.insertFragment(lines)
        cursor.endEditBlock()
        self._written = self._laid_out = 0

    def _append(self, line: Line, cursor: QTextCursor) -> None:
        theme = self._themes.theme
        if cursor.position() > 0:
            cursor.insertBlock()
        for text, token in (
            (f"{line.time}  {line.kind:<10}  ", "muted"),
            (line.text, "bad" if line.is_bad else "text"),
        ):
            look = QTextCharFormat()
            look.setForeground(theme.color(token))
            cursor.insertText(text, look)

    def _add_events(self, telemetry: Telemetry) -> None:
        for event in telemetry.events:
            self._note(event.kind, event.text)
        self._write()

    def _add_message(self, text: str) -> None:
        self.add("message", text)

    def _add_problems(self, problems: tuple[Problem, ...]) -> None:
        for problem in problems:
            self._note("problem", problem.message)
        self._write()

    def _restyle(self, theme: Theme) -> None:
        self.show_lines()


def _make(workspace: Workspace, themes: ThemeController) -> QWidget:
    return LogPanel(workspace, themes)


PANEL = PanelSpec(key="log", title="Log", area=Area.BOTTOM, order=50, shortcut="Ctrl+5", make=_make)
