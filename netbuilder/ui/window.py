"""The main window: menus, toolbar, palette, canvas and code in the middle, inspector and panels around."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import (
    QActionGroup,
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow, QWidget

from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training.protocol import State, Telemetry
from netbuilder.ui import closing, dialogs
from netbuilder.ui.action_targets import find_targets
from netbuilder.ui.actions import Actions
from netbuilder.ui.background import Background
from netbuilder.ui.crash import CrashDialog
from netbuilder.ui.file_actions import FileActions
from netbuilder.ui.go_on_actions import GoOnActions
from netbuilder.ui.import_actions import ImportActions
from netbuilder.ui.journaling import JournalKeeper
from netbuilder.ui.outside_watch import OutsideWatch
from netbuilder.ui.pages import Pages
from netbuilder.ui.panels.cards import ElidedLabel
from netbuilder.ui.recovery_actions import RecoveryActions
from netbuilder.ui.standpoint import shown_as
from netbuilder.ui.status import StatusBar
from netbuilder.ui.text import counted
from netbuilder.ui.theme import MODES, ThemeController
from netbuilder.ui.toolbar import Toolbar
from netbuilder.ui.version_actions import VersionActions
from netbuilder.ui.ways_on import ways_on, with_fixes
from netbuilder.ui.workspace import Workspace

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView
    from netbuilder.ui.command_palette import CommandPalette
    from netbuilder.ui.docks import Docks
    from netbuilder.ui.start.page import StartPage


_NAME_WIDTH = 360
_MENU_GAP = 26
"""Pixels: what the file's name takes at most, and what the menu bar puts around a menu's title."""


class _FileState(ElidedLabel):
    """The file's name at the end of the menu bar, which gives its corner the size that it asks for.

    Attributes:
        room: Its width in pixels, whatever the name: a longer one has to find room as it is.
    """

    room = _NAME_WIDTH

    def sizeHint(self) -> QSize:
        """Return the room there is."""
        return QSize(self.room, super().sizeHint().height())


class MainWindow(QMainWindow):
    """The window.

    Signals:
        painted: () it has been on the screen for the first time.
        furnished: () after that, canvas, palette and panels are there.
        closed: (bool) it was closed; whether everything in the background has come to its end.
    """

    painted = Signal()
    furnished = Signal()
    closed = Signal(bool)

    def __init__(self, workspace: Workspace, theme: ThemeController) -> None:
        super().__init__()
        self.workspace, self.theme = workspace, theme
        self.setAcceptDrops(True)
        self.resize(1600, 1000)
        self.background = Background(self)
        self.background.failed.connect(self.show_problems)
        self.files = FileActions(self)
        self.versions = VersionActions(self)
        self.recovery = RecoveryActions(self)
        self.journal = JournalKeeper(workspace)
        self.outside = OutsideWatch(self)
        self.imports = ImportActions(self)
        self.going_on = GoOnActions(self)
        self.middle = Pages()
        self.setCentralWidget(self.middle)
        self._docks: Docks | None = None
        self.actions_ = Actions(self, find_targets(self), workspace)
        self.toolbar = Toolbar(workspace, self.actions_, self)
        self.addToolBar(self.toolbar)
        self.status = StatusBar(workspace, theme, self)
        self.setStatusBar(self.status)
        self.start_page: StartPage | None = None
        self.commands: CommandPalette | None = None
        self._was_painted = False
        self._titles = False
        self._may_close = False
        self._fill_menu_bar()
        self._fill_menus()
        self._connect()
        self._restore()
        self._refresh_title()
        self.actions_.refresh()

    # What comes after the first paint --------------------------------------------------------------------------------

    def furnish(self) -> None:
        """Make the canvas, the palette and the panels, unless they are there.

        Half of the time until they are painted goes into importing what they need, so the window is first painted with
        its menus, toolbar and status bar, and furnished right after that, or as soon as anybody asks for `docks`.
        """
        if self._docks is not None:
            return
        from netbuilder.ui.announcer import Announcer
        from netbuilder.ui.docks import Docks

        self.workspace.analysis.release()
        self._docks = docks = Docks(self, self.workspace, self.theme)
        self.announcer = Announcer(self.workspace, docks.canvas)
        self.middle.insertWidget(0, docks.tabs)
        self.actions_.attach_canvas(docks.canvas)
        docks.order_tabs(self.toolbar.export)
        self.actions_.menus["panels"].addActions(docks.actions())
        docks.palette.chosen.connect(docks.canvas.add)
        docks.canvas.zoomChanged.connect(self.status.show_zoom)
        docks.canvas.settingsAsked.connect(docks.open_settings)
        self.status.healthRequested.connect(partial(docks.show, "health"))
        docks.restore(self.workspace.preferences)
        if self.is_start_page_shown:
            docks.set_visible(False)
        else:
            docks.canvas.setFocus()
        if self.isVisible():
            docks.polish_tabs()
            docks.canvas.fit_opening()

    @property
    def is_furnished(self) -> bool:
        """Whether canvas, palette and panels are there."""
        return self._docks is not None

    @property
    def docks(self) -> Docks:
        """The canvas' tabs and the panels around them."""
        self.furnish()
        assert self._docks is not None, "furnish makes them"
        return self._docks

    @property
    def canvas(self) -> CanvasView:
        """The canvas."""
        return self.docks.canvas

    def canvas_in_sight(self) -> CanvasView:
        """Return the canvas, brought to front."""
        if self.is_start_page_shown or self.docks.tabs.currentWidget() is not self.canvas:
            self.show_network()
        return self.canvas

    def areas_in_sight(self) -> list[QWidget]:
        """Return the parts of the window that F6 goes round, in their order."""
        if self.is_start_page_shown:
            return [self.middle]
        return [*self.docks.areas_in_sight(), self.toolbar]

    # What the actions call -----------------------------------------------------------------------------------------

    @property
    def is_start_page_shown(self) -> bool:
        """Whether the start page stands in the middle."""
        return self.start_page is not None and self.middle.currentWidget() is self.start_page

    def show_start(self) -> None:
        """Show the start page in place of everything but the menus."""
        if self.is_start_page_shown:
            return
        if self.start_page is None:
            from netbuilder.ui.start.page import StartPage

            self.start_page = StartPage(self.workspace.file, self.theme)
            self.start_page.asked.connect(lambda id: self.actions_[id].trigger())
            self.start_page.fileChosen.connect(self.files.open_path)
            self.start_page.templateChosen.connect(self.files.open_template)
            self.middle.addWidget(self.start_page)
        self.start_page.refresh()
        self._set_furniture_visible(False)
        self.middle.setCurrentWidget(self.start_page)

    def show_network(self) -> None:
        """Show the canvas with everything around it."""
        if self.is_start_page_shown:
            self.middle.setCurrentWidget(self.docks.tabs)
            self._set_furniture_visible(True)
        if self._docks is not None:
            self._docks.tabs.setCurrentWidget(self._docks.canvas)
            self._docks.canvas.setFocus()

    def show_preferences(self) -> None:
        """Show the preferences."""
        from netbuilder.ui.preferences_dialog import PreferencesDialog

        dialog = PreferencesDialog(self.workspace.preferences, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.changed.connect(self._apply_preference)
        dialog.open()

    def show_shortcuts(self) -> None:
        """Show every key."""
        from netbuilder.ui.canvas.keys import GESTURES

        dialog = dialogs.ShortcutsDialog(self, GESTURES)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def show_about(self) -> None:
        """Show what this is."""
        dialog = dialogs.AboutDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def show_problems(self, title: str, problems: Iterable[Problem]) -> None:
        """Say what could not be done and why, and offer what mends it."""
        from netbuilder.ui.panels.watched import find_node

        told = tuple(problems)
        request = self.workspace.goOnRequested.emit
        ways = [(way.title, way.tip, partial(request, "", way.how)) for each in told for way in ways_on(each)]
        places = [each.node for each in told if find_node(self.workspace, each.node) and not each.fixes]
        if places and not ways:
            ways = [("Show it", "Select the layer that this is about", partial(self.workspace.reveal, places[0]))]
        dialogs.show_problems(self, title, told, self.workspace.apply_fix, ways)

    def focus_palette(self) -> None:
        """Go to the palette's search."""
        self.docks.show("palette")
        self.docks.palette.focus_search()

    def show_commands(self) -> None:
        """Let the user search everything that the menus offer."""
        from netbuilder.ui.command_palette import CommandPalette

        if self.commands is None:
            self.commands = CommandPalette(self, self.actions_, self.workspace.preferences)
        self.commands.ask()

    def next_problem(self) -> None:
        """Bring the next node with a problem into view."""
        self.docks.show("problems")
        nodes = list(dict.fromkeys(problem.node for problem in self.workspace.problems if problem.node))
        if nodes:
            document, at, chosen = self.workspace.document, self.workspace.scopes.at, self.workspace.selection
            current = max((i for i, path in enumerate(nodes) if shown_as(document, path, at) in chosen), default=-1)
            self.workspace.reveal(nodes[(current + 1) % len(nodes)])

    def open_library(self) -> None:
        """Show the folder of the user's blocks."""
        try:
            folder = self.workspace.library.make_folder()
        except NetbuilderError as error:
            self.show_problems("The folder cannot be shown", error.problems)
            return
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def toggle_titles(self) -> None:
        """Show or hide the title bars by which panels are moved."""
        self._titles = not self._titles
        self.docks.set_titles_shown(self._titles)

    def toggle_full_screen(self) -> None:
        """Take the whole screen, or give it back."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    # Qt's events ---------------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Show the whole network, where it is there already, now that its place has a size."""
        super().showEvent(event)
        if self._docks is not None:
            self._docks.polish_tabs()
            if not self._was_painted:
                self._docks.canvas.fit_opening()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the file's name have the room that the menus leave."""
        super().resizeEvent(event)
        bar = self.menuBar()
        metrics = bar.fontMetrics()
        menus = sum(metrics.horizontalAdvance(action.text()) + _MENU_GAP for action in bar.actions())
        room = max(0, min(_NAME_WIDTH, self.width() - menus - self.brand.sizeHint().width()))
        if room != self.file_state.room:
            self.file_state.room = room
            bar.setCornerWidget(self.file_state, Qt.Corner.TopRightCorner)  # it asks for the size again

    def paintEvent(self, event: QPaintEvent) -> None:
        """Tell when the first paint is over."""
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self._after_first_paint)

    def _after_first_paint(self) -> None:
        self.painted.emit()
        self.furnish()
        self.furnished.emit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped, once the drag is over: a question must not hold up the program it came from."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        if paths:
            QTimer.singleShot(0, lambda: self.files.open_path(paths[0]))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask what could be lost; then stop whatever runs, remember the window, and go."""
        if not self._may_close and not closing.ask_to_close(self) and not self._may_close:
            event.ignore()  # looked at twice: a signal may come while the question waits for its answer
            return
        self._remember()
        self.hide()
        # Where nobody was asked, what is not saved waits for the next start.
        self.closed.emit(closing.wind_up(self, keep=self._may_close and self.workspace.is_modified))
        event.accept()

    def close_now(self) -> None:
        """Close without asking anything, for scripts and signals; a question that is open is left unanswered."""
        self._may_close = True
        asked = None
        while (open_now := QApplication.activeModalWidget()) is not None and open_now is not asked:
            asked = open_now
            asked.close()
        self.close()

    # Inside --------------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        workspace = self.workspace
        refreshing = (
            workspace.documentChanged,
            workspace.documentReplaced,
            workspace.selectionChanged,
            workspace.scopeChanged,
            workspace.stateChanged,
            workspace.shapesChanged,
            workspace.fileChanged,
            workspace.runs.selectionChanged,
            workspace.past.changed,
            workspace.live_edits.changed,
        )
        for signal in refreshing:
            signal.connect(self.actions_.refresh)
        workspace.fileChanged.connect(self._refresh_title)
        workspace.problemsRaised.connect(self._show_raised)
        workspace.runs.asked.connect(self._act)
        workspace.telemetry.connect(self._watch_for_defects)
        workspace.stateChanged.connect(self._note_end)
        workspace.documentReplaced.connect(self.going_on.offer)
        workspace.goOnRequested.connect(self.going_on.go_on)
        self.journal.troubled.connect(self.workspace.message)

    def _fill_menu_bar(self) -> None:
        bar = self.menuBar()
        bar.setNativeMenuBar(False)
        # Both are kept here: the menu bar does not keep Python's side of its corners alive.
        self.brand = QLabel("NetBuilder")
        self.brand.setObjectName("brand")
        bar.setCornerWidget(self.brand, Qt.Corner.TopLeftCorner)
        self.file_state = _FileState()
        self.file_state.setObjectName("fileState")
        self.file_state.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        bar.setCornerWidget(self.file_state, Qt.Corner.TopRightCorner)
        self.actions_.fill(bar)

    def _fill_menus(self) -> None:
        menus = self.actions_.menus
        menus["recent"].aboutToShow.connect(self._fill_recent)
        group = QActionGroup(self)
        for mode, title in MODES.items():
            action = menus["theme"].addAction(title)
            action.setCheckable(True)
            action.setChecked(mode == self.theme.mode)
            action.triggered.connect(lambda _=False, mode=mode: self._set_theme(mode))
            group.addAction(action)

    def _fill_recent(self) -> None:
        menu = self.actions_.menus["recent"]
        menu.clear()
        for file in self.workspace.file.recent:
            menu.addAction(file.path.replace("&", "&&"), partial(self.files.open_path, Path(file.path)))
        if menu.isEmpty():
            menu.addAction("Nothing yet").setEnabled(False)
        else:
            menu.addSeparator()
            menu.addAction("Clear this list", self.workspace.file.forget_recent)

    def _set_theme(self, mode: str) -> None:
        self.workspace.preferences.set("theme", mode)
        self.theme.set_mode(mode)

    def _apply_preference(self, name: str, value: object) -> None:
        if name == "theme":
            self.theme.set_mode(str(value))
        elif self._docks is not None:
            self._docks.canvas.views.refresh()
        self.actions_.refresh()

    def _act(self, id: str) -> None:
        self.actions_[id].trigger()

    def _show_raised(self, problems: tuple[Problem, ...]) -> None:
        is_listed = all(problem in self.workspace.problems for problem in problems)
        self.show_problems("It cannot be trained yet" if is_listed else "This cannot be done", problems[:5])
        if is_listed:
            self.docks.show("problems")
        self.workspace.message.emit(counted(len(problems), "problem"))

    def _watch_for_defects(self, news: Telemetry) -> None:
        for event in news.events:
            if event.kind == "crash":
                CrashDialog(
                    str(event.data.get("traceback", event.text)), "Training met a defect in NetBuilder", self
                ).open()
            elif event.kind == "change" and event.problems:
                self.show_problems("The run goes on without this change", event.problems)
            elif event.kind == "problem" and event.problems:
                stopped = any(problem.is_error for problem in event.problems)
                end = "The run has stopped" if self.workspace.progress.step else "The run could not begin"
                title = end if stopped else "The run goes on, but"
                is_over = self.workspace.trainer.is_revisiting
                mendable = [with_fixes(problem, self.workspace.document) for problem in event.problems]
                self.show_problems("The run cannot be looked into" if is_over else title, mendable)
            elif event.kind == "revival":
                self.workspace.message.emit(event.text)

    def _note_end(self, state: State) -> None:
        if state is State.ENDED and not self.workspace.trainer.is_revisiting:
            self.workspace.control.note_result()

    def _refresh_title(self) -> None:
        name, edited = self.workspace.name, self.workspace.is_modified
        self.setWindowTitle(f"{name}[*] — NetBuilder")
        self.setWindowModified(edited)
        file = self.workspace.path.name if self.workspace.path else name
        self.file_state.setText(f"{file} — edited" if edited else file)

    def _set_furniture_visible(self, visible: bool) -> None:
        if self._docks is not None:
            self._docks.set_visible(visible)
        self.toolbar.setVisible(visible)
        self.status.setVisible(visible)
        self.file_state.setVisible(visible)

    def _remember(self) -> None:
        if self.is_start_page_shown:
            self.show_network()
        preferences = self.workspace.preferences
        preferences.set("window.geometry", bytes(self.saveGeometry().toBase64().data()).decode())
        if self._docks is not None:
            self._docks.save(preferences)
            self._docks.canvas.commands.usage.save()
            self._docks.canvas.following.remember()

    def stay_on_screen(self) -> None:
        """Take no more room than the screen has: it may be smaller than the last one, or everything larger."""
        if not self.isMaximized():
            self.resize(self.size().boundedTo(self.screen().availableSize()))

    def _restore(self) -> None:
        geometry = self.workspace.preferences.get("window.geometry")
        if isinstance(geometry, str):
            self.restoreGeometry(QByteArray.fromBase64(geometry.encode()))
