"""The themes: whole, readable, and switched without a restart."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QPalette
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from netbuilder.foundation.declaration import CATEGORIES
from netbuilder.foundation.resources import resource, resource_names
from netbuilder.ui.action_table import ACTIONS
from netbuilder.ui.icons import icon
from netbuilder.ui.theme import Theme, controller, faded, load_theme, style_sheet

THEMES = ("dark", "light")


def luminance(color: str) -> float:
    channels = [QColor(color).redF(), QColor(color).greenF(), QColor(color).blueF()]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    dark, light = sorted((luminance(one), luminance(two)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize(
    ("front", "back"),
    [
        ("text", "canvas"), ("text", "panel"), ("text", "bar"),
        ("text", "field"), ("text", "hover"), ("text", "pressed"),
        ("text", "node"), ("muted", "canvas"), ("muted", "panel"),
        ("muted", "bar"), ("muted", "node"), ("link", "panel"),
        ("link", "bar"), ("on_accent", "primary"),
    ],
)  # fmt: skip
def test_text_has_contrast(name: str, front: str, back: str) -> None:
    theme = load_theme(name)
    assert contrast(getattr(theme, front), getattr(theme, back)) >= 4.5


@pytest.mark.parametrize("name", THEMES)
def test_every_category_has_a_colour(name: str) -> None:
    assert set(load_theme(name).categories) == set(CATEGORIES)


@pytest.mark.parametrize("name", THEMES)
def test_the_style_sheet_is_filled_in_and_parses(name: str, qtbot: QtBot, capfd: pytest.CaptureFixture[str]) -> None:
    sheet = style_sheet(load_theme(name))
    assert "$" not in sheet
    for path in re.findall(r"url\((.*?)\)", sheet):
        assert QSvgRenderer(path).isValid(), path
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    app.setStyleSheet(sheet)
    app.setStyleSheet("")
    assert "Could not parse" not in capfd.readouterr().err


def test_the_theme_switches_at_once(qtbot: QtBot) -> None:
    theme = controller()
    told: list[Theme] = []
    theme.changed.connect(told.append)
    theme.set_mode("dark")
    theme.set_mode("light")
    assert [each.name for each in told] == ["dark", "light"]
    assert QApplication.palette().color(QPalette.ColorRole.Window) == QColor(load_theme("light").panel)
    theme.set_mode("nonsense")
    assert theme.mode == "system"


def test_a_tint_lies_between(qtbot: QtBot) -> None:
    assert faded("#ffffff", "#000000", 0.0) == QColor("#000000")
    assert faded("#ffffff", "#000000", 1.0) == QColor("#ffffff")
    assert faded("#ff0000", "#0000ff", 0.5).name() == "#800080"


def test_every_icon_is_a_drawing() -> None:
    for name in resource_names("icons", ".svg"):
        assert QSvgRenderer(str(resource(name))).isValid(), name


def test_every_action_has_its_icon(qtbot: QtBot) -> None:
    for spec in ACTIONS:
        if spec.icon:
            image = icon(spec.icon).pixmap(32, 32).toImage()
            drawn = sum(image.pixelColor(x, y).alpha() > 0 for x in range(32) for y in range(32))
            assert drawn > 20, spec.icon


def test_an_icon_has_the_theme_s_colour(qtbot: QtBot) -> None:
    stop = icon("stop", "bad")
    for name in THEMES:
        controller().set_mode(name)
        image = stop.pixmap(20, 20).toImage()
        assert image.pixelColor(image.width() // 2, image.height() // 2) == load_theme(name).color("bad")


def test_an_icon_of_no_size_is_no_picture_and_no_warning(qapp: QApplication) -> None:
    assert icon("more").pixmap(QSize(0, 12)).isNull()
