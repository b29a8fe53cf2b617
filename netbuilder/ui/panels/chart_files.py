"""Curves as files: a picture of the chart, or a table of every series."""

from __future__ import annotations

import os
from collections.abc import Mapping

from PySide6.QtCore import QBuffer, QByteArray, QIODevice
from PySide6.QtGui import QImage, QImageWriter, QPainter

from netbuilder.foundation.save import atomic_save
from netbuilder.ui.panels.chart import Chart
from netbuilder.ui.series import Series


def write_png(path: str | os.PathLike[str], chart: Chart) -> None:
    """Write what a chart shows, twice as fine as on a plain screen.

    Raises:
        NetbuilderError: When the file cannot be written.
    """
    scale = 2.0
    image = QImage(chart.size() * scale, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(scale)
    image.fill(chart.theme.color("bar"))
    with QPainter(image) as painter:
        chart.draw(painter)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert QImageWriter(buffer, QByteArray(b"PNG")).write(image), "a picture in memory can be encoded"
    atomic_save(path, bytes(buffer.data().data()))


def write_csv(path: str | os.PathLike[str], series: Mapping[str, Series]) -> None:
    """Write every series: a row a step, a column a series, empty where a series has no point.

    Raises:
        NetbuilderError: When the file cannot be written.
    """
    from netbuilder.exchange.run_tables import series_csv  # when it is asked for, not with the window

    atomic_save(path, series_csv(series))
