"""Splits are seeded and in proportion; whatever is fitted is fitted on the training part alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbuilder.data import preparation
from netbuilder.data.preparation import forget_prepared, prepare
from netbuilder.data.sources import registry
from netbuilder.data.spec import Dataset
from netbuilder.data.splits import split_rows
from netbuilder.document.model import Field, Node, Schema
from netbuilder.foundation.problem import NetbuilderError


@pytest.fixture(autouse=True)
def _empty_cache():
    forget_prepared()
    yield
    forget_prepared()


def node(key, **parameters):
    return Node(id="n0000000a", type=key, label="data", parameters=parameters)


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    validation=st.integers(1, 45),
    test=st.integers(1, 45),
    seed=st.integers(0, 2**31 - 1),
)
def test_a_split_deals_every_row_once_and_each_class_to_training(sizes, validation, test, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    options = {"validation_percent": validation, "test_percent": test, "seed": seed, "classes": labels}
    try:
        parts = split_rows(len(labels), **options)
    except NetbuilderError:
        # Refused only where the shares really round to nothing, or the classes are too small to give rows away.
        spare = sum(size - 1 for size in sizes)
        wanted = [round(len(labels) * percent / 100) for percent in (validation, test)]
        assert min(wanted) == 0 or spare < sum(wanted)
        return
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(labels)))
    assert set(labels[parts["train"]]) == set(labels)
    again = split_rows(len(labels), **options)
    assert all(np.array_equal(parts[part], again[part]) for part in parts)


def test_the_parts_have_the_asked_sizes_and_class_shares():
    labels = np.repeat([0, 1, 2], [700, 200, 100])
    parts = split_rows(1000, validation_percent=20, test_percent=10, seed=3, classes=labels)
    assert [len(parts[part]) for part in ("train", "validation", "test")] == [700, 200, 100]
    assert np.bincount(labels[parts["validation"]]).tolist() == [140, 40, 20]
    assert np.bincount(labels[parts["test"]]).tolist() == [70, 20, 10]


def test_another_seed_deals_other_rows():
    first, second = (split_rows(100, validation_percent=20, test_percent=20, seed=seed) for seed in (0, 1))
    assert not np.array_equal(first["test"], second["test"])


@pytest.mark.parametrize(("rows", "validation", "test"), [(3, 10, 10), (1, 50, 49), (100, 60, 40), (100, 80, 80)])
def test_an_empty_part_is_a_problem(rows, validation, test):
    with pytest.raises(NetbuilderError) as caught:
        split_rows(rows, validation_percent=validation, test_percent=test, seed=0)
    assert caught.value.problems[0].code == "data.split"


def test_normalization_is_fitted_on_the_training_part_only():
    prepared = prepare(node("data.wine"))
    training = prepared.parts["train"]["features"].astype(np.float64)
    np.testing.assert_allclose(training.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(training.std(axis=0), 1, atol=1e-5)
    assert np.abs(prepared.parts["test"]["features"].mean(axis=0)).max() > 1e-3, "the test part was fitted too"
    raw = prepare(node("data.wine", normalize=False))
    fitted = prepared.fitted["features"]
    for part in ("train", "validation", "test"):
        expected = (raw.parts[part]["features"] - fitted.mean) / fitted.std
        np.testing.assert_allclose(prepared.parts[part]["features"], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(fitted.mean, raw.parts["train"]["features"].mean(axis=0), rtol=1e-4)


def test_other_test_rows_do_not_change_what_was_fitted(monkeypatch):
    """The sharper form: whatever stands in validation and test rows, the training part comes out the same."""
    source = registry()["data.wine"]
    calm = prepare(node("data.wine"))
    outside = split_rows(
        178,
        validation_percent=15,
        test_percent=15,
        seed=0,
        classes=source.read(source.defaults(), _job()).columns["label"],
    )

    def wild(values, job):
        dataset = source.read(values, job)
        features = dataset.columns["features"].copy()
        features[np.concatenate([outside["validation"], outside["test"]])] *= 1000
        return replace(dataset, columns={**dataset.columns, "features": features})

    forget_prepared()
    monkeypatch.setitem(registry().entries, "data.wine", replace(source, read=wild))
    shaken = prepare(node("data.wine"))
    np.testing.assert_array_equal(shaken.parts["train"]["features"], calm.parts["train"]["features"])
    np.testing.assert_array_equal(shaken.fitted["features"].std, calm.fitted["features"].std)
    assert np.abs(shaken.parts["test"]["features"]).max() > 100


def _job():
    from netbuilder.foundation.job import Job

    return Job()


def test_pictures_are_normalized_by_channel():
    fitted = prepare(node("data.digits", normalize=True)).fitted["image"]
    assert fitted.mean.shape == (1, 1, 1)
    training = prepare(node("data.digits", normalize=True)).parts["train"]["image"]
    assert abs(float(training.mean())) < 1e-3
    assert abs(float(training.std()) - 1) < 1e-3


def test_the_target_has_a_switch_of_its_own():
    both = prepare(node("data.diabetes"))
    raw = prepare(node("data.diabetes", normalize_target=False))
    assert set(both.fitted) == {"features", "target"}
    assert set(raw.fitted) == {"features"}
    restored = both.parts["test"]["target"] * both.fitted["target"].std + both.fitted["target"].mean
    np.testing.assert_allclose(restored, raw.parts["test"]["target"], rtol=1e-4)


def _dataset(features, labels, classes=("a", "b")):
    schema = Schema(
        fields=(
            Field(name="features", dims=features.shape[1:], layout="F"),
            Field(name="label", dtype="int64", classes=classes),
        ),
        rows=len(features),
    )
    return Dataset(schema=schema, columns={"features": features, "label": labels}, stratify="label")


def _prepared(monkeypatch, dataset, **parameters):
    source = registry()["data.wine"]
    monkeypatch.setitem(registry().entries, "data.wine", replace(source, read=lambda values, job: dataset))
    return prepare(node("data.wine", **parameters))


def test_a_column_that_never_changes_is_only_shifted(monkeypatch):
    features = np.full((40, 2), 0.1, dtype=np.float32)
    features[:, 1] = np.arange(40)
    prepared = _prepared(monkeypatch, _dataset(features, np.arange(40) % 2))
    np.testing.assert_allclose(prepared.parts["train"]["features"][:, 0], 0, atol=1e-6)
    assert prepared.fitted["features"].std[0] == 1


@pytest.mark.parametrize("label", [-1, 2, 1000])
def test_a_class_out_of_range_is_named_with_its_row(monkeypatch, label):
    labels = np.arange(40) % 2
    labels[16] = label
    with pytest.raises(NetbuilderError) as caught:
        _prepared(monkeypatch, _dataset(np.zeros((40, 2), np.float32), labels))
    problem = caught.value.problems[0]
    assert problem.node == "n0000000a"
    assert f"Row 17 has class {label}" in problem.message


def test_labels_that_are_no_whole_numbers_are_refused(monkeypatch):
    with pytest.raises(NetbuilderError, match="not whole numbers"):
        _prepared(monkeypatch, _dataset(np.zeros((40, 2), np.float32), np.full(40, np.nan)))


def test_an_infinite_feature_is_named_with_its_row(monkeypatch):
    features = np.zeros((40, 2), np.float32)
    features[4, 1] = np.inf
    with pytest.raises(NetbuilderError, match="Row 5 of features"):
        _prepared(monkeypatch, _dataset(features, np.arange(40) % 2))


def test_prepared_data_is_kept_and_the_keeping_is_bounded(monkeypatch):
    first = prepare(node("data.moons"))
    assert prepare(node("data.moons")) is first
    assert prepare(node("data.moons", noise=0.3)) is not first
    size = sum(column.nbytes for part in first.parts.values() for column in part.values())
    monkeypatch.setattr(preparation, "_CACHE", preparation._Cache(2 * size + 1))
    kept = [prepare(node("data.moons", seed=seed)) for seed in range(3)]
    assert prepare(node("data.moons", seed=2)) is kept[2]
    assert prepare(node("data.moons", seed=0)) is not kept[0]
