"""Plots as files: a picture of what a widget shows, or its numbers as a table."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRect
from PySide6.QtGui import QImage, QImageWriter, QPainter
from PySide6.QtWidgets import QWidget

from netbuilder.foundation.save import atomic_save
from netbuilder.ui.theme import controller

if TYPE_CHECKING:
    from netbuilder.exchange.run_tables import Curve

_ROWS = 4096  # written at once

Draw = Callable[[QPainter], None]
"""Draws a plot, in its widget's own pixels."""


def write_png(path: str | os.PathLike[str], plot: QWidget, draw: Draw) -> None:
    """Write a plot, twice as fine as on a plain screen.

    Raises:
        NetbuilderError: When the file cannot be written.
    """
    scale = 2.0
    image = QImage(plot.size() * scale, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(scale)
    image.fill(controller().theme.color("bar"))
    with QPainter(image) as painter:
        draw(painter)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert QImageWriter(buffer, QByteArray(b"PNG")).write(image), "a picture in memory can be encoded"
    atomic_save(path, bytes(buffer.data().data()))


def write_svg(path: str | os.PathLike[str], plot: QWidget, draw: Draw) -> None:
    """Write a plot as a drawing that can be enlarged at will.

    Raises:
        NetbuilderError: When the file cannot be written.
    """
    from PySide6.QtSvg import QSvgGenerator  # on demand: few plots are written

    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    area = QRect(0, 0, plot.width(), plot.height())
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(area.size())
    generator.setViewBox(area)
    generator.setTitle(plot.accessibleName() or "Plot")
    with QPainter(generator) as painter:
        painter.fillRect(area, controller().theme.color("bar"))
        draw(painter)
    atomic_save(path, bytes(buffer.data().data()))


def series_table(series: Mapping[str, Curve]) -> Iterable[bytes]:
    """Return the table of every series as CSV, piece by piece: a line a step, a column a series."""
    from netbuilder.exchange.run_tables import series_csv  # when it is asked for, not with the window

    return series_csv(series)


def table(rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """Yield a table of rows, its head first, as CSV, piece by piece."""
    waiting = iter(rows)
    while some := list(islice(waiting, _ROWS)):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(some)
        yield text.getvalue().encode()
