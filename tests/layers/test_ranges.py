"""What parameters accept: torch takes it, and what lies beyond is refused before torch sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from netbuilder.compiler.shapes import ShapeInference
from netbuilder.foundation.parameter import Kind, Parameter
from netbuilder.layers.catalog import catalog
from netbuilder.layers.spec import LayerSpec
from tests.layers.samples import LAYERS, document_of, samples_of, values_of

INFERENCE = ShapeInference()

SLOW = frozenset({"layers"})
"""Parameters whose maximum makes hundreds of modules."""

WHOLE = (Kind.INT, Kind.INTS)
LISTS = (Kind.INTS, Kind.FLOATS)


def beyond(parameter: Parameter) -> Iterator[Any]:
    """Yield what lies one step outside the limits."""
    step = 1 if parameter.kind in WHOLE else 1e-3
    for limit, sign in ((parameter.minimum, -1), (parameter.maximum, 1)):
        if limit is not None:
            outside = limit + sign * max(step, abs(limit) * 1e-3 if step < 1 else 1)
            outside = int(outside) if parameter.kind in WHOLE else outside
            yield (outside,) * (parameter.length or 1) if parameter.kind in LISTS else outside


def largest(parameter: Parameter) -> Any:
    """Return the largest value that a parameter accepts; None when it has no limit."""
    if parameter.maximum is None or parameter.name in SLOW:
        return None
    most = int(parameter.maximum) if parameter.kind in WHOLE else float(parameter.maximum)
    return (most,) * (parameter.length or 1) if parameter.kind in LISTS else most


def test_whole_numbers_have_limits() -> None:
    unlimited = [
        (spec.key, each.name)
        for spec in catalog()
        for each in spec.parameters
        if each.kind in WHOLE and (each.minimum is None or each.maximum is None)
    ]
    assert unlimited == []


def test_what_lies_outside_is_refused_in_words() -> None:
    for spec in catalog():
        for parameter in spec.parameters:
            for value in beyond(parameter):
                with pytest.raises(ValueError, match=r"expected .*, got "):
                    spec.resolve({parameter.name: value})


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("spec", LAYERS, ids=lambda spec: spec.key)
def test_the_largest_values_have_a_shape_or_a_problem(spec: LayerSpec) -> None:
    """Without any memory: on torch's meta device."""
    for parameter in spec.parameters:
        value = largest(parameter)
        if value is None:
            continue
        values = values_of(spec, **{parameter.name: value})
        shapes = INFERENCE.infer(document_of(spec, values, samples_of(spec, values)))
        assert all(problem.message for problem in shapes.problems)
        assert shapes.problems or not shapes.pending
        unworded = [problem.message for problem in shapes.problems if "does not work with" in problem.message]
        assert unworded == [], parameter.name
