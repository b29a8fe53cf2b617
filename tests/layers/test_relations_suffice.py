"""What the relations let through, torch takes: random parameters and inputs, and a real forward for each."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from netbuilder.compiler.meta import Layer, MetaRunner, Refusal
from netbuilder.compiler.module import load_module, release
from netbuilder.compiler.program import write_program
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.foundation.parameter import Kind, Parameter
from netbuilder.layers.catalog import catalog
from netbuilder.layers.relations import check_all
from netbuilder.layers.spec import Dtype, LayerSpec, Port, Rule
from netbuilder.layers.tensor import BATCH, TIME, Size, TensorType
from tests.layers.samples import LAYERS as EVERY
from tests.layers.samples import Sample, document_of

EVEN_KERNEL = "Using padding='same' with even kernel"
"""Torch's remark, once a process, on kernels that need another copy of their input."""

NESTED = "enable_nested_tensor is True"
"""Torch's remark on transformers with an odd number of heads, for which it has no faster way."""

KINDS = {Dtype.INT: "int64", Dtype.BOOL: "bool"}


def values_for(parameter: Parameter) -> st.SearchStrategy[Any]:
    """Draw a value that the parameter accepts, small enough to be run."""
    low = -3 if parameter.minimum is None else max(parameter.minimum, -3)
    high = max(low, 9 if parameter.maximum is None else min(parameter.maximum, 9))
    numbers = st.integers(int(low), int(high))
    drawn: dict[Kind, st.SearchStrategy[Any]] = {
        Kind.BOOL: st.booleans(),
        Kind.CHOICE: st.sampled_from([choice.value for choice in parameter.choices] or [None]),
        Kind.INT: numbers,
        Kind.FLOAT: st.floats(low, min(high, 2.0) if low <= 2 else high, allow_subnormal=False),
        Kind.TEXT: st.sampled_from(["nij,njk->nik", "ni,nj->nij", "ni,ni->n", "ij,jk", ""]),
        Kind.FLOATS: st.lists(st.floats(0, 10, allow_subnormal=False), max_size=4).map(tuple),
        Kind.CODE: st.just(parameter.default),
        Kind.INTS: st.lists(numbers, min_size=parameter.length or 0, max_size=parameter.length or 4).map(tuple),
    }
    strategy = st.one_of(st.just(parameter.default), drawn[parameter.kind])
    return st.one_of(strategy, st.none()) if parameter.optional else strategy


LAYERS = tuple(spec for spec in EVERY if not spec.is_custom)
"""The layers whose relations are declared; what a custom layer takes, its code decides."""


def inputs_for(draw: DataObject, ports: tuple[Port, ...]) -> dict[str, Sample]:
    """Draw inputs of the declared ranks, alike more often than not."""
    sizes = st.sampled_from([1, 2, 3, 4, 6, 8, 12])
    found: dict[str, Sample] = {}
    for port in ports:
        if port.optional and draw.draw(st.booleans()):
            continue
        rank = draw.draw(st.sampled_from(port.ranks or (2, 3, 4)))
        dims = tuple(draw.draw(sizes) for _ in range(rank - 1))
        alike = next(iter(found.values())).dims if found else ()
        if len(alike) >= len(dims) and draw.draw(st.booleans()):
            dims = alike if not port.ranks else alike[len(alike) - len(dims) :]
        kind = KINDS.get(port.dtype, "float32")
        found[port.name] = Sample(dims, kind, 2 if kind == "int64" else 0)
    return found


def prepared(draw: DataObject, spec: LayerSpec) -> tuple[dict[str, Any], dict[str, Sample]]:
    """Draw parameters and inputs."""
    values = spec.resolve({each.name: draw.draw(values_for(each), label=each.name) for each in spec.parameters})
    return values, inputs_for(draw, spec.input_ports(values))


# What fails is told as it is: to make it smaller takes longer than a test may.
as_it_is = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
)


@as_it_is
@given(st.data())
def test_torch_takes_what_the_relations_let_through(data: DataObject) -> None:
    spec = data.draw(st.sampled_from(LAYERS), label="layer")
    values, inputs = prepared(data, spec)
    assume(all(sample.type.dims for sample in inputs.values()))
    types = {name: sample.type for name, sample in inputs.items()}
    assume(check_all(spec, values, types) is None)
    document = document_of(spec, values, inputs)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", EVEN_KERNEL)
        warnings.filterwarnings("ignore", NESTED)
        shapes = ShapeInference().infer(document)
    # A table without axes is a single number, and one with a size of 0 is empty: no network can give them out.
    assume(all(kind.dims and 0 not in kind.dims for port, kind in shapes.types.items() if port.node == "nffffffff"))
    assert not shapes.problems, [problem.message for problem in shapes.problems]
    program = write_program(document, shapes)
    try:
        loaded = load_module(program)
        tensors = [sample.tensor(seed) for seed, sample in enumerate(inputs.values())]
        batch = {key: tensors[int(port.node[2:], 16)] for key, port in program.sources.items()}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", EVEN_KERNEL)
            warnings.filterwarnings("ignore", NESTED)
            result = loaded.new_network()(**{name: batch[name] for name in program.fields})
        results = result if isinstance(result, tuple) else (result,)
        for name, tensor in zip(program.outputs, results, strict=True):
            inferred = shapes.types[program.results[name]]
            sizes = [dim if isinstance(dim, int) else dim and dim.factor * 3 + dim.offset for dim in inferred.dims]
            assert list(tensor.shape) == sizes
    finally:
        release(program)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.data())
def test_relations_bear_any_type(data: DataObject) -> None:
    """Whatever is linked, of whatever rank, with sizes known or not: an answer, and fixes that are accepted."""
    spec = data.draw(st.sampled_from(tuple(catalog())), label="layer")
    values = spec.resolve({each.name: data.draw(values_for(each), label=each.name) for each in spec.parameters})
    dims = st.lists(st.sampled_from([0, 1, 2, 8, TIME, None, Size("T", 2, -1)]), max_size=5)
    dtypes = st.sampled_from(["float32", "float32", "float64", "int64", "int32", "uint8", "bool"])
    types = {}
    for port in spec.input_ports(values):
        shape = data.draw(st.one_of(dims.map(lambda sizes: (BATCH, *sizes)), dims.map(tuple)), label=port.name)
        types[port.name] = TensorType(shape, data.draw(dtypes), data.draw(st.sampled_from([0, 10])))
    found = check_all(spec, values, types)
    spec.derive(values, types)
    if found is None:
        return
    assert found.port in types
    assert found.message
    assert found.expected
    assert found.found
    assert not found.set or spec.resolve({**values, **found.set}) != values
    for key, parameters in found.insert:
        assert set(parameters) <= set(catalog()[key].by_name)
        catalog()[key].resolve(parameters)


def inserted(key: str, parameters: Mapping[str, Any], found: TensorType) -> TensorType | None:
    """Return what a layer gives for an input; None when it needs a setting that only the user knows."""
    spec = catalog()[key]
    values = spec.resolve(parameters)
    (port,) = spec.input_ports(values)
    mismatch = check_all(spec, values, {port.name: found})
    if mismatch is not None:
        assert mismatch.message.startswith("needs to know"), mismatch.message
        return None
    if spec.shape is Rule.SAME:
        return found
    types, _ = MetaRunner().run(Layer(spec, values, spec.derive(values, {port.name: found}), {port.name: found}))
    (output,) = types.values()
    return output


@as_it_is
@given(st.data())
def test_every_fix_mends_what_it_is_for(data: DataObject) -> None:
    """After a fix, the layer is content, or says something else: a fix never leads back to where it came from."""
    spec = data.draw(st.sampled_from(LAYERS), label="layer")
    values = spec.resolve({each.name: data.draw(values_for(each), label=each.name) for each in spec.parameters})
    dims = st.lists(st.sampled_from([1, 2, 3, 8, 12, 64]), max_size=4).map(lambda sizes: (BATCH, *sizes))
    dtypes = st.sampled_from(["float32", "float32", "int64", "bool", "uint8"])
    types = {
        port.name: TensorType(data.draw(dims), data.draw(dtypes), vocabulary=data.draw(st.sampled_from([0, 5])))
        for port in spec.input_ports(values)
    }
    found = check_all(spec, values, types)
    assume(found is not None and (found.set or found.insert))
    assert found is not None
    if found.set:
        again = check_all(spec, spec.resolve({**values, **found.set}), types)
        assert again is None or (again.port, again.expected) != (found.port, found.expected)
    for key, parameters in found.insert:
        output = inserted(key, parameters, types[found.port])
        again = check_all(spec, values, {**types, found.port: output}) if output else None
        assert again is None or (again.port, again.expected) != (found.port, found.expected), key


def test_a_refusal_of_torch_would_be_noticed() -> None:
    """The control of the tests above: without its relations, a layer is refused."""
    spec = catalog()["conv2d"]
    values = spec.resolve({"kernel_size": 9, "padding": "valid"})
    types = {"x": TensorType((BATCH, 1, 4, 4))}
    layer = Layer(spec, values, spec.derive(values, types), types)
    with pytest.raises(Refusal, match=r"(?i)kernel"):
        MetaRunner().run(layer)
