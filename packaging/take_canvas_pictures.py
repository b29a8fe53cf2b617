"""Takes the pictures in `docs/canvas/`: the canvas empty, small, large, with a search, an error and in the light theme.

Run it with the program's Python: `python packaging/take_canvas_pictures.py [FOLDER]`. It draws on the screen that
`DISPLAY` names, or offscreen where there is none, and keeps its hands off the user's preferences.
"""

from __future__ import annotations

import os
import sys
import tempfile
from functools import partial
from pathlib import Path

import torch
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from take_screenshots import SIZE, finish, grab, turn, wait
from torch import Tensor, nn

import netbuilder
from netbuilder.document import edits
from netbuilder.document.layout import arrange
from netbuilder.document.model import Document, PortRef
from netbuilder.project import declarations
from netbuilder.templates import STARTER, open_template
from netbuilder.ui.app import Program, make_application


def main() -> int:
    """Take them."""
    root = Path(__file__).resolve().parent.parent
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else root / "docs" / "canvas"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        os.environ["NETBUILDER_HOME"] = home
        program = Program(make_application())
        try:
            Camera(program, folder).take_all()
        finally:
            finish(program)
    return 0


class Camera:
    """Drives the window from picture to picture."""

    def __init__(self, program: Program, folder: Path) -> None:
        self.program = program
        self.folder = folder
        self.window = program.window
        self.workspace = program.workspace

    def take_all(self) -> None:
        """Take every picture, the dark ones first."""
        theme = self.program.theme
        theme.set_mode("dark")
        self.window.resize(*SIZE)
        self.workspace.new()
        self.window.show()
        self.window.show_network()
        turn(3_000)  # the panels are furnished one after another
        self.take("empty")
        self.show(twelve())
        self.take("network")
        self.take_search()
        self.take_error()
        theme.set_mode("light")
        self.show(twelve())
        self.take("network-light")
        theme.set_mode("dark")
        self.take_resnet()
        self.take_import()

    def show(self, document: Document) -> None:
        """Show a document with all that is known of it."""
        self.workspace.open_unsaved(document)
        self.settle()
        self.window.canvas.fit_opening()

    def settle(self) -> None:
        """Wait for shapes and problems."""
        turn(100)
        wait(lambda: self.workspace.is_settled and not self.workspace.shapes.pending, "shapes")

    def take(self, name: str) -> None:
        """Write a picture."""
        grab(self.program, self.folder / f"{name}.png")

    def take_search(self) -> None:
        """Drag a link into nothing, which asks for a layer."""
        canvas = self.window.canvas
        node = next(id for id, each in self.workspace.document.graph.nodes.items() if each.label == "relu1")
        start = canvas.port_point(node, "y", False).toPoint()
        end = QPoint(start.x() + 90, canvas.height() * 5 // 8)
        left = Qt.MouseButton.LeftButton
        QTest.mousePress(canvas, left, pos=start)
        for part in (0.3, 0.7, 1.0):
            QTest.mouseMove(canvas, (QPointF(start) + QPointF(end - start) * part).toPoint())
            turn(30)
        QTest.mouseRelease(canvas, left, pos=end)
        QTest.keyClicks(canvas.quick_add.field, "pool")
        self.take("search")
        canvas.quick_add.close_up()

    def take_error(self) -> None:
        """Lead an image into a linear layer, and show what can be done about it."""
        nodes = {each.label: id for id, each in self.workspace.document.graph.nodes.items()}
        target, source = PortRef(nodes["scores"], "x"), PortRef(nodes["pool"], "y")
        self.workspace.edit("Connect", partial(edits.connect, target=target, source=source))
        self.settle()
        self.workspace.select((nodes["scores"],))
        self.workspace.revealRequested.emit(nodes["scores"])
        self.take("error")

    def take_resnet(self) -> None:
        """A residual network of 60 nodes with its blocks closed, and one of them entered."""
        project = netbuilder.from_module(ResNet(), torch.zeros(2, 3, 64, 64))
        self.show(project.document)
        print(f"{len(project.document.graph.nodes)} nodes of a residual network")
        self.window.canvas.fit_all()
        self.take("resnet")
        block = next(id for id, each in self.workspace.document.graph.nodes.items() if each.type.startswith("block."))
        self.workspace.scopes.enter(block)
        self.settle()
        self.take("resnet-block")

    def take_import(self) -> None:
        """A thousand nodes, at fit and near."""
        project = netbuilder.from_module(Thousand(), torch.zeros(2, 16, 32, 32))
        print(f"{len(project.document.graph.nodes)} nodes imported")
        self.show(project.document)
        self.take("import-near")
        self.window.canvas.fit_all()
        self.take("import")


def twelve() -> Document:
    """The starter project with a normalization and a dropout, laid out anew: twelve nodes."""
    document = open_template(STARTER)
    nodes = {each.label: id for id, each in document.graph.nodes.items()}
    for node, type in (("relu1", "batch_norm2d"), ("scores", "dropout")):
        parameters = declarations()[type].defaults()
        document = edits.insert_layer(document, node=nodes[node], port="x", type=type, parameters=parameters)
    places = arrange(document.graph, {})
    return edits.move_nodes(document, places)


class Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outside)
        self.shortcut = nn.Conv2d(inside, outside, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inside, H, W) to (N, outside, H / stride, W / stride)."""
        inner = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        return torch.relu(inner + self.shortcut(x))


class ResNet(nn.Module):
    """Stages of residual blocks with squeeze-and-excitation beside them in the main graph: about 60 nodes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, 1, 1)
        widths = [32, 32, 32, 64, 64, 64, 128, 128, 128]
        self.blocks = nn.ModuleList(
            Residual(before, width, 2 if width > before else 1)
            for before, width in zip([32, *widths], widths, strict=False)
        )
        self.norms = nn.ModuleList(nn.GroupNorm(8, width) for width in widths)
        self.head = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, 10)."""
        x = torch.relu(self.stem(x))
        for block, norm in zip(self.blocks, self.norms, strict=True):
            y = torch.nn.functional.silu(norm(block(x)))
            x = y * torch.sigmoid(y.mean((2, 3), keepdim=True))
        return self.head(x.mean((2, 3)))


class Thousand(nn.Module):
    """Branches and shortcuts of plain operations, all in one module: about a thousand nodes."""

    def __init__(self, cells: int = 110) -> None:
        super().__init__()
        self.cells = cells
        for cell in range(cells):
            setattr(self, f"wide{cell}", nn.Conv2d(16, 16, 3, padding=1))
            setattr(self, f"deep{cell}", nn.Conv2d(16, 16, 1))
            setattr(self, f"norm{cell}", nn.BatchNorm2d(16))
        self.out = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 16, H, W) to (N, 10)."""
        for cell in range(self.cells):
            wide, deep, norm = (getattr(self, f"{part}{cell}") for part in ("wide", "deep", "norm"))
            left = torch.relu(wide(x))
            right = torch.nn.functional.gelu(deep(x))
            x = norm(left * torch.sigmoid(right) + right) + x
        return self.out(x.mean((2, 3)))


if __name__ == "__main__":
    sys.exit(main())
