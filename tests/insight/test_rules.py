"""Every rule finds what it is about in a real training, its fix takes it away, and healthy trainings raise none."""

from __future__ import annotations

from pathlib import Path

import pytest

from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document import edits
from netbuilder.document.files import read_document
from netbuilder.document.model import Document
from netbuilder.foundation.problem import Severity
from netbuilder.foundation.resources import resource
from netbuilder.insight.finding import Finding
from netbuilder.insight.monitor import review
from netbuilder.insight.record import Record
from netbuilder.insight.rule import registry
from netbuilder.training.readiness import review as find_problems
from tests.insight.cases import CASES, HEALTHY, Case
from tests.insight.runs import keys, trained, watched


def run(case: Case, made: Document, folder: Path) -> tuple[Record, tuple[Finding, ...]]:
    """Train as the case says; return the record and what is found."""
    if case.looks:
        return watched(made, folder, case.looks, case.unit)
    record = trained(made, folder)
    return record, review(record)


def test_every_rule_has_a_training_that_it_is_about() -> None:
    assert {rule.key for rule in registry()} == CASES.keys()


@pytest.mark.parametrize("rule", registry(), ids=lambda rule: rule.key)
def test_every_rule_says_what_it_is_and_where_it_comes_from(rule) -> None:
    assert rule.title
    assert rule.summary.endswith(".")
    assert rule.help.endswith(".")
    assert rule.reference is not None
    assert rule.looks >= 1
    assert rule.quiet >= 1


@pytest.mark.parametrize("key", CASES)
def test_a_rule_finds_what_it_is_about_and_its_fix_takes_it_away(key, tmp_path) -> None:
    case = CASES[key]
    made = case.make(tmp_path)
    _, findings = run(case, made, tmp_path / "before")
    (finding,) = [each for each in findings if each.rule == key]
    assert finding.message.endswith(".")
    assert finding.severity is not Severity.ERROR
    assert finding.evidence.numbers
    if finding.node:
        assert finding.node in made.graph.nodes
    assert finding.fixes
    for fix in finding.fixes:  # each can be made, and what comes of it can be trained
        mended = edits.apply(made, fix.edit, fix.arguments)
        assert mended != made
        shapes = ShapeInference().infer(mended)
        assert [each.message for each in find_problems(mended, shapes) if each.is_error] == [], fix.title
    fix = finding.fixes[case.mends]
    _, left = run(case, edits.apply(made, fix.edit, fix.arguments), tmp_path / "after")
    assert key not in keys(left), fix.title


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_trainings_raise_no_finding(name, tmp_path) -> None:
    record = trained(HEALTHY[name](), tmp_path / "run")
    assert [(each.rule, each.message) for each in review(record)] == []


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_trainings_raise_none_on_the_way_either(name, tmp_path) -> None:
    _, shown = watched(HEALTHY[name](), tmp_path / "run", 15, "epoch")
    assert [(each.rule, each.message) for each in shown] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.stem for path in resource("templates").glob("*.netb")))
def test_the_templates_raise_no_finding(name, tmp_path) -> None:
    made = read_document(resource("templates") / f"{name}.netb")
    _, shown = watched(made, tmp_path / "run", made.plan.epochs, "epoch")
    assert [(each.rule, each.message) for each in shown] == []
