"""How the window looks: tokens, palette, style sheet, fonts; dark or light, following the system or a setting.

`controller()` is the application's one `ThemeController`. Painted parts (canvas, plots) read `controller().theme` and
repaint on its `changed`; plain widgets need nothing, the style sheet reaches them. Properties that the sheet knows:
`role` on labels ("heading", "muted", "number", "section", "title", "good", "bad") and on buttons ("primary", "quiet"),
and `card` on frames.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from string import Template
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from netbuilder.foundation.resources import resource

MODES: Mapping[str, str] = {"system": "Follow the system", "dark": "Dark", "light": "Light"}
"""Values of the `theme` preference: key -> what the interface calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """One look, as `#rrggbb` tokens; see `resources/themes`.

    Attributes:
        name: "dark" or "light".
        canvas: Behind the graph.
        dots: The canvas's grid.
        panel: Docks.
        bar: Tool bar, cards.
        field: Inside inputs.
        line: Separators and borders of inputs.
        hover: Behind what the pointer is on.
        pressed: Behind what is held down or chosen.
        node: A node's body.
        node_border: Its border.
        edge: Links.
        text: Text.
        muted: Text of less weight.
        accent: Selection, the train curve.
        link: Accent that is text: shapes, references.
        on_accent: Text on `primary`.
        primary: The main button.
        validation: The validation curve, warnings.
        good: What went well.
        bad: Errors.
        categories: Declaration category -> colour.
    """

    name: str
    canvas: str
    dots: str
    panel: str
    bar: str
    field: str
    line: str
    hover: str
    pressed: str
    node: str
    node_border: str
    edge: str
    text: str
    muted: str
    accent: str
    link: str
    on_accent: str
    primary: str
    validation: str
    good: str
    bad: str
    categories: Mapping[str, str]

    @property
    def is_dark(self) -> bool:
        """Whether text is lighter than what is behind it."""
        return self.name == "dark"

    def category(self, key: str) -> str:
        """Return the colour of a declaration's category; a neutral one for a category this program lacks."""
        return self.categories.get(key, self.categories["shape"])

    def color(self, token: str) -> QColor:
        """Return a token ("accent") as a colour."""
        return QColor(getattr(self, token))


@cache
def load_theme(name: str) -> Theme:
    """Return the look called "dark" or "light"."""
    return Theme(**json.loads(resource(f"themes/{name}.json").read_text("utf-8")))


@cache
def _style_template() -> Template:
    return Template(resource("themes/window.qss").read_text("utf-8"))


def style_sheet(theme: Theme) -> str:
    """Return the application's one style sheet in the colours of `theme`."""
    names = {name: getattr(theme, name) for name in Theme.__dataclass_fields__ if name != "categories"}
    icons = resource("icons").as_posix()
    return _style_template().substitute(names, icons=icons, mono=mono_font().family())


def ui_font(size: int = 13, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """Return the interface's font: Inter where it is installed, else the system's; `size` in pixels."""
    font = QFont(_ui_face())
    font.setPixelSize(size)
    font.setWeight(weight)
    return font


@cache
def _ui_face() -> QFont:
    known = "Inter" in QFontDatabase.families()
    font = QFont("Inter") if known else QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    if sys.platform.startswith("linux"):
        # FreeType thickens the stems of fonts like Inter when it does not hint them: regular would look like medium.
        font.setHintingPreference(QFont.HintingPreference.PreferFullHinting)
    return font


def mono_font(size: int = 12) -> QFont:
    """Return the font of numbers, shapes and code; `size` in pixels."""
    font = QFont(_mono_face())
    font.setPixelSize(size)
    return font


@cache
def _mono_face() -> QFont:
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    known = QFontDatabase.families()
    for family in ("JetBrains Mono", "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", "Noto Sans Mono"):
        if family in known:
            font = QFont(family)
            break
    font.setStyleHint(QFont.StyleHint.Monospace)
    return font


def window_palette(theme: Theme) -> QPalette:
    """Return the palette for what style sheets do not reach."""
    roles = QPalette.ColorRole
    colors = {
        roles.Window: theme.panel,
        roles.WindowText: theme.text,
        roles.Base: theme.field,
        roles.AlternateBase: theme.bar,
        roles.Text: theme.text,
        roles.Button: theme.bar,
        roles.ButtonText: theme.text,
        roles.BrightText: theme.bad,
        roles.ToolTipBase: theme.bar,
        roles.ToolTipText: theme.text,
        roles.PlaceholderText: theme.muted,
        roles.Highlight: theme.primary,
        roles.HighlightedText: theme.on_accent,
        roles.Accent: theme.accent,
        roles.Link: theme.link,
        roles.LinkVisited: theme.link,
        roles.Light: theme.hover,
        roles.Midlight: theme.line,
        roles.Mid: theme.line,
        roles.Dark: theme.line,
        roles.Shadow: theme.canvas,
    }
    palette = QPalette()
    for role, color in colors.items():
        palette.setColor(role, QColor(color))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, faded(theme.muted, theme.panel, 0.55))
    return palette


def faded(front: str, back: str, amount: float) -> QColor:
    """Return the colour `amount` (0 to 1) of the way from `back` to `front`: a tint."""
    near, far = QColor(front).toRgb(), QColor(back).toRgb()
    channels = zip((near.red(), near.green(), near.blue()), (far.red(), far.green(), far.blue()), strict=True)
    return QColor(*(round(low + (high - low) * amount) for high, low in channels))


class ThemeController(QObject):
    """Holds the theme in force and gives it to the application.

    Signals:
        changed: (Theme) another theme is in force, or the same one's colours need painting again.
    """

    changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.mode = "system"
        self.theme = load_theme(self._system())
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow)

    def set_mode(self, mode: str) -> None:
        """Follow the system, or stay "dark" or "light"."""
        self.mode = mode if mode in MODES else "system"
        self.apply()

    def apply(self) -> None:
        """Give the application the theme that the mode asks for."""
        self.theme = load_theme(self._system() if self.mode == "system" else self.mode)
        app = QApplication.instance()
        assert isinstance(app, QApplication), "themes need an application"
        app.setPalette(window_palette(self.theme))
        app.setStyleSheet(style_sheet(self.theme))
        self.changed.emit(self.theme)

    def _follow(self, _: Any) -> None:
        if self.mode == "system":
            self.apply()

    @staticmethod
    def _system() -> str:
        # Unknown (no desktop settings at all) means dark: the look that the program was drawn in.
        return "light" if QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Light else "dark"


def controller() -> ThemeController:
    """Return the application's theme controller, made at the first call."""
    app = QApplication.instance()
    assert app is not None, "themes need an application"
    known = app.findChild(ThemeController)
    return known if known is not None else ThemeController(app)
