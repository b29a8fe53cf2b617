"""Findings come when they last, go when they have gone, and do not flicker between."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netbuilder.document.model import Document
from netbuilder.insight.facts import Facts, Layer
from netbuilder.insight.finding import Finding
from netbuilder.insight.monitor import Monitor, look_once
from netbuilder.insight.record import Record
from netbuilder.insight.rule import PIECE, Findings, Held, Rule, registry

RECORD = Record(document=Document(), facts=Facts())


class Scripted:
    """A rule that finds something exactly when it is told to."""

    def __init__(self, looks: int, quiet: int) -> None:
        self.is_wrong = False
        self.held: Held = frozenset()
        self.rule = Rule(key="scripted", title="Scripted", judge=self.judge, looks=looks, quiet=quiet)

    def judge(self, record: Record, held: Held) -> Findings:
        self.held = held
        if self.is_wrong:
            yield Finding(rule="scripted", title="Scripted", message="It is so.", node="n1")


def follow(looks: int, quiet: int, course: list[bool]) -> list[bool]:
    """Return at each look whether the finding is shown."""
    scripted = Scripted(looks, quiet)
    monitor = Monitor([scripted.rule])
    shown = []
    for is_wrong in course:
        before = bool(monitor.findings)
        scripted.is_wrong = is_wrong
        look_once(monitor, RECORD)
        assert scripted.held == (frozenset({"n1"}) if before else frozenset())
        shown.append(bool(monitor.findings))
    return shown


def test_a_finding_waits_until_it_lasts_and_stays_until_it_is_long_gone() -> None:
    wrong, fine = True, False
    course = [wrong, wrong, fine, wrong, wrong, wrong, fine, fine, wrong, fine, fine, fine, fine]
    expected = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0]
    assert follow(3, 4, course) == [bool(each) for each in expected]


@given(looks=st.integers(1, 5), quiet=st.integers(1, 5), course=st.lists(st.booleans(), max_size=60))
def test_what_is_shown_changes_only_after_as_many_looks_as_the_rule_asks_for(looks, quiet, course) -> None:
    shown = [False, *follow(looks, quiet, course)]
    for place in range(1, len(shown)):
        if shown[place] and not shown[place - 1]:
            assert all(course[place - looks : place])
        if shown[place - 1] and not shown[place]:
            assert not any(course[place - quiet : place])


def test_a_run_that_is_over_has_nothing_to_wait_for() -> None:
    scripted = Scripted(5, 5)
    monitor = Monitor([scripted.rule])
    scripted.is_wrong = True
    monitor.conclude(RECORD)
    assert [each.rule for each in monitor.findings] == ["scripted"]


def test_a_look_at_many_layers_comes_in_pieces() -> None:
    layers = {f"l{n}": Layer(path=f"l{n}", label=f"l{n}", type="relu") for n in range(10 * PIECE)}
    monitor = Monitor([registry()["dead_units"]])
    record = Record(document=Document(), facts=Facts(layers=layers))
    assert sum(1 for _ in monitor.look(record)) == 11
    assert monitor.findings == ()
