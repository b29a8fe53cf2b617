"""The pages of an inspector, as tests reach them."""

from __future__ import annotations

from PySide6.QtTest import QTest

from netbuilder.ui.fields import NumberField
from netbuilder.ui.panels.inspector import InspectorPanel
from netbuilder.ui.panels.node_page import NodePage
from netbuilder.ui.panels.plan_page import PlanPage
from netbuilder.ui.workspace import Workspace


def node_page(inspector: InspectorPanel, workspace: Workspace, node: str) -> NodePage:
    workspace.select([node])
    inspector.show_selection()
    assert isinstance(inspector.page, NodePage)
    return inspector.page


def plan_page(inspector: InspectorPanel) -> PlanPage:
    assert isinstance(inspector.page, PlanPage)
    return inspector.page


def retype(field: object, text: str) -> None:
    assert isinstance(field, NumberField)
    field.box.setFocus()
    field.box.selectAll()
    QTest.keyClicks(field.box, text)


def parameters(workspace: Workspace, node: str) -> dict[str, object]:
    return dict(workspace.document.graph.nodes[node].parameters)
