"""Curves as files: a picture of the chart, or a table of every series."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping

import numpy as np
from PySide6.QtCore import QBuffer, QByteArray, QIODevice
from PySide6.QtGui import QImage, QImageWriter, QPainter

from netbuilder.foundation.save import atomic_save
from netbuilder.ui.panels.chart import Chart
from netbuilder.ui.series import Series

_ROWS = 4096  # written at once


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
    atomic_save(path, _rows(series))


def _rows(series: Mapping[str, Series]) -> Iterator[bytes]:
    names = [name for name, one in series.items() if len(one)]
    yield _text([["step", *names]])
    steps = np.unique(np.concatenate([series[name].steps for name in names])) if names else np.empty(0, np.int64)
    for start in range(0, len(steps), _ROWS):
        part = steps[start : start + _ROWS]
        columns = [[str(step) for step in part.tolist()]]
        for name in names:
            known, values = series[name].steps, series[name].values
            at = np.minimum(np.searchsorted(known, part), len(known) - 1)
            columns.append(
                [repr(v) if hit else "" for v, hit in zip(values[at].tolist(), known[at] == part, strict=True)]
            )
        yield _text(zip(*columns, strict=True))


def _text(rows: object) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)  # type: ignore[arg-type]
    return text.getvalue().encode()
