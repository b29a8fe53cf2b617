"""What trying a fix showed: losses with and without it, side by side, and whether the difference is more than noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from netbuilder.foundation.problem import Fix
from netbuilder.ui.dialog import Dialog
from netbuilder.ui.panels.axis import Axis, range_of, short_text, value_text
from netbuilder.ui.panels.axis_lines import paint_axes
from netbuilder.ui.panels.decimation import Floats
from netbuilder.ui.theme import Theme

if TYPE_CHECKING:
    from netbuilder.insight.comparison import Arm, Comparison
    from netbuilder.ui.window import MainWindow

_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 12, 34

_WIDE = 30
"""Losses that differ by more than this factor are drawn on a logarithmic axis."""

_SMOOTH = 15
"""Steps over which a drawn loss is averaged."""


class ComparisonView(QWidget):
    """Draws both ways' training losses: a line for the mean of the seeds, a band from the least to the largest."""

    def __init__(self, seen: Comparison, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._arms = [
            (_bands(arm), color) for arm, color in ((seen.without, theme.muted), (seen.with_fix, theme.accent))
        ]
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Training loss with and without the change")

    def sizeHint(self) -> QSize:
        """Return a size in which curves can be read."""
        return QSize(640, 260)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw axes, bands and lines."""
        known = [bands for bands, _ in self._arms if bands is not None]
        if not known:
            return
        steps = max(bands.shape[1] for bands in known)
        least, most = min(float(bands[1].min()) for bands in known), max(float(bands[2].max()) for bands in known)
        is_wide = least > 0 and most > _WIDE * least
        low, high = range_of(least, most, logarithmic=is_wide)
        across = Axis(1, max(steps, 2), _LEFT, self.width() - _RIGHT)
        up = Axis(low, high, self.height() - _BOTTOM, _TOP, logarithmic=is_wide)
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            paint_axes(painter, self._theme, across, up, "steps", "{:,.0f}".format)
            painter.setClipRect(QRectF(_LEFT, _TOP, self.width() - _LEFT - _RIGHT, self.height() - _TOP - _BOTTOM))
            for bands, color in self._arms:
                if bands is not None:
                    _paint_arm(painter, across, up, bands, color)


def _paint_arm(painter: QPainter, across: Axis, up: Axis, bands: Floats, color: str) -> None:
    xs = across.pixels(np.arange(1, bands.shape[1] + 1, dtype=np.float64)).tolist()
    mean, least, most = (np.clip(up.pixels(band), -1e4, 1e4).tolist() for band in bands)
    tint = QColor(color)
    tint.setAlpha(45)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(tint)
    outline = [QPointF(x, y) for x, y in zip(xs, most, strict=True)]
    outline += [QPointF(x, y) for x, y in zip(reversed(xs), reversed(least), strict=True)]
    painter.drawPolygon(QPolygonF(outline))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(color), 2))
    painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in zip(xs, mean, strict=True)]))


def _bands(arm: Arm) -> Floats | None:
    """Return the mean, the least and the largest of the seeds' smoothed losses by step, as long as all seeds go."""
    length = min(len(losses) for losses in arm.losses)
    if length < 2:
        return None
    width = min(_SMOOTH, length)
    kernel = np.ones(width) / width
    smoothed = np.stack([np.convolve(losses[:length], kernel, "valid") for losses in arm.losses])
    return np.stack([smoothed.mean(axis=0), smoothed.min(axis=0), smoothed.max(axis=0)])


class ComparisonDialog(Dialog):
    """Shows what trying a fix showed, and applies it or leaves everything as it was."""

    def __init__(self, window: MainWindow, fix: Fix, seen: Comparison) -> None:
        super().__init__(window)
        self._workspace, self._fix = window.workspace, fix
        self.setWindowTitle(f"Trying: {fix.title}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        theme = window.theme.theme
        heading = QLabel(fix.title)
        heading.setProperty("role", "heading")
        self.verdict = QLabel(_verdict(seen))
        self.verdict.setWordWrap(True)
        self.numbers = QLabel(_legend(seen, theme))
        self.numbers.setTextFormat(Qt.TextFormat.RichText)
        self.view = ComparisonView(seen, theme)
        self.go = QPushButton("Apply")
        self.go.setProperty("role", "primary")
        self.go.setDefault(True)
        self.go.clicked.connect(self._apply)
        self.leave = QPushButton("Discard")
        self.leave.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.leave)
        buttons.addWidget(self.go)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(12)
        for widget in (heading, self.verdict, self.numbers):
            layout.addWidget(widget)
        layout.addWidget(self.view, 1)
        layout.addLayout(buttons)

    def _apply(self) -> None:
        self._workspace.apply_fix(self._fix)
        self.accept()


def _verdict(seen: Comparison) -> str:
    """Say what the runs came to, in words."""
    count, steps = len(seen.without.scores), max(len(each) for each in seen.without.losses + seen.with_fix.losses)
    begun = "fresh weights" if seen.begins_at is None else f"the weights of step {seen.begins_at:,}"
    how = f"{count} runs of {steps} steps each way, from {begun}, on the same batches. "
    what = "validation loss" if seen.validated else "training loss"
    broken, mended = (sum(not math.isfinite(each) for each in arm.scores) for arm in (seen.without, seen.with_fix))
    if broken or mended:
        told = f"Without the change {broken} of {count} runs break down, with it {mended}."
    elif seen.outcome.value == "noise":
        told = f"The {what} differs by {seen.change:+.0%}, which is within what seeds make: no difference can be told."
    elif seen.change > 2:
        told = f"With the change the {what} is {1 + seen.change:,.3g} times what it is without."
    else:
        told = f"With the change the {what} is {abs(seen.change):.0%} {'lower' if seen.change < 0 else 'higher'}."
    return how + told.replace("-", "−")


def _legend(seen: Comparison, theme: Theme) -> str:
    def line(name: str, arm: Arm, color: str) -> str:
        known = [each for each in arm.scores if math.isfinite(each)]
        if not known:
            return f'<span style="color:{color}">━</span>&nbsp; {name}: broke down'
        low, high = min(known), max(known)
        mean = value_text(math.fsum(known) / len(known))
        return f'<span style="color:{color}">━</span>&nbsp; {name}: {mean} ({short_text(low)} to {short_text(high)})'

    return "&nbsp;&nbsp;&nbsp;&nbsp;".join(
        (line("as it is", seen.without, theme.muted), line("with the change", seen.with_fix, theme.accent))
    )
