"""Where everything on a node's face lies, in scene units from its top-left corner (pixels at 100 %)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from netbuilder.ui.canvas.faces import Area, Face
from netbuilder.ui.canvas.style import text_width

WIDTH = 132.0
WIDEST = 232.0
HEADER = 28.0
ROW = 20.0
PAD = 10.0
PORT_RADIUS = 5.0
MARGIN = 16.0
"""Around a node: room for its shadow, the glow of the selection and half of its ports."""

_FIRST_ROW = 16.0  # from the header's lower edge to the middle of the first port
_LAST_ROW = 14.0  # from the middle of the last line to the lower edge
_BRIEF = 19.0  # from the middle of the last port to the middle of the parameters' line
_SQUARE = 10.0  # the little square in the header
_TITLE = PAD + _SQUARE + 8.0
_PORT_TEXT = 14.0  # from the border to a port's name
_GAP = 4.0
_AREAS = {Area.CHART: 44.0, Area.SQUARE: 84.0, Area.CURVES: 66.0}


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where a face's parts lie.

    Attributes:
        width: Of the node.
        height: Of the node.
        aside: What stands at the right of the title: the user's label, or short parameters; "" for nothing.
        line: The parameters' line below the ports; "" when there is none.
        line_y: The middle of that line.
        picture: Where the live picture goes, or None.
        rows: The middles of the port rows.
        inputs: Input port -> the middle of its row.
        outputs: Output port -> the middle of its row.
    """

    width: float
    height: float
    aside: str
    line: str
    line_y: float
    picture: Box | None
    rows: tuple[float, ...]
    inputs: Mapping[str, float]
    outputs: Mapping[str, float]

    @property
    def title_x(self) -> float:
        """Where the title begins."""
        return _TITLE

    def port_y(self, row: int) -> float:
        """Return the middle of a port's row; of the header for a port that the face lacks."""
        return self.rows[row] if 0 <= row < len(self.rows) else HEADER / 2

    @property
    def title_width(self) -> float:
        """How wide the title may be."""
        aside = text_width(self.aside, "text") + 8.0 if self.aside else 0.0
        return max(self.width - _TITLE - PAD - aside, (self.width - _TITLE - PAD) / 2)

    @property
    def aside_box(self) -> Box:
        """Where the text at the right of the title is, which ends at the right."""
        width = min(self.aside_width, text_width(self.aside, "text")) + 1.0
        return Box(self.width - PAD - width, 0.0, width, HEADER - 2)

    @property
    def line_box(self) -> Box:
        """Where the parameters' line is, which is in the middle of it."""
        return Box(PAD, self.line_y - 9, self.width - 2 * PAD, 18.0)

    @property
    def meter(self) -> Box:
        """Where the meter of dead units is: below everything else."""
        return Box(8.0, self.height - 8.0, self.width - 16.0, 3.0)

    @property
    def aside_width(self) -> float:
        """How wide the text at the right of the title may be."""
        return (self.width - _TITLE - PAD) / 2 if self.aside else 0.0


@lru_cache(maxsize=16384)
def measure(face: Face) -> Geometry:
    """Lay a face out: as narrow as its texts allow, between `WIDTH` and `WIDEST`."""
    title = _TITLE + text_width(face.title, "title") + PAD
    aside, line = _place_texts(face, title)
    header = title + (text_width(aside, "text") + 8.0 if aside else 0.0)
    below = text_width(line, "text") + 2 * PAD if line else 0.0
    width = 2.0 * -(-min(max(WIDTH, header, below, *_row_widths(face), 0.0), WIDEST) // 2)
    count = max(len(face.inputs), len(face.outputs))
    rows = tuple(HEADER + _FIRST_ROW + ROW * row for row in range(count))
    bottom = rows[-1] if rows else HEADER
    line_y = bottom + _BRIEF if line else bottom
    height, picture = line_y + _LAST_ROW, None
    if face.area is not Area.NONE:
        tall = _strip_height(width) if face.area is Area.STRIP else _AREAS[face.area]
        picture = Box(8.0, line_y + 12.0, width - 16.0, tall)
        height = picture.y + tall + PAD
    outputs = tuple(output.name for output in face.outputs)
    ports = [dict(zip(names, rows, strict=False)) for names in (face.inputs, outputs)]
    return Geometry(width, height, aside, line, line_y, picture, rows, *ports)


def expected_size(face: Face) -> tuple[float, float]:
    """Return the size with room for a picture, so that an automatic layout holds when training begins to draw."""
    geometry = measure(face)
    if geometry.picture:
        return geometry.width, geometry.height
    return geometry.width, geometry.height + (68.0 if face.category == "loss" else 46.0)


def _place_texts(face: Face, title: float) -> tuple[str, str]:
    """Decide which text stands beside the title and which below the ports."""
    if face.label:
        return face.label, face.brief
    if face.brief and title + text_width(face.brief, "text") + 8.0 <= WIDTH:
        return face.brief, ""
    return "", face.brief


def output_text(face: Face, row: int) -> tuple[str, str]:
    """Return an output's name and shape as shown: a single output beside inputs needs no name."""
    output = face.outputs[row]
    name = output.name if len(face.outputs) > 1 or not face.inputs else ""
    return name, output.shape


def _row_widths(face: Face) -> list[float]:
    widths = []
    for row in range(max(len(face.inputs), len(face.outputs))):
        left = text_width(face.inputs[row], "text") if row < len(face.inputs) else 0.0
        name, shape = output_text(face, row) if row < len(face.outputs) else ("", "")
        right = text_width(f"{name} {shape}".strip(), "mono")
        widths.append(left + right + 2 * _PORT_TEXT + (10.0 if left and right else 0.0))
    return widths


def _strip_height(width: float) -> float:
    return min((width - 16.0 - 2 * _GAP) / 3, 48.0)
