"""The inspector's page for one node: problems, parameters, shapes, weights, what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from netbuilder.compiler.custom import may_run
from netbuilder.document import edits
from netbuilder.document.model import Document, Node, PortRef
from netbuilder.foundation.declaration import CATEGORIES, Declaration
from netbuilder.foundation.parameter import Kind
from netbuilder.foundation.problem import Problem
from netbuilder.foundation.steps import Steps
from netbuilder.layers.custom import applied
from netbuilder.layers.foreign import foreign_inputs, foreign_outputs, is_foreign
from netbuilder.layers.spec import LayerSpec
from netbuilder.layers.tensor import TensorType
from netbuilder.training.footprint import in_words
from netbuilder.training.protocol import PictureKind
from netbuilder.ui.code_field import CodeField
from netbuilder.ui.form import Form
from netbuilder.ui.panels.axis import value_text
from netbuilder.ui.panels.cards import ElidedLabel, clear, label, section
from netbuilder.ui.panels.data_page import DataSection
from netbuilder.ui.panels.node_head import Head, LabelEdit
from netbuilder.ui.panels.problem_rows import ProblemRow
from netbuilder.ui.panels.titles import declaration_of
from netbuilder.ui.panels.watched import KernelsView
from netbuilder.ui.shared_values import promote
from netbuilder.ui.theme import Theme
from netbuilder.ui.workspace import Workspace

_PIECE = 8
"""Widgets that are dressed in one step."""

_FORMULAS = ("netbuilder.ui.formula.latex", "netbuilder.ui.formula.view", "netbuilder.layers.about.documentation")
"""What the help on a layer is made with; each takes a good part of a frame to import."""


class Swatch(QWidget):
    """A small square in a category's colour."""

    def __init__(self, theme: Theme, category: str) -> None:
        super().__init__()
        self.theme, self._category = theme, category
        self.setFixedSize(12, 20)
        self.setToolTip(CATEGORIES.get(category, category))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it."""
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.categories.get(self._category, self.theme.muted))
            painter.drawRoundedRect(QRectF(QPointF(0, 5), QPointF(10, 15)), 3, 3)


class NoteEdit(QLineEdit):
    """A node's note: what the user wants to remember of it; the canvas shows it as the node's tooltip.

    Signals:
        written: (str) the user changed it and left the line.
    """

    written = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setPlaceholderText("Why it is here, what to try…")
        self.setAccessibleName("Note")
        self.setMaxLength(2000)
        self._text = ""
        self.editingFinished.connect(self._finish)

    def show_note(self, text: str) -> None:
        """Show the note in force, unless another one is being typed."""
        self._text = text
        if self.text() != text and not (self.hasFocus() and self.isModified()):
            self.setText(text)
            self.setToolTip(text)

    def _finish(self) -> None:
        text = self.text().strip()
        self.setModified(False)
        if text != self._text:
            self.written.emit(text)


class Facts(QWidget):
    """Lines of a name at the left and a value at the right, in a monospace face where it is a shape or number."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(5)
        self._grid.setColumnStretch(1, 1)
        self._rows: list[tuple[QLabel, QLabel]] = []

    def show_facts(self, facts: list[tuple[str, str]]) -> None:
        """Show these names and values."""
        while len(self._rows) < len(facts):
            name, value = label("", "field"), label("", "number", wrap=True)
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._grid.addWidget(name, len(self._rows), 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(value, len(self._rows), 1)
            self._rows.append((name, value))
        for index, (name, value) in enumerate(self._rows):
            shown = index < len(facts)
            name.setVisible(shown)
            value.setVisible(shown)
            if shown:
                for widget, text in zip((name, value), facts[index], strict=True):
                    if widget.text() != text:
                        widget.setText(text)

    def texts(self) -> dict[str, str]:
        """Return the values by name, as shown."""
        return {name.text(): value.text() for name, value in self._rows if not name.isHidden()}


class NodePage(QWidget):
    """Everything about one node.

    Attributes:
        node: Its id.
        form: Its parameters.
    """

    def __init__(self, workspace: Workspace, theme: Theme, node: Node) -> None:
        """Begin a page, which `make` goes on with."""
        super().__init__()
        self.node = node.id
        self.type = node.type
        self._workspace = workspace
        self._scope = workspace.scope
        self._theme = theme
        self._kernels_step = -1
        self._known: tuple[Problem, ...] = ()
        self._kept: Mapping[str, str] = {}  # field -> why the run in progress has another value
        self._declaration = declaration = declaration_of(workspace.document, node)
        self.form = Form(declaration.parameters if declaration else (), in_block=bool(workspace.scope), at_once=False)
        self.data: DataSection | None = None

    def make(self) -> Steps[None]:
        """Make all that is on the page, in steps: together they take longer than a frame."""
        node, declaration = self._node(), self._declaration
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        self._add_head(column, node, declaration)
        self.problems = QVBoxLayout()
        self.problems.setSpacing(6)
        column.addLayout(self.problems)
        yield
        yield from self.form.make()
        if declaration and declaration.parameters:
            column.addWidget(section("Parameters"))
            column.addWidget(self.form)
        if node.type.startswith("data.") and declaration:
            self.data = DataSection(self._workspace, node.id, self.form)
            column.addWidget(self.data)
        else:
            self.form.edited.connect(self._edit)
            self.form.promoted.connect(self._promote)
        column.addWidget(section("Shape"))
        self.facts = Facts()
        column.addWidget(self.facts)
        self._add_weights(column)
        yield from self._add_help(column)
        self.note = NoteEdit()
        self.note.written.connect(self._write_note)
        column.addWidget(section("Note"))
        column.addWidget(self.note)
        column.addStretch(1)
        for number, widget in enumerate(self.findChildren(QWidget), 1):  # else all would be dressed as it is shown
            widget.ensurePolished()
            if not number % _PIECE:
                yield
        self.show_node()
        self.show_shapes()
        yield
        self.show_run()

    def _add_head(self, column: QVBoxLayout, node: Node, declaration: Declaration | None) -> None:
        self._swatch = Swatch(self._theme, declaration.category if declaration else "")
        self.title = ElidedLabel(declaration.title if declaration else node.type, "heading")
        self.label = LabelEdit()
        self.label.renamed.connect(self._rename)
        self._head = Head(self._swatch, self.title, self.label)
        column.addWidget(self._head)

    def _add_weights(self, column: QVBoxLayout) -> None:
        self._weights_head = section("Weights")
        self.kernels = KernelsView(smallest=10, largest=28)
        column.addWidget(self._weights_head)
        column.addWidget(self.kernels)

    def _add_help(self, column: QVBoxLayout) -> Steps[None]:
        column.addWidget(section("What it does"))
        for name in _FORMULAS:  # only now are they needed
            yield
            import_module(name)
        from netbuilder.ui.layer_help import LayerHelp

        yield
        self.help = LayerHelp(self._declaration)
        column.addWidget(self.help)
        yield

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self._theme = theme
        self.help.restyle()
        self._swatch.theme = theme
        self._swatch.update()
        self._kernels_step = -1
        self._known = ()
        self._show_problems()
        self.show_run()

    @property
    def is_outdated(self) -> bool:
        """Whether the node is declared otherwise now than when the page was made: its block was changed."""
        return declaration_of(self._workspace.document, self._node()) != self._declaration

    def _node(self) -> Node:
        return self._workspace.document.scope(self._scope).nodes[self.node]

    # Showing -------------------------------------------------------------------------------------------------------

    def show_node(self) -> None:
        """Show the node's label and values."""
        node = self._node()
        self.label.show_label(node.label)
        self._head.fit()
        self.note.show_note(node.note)
        if self.data is not None:
            self.data.show_node(node)
        else:
            self.form.set_values(node.parameters, block=self._workspace.sight.values)
        self._known, self._kept = (), {}  # new values have no notes yet
        self._show_problems()

    def show_shapes(self) -> None:
        """Show what is known of its ports, its costs and its problems."""
        self.facts.show_facts(self._describe())
        if self._workspace.scope:  # what expressions come to may be known only now
            self.form.set_values(self._node().parameters, block=self._workspace.sight.values)
        self._show_problems()

    def show_run(self) -> None:
        """Show its gradient norm and its kernels."""
        self.facts.show_facts(self._describe())
        self._show_problems()
        picture = self._workspace.pictures.get((PictureKind.KERNELS, self._workspace.scopes.source_of(self.node)))
        self._weights_head.setVisible(picture is not None)
        self.kernels.setVisible(picture is not None)
        if picture is not None and picture.step != self._kernels_step:
            self._kernels_step = picture.step
            self.kernels.show_kernels(picture, self._theme)
            self.kernels.setFixedHeight(min(self.kernels.height_for(self.width()), 90))

    def _show_problems(self) -> None:
        mine = self._workspace.sight.problems.get(self.node, ())
        kept = {field: why for (node, field), why in self._workspace.live_edits.fixed.items() if node == self.node}
        if (mine, kept) == (self._known, self._kept):
            return
        self._known, self._kept = mine, kept
        clear(self.problems)
        own = [problem for problem in mine if problem.node.rpartition("/")[2] == self.node]
        at_field = {name: why for name, why in kept.items() if name in self.form.fields}
        at_field |= {problem.field: problem.message for problem in own if problem.field in self.form.fields}
        for problem in mine:
            if problem not in own:
                self.problems.addWidget(ProblemRow(problem, self._workspace))
            elif problem.fixes or problem.field not in at_field:
                self.problems.addWidget(ProblemRow(problem, self._workspace, place=False))
        if self.data is None or not self.data.waits:
            self.form.set_notes(at_field, kept.keys() - {problem.field for problem in own})
        self._mark_code()

    def _mark_code(self) -> None:
        """Show at which line of the code something is wrong."""
        for name, field in self.form.fields.items():
            if isinstance(field, CodeField) and field.draft is None:
                field.editor.mark_error(next((each.line for each in self._known if each.field == name), 0))

    def _describe(self) -> list[tuple[str, str]]:
        node, sight = self._node(), self._workspace.sight
        facts = []
        for side, ports in zip(("In", "Out"), self._ports(node), strict=True):
            for port in ports:
                type_ = sight.types.get(PortRef(self.node, port))
                unknown = "…" if self.node in sight.pending else "not known"
                name = side if len(ports) == 1 else f"{side} · {port}"
                facts.append((name, _type_text(type_) if type_ else unknown))
        if node.tied_to:
            owner = self._workspace.document.scope(self._workspace.scope).nodes.get(node.tied_to)
            facts.append(("Weights", f"those of {owner.label}" if owner else "of a node that is gone"))
        cost = sight.costs.get(self.node)
        if cost is not None and cost.parameters:
            facts.append(("Parameters", f"{cost.parameters:,}"))
        if cost is not None and cost.macs:
            facts.append(("Multiply-adds", f"{cost.macs:,}"))
        if cost is not None and cost.bytes:
            facts.append(("Output's memory", f"{in_words(cost.bytes)} a sample"))
        if cost is not None and cost.kept:
            facts.append(("Kept to train", f"{in_words(cost.kept)} a sample"))
        norm = self._workspace.series.get(f"gradient_norm/{self._workspace.scopes.at.path(self.node)}")
        if norm is not None and len(norm):
            facts.append(("Gradient norm", value_text(float(norm.values[-1]))))
        return facts

    def _ports(self, node: Node) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if node.type.startswith("data."):
            schema = self._workspace.document.schemas.get(node.id)
            return (), tuple(field.name for field in schema.fields) if schema else ()
        if is_foreign(node.type):
            inputs, outputs = foreign_inputs(node.parameters), foreign_outputs(node.parameters)
            return tuple(port.name for port in inputs), tuple(port.name for port in outputs)
        if not isinstance(self._declaration, LayerSpec):
            return (), ()
        values: dict[str, Any] = self.form.values()
        inputs = self._declaration.input_ports(values)
        return tuple(p.name for p in inputs), tuple(p.name for p in self._declaration.output_ports(values))

    # Editing -------------------------------------------------------------------------------------------------------

    def _edit(self, name: str, value: Any, gesture: str) -> None:
        if self.form.fields[name].parameter.kind is Kind.CODE:
            self._apply_code(value)
            return
        title = f"Change {self.form.fields[name].parameter.title.lower()}"
        self._change(title, edits.set_parameters, f"{self.node}.{name}.{gesture}", values={name: value})

    def _apply_code(self, text: str) -> None:
        """Make a text the node's code; whoever has typed all of it trusts it, else she looks at it first."""
        node = self._node()
        old = node.parameters.get("code")
        if isinstance(old, str) and not may_run(old) and not may_run(text):
            from netbuilder.ui.trust_dialog import ask_trust

            ask_trust(self.window(), self._workspace, text, (node.label,), lambda: self._set_code(text))
        else:
            self._set_code(text)

    def _set_code(self, text: str) -> None:
        self._workspace.trust((text,))
        values = applied(text, self.form.values())
        self._change("Change code", edits.set_parameters, values=values)

    @property
    def draft(self) -> str | None:
        """Code that was typed and not applied; None when there is none."""
        fields = [field for field in self.form.fields.values() if isinstance(field, CodeField)]
        return fields[0].draft if fields else None

    def set_draft(self, text: str) -> None:
        """Go on with code that was typed before and not applied."""
        for field in self.form.fields.values():
            if isinstance(field, CodeField):
                field.set_draft(text)

    def _promote(self, name: str) -> None:
        """Make a parameter of this layer one of the block, under its own name."""
        parameter = replace(self.form.fields[name].parameter, default=self.form.values()[name])
        promote(self._workspace, (self.node,), parameter)

    def _write_note(self, text: str) -> None:
        self._change("Change note", edits.set_note, note=text)

    def _rename(self, wish: str) -> None:
        self._change(f"Rename to {wish}", edits.rename, label=wish)
        if self._is_there:
            self.label.show_label(self._node().label)
            self._head.fit()

    def _change(self, title: str, edit: Callable[..., Document], merge: str = "", **values: Any) -> None:
        """Edit the node where it is, whatever is in sight by now: a line says its last word when its page goes."""
        if self._is_there:
            self._workspace.edit(title, partial(edit, node=self.node, scope=self._scope, **values), merge)

    @property
    def _is_there(self) -> bool:
        """Whether the node is still in the document."""
        return self._workspace.document.holds(self.node, self._scope)


def _type_text(found: TensorType) -> str:
    """Return a shape, with the kind of its values where they are not what most are."""
    return str(found) if found.dtype == "float32" else f"{found} {found.dtype}"
