"""Notes in Markdown, as they stand in frames. A note is text: it loads no pictures, opens nothing and runs no HTML."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QUrl
from PySide6.QtGui import QAbstractTextDocumentLayout, QPainter, QPalette, QTextDocument, QTextOption

from netbuilder.ui.canvas.style import Style
from netbuilder.ui.theme import ui_font

PAD = 10.0
"""Room around a note, in the scene."""

LONGEST = 20_000
"""Characters that are laid out; a longer note is shown that far."""


class _Text(QTextDocument):
    """A text document that loads nothing, whatever its text names."""

    def loadResource(self, _type: int, _name: QUrl | str) -> object:
        """Load nothing."""
        return None


class Note:
    """A note laid out for a width."""

    def __init__(self, text: str, width: float) -> None:
        self._document = document = _Text()
        document.setDocumentMargin(0)
        document.setDefaultFont(ui_font(12))
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        document.setDefaultTextOption(option)
        features = QTextDocument.MarkdownFeature.MarkdownDialectGitHub | QTextDocument.MarkdownFeature.MarkdownNoHTML
        document.setMarkdown(text[:LONGEST], features)
        document.setTextWidth(max(width - 2 * PAD, 20.0))

    def height(self) -> float:
        """Return how much room it takes, in the scene."""
        return float(self._document.size().height()) + 2 * PAD

    def paint(self, painter: QPainter, style: Style) -> None:
        """Draw it with its corner at the painter's origin."""
        context = QAbstractTextDocumentLayout.PaintContext()
        context.palette.setColor(QPalette.ColorRole.Text, style.color("text"))
        context.palette.setColor(QPalette.ColorRole.Link, style.color("link"))
        painter.translate(PAD, PAD)
        self._document.documentLayout().draw(painter, context)


@lru_cache(maxsize=64)
def note_of(text: str, width: float) -> Note:
    """Return a note laid out; the same again for the same text and width."""
    return Note(text, width)
