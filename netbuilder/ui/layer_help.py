"""What a layer does: words, formula, ports, other names, where it comes from; all of it in a dialog of its own.

What is said comes from `layers.documentation`, as does `docs/layers.md`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox, QLabel, QScrollArea, QVBoxLayout, QWidget

from netbuilder.foundation.declaration import Declaration
from netbuilder.layers.about.documentation import (
    Documentation,
    ParameterText,
    PortText,
    describe_parameter,
    document,
)
from netbuilder.layers.spec import LayerSpec
from netbuilder.ui.dialog import Dialog
from netbuilder.ui.formula.view import FormulaView
from netbuilder.ui.panels.cards import label, section

_UNKNOWN = "This version of NetBuilder does not know this layer. It is kept in the file as it is."


class LayerHelp(QWidget):
    """Says what a layer, or another declaration, does.

    Attributes:
        words: What it does, in words.
        formula: Its formula; None where it has none.
        details: Ports, other names and the reference, as rich text with links.
    """

    def __init__(self, declaration: Declaration | None) -> None:
        super().__init__()
        words = (declaration.help or declaration.summary) if declaration else _UNKNOWN
        # What stands in backquotes is code on the page; a plain label quotes it.
        self.words = label(re.sub(r"`([^`]+)`", r"“\1”", words), "muted", wrap=True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.formula = FormulaView(declaration.formula) if declaration and declaration.formula else None
        self.details = _rich(details_html(declaration) if declaration else "")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for part in (self.words, self.formula, self.details):
            if part is not None:
                column.addWidget(part)
        self.details.setVisible(bool(self.details.text()))

    def restyle(self) -> None:
        """Take over the theme's colours: rich text keeps those of its links that it was laid out with."""
        text = self.details.text()
        self.details.clear()
        self.details.setText(text)


class LayerHelpDialog(Dialog):
    """All that is said about a layer, its settings included."""

    def __init__(self, parent: QWidget, declaration: Declaration) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"{declaration.title}: what it does")
        self.resize(560, 640)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 12, 0)
        column.addWidget(label(declaration.title, "heading"))
        column.addWidget(label(declaration.summary, wrap=True))
        self.help = LayerHelp(declaration)
        column.addWidget(self.help)
        self.settings = _rich(settings_html(map(describe_parameter, declaration.parameters)))
        if declaration.parameters:
            column.addWidget(section("Parameters"))
            column.addWidget(self.settings)
        if isinstance(declaration, LayerSpec) and (code := document(declaration).code):
            column.addWidget(section("PyTorch"))
            shown = label(code, "number", wrap=True)
            shown.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            column.addWidget(shown)
        column.addStretch(1)
        area = QScrollArea(widgetResizable=True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(page)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 12, 16)
        layout.addWidget(area)
        layout.addWidget(buttons)


def details_html(declaration: Declaration) -> str:
    """Return a declaration's ports, other names and reference as safe rich text."""
    parts = []
    if isinstance(declaration, LayerSpec):
        about: Documentation = document(declaration)
        ports = [*_ports("In", about.inputs), *_ports("Out", about.outputs)]
        parts.append("<br>".join(ports))
    if declaration.keywords:
        parts.append(f"Also found as: {escape(', '.join(declaration.keywords))}")
    if declaration.reference is not None:
        title, url = escape(declaration.reference.title), escape(declaration.reference.url, quote=True)
        parts.append(f'<a href="{url}">{title}</a>' if url else title)
    return "<br><br>".join(filter(None, parts))


def _ports(side: str, ports: Iterable[PortText]) -> list[str]:
    return [f"{side} <b>{escape(port.name)}</b>: {escape(port.facts)}" for port in ports]


def settings_html(parameters: Iterable[ParameterText]) -> str:
    """Return what parameters accept, their defaults and what they do, as safe rich text."""
    return "".join(
        f"<p><b>{escape(each.title)}</b>: {escape(each.accepted)}; default {escape(each.default)}.<br>"
        f"{escape(each.help)}</p>"
        for each in parameters
    )


def _rich(html: str) -> QLabel:
    made = QLabel(html)
    made.setTextFormat(Qt.TextFormat.RichText)
    made.setWordWrap(True)
    made.setOpenExternalLinks(True)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
    made.setProperty("role", "muted")
    return made
