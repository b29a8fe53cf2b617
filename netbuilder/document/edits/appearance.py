"""Edits of how a document looks: places, frames, title."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import msgspec

from netbuilder.document.edits.registry import edit, refuse
from netbuilder.document.model import ROOT, About, Document, Frame, Place, PortRef
from netbuilder.foundation.limits import COORDINATE, FRAMES, NAME_LENGTH, TEXT_LENGTH, WAYPOINTS
from netbuilder.foundation.problem import NetbuilderError, Problem


@edit
def move_nodes(document: Document, places: Mapping[str, Place]) -> Document:
    """Move nodes: id -> their new place."""
    old = document.layout.places
    if all(old.get(id) == place for id, place in places.items()):
        return document
    if not all(map(COORDINATE.__ge__, map(abs, chain.from_iterable(places.values())))):  # which a NaN is not, either
        for id, place in places.items():
            check_coordinates(*place, node=id)
    return replace(document, layout=replace(document.layout, places={**old, **places}))


@edit
def set_route(document: Document, target: PortRef, points: Sequence[Place], scope: str = ROOT) -> Document:
    """Lead the link into a port through points; () leads it straight again.

    Args:
        document: What to change.
        target: The link's input port.
        points: From the source on; at most `limits.WAYPOINTS`.
        scope: The graph that the link is in.
    """
    if target not in document.scope(scope).edges:
        refuse("edit.link", "This link is not in the graph any more.", node=target.node, port=target.port)
    if len(points) > WAYPOINTS:
        refuse("edit.limit", f"A link is led through at most {WAYPOINTS} points.", node=target.node, port=target.port)
    for point in points:
        check_coordinates(*point, node=target.node)
    old = document.layout.routes
    if old.get(target, ()) == tuple(points):
        return document
    routes = {**old, target: tuple(points)} if points else {each: old[each] for each in old if each != target}
    return replace(document, layout=replace(document.layout, routes=routes))


@edit
def add_frame(document: Document, frame: Frame) -> Document:
    """Add a comment frame with a fresh id."""
    if frame.id in document.layout.frames:
        refuse("edit.id", f"The frame id {frame.id!r} is taken.")
    return _with_frame(document, frame)


@edit
def change_frame(document: Document, frame: str, values: Mapping[str, Any]) -> Document:
    """Change some of a frame's fields (title, color, x, y, width, height, note)."""
    old = document.layout.frames.get(frame)
    if old is None:
        refuse("edit.frame", f"The frame {frame!r} is not in the document any more.")
    fixed = {"id", "scope", "extra"} & values.keys()
    try:
        if fixed:
            raise msgspec.ValidationError(f"{fixed.pop()!r} cannot be changed")
        new = msgspec.convert({**_plain(old), **values}, _FRAME)
    except msgspec.ValidationError as error:
        problem = Problem(code="edit.value", message=f"The frame cannot be changed so: {error}.")
        raise NetbuilderError(problem) from error
    changed = replace(old, **{key: getattr(new, key) for key in values})
    return document if changed == old else _with_frame(document, changed)


@edit
def move_frames(document: Document, places: Mapping[str, Place]) -> Document:
    """Move frames: id -> their new upper left corner. What lies in them stays."""
    for id, place in places.items():
        document = change_frame(document, id, {"x": place.x, "y": place.y})
    return document


@edit
def remove_frames(document: Document, frames: Collection[str]) -> Document:
    """Remove frames; the nodes in them stay."""
    kept = {id: frame for id, frame in document.layout.frames.items() if id not in frames}
    if len(kept) == len(document.layout.frames):
        return document
    return replace(document, layout=replace(document.layout, frames=kept))


@edit
def set_about(document: Document, about: About) -> Document:
    """Set the title and the description."""
    if about == document.about:
        return document
    _check_texts(about.title, about.description)
    return replace(document, about=about)


_FRAME = msgspec.defstruct(
    "Frame",
    [("title", str), ("color", str), ("x", float), ("y", float), ("width", float), ("height", float), ("note", str)],
    forbid_unknown_fields=True,
)


def _plain(frame: Frame) -> dict[str, Any]:
    return {name: getattr(frame, name) for name in _FRAME.__struct_fields__}


def _with_frame(document: Document, frame: Frame) -> Document:
    check_coordinates(frame.x, frame.y, frame.width, frame.height)
    _check_texts(frame.title, frame.note)
    if frame.width <= 0 or frame.height <= 0:
        refuse("edit.frame", "A frame needs a width and a height above zero.")
    if frame.id not in document.layout.frames and len(document.layout.frames) >= FRAMES:
        refuse("edit.limit", f"A project holds at most {FRAMES:,} frames.")
    frames = {**document.layout.frames, frame.id: frame}
    return replace(document, layout=replace(document.layout, frames=frames))


def _check_texts(title: str, text: str) -> None:
    if len(title) > NAME_LENGTH:
        refuse("edit.title", f"A title holds at most {NAME_LENGTH:,} characters.")
    if len(text) > TEXT_LENGTH:
        refuse("edit.text", f"A text holds at most {TEXT_LENGTH:,} characters.")


def check_coordinates(*coordinates: float, node: str = "") -> None:
    """Refuse what no file could hold.

    Args:
        coordinates: In pixels at 100 %.
        node: The id of what would lie there.
    """
    for coordinate in coordinates:
        if not math.isfinite(coordinate) or abs(coordinate) > COORDINATE:
            refuse("edit.place", f"Nothing can lie at {coordinate:g}: expected at most {COORDINATE:,.0f}.", node=node)
