"""Following: keeps what the canvas shows true to the workspace, each change at the price of what it changed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer

from netbuilder.document.diff import Difference
from netbuilder.document.model import Graph
from netbuilder.training.protocol import Telemetry
from netbuilder.ui.canvas.announcing import announce, describe_selection, is_heard
from netbuilder.ui.canvas.knowing import know, wrong_ports
from netbuilder.ui.workspace import Change

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

_PICTURES, _PICTURE_TURNS = 6, 4
"""So many new pictures are painted in one turn; more where all would take more turns than this."""


_MUCH = 64
"""Nodes or links; an edit by which more of them come, go or change is shown in a frame of its own."""

_FAR = 512
"""Nodes; likewise one that moves more."""

_LARGE = 2000
"""Links; likewise any by which nodes or links come or go where there are more."""

_BREATH_MS = 2
"""How long it waits once the frame in which it was made is over."""


class Following(QObject):
    """Shows what the workspace tells: edits, other graphs, shapes and problems, the run, the selection.

    Attributes:
        standpoint: From where the graph shown is seen: the workspace's, until that has moved on.
    """

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view, self._workspace = view, view.workspace
        self.standpoint = self._workspace.scopes.at
        self._fresh: set[str] = set()  # nodes whose new picture is not painted yet
        self._pictures_a_turn = _PICTURES
        self._late = QTimer(self, singleShot=True, interval=0)
        self._late.timeout.connect(self._look_late)
        self._is_made = False  # the frame in which the edit was made that is still to be shown is over
        self._behind = QTimer(self, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._behind.timeout.connect(self._catch_up_in_time)
        self._frames = QTimer(self, interval=16)
        self._frames.timeout.connect(self._next_frame)
        workspace = self._workspace
        workspace.documentChanged.connect(self._follow)
        workspace.documentReplaced.connect(self._show_other)
        workspace.scopeChanged.connect(self._show_scope)
        workspace.selectionChanged.connect(self._selection_changed)
        workspace.shapesChanged.connect(self.look_again)
        workspace.telemetry.connect(self._show_telemetry)
        workspace.revealRequested.connect(view.reveal)

    def show_anew(self) -> None:
        """Show the graph that the workspace has in sight; nothing of what was shown counts any more."""
        view, workspace = self._view, self._workspace
        self._behind.stop()
        self._is_made = False
        view.arranging.settle()
        view.hand.cancel()
        view.quick_add.close_up()
        view.replacing.close_up()
        view.values.close()
        view.forget_drawn()
        document, scope = workspace.document, workspace.scope
        self._know(document.scope(scope))
        view.content.show(document, view.knowledge, scope)
        view.selected_link = view.hovered_link = None
        view.selection, view.selected_frames = workspace.selection, workspace.selected_frames
        self.standpoint = workspace.scopes.at
        view.trail.refresh()
        view.fit_opening()

    def remember(self) -> None:
        """Keep where the project is seen from, for the next time."""
        self._view.views.save(self.standpoint)

    def look_again(self) -> None:
        """Show what is known by now of shapes, problems and the run; of many nodes first those in view."""
        view = self._view
        self._know(view.graph)
        arrays = view.content.arrays
        view.content.look_again(view.knowledge, [arrays.ids[row] for row in arrays.nodes_in(*view.shown_area())])
        self._moved()
        if view.content.late:
            self._late.start()

    def _know(self, graph: Graph) -> None:
        view = self._view
        view.live.collect(self._workspace, graph, view.declarations)
        view.knowledge = know(self._workspace, view.live.areas)
        view.wrong_ports = wrong_ports(self._workspace.sight)

    def _moved(self) -> None:
        """Paint all again, and tell that other nodes may be in view."""
        self._view.moved.emit()
        self._view.renew()

    def _show_other(self) -> None:
        """Show another document."""
        self._view.views.change_project(self.standpoint)
        self.show_anew()

    def _show_scope(self) -> None:
        """Show another graph of the document, where it was left the last time."""
        self._view.views.leave(self.standpoint)
        self.show_anew()

    def _follow(self, change: Change) -> None:
        view = self._view
        view.arranging.settle()
        if view.hand.gesture is None or not view.hand.gesture.is_editing:
            view.hand.cancel()
        view.content.catch_up()
        self._know(change.new.scope(self._workspace.scope))
        view.content.put_off(partial(self._show, change))
        if _is_much(change.difference, change.new.scope(self._workspace.scope)):
            self._behind.start(0)
        else:
            view.content.catch_up()

    def _catch_up_in_time(self) -> None:
        """Show an edit of much in a frame of its own, after the one in which it was made."""
        if self._is_made:
            self._view.content.catch_up()
            self._workspace.analysis.rest()
        else:
            self._is_made = True
            self._behind.start(_BREATH_MS)

    def _show(self, change: Change) -> None:
        """Show an edit."""
        view = self._view
        self._behind.stop()
        self._is_made = False
        view.content.update(change.new, change.difference, view.knowledge)
        for chooser in (view.quick_add, view.replacing):
            if chooser.isVisible():
                chooser.follow()
        if view.selected_link not in view.graph.edges:
            view.selected_link = None
        view.hovered_link = None
        view.trail.refresh()
        come = change.difference.added & view.graph.nodes.keys()
        if come:
            view.welcome(come)
            self._frames.start()
        self._selection_changed()
        view.put_ways_off()
        self._moved()

    def _next_frame(self) -> None:
        """Go on with nodes that appear."""
        if not self._view.go_on_welcoming():
            self._frames.stop()

    def _look_late(self) -> None:
        """Look at some of the nodes that were left; all is painted again at the end."""
        self._view.content.look_late()
        if self._view.content.late:
            self._late.start()
        else:
            self._moved()

    def _show_telemetry(self, telemetry: Telemetry) -> None:
        view = self._view
        before, heat = view.live.flow, view.live.heat
        fresh = view.live.take(telemetry, self._workspace, view.graph, view.declarations)
        view.renew_flow(before)
        if view.live.heat is not heat:
            view.renew()
        if view.live.areas == view.knowledge.areas:
            self._fresh |= fresh
            self._pictures_a_turn = max(_PICTURES, ceil(len(self._fresh) / _PICTURE_TURNS))
            self._workspace.turns.ask(self, self._draw_pictures)
            return
        self._fresh.clear()
        view.knowledge = replace(view.knowledge, areas=dict(view.live.areas))
        view.content.look_again(view.knowledge)
        self._moved()

    def _draw_pictures(self) -> None:
        """Paint some of the pictures that are new; the others have turns of their own."""
        self._fresh &= self._view.content.faces.keys()
        some = set(islice(self._fresh, self._pictures_a_turn))
        self._fresh -= some
        self._view.update_pictures(some)
        if self._fresh:
            self._workspace.turns.ask(self, self._draw_pictures)

    def _selection_changed(self) -> None:
        view, workspace = self._view, self._workspace
        if view.content.is_behind:  # with what is still to be shown
            return
        view.draw_selected(workspace.selection)
        view.draw_selected_link(workspace.selected_link)
        if view.selected_frames != workspace.selected_frames:
            view.selected_frames = workspace.selected_frames
            view.renew()
        if is_heard():
            announce(view, describe_selection(view))


def _is_much(difference: Difference, graph: Graph) -> bool:
    nodes = len(difference.added) + len(difference.removed)
    links = len(difference.edges_added) + len(difference.edges_removed)
    if (nodes or links) and len(graph.edges) > _LARGE:
        return True
    return nodes + links + len(difference.changed) > _MUCH or len(difference.moved) > _FAR
