"""Gradient flow and dead units: the numbers by hand, and nothing in the training changes."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from netbuilder.compiler.module import build
from netbuilder.data.preparation import prepare
from netbuilder.document.model import Document, PortRef
from netbuilder.layers.catalog import catalog
from netbuilder.training import dead_units, gradient_flow
from netbuilder.training.network import Network
from netbuilder.training.protocol import PictureKind, State, Step, Stop, Watch
from tests.builders import linear, node, tiny_cnn
from tests.training import documents
from tests.training.documents import Run, begin, iris, planned

FLOW = Watch(gradient_flow=True)


def _look(made: Document, folder, *commands, steps: int = 0) -> Run:
    run = begin(planned(made, epochs=1000), folder, paused=True)
    for command in [Step()] * steps + list(commands):
        run.command(command)
    run.until(lambda told: told.progress.state is State.PAUSED and told.progress.step == steps)
    run.host.send(Stop())
    return run.finish()


def _flow(run: Run) -> tuple[dict[str, float], float]:
    picture = run.pictures(PictureKind.FLOW)[""]
    return dict(zip(picture.labels, picture.data.tolist(), strict=True)), picture.extent[0]


def both_outputs() -> Document:
    """Return digits read by an LSTM of which both outputs are used."""
    made = documents.rows_lstm()
    kept = {id: each for id, each in made.graph.nodes.items() if id != "scores"}
    added = (node("flat", "flatten"), linear("a", 10), linear("b", 10), node("sum", "add"))
    edges = {
        target: source for target, source in made.graph.edges.items() if "scores" not in (target.node, source.node)
    }
    edges |= {
        PortRef("flat", "x"): PortRef("lstm", "sequence"),
        PortRef("a", "x"): PortRef("flat", "y"),
        PortRef("b", "x"): PortRef("lstm", "state"),
        PortRef("sum", "a"): PortRef("a", "y"),
        PortRef("sum", "b"): PortRef("b", "y"),
        PortRef("loss", "prediction"): PortRef("sum", "y"),
    }
    return replace(made, graph=replace(made.graph, nodes=kept | {each.id: each for each in added}, edges=edges))


def _samples(made: Document, *fields: str) -> list[torch.Tensor]:
    columns = prepare(made.graph.nodes["data"]).parts["validation"]
    return [torch.tensor(columns[field][:16]) for field in fields]


def test_the_norms_are_those_of_the_gradient_by_hand(tmp_path):
    """For cross-entropy the gradient at the scores is (softmax - one hot) / rows; the rest by the chain rule."""
    made = iris()
    norms, start = _flow(_look(made, tmp_path / "run", FLOW))
    model = build(made).eval()
    features, label = _samples(made, "features", "label")
    with torch.no_grad():
        hidden = model.hidden(features)
        act = torch.tanh(hidden)
        scores = model.scores(act)
        at_scores = (scores.softmax(1) - torch.nn.functional.one_hot(label, 3)) / len(label)
        at_act = at_scores @ model.scores.weight
        at_hidden = at_act * (1 - act**2)
        at_data = at_hidden @ model.hidden.weight
    expected = {"scores": at_scores, "act": at_act, "hidden": at_hidden, "data.features": at_data}
    assert norms == pytest.approx({path: float(each.norm()) for path, each in expected.items()}, rel=1e-4)
    assert start == pytest.approx(float(at_scores.norm()), rel=1e-4)


def test_only_who_asks_gets_the_flow(tmp_path):
    run = _look(iris(), tmp_path / "run", Watch(nodes=("hidden",)), steps=2)
    assert run.pictures(PictureKind.FLOW) == {}


def test_every_node_of_a_network_with_branches_and_batch_statistics_has_a_norm(tmp_path):
    norms, _ = _flow(_look(tiny_cnn(6), tmp_path / "run", FLOW, steps=2))
    assert norms.keys() == {"digits.image", "stem", "norm", "act", "conv", "sum", "pool", "flat", "scores"}
    assert all(norm > 0 for norm in norms.values())


def test_two_losses_and_recurrent_layers_are_measured(tmp_path):
    norms, start = _flow(_look(documents.two_losses(), tmp_path / "two", FLOW))
    assert start == max(norms["scores"], norms["second"])
    norms, _ = _flow(_look(documents.rows_lstm(), tmp_path / "lstm", FLOW))
    assert norms.keys() == {"data.image", "rows", "lstm.state", "scores"}


def test_each_output_of_a_layer_has_the_gradient_of_its_own(tmp_path):
    """An LSTM whose sequence and state both lead to the loss: by hand, from copies that gradients end at."""
    made = both_outputs()
    norms, _ = _flow(_look(made, tmp_path / "run", FLOW))
    assert norms.keys() == {"data.image", "rows", "lstm.sequence", "lstm.state", "flat", "a", "b", "sum"}
    model = build(made).eval()
    image, label = _samples(made, "image", "label")
    outputs, (state, _) = model.lstm(image.squeeze(1))
    outputs, state = (each.detach().requires_grad_() for each in (outputs, state[-1]))
    scores = model.a(outputs.flatten(1)) + model.b(state)
    torch.nn.functional.cross_entropy(scores, label).backward()
    assert norms["lstm.state"] == pytest.approx(float(state.grad.norm()), rel=1e-4)
    assert norms["lstm.sequence"] == pytest.approx(float(outputs.grad.norm()), rel=1e-4)


def test_what_looks_at_nodes_sees_each_once(tmp_path):
    run = _look(both_outputs(), tmp_path / "run", Watch(nodes=("lstm",), histograms=True), steps=1)
    assert run.pictures(PictureKind.VALUES).keys() == {"rows", "lstm", "flat", "a", "b", "sum"}


def test_of_several_phases_the_largest_counts(tmp_path):
    made = documents.alternating(iris())
    norms, _ = _flow(_look(made, tmp_path / "run", FLOW, steps=1))
    assert {"hidden", "act", "scores"} <= norms.keys()


def test_measuring_leaves_the_network_as_it_was():
    made = tiny_cnn(6)
    network = Network(made, torch.device("cpu"))
    columns = prepare(made.graph.nodes["digits"]).parts["train"]
    batch = {"image": torch.tensor(columns["image"][:16]), "label": torch.tensor(columns["label"][:16])}
    network.set_updated([list(network.model.parameters())])
    network.model_train()
    for parameter in network.model.parameters():
        parameter.grad = torch.full_like(parameter, 0.5)
    state, inputs = copy.deepcopy(network.model.state_dict()), {key: each.clone() for key, each in batch.items()}
    torch.manual_seed(3)
    drawn = torch.get_rng_state()
    with network.evaluating():
        assert gradient_flow.measure(network, batch) is not None
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(torch.equal(value, state[key]) for key, value in network.model.state_dict().items())
    assert all(bool((parameter.grad == 0.5).all()) for parameter in network.model.parameters())
    assert all(torch.equal(batch[key], inputs[key]) and not batch[key].requires_grad for key in batch)
    assert network.model.training
    assert not torch.is_inference(next(network.model.parameters()))


def test_measuring_changes_nothing_in_a_run(tmp_path, monkeypatch):
    """A run with the flow measured after every step equals one without, bit for bit, dropout and noise included."""
    from netbuilder.training import probe

    body = (node("norm", "batch_norm1d"), node("act", "relu"), node("noise", "gaussian_noise"), node("drop", "dropout"))
    made = planned(iris(8, *body), epochs=5)
    calm = documents.train(made, tmp_path / "calm")
    monkeypatch.setattr(probe, "SECONDS", 0.0)
    monkeypatch.setattr(probe, "SHARE", 1e9)
    monkeypatch.setattr("netbuilder.training.session.REPORT_SECONDS", 0.0)
    nosy = begin(made, tmp_path / "nosy", FLOW).finish()
    assert nosy.pictures(PictureKind.FLOW)
    assert len(nosy.series("dead/act")) > 25
    assert nosy.series("loss/train") == calm.series("loss/train")
    assert nosy.series("loss/validation") == calm.series("loss/validation")
    assert nosy.end.data["test"] == calm.end.data["test"]


def test_what_cannot_be_measured_is_said_once_and_the_run_goes_on(tmp_path, monkeypatch):
    def refuse(network, batch):
        raise RuntimeError("no derivative\nsecond line")

    monkeypatch.setattr(gradient_flow, "measure", refuse)
    run = _look(iris(), tmp_path / "run", FLOW, steps=3)
    told = [event for event in run.events if event.kind == "problem"]
    assert [event.problems[0].code for event in told] == ["training.no_gradient_flow"]
    assert "(no derivative)" in told[0].text
    assert run.end.data["reason"] == "stopped"


# Dead units


def test_dead_units_are_counted_by_hand(tmp_path):
    made = iris(40, node("act", "relu"))
    run = _look(made, tmp_path / "run", Watch(), steps=1)
    first = next(told for told in run.telemetry if any(each.kind is PictureKind.DEAD for each in told.pictures))
    picture = next(each for each in first.pictures if each.kind is PictureKind.DEAD)
    model, (features,) = build(made).eval(), _samples(made, "features")
    dead = int((model.hidden(features) <= 0).all(0).sum())
    assert 0 < dead < 40, "the network has some of both"
    assert picture.data.tolist() == [dead, 40]
    assert picture.caption == f"{dead} of 40 units are 0 for all 16 samples"
    assert run.series("dead/act")[0] == pytest.approx(dead / 40)


def test_layers_that_cannot_die_have_no_count(tmp_path):
    run = _look(tiny_cnn(6), tmp_path / "run", steps=1)
    assert run.pictures(PictureKind.DEAD).keys() == {"act"}
    assert run.pictures(PictureKind.DEAD)["act"].caption.endswith("of 6 channels are 0 for all 16 samples")


@pytest.mark.parametrize(
    ("type", "values", "expected", "noun"),
    [
        ("relu", [[0.0, 0.0, 2.0], [0.0, 1.0, 0.0]], 1, "units"),
        ("sigmoid", [[0.001, 0.5, 0.995], [0.999, 0.0, 0.004]], 2, "units"),
        ("tanh", [[-0.99, -0.97, 1.0], [0.985, 1.0, -0.5]], 1, "units"),
        ("hardtanh", [[-1.0, 0.3, 1.0], [1.0, 1.0, 1.0]], 2, "units"),
        ("threshold", [[20.0, 0.5, 20.0], [20.0, 20.0, 1.0]], 1, "units"),
    ],
)
def test_each_activation_rests_at_its_own_ends(type, values, expected, noun):
    made = replace(node("act", type), parameters={"value": 20.0} if type == "threshold" else {})
    rest = dead_units.rest_of(made)
    count, total, name = dead_units.count_dead(torch.tensor(values), rest)
    assert (int(count), total, name) == (expected, 3, noun)


def test_a_channel_is_dead_when_it_is_so_everywhere():
    value = torch.zeros(4, 3, 5, 5)
    value[2, 1, 4, 4] = 0.1
    count, total, noun = dead_units.count_dead(value, dead_units.rest_of(node("act", "relu")))
    assert (int(count), total, noun) == (2, 3, "channels")
    count, total, noun = dead_units.count_dead(torch.zeros(4, 3, 5), dead_units.rest_of(node("act", "relu")))
    assert (int(count), total, noun) == (15, 15, "values")


def test_what_is_not_a_number_is_not_dead():
    count, _, _ = dead_units.count_dead(torch.full((4, 3), float("nan")), dead_units.rest_of(node("act", "sigmoid")))
    assert int(count) == 0


def test_every_type_that_can_die_exists_and_the_others_cannot():
    known = {spec.key for spec in catalog() if dead_units.rest_of(node("n", spec.key)) is not None}
    assert known == {
        *("relu", "relu6", "hardshrink", "softshrink", "hardswish", "threshold"),
        *("sigmoid", "hardsigmoid", "tanh", "softsign", "hardtanh"),
    }


# Only what is in view


@pytest.mark.parametrize(
    ("shown", "faces"),
    [
        (frozenset({"act", "scores"}), {("dead", "act"), ("thumbs", "act"), ("bars", "scores")}),
        (frozenset(), {("dead", "act")}),  # counted wherever they are: the health rules ask
    ],
)
def test_faces_are_drawn_of_what_is_in_view_only(tmp_path, shown, faces):
    run = begin(planned(tiny_cnn(6), epochs=1000), tmp_path / "run", paused=True)
    run.until(lambda told: told.progress.state is State.PAUSED)
    run.command(Watch(in_view=shown, nodes=("stem",)))
    run.telemetry.clear()
    run.command(Step())
    run.until(lambda told: told.progress.state is State.PAUSED and told.progress.step == 1)
    run.host.send(Stop())
    kinds = {PictureKind.THUMBS, PictureKind.BARS, PictureKind.DEAD}
    seen = {(p.kind.value, p.node) for told in run.telemetry for p in told.pictures if p.kind in kinds}
    assert seen == faces
    watched = {p.node for told in run.telemetry for p in told.pictures if p.kind is PictureKind.MAPS}
    assert watched == {"stem"}, "what is watched is drawn in full wherever it is"
    run.finish()


def test_maps_of_one_pixel_are_bars(tmp_path):
    from netbuilder.training import pictures

    value = torch.arange(12.0).reshape(2, 6, 1, 1)
    assert pictures.maps_of(value, 1) is None
    assert pictures.vector_of(value, 1).tolist() == [6, 7, 8, 9, 10, 11]
    assert pictures.maps_of(torch.zeros(2, 3, 1, 4), 0).shape == (3, 1, 4)
    assert np.array_equal(pictures.vector_of(torch.ones(2, 5), 0), np.ones(5))
