"""Points that links are led through: put there, moved, taken away, carried along, kept in files."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from netbuilder.document import clipboard, edits
from netbuilder.document.diff import diff
from netbuilder.document.files import dumps, loads
from netbuilder.document.model import Place, PortRef
from netbuilder.foundation.limits import WAYPOINTS
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.ui.canvas import menus
from netbuilder.ui.canvas.routing import STEPS, bend, through
from tests.ui.canvas.conftest import DIGITS, LINEAR, LOSS, RELU, small_network
from tests.ui.canvas.gestures import SHIFT, Key, undoes

TARGET = PortRef(LOSS, "target")
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
POINT = Place(300.0, 200.0)


def points(workspace) -> tuple[Place, ...]:
    return workspace.document.layout.routes.get(TARGET, ())


@pytest.fixture
def led(view, workspace):
    """The link of the labels, led through one point."""
    workspace.edit("Lead", partial(edits.set_route, target=TARGET, points=(POINT,)))
    return view


def at(view, place: Place) -> QPoint:
    return view.to_view(place.x, place.y).toPoint()


def along(view, step: int) -> tuple[float, float]:
    """Return a point of the link."""
    row = view.content.arrays.edge_row(TARGET)
    x, y = view.content.arrays.curves_of(np.array([row]))[0][step].tolist()
    return x, y


def test_a_double_click_leads_a_link_through_a_point(view, workspace):
    before = workspace.document
    x, y = along(view, STEPS // 2)
    QTest.mouseDClick(view, LEFT, NONE, view.to_view(x, y).toPoint())
    ((px, py),) = points(workspace)
    assert (px, py) == pytest.approx((x, y), abs=2)
    assert not view.quick_add.isVisible()
    undoes(workspace, before)


def test_with_shift_it_asks_for_a_layer_to_insert(view, workspace):
    QTest.mouseDClick(view, LEFT, SHIFT, view.to_view(*along(view, STEPS // 2)).toPoint())
    assert view.quick_add.isVisible()
    assert points(workspace) == ()


def test_a_point_is_dragged_and_keeps_to_the_grid(hands, led, workspace):
    before = workspace.document
    hands.drag(at(led, POINT), at(led, POINT) + QPoint(31, 17))
    (moved,) = points(workspace)
    assert moved != POINT
    assert (moved.x % 4, moved.y % 4) == (0, 0)
    assert led.content.way_at(*moved, 1.0) == (TARGET, 0)
    undoes(workspace, before)


def test_escape_puts_a_point_back(hands, led, workspace):
    before = workspace.document
    hands.drag(at(led, POINT), at(led, POINT) + QPoint(31, 17), release=False)
    assert led.content.way_at(*POINT, 1.0) is None
    hands.key(Key.Key_Escape)
    QTest.mouseRelease(led, LEFT, NONE, at(led, POINT))
    assert workspace.document == before
    assert led.content.way_at(*POINT, 1.0) == (TARGET, 0)


def test_a_double_click_takes_a_point_away(led, workspace):
    before = workspace.document
    QTest.mouseDClick(led, LEFT, NONE, at(led, POINT))
    assert points(workspace) == ()
    undoes(workspace, before)


def test_a_second_point_goes_where_the_detour_is_least(led, workspace):
    QTest.mouseDClick(led, LEFT, NONE, led.to_view(*along(led, STEPS * 3 // 4)).toPoint())
    first, second = points(workspace)
    assert first == POINT
    assert second.x > POINT.x


def test_there_are_at_most_so_many(led, workspace, qtbot):
    many = tuple(Place(300.0 + index, 200.0) for index in range(WAYPOINTS))
    workspace.edit("Lead", partial(edits.set_route, target=TARGET, points=many))
    with qtbot.waitSignal(workspace.message) as told:
        led.waypoints.add(TARGET, 0, POINT)
    assert "at most 12 points" in told.args[0]
    assert points(workspace) == many
    with pytest.raises(NetbuilderError, match="at most 12 points"):
        edits.set_route(workspace.document, TARGET, (*many, POINT))


def test_the_menu_leads_it_straight(led, workspace):
    before = workspace.document
    menu = menus.build(led, QPointF(led.to_view(*along(led, 3))))
    (entry,) = [action for action in menu.actions() if action.text() == "Lead it straight"]
    entry.trigger()
    assert points(workspace) == ()
    undoes(workspace, before)


def test_points_go_along_when_both_ends_move(hands, led, workspace):
    workspace.select((DIGITS, LOSS))
    before = workspace.document
    hands.drag(hands.header(DIGITS), hands.header(DIGITS) + QPoint(40, 40))
    moved = workspace.document.layout.places[DIGITS]
    shift = moved.x - before.layout.places[DIGITS].x, moved.y - before.layout.places[DIGITS].y
    assert shift != (0, 0)
    assert points(workspace) == (Place(POINT.x + shift[0], POINT.y + shift[1]),)
    undoes(workspace, before)


def test_points_stay_when_one_end_moves(hands, led, workspace):
    hands.drag(hands.header(LOSS), hands.header(LOSS) + QPoint(0, 80))
    assert points(workspace) == (POINT,)
    assert led.content.way_at(*POINT, 1.0) == (TARGET, 0)


def test_points_go_away_with_their_link(workspace, led):
    for change in (
        partial(edits.disconnect, target=TARGET),
        partial(edits.remove_nodes, nodes=(DIGITS,)),
        partial(edits.connect, target=TARGET, source=PortRef(LINEAR, "y")),
    ):
        assert change(workspace.document).layout.routes == {}
    other = edits.connect(workspace.document, PortRef(LOSS, "prediction"), PortRef(RELU, "y"))
    assert other.layout.routes == {TARGET: (POINT,)}


def test_arranging_takes_points_away(led, workspace):
    before = workspace.document
    led.arranging.network()
    assert points(workspace) == ()
    undoes(workspace, before)


def test_copies_keep_the_points_of_inner_links(led, workspace):
    text = clipboard.copy(workspace.document, (DIGITS, LOSS))
    new, ids = clipboard.paste(workspace.document, text, offset=Place(10.0, 20.0))
    (target,) = new.layout.routes.keys() - {TARGET}
    assert target.node in ids
    assert new.layout.routes[target] == (Place(POINT.x + 10, POINT.y + 20),)


def test_files_keep_points_and_nothing_but_the_layout_changes(workspace, led):
    document = workspace.document
    assert loads(dumps(document)) == document
    change = diff(small_network(), document)
    assert change.routes == {TARGET}
    assert change.is_layout_only


def test_a_block_keeps_the_points_of_its_links(led, workspace):
    inner = PortRef(RELU, "x")
    workspace.edit("Lead", partial(edits.set_route, target=inner, points=(Place(380.0, 90.0),)))
    workspace.select((LINEAR, RELU))
    led.blocks.make_selected()
    led.label_editor.hide()
    (key,) = workspace.document.blocks
    assert inner in workspace.document.blocks[key].graph.edges
    assert workspace.document.layout.routes[inner] == (Place(380.0, 90.0),)
    workspace.scopes.open_block(key)
    assert led.content.way_at(380.0, 90.0, 1.0) == (inner, 0)


def test_a_curve_passes_its_points_and_ends_where_it_should():
    end = np.array([0.0, 0.0, 400.0, 100.0])
    way = np.array([[100.0, 80.0], [50.0, 200.0], [300.0, 20.0]])
    curve = through(end, way)
    assert curve.shape == (STEPS + 1, 2)
    assert curve[0].tolist() == [0, 0]
    assert curve[-1].tolist() == [400, 100]
    for point in way:
        assert np.hypot(*(curve - point).T).min() < 1e-9
    assert through(end, np.empty((0, 2))) == pytest.approx(bend(end[None])[0])
