"""The inspector's page while nothing is selected: what the document is called, and how it is trained."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from netbuilder.document import edits
from netbuilder.document.model import Setting
from netbuilder.document.plan import PLAN_PARAMETERS
from netbuilder.foundation.declaration import Declaration, Registry
from netbuilder.foundation.parameter import Choice, Kind, Parameter
from netbuilder.training import optimizers, schedules
from netbuilder.ui.form import Form
from netbuilder.ui.panels.cards import clear, label, section
from netbuilder.ui.panels.checks_line import ChecksLine
from netbuilder.ui.panels.description import Description
from netbuilder.ui.panels.group_list import GroupList
from netbuilder.ui.panels.schedule_curve import ScheduleCurve
from netbuilder.ui.workspace import Workspace

UNKNOWN = "This version does not have “{}”, which stays as it is until another one is picked."

STALE = "Edits of the network wait: Apply (F9) lets the run in progress go on with them. Settings reach it at once."


class SettingForm(QWidget):
    """Picks a declaration of a registry, and sets its parameters."""

    def __init__(self, workspace: Workspace, title: str, edit: str, registry: Registry[Any]) -> None:
        super().__init__()
        self._workspace, self._title, self._edit, self._registry = workspace, title, edit, registry
        choices = tuple(Choice(value=one.key, title=one.title, help=one.summary) for one in registry)
        first = choices[0].value
        self.picker = Form(
            [Parameter(name="key", title=title, kind=Kind.CHOICE, default=first, choices=choices, help=_HELP[edit])]
        )
        self.picker.edited.connect(self._pick)
        self.form: Form | None = None
        self._key = ""
        self.summary = label("", "muted", wrap=True)
        self._body = QVBoxLayout()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.picker)
        column.addWidget(self.summary)
        column.addLayout(self._body)

    def show_setting(self, setting: Setting) -> None:
        """Show what is picked and how it is set."""
        declaration: Declaration | None = self._registry.get(setting.key)
        self.picker.set_values({"key": setting.key})
        if declaration is None:
            self._key, self.form = "", None
            clear(self._body)
            self.summary.setText(UNKNOWN.format(setting.key))
            return
        if setting.key != self._key:
            self._key = setting.key
            clear(self._body)
            self.summary.setText(declaration.summary)
            self.form = Form(declaration.parameters)
            self.form.edited.connect(self._set)
            self._body.addWidget(self.form)
        assert self.form is not None
        self.form.set_values(setting.values)

    def _pick(self, _: str, key: str, gesture: str) -> None:
        declaration = self._registry[key]
        change = partial(edits.EDITS[self._edit].function, key=key, values=declaration.defaults())
        self._workspace.edit(f"{self._title}: {declaration.title}", change)

    def _set(self, name: str, value: Any, gesture: str) -> None:
        assert self.form is not None
        change = partial(edits.EDITS[self._edit].function, key=self._key, values=self.form.values())
        title = self.form.fields[name].parameter.title.lower()
        self._workspace.edit(f"Change {title}", change, f"{self._edit}.{name}.{gesture}")


_HELP = {
    "set_optimizer": "How the weights move along their gradients.",
    "set_schedule": "How the learning rate changes while training goes on.",
}


class PlanPage(QWidget):
    """Title, description, plan, optimizer, schedule."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._notes: dict[str, str] | None = None  # what was said last; None when the values are others since
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        self._add_about(column)
        self.stale = label(STALE, "muted", wrap=True)
        self.plan = Form(PLAN_PARAMETERS)
        self.plan.edited.connect(self._edit_plan)
        self.optimizer = SettingForm(workspace, "Optimizer", "set_optimizer", optimizers.registry())
        self.schedule = SettingForm(workspace, "Schedule", "set_schedule", schedules.registry())
        self.curve = ScheduleCurve()
        self.checks = ChecksLine(workspace)
        self.groups = GroupList(workspace)
        for title, widgets in (
            ("Training", (self.stale, self.plan)),
            ("Optimizer", (self.optimizer,)),
            ("Rates of layers", (self.groups,)),
            ("Learning rate schedule", (self.schedule, self.curve)),
            ("Before training", (self.checks,)),
        ):
            column.addWidget(section(title))
            for widget in widgets:
                column.addWidget(widget)
        column.addStretch(1)
        self.show_document()
        self.show_run()

    def _add_about(self, column: QVBoxLayout) -> None:
        self.title = QLineEdit()
        self.title.setPlaceholderText("Untitled network")
        self.title.setAccessibleName("Title")
        self.title.setMaxLength(1000)
        self.title.textEdited.connect(lambda text: self._edit_about("title", text))
        self.title.editingFinished.connect(self._workspace.seal)
        self.description = Description("Description", "What it is for, in a sentence or two", 68)
        self.description.written.connect(lambda text: self._edit_about("description", text))
        column.addWidget(self.title)
        column.addWidget(self.description)

    def show_document(self) -> None:
        """Show the document's title, description and plan."""
        document = self._workspace.document
        about = document.about
        if self.title.text() != about.title:
            self.title.setText(about.title)
        self.description.show_text(about.description)
        self.plan.set_values({p.name: getattr(document.plan, p.name) for p in PLAN_PARAMETERS})
        phase = document.plan.phases[0]
        self.optimizer.show_setting(phase.optimizer)
        self.schedule.show_setting(phase.schedule)
        self.curve.show_setting(phase.schedule)
        self.groups.show_document()
        self._notes = None
        self._show_notes()

    def show_run(self) -> None:
        """Say what a run in progress does not have of this."""
        self.stale.setVisible(self._workspace.control.is_stale)
        self._show_notes()

    def _show_notes(self) -> None:
        """Say below each field what is wrong with its value, or why the run in progress keeps another."""
        kept = {field: why for (node, field), why in self._workspace.live_edits.fixed.items() if not node}
        wrong = {problem.field: problem.message for problem in self._workspace.problems if not problem.node}
        notes = {name: text for name, text in (kept | wrong).items() if name in self.plan.fields}
        if notes != self._notes:
            self._notes = notes
            self.plan.set_notes(notes, kept.keys() - wrong.keys())

    def _edit_about(self, name: str, text: str) -> None:
        change = partial(_set_about, name=name, text=text)
        self._workspace.edit(f"Change {name}", change, f"about.{name}")

    def _edit_plan(self, name: str, value: Any, gesture: str) -> None:
        title = self.plan.fields[name].parameter.title.lower()
        change = partial(edits.change_plan, values={name: value})
        self._workspace.edit(f"Change {title}", change, f"plan.{name}.{gesture}")


def _set_about(document: Any, name: str, text: str) -> Any:
    return edits.set_about(document, replace(document.about, **{name: text}))
