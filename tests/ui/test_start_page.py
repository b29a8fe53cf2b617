"""The start page's cards: as many columns as fit and none cut off, also when the window becomes narrower again."""

import pytest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from netbuilder.foundation.preferences import Preferences
from netbuilder.templates import list_templates
from netbuilder.ui.start.cards import Card
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace


@pytest.fixture
def window(qtbot: QtBot) -> MainWindow:
    found = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(found)
    found.show_start()
    with qtbot.waitExposed(found):
        found.show()
    return found


def test_cards_take_as_many_columns_as_fit_and_give_them_back(qtbot: QtBot, window: MainWindow) -> None:
    assert window.start_page is not None
    gallery = window.start_page.gallery
    cards = gallery.findChildren(Card)
    assert [card.template.key for card in cards] == [template.key for template in list_templates()]
    scroll = gallery.parentWidget()
    assert scroll is not None
    for width, columns in ((1600, 3), (1366, 3), (1280, 2), (1024, 1), (1280, 2), (1920, 5), (1600, 3)):
        window.resize(width, 1000)
        qtbot.waitUntil(lambda: gallery.width() == scroll.width() and len({card.x() for card in cards}) == columns)  # noqa: B023
        assert all(250 <= card.width() <= 296 for card in cards)
        assert max(card.geometry().right() for card in cards) < scroll.width()
        rows = [card.y() for card in cards]
        assert rows == sorted(rows), "in reading order"


def test_a_chip_shows_the_templates_of_its_kind(window: MainWindow) -> None:
    assert window.start_page is not None
    gallery = window.start_page.gallery
    chips = {chip.text(): chip for chip in gallery.findChildren(QPushButton)}
    chips["Images"].click()
    shown = [card.template.key for card in gallery.findChildren(Card) if card.isVisible()]
    assert shown == ["digits-residual", "digits-transformer"]
    chips["All"].click()
    assert all(card.isVisible() for card in gallery.findChildren(Card))
