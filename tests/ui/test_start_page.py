"""The start page's cards: as many columns as fit and none cut off, also when the window becomes narrower again."""

import pytest
from PySide6.QtWidgets import QLabel, QPushButton
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
    for width, columns in ((1600, 3), (1366, 3), (1280, 2), (1024, 2), (900, 1), (1280, 2), (1920, 5), (1600, 3)):
        window.resize(width, 1000)
        qtbot.waitUntil(lambda: gallery.width() == scroll.width() and len({card.x() for card in cards}) == columns)  # noqa: B023
        qtbot.waitUntil(lambda: max(card.geometry().right() for card in cards) < scroll.width())
        assert all(250 <= card.width() <= 296 for card in cards)
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


@pytest.mark.parametrize(("width", "height"), [(853, 480), (1024, 576), (1366, 768)])
def test_a_small_window_shows_all_of_it(qtbot: QtBot, window: MainWindow, width: int, height: int) -> None:
    """1280 x 720 at 150 and 125 %, and a small laptop: nothing keeps the window larger, or is cut off."""
    page = window.start_page
    assert page is not None
    window.resize(width, height)
    qtbot.waitUntil(lambda: (window.width(), window.height()) == (width, height))
    for chip in page.gallery.findChildren(QPushButton):
        assert chip.width() >= chip.sizeHint().width()
        assert chip.geometry().right() < page.gallery.width()
    left = page.findChild(QLabel, "dropArea")
    assert left is not None
    assert left.height() >= left.sizeHint().height()


def test_the_menus_keep_their_room_beside_the_file_s_name(qtbot: QtBot, window: MainWindow) -> None:
    window.workspace.new()
    window.show_network()
    for width in (853, 1600, 700):
        window.resize(width, 600)
        bar = window.menuBar()
        qtbot.waitUntil(lambda: window.file_state.geometry().right() >= bar.width() - 10)  # noqa: B023
        ends = [bar.actionGeometry(action).right() for action in bar.actions()]
        assert all(end > 0 for end in ends), "none is hidden"
        assert max(ends) <= window.file_state.x()
