"""Views: going to a part of the network smoothly, and remembering where each graph of a project was left."""

from __future__ import annotations

from dataclasses import astuple
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRectF

from netbuilder.ui.canvas.camera import LARGEST, SMALLEST, Camera
from netbuilder.ui.canvas.motion import Motion, is_wanted
from netbuilder.ui.standpoint import Standpoint

if TYPE_CHECKING:
    from netbuilder.ui.canvas.view import CanvasView

TRAVEL = 150
"""Milliseconds that the view takes to another place."""

PROJECTS = 20
"""Projects whose views are remembered, the latest."""

GRAPHS = 50
"""Graphs of a project whose views are remembered, the latest."""

_KEY = "canvas.views"

Spot = tuple[float, float, float]
"""The scene's point in the middle of the canvas (x, y), and the zoom: what holds for any size of the window."""


class Views:
    """What the menu View does to the canvas."""

    def __init__(self, view: CanvasView) -> None:
        self._view = view
        self._motion = Motion(view)
        self._spots: dict[Standpoint, Spot] = {}
        self._path: Path | None = view.workspace.path
        view.workspace.fileChanged.connect(self._follow_file)
        view.has_dots = bool(view.workspace.preferences.get("show_dots"))
        self._load()

    # Commands ------------------------------------------------------------------------------------------------------

    def fit_all(self) -> None:
        """Show the whole network."""
        self._travel(self._view.fitted(None))

    def fit_selection(self) -> None:
        """Show the selected nodes; all, when none is selected."""
        self._travel(self._view.fitted(self._view.selection or None))

    def actual_size(self) -> None:
        """Show nodes in their true size."""
        self._travel(self._view.camera.zoomed(1.0, QRectF(self._view.rect()).center()))

    def toggle_minimap(self) -> None:
        """Show the overview in the corner, or not."""
        self._toggle("show_minimap")

    def toggle_dots(self) -> None:
        """Show the grid's dots, or not."""
        self._toggle("show_dots")

    def refresh(self) -> None:
        """Look as the preferences say."""
        self._view.has_dots = bool(self._view.workspace.preferences.get("show_dots"))
        self._view.minimap.refresh()
        self._view.renew()

    def _toggle(self, name: str) -> None:
        preferences = self._view.workspace.preferences
        preferences.set(name, not preferences.get(name))
        self.refresh()

    def _travel(self, camera: Camera) -> None:
        """Go to a camera; a movement of the user's on the way ends it there."""
        view, start = self._view, self._view.camera
        if not is_wanted(view, view.workspace.preferences):
            view.show_sharp(camera)
            return
        shown = start

        def step(part: float) -> None:
            nonlocal shown
            if view.camera != shown:
                self._motion.stop()
            elif part == 1.0:
                view.show_sharp(camera)
            else:
                shown = start.towards(camera, part)
                view.set_camera(shown)

        self._motion.start(step, TRAVEL)

    # Remembering ---------------------------------------------------------------------------------------------------

    def leave(self, at: Standpoint) -> None:
        """Remember the camera of a graph that goes out of sight, if the user has chosen it."""
        self._motion.finish()
        if self._view.is_opening:
            return
        camera, view = self._view.camera, self._view
        middle = camera.to_scene(QRectF(view.rect()).center())
        self._spots.pop(at, None)
        self._spots[at] = (middle.x(), middle.y(), camera.zoom)

    def camera(self, at: Standpoint) -> Camera | None:
        """Return the camera that shows a graph as it was left; None when it is new, or nothing would be seen."""
        spot = self._spots.get(at)
        bounds = self._view.content.bounds()
        if spot is None or bounds is None:
            return None
        (x, y, zoom), width, height = spot, self._view.width(), self._view.height()
        camera = Camera(x - width / 2 / zoom, y - height / 2 / zoom, zoom)
        left, top, right, bottom = bounds
        shown = camera.scene_rect(QRectF(0, 0, width, height))
        return camera if shown.intersects(QRectF(left, top, right - left, bottom - top)) else None

    def save(self, at: Standpoint) -> None:
        """Keep the views of the project shown for the next time that it is opened.

        Args:
            at: The standpoint in sight.
        """
        self.leave(at)
        if self._path is None or not self._spots:
            return
        spots = [[*astuple(place), *(round(value, 4) for value in spot)] for place, spot in self._spots.items()]
        kept = [each for each in self._kept() if each[0] != str(self._path)]
        preferences = self._view.workspace.preferences
        preferences.set(_KEY, [*kept[1 - PROJECTS :], [str(self._path), spots[-GRAPHS:]]])

    def change_project(self, at: Standpoint) -> None:
        """Another document is shown: keep the views of the last one, and take those of this one.

        Args:
            at: The standpoint from which the last one was seen.
        """
        self.save(at)
        self._path = self._view.workspace.path
        self._load()

    def _follow_file(self) -> None:
        self._path = self._view.workspace.path

    def _load(self) -> None:
        self._spots = {}
        for path, spots in self._kept():
            if path == str(self._path):
                self._spots = dict(_spot(each) for each in spots if _is_spot(each))

    def _kept(self) -> list[Any]:
        """Return [path, spots] of each project; what was damaged by hand is left out."""
        found = self._view.workspace.preferences.get(_KEY, [])
        if not isinstance(found, list):
            return []
        return [each for each in found if isinstance(each, list) and len(each) == 2 and isinstance(each[1], list)]


def _is_spot(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != 6:
        return False
    *names, x, y, zoom = value
    if not all(isinstance(name, str) for name in names) or not all(isinstance(n, int | float) for n in (x, y, zoom)):
        return False
    return isfinite(x) and isfinite(y) and SMALLEST <= zoom <= LARGEST


def _spot(value: list[Any]) -> tuple[Standpoint, Spot]:
    scope, prefix, sample, x, y, zoom = value
    return Standpoint(scope, prefix, sample), (float(x), float(y), float(zoom))
