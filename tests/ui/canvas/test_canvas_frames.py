"""Frames: drawn around nodes, carried with what is in them, resized, named, coloured, copied; and their notes."""

from __future__ import annotations

from functools import partial

import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from netbuilder.document import edits
from netbuilder.document.files import dumps, loads
from netbuilder.document.model import Frame
from netbuilder.ui.canvas import menus
from netbuilder.ui.canvas.camera import Camera
from netbuilder.ui.canvas.frames import COLORS, LEAST, Part, frame_at, paint_frames, part_at
from netbuilder.ui.canvas.notes import Note
from netbuilder.ui.canvas.style import Style
from netbuilder.ui.render import render_content
from netbuilder.ui.theme import load_theme
from tests.ui.canvas.conftest import DIGITS, DROPOUT, LINEAR, LOSS, RELU
from tests.ui.canvas.gestures import ALT, CTRL, SHIFT, Key, undoes

FRAME = "f00000001"
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def framed(view, workspace):
    """A frame around the lone dropout, with room below it."""
    frame = Frame(id=FRAME, title="Spare", color="teal", x=160, y=200, width=240, height=200)
    workspace.edit("Frame", partial(edits.add_frame, frame=frame))
    view.fit_all()
    return view


def frame_of(workspace) -> Frame:
    return workspace.document.layout.frames[FRAME]


def title(view) -> QPoint:
    frame = view.content.frames[FRAME]
    return view.to_view(frame.x + frame.width / 2, frame.y + 12).toPoint()


def side(view, x: float, y: float) -> QPoint:
    """Return a point on the frame: 0 to 1 across and down."""
    frame = view.content.frames[FRAME]
    return view.to_view(frame.x + x * frame.width, frame.y + y * frame.height).toPoint()


# Drawing one ----------------------------------------------------------------------------------------------------------


def test_a_frame_is_drawn_around_the_selection_and_asks_for_its_title(hands, view, workspace):
    before = workspace.document
    workspace.select((LINEAR, RELU))
    view.selected.frame_selected()
    (frame,) = workspace.document.layout.frames.values()
    assert workspace.selected_frames == {frame.id}
    for node in (LINEAR, RELU):
        x, y, width, height = view.content.arrays.rect(node)
        assert QRectF(frame.x, frame.y, frame.width, frame.height).contains(QRectF(x, y, width, height))
    assert QApplication.focusWidget() is view.label_editor
    hands.type("Head")
    hands.key(Key.Key_Return)
    assert workspace.document.layout.frames[frame.id].title == "Head"
    workspace.undo()
    workspace.undo()
    assert workspace.document == before


def test_without_a_selection_an_empty_frame_lies_in_the_middle(view, workspace):
    id = view.frames.frame_selected()
    frame = workspace.document.layout.frames[id]
    middle = view.camera.to_scene(QPointF(view.rect().center()))
    assert abs(frame.x + frame.width / 2 - middle.x()) < 2
    assert abs(frame.y + frame.height / 2 - middle.y()) < 2


# Moving and resizing --------------------------------------------------------------------------------------------------


def test_a_frame_carries_the_nodes_that_are_wholly_in_it(hands, framed, workspace):
    before = workspace.document
    hands.drag(title(framed), title(framed) + QPoint(60, 40))
    places, old = workspace.document.layout.places, before.layout.places
    moved = frame_of(workspace).x - 160, frame_of(workspace).y - 200
    assert moved != (0, 0)
    assert (places[DROPOUT].x - old[DROPOUT].x, places[DROPOUT].y - old[DROPOUT].y) == moved
    assert all(places[node] == old[node] for node in (DIGITS, LINEAR, RELU, LOSS))
    assert workspace.history.undo_title == "Move frame"
    undoes(workspace, before)


def test_a_node_that_reaches_out_of_a_frame_stays(hands, framed, workspace):
    x, _, width, _ = framed.content.arrays.rect(DROPOUT)
    values = {"width": x + width / 2 - 160}
    workspace.edit("Resize", lambda document: edits.change_frame(document, FRAME, values))
    before = workspace.document
    hands.drag(title(framed), title(framed) + QPoint(60, 40))
    assert workspace.document.layout.places == before.layout.places
    assert frame_of(workspace).x != 160


def test_frames_in_a_frame_go_along(framed, workspace):
    inner = Frame(id="f00000002", x=180, y=240, width=100, height=80)
    workspace.edit("Frame", partial(edits.add_frame, frame=inner))
    nodes, frames = framed.frames.carried((), (FRAME,))
    assert (set(nodes), set(frames)) == ({DROPOUT}, {FRAME, "f00000002"})


def test_escape_puts_a_frame_and_its_nodes_back(hands, framed, workspace):
    before = workspace.document
    hands.drag(title(framed), title(framed) + QPoint(60, 40), release=False)
    assert framed._carried
    hands.key(Key.Key_Escape)
    QTest.mouseRelease(framed, LEFT, NONE, title(framed))
    assert workspace.document == before
    assert not framed._carried
    assert framed.content.arrays.rect(DROPOUT)[:2] == tuple(before.layout.places[DROPOUT])


@pytest.mark.parametrize(
    ("x", "y", "dx", "dy", "changed"),
    [
        (0, 0.5, -40, 0, {"x", "width"}),
        (1, 0.5, 40, 0, {"width"}),
        (0.5, 0, 0, -40, {"y", "height"}),
        (0.5, 1, 0, 40, {"height"}),
        (0, 0, -40, -40, {"x", "y", "width", "height"}),
        (1, 0, 40, -40, {"y", "width", "height"}),
        (1, 1, 40, 40, {"width", "height"}),
        (0, 1, -40, 40, {"x", "width", "height"}),
    ],
)
def test_a_frame_is_resized_by_all_its_sides(hands, framed, workspace, x, y, dx, dy, changed):
    before, old = workspace.document, frame_of(workspace)
    hands.drag(side(framed, x, y), side(framed, x, y) + QPoint(dx, dy))
    new = frame_of(workspace)
    assert {name for name in ("x", "y", "width", "height") if getattr(new, name) != getattr(old, name)} == changed
    assert new.width >= old.width
    assert new.height >= old.height
    assert workspace.document.layout.places == before.layout.places
    undoes(workspace, before)


def test_a_frame_does_not_turn_inside_out(hands, framed, workspace):
    hands.drag(side(framed, 1, 1), side(framed, 0, 0) - QPoint(80, 80))
    assert (frame_of(workspace).width, frame_of(workspace).height) == LEAST
    assert (frame_of(workspace).x, frame_of(workspace).y) == (160, 200)


def test_a_drag_inside_a_frame_draws_a_box(hands, framed, workspace):
    before = workspace.document
    hands.drag(side(framed, 0.05, 0.9), side(framed, 0.9, 0.2))
    assert workspace.document == before
    assert workspace.selection == {DROPOUT}
    assert workspace.selected_frames == frozenset()


# Selecting ------------------------------------------------------------------------------------------------------------


def test_a_click_on_the_title_selects_and_keys_add_and_toggle(hands, framed, workspace):
    hands.click(title(framed))
    assert (workspace.selection, workspace.selected_frames) == (frozenset(), {FRAME})
    hands.click(hands.header(RELU), SHIFT)
    assert (workspace.selection, workspace.selected_frames) == ({RELU}, {FRAME})
    hands.click(title(framed), CTRL)
    assert (workspace.selection, workspace.selected_frames) == ({RELU}, frozenset())
    hands.click(hands.header(LINEAR))
    assert workspace.selected_frames == frozenset()


def test_a_box_selects_frames_that_it_holds_wholly(hands, framed, workspace):
    hands.drag(side(framed, 0, 0) - QPoint(12, 12), side(framed, 1, 1) + QPoint(12, 12))
    assert (workspace.selection, workspace.selected_frames) == ({DROPOUT}, {FRAME})


def test_select_all_and_delete_take_frames_too(hands, framed, workspace):
    before = workspace.document
    hands.key(Key.Key_A, CTRL)
    assert workspace.selected_frames == {FRAME}
    hands.key(Key.Key_Delete)
    assert not workspace.document.graph.nodes
    assert not workspace.document.layout.frames
    undoes(workspace, before)


def test_deleting_a_frame_leaves_what_is_in_it(hands, framed, workspace):
    hands.click(title(framed))
    hands.key(Key.Key_Delete)
    assert not workspace.document.layout.frames
    assert DROPOUT in workspace.document.graph.nodes
    assert workspace.history.undo_title == "Delete frame"


def test_arrows_move_a_frame_with_what_is_in_it(hands, framed, workspace):
    hands.click(title(framed))
    before = workspace.document
    hands.key(Key.Key_Right, CTRL)
    hands.key(Key.Key_Right, CTRL)
    assert frame_of(workspace).x == 176
    assert workspace.document.layout.places[DROPOUT].x == before.layout.places[DROPOUT].x + 16
    undoes(workspace, before)


# Copies ---------------------------------------------------------------------------------------------------------------


def test_a_frame_is_copied_with_its_nodes_by_alt_and_drag(hands, framed, workspace):
    before = workspace.document
    hands.drag(title(framed), title(framed) + QPoint(300, 0), modifiers=ALT)
    (copy,) = workspace.document.layout.frames.keys() - before.layout.frames.keys()
    (node,) = workspace.document.graph.nodes.keys() - before.graph.nodes.keys()
    assert workspace.document.layout.frames[copy].title == "Spare"
    assert (workspace.selection, workspace.selected_frames) == ({node}, {copy})
    assert frame_of(workspace) == before.layout.frames[FRAME]
    undoes(workspace, before)


def test_cut_and_paste_keep_a_frame(hands, framed, workspace):
    hands.click(title(framed))
    framed.selected.cut()
    assert not workspace.document.layout.frames
    framed.selected.paste()
    (frame,) = workspace.document.layout.frames.values()
    assert (frame.title, frame.color) == ("Spare", "teal")


# Names, colours, fit --------------------------------------------------------------------------------------------------


def test_a_double_click_on_the_title_and_f2_rename(hands, framed, workspace):
    QTest.mouseDClick(framed, LEFT, NONE, title(framed))
    hands.type("Better")
    hands.key(Key.Key_Return)
    assert frame_of(workspace).title == "Better"
    hands.click(title(framed))
    hands.key(Key.Key_F2)
    hands.type("Best")
    hands.key(Key.Key_Escape)
    assert frame_of(workspace).title == "Better"


def test_the_menu_of_a_frame(hands, framed, workspace):
    before = workspace.document
    menu = menus.build(framed, QPointF(title(framed)))
    assert workspace.selected_frames == {FRAME}
    entries = {action.text().partition("\t")[0]: action for action in menu.actions()}
    (colors,) = [action.menu() for action in menu.actions() if action.text() == "Colour"]
    assert [action.text().lower() for action in colors.actions()] == list(COLORS)
    colors.actions()[-1].trigger()
    assert frame_of(workspace).color == "red"
    undoes(workspace, before)
    entries["Fit to what is in it"].trigger()
    x, y, width, height = framed.content.arrays.rect(DROPOUT)
    fitted = frame_of(workspace)
    assert QRectF(fitted.x, fitted.y, fitted.width, fitted.height).contains(QRectF(x, y, width, height))
    assert fitted.height < 200
    entries["Select what is in it"].trigger()
    assert (workspace.selection, workspace.selected_frames) == ({DROPOUT}, {FRAME})
    entries["Delete with what is in it"].trigger()
    assert DROPOUT not in workspace.document.graph.nodes
    assert not workspace.document.layout.frames


# Notes ----------------------------------------------------------------------------------------------------------------


def test_a_note_is_written_in_its_field(hands, view, workspace):
    view.selected.add_note()
    assert QApplication.focusWidget() is view.note_editor
    hands.type("**why**")
    hands.key(Key.Key_Return, CTRL)
    (frame,) = workspace.document.layout.frames.values()
    assert (frame.title, frame.note) == ("Note", "**why**")
    assert not view.note_editor.isVisible()
    at = view.to_view(frame.x + 40, frame.y + 40).toPoint()
    QTest.mouseDClick(view, LEFT, NONE, at)
    assert view.note_editor.toPlainText() == "**why**"
    hands.type("x")
    hands.key(Key.Key_Escape)
    assert workspace.document.layout.frames[frame.id].note == "**why**"


def test_a_note_is_drawn_as_markdown(qapp):
    def picture(note: str) -> QImage:
        image = QImage(400, 300, QImage.Format.Format_RGB32)
        image.fill(0)
        painter = QPainter(image)
        frame = Frame(id=FRAME, x=10, y=10, width=300, height=200, note=note)
        paint_frames(painter, [frame], QRectF(image.rect()), Camera(), Style(load_theme("dark")))
        painter.end()
        return image

    assert picture("**bold**") != picture("bold") != picture("")


@pytest.mark.parametrize(
    "text",
    [
        "![x](file:///etc/passwd)",
        '<img src="file:///etc/passwd"><script>alert(1)</script>',
        "[a](javascript:alert(1))",
        "# " * 5_000,
        "\u202e\x00| a | b |\n|--|--|\n" * 300,
        "-" * 200_000,
    ],
)
def test_hostile_notes_load_nothing_and_end(qapp, text, monkeypatch):
    from netbuilder.ui.canvas import notes

    asked = []
    monkeypatch.setattr(notes._Text, "loadResource", lambda *arguments: asked.append(arguments))
    note = Note(text, 300)
    image = QImage(320, 200, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    note.paint(painter, Style(load_theme("dark")))
    painter.end()
    assert note.height() > 0
    assert "<script>" not in text or "<script>" in note._document.toPlainText(), "HTML stays text"


def test_notes_load_no_resources(qapp):
    from netbuilder.ui.canvas.notes import _Text

    assert _Text().loadResource(2, "file:///etc/passwd") is None


# Everything else ------------------------------------------------------------------------------------------------------


def test_parts_are_found_at_every_zoom():
    frame = Frame(id=FRAME, x=0, y=0, width=400, height=300)
    assert part_at(frame, 200, 14, 1.0) is Part.TITLE
    assert part_at(frame, 200, -60, 0.2) is Part.TITLE, "from far away the title stands above, as high on the screen"
    assert part_at(frame, 200, 60, 0.2) is None
    assert part_at(frame, 200, 150, 1.0) is None
    assert part_at(frame, -3, 150, 1.0) is Part.LEFT
    assert part_at(frame, -3, 150, 4.0) is None
    assert part_at(frame, 401, 301, 1.0) is Part.BOTTOM_RIGHT
    small = Frame(id="f00000002", x=100, y=0, width=100, height=100)
    assert frame_at([small, frame], 150, 10, 1.0) == (small, Part.TITLE), "smaller ones lie above"


def test_the_view_fits_frames_too(framed, workspace):
    workspace.edit("Move", lambda document: edits.change_frame(document, FRAME, {"y": 2_000.0}))
    framed.fit_all()
    shown = framed.camera.scene_rect(QRectF(framed.rect()))
    assert shown.contains(QRectF(160, 2_000, 240, 200))


def test_pictures_show_frames(framed, workspace, tmp_path):
    def drawn(name: str) -> QImage:
        render_content(framed.content, tmp_path / name, Style(load_theme("light")), 1.0)
        return QImage(str(tmp_path / name))

    with_frame = drawn("with.png")
    workspace.edit("Remove", partial(edits.remove_frames, frames=(FRAME,)))
    assert with_frame != drawn("without.png")


def test_files_keep_frames_and_a_block_takes_along_those_around_its_nodes(framed, workspace):
    assert loads(dumps(workspace.document)).layout.frames == workspace.document.layout.frames
    workspace.select((DROPOUT,))
    framed.blocks.make_selected()
    (key,) = workspace.document.blocks
    assert frame_of(workspace).scope == key
    assert framed.content.frames == {}
    framed.label_editor.hide()
    workspace.scopes.open_block(key)
    assert list(framed.content.frames) == [FRAME]


def test_arranging_keeps_a_frame_around_its_nodes(framed, workspace):
    before = workspace.document
    framed.arranging.network()
    frame = frame_of(workspace)
    x, y, width, height = framed.content.arrays.rect(DROPOUT)
    assert QRectF(frame.x, frame.y, frame.width, frame.height).contains(QRectF(x, y, width, height))
    undoes(workspace, before)


def test_frames_are_chosen_without_a_mouse(framed, workspace):
    around = Frame(id="f0000000b", title="All", x=0, y=100, width=900, height=900)
    apart = Frame(id="f0000000c", title="Apart", x=2000, y=0, width=100, height=100)
    for frame in (around, apart):
        workspace.edit("Frame", partial(edits.add_frame, frame=frame))
    workspace.select((DROPOUT,))
    found = []
    for _ in range(4):
        framed.frames.choose()
        assert not workspace.selection
        found += workspace.selected_frames
    assert found == [FRAME, apart.id, around.id, FRAME], "the smallest around it, then as one reads"
    workspace.select(())
    framed.frames.choose()
    assert workspace.selected_frames == {apart.id}
