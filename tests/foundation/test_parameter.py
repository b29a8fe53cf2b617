"""Parameters, declarations, problems and jobs: what everything else is declared and reported with."""

from __future__ import annotations

import math
import sys
import types
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbuilder.foundation.declaration import CATEGORIES, Declaration, Registry
from netbuilder.foundation.job import Cancelled, Job
from netbuilder.foundation.parameter import Choice, Kind, Parameter, defaults
from netbuilder.foundation.problem import NetbuilderError, Problem, Severity


def parameter(kind: Kind, **more: Any) -> Parameter:
    return Parameter(name="p", title="P", kind=kind, default=None, **more)


INT = parameter(Kind.INT, minimum=1, maximum=9)
FLOAT = parameter(Kind.FLOAT, minimum=0)
INTS = parameter(Kind.INTS, length=2, minimum=1)
ANY_INTS = parameter(Kind.INTS)
CHOICE = parameter(Kind.CHOICE, choices=tuple(Choice(value=v, title=str(v)) for v in (1, True, "a", (1, 2))))


@pytest.mark.parametrize(
    ("declared", "value", "canonical"),
    [
        (INT, 3, 3),
        (INT, 3.0, 3),
        (FLOAT, 2, 2.0),
        (FLOAT, 0.5, 0.5),
        (parameter(Kind.BOOL), True, True),
        (CHOICE, 1, 1),
        (CHOICE, True, True),
        (CHOICE, [1, 2], (1, 2)),
        (parameter(Kind.TEXT), "x", "x"),
        (parameter(Kind.FILE), "a.csv", "a.csv"),
        (INTS, [3, 5], (3, 5)),
        (INTS, 3, (3, 3)),
        (INTS, (3.0, 5), (3, 5)),
        (ANY_INTS, [], ()),
        (parameter(Kind.COLUMNS), ["a", "b"], ("a", "b")),
        (parameter(Kind.INT, optional=True), None, None),
    ],
)
def test_accepted_values_become_canonical(declared: Parameter, value: object, canonical: object) -> None:
    found = declared.normalize(value)
    assert found == canonical
    assert type(found) is type(canonical)
    assert declared.normalize(found) == canonical


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        (INT, None),
        (INT, 0),
        (INT, 10),
        (INT, 2.5),
        (INT, True),
        (INT, "3"),
        (INT, math.inf),
        (ANY_INTS, [2**63]),
        (ANY_INTS, [1e308]),
        (parameter(Kind.INT), 10**20),
        (parameter(Kind.INT), -(2**63)),
        (FLOAT, math.nan),
        (FLOAT, -1),
        (FLOAT, True),
        (FLOAT, 10**400),
        (parameter(Kind.BOOL), 1),
        (CHOICE, 1.0),
        (CHOICE, {}),
        (parameter(Kind.TEXT), b"x"),
        (parameter(Kind.TEXT), "x" * 100_001),
        (INTS, [1]),
        (INTS, [1, 0]),
        (INTS, "ab"),
        (ANY_INTS, [1] * 65),
        (ANY_INTS, 3),
        (parameter(Kind.COLUMNS), "abc"),
        (parameter(Kind.COLUMNS), [1]),
    ],
)
def test_other_values_are_refused_in_words(declared: Parameter, value: object) -> None:
    with pytest.raises(ValueError, match=r"^P: expected .*, got ") as caught:
        declared.normalize(value)
    assert len(str(caught.value)) < 250


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.sampled_from(list(Kind)), anything)
def test_any_value_is_accepted_or_refused_with_value_error(kind: Kind, value: object) -> None:
    declared = parameter(kind, choices=(Choice(value="a", title="A"),))
    try:
        canonical = declared.normalize(value)
    except ValueError:
        return
    assert declared.normalize(canonical) == canonical


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        (INT, "a whole number from 1 to 9"),
        (FLOAT, "a number of at least 0"),
        (parameter(Kind.FLOAT, maximum=1), "a number of at most 1"),
        (INTS, "2 whole numbers of at least 1"),
        (ANY_INTS, "whole numbers"),
        (
            parameter(Kind.CHOICE, choices=(Choice(value=1, title="One"), Choice(value=2, title="Two"))),
            "one of One, Two",
        ),
    ],
)
def test_what_is_accepted_is_said_in_words(declared: Parameter, words: str) -> None:
    assert declared.expected() == words


def test_declarations_resolve_values() -> None:
    units = Parameter(name="units", title="Units", kind=Kind.INT, default=8, minimum=1)
    bias = Parameter(name="bias", title="Bias", kind=Kind.BOOL, default=True)
    declaration = Declaration(key="linear", title="Linear", parameters=(units, bias))
    assert declaration.defaults() == defaults((units, bias)) == {"units": 8, "bias": True}
    assert declaration.resolve({"units": 3.0, "unknown": 1}) == {"units": 3, "bias": True}
    assert declaration.by_name["units"] is units
    with pytest.raises(ValueError, match="Units"):
        declaration.resolve({"units": 0})


def test_registries_find_declarations_by_walking_a_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "walked").mkdir()
    (tmp_path / "walked" / "__init__.py").write_text("")
    source = "from netbuilder.foundation.declaration import Declaration as D\n"
    (tmp_path / "walked" / "b.py").write_text(source + "ONE = D(key='b', title='B')\nother = 3\n")
    (tmp_path / "walked" / "a.py").write_text(
        source + "MANY = (D(key='a1', title='A'), D(key='a2', title='A'), 'no')\nfrom walked.b import ONE\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import walked  # type: ignore[import-not-found]

    registry: Registry[Declaration] = Registry(Declaration)
    registry.discover(walked)
    assert [each.key for each in registry] == ["a1", "a2", "b"]
    assert len(registry) == 3
    assert "b" in registry
    assert registry["b"].title == "B"
    assert registry.get("zzz") is None
    with pytest.raises(ValueError, match="two Declarations are called 'b'"):
        registry.add(Declaration(key="b", title="Another"))
    for name in [name for name in sys.modules if name.split(".")[0] == "walked"]:
        monkeypatch.delitem(sys.modules, name)
    assert isinstance(walked, types.ModuleType)


def test_every_category_has_a_title() -> None:
    assert all(title for title in CATEGORIES.values())


def test_problems_travel_in_an_error() -> None:
    one = Problem(code="a.b", message="One.")
    two = Problem(code="a.c", message="Two.", severity=Severity.WARNING)
    assert NetbuilderError(one).problems == (one,)
    assert str(NetbuilderError([one, two])) == "One.; Two."
    assert (one.is_error, two.is_error) == (True, False)
    with pytest.raises(AssertionError):
        NetbuilderError([])


def test_jobs_report_and_cancel() -> None:
    job = Job("Work")
    job.report(0.5, "half")
    assert (job.fraction, job.detail, job.cancelled) == (0.5, "half", False)
    job.cancel()
    with pytest.raises(Cancelled, match="Work"):
        job.report(0.6)
    assert job.fraction == 0.5
