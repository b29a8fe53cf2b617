"""The plan page's list of layers that learn at a rate of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from netbuilder.document import edits
from netbuilder.document.model import Document, Group
from netbuilder.document.plan import GROUP_PARAMETERS
from netbuilder.training import optimizers
from netbuilder.ui.form import Form
from netbuilder.ui.icons import icon
from netbuilder.ui.panels.cards import ElidedLabel, clear, label
from netbuilder.ui.workspace import Workspace

EMPTY = "All layers learn at the optimizer's rate. Select some and choose Graph > Give a rate of their own."


class GroupList(QWidget):
    """Shows the parameter groups that name layers: which, how fast, with which weight decay."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._shown: tuple[tuple[int, Group], ...] | None = None
        self.forms: list[Form] = []
        self.heads: list[ElidedLabel] = []
        self.removers: list[QToolButton] = []
        self.empty = label(EMPTY, "muted", wrap=True)
        self._body = QVBoxLayout()
        self._body.setSpacing(6)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.empty)
        column.addLayout(self._body)

    def show_document(self) -> None:
        """Show the groups of all phases."""
        document = self._workspace.document
        phases = enumerate(document.plan.phases)
        groups = tuple((number, group) for number, phase in phases for group in phase.groups if group.nodes)
        same = self._shown is not None and _layers(self._shown) == _layers(groups)
        self._shown = groups
        self.empty.setVisible(not groups)
        if not same:
            self._make(groups)
        for form, head, (number, group) in zip(self.forms, self.heads, groups, strict=True):
            form.set_values({"rate": group.rate, "weight_decay": group.weight_decay})
            head.setText(_names(document, group))
            head.setToolTip(_told(document, number, group))

    def _make(self, groups: Sequence[tuple[int, Group]]) -> None:
        clear(self._body)
        self.forms, self.heads, self.removers = [], [], []
        for at, _ in enumerate(groups):
            box = QWidget()
            head, form = ElidedLabel("", "field"), Form(GROUP_PARAMETERS)
            remove = QToolButton()
            remove.setIcon(icon("close"))
            remove.setAutoRaise(True)
            remove.setAccessibleName("Learn like all others")
            remove.setToolTip("Let these layers learn like all others again")
            remove.clicked.connect(partial(self._remove, at))
            form.edited.connect(partial(self._edit, at))
            line = QHBoxLayout()
            line.addWidget(head, 1)
            line.addWidget(remove)
            inside = QVBoxLayout(box)
            inside.setContentsMargins(0, 0, 0, 0)
            inside.setSpacing(4)
            inside.addLayout(line)
            inside.addWidget(form)
            self._body.addWidget(box)
            self.forms.append(form)
            self.heads.append(head)
            self.removers.append(remove)

    def _edit(self, at: int, name: str, value: Any, gesture: str) -> None:
        assert self._shown is not None
        number, group = self._shown[at]
        group = replace(group, **{name: value})
        change = partial(_change_group, group=group, phase=number)
        title = self.forms[at].fields[name].parameter.title.lower()
        self._workspace.edit(f"Change {title} of layers", change, f"group.{at}.{name}.{gesture}")

    def _remove(self, at: int) -> None:
        assert self._shown is not None
        number, group = self._shown[at]
        change = partial(edits.give_rate, nodes=group.nodes, rate=1.0, weight_decay=None, phase=number)
        self._workspace.edit("Let layers learn like all others", change)


def _change_group(document: Document, group: Group, phase: int) -> Document:
    """Return a document with other numbers for a group, which stays a group of its own even at a rate of 1."""
    old = document.plan.phases[phase]
    groups = tuple(group if each.nodes == group.nodes else each for each in old.groups)
    phases = tuple(replace(old, groups=groups) if n == phase else each for n, each in enumerate(document.plan.phases))
    return edits.set_plan(document, replace(document.plan, phases=phases))


def _layers(groups: Sequence[tuple[int, Group]]) -> list[tuple[int, tuple[str, ...]]]:
    return [(number, group.nodes) for number, group in groups]


def _names(document: Document, group: Group) -> str:
    labels: dict[str, str] = {}
    for graph in (document.graph, *(block.graph for block in document.blocks.values())):
        labels.update((id, node.label) for id, node in graph.nodes.items() if id in group.nodes)
    return ", ".join(labels.get(id, id) for id in group.nodes)


def _told(document: Document, number: int, group: Group) -> str:
    phase = document.plan.phases[number]
    spec = optimizers.registry().get(phase.optimizer.key)
    rate = phase.optimizer.values.get("learning_rate", spec.defaults().get("learning_rate") if spec else None)
    words = f": learns at {float(rate) * group.rate:g}" if isinstance(rate, (int, float)) else ""
    where = f" in the phase {phase.name}" if len(document.plan.phases) > 1 else ""
    return f"{_names(document, group)}{words}{where}"
