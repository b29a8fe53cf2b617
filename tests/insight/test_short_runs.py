"""Short runs: the learning-rate finder, trying a fix, and that neither changes anything."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from netbuilder.document import edits
from netbuilder.foundation.job import Cancelled, Job
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.insight.comparison import Arm, Comparison, Outcome, compare
from netbuilder.insight.experiments import compare_in_child, find_rate_in_child
from netbuilder.insight.order import Order
from netbuilder.insight.rate_finder import HIGHEST, LOWEST, STEPS, find_rate, judge
from tests.builders import document, linear, node
from tests.insight.cases import too_high, vanishing
from tests.training.documents import alternating, iris, planned, saved_weights, train, with_optimizer


def trained_loss(made, rate, folder):
    """Return the training loss after some epochs at a learning rate."""
    run = train(planned(with_optimizer(made, "adam", learning_rate=rate), epochs=6), folder)
    losses = run.series("loss/train")
    return sum(losses[-7:]) / 7


# The finder ---------------------------------------------------------------------------------------------------


def test_the_suggested_rate_learns_faster_than_far_smaller_and_far_larger_ones(tmp_path):
    curve = find_rate(Order(document=with_optimizer(iris(), "adam")), Job())
    assert curve.suggestion is not None
    good = trained_loss(iris(), curve.suggestion, tmp_path / "good")
    assert good < trained_loss(iris(), curve.suggestion / 100, tmp_path / "low")
    assert good < trained_loss(iris(), min(curve.suggestion * 100, 30.0), tmp_path / "high")


def test_rates_grow_by_equal_factors_and_the_run_ends_where_the_loss_explodes():
    curve = find_rate(Order(document=with_optimizer(iris(), "sgd")), Job())
    assert curve.rates[0] == LOWEST
    assert curve.rates[-1] <= HIGHEST * 1.001
    assert len(curve.rates) == len(curve.losses) == len(curve.smoothed) <= STEPS
    factors = [b / a for a, b in zip(curve.rates, curve.rates[1:], strict=False)]
    assert max(factors) == pytest.approx(min(factors))


def test_a_schedule_of_the_plan_does_not_bend_the_ramp():
    constant = find_rate(Order(document=with_optimizer(iris(), "adam")), Job())
    cosine = find_rate(Order(document=with_optimizer(iris(), "adam", schedule="cosine")), Job())
    assert cosine.losses == constant.losses


def test_a_curve_that_never_falls_suggests_nothing():
    rates = [10 ** (place / 10) for place in range(40)]
    assert judge(rates, [1.0] * 40).suggestion is None
    assert judge(rates, [1.0 + place for place in range(40)]).suggestion is None
    assert judge(rates[:3], [1.0, 0.5, 0.1]).suggestion is None


def test_a_loss_below_zero_falls_where_it_falls():
    rates = [10 ** (place / 10) for place in range(60)]
    falling = [-1.0 - max(0.0, 1.0 - abs(place - 40) / 20) for place in range(60)]
    assert judge(rates, falling).least is not None
    rising = [-1.0 + place / 1000 for place in range(60)]
    assert judge(rates, rising).least is None


def test_a_plan_that_does_not_move_gets_a_rate_all_the_same():
    usual = find_rate(Order(document=with_optimizer(iris(), "adam", learning_rate=0.01)), Job())
    still = find_rate(Order(document=with_optimizer(iris(), "adam", learning_rate=0.0)), Job())
    assert still.losses == usual.losses


def test_the_suggestion_is_a_tenth_of_where_the_loss_is_least():
    rates = [1e-6 * 10 ** (place / 10) for place in range(60)]
    losses = [1.0 - 0.9 * math.exp(-((place - 40) ** 2) / 60) for place in range(60)]
    curve = judge(rates, losses)
    assert curve.least is not None
    assert rates[40] <= curve.least <= rates[45]  # smoothing comes a little late
    assert curve.suggestion == pytest.approx(curve.least / 10, rel=0.1)
    assert curve.steepest is not None
    assert curve.steepest < curve.least


def test_several_phases_are_tried_together():
    curve = find_rate(Order(document=alternating(iris())), Job())
    assert len(curve.rates) > 20


def test_it_begins_with_a_runs_last_weights_and_leaves_them_alone(tmp_path):
    made = planned(with_optimizer(iris(), "adam", learning_rate=0.02), epochs=20)
    train(made, tmp_path / "run")
    before = saved_weights(tmp_path / "run")
    fresh = find_rate(Order(document=made), Job())
    later = find_rate(Order(document=made, run=str(tmp_path / "run")), Job())
    assert fresh.begins_at is None
    assert later.begins_at == 140
    assert later.losses[0] < 0.5 * fresh.losses[0]
    after = saved_weights(tmp_path / "run")
    assert all(bool((after[key] == value).all()) for key, value in before.items())
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.endswith(".netb")) == []


def test_cancelling_ends_it():
    job = Job()
    job.cancel()
    with pytest.raises(Cancelled):
        find_rate(Order(document=iris()), job)


# Trying a fix -----------------------------------------------------------------------------------------------------


def test_a_fix_that_helps_is_seen_to(tmp_path):
    made = too_high(tmp_path)
    seen = compare(Order(document=made), with_optimizer(made, "adam", learning_rate=0.02), Job(), steps=60)
    assert seen.outcome is Outcome.BETTER
    assert seen.change < -0.3
    assert seen.validated
    assert len(seen.without.losses) == len(seen.with_fix.losses) == 4
    assert all(len(losses) == 60 for losses in (*seen.without.losses, *seen.with_fix.losses))
    worse = compare(Order(document=with_optimizer(made, "adam", learning_rate=0.02)), made, Job(), steps=60)
    assert worse.outcome is Outcome.WORSE


def test_what_changes_nothing_is_noise_to_the_last_bit():
    made = iris()
    seen = compare(Order(document=made), planned(made, patience=7), Job(), steps=20)
    assert seen.without == seen.with_fix
    assert seen.outcome is Outcome.NOISE
    assert seen.change == 0


def test_seeds_differ_in_weights_and_batches(tmp_path):
    fresh = compare(Order(document=iris()), iris(), Job(), steps=10)
    assert len(set(fresh.without.scores)) == 4
    train(iris(), tmp_path / "run")
    later = compare(Order(document=iris(), run=str(tmp_path / "run")), iris(), Job(), steps=10)
    assert later.begins_at == 28
    assert len(set(later.without.scores)) == 4


def test_a_fix_of_the_structure_begins_with_the_weights_that_fit(tmp_path):
    made = planned(with_optimizer(iris(), "adam", learning_rate=0.02), epochs=20)
    train(made, tmp_path / "run")
    fix = {"node": "scores", "port": "x", "type": "dropout", "parameters": {"p": 0.5}}
    fixed = edits.apply(made, "insert_layer", fix)
    order = Order(document=made, trained=made, run=str(tmp_path / "run"))
    seen = compare(order, fixed, Job(), steps=10)
    assert seen.begins_at == 140
    assert max(losses[0] for losses in seen.with_fix.losses) < 0.9  # fresh weights give 1.1


def test_a_fix_inside_a_block_begins_with_the_weights_that_fit(tmp_path):
    made = edits.make_block(iris(), ("hidden", "act"), "Body", key="body")
    train(made, tmp_path / "run")
    fixed = edits.set_parameters(made, "hidden", {"units": 12}, scope="body")
    order = Order(document=made, trained=made, run=str(tmp_path / "run"))
    assert compare(order, fixed, Job(), steps=2, seeds=1).begins_at == 28


@pytest.mark.parametrize("trained", [None, iris(12)])
def test_weights_of_another_network_are_told(trained, tmp_path):
    train(iris(8), tmp_path / "run")
    with pytest.raises(NetbuilderError) as caught:
        find_rate(Order(document=iris(9), trained=trained, run=str(tmp_path / "run")), Job())
    assert [problem.code for problem in caught.value.problems] == ["checkpoint.mismatch"]


def test_a_run_that_breaks_down_loses(tmp_path):
    broken = Arm(losses=((1.0,),), scores=(math.inf,))
    whole = Arm(losses=((1.0, 0.9),), scores=(0.9,))
    assert Comparison(without=broken, with_fix=whole).outcome is Outcome.BETTER
    assert Comparison(without=whole, with_fix=broken).outcome is Outcome.WORSE
    assert Comparison(without=broken, with_fix=broken).outcome is Outcome.NOISE


def test_a_difference_that_seeds_make_is_noise():
    def arm(*scores):
        return Arm(losses=((),) * len(scores), scores=scores)

    assert Comparison(without=arm(1, 2, 1, 2), with_fix=arm(2, 1, 1, 2)).outcome is Outcome.NOISE
    assert Comparison(without=arm(1, 2, 1, 2), with_fix=arm(0.9, 1.8, 0.9, 1.8)).outcome is Outcome.BETTER
    assert Comparison(without=arm(1, 2, 1, 2), with_fix=arm(0.999, 1.998, 0.999, 1.998)).outcome is Outcome.NOISE


# In a process of its own --------------------------------------------------------------------------------------------


def test_a_child_comes_to_the_same_curve():
    order = Order(document=with_optimizer(iris(), "adam"))
    assert find_rate_in_child(order, Job()) == find_rate(order, Job())


def test_a_childs_problems_are_told_here(tmp_path):
    broken = document([node("digits", "data.digits"), linear("out", 3)], [("digits.image", "out.x")])
    with pytest.raises(NetbuilderError) as caught:
        compare_in_child(Order(document=broken), vanishing(tmp_path), Job())
    assert caught.value.problems


def test_a_run_of_which_nothing_is_kept_yet_means_fresh_weights(tmp_path):
    curve = find_rate(replace(Order(document=iris()), run=str(tmp_path / "nothing")), Job())
    assert curve.begins_at is None
