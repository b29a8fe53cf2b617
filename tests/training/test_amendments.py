"""What an edited document changes of the one that a run trains: at once, when applied, or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netbuilder.document import edits
from netbuilder.document.model import Document, Group, PortRef
from netbuilder.training.amendments import applied, at_once, compare
from tests.builders import linear, node
from tests.compiler.blocks import staged
from tests.training.documents import alternating, iris, moons, planned, with_optimizer


def dropped() -> Document:
    return iris(8, node("act", "tanh"), node("drop", "dropout", p=0.5), linear("second", 4))


SETTINGS = {
    "learning rate 0.001 → 0.0003": with_optimizer(iris(), "adam", learning_rate=0.0003),
    "optimizer Adam → SGD": with_optimizer(iris(), "sgd"),
    "schedule Constant → Cosine": with_optimizer(iris(), "adam", "cosine"),
    "epochs 4 → 9": planned(iris(), epochs=9),
    "batch size 16 → 32": planned(iris(), batch_size=32),
    "clip gradients to 0 → 1.5": planned(iris(), clip_norm=1.5),
    "average weights 0 → 0.99": planned(iris(), ema_decay=0.99),
    "batches an update 1 → 2": planned(iris(), accumulation=2),
    "patience 0 → 3": planned(iris(), patience=3),
    "hidden is frozen": edits.set_parameters(iris(), "hidden", {"trainable": False}),
    "rate × 1 → × 0.5": planned(iris(), phases=(replace(iris().plan.phases[0], groups=(Group(rate=0.5),)),)),
}


@pytest.mark.parametrize("words", SETTINGS)
def test_a_setting_is_told_and_reaches_the_run_at_once(words: str) -> None:
    wanted = SETTINGS[words]
    amendment = compare(iris(), wanted)
    assert amendment.settings == (words,)
    assert not amendment.structure
    assert not amendment.fixed
    now = at_once(iris(), wanted)
    assert now.plan == wanted.plan
    assert now.graph == wanted.graph
    assert compare(now, wanted).text == ""


def test_dropout_reaches_the_run_at_once() -> None:
    wanted = edits.set_parameters(dropped(), "drop", {"p": 0.2})
    assert compare(dropped(), wanted).settings == ("drop: probability 0.5 → 0.2",)
    assert at_once(dropped(), wanted).graph.nodes["drop"].parameters["p"] == 0.2


STRUCTURE = {
    "hidden: units 8 → 16": edits.set_parameters(iris(), "hidden", {"units": 16}),
    "act removed": edits.remove_and_heal(iris(), ["act"]),
    "act is left out": edits.set_bypassed(iris(), ["act"], True),
    "act is another kind of layer": edits.replace_type(iris(), "act", "relu", {}),
    "more added": edits.insert_layer(iris(), "scores", "x", "relu", {}, "more", id="more"),
}


@pytest.mark.parametrize("words", STRUCTURE)
def test_structure_waits_while_settings_go_ahead(words: str) -> None:
    wanted = planned(STRUCTURE[words], batch_size=8)
    amendment = compare(iris(), wanted)
    assert amendment.structure == (words,)
    assert amendment.settings == ("batch size 16 → 8",)
    now = at_once(iris(), wanted)
    assert now == planned(iris(), batch_size=8)
    assert compare(now, wanted).settings == ()
    assert applied(now, wanted) == wanted


def test_a_link_led_elsewhere_is_structure() -> None:
    wanted = edits.connect(dropped(), PortRef("second", "x"), PortRef("act", "y"))
    assert compare(dropped(), wanted).structure == ("1 link changed",)


def test_seed_data_and_measure_count_for_the_next_run() -> None:
    wanted = planned(edits.set_parameters(moons(), "data", {"samples": 500}), seed=7, monitor="accuracy")
    amendment = compare(moons(), wanted)
    assert set(amendment.fixed or ()) == {("", "seed"), ("", "monitor"), ("data", "samples")}
    assert amendment.text == ""
    assert at_once(moons(), wanted) == moons()
    assert applied(moons(), wanted) == moons()


def test_names_and_places_are_nothing_to_a_run() -> None:
    wanted = edits.move_nodes(edits.rename(iris(), "hidden", "first"), {"hidden": (5.0, 5.0)})
    assert compare(iris(), wanted).text == ""


def test_a_layer_in_a_block_is_frozen_at_once_and_changed_when_applied() -> None:
    frozen = edits.set_parameters(staged(), "r_conv", {"trainable": False}, scope="residual")
    assert compare(staged(), frozen).settings == ("r_conv is frozen",)
    assert at_once(staged(), frozen) == frozen
    sized = edits.set_parameters(staged(), "r_last", {"kernel_size": (5, 5)}, scope="residual")
    assert compare(staged(), sized).structure == ("r_last: kernel size 3×3 → 5×5",)
    assert at_once(staged(), sized) == staged()


def test_phases_that_name_a_layer_the_run_lacks_wait() -> None:
    wanted = edits.insert_layer(iris(), "scores", "x", "linear", linear("more", 8).parameters, id="more")
    wanted = planned(wanted, phases=(replace(wanted.plan.phases[0], groups=(Group(nodes=("more",)),)),))
    amendment = compare(iris(), wanted)
    assert amendment.settings == ()
    assert "parameter groups changed" in amendment.structure
    assert at_once(iris(), wanted) == iris()


def test_each_phase_tells_its_own() -> None:
    made = alternating(iris())
    wanted = edits.set_optimizer(made, "sgd", {"learning_rate": 0.5}, 1)
    (words,) = compare(made, wanted).settings
    assert words.startswith("learning rate of second ")
    assert words.endswith(" → 0.5")
