"""The live pictures of a document's nodes, picked from the run's telemetry."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from netbuilder.document.blocks import OUTPUT
from netbuilder.document.kinds import of_type
from netbuilder.document.model import Graph, Node, PortRef
from netbuilder.layers.spec import LayerSpec
from netbuilder.training.profile_report import newest_report
from netbuilder.training.protocol import Picture, PictureKind, State, Telemetry
from netbuilder.ui.canvas.faces import Area, Declarations
from netbuilder.ui.canvas.nodes import Live
from netbuilder.ui.canvas.pictures import AREAS, Losses, Plane
from netbuilder.ui.series import Series

if TYPE_CHECKING:
    from netbuilder.ui.canvas.flow import Flow
    from netbuilder.ui.canvas.heat import Heat
    from netbuilder.ui.workspace import Workspace

LOSS, VALIDATION = "loss/train", "loss/validation"
"""The series that loss nodes show."""

_NOTHING = Series()

_HELD_OUT = "/validation"

_LOSS_SECONDS = 0.8
"""How long a loss node's little curve waits for pictures to be drawn along with: what it costs, training pays."""

UNMEASURED = -1
"""The level of a link whose gradient is not known."""

_RANK = {kind: rank for rank, kind in enumerate(AREAS)}


class LivePictures:
    """What each node's picture area shows now.

    Attributes:
        pictures: Node id -> its picture.
        areas: Node id -> the room that takes.
        dead: Activation's id -> how many of its units are dead; those that never had any are left out.
        flow: The gradient on the links; None while it is not to be shown, or not measured.
        heat: Node id -> what it took when it was profiled; {} while that is not to be shown.
    """

    def __init__(self) -> None:
        self.pictures: dict[str, Live] = {}
        self.areas: dict[str, Area] = {}
        self.dead: dict[str, Picture] = {}
        self.flow: Flow | None = None
        self.heat: dict[str, Heat] = {}
        self._kinds: dict[str, int] = {}
        self._shown_at: dict[str, list[str]] = {}
        self._boundary: Picture | None = None
        self._loss_drawn = 0.0
        self._sample = 0

    def clear(self) -> None:
        """Forget all pictures."""
        self.pictures.clear()
        self.areas.clear()
        self.dead.clear()
        self.flow = None
        self.heat = {}
        self._kinds.clear()
        self._boundary = None

    def collect(self, workspace: Workspace, graph: Graph, declarations: Declarations) -> None:
        """Take what the run has told so far, for the nodes of `graph`."""
        self.clear()
        self._shown_at = {}
        outputs = () if workspace.scope else tuple(of_type(graph.nodes, OUTPUT))
        for node in dict.fromkeys((*workspace.sight.sources, *outputs)):
            self._shown_at.setdefault(workspace.scopes.source_of(node), []).append(node)
        everything = Telemetry(pictures=tuple(workspace.pictures.values()), events=tuple(workspace.events))
        self.take(everything, workspace, graph, declarations, with_loss=True)

    def take(
        self,
        telemetry: Telemetry,
        workspace: Workspace,
        graph: Graph,
        declarations: Declarations,
        with_loss: bool = False,
    ) -> set[str]:
        """Take what is new; returns the nodes whose picture or meter is another."""
        preferences = workspace.preferences
        fresh: set[str] = set()
        if preferences.get("show_dead_units"):
            fresh |= self._take_dead(telemetry, graph)
        if preferences.get("show_gradient_flow"):
            self._take_flow(telemetry, workspace, graph)
        if preferences.get("show_profile"):
            self._take_heat(telemetry, workspace, graph)
        if not preferences.get("show_thumbnails"):
            return fresh
        for picture in self._with_samples(telemetry, workspace):
            if picture.kind is PictureKind.BOUNDARY:
                self._boundary = picture
                fresh |= self._kinds_of(PictureKind.POINTS)
            rank = _RANK.get(picture.kind)
            # A node that has a more telling picture keeps it: points, not bars.
            if rank is None:
                continue
            for node in self._nodes_of(picture, graph):
                if rank <= self._kinds.get(node, rank):
                    self._kinds[node] = rank
                    self.pictures[node] = picture
                    self.areas[node] = AREAS[picture.kind]
                    fresh.add(node)
        self._put_behind_points(fresh)
        if with_loss or self._is_loss_due(telemetry, workspace):
            self._loss_drawn = perf_counter()
            fresh |= self._take_loss(workspace, graph, declarations)
        return fresh

    def _with_samples(self, telemetry: Telemetry, workspace: Workspace) -> list[Picture]:
        """Return the pictures that are new, the data's beginning with the sample that the others are of.

        The data's are told of once, and have to follow when another sample is chosen.
        """
        found, sample = list(telemetry.pictures), workspace.trainer.sample
        if sample != self._sample:
            self._sample = sample
            told = {picture.node for picture in found if picture.kind is PictureKind.SAMPLES}
            known = [picture for picture in workspace.pictures.values() if picture.kind is PictureKind.SAMPLES]
            found += [picture for picture in known if picture.node not in told]
        return [_beginning(picture, sample) if picture.kind is PictureKind.SAMPLES else picture for picture in found]

    def _nodes_of(self, picture: Picture, graph: Graph) -> tuple[str, ...]:
        own = (picture.node,) if picture.node in graph.nodes else ()
        return (*own, *self._shown_at.get(picture.node, ()))

    def _take_dead(self, telemetry: Telemetry, graph: Graph) -> set[str]:
        fresh: set[str] = set()
        for picture in telemetry.pictures:
            if picture.kind is PictureKind.DEAD:
                for node in self._nodes_of(picture, graph):
                    if picture.data[0] or node in self.dead:
                        self.dead[node] = picture
                        fresh.add(node)
        return fresh

    def _take_flow(self, telemetry: Telemetry, workspace: Workspace, graph: Graph) -> None:
        for picture in telemetry.pictures:
            if picture.kind is PictureKind.FLOW:
                from netbuilder.ui.canvas.flow import Flow  # on demand: most never look at it

                self.flow = Flow(picture, graph, partial(_told_of, workspace))

    def _take_heat(self, telemetry: Telemetry, workspace: Workspace, graph: Graph) -> None:
        report = newest_report(telemetry.events)
        if report is None and telemetry.progress.state is State.STARTING and self.heat:
            self.heat = {}  # of a run that is no more
        if report is not None:
            from netbuilder.ui.canvas.heat import heats  # on demand: most never look at it

            self.heat = heats(report, {node: workspace.scopes.at.path(node) for node in graph.nodes})

    def _is_loss_due(self, telemetry: Telemetry, workspace: Workspace) -> bool:
        if LOSS not in telemetry.series:  # an earlier run is looked into: its curve was there before its pictures
            is_drawn = any(isinstance(picture, Losses) for picture in self.pictures.values())
            return bool(telemetry.pictures) and LOSS in workspace.series and not is_drawn
        if telemetry.pictures or telemetry.progress.state is not State.RUNNING:
            return True
        return perf_counter() - self._loss_drawn >= _LOSS_SECONDS

    def _kinds_of(self, kind: PictureKind) -> set[str]:
        return {node for node, rank in self._kinds.items() if rank == _RANK[kind]}

    def _put_behind_points(self, fresh: set[str]) -> None:
        """Show the decision boundary, which belongs to no node, on the nodes whose points it parts."""
        if self._boundary is None or len(self._boundary.extent) != 4:
            return
        for node in fresh & self._kinds_of(PictureKind.POINTS):
            known = self.pictures[node]
            points = known.points if isinstance(known, Plane) else known
            if isinstance(points, Picture):
                self.pictures[node] = Plane(points, self._boundary)

    def _take_loss(self, workspace: Workspace, graph: Graph, declarations: Declarations) -> set[str]:
        if len(workspace.series.get(LOSS, _NOTHING)) < 2:
            return set()
        nodes = [
            node for id, node in graph.nodes.items() if _is_loss(node.type, declarations) and id not in self._kinds
        ]
        for node in nodes:
            self.pictures[node.id] = _curves(workspace, node)
            self.areas[node.id] = Area.CURVES
        return {node.id for node in nodes}


def _told_of(workspace: Workspace, source: PortRef) -> PortRef:
    """Return the port, by its node's path, whose value an output port in sight hands on: a block's may be one in it."""
    at = PortRef(workspace.scopes.at.path(source.node), source.port)
    return workspace.shapes.expansion.ports.get(at, at)


def _curves(workspace: Workspace, loss: Node) -> Losses:
    """Return what a loss node shows: its own curves where there are several losses, and its first metric."""
    series, own = workspace.series, f"{loss.label}.loss"
    train = series.get(f"{own}/train", series.get(LOSS, _NOTHING))
    later = series.get(f"{own}/validation", series.get(VALIDATION, _NOTHING))
    name, metric = _metric(workspace, loss)
    return Losses((train.steps, train.values), (later.steps, later.values), name, metric.values)


def _metric(workspace: Workspace, loss: Node) -> tuple[str, Series]:
    """Return the metric of a loss's predictions that a node shows: what the plan watches, else the first; its name."""
    series, prefix = workspace.series, f"{loss.label}."
    told = [name.removesuffix(_HELD_OUT) for name in series if name.endswith(_HELD_OUT)]
    own = [name for name in told if name.startswith(prefix) and not name.endswith("loss")]
    if not own and f"{prefix}loss" not in told:  # of a network's only loss, and of the first, they have plain names
        own = [name for name in told if "." not in name and name != "loss"]
    if not own:
        return "", _NOTHING
    name = workspace.document.plan.monitor
    name = name if name in own else own[0]
    return name.removeprefix(prefix), series[name + _HELD_OUT]


def _beginning(picture: Picture, sample: int) -> Picture:
    """Return a picture of samples that begins with one of them."""
    return replace(picture, data=np.roll(picture.data, -sample, axis=0)) if sample else picture


def _is_loss(type: str, declarations: Declarations) -> bool:
    spec = declarations.get(type)
    return isinstance(spec, LayerSpec) and spec.is_loss
