"""Checks before training: a network that is in order passes all, and each check finds what it is about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest
import torch

from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document import edits
from netbuilder.foundation.job import Job
from netbuilder.insight.bench import Bench, bench
from netbuilder.insight.check import Result, Subject, Verdict, check, registry
from netbuilder.insight.facts import find_facts
from netbuilder.insight.order import Order
from netbuilder.training.readiness import review
from tests.builders import linear, node
from tests.insight.cases import imbalanced, infinite, saturated, stuck, sure
from tests.training.documents import (
    binary,
    diabetes,
    iris,
    moons,
    network,
    planned,
    rows_lstm,
    surface,
    two_losses,
    with_optimizer,
)


def checked(made, **order) -> dict[str, Result]:
    """Return what each check saw."""
    return {result.check: result for result in check(Order(document=made, **order), Job())}


SOUND = {
    "iris": lambda: with_optimizer(iris(16), "adam", learning_rate=0.05),
    "moons": lambda: with_optimizer(moons(), "adam", learning_rate=0.05),
    "surface": surface,
    "diabetes": lambda: with_optimizer(diabetes(), "adam", learning_rate=0.02),
    "lstm": lambda: with_optimizer(rows_lstm(), "adam", learning_rate=0.02),
    "batch norm": lambda: with_optimizer(
        iris(16, node("norm", "batch_norm1d"), node("act", "relu")), "adam", learning_rate=0.05
    ),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_network_in_order_passes_every_check(name) -> None:
    found = checked(SOUND[name]())
    assert {key: each.message for key, each in found.items() if each.verdict is not Verdict.PASS} == {}
    assert found.keys() >= {
        "scale",
        "gradients",
        "looks_at_input" if "looks_at_input" in found else "input",
        "one_batch",
    }


def test_every_check_says_what_it_is_and_where_it_comes_from() -> None:
    assert len(registry()) == 8
    for each in registry():
        assert each.summary.endswith(".")
        assert each.reference is not None
    assert [each.key for each in registry()][-1] == "one_batch"  # it trains


def test_a_wrong_initial_loss_is_told_with_its_fix(tmp_path) -> None:
    made = sure(tmp_path)
    found = checked(made)["initial"]
    assert found.verdict is Verdict.WARN
    assert found.node == "loss"
    mended = edits.apply(made, found.fixes[0].edit, found.fixes[0].arguments)
    assert checked(mended)["initial"].verdict is Verdict.PASS


def test_inputs_of_another_size_are_told_with_their_fix(tmp_path) -> None:
    made = saturated(tmp_path)
    found = checked(made)["scale"]
    assert found.verdict is Verdict.WARN
    assert found.node == "data"
    mended = edits.apply(made, found.fixes[0].edit, found.fixes[0].arguments)
    assert checked(mended)["scale"].verdict is Verdict.PASS


def test_weights_that_begin_at_zero_get_no_gradient_and_hide_the_input(tmp_path) -> None:
    made = stuck(tmp_path)
    found = checked(made)
    assert found["gradients"].verdict is Verdict.WARN
    assert found["gradients"].node == "hidden"
    assert found["input"].verdict is Verdict.FAIL
    assert found["one_batch"].verdict is Verdict.FAIL
    fix = found["gradients"].fixes[0]
    mended = checked(edits.apply(made, fix.edit, fix.arguments))
    assert mended["gradients"].verdict is Verdict.PASS
    assert mended["input"].verdict is Verdict.PASS


def test_a_layer_behind_something_without_a_gradient_is_named() -> None:
    made = iris(8, node("act", "sign"))
    found = checked(made)["gradients"]
    assert found.verdict is not Verdict.PASS
    assert found.node == "hidden"


def test_a_rate_that_explodes_on_one_batch_is_told(tmp_path) -> None:
    made = infinite(tmp_path)
    found = checked(made)["one_batch"]
    assert found.verdict is Verdict.FAIL
    mended = edits.apply(made, found.fixes[0].edit, found.fixes[0].arguments)
    assert checked(mended)["one_batch"].verdict is Verdict.PASS


def test_a_rate_that_learns_nothing_on_one_batch_is_told() -> None:
    made = with_optimizer(iris(), "adam", learning_rate=1e-7)
    found = checked(made)["one_batch"]
    assert found.verdict is Verdict.FAIL
    fix = next(each for each in found.fixes if "Raise" in each.title)
    assert checked(edits.apply(made, fix.edit, fix.arguments))["one_batch"].verdict is not Verdict.FAIL


def test_a_loss_that_begins_below_zero_cannot_fall_to_it() -> None:
    class Falling:
        """A bench whose loss is a likelihood's."""

        loss = -1.0

        def batches(self, seed: int) -> Iterator[list[dict[str, torch.Tensor]]]:
            yield [{"features": torch.zeros(4, 2)}]

        def step(self, batches: object) -> float:
            self.loss -= 0.1
            return self.loss

    subject = Subject(document=iris(), facts=find_facts(iris()), bench=cast("Bench", Falling()), job=Job())
    assert registry()["one_batch"].look(subject) is None


def test_a_layer_that_mixes_the_rows_of_a_batch_is_found() -> None:
    made = iris()
    with bench(Order(document=made), Job()) as built:
        # As a custom layer could: the catalog's own refuse the first axis.
        built.network.modules["hidden"].register_forward_hook(lambda module, given, value: value - value.mean(dim=0))
        found = registry()["leak"].look(Subject(document=made, facts=find_facts(made), bench=built, job=Job()))
    assert found is not None
    assert found.verdict is Verdict.FAIL
    assert "mixes the first axis" in found.message


def test_a_rare_class_is_told(tmp_path) -> None:
    found = checked(imbalanced(tmp_path))["labels"]
    assert found.verdict is Verdict.WARN
    assert "'rare'" in found.message


def test_rows_that_are_in_both_parts_are_counted(tmp_path) -> None:
    rows = [f"{a},{b},{'yes' if a > b else 'no'}" for a in range(8) for b in range(8) if a != b]
    path = tmp_path / "twice.csv"
    path.write_text("a,b,kind\n" + "\n".join(rows * 4) + "\n")
    body = [linear("hidden", 8), node("act", "relu"), linear("scores", 2)]
    made = network("data.table", body, "cross_entropy", "features", "label", file=str(path), target="kind")
    found = checked(planned(made, batch_size=16))["overlap"]
    assert found.verdict is Verdict.WARN
    assert dict(found.numbers)["also in training"] not in ("0", "1")


def test_several_losses_and_single_logits_are_checked_too() -> None:
    assert checked(two_losses()).keys() >= {"gradients", "one_batch"}
    assert checked(binary())["initial"].verdict is Verdict.PASS


@pytest.mark.parametrize("make", [stuck, sure, saturated, infinite], ids=lambda make: make.__name__)
def test_every_fix_on_offer_leaves_a_network_that_can_be_trained(make, tmp_path) -> None:
    made = make(tmp_path)
    for result in checked(made).values():
        for fix in result.fixes:
            mended = edits.apply(made, fix.edit, fix.arguments)
            assert not [each for each in review(mended, ShapeInference().infer(mended)) if each.is_error]
