"""The palette: what a search finds first, what a drag carries, and the keyboard's way."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTreeWidgetItem
from pytestqt.qtbot import QtBot

from netbuilder.foundation.declaration import CATEGORIES
from netbuilder.foundation.preferences import Preferences
from netbuilder.project import declarations
from netbuilder.ui.palette import COMMON, Palette, search
from netbuilder.ui.theme import controller
from netbuilder.ui.workspace import Workspace


@pytest.fixture
def palette(qtbot: QtBot) -> Palette:
    palette = Palette(controller(), Workspace(Preferences()))
    qtbot.addWidget(palette)
    palette.show()
    return palette


@pytest.mark.parametrize(
    ("query", "first"),
    [("conv2", "conv2d"), ("relu", "relu"), ("linear", "linear"), ("dense", "linear"), ("digits", "data.digits"),
     ("cnv2d", "conv2d")],
)  # fmt: skip
def test_the_best_answer_comes_first(query: str, first: str) -> None:
    assert search(declarations().values(), query)[0].key == first


def test_every_word_must_be_found() -> None:
    found = {entry.key for entry in search(declarations().values(), "conv transpose")}
    assert "conv_transpose2d" in found
    assert "conv2d" not in found
    assert search(declarations().values(), "zzzz qqqq") == []


def test_an_empty_search_shows_everything_by_category(palette: Palette) -> None:
    tree = palette.tree
    heads = [tree.topLevelItem(row) for row in range(tree.topLevelItemCount())]
    titles = [head.text(0) for head in heads]
    assert titles == [title.upper() for title in CATEGORIES.values() if title.upper() in titles]
    listed = {item.text(0) for head in heads for item in (head.child(row) for row in range(head.childCount()))}
    assert {declarations()[key].title for key in COMMON} <= listed
    assert "Hardswish" not in listed
    assert heads[0].child(0).text(0) == declarations()[COMMON[0]].title


def find(palette: Palette, text: str) -> list[QTreeWidgetItem]:
    return palette.tree.findItems(text, Qt.MatchFlag.MatchStartsWith | Qt.MatchFlag.MatchRecursive)


def test_every_entry_can_be_listed_and_the_window_remembers_that(palette: Palette, qtbot: QtBot) -> None:
    category = next(head for head in find(palette, "ACTIVATION") if head.childCount())
    more = category.child(category.childCount() - 1)
    assert more.text(0).endswith("more…")
    assert not more.flags() & Qt.ItemFlag.ItemIsDragEnabled
    palette.tree.itemClicked.emit(more, 0)
    qtbot.waitUntil(lambda: bool(find(palette, "Hardswish")))
    again = Palette(controller(), Workspace(Preferences()))
    qtbot.addWidget(again)
    assert find(again, "Hardswish")
    palette.tree.itemActivated.emit(find(palette, "Show fewer")[0], 0)
    qtbot.waitUntil(lambda: not find(palette, "Hardswish"))


def test_closed_categories_are_remembered(palette: Palette, qtbot: QtBot) -> None:
    (head,) = find(palette, "RECURRENT")
    assert not head.isExpanded()
    head.setExpanded(True)
    again = Palette(controller(), Workspace(Preferences()))
    qtbot.addWidget(again)
    assert find(again, "RECURRENT")[0].isExpanded()


def test_what_is_common_exists() -> None:
    assert set(COMMON) <= declarations().keys()


def test_enter_adds_what_was_found(palette: Palette, qtbot: QtBot) -> None:
    palette.focus_search()
    qtbot.keyClicks(palette.field, "conv2d")
    with qtbot.waitSignal(palette.chosen) as chosen:
        qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert chosen.args == ["conv2d"]
    qtbot.keyClick(palette.field, Qt.Key.Key_Escape)
    assert palette.field.text() == ""


def test_a_vain_search_says_so(palette: Palette) -> None:
    palette.field.setText("no such layer")
    assert palette.tree.topLevelItemCount() == 1
    item = palette.tree.topLevelItem(0)
    assert item is not None
    assert "no such layer" in item.text(0)
    assert not item.flags() & Qt.ItemFlag.ItemIsDragEnabled


def test_a_closed_category_stays_closed_after_a_search(palette: Palette) -> None:
    def head() -> QTreeWidgetItem:
        item = palette.tree.topLevelItem(0)
        assert item is not None
        return item

    head().setExpanded(False)
    palette.field.setText("conv")
    palette.field.clear()
    assert not head().isExpanded()
    palette.tree.itemClicked.emit(head(), 0)
    assert head().isExpanded()
