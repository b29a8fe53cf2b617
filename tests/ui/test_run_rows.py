"""The table's order and search, against what they are said to be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from netbuilder.training.run_store import Marks
from netbuilder.training.run_values import values_of
from netbuilder.ui.run_rows import Row, arrange, best_of, is_percent
from tests.training.stored_runs import record_of

HERE = Path("/nowhere")


def _row(number: int, name: str = "", tags: tuple[str, ...] = (), pinned: bool = False, **values) -> Row:
    record = replace(record_of(HERE, f"run{number}", number), marks=Marks(name=name, tags=tags, pinned=pinned))
    return Row(record, {**values_of(record), **values})


words = st.text("ab Ä", max_size=3)
numbers = st.one_of(
    st.none(), st.integers(-3, 3), st.floats(-2, 2), st.just(float("nan")), st.sampled_from(["x9", "x10", "X2", ""])
)
rows_of = st.lists(st.tuples(words, st.lists(words, max_size=2), st.booleans(), numbers), max_size=12).map(
    lambda drawn: [_row(n, name, tuple(tags), pin, value=value) for n, (name, tags, pin, value) in enumerate(drawn)]
)


@settings(max_examples=150, deadline=None)
@given(rows_of, st.text("ab xÄ", max_size=4), st.booleans())
def test_what_is_shown_is_what_passes_in_order(rows, query, descending):
    shown = arrange(rows, query, "value", descending)
    wanted = query.casefold().split()
    assert {row.id for row in shown} == {row.id for row in rows if all(word in row.text for word in wanted)}
    assert len(shown) == len({row.id for row in shown})
    pins = [row.record.marks.pinned for row in shown]
    assert pins == sorted(pins, reverse=True)
    for pinned in (True, False):
        values = [row.values["value"] for row in shown if row.record.marks.pinned is pinned]
        known = [value not in (None, "") and value == value for value in values]
        assert known == sorted(known, reverse=True), "what has no value comes last"
        measured = [value for value in values if isinstance(value, (int, float)) and value == value]
        assert measured == sorted(measured, reverse=descending)


@settings(max_examples=50, deadline=None)
@given(rows_of)
def test_order_does_not_depend_on_how_they_came(rows):
    assert arrange(rows, "", "value", False) == arrange(rows[::-1], "", "value", False)


def test_numbers_in_words_count_as_numbers():
    rows = [_row(n, value=value) for n, value in enumerate(("run 10", "run 9", "Run 1"))]
    assert [row.values["value"] for row in arrange(rows, "", "value", False)] == ["Run 1", "run 9", "run 10"]


def test_a_search_finds_names_tags_notes_and_settings():
    rows = [_row(0, name="Wide"), _row(1, tags=("night",)), _row(2)]
    assert [row.id for row in arrange(rows, "wide", "started", True)] == ["run0"]
    assert [row.id for row in arrange(rows, "NIGHT", "started", True)] == ["run1"]
    assert [row.id for row in arrange(rows, "adam constant", "started", True)] == ["run2", "run1", "run0"]
    assert arrange(rows, "adam sgd", "started", True) == []


def test_the_best_of_a_column():
    rows = [_row(n, **{"best/loss": loss, "best/accuracy": loss}) for n, loss in enumerate((0.5, 0.2, float("nan")))]
    assert (best_of(rows, "best/loss"), best_of(rows, "best/accuracy")) == (0.2, 0.5)
    assert best_of(rows, "epochs") is None
    assert best_of(rows[:1], "best/loss") is None
    assert is_percent("test/accuracy")
    assert not is_percent("plan/accuracy")
