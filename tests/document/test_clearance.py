"""Clearance: a group laid out anew goes aside by as little as possible, and covers nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netbuilder.document.clearance import DIRECTIONS, bounds_of, clear_of
from netbuilder.document.model import Place

SIZES = {"a": (100.0, 50.0), "b": (80.0, 90.0)}
GROUP = {"a": Place(0, 0), "b": Place(150, 20)}
rects = st.tuples(st.integers(-400, 400), st.integers(-400, 400), st.integers(1, 200), st.integers(1, 200)).map(
    lambda box: (float(box[0]), float(box[1]), float(box[0] + box[2]), float(box[1] + box[3]))
)


def covers(places, others) -> bool:
    boxes = [(at.x, at.y, at.x + SIZES[node][0], at.y + SIZES[node][1]) for node, at in places.items()]
    return any(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3] for a in boxes for b in others)


def test_what_covers_nothing_stays() -> None:
    between = (105.0, 0.0, 145.0, 50.0)  # inside the rectangle around the group, yet under none of its nodes
    assert clear_of(GROUP, SIZES, [between]) == GROUP
    assert clear_of(GROUP, SIZES, []) == GROUP


def test_the_shortest_way_is_taken() -> None:
    assert clear_of(GROUP, SIZES, [(-500.0, -500.0, 5.0, 500.0)])["a"] == Place(65, 0)
    assert clear_of(GROUP, SIZES, [(-500.0, -500.0, 500.0, 5.0)])["a"] == Place(0, 65)
    assert clear_of(GROUP, SIZES, [(-500.0, 100.0, 500.0, 500.0)])["a"] == Place(0, -70)
    assert clear_of(GROUP, SIZES, [(220.0, -500.0, 500.0, 500.0)])["a"] == Place(-70, 0)


def test_only_given_directions_are_taken() -> None:
    down = clear_of(GROUP, SIZES, [(-500.0, 100.0, 500.0, 500.0)], DIRECTIONS[:1])
    assert down["a"] == Place(0, 560)


@given(st.lists(rects, max_size=12), st.integers(1, 4))
def test_nothing_is_covered_and_the_group_keeps_its_form(others, count) -> None:
    assert covers(GROUP, [(10.0, 10.0, 20.0, 20.0)])  # the check sees what it should
    places = clear_of(GROUP, SIZES, others, DIRECTIONS[:count])
    assert not covers(places, others)
    assert places["b"].x - places["a"].x == 150
    assert places["b"].y - places["a"].y == 20
    left, top, right, bottom = bounds_of(places, SIZES)
    assert (right - left, bottom - top) == (230, 110)
