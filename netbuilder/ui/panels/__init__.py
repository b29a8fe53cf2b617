"""The panels around the canvas: a file a panel, found by walking this package.

A panel's module holds `PANEL`, a `PanelSpec`. A panel is given the workspace and the theme; it listens to their signals
and knows no other panel. Its widget is cheap to make: whatever is costly waits for its first showing.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from netbuilder.ui.theme import ThemeController
    from netbuilder.ui.workspace import Workspace


class Area(StrEnum):
    """Where the window places a panel at first."""

    BOTTOM = "bottom"
    RIGHT = "right"
    TAB = "tab"  # beside the canvas


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelSpec:
    """One panel.

    Attributes:
        key: The stable name: the window remembers places and sizes by it.
        title: What its tab says. A panel may change its widget's `windowTitle`; the window shows the new one.
        area: Where the window places it at first.
        order: Panels of one area stand in this order.
        shortcut: Keys that bring it to front, or "".
        make: Makes its widget.
        is_spare: Whether it is closed until View > Panels, its keys or something that it shows opens it.
    """

    key: str
    title: str
    area: Area
    order: int
    shortcut: str
    make: Callable[[Workspace, ThemeController], QWidget]
    is_spare: bool = False


def discover() -> tuple[PanelSpec, ...]:
    """Return every panel of this package, in order."""
    found: list[PanelSpec] = []
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        spec = getattr(module, "PANEL", None)
        if isinstance(spec, PanelSpec):
            found.append(spec)
    return tuple(sorted(found, key=lambda spec: (spec.area, spec.order)))
