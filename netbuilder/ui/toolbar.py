"""The toolbar: train, step, stop, where, how far, how fast; and export."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QLabel, QMenu, QProgressBar, QSizePolicy, QToolBar, QToolButton, QWidget

from netbuilder.training.protocol import Progress, State, Telemetry
from netbuilder.ui.actions import Actions
from netbuilder.ui.icons import icon
from netbuilder.ui.text import duration, speed
from netbuilder.ui.workspace import Change, Workspace

_PRIMARY = {
    State.RUNNING: ("Pause", "pause", "Pause after the current step"),
    State.PAUSED: ("Resume", "play", "Go on training"),
    State.STARTING: ("Starting…", "play", "Reading data and building the network"),
    State.STOPPING: ("Stopping…", "play", "Finishing the step and saving"),
}
"""State -> the main button's text, icon and tip; any other state offers Train."""


class Toolbar(QToolBar):
    """The row below the menus."""

    def __init__(self, workspace: Workspace, actions: Actions, parent: QWidget) -> None:
        super().__init__("Training", parent)
        self.setObjectName("toolbar")
        self.setMovable(False)
        self.toggleViewAction().setVisible(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.setIconSize(QSize(14, 14))
        self._workspace = workspace
        self._device_menu = actions.menus["device"]
        self._devices = QActionGroup(self)
        self._train = actions["train.train"]
        self.primary = self._primary_button()
        self.device = QToolButton()
        self.epoch = QLabel()
        self.bar = QProgressBar(textVisible=False)
        self.rate = QLabel()
        self._build(actions)
        self.set_devices((("cpu", "CPU"),))
        workspace.stateChanged.connect(self._show_state)
        workspace.telemetry.connect(self._take)
        workspace.documentReplaced.connect(self._show_plan)
        workspace.documentChanged.connect(self._follow)
        self._show_state(workspace.state)

    # Methods, no lambdas: what the workspace's signals hold would hold the window and keep the workspace alive.

    def _take(self, news: Telemetry) -> None:
        self._show_progress(news.progress)

    def _follow(self, change: Change) -> None:
        if change.difference.plan_changed:
            self._show_plan()

    def set_devices(self, devices: tuple[tuple[str, str], ...]) -> None:
        """Offer these devices: (key, title)."""
        self._device_menu.clear()
        for key, title in devices:
            action = self._device_menu.addAction(title)
            action.setCheckable(True)
            action.setChecked(key == self._workspace.trainer.device)
            action.setData(key)
            action.triggered.connect(lambda _=False, key=key, title=title: self._choose_device(key, title))
            self._devices.addAction(action)
            if action.isChecked():
                self.device.setText(title)

    def _build(self, actions: Actions) -> None:
        self.addWidget(self.primary)
        self.addWidget(_button(actions["train.step"], "bar", "Step"))
        self.addWidget(_button(actions["train.stop"], "bar", "Stop"))
        _dress(self.device, "bar", self._device_menu)
        self.device.setToolTip("Where the next run trains")
        self.device.setAccessibleName("Device")
        self.device.setIcon(icon("chip"))
        self.addWidget(self.device)
        self.epoch.setContentsMargins(8, 0, 4, 0)
        self.addWidget(self.epoch)
        self.bar.setMinimumWidth(80)
        self.bar.setMaximumWidth(360)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName("Training progress")
        self.bar.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.addWidget(self.bar)
        self.rate.setProperty("role", "muted")
        self.rate.setContentsMargins(6, 0, 0, 0)
        self.addWidget(self.rate)
        gap = QWidget()
        gap.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(gap)
        self.addWidget(_button(actions["runs.plot"], "bar", "Compare runs"))
        self.export = QToolButton()
        self.export.setText("Export")
        menu = QMenu(self.export)
        menu.addActions([action for spec, action in actions if spec.menu == "E&xport"])
        _dress(self.export, "bar", menu)
        self.export.setIcon(icon("export"))
        self.addWidget(self.export)

    def _primary_button(self) -> QToolButton:
        """Make the main button; not with the action as its own, whose text and icon the menu keeps."""
        button = QToolButton()
        button.setProperty("role", "primary")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(self._train.trigger)
        self._train.enabledChanged.connect(self._enable_primary)
        return button

    def _enable_primary(self, _: object = None) -> None:
        busy = self._workspace.state in (State.STARTING, State.STOPPING)
        self.primary.setEnabled(self._train.isEnabled() and not busy)

    def choose_device(self, key: str) -> None:
        """Let the next run train on a device that is offered."""
        for action in self._devices.actions():
            if action.data() == key:
                action.trigger()

    def _choose_device(self, key: str, title: str) -> None:
        self._workspace.trainer.device = key
        self.device.setText(title)

    def _show_state(self, state: State) -> None:
        text, name, tip = _PRIMARY.get(state, ("Train", "play", "Train this network"))
        self.primary.setText(text)
        self.primary.setIcon(icon(name, "on_accent"))
        self.primary.setToolTip(f"{tip} (F5)")
        self._enable_primary()
        self.device.setEnabled(not state.is_active)
        self._show_progress(self._workspace.progress)

    def _show_plan(self) -> None:
        self._show_progress(self._workspace.progress)

    def _show_progress(self, progress: Progress) -> None:
        state = self._workspace.state
        epochs = progress.epochs or self._workspace.document.plan.epochs
        current = min(progress.epoch + 1, epochs) if state.is_active else progress.epoch
        self.epoch.setText(f"Epoch {current} / {epochs}" if progress.steps or state.is_active else f"{epochs} epochs")
        self.bar.setValue(round(1000 * progress.step / progress.steps) if progress.steps else 0)
        self.rate.setText(self._words(state, progress))

    def _words(self, state: State, progress: Progress) -> str:
        trainer = self._workspace.trainer
        if trainer.is_waiting:
            return "Loading PyTorch…"
        if trainer.is_revisiting and state is State.ENDED:
            return "Looking back at an earlier run"
        return _rate(state, progress, trainer.tempo > 0)


def _rate(state: State, progress: Progress, is_slowed: bool) -> str:
    if state is State.STARTING:
        return "Building the network"
    if state is State.ENDED:
        return "Finished" if progress.step >= progress.steps else f"Stopped at step {progress.step:,}"
    if state is State.FAILED:
        return "Failed; see the log"
    if state is State.PAUSED:
        return f"Paused at step {progress.step:,}"
    if not state.is_active or not progress.rate:
        return ""
    left = f" · {duration(progress.seconds_left)} left" if progress.seconds_left is not None else ""
    return speed(progress.rate) + (" · slowed down" if is_slowed else "") + left


def _button(action: QAction, role: str, text: str = "") -> QToolButton:
    button = QToolButton()
    if text:
        # The toolbar has room for less than the menu says.
        action.setIconText(text)
    button.setDefaultAction(action)
    button.setProperty("role", role)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def _dress(button: QToolButton, role: str, menu: QMenu) -> None:
    button.setProperty("role", role)
    button.setMenu(menu)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
