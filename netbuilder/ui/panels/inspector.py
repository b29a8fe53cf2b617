"""The Inspector: the selected node, what several selected nodes share, or the plan when nothing is selected."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import inf
from operator import attrgetter
from time import perf_counter
from typing import Any, NamedTuple, TypeAlias

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPaintEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget
from shiboken6 import isValid

from netbuilder.document.expressions import is_expression
from netbuilder.document.model import Node
from netbuilder.foundation.steps import Steps
from netbuilder.ui.areas import first_stop
from netbuilder.ui.form import Form
from netbuilder.ui.panels import Area, PanelSpec
from netbuilder.ui.panels.block_page import BlockPage
from netbuilder.ui.panels.cards import label, section
from netbuilder.ui.panels.node_page import NodePage
from netbuilder.ui.panels.plan_page import PlanPage
from netbuilder.ui.panels.titles import node_title
from netbuilder.ui.shared_values import assign, promote, shared_parameters
from netbuilder.ui.sight import Sight
from netbuilder.ui.theme import Theme, ThemeController
from netbuilder.ui.workspace import Change, Workspace

_BREATH_MS = 8
"""How long the page for another selection waits once that has been painted: making one takes a frame and more."""

_SLICE = 0.006
"""Seconds that are spent on a page in one go: with what is painted meanwhile, less than a frame."""

_MOST = 4
"""Nodes that are named when a value does not suit them, and kinds of nodes that are counted."""


class GroupPage(QWidget):
    """Several nodes: the parameters that all of them have, edited at once."""

    def __init__(self, workspace: Workspace, nodes: tuple[Node, ...]) -> None:
        super().__init__()
        self._workspace = workspace
        self._nodes = tuple(node.id for node in nodes)
        self._typed: dict[str, Any] = {}  # what is being set just now
        self._gesture = ""
        self._before = self._last = workspace.document
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(label(f"{len(nodes)} nodes", "heading"))
        self._kinds = _kinds(workspace, nodes)
        column.addWidget(label(self._kinds, "muted", wrap=True))
        parameters = shared_parameters(workspace.document, nodes)
        self.form = Form(parameters, in_block=bool(workspace.scope))
        if parameters:
            column.addWidget(section("Shared parameters"))
            column.addWidget(self.form)
            self.form.edited.connect(self._edit)
            self.form.promoted.connect(self._promote)
            self.form.takenBack.connect(self._take_back)
        else:
            column.addWidget(label("They have no parameter in common.", "muted", wrap=True))
        column.addStretch(1)
        self.show_document()

    @property
    def is_outdated(self) -> bool:
        """Whether the nodes are others now than when the page was made, or are declared otherwise."""
        document, scope = self._workspace.document, self._workspace.scope
        if not all(document.holds(node, scope) for node in self._nodes):
            return True
        nodes = tuple(map(document.scope(scope).nodes.__getitem__, self._nodes))
        is_same = _kinds(self._workspace, nodes) == self._kinds
        return not is_same or shared_parameters(document, nodes) != self.form.parameters

    def show_document(self) -> None:
        """Show common values, and where they differ."""
        nodes = self._workspace.document.scope(self._workspace.scope).nodes
        values, mixed = {}, set()
        for parameter in self.form.parameters:
            name = parameter.name
            found = [nodes[node].parameters.get(name, parameter.default) for node in self._nodes]
            if name in self._typed:  # it stays as it is, even where a node has refused it
                continue
            if any(value != found[0] for value in found):
                mixed.add(name)
            if name not in mixed or not is_expression(found[0]):  # one node's expression is not the others'
                values[name] = found[0]
        self.form.set_values(values | self._typed, mixed, self._workspace.sight.values)

    def _edit(self, name: str, value: Any, gesture: str) -> None:
        workspace = self._workspace
        document, block = workspace.document, workspace.sight.values
        merge = self._merge(name, gesture)
        if merge != self._gesture:
            self._gesture, self._before = merge, document
        found = assign(document, document.scope(workspace.scope), self._nodes, name, value, block)
        self._typed = {name: value}
        found.apply(workspace, merge)
        self._typed, self._last = {}, workspace.document
        refused = "\n".join(f"Not set. {problem.message}" for problem in found.refused[:_MOST])
        more = len(found.refused) - _MOST
        self.form.set_notes({name: refused + (f"\nand {more} more" if more > 0 else "")} if refused else {})

    def _take_back(self, name: str, gesture: str) -> None:
        """Bring back the different values that a cancelled gesture had made one."""
        merge, before = self._merge(name, gesture), self._before
        if merge == self._gesture and self._workspace.document is self._last:
            self._workspace.edit("Change", lambda _: before, merge)

    def _promote(self, name: str) -> None:
        """Make a parameter of these layers one of the block that all of them read."""
        parameter = replace(self.form.fields[name].parameter, default=self.form.values()[name])
        promote(self._workspace, self._nodes, parameter)

    def _merge(self, name: str, gesture: str) -> str:
        return f"{'+'.join(self._nodes)}.{name}.{gesture}"


def _kinds(workspace: Workspace, nodes: tuple[Node, ...]) -> str:
    """Return what nodes are in a few words: "2 Conv2d, 1 ReLU"."""
    examples = {node.type: node for node in nodes}  # thousands of nodes are of a few types
    titles = Counter[str]()
    for type_, count in Counter(map(attrgetter("type"), nodes)).items():
        titles[node_title(workspace.document, examples[type_])] += count
    counts = titles.most_common()
    words = [f"{count} {title}" for title, count in counts[:_MOST]]
    return ", ".join(words) + (f" and {sum(count for _, count in counts[_MOST:])} others" if counts[_MOST:] else "")


Page: TypeAlias = "NodePage | GroupPage | PlanPage | BlockPage"


class _Made(NamedTuple):
    """A page that was made.

    Attributes:
        page: The page.
        wish: What it is a page of.
        sight: What was known when it was begun.
    """

    page: Page
    wish: object
    sight: Sight


class _Frame(QWidget):
    """What a page lies in.

    Signals:
        painted: () it was painted.
    """

    painted = Signal()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Tell."""
        super().paintEvent(event)
        self.painted.emit()


_NARROWEST = 256


class InspectorPanel(QScrollArea):
    """Shows the page that suits the selection, and keeps it true."""

    def __init__(self, workspace: Workspace, themes: ThemeController) -> None:
        super().__init__()
        self._workspace, self._themes = workspace, themes
        self.page: Page | None = None
        self._shown: object = None
        self._drafts: dict[str, str] = {}
        self._plan: PlanPage | None = None  # kept: making it takes longer than a frame
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Inspector")
        self._frame = _Frame()
        self._frame.painted.connect(self._note_paint)
        self._frame.setObjectName("inspector")
        self._column = QVBoxLayout(self._frame)
        self._column.setContentsMargins(14, 12, 14, 14)
        self.setWidget(self._frame)
        # One page is made for a burst of changes, after the frame that shows them, and none before the window has
        # painted itself once.
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._show_in_time)
        self._is_next = False  # the frame has been painted
        self._making: Steps[_Made | None] | None = None
        self._was_painted = False
        workspace.selectionChanged.connect(self._show_soon)
        workspace.scopeChanged.connect(self._show_soon)
        workspace.documentReplaced.connect(self._replace)
        workspace.documentChanged.connect(self._change)
        workspace.shapesChanged.connect(self._show_shapes)
        workspace.telemetry.connect(self._hear)
        workspace.stateChanged.connect(self._show_run)
        workspace.live_edits.changed.connect(self._note_edits)
        themes.changed.connect(self._restyle)

    def sizeHint(self) -> QSize:
        """Return the width in which forms read well."""
        return QSize(284, 600)

    def minimumSizeHint(self) -> QSize:
        """Return the width below which fields would be cut off: forms do not scroll sideways."""
        return QSize(_NARROWEST, super().minimumSizeHint().height())

    def showEvent(self, event: QShowEvent) -> None:
        """Make the page that suits the selection: the first one right after the first paint."""
        super().showEvent(event)
        self._show_soon()
        self._show_run()

    def _note_paint(self) -> None:
        if not self._was_painted:
            self._was_painted = True
            self._show_soon()

    def _show_soon(self) -> None:
        self._abandon()
        self._is_next = False
        self._timer.start(0)

    def _show_in_time(self) -> None:
        if not self._is_next:
            self._is_next = True
            self._timer.start(_BREATH_MS)
        elif self._was_painted or not self.isVisible():
            self._go_on(perf_counter() + _SLICE)

    def show_selection(self) -> None:
        """Show the page for the selection now, made as far as it is not there."""
        self._timer.stop()
        self._go_on(inf)

    def _go_on(self, deadline: float) -> None:
        """Make the page for the selection until the time is over; the one before stays until it is whole."""
        if self._making is None:
            self._making = self._make_page()
        while True:
            try:
                next(self._making)
            except StopIteration as end:
                made: _Made | None = end.value
                break
            if perf_counter() >= deadline:
                self._timer.start(0)
                return
        self._making = None
        if made is not None:
            self._turn_to(made)

    def _abandon(self) -> None:
        """Make no page that is not wanted any more."""
        if self._making is not None:
            self._making.close()
            self._making = None

    def _make_page(self) -> Steps[_Made | None]:
        """Return the page for the selection; None where that is shown."""
        nodes = self._workspace.document.scope(self._workspace.scope).nodes
        chosen = tuple(nodes[node] for node in nodes if node in self._workspace.selection)
        wish = (self._workspace.scopes.at, *((node.id, node.type) for node in chosen))
        if wish == self._shown and self.page is not None:
            return None
        sight = self._workspace.sight
        if len(chosen) == 1:
            page: Page = yield from self._make_node_page(chosen[0])
        elif chosen:
            page = GroupPage(self._workspace, chosen)
        elif self._workspace.scope:
            page = BlockPage(self._workspace, self._themes.theme)
        else:
            page = self._plan = self._plan or PlanPage(self._workspace)
        yield
        return _Made(page, wish, sight)

    def _make_node_page(self, node: Node) -> Steps[NodePage]:
        """Make a page out of sight."""
        page = NodePage(self._workspace, self._themes.theme, node)
        page.hide()
        self._column.addWidget(page)
        try:
            yield from page.make()
        except BaseException:  # also when it is not wanted any more
            if isValid(page):
                page.deleteLater()
            raise
        return page

    def _turn_to(self, made: _Made) -> None:
        """Show a page in the place of the one that is shown."""
        page, before = made.page, self._workspace.document
        self._shown = made.wish
        if self.page is not None:
            self._dismiss(self.page)  # what was typed there last may be an edit
        self.page = page
        if isinstance(page, NodePage):
            if self._workspace.document is not before:
                page.show_node()
            if self._workspace.sight is not made.sight:
                page.show_shapes()
        elif isinstance(page, PlanPage) or self._workspace.document is not before:
            page.show_document()
        if isinstance(page, PlanPage):
            page.show_run()
        if isinstance(page, NodePage) and page.node in self._drafts:
            page.set_draft(self._drafts.pop(page.node))
        if self._column.indexOf(page) < 0:
            self._column.addWidget(page)
        page.show()
        self.verticalScrollBar().setValue(0)

    def focus_setting(self) -> None:
        """Go to the first setting of what is selected, where it has any."""
        self.show_selection()
        form = getattr(self.page, "form", None)
        stop = first_stop(form) if form is not None else None
        if stop is not None:
            stop.setFocus(Qt.FocusReason.TabFocusReason)
            self.ensureWidgetVisible(stop)

    def _dismiss(self, page: Page) -> None:
        if page is self._plan:
            page.hide()
            return
        if isinstance(page, NodePage) and page.draft is not None:
            self._drafts[page.node] = page.draft  # code that was typed is not lost by looking elsewhere
        page.hide()
        self._column.removeWidget(page)
        if isinstance(page, NodePage) and page.data is not None and page.data.is_busy:
            # A path was typed and the node left: what is being read still has to reach the document.
            page.data.settled.connect(page.deleteLater)
        else:
            page.deleteLater()

    def _replace(self) -> None:
        self._shown = None
        self._show_soon()

    def _change(self, change: Change) -> None:
        if change.difference.is_layout_only:
            return
        if self._making is not None:  # of what was
            self._show_soon()
        if self.page is None:
            return
        nodes = change.new.scope(self._workspace.scope).nodes
        if isinstance(self.page, NodePage):
            node = nodes.get(self.page.node)
            if node is None or node.type != self.page.type or self.page.is_outdated:
                self._replace()
            else:
                self.page.show_node()
        elif isinstance(self.page, PlanPage):
            self.page.show_document()
            self.page.show_run()
        elif isinstance(self.page, BlockPage):
            if self.page.key == self._workspace.scope:
                self.page.show_document()
        elif self.page.is_outdated:
            self._replace()
        else:
            self.page.show_document()

    def _show_shapes(self) -> None:
        if isinstance(self.page, BlockPage):
            if self.page.key == self._workspace.scope:
                self.page.show_shapes()
        elif isinstance(self.page, NodePage) and self._is_current():
            self.page.show_shapes()

    def _note_edits(self) -> None:
        self._show_run()

    def _hear(self, _: object) -> None:
        if self.isVisible():  # else it is shown with the page
            self._workspace.turns.ask(self, self._show_run)

    def _show_run(self, _: object = None) -> None:
        if isinstance(self.page, PlanPage) or (
            isinstance(self.page, NodePage) and self._is_current() and self.isVisible()
        ):
            self.page.show_run()

    def _is_current(self) -> bool:
        """Whether the page's node is still in the document; a new page is on its way where it is not."""
        assert isinstance(self.page, NodePage)
        return self.page.node in self._workspace.document.scope(self._workspace.scope).nodes

    def _restyle(self, theme: Theme) -> None:
        if isinstance(self.page, NodePage) and self._is_current():
            self.page.set_theme(theme)
        elif isinstance(self.page, BlockPage):
            self.page.swatch.theme = theme
            self.page.swatch.update()


def _make(workspace: Workspace, themes: ThemeController) -> QWidget:
    return InspectorPanel(workspace, themes)


PANEL = PanelSpec(key="inspector", title="Inspector", area=Area.RIGHT, order=10, shortcut="Ctrl+7", make=_make)
