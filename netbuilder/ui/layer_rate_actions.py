"""What the interface can do to let layers learn at a rate of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netbuilder.document import edits
from netbuilder.document.model import Document, Group, Phase

if TYPE_CHECKING:
    from netbuilder.ui.layer_rate_dialog import LayerRateDialog
    from netbuilder.ui.window import MainWindow


class LayerRateActions:
    """Parameter groups of the selection."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.dialog: LayerRateDialog | None = None

    def give(self) -> None:
        """Ask for the rate of the selected layers, which becomes one edit."""
        from netbuilder.ui.layer_rate_dialog import LayerRateDialog

        workspace = self.window.workspace
        graph = workspace.document.scope(workspace.scope)
        nodes = tuple(id for id in graph.nodes if id in workspace.selection)
        if not nodes:
            return
        labels = [graph.nodes[id].label for id in nodes]
        self.dialog = LayerRateDialog(self.window, labels, _present(workspace.document, nodes))
        self.dialog.chosen.connect(lambda values: self._give(nodes, values))
        self.dialog.open()

    def _give(self, nodes: Sequence[str], values: dict[str, Any]) -> None:
        names = "a layer" if len(nodes) == 1 else f"{len(nodes)} layers"
        self.window.workspace.edit(
            f"Give {names} a rate of {'its' if len(nodes) == 1 else 'their'} own",
            lambda document: give(document, nodes, values),
        )


def give(document: Document, nodes: Sequence[str], values: dict[str, Any]) -> Document:
    """Return a document whose layers learn at a rate of their own in each phase that updates any of them.

    Args:
        document: What to change.
        nodes: Ids of layers and blocks.
        values: "rate" and "weight_decay".
    """
    for number, phase in enumerate(document.plan.phases):
        if _updates(phase, nodes):
            document = edits.give_rate(document, tuple(nodes), phase=number, **values)
    return document


def _updates(phase: Phase, nodes: Sequence[str]) -> bool:
    return any(not group.nodes or set(group.nodes) & set(nodes) for group in phase.groups)


def _present(document: Document, nodes: Sequence[str]) -> Group | None:
    """Return the group that all of these are in, if there is one."""
    groups = [group for phase in document.plan.phases for group in phase.groups]
    return next((group for group in groups if group.nodes and set(nodes) <= set(group.nodes)), None)
