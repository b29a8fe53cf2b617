"""The monitor: which findings are shown, as a run goes on. They come when they last and go when they have gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from netbuilder.foundation.problem import Severity
from netbuilder.foundation.steps import Steps, finish
from netbuilder.insight.finding import Finding
from netbuilder.insight.record import Record
from netbuilder.insight.rule import Rule, registry

_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(slots=True)
class _Watched:
    """One finding, shown or about to be.

    Attributes:
        finding: As it was found last.
        found: In how many looks in a row it was found, or not found when negative.
        shown: Whether it is shown.
    """

    finding: Finding
    found: int = 0
    shown: bool = False


class Monitor:
    """Follows one run with all rules.

    Attributes:
        findings: What is shown, what matters most first, then in the order of the rules.
    """

    def __init__(self, rules: Iterable[Rule] | None = None) -> None:
        """Follow a run.

        Args:
            rules: The rules; None takes all there are.
        """
        self._rules = tuple(registry() if rules is None else rules)
        self._watched: dict[tuple[str, str], _Watched] = {}
        self.findings: tuple[Finding, ...] = ()

    def look(self, record: Record) -> Steps[None]:
        """Look at a run once, in pieces; a look at the same step again would tell nothing new.

        Args:
            record: What it has told so far.
        """
        for rule in self._rules:
            yield from self._apply(rule, record, rule.looks)
            yield
        self._publish()

    def conclude(self, record: Record) -> None:
        """Look at a run that is over: what is found now will not go any more, so nothing waits."""
        for rule in self._rules:
            finish(self._apply(rule, record, 1))
        self._publish()

    def _apply(self, rule: Rule, record: Record, looks: int) -> Steps[None]:
        mine = {key: each for key, each in self._watched.items() if key[0] == rule.key}
        held = frozenset(node for (_, node), each in mine.items() if each.shown)
        found = {}
        for each in rule.judge(record, held):
            if each is None:
                yield
            else:
                found[each.key] = each
        for key, finding in found.items():
            watched = self._watched.setdefault(key, _Watched(finding))
            watched.finding = finding
            watched.found = max(watched.found, 0) + 1
            watched.shown = watched.shown or watched.found >= looks
        for key in mine.keys() - found.keys():
            watched = mine[key]
            watched.found = min(watched.found, 0) - 1
            if not watched.shown or -watched.found >= rule.quiet:
                del self._watched[key]

    def _publish(self) -> None:
        places = {rule.key: place for place, rule in enumerate(self._rules)}
        shown = [each.finding for each in self._watched.values() if each.shown]
        self.findings = tuple(sorted(shown, key=lambda each: (_RANKS[each.severity], places[each.rule])))


def review(record: Record) -> tuple[Finding, ...]:
    """Return what is wrong with a run that is over.

    Args:
        record: All that it has told.
    """
    monitor = Monitor()
    monitor.conclude(record)
    return monitor.findings


def look_once(monitor: Monitor, record: Record) -> None:
    """Do a whole look at once."""
    finish(monitor.look(record))
