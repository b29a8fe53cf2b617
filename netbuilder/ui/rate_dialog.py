"""The learning-rate finder's result: the loss over the rate, and a cursor that picks one."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from netbuilder.document import edits
from netbuilder.training import optimizers
from netbuilder.ui.dialog import Dialog
from netbuilder.ui.panels.axis import Axis, range_of, short_text
from netbuilder.ui.panels.axis_lines import paint_axes
from netbuilder.ui.theme import Theme

if TYPE_CHECKING:
    from netbuilder.insight.rate_finder import RateCurve
    from netbuilder.ui.window import MainWindow

STEP = 10 ** (1 / 20)
"""A key moves the cursor by this factor: twenty presses are a decade."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 16, 34

_LABEL = 13
"""Height of a mark's name."""


class RateView(QWidget):
    """Draws the loss over the learning rate; the cursor is dragged, or moved with Left and Right.

    Signals:
        picked: (float) the cursor stands at another rate.

    Attributes:
        rate: Where the cursor stands.
    """

    picked = Signal(float)

    def __init__(self, curve: RateCurve, rate: float, current: float, theme: Theme) -> None:
        """Show a curve.

        Args:
            curve: What was found.
            rate: Where the cursor stands at first.
            current: The rate that the plan has now.
            theme: The colours.
        """
        super().__init__()
        self._curve, self._current, self._theme = curve, current, theme
        self.rate = rate
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.SizeHorCursor)
        self.setAccessibleName("Loss over learning rate")

    def sizeHint(self) -> QSize:
        """Return a size in which the curve can be read."""
        return QSize(640, 300)

    def pick(self, rate: float) -> None:
        """Move the cursor; it stays within what was tried."""
        rate = min(max(rate, self._curve.rates[0]), self._curve.rates[-1])
        if rate != self.rate:
            self.rate = rate
            self.picked.emit(rate)
            self.update()

    def loss_at(self, rate: float) -> float:
        """Return the smoothed loss at a rate."""
        rates, losses = np.log(self._curve.rates), np.asarray(self._curve.smoothed)
        return float(np.interp(np.log(rate), rates, losses))

    @property
    def _axes(self) -> tuple[Axis, Axis]:
        rates, losses = self._curve.rates, np.asarray(self._curve.smoothed)
        # What explodes at the end would press everything else flat.
        start = float(np.median(losses[: max(len(losses) // 4, 1)]))
        low, high = range_of(float(losses.min()), min(float(losses.max()), 1.6 * start), logarithmic=False)
        across = Axis(rates[0], rates[-1], _LEFT, self.width() - _RIGHT, logarithmic=True)
        return across, Axis(low, high, self.height() - _BOTTOM, _TOP)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the axes, the losses, and where which rates are."""
        across, up = self._axes
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            paint_axes(painter, self._theme, across, up, "learning rate", short_text)
            painter.setClipRect(
                QRectF(_LEFT, _TOP - 4, self.width() - _LEFT - _RIGHT, self.height() - _TOP - _BOTTOM + 8)
            )
            raw = QColor(self._theme.muted)
            raw.setAlpha(110)
            self._paint_line(painter, across, up, self._curve.losses, QPen(raw, 1))
            self._paint_line(painter, across, up, self._curve.smoothed, QPen(QColor(self._theme.accent), 2))
            self._paint_marks(painter, across)
            x = across.pixel(self.rate)
            painter.setPen(QPen(QColor(self._theme.validation), 2))
            painter.drawLine(QPointF(x, _TOP + 2 * _LABEL), QPointF(x, self.height() - _BOTTOM))
            painter.setBrush(QColor(self._theme.validation))
            painter.drawEllipse(QPointF(x, up.pixel(self.loss_at(self.rate))), 4.5, 4.5)

    def _paint_line(self, painter: QPainter, across: Axis, up: Axis, values: tuple[float, ...], pen: QPen) -> None:
        xs = across.pixels(np.asarray(self._curve.rates)).tolist()
        ys = np.clip(up.pixels(np.asarray(values)), -1e4, 1e4).tolist()
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in zip(xs, ys, strict=True)]))

    def _paint_marks(self, painter: QPainter, across: Axis) -> None:
        """Name the rates that matter; names that would touch stand one below the other."""
        theme, end = self._theme, -math.inf
        marks = (
            (self._current, theme.muted, "now"),
            (self._curve.steepest, theme.good, "steepest"),
            (self._curve.least, theme.bad, "least"),
        )
        known = [each for each in marks if each[0] and self._curve.rates[0] <= each[0] <= self._curve.rates[-1]]
        for rate, color, text in sorted(known, key=lambda each: each[0] or 0.0):
            x = across.pixel(rate or 0.0)
            top = _TOP - 4 + (_LABEL if x - 30 < end else 0)
            end = x + 30 if top < _TOP else -math.inf
            painter.setPen(QPen(QColor(color), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(x, top + _LABEL + 2), QPointF(x, self.height() - _BOTTOM))
            painter.drawText(QRectF(x - 40, top, 80, _LABEL), Qt.AlignmentFlag.AlignHCenter, text)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Put the cursor where the mouse is."""
        if event.button() is Qt.MouseButton.LeftButton:
            self.pick(self._axes[0].value(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the cursor."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.pick(self._axes[0].value(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the cursor with Left and Right."""
        if event.key() == Qt.Key.Key_Left:
            self.pick(self.rate / STEP)
        elif event.key() == Qt.Key.Key_Right:
            self.pick(self.rate * STEP)
        else:
            super().keyPressEvent(event)


class RateDialog(Dialog):
    """Shows what the finder found, and sets the plan's learning rate."""

    def __init__(self, window: MainWindow, curve: RateCurve) -> None:
        super().__init__(window)
        self._workspace, self._curve = window.workspace, curve
        phase = window.workspace.document.plan.phases[0]
        self._spec, values = optimizers.find(phase.optimizer)
        current = float(values["learning_rate"])
        self.setWindowTitle("Learning rate")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        heading = QLabel("Learning rate")
        heading.setProperty("role", "heading")
        self.verdict = QLabel(self._verdict(current))
        self.verdict.setWordWrap(True)
        self.view: RateView | None = None
        self.reading = QLabel()
        self.reading.setProperty("role", "number")
        self.go = QPushButton()
        self.go.setProperty("role", "primary")
        self.go.clicked.connect(self._use)
        self.leave = QPushButton("Close")
        self.leave.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addWidget(self.reading)
        buttons.addStretch(1)
        buttons.addWidget(self.leave)
        buttons.addWidget(self.go)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(12)
        layout.addWidget(heading)
        layout.addWidget(self.verdict)
        if len(curve.rates) > 1:
            self.view = RateView(curve, curve.suggestion or current, current, window.theme.theme)
            self.view.picked.connect(self._read)
            layout.addWidget(self.view, 1)
            self._read(self.view.rate)
            self.view.setFocus()
            self.go.setDefault(True)
        else:
            self.go.hide()
        layout.addLayout(buttons)

    def _verdict(self, current: float) -> str:
        at = self._curve.begins_at
        begun = "fresh weights" if at is None else f"the weights of step {at:,}"
        tried = f"{len(self._curve.rates)} steps from {begun}, each with a larger learning rate. "
        if len(self._curve.rates) < 2:
            return f"The loss is not a number from the first step on, with {begun}: no rate helps there."
        if self._curve.suggestion is None:
            return f"{tried}The loss does not fall at any of them: check the network before training."
        return (
            f"{tried}The loss is least at {short_text(self._curve.least or 0)}; a tenth of that, "
            f"{short_text(self._curve.suggestion)}, is a good choice. The plan has {short_text(current)}. "
            "Drag the line to pick another."
        )

    def _read(self, rate: float) -> None:
        assert self.view is not None
        self.go.setText(f"Use {short_text(_rounded(rate))}")
        self.reading.setText(f"learning rate {short_text(_rounded(rate))}   loss {short_text(self.view.loss_at(rate))}")

    def _use(self) -> None:
        """Set the rate of the first phase, as one change that Undo takes back."""
        assert self.view is not None
        rate = _rounded(self.view.rate)
        spec, values = optimizers.find(self._workspace.document.plan.phases[0].optimizer)
        change = partial(edits.set_optimizer, key=spec.key, values={**values, "learning_rate": rate})
        self._workspace.edit(f"Learning rate {short_text(rate)}", change)
        self.accept()


def _rounded(rate: float) -> float:
    return float(f"{rate:.1e}")
