"""Every source: what it declares is what it yields, and the bundled sets equal scikit-learn's."""

import subprocess
import sys

import numpy as np
import pytest

from netbuilder.data.preparation import prepare
from netbuilder.data.schemas import describe, is_stale, preview
from netbuilder.data.sources import registry
from netbuilder.document.model import Node
from netbuilder.foundation.job import Cancelled, Job
from netbuilder.foundation.parameter import Kind
from netbuilder.foundation.problem import NetbuilderError

BUILT_IN = sorted(
    source.key
    for source in registry()
    if not any(parameter.kind in (Kind.FILE, Kind.FOLDER) for parameter in source.parameters)
)


def node(key, **parameters):
    return Node(id="n0000000a", type=key, label="data", parameters=parameters)


def test_every_promised_source_is_there():
    keys = "digits iris wine breast_cancer diabetes moons circles blobs spiral surface table images"
    assert {source.key for source in registry()} == {f"data.{key}" for key in keys.split()}


@pytest.mark.parametrize("source", registry(), ids=lambda source: source.key)
def test_a_declaration_is_complete(source):
    assert source.category == "data"
    assert source.title
    assert source.summary
    assert len(source.help) > 40
    assert source.resolve(source.defaults()) == source.defaults()
    for parameter in source.parameters:
        assert parameter.help, f"{source.key}.{parameter.name}"
    names = [parameter.name for parameter in source.parameters]
    assert len(set(names)) == len(names)
    assert {"validation_percent", "test_percent", "split_seed", "normalize"} <= set(names)
    assert source.brief is not None
    assert source.brief(source.defaults())


@pytest.mark.parametrize("key", BUILT_IN)
def test_a_source_yields_what_it_describes(key):
    schema = describe(key, {})
    prepared = prepare(node(key))
    assert [field.name for field in prepared.schema.fields] == [field.name for field in schema.fields]
    assert sum(len(part[schema.fields[0].name]) for part in prepared.parts.values()) == schema.rows
    for columns in prepared.parts.values():
        for field in schema.fields:
            column = columns[field.name]
            assert column.shape[1:] == field.dims
            assert column.dtype == np.dtype(field.dtype)
            assert column.flags.c_contiguous
            assert np.isfinite(column).all()
            if field.classes:
                assert set(np.unique(column)) == set(range(len(field.classes)))


@pytest.mark.parametrize("key", BUILT_IN)
def test_a_source_reads_the_same_twice(key):
    source = registry()[key]
    first, second = (source.read(source.defaults(), Job()) for _ in range(2))
    for name, column in first.columns.items():
        np.testing.assert_array_equal(column, second.columns[name])


@pytest.mark.parametrize(
    ("key", "loader", "options"),
    [
        ("data.digits", "load_digits", {}),
        ("data.iris", "load_iris", {}),
        ("data.wine", "load_wine", {}),
        ("data.breast_cancer", "load_breast_cancer", {}),
        ("data.diabetes", "load_diabetes", {"scaled": False}),
    ],
)
def test_the_bundled_sets_equal_scikit_learns(key, loader, options):
    import sklearn.datasets

    expected, target = getattr(sklearn.datasets, loader)(return_X_y=True, **options)
    dataset = registry()[key].read(registry()[key].defaults(), Job())
    inputs, outputs = dataset.columns.values()
    scale = 16 if key == "data.digits" else 1
    np.testing.assert_array_equal(inputs.reshape(expected.shape) * np.float32(scale), expected.astype(np.float32))
    np.testing.assert_array_equal(outputs.reshape(-1), target.astype(outputs.dtype))


def test_reading_the_digits_imports_neither_scikit_learn_nor_torch():
    code = (
        "import sys; from netbuilder.data.preparation import prepare; from netbuilder.document.model import Node\n"
        "from netbuilder.data.schemas import describe, preview\n"
        "prepare(Node(id='n1', type='data.digits', label='d')); describe('data.digits', {}); preview('data.digits', "
        "{})\n"
        "print([name for name in ('torch', 'sklearn', 'polars', 'PIL', 'PySide6') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("key", ["data.moons", "data.circles", "data.blobs", "data.spiral"])
def test_noise_and_seed_move_the_points(key):
    def points(**values):
        source = registry()[key]
        return source.read({**source.defaults(), "samples": 200, **values}, Job()).columns["points"]

    calm, wild = points(noise=0.0), points(noise=1.0)
    assert wild.std() > calm.std()
    assert not np.array_equal(points(seed=1), points(seed=2))
    np.testing.assert_array_equal(points(seed=1), points(seed=1))


def test_the_number_of_arms_is_the_number_of_classes():
    schema = describe("data.spiral", {"arms": 4, "samples": 100})
    assert schema.fields[1].classes == ("0", "1", "2", "3")
    assert schema.rows == 100


def test_a_wrong_value_names_its_field():
    with pytest.raises(NetbuilderError) as caught:
        describe("data.spiral", {"arms": 0, "noise": "much"})
    assert {problem.field for problem in caught.value.problems} == {"arms", "noise"}


def test_an_unknown_source_is_a_problem():
    with pytest.raises(NetbuilderError, match=r"data\.moon"):
        describe("data.moon", {})


def test_a_schema_is_stale_when_what_it_tells_can_have_changed():
    schema = describe("data.spiral", {})
    assert not is_stale(schema, "data.spiral", {})
    assert is_stale(schema, "data.spiral", {"arms": 3})
    assert not is_stale(schema, "data.spiral", {"test_percent": 30}), "the split does not change the fields"


def test_previews_show_text_and_pictures():
    table = preview("data.iris", {}, rows=3)
    assert table.columns == ("features 1", "features 2", "features 3", "features 4", "label")
    assert table.rows[0] == ("5.1", "3.5", "1.4", "0.2", "setosa")
    assert len(table.rows) == 3
    pictures = preview("data.digits", {}, rows=5)
    assert pictures.pictures.shape == (5, 8, 8)
    assert pictures.pictures.dtype == np.uint8
    assert pictures.pictures.max() == 255
    assert pictures.captions == ("0", "1", "2", "3", "4")


def test_cancelling_stops_the_reading():
    job = Job()
    job.cancel()
    with pytest.raises(Cancelled):
        prepare(node("data.wine", split_seed=99), job=job)
