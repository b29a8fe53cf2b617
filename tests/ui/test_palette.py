"""The palette: what a search finds first, what a drag carries, and the keyboard's way."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTreeWidgetItem
from pytestqt.qtbot import QtBot

from netbuilder.foundation.declaration import CATEGORIES
from netbuilder.project import declarations
from netbuilder.ui.palette import Palette, search
from netbuilder.ui.theme import controller


@pytest.fixture
def palette(qtbot: QtBot) -> Palette:
    palette = Palette(controller())
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
    assert sum(head.childCount() for head in heads) == len(declarations())


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
