"""The timeline: a slider over the moments of the run that are kept, and what can be done from them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSlider, QStyle, QStyleOptionSlider, QToolButton, QWidget

from netbuilder.training.moments import PINNED, Moment, Reason
from netbuilder.ui.icons import icon
from netbuilder.ui.panels.cards import ElidedLabel
from netbuilder.ui.theme import Theme
from netbuilder.ui.time_travel import TimeTravel

_WORDS = {
    Reason.BEST: "best so far",
    Reason.CHANGE: "before a change",
    Reason.WISH: "kept",
    Reason.END: "the end",
}
NOW = "now"


def moment_text(moment: Moment) -> str:
    """Return what people call a moment."""
    word = _WORDS.get(moment.reason)
    return f"step {moment.step:,} · epoch {moment.epoch}" + (f" · {word}" if word else "")


class MomentSlider(QSlider):
    """A slider whose stops are the moments, in order; the last one is now.

    Marks above the line tell moments of a kind: what was kept by wish or before a change, and the best ones.
    """

    def __init__(self, past: TimeTravel, theme: Theme) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.theme = theme
        self._past = past
        self.setAccessibleName("Moment of the run")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(80)
        self.setPageStep(5)
        self.valueChanged.connect(self._choose)

    def sizeHint(self) -> QSize:
        """Return the room that handle and marks need."""
        return QSize(240, 22)

    def follow(self) -> None:
        """Show the moments that there are, and the one that is shown."""
        moments = self._past.moments
        steps = [moment.step for moment in moments]
        place = len(steps)
        if self._past.shown is not None:
            place = next((at for at, step in enumerate(steps) if step >= self._past.shown), len(steps))
        self.blockSignals(True)
        self.setRange(0, len(steps))
        self.setValue(place)
        self.blockSignals(False)
        self.update()

    def _choose(self, value: int) -> None:
        moments = self._past.moments
        self._past.pause()
        self._past.look(moments[value].step if value < len(moments) else None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Play with the space bar; the rest moves the handle."""
        if event.key() == Qt.Key.Key_Space:
            self._past.play_or_pause()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the slider, and the marks above it."""
        super().paintEvent(event)
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            for at, moment in enumerate(self._past.moments):
                token = "accent" if moment.reason in PINNED else "good" if moment.reason is Reason.BEST else "muted"
                painter.setBrush(self.theme.color(token))
                size = 2.0 if token == "muted" else 4.0
                painter.drawEllipse(QRectF(self._column(at) - size / 2, 3 - size / 2, size, size))

    def _column(self, value: int) -> float:
        """Return where the handle's middle is at a value."""
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        part, style = QStyle.SubControl.SC_SliderHandle, self.style()
        handle = style.subControlRect(QStyle.ComplexControl.CC_Slider, option, part, self).width()
        room = self.width() - handle
        return handle / 2 + QStyle.sliderPositionFromValue(self.minimum(), self.maximum(), value, room)


class Timeline(QWidget):
    """The slider between its buttons; hidden while there is nothing to look back at."""

    def __init__(self, past: TimeTravel, theme: Theme) -> None:
        super().__init__()
        self._past = past
        self.slider = MomentSlider(past, theme)
        self.earlier = _button("earlier", "Earlier moment", past.earlier)
        self.play = _button("play", "Play", past.play_or_pause)
        self.later = _button("step", "Later moment", past.later)
        self.words = ElidedLabel("", "muted")
        self.words.setMinimumWidth(190)
        self.now = _worded("Now", "Show the network as it is", past.return_to_now)
        self.go_on = _worded("Go on from here", "", past.go_on)
        self.branch = _worded("Branch", "", past.branch)
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 0, 2, 0)
        row.setSpacing(6)
        for widget in (self.earlier, self.play, self.later, self.slider, self.words, self.now, self.go_on, self.branch):
            row.addWidget(widget, 1 if widget is self.slider else 0)
        past.changed.connect(self.follow)
        self.follow()

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.slider.theme = theme
        self.slider.update()

    def follow(self) -> None:
        """Show what there is, where one stands, and what can be done."""
        past = self._past
        self.setVisible(bool(past.moments))
        self.slider.follow()
        shown = past.moment
        self.words.setText(NOW if past.shown is None else moment_text(shown) if shown else f"step {past.shown:,}")
        away, is_active = past.shown is not None, past.is_active
        first = bool(past.moments) and past.shown == past.moments[0].step
        self.earlier.setEnabled(bool(past.moments) and not first)
        self.later.setEnabled(away)
        self.now.setEnabled(away)
        self.play.setIcon(icon("pause" if past.is_playing else "play"))
        self.play.setToolTip("Stop playing" if past.is_playing else "Show one moment after the other")
        self.play.setAccessibleName("Stop playing" if past.is_playing else "Play")
        self.go_on.setEnabled(away)
        self.go_on.setToolTip(
            "Train on from this moment; what came after it is kept as a run of its own"
            if away
            else "Choose an earlier moment first"
        )
        self.branch.setVisible(not is_active)
        self.branch.setEnabled(shown is not None)
        self.branch.setToolTip(
            "Start a new run from this moment, with the plan as it is now" if away else "Choose an earlier moment first"
        )


def _button(name: str, title: str, call: Callable[[], None]) -> QToolButton:
    made = QToolButton()
    made.setIcon(icon(name))
    made.setProperty("role", "small")
    made.setAccessibleName(title)
    made.setToolTip(title)
    made.setFixedSize(24, 22)
    made.clicked.connect(call)
    return made


def _worded(title: str, tip: str, call: Callable[[], None]) -> QToolButton:
    made = QToolButton()
    made.setText(title)
    made.setProperty("role", "small")
    made.setToolTip(tip)
    made.setFixedHeight(22)
    made.clicked.connect(call)
    return made
