"""The inspector's page for the block in sight: what it is called, what it declares, its ports."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout, QWidget

from netbuilder.document import edits
from netbuilder.document.blocks import REPEAT, instances, plain_parameter, signature
from netbuilder.document.model import Definition, PortRef
from netbuilder.foundation.parameter import Parameter
from netbuilder.layers.instances import CATEGORY
from netbuilder.ui.form import Form
from netbuilder.ui.icons import icon
from netbuilder.ui.panels.cards import ElidedLabel, clear, label, section
from netbuilder.ui.panels.description import Description
from netbuilder.ui.panels.node_page import Facts, Swatch
from netbuilder.ui.theme import Theme
from netbuilder.ui.workspace import Workspace

if TYPE_CHECKING:
    from netbuilder.ui.parameter_dialog import ParameterDialog

NO_PARAMETERS = "None yet. Add one, or right-click a layer's value and make it a parameter of the block."


class BlockPage(QWidget):
    """Everything about the definition in sight.

    Attributes:
        key: Its key.
        defaults: The parameters' defaults.
    """

    def __init__(self, workspace: Workspace, theme: Theme) -> None:
        super().__init__()
        self.key = workspace.scope
        self._workspace = workspace
        self._shown: object = None
        self.defaults = Form(())
        self.title = QLineEdit()
        self.title.setAccessibleName("Title of the block")
        self.title.editingFinished.connect(self._rename)
        self.description = Description("Description of the block", "What it does, for whoever uses it…", 76)
        self.description.written.connect(self._describe)
        self.reference = QLineEdit()
        self.reference.setPlaceholderText("The paper or page it comes from")
        self.reference.setAccessibleName("Reference of the block")
        self.reference.editingFinished.connect(lambda: self._set("Change reference", reference=self.reference.text()))
        self._lay_out(theme)
        self.show_document()

    def _lay_out(self, theme: Theme) -> None:
        head = QHBoxLayout()
        self.swatch = Swatch(theme, CATEGORY)
        head.addWidget(self.swatch)
        head.addWidget(label("Block", "heading"), 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(head)
        for widget in (self.title, self.description, self.reference, section("Parameters")):
            column.addWidget(widget)
        self._declared = QVBoxLayout()
        self._declared.setSpacing(4)
        column.addLayout(self._declared)
        self.add = QToolButton()
        self.add.setText("Add a parameter…")
        self.add.setIcon(icon("new", "muted"))
        self.add.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.add.clicked.connect(lambda: self.ask(None))
        column.addWidget(self.add, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(section("Ports"))
        self._ports = QGridLayout()
        self._ports.setColumnStretch(1, 1)
        self._ports.setHorizontalSpacing(8)
        column.addLayout(self._ports)
        column.addWidget(
            label("Inputs and outputs are layers in the block: add, rename or delete those.", "muted", wrap=True)
        )
        column.addWidget(section("Used"))
        self.facts = Facts()
        column.addWidget(self.facts)
        column.addStretch(1)

    @property
    def _definition(self) -> Definition:
        return self._workspace.document.blocks[self.key]

    # Showing -------------------------------------------------------------------------------------------------------

    def show_document(self) -> None:
        """Show the definition as it is now."""
        block = self._definition
        if not (self.title.hasFocus() and self.title.isModified()):
            self.title.setText(block.title)
        self.description.show_text(block.description)
        if not (self.reference.hasFocus() and self.reference.isModified()):
            self.reference.setText(block.reference)
            self.reference.setCursorPosition(0)
        self._show_parameters(block)
        self.show_shapes()

    def _show_parameters(self, block: Definition) -> None:
        declared = _declared(block)
        shape = tuple((each.name, each.title, each.kind, each.choices, each.length, each.help) for each in declared)
        if shape != self._shown:
            self._shown = shape
            clear(self._declared)
            self.defaults = Form(declared)
            self.defaults.edited.connect(self._set_default)
            if not declared:
                self._declared.addWidget(label(NO_PARAMETERS, "muted", wrap=True))
                return
            self._declared.addWidget(self.defaults)
            for index, parameter in enumerate(declared):
                self._declared.addWidget(self._row(index, parameter, len(declared)))
        self.defaults.set_values({each.name: each.default for each in declared})

    def _row(self, index: int, parameter: Parameter, count: int) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(0)
        name = label(parameter.name, "number")
        name.setToolTip(parameter.help or parameter.title)
        line.addWidget(name)
        line.addSpacing(8)
        line.addWidget(ElidedLabel(parameter.expected(), "muted"), 1)
        line.addWidget(_button("arrow-up", f"Move {parameter.name} up", partial(self.move_by, index, -1), index > 0))
        down = partial(self.move_by, index, 1)
        line.addWidget(_button("arrow-down", f"Move {parameter.name} down", down, index < count - 1))
        line.addWidget(_button("settings", f"Change {parameter.name}…", partial(self.ask, index)))
        line.addWidget(_button("delete", f"Remove {parameter.name}", partial(self.remove, index)))
        return row

    def show_shapes(self) -> None:
        """Show the ports with their shapes, and how often the block is used."""
        workspace, block = self._workspace, self._definition
        declared, sight = signature(block), workspace.sight
        clear(self._ports)
        rows = [("In", name, id, "y", len(declared.inputs)) for name, id in declared.inputs.items()]
        rows += [("Out", name, id, "x", len(declared.outputs)) for name, id in declared.outputs.items()]
        for line, (side, name, id, port, count) in enumerate(rows):
            found = sight.types.get(PortRef(id, port))
            self._ports.addWidget(label(f"{side} · {name}", "field"), line, 0)
            shape = ElidedLabel(str(found) if found else "not known", "number")
            shape.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self._ports.addWidget(shape, line, 1)
            if count > 1:
                up = partial(self._move_port, id, -1)
                self._ports.addWidget(_button("arrow-up", f"Move {name} up among the ports", up), line, 2)
        if not rows:
            self._ports.addWidget(label("None yet: add an Input and an Output.", "muted", wrap=True), 0, 0, 1, 3)
        uses = sum(1 for _ in instances(workspace.document, self.key))
        total = workspace.costs.nodes.get(workspace.scopes.at.block.rpartition("/")[0])
        facts = [("Instances", str(uses))]
        if total is not None and total.parameters:
            facts.append(("Weights here", f"{total.parameters:,}"))
        self.facts.show_facts(facts)

    # Editing -------------------------------------------------------------------------------------------------------

    def ask(self, index: int | None) -> ParameterDialog:
        """Let the user declare a parameter: the one at a place, or a new one."""
        from netbuilder.ui.parameter_dialog import ParameterDialog

        raw = self._raw()
        dialog = ParameterDialog(raw[index] if index is not None else None, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.declared.connect(partial(self._take, index))
        dialog.open()
        return dialog

    def remove(self, index: int) -> None:
        """Remove a parameter that no expression names."""
        raw = self._raw()
        gone = raw.pop(index)
        self._set(f"Remove parameter {gone['name']}", parameters=raw)

    def move_by(self, index: int, steps: int) -> None:
        """Move a parameter in the order of the form."""
        raw = self._raw()
        raw.insert(index + steps, raw.pop(index))
        self._set("Move parameter", parameters=raw)

    def _take(self, index: int | None, declared: Mapping[str, Any]) -> None:
        raw = self._raw()
        if index is None:
            self._set(f"Add parameter {declared['name']}", parameters=[*raw, declared])
            return
        old = str(raw[index]["name"])
        raw[index] = dict(declared)
        renamed = {old: str(declared["name"])} if declared["name"] != old else {}
        self._set(f"Change parameter {old}", parameters=raw, renamed=renamed)

    def _set_default(self, name: str, value: Any, gesture: str) -> None:
        raw = [{**each, "default": value} if each["name"] == name else each for each in self._raw()]
        change = partial(edits.set_block, key=self.key, parameters=raw)
        self._workspace.edit(f"Change default of {name}", change, f"{self.key}.{name}.{gesture}")

    def _rename(self) -> None:
        self._set("Rename the block", title=self.title.text())
        if self.key in self._workspace.document.blocks:
            self.title.setText(self._definition.title)  # what was refused, or had spaces around it, does not stay

    def _describe(self, text: str) -> None:
        change = partial(edits.set_block, key=self.key, description=text)
        self._workspace.edit("Change description", change, f"{self.key}.description")

    def _set(self, what: str, **values: Any) -> None:
        if self.key in self._workspace.document.blocks:  # a line says its last word when the page goes with its block
            self._workspace.edit(what, partial(edits.set_block, key=self.key, **values))

    def _move_port(self, node: str, steps: int) -> None:
        self._workspace.edit("Move port", partial(edits.move_port, scope=self.key, node=node, steps=steps))

    def _raw(self) -> list[dict[str, Any]]:
        """Return the parameters that are listed: who changes one lets go of those that are not in order."""
        return [plain_parameter(each) for each in _declared(self._definition)]


def _declared(block: Definition) -> list[Parameter]:
    return [each for each in signature(block).parameters if each.name != REPEAT]


def _button(picture: str, tip: str, call: Any, enabled: bool = True) -> QToolButton:
    button = QToolButton()
    button.setProperty("role", "small")
    button.setIcon(icon(picture, "muted"))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setEnabled(enabled)
    button.clicked.connect(lambda _=False: call())
    return button
