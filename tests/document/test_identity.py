"""Identity: what was found by meeting entries in pairs is what a look at each of them finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netbuilder.document.identity import fresh_keys, lost_keys, shared_ends
from netbuilder.ui.canvas.rows import rows_before

LENGTHS = st.sampled_from([0, 1, 2, 7, 511, 512, 513, 1024, 1300])


@st.composite
def edited(draw: st.DrawFn) -> tuple[dict[str, object], dict[str, object]]:
    """Draw a mapping and what it is after entries came, went, were replaced and were put at the end."""
    before: dict[str, object] = {f"k{number}": object() for number in range(draw(LENGTHS))}
    after = dict(before)
    some = st.lists(st.sampled_from(sorted(before)), max_size=4) if before else st.just([])
    for key in draw(some):
        after[key] = object()
    for key in draw(some):
        after.pop(key, None)
    for key in draw(some):
        if key in after:
            after[key] = after.pop(key)
    entries = list(after.items())
    for number in range(draw(st.integers(0, 3))):
        entries.insert(draw(st.integers(0, len(entries))), (f"new{number}", object()))
    return before, dict(entries)


@given(edited(), st.booleans())
def test_what_is_fresh_and_what_is_lost(pair: tuple[dict[str, object], dict[str, object]], is_undone: bool) -> None:
    old, new = reversed(pair) if is_undone else pair
    assert fresh_keys(old, new) == [key for key, value in new.items() if old.get(key) is not value]
    assert lost_keys(old, new) == [key for key in old if key not in new]


@given(edited(), st.booleans())
def test_rows_before_an_edit(pair: tuple[dict[str, object], dict[str, object]], is_undone: bool) -> None:
    old, new = map(list, reversed(pair) if is_undone else pair)
    row = {key: number for number, key in enumerate(old)}
    assert rows_before(old, new).tolist() == [row.get(key, -1) for key in new]
    start, end = shared_ends(old, new)
    assert old[:start] == new[:start]
    assert old[len(old) - end :] == new[len(new) - end :]
    assert start + end <= min(len(old), len(new))
