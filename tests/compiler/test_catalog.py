"""One walk through the whole catalog: every layer compiles, has the shapes that were inferred, and learns."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from netbuilder.compiler.module import release
from netbuilder.document.files import dumps, loads
from netbuilder.layers.catalog import catalog
from netbuilder.layers.spec import LayerSpec
from tests.compiler.walk import INFERENCE, build, check_backward, check_source, compare, run
from tests.layers.cases import Trial, default_trial, trials, varying_trials
from tests.layers.samples import LAYERS, document_of


def walk(spec: LayerSpec, trial: Trial) -> None:
    """Try a layer: real shapes and dtypes, source, gradients, file."""
    built = build(spec, trial)
    try:
        results = run(built, built.batch())
        compare(built, results)
        check_source(built, results)
        check_backward(built, reaches=trial.name == "default")
        assert loads(dumps(built.document)) == built.document
    finally:
        release(built.program)


@pytest.mark.parametrize("spec", LAYERS, ids=lambda spec: spec.key)
def test_every_layer_compiles_runs_and_learns(spec: LayerSpec) -> None:
    walk(spec, default_trial(spec))


LENGTHS = (16, 24, 40)
"""Lengths that no kernel, index or group of the trials is too large for."""

REFUSED = {"shape.varies", "shape.torch"}
"""Codes of the problems of layers that need a fixed size where it varies."""


def each_trial(spec: LayerSpec, made: list[Trial], test: Callable[[LayerSpec, Trial], None]) -> None:
    """Run a test for each trial of a layer, as one test: some thousands would spend their time on fixtures."""
    for trial in made:
        try:
            test(spec, trial)
        except Exception as error:
            raise AssertionError(f"{trial.name}: {error}") from error


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("spec", LAYERS, ids=lambda spec: spec.key)
def test_every_layer_at_its_limits_and_with_odd_sizes(spec: LayerSpec) -> None:
    each_trial(spec, trials(spec)[1:], walk)


def walk_lengths(spec: LayerSpec, trial: Trial) -> None:
    """Try a layer with an input of a length that varies, at several lengths, or see it refused in plain words."""
    document = document_of(spec, trial.values, trial.inputs)
    shapes = INFERENCE.infer(document)
    if shapes.problems:
        assert {problem.code for problem in shapes.problems} <= REFUSED, shapes.problems[0]
        return
    built = build(spec, trial)
    try:
        for length in LENGTHS:
            compare(built, run(built, built.batch(length)), length)
    finally:
        release(built.program)


@pytest.mark.parametrize("spec", LAYERS, ids=lambda spec: spec.key)
def test_every_layer_with_a_length_that_varies(spec: LayerSpec) -> None:
    each_trial(spec, varying_trials(spec), walk_lengths)


def test_a_wrong_shape_would_be_noticed() -> None:
    """The control of the walk: it fails when a layer gives something else than was inferred."""
    spec = catalog()["linear"]
    built = build(spec, default_trial(spec))
    try:
        results = run(built, built.batch())
        compare(built, results)
        for other in (results["y"][:, :1], results["y"].double(), results["y"][0]):
            with pytest.raises(AssertionError):
                compare(built, {"y": other})
    finally:
        release(built.program)
