"""The probe: right pictures, read-only, and looking changes nothing."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from netbuilder.compiler.module import build
from netbuilder.data.preparation import prepare
from netbuilder.training import pictures
from netbuilder.training.protocol import PictureKind, State, Step, Stop, Watch
from tests.builders import node, tiny_cnn
from tests.training import documents
from tests.training.documents import Run, begin, iris, planned

BOTH_HOSTS = True
"""See `conftest`."""


def _look(made, folder, *commands, steps: int = 1) -> Run:
    """Start paused, do some steps, watch, and stop."""
    run = begin(planned(made, epochs=1000), folder, paused=True)
    for _ in range(steps):
        run.command(Step())
    for command in commands:
        run.command(command)
    run.until(lambda told: told.progress.state is State.PAUSED and told.progress.step == steps)
    run.host.send(Stop())
    return run.finish()


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> Run:
    watch = Watch(nodes=("stem", "scores", "norm", "digits", "pool"), sample=2)
    return _look(tiny_cnn(6), tmp_path_factory.mktemp("probe") / "run", watch, steps=3)


def test_shapes_are_as_the_protocol_says(seen):
    shapes = {kind: {n: p.data.shape for n, p in seen.pictures(kind).items()} for kind in PictureKind}
    assert shapes[PictureKind.THUMBS]["stem"] == (3, 8, 8)
    assert shapes[PictureKind.THUMBS]["pool"] == (3, 4, 4)
    assert shapes[PictureKind.BARS]["scores"] == (10,)
    assert shapes[PictureKind.BARS]["flat"] == (64,)
    assert shapes[PictureKind.MAPS] == {"stem": (6, 8, 8), "norm": (6, 8, 8), "pool": (6, 4, 4)}
    assert shapes[PictureKind.VECTOR] == {"scores": (10,)}
    assert shapes[PictureKind.SAMPLES] == {"digits": (16, 8, 8)}
    assert shapes[PictureKind.KERNELS] == {"stem": (6, 3, 3), "scores": (1, 10, 96), "norm": (1, 1, 6)}
    layers = {"stem", "norm", "conv", "scores"}
    assert set(shapes[PictureKind.WEIGHTS]) == set(shapes[PictureKind.GRADIENTS]) == layers
    assert shapes[PictureKind.BOUNDARY] == shapes[PictureKind.POINTS] == {}


def test_dtypes_are_as_the_protocol_says(seen):
    dtypes = {"thumbs": "uint8", "samples": "uint8", "confusion": "int64"}
    for told in seen.telemetry:
        for picture in told.pictures:
            assert picture.data.dtype == dtypes.get(picture.kind, "float32"), picture.kind


def test_pictures_cannot_be_written_to_and_can_travel(seen):
    for told in seen.telemetry:
        for picture in told.pictures:
            assert not picture.data.flags.writeable
            assert picture.data.flags.c_contiguous
            copy = pickle.loads(pickle.dumps(picture))
            assert np.array_equal(copy.data, picture.data)


def test_maps_are_those_of_the_chosen_sample(tmp_path):
    made = tiny_cnn(6)
    run = _look(made, tmp_path / "run", Watch(nodes=("stem",), sample=5), steps=0)
    image = torch.tensor(prepare(made.graph.nodes["digits"]).parts["validation"]["image"][5:6])
    expected = build(made).eval().stem(image)[0].detach().numpy()
    picture = run.pictures(PictureKind.MAPS)["stem"]
    np.testing.assert_allclose(picture.data, expected, rtol=1e-5, atol=1e-6)
    assert picture.extent == pytest.approx((expected.min(), expected.max()))
    assert picture.caption == "6 maps"
    thumb = run.pictures(PictureKind.THUMBS)["stem"].data
    assert thumb.min(axis=(1, 2)).tolist() == [0, 0, 0]
    assert thumb.max(axis=(1, 2)).tolist() == [255, 255, 255]


def test_histograms_count_every_weight(seen):
    picture = seen.pictures(PictureKind.WEIGHTS)["conv"]
    assert picture.data.sum() == 6 * 6 * 9 + 6
    assert picture.extent[0] < 0 < picture.extent[1]


def test_gradient_norms_are_told_for_every_layer(seen):
    for layer in ("stem", "norm", "conv", "scores"):
        assert all(value > 0 for value in seen.series(f"gradient_norm/{layer}"))
        steps = seen.steps(f"gradient_norm/{layer}")
        assert steps == sorted(set(steps))
        assert steps[-1] == 3


def test_there_is_a_first_look_before_the_first_step(seen):
    first = next(told for told in seen.telemetry if told.pictures)
    assert {picture.step for picture in first.pictures} == {0}


def test_the_last_look_is_at_the_last_step(seen):
    assert seen.pictures(PictureKind.THUMBS)["stem"].step == seen.end.step == 3


def test_sequences_are_one_map(tmp_path):
    made = documents.rows_lstm()
    run = _look(made, tmp_path / "run", Watch(nodes=("rows", "lstm")))
    assert run.pictures(PictureKind.THUMBS)["rows"].data.shape == (1, 8, 8)
    assert run.pictures(PictureKind.MAPS)["rows"].data.shape == (1, 8, 8)
    assert run.pictures(PictureKind.KERNELS)["lstm"].data.ndim == 3


def test_the_plane_is_in_the_datas_own_coordinates(tmp_path):
    made = documents.moons()
    run = _look(made, tmp_path / "run")
    points = run.pictures(PictureKind.POINTS)["data"]
    plane = run.pictures(PictureKind.BOUNDARY)[""]
    assert points.data.shape[1] == 3
    assert set(np.unique(points.data[:, 2])) == {0.0, 1.0}
    x0, y0, x1, y1 = plane.extent
    x, y = points.data[:, 0], points.data[:, 1]
    assert x0 < x.min() < x.max() < x1
    assert y0 < y.min() < y.max() < y1
    assert x.max() > 1.5, "the two moons reach from -1 to 2 before they are normalized"
    assert plane.data.shape == (64, 64)
    assert ((plane.data >= 0) & (plane.data <= 1)).all()


def test_the_boundary_is_what_the_network_answers_there(tmp_path):
    made = documents.moons()
    run = _look(made, tmp_path / "run", steps=0)
    plane = run.pictures(PictureKind.BOUNDARY)[""]
    prepared = prepare(made.graph.nodes["data"])
    scale = prepared.fitted["points"]
    _, y0, x1, _ = plane.extent
    corner = np.array([[x1, y0]], np.float32)  # the lowest row's last column
    answer = (
        build(made).eval()(torch.tensor((corner - scale.mean) / scale.std, dtype=torch.float32)).softmax(1)[0, 1].item()
    )
    assert plane.data[0, -1] == pytest.approx(answer, abs=1e-5)


def test_a_surface_is_drawn_in_the_targets_own_numbers(tmp_path):
    run = documents.train(documents.surface(), tmp_path / "run")
    points, plane = run.pictures(PictureKind.POINTS)["data"].data, run.pictures(PictureKind.BOUNDARY)[""]
    x0, y0, x1, y1 = plane.extent
    columns = ((points[:, 0] - x0) / (x1 - x0) * 63).round().astype(int)
    rows = ((points[:, 1] - y0) / (y1 - y0) * 63).round().astype(int)
    errors = plane.data[rows, columns] - points[:, 2]
    assert np.abs(errors).mean() < 0.5 * np.abs(points[:, 2] - points[:, 2].mean()).mean()


def test_the_confusion_matrix_counts_the_validation_part(tmp_path):
    run = documents.train(iris(), tmp_path / "run")
    picture = run.pictures(PictureKind.CONFUSION)[""]
    rows = len(prepare(iris().graph.nodes["data"]).parts["validation"]["label"])
    assert picture.data.sum() == rows
    assert picture.data.shape == (3, 3)
    assert picture.labels == iris().schemas["data"].fields[1].classes
    assert picture.data.trace() / rows == pytest.approx(run.series("accuracy/validation")[-1])


def test_looking_changes_nothing(tmp_path, monkeypatch):
    """A run with a look after every step equals one with hardly any, dropout and batch statistics included."""
    from netbuilder.training import probe

    made = planned(
        iris(8, node("norm", "batch_norm1d"), node("noise", "gaussian_noise"), node("drop", "dropout")), epochs=6
    )
    calm = documents.train(made, tmp_path / "calm")
    monkeypatch.setattr(probe, "SECONDS", 0.0)
    monkeypatch.setattr(probe, "SHARE", 1e9)
    monkeypatch.setattr("netbuilder.training.session.REPORT_SECONDS", 0.0)
    nosy = documents.train(made, tmp_path / "nosy")
    assert len(nosy.series("gradient_norm/hidden")) > 30
    assert nosy.series("loss/train") == calm.series("loss/train")
    assert nosy.series("loss/validation") == calm.series("loss/validation")


def test_a_dear_look_is_rarer(tmp_path, monkeypatch):
    from netbuilder.training.probe import SHARE, Probe

    class Clock:
        now = 0.0

        def perf_counter(self) -> float:
            self.now += 1.5
            return self.now

    looks: list[tuple[float, float]] = []
    take = Probe.take

    def spy(self, step):
        result = take(self, step)
        looks.append((clock.now, self.due))
        return result

    clock = Clock()
    monkeypatch.setattr("netbuilder.training.probe.time", clock)
    monkeypatch.setattr(Probe, "take", spy)
    documents.train(planned(iris(), epochs=1), tmp_path / "run")
    assert all(due - now == pytest.approx(1.5 / SHARE) for now, due in looks)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_drawn_all_the_same(bad):
    maps = np.zeros((2, 3, 3), np.float32)
    maps[0, 1, 1] = bad
    maps[1] = np.arange(9).reshape(3, 3)
    drawn = pictures.to_bytes(maps)
    assert drawn[0].max() == 0
    assert drawn[1].max() == 255
    counts, (low, high) = pictures.histogram(np.array([bad, 1.0, 2.0, 3.0], np.float32))
    assert counts.sum() == 3
    assert (low, high) == (1.0, 3.0)
    assert pictures.histogram(np.full(4, bad, np.float32))[0].sum() == 0


@pytest.mark.thread_only
def test_histograms_agree_with_numpy():
    values = np.random.default_rng(0).normal(size=2000).astype(np.float32)
    counts, extent = pictures.histogram(values)
    expected, _ = np.histogram(values, pictures.BINS, range=extent)
    assert np.abs(np.cumsum(counts) - np.cumsum(expected)).max() <= 1
    assert counts.sum() == 2000


@pytest.mark.thread_only
def test_volumes_and_large_maps_are_cut_down():
    volume = torch.randn(2, 5, 4, 6, 7)
    assert pictures.maps_of(volume, 1).shape == (5, 6, 7)
    assert pictures.shrink(torch.randn(3, 200, 100), 48).shape == (3, 48, 48)
    assert pictures.shrink_vector(torch.randn(1000), 64).shape == (64,)
    assert pictures.kernels_of(torch.randn(8, 4, 3, 5, 5)).shape == (32, 5, 5)
    assert pictures.kernels_of(torch.randn(300, 7, 3)).shape == (256, 7, 3)
    assert pictures.kernels_of(torch.randn(5)).shape == (1, 1, 5)
    assert pictures.kernels_of(torch.randn(32, 2)).shape == (1, 2, 32)
    assert len(pictures.spread([torch.randn(100_000), torch.randn(7)])) <= pictures.SAMPLED * 1.1


def test_a_tiny_part_has_fewer_samples(tmp_path, monkeypatch):
    from netbuilder.training import reading

    def few(each, base, job):
        made = prepare(each, base, job)
        return replace(
            made, parts={part: {n: c[:3] for n, c in columns.items()} for part, columns in made.parts.items()}
        )

    monkeypatch.setattr(reading, "prepare", few)
    run = _look(tiny_cnn(4), tmp_path / "run", Watch(nodes=("stem",), sample=99))
    assert run.pictures(PictureKind.SAMPLES)["digits"].data.shape == (3, 8, 8)
    assert "stem" in run.pictures(PictureKind.MAPS)


def test_dead_units_are_recorded_of_all_activations_though_nobody_looks(tmp_path):
    run = documents.begin(documents.iris(8, node("act", "relu")), tmp_path / "run", paused=True)
    run.until(lambda told: told.progress.state is State.PAUSED)
    run.command(Watch(in_view=frozenset()))
    run.command(Step())
    run.until(lambda told: told.progress.step == 1 and told.progress.state is State.PAUSED)
    run.host.send(Stop())
    run.finish()
    assert run.steps("dead/act")[0] == 1
