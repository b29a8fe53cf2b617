"""A small curve of the learning rate over the run, under the form of the schedule."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from netbuilder.document.model import Setting
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training import schedules

STEPS = 200
"""The curve is that of a run of so many steps; a schedule's course hardly depends on how many there are."""

_MARGIN = 3.0


class ScheduleCurve(QWidget):
    """Draws what the learning rate is multiplied by, from the run's start on the left to its end on the right.

    Attributes:
        factors: Its values at each of `STEPS` steps; () where the course is not known, and then nothing is shown.
    """

    factors: tuple[float, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self._setting: Setting | None = None
        self.setFixedHeight(48)
        self.setAccessibleName("Learning rate over the run")

    def show_setting(self, setting: Setting) -> None:
        """Show the course of a schedule; hide where the losses decide on it, or where its values are not accepted."""
        if setting == self._setting:
            return
        self._setting = setting
        try:
            spec, _ = schedules.find(setting)
            known = spec.drops is None
            self.factors = tuple(schedules.factor(setting, step, STEPS) for step in range(STEPS)) if known else ()
        except NetbuilderError:  # told by the plan's problems, with a fix
            self.factors = ()
        self.setVisible(bool(self.factors))
        if self.factors:
            low, high = min(self.factors), max(self.factors)
            self.setToolTip(f"The learning rate over the run: between {low:.3g} and {high:.3g} times what is set")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the line above a thin base line."""
        width, height = self.width() - 2 * _MARGIN, self.height() - 2 * _MARGIN
        places = QPolygonF(
            [
                QPointF(_MARGIN + width * step / (STEPS - 1), _MARGIN + height * (1 - factor))
                for step, factor in enumerate(self.factors)
            ]
        )
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Mid), 1))
            base = _MARGIN + height
            painter.drawLine(QPointF(_MARGIN, base), QPointF(_MARGIN + width, base))
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Highlight), 1.5))
            painter.drawPolyline(places)
