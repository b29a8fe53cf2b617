"""What the menus, keys and gestures do to frames: each is one undo entry."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import QPointF, QRectF

from netbuilder.document import edits
from netbuilder.document.model import Document, Frame, Place, new_id
from netbuilder.ui.canvas.content import Content
from netbuilder.ui.canvas.frames import COLORS, around, frames_inside, nodes_inside, placed, rect_of
from netbuilder.ui.workspace import Workspace

_NEW = (360.0, 220.0)
_NOTE = (260.0, 140.0)


class FrameCommands:
    """Edits of the frames of the graph in sight."""

    def __init__(self, workspace: Workspace, content: Content, middle: Callable[[], QPointF]) -> None:
        """Edit by way of the workspace.

        Args:
            workspace: What is edited.
            content: What is in sight.
            middle: Gives the point of the scene where new things go.
        """
        self._workspace = workspace
        self._content = content
        self._middle = middle

    @property
    def all(self) -> Mapping[str, Frame]:
        """The frames in sight by id."""
        return self._content.frames

    def frame_selected(self) -> str:
        """Draw a frame around the selected nodes, or an empty one where nothing is selected; returns its id."""
        arrays, chosen = self._content.arrays, self._workspace.selection
        rects = [QRectF(*arrays.rect(node)) for node in chosen]
        return self._add("Frame", "Frame", around(rects) if rects else self._fresh(*_NEW))

    def choose(self) -> None:
        """Select the smallest frame around the selected nodes; else one frame after the other, as one reads."""
        arrays, framed = self._content.arrays, self._workspace.selected_frames
        rects = [QRectF(*arrays.rect(node)) for node in self._workspace.selection]
        held = [
            (frame.width * frame.height, frame.id)
            for frame in self.all.values()
            if rects and all(rect_of(frame).contains(rect) for rect in rects)
        ]
        order = sorted(self.all, key=lambda id: (self.all[id].y, self.all[id].x, id))
        if not order:
            return
        last = max((order.index(frame) for frame in framed), default=-1)
        frame = min(held)[1] if held and not framed else order[(last + 1) % len(order)]
        self._workspace.select((), (frame,))

    def add_note(self) -> str:
        """Add a small frame for a note; returns its id."""
        return self._add("Add note", "Note", self._fresh(*_NOTE), color="yellow")

    def _fresh(self, width: float, height: float) -> QRectF:
        at = self._middle()
        return QRectF(at.x() - width / 2, at.y() - height / 2, width, height)

    def _add(self, verb: str, title: str, rect: QRectF, color: str = "gray") -> str:
        frame = placed(Frame(id=new_id("f"), title=title, color=color, scope=self._workspace.scope), rect)
        self._edit(verb, partial(edits.add_frame, frame=frame))
        self._workspace.select((), (frame.id,))
        return frame.id

    def carried(self, nodes: Collection[str], frames: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the nodes and frames that move when these do: with a frame goes all that is in it."""
        every = list(self.all.values())
        inner = {id for frame in frames for id in frames_inside(every, self.all[frame])} | set(frames)
        held = {node for frame in inner for node in nodes_inside(self._content.arrays, self.all[frame])}
        return tuple(dict.fromkeys([*nodes, *sorted(held)])), tuple(sorted(inner))

    def rename(self, frame: str, title: str) -> None:
        """Give a frame another title."""
        self._change("Rename frame", frame, title=title.strip())

    def set_note(self, frame: str, note: str) -> None:
        """Write a frame's note."""
        self._change("Write note", frame, note=note.strip())

    def paint(self, color: str) -> None:
        """Give the selected frames another colour."""
        assert color in COLORS, color
        self._edit(
            "Colour frame",
            *(partial(edits.change_frame, frame=id, values={"color": color}) for id in self._workspace.selected_frames),
        )

    def resize(self, frame: Frame) -> None:
        """Give a frame the place and size of another value of it."""
        self._change("Resize frame", frame.id, x=frame.x, y=frame.y, width=frame.width, height=frame.height)

    def fit(self) -> None:
        """Draw the selected frames around the nodes that lie in them."""
        self._edit("Fit frame", *self._refits(self._workspace.selected_frames, {}))

    def refit(self, places: Mapping[str, Place]) -> list[Callable[[Document], Document]]:
        """Return what keeps frames around their nodes when these go to other places."""
        holding = [id for id, frame in self.all.items() if set(nodes_inside(self._content.arrays, frame)) & set(places)]
        return self._refits(holding, places)

    def _refits(self, frames: Collection[str], places: Mapping[str, Place]) -> list[Callable[[Document], Document]]:
        changes: list[Callable[[Document], Document]] = []
        arrays = self._content.arrays
        for id in frames:
            rects = []
            for node in nodes_inside(arrays, self.all[id]):
                x, y, width, height = arrays.rect(node)
                at = places.get(node, Place(x, y))
                rects.append(QRectF(at.x, at.y, width, height))
            if rects:
                new = placed(self.all[id], around(rects, self.all[id].note))
                values = {"x": new.x, "y": new.y, "width": new.width, "height": new.height}
                changes.append(partial(edits.change_frame, frame=id, values=values))
        return changes

    def _change(self, verb: str, frame: str, **values: Any) -> None:
        if frame in self.all:
            self._edit(verb, partial(edits.change_frame, frame=frame, values=values))

    def _edit(self, title: str, *changes: Callable[[Document], Document]) -> None:
        def change(document: Document) -> Document:
            for each in changes:
                document = each(document)
            return document

        self._workspace.edit(title, change)
