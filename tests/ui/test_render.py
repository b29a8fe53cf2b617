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
