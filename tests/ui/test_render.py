"""Pictures of a document without a window, a screen or an application."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netbuilder.document import edits
from netbuilder.document.files import write_document
from netbuilder.document.model import Document, Node, Place, PortRef
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.project import declarations

SCRIPT = """
import sys
from pathlib import Path
from netbuilder.document.files import read_document
from netbuilder.ui.render import render_document
document = read_document(Path(sys.argv[1]))
for name in sys.argv[2:]:
    render_document(document, Path(name), theme="light")
"""


def network() -> Document:
    document = Document()
    for id, type, x in (("n00000001", "input", 0), ("n00000002", "flatten", 200), ("n00000003", "linear", 400)):
        node = Node(id=id, type=type, label=type, parameters=declarations()[type].defaults())
        document = edits.add_node(document, node, Place(x, 0))
    document = edits.connect(document, PortRef("n00000002", "x"), PortRef("n00000001", "y"))
    return edits.connect(document, PortRef("n00000003", "x"), PortRef("n00000002", "y"))


def test_a_process_without_a_screen_draws_png_and_svg(tmp_path):
    write_document(tmp_path / "net.netb", network())
    png, svg = tmp_path / "net.png", tmp_path / "net.svg"
    screens = ("DISPLAY", "QT_QPA_PLATFORM", "WAYLAND_DISPLAY")
    bare = {key: value for key, value in os.environ.items() if key not in screens}
    subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "net.netb"), str(png), str(svg)],
        check=True,
        env=bare,
        cwd=Path(__file__).parents[2],
        timeout=100,
    )
    assert png.read_bytes().startswith(b"\x89PNG")
    text = svg.read_text()
    assert "Linear" in text
    assert "Flatten" in text


def test_an_empty_document_has_a_picture_too(qapp, tmp_path):
    from netbuilder.ui.render import render_document

    render_document(Document(), tmp_path / "empty.png")
    assert (tmp_path / "empty.png").stat().st_size > 100


def test_a_folder_that_is_missing_is_a_problem(qapp, tmp_path):
    from netbuilder.ui.render import render_document

    with pytest.raises(NetbuilderError):
        render_document(network(), tmp_path / "nowhere" / "net.png")
    assert list(tmp_path.glob("*.png")) == []


def test_a_pdf_is_one_page_of_the_networks_size_with_its_fonts_inside(qapp, tmp_path):
    import re
    import zlib

    from netbuilder.ui.render import render_document

    render_document(network(), tmp_path / "net.pdf")
    data = (tmp_path / "net.pdf").read_bytes()
    (box,) = re.findall(rb"/MediaBox \[([\d. ]+)\]", data)
    _, _, width, height = map(float, box.split())
    render_document(network(), tmp_path / "net.png", theme="print", scale=1.0)
    from PySide6.QtGui import QImage

    picture = QImage(str(tmp_path / "net.png"))
    assert (width / 0.75, height / 0.75) == pytest.approx((picture.width(), picture.height()), abs=2)
    assert picture.pixelColor(0, 0).name() == "#ffffff"
    assert data.count(b"/FontFile2") >= 2
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL)
    drawn = b"".join(zlib.decompressobj().decompress(each) for each in streams if each[:1] == b"x")
    assert b" Tj" in drawn or b"TJ" in drawn, "text that can be searched and copied"


def test_a_drawing_needs_no_fonts(qapp, tmp_path):
    from netbuilder.ui.render import render_document

    render_document(network(), tmp_path / "net.svg", theme="light")
    text = (tmp_path / "net.svg").read_text()
    assert "<text" not in text
    assert "<desc>Input, Flatten, Linear</desc>" in text


def test_outlined_text_stands_where_text_would(qapp):
    """Within a pixel, for each alignment: nothing is clipped that was not before."""
    from PySide6.QtCore import QRectF, Qt
    from PySide6.QtGui import QColor, QImage, QPainter

    from netbuilder.ui.canvas.style import fonts, text_path

    def bounds(draw):
        image = QImage(300, 60, QImage.Format.Format_RGB32)
        image.fill(QColor("white"))
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw(painter)
        painter.end()
        places = ((x, y) for y in range(image.height()) for x in range(image.width()))
        dark = [(x, y) for x, y in places if image.pixelColor(x, y).lightness() < 128]
        xs, ys = zip(*dark, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    box = QRectF(20, 10, 260, 40)
    vertical = Qt.AlignmentFlag.AlignVCenter
    for role in ("title", "text", "mono"):
        for side in (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignHCenter):

            def as_text(painter, role=role, side=side):
                painter.setFont(getattr(fonts(), role))
                painter.drawText(box, int(side | vertical), "Conv2d gyp 32×8×8")

            def as_shapes(painter, role=role, side=side):
                painter.fillPath(text_path(box, "Conv2d gyp 32×8×8", role, side | vertical), QColor("black"))

            assert bounds(as_shapes) == pytest.approx(bounds(as_text), abs=2), (role, side)
