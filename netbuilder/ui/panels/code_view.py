"""A read-only view of Python text: line numbers, colours, a marked node's lines, clicks that say which line."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QSyntaxHighlighter,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
)
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from netbuilder.ui.theme import Theme, faded, mono_font

_FENCE = '"""'


@cache
def _tokens() -> re.Pattern[str]:
    # Compiled at the first use: it takes 30 ms, which the window's first paint must not wait for.
    return re.compile(
        r"(?P<comment>\#.*)"
        r"|(?P<text>[rbfRBF]{0,2}(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'))"
        r"|(?P<keyword>\b(?:and|as|assert|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda"
        r"|nonlocal|not|or|pass|raise|return|try|while|with|yield|None|True|False)\b)"
        r"|(?P<self>\b(?:self|cls)\b)"
        r"|(?P<number>\b\d[\d_]*(?:\.\d+)?(?:e[-+]?\d+)?\b)"
        r"|(?P<name>(?<=def )\w+|(?<=class )\w+)"
        r"|(?P<call>\b\w+(?=\())"
    )


def formats(theme: Theme) -> dict[str, QTextCharFormat]:
    """Return how each kind of token looks."""
    colors = {
        "comment": theme.muted,
        "text": theme.good,
        "keyword": theme.category("attention"),
        "self": theme.muted,
        "number": theme.validation,
        "name": theme.link,
        "call": theme.link,
    }
    made = {}
    for kind, color in colors.items():
        made[kind] = QTextCharFormat()
        made[kind].setForeground(QColor(color))
    made["comment"].setFontItalic(True)
    made["name"].setFontWeight(QFont.Weight.DemiBold)
    return made


class Highlighter(QSyntaxHighlighter):
    """Colours Python by its tokens; text in triple quotes may span lines."""

    def __init__(self, document: QTextDocument, theme: Theme) -> None:
        super().__init__(document)
        self._formats = formats(theme)

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._formats = formats(theme)
        self.rehighlight()

    def highlightBlock(self, text: str) -> None:
        """Colour one line."""
        start = 0
        if self.previousBlockState() == 1:
            end = text.find(_FENCE)
            if end < 0:
                self._paint(0, len(text), "text")
                self.setCurrentBlockState(1)
                return
            start = end + len(_FENCE)
            self._paint(0, start, "text")
        self.setCurrentBlockState(0)
        while start < len(text):
            fence = text.find(_FENCE, start)
            self._color_tokens(text, start, fence if fence >= 0 else len(text))
            if fence < 0:
                return
            end = text.find(_FENCE, fence + len(_FENCE))
            if end < 0:
                self._paint(fence, len(text), "text")
                self.setCurrentBlockState(1)
                return
            start = end + len(_FENCE)
            self._paint(fence, start, "text")

    def _color_tokens(self, text: str, start: int, end: int) -> None:
        for token in _tokens().finditer(text, start, end):
            if token.lastgroup:
                self._paint(token.start(), token.end(), token.lastgroup)

    def _paint(self, start: int, end: int, kind: str) -> None:
        self.setFormat(start, end - start, self._formats[kind])


class _Numbers(QWidget):
    """The line numbers beside the text."""

    def __init__(self, view: CodeView) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self) -> QSize:
        """Return the width of the longest number."""
        return QSize(self._view.numbers_width(), 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the numbers that are seen."""
        self._view.paint_numbers(event)


class CodeView(QPlainTextEdit):
    """Shows Python.

    Signals:
        clicked: (int) the user clicked this one-based line, selecting no text.
    """

    clicked = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._marked: tuple[int, ...] = ()
        self._token = "accent"
        self.setReadOnly(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setFont(mono_font(13))
        self.setProperty("role", "code")
        self.setAccessibleName("PyTorch code")
        self.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self._numbers = _Numbers(self)
        self._highlighter = Highlighter(self.document(), theme)
        self.blockCountChanged.connect(self._make_room)
        self.updateRequest.connect(self._scroll_numbers)
        self._make_room()

    def set_theme(self, theme: Theme) -> None:
        """Use other colours."""
        self._theme = theme
        self._highlighter.set_theme(theme)
        self.mark_lines(self._marked, scroll=False, token=self._token)
        self._numbers.update()

    def set_code(self, text: str) -> None:
        """Show another text, where the view was scrolled to."""
        if text != self.toPlainText():
            down = self.verticalScrollBar().value()
            self.setPlainText(text)
            self.verticalScrollBar().setValue(down)

    def mark_lines(self, lines: Collection[int], *, scroll: bool = True, token: str = "accent") -> None:
        """Put a tint of a theme's colour behind these one-based lines, and bring the first into view."""
        self._marked, self._token = tuple(sorted(lines)), token
        tint = faded(getattr(self._theme, token), self._theme.canvas, 0.22)
        marks = []
        for line in self._marked:
            mark = QTextEdit.ExtraSelection()
            mark.format.setBackground(tint)
            mark.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
            mark.cursor = QTextCursor(self.document().findBlockByNumber(line - 1))
            marks.append(mark)
        self.setExtraSelections(marks)
        self._numbers.update()
        if scroll and self._marked and not any(self._is_seen(line) for line in self._marked):
            cursor = QTextCursor(self.document().findBlockByNumber(self._marked[0] - 1))
            self.setTextCursor(cursor)
            self.centerCursor()

    @property
    def marked(self) -> tuple[int, ...]:
        """The marked lines."""
        return self._marked

    def _is_seen(self, line: int) -> bool:
        block = self.document().findBlockByNumber(line - 1)
        box = self.blockBoundingGeometry(block).translated(self.contentOffset())
        return bool(box.top() >= 0 and box.bottom() <= self.viewport().height())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tell which line was clicked."""
        super().mouseReleaseEvent(event)
        if event.button() is Qt.MouseButton.LeftButton and not self.textCursor().hasSelection():
            self.clicked.emit(self.cursorForPosition(event.position().toPoint()).blockNumber() + 1)

    # Line numbers --------------------------------------------------------------------------------------------------

    def numbers_width(self) -> int:
        """Return the width of the line numbers."""
        digits = max(len(str(self.blockCount())), 2)
        return 22 + self.fontMetrics().horizontalAdvance("9") * digits

    def _make_room(self, _: int = 0) -> None:
        self.setViewportMargins(self.numbers_width(), 0, 0, 0)

    def _scroll_numbers(self, rect: QRect, down: int) -> None:
        if down:
            self._numbers.scroll(0, down)
        else:
            self._numbers.update(0, rect.y(), self._numbers.width(), rect.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the numbers beside the text."""
        super().resizeEvent(event)
        inside = self.contentsRect()
        self._numbers.setGeometry(inside.left(), inside.top(), self.numbers_width(), inside.height())

    def paint_numbers(self, event: QPaintEvent) -> None:
        """Draw the numbers of the lines that are seen."""
        with QPainter(self._numbers) as painter:
            painter.fillRect(event.rect(), self._theme.color("canvas"))
            painter.setFont(self.font())
            block = self.firstVisibleBlock()
            box = self.blockBoundingGeometry(block).translated(self.contentOffset())
            while block.isValid() and box.top() <= event.rect().bottom():
                number = block.blockNumber() + 1
                painter.setPen(self._theme.color("text" if number in self._marked else "muted"))
                area = QRect(0, int(box.top()), self._numbers.width() - 12, int(box.height()))
                painter.drawText(area, Qt.AlignmentFlag.AlignRight, str(number))
                block = block.next()
                box = self.blockBoundingGeometry(block).translated(self.contentOffset())
