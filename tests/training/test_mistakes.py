"""Mistakes: the surest wrong answers of a validation, with their images, for each pair of classes."""

from __future__ import annotations

import numpy as np
import torch

from netbuilder.templates import open_template
from netbuilder.training.mistakes import EACH, MOST, find_mistakes
from netbuilder.training.network import Network
from netbuilder.training.protocol import PictureKind
from tests.training.documents import alternating, iris, planned, train, two_losses


def test_the_surest_come_first_and_one_pair_does_not_hide_the_others():
    truth = torch.tensor([0] * 20 + [1, 1, 2])
    scores = torch.zeros(23, 3)
    scores[:20, 1] = torch.linspace(2, 6, 20)  # all 0 are taken for 1
    scores[20, 1], scores[21, 2], scores[22, 0] = 9, 1, 3
    found = find_mistakes(scores, truth)
    assert len(found) == EACH + 2
    assert [each.row for each in found[:2]] == [19, 18]
    assert [each.certainty for each in found] == sorted((each.certainty for each in found), reverse=True)
    assert {(each.truth, each.guess) for each in found} == {(0, 1), (1, 2), (2, 0)}
    assert find_mistakes(torch.eye(3), torch.arange(3)) == ()


def test_there_is_an_end_to_them():
    generator = torch.Generator().manual_seed(0)
    found = find_mistakes(torch.randn(5000, 30, generator=generator), torch.randint(30, (5000,), generator=generator))
    assert len(found) == MOST


def test_a_run_tells_what_it_got_wrong(tmp_path):
    run = train(planned(iris(), epochs=1), tmp_path / "run")
    picture, confusion = (run.pictures(kind)[""] for kind in (PictureKind.MISTAKES, PictureKind.CONFUSION))
    wrong = int(confusion.data.sum() - np.trace(confusion.data))
    assert wrong, "one epoch teaches little"
    assert picture.caption == f"{wrong} of {confusion.data.sum()} are wrong"
    told = np.array(picture.extent).reshape(-1, 3)
    for truth, guess in told[:, :2].astype(int):
        assert truth != guess
        assert confusion.data[truth, guess]
    assert picture.data.shape == (len(told), 0, 0)
    assert picture.labels == confusion.labels


def test_images_come_along(tmp_path):
    run = train(planned(open_template("digits-mlp"), epochs=1), tmp_path / "run")
    picture = run.pictures(PictureKind.MISTAKES)[""]
    assert picture.data.shape == (len(picture.extent) // 3, 8, 8)
    assert picture.data.dtype == np.uint8
    assert picture.data.reshape(len(picture.data), -1).max(axis=1).min() > 100


def test_a_loss_that_two_phases_train_for_is_judged_once(tmp_path):
    run = train(alternating(iris()), tmp_path / "run")
    (confusion,) = run.pictures(PictureKind.CONFUSION).values()
    metrics = run.of("epoch")[-1].data["metrics"]
    assert int(confusion.data.sum()) == 22, "each row of the validation part"
    assert metrics.keys() == {"loss", "accuracy", "precision", "recall", "f1"}


def test_what_is_watched_is_what_there_is(tmp_path):
    for made in (alternating(iris()), two_losses(), iris()):
        told = train(planned(made, epochs=1), tmp_path / str(len(made.graph.nodes) + len(made.plan.phases)))
        assert set(Network(made, torch.device("cpu")).metric_names) == set(told.of("epoch")[0].data["metrics"])
