"""An exported predict.py, where only torch is installed, answers as the session's own network does."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from netbuilder.data.preparation import prepare
from netbuilder.data.schemas import describe
from netbuilder.exchange.formats import Order, export
from netbuilder.exchange.inference_script import write_inference_script
from netbuilder.exchange.weighted import weigh
from netbuilder.project import Project
from tests.builders import chain, document, linear, node
from tests.exchange.plain_process import run_without_netbuilder

HOSTILE = 'it\'s "quoted" \\ {x} \u2028 é'
"""A class name that would break out of a string that is written carelessly."""


def classifier(source, base, units, entry="features", **parameters):
    """Data -> (Flatten) -> Linear -> cross entropy, its schema read."""
    layers = [node("flat", "flatten")] if entry == "image" else []
    layers.append(linear("scores", units))
    nodes = [node("data", source, **parameters), *layers, node("loss", "cross_entropy")]
    links = [(f"data.{entry}", f"{layers[0].id}.x"), *chain(*layers)]
    links += [("scores.y", "loss.prediction"), ("data.label", "loss.target")]
    return document(nodes, links, {"data": describe(source, parameters, base)}, "Path")


def train_and_export(found, base):
    """Train for an epoch, export with the run's weights, and return the network with those weights."""
    found = replace(found, plan=replace(found.plan, epochs=1))
    project = Project(found, base / "project.netb")
    project.train(folder=base / "run")
    exported = export(Order(document=found, format="python", target=base / "out", base=base, run=base / "run"))
    assert exported.notes == ()
    assert [path.name for path in exported.files][-3:] == ["predict.py", "preparation.json", "weights.pt"]
    return weigh(found, base / "run", base)


def session_outputs(network, base):
    """Return what the network says of all prepared rows, part after part, and the parts' truth."""
    import torch

    (port,) = {network.program.sources[key] for key in network.program.fields}
    prepared = prepare(network.document.graph.nodes[port.node], base)
    rows = np.concatenate([prepared.parts[part][port.port] for part in ("train", "validation", "test")])
    with torch.no_grad():
        return rows, network.model(**{network.program.fields[0]: torch.from_numpy(rows)}).numpy()


def ask(base, *files):
    """Run `predict.py FILES --json` without netbuilder; returns the answers, and the raw outputs in `out.npy`."""
    out = run_without_netbuilder(
        base,
        f"""
enter({str(base / "out")!r})
import predict
sys.argv = ["predict.py", *{[str(file) for file in files]!r}, "--json", "--save", {str(base / "out.pt")!r}]
predict.main()
np.savez({str(base / "out.npz")!r}, **{{k: v.numpy() for k, v in torch.load({str(base / "out.pt")!r}).items()}})
""",
    )
    return [json.loads(line) for line in out.splitlines()], dict(np.load(base / "out.npz"))


def closest(outputs, expected):
    """Match every expected row to the nearest one of `outputs`, whatever their order; returns the largest distance."""
    distances = np.abs(outputs[:, None, :] - expected[None, :, :]).max(axis=2)
    return max(distances.min(axis=0).max(), distances.min(axis=1).max())


TABLE_HEAD = ("colour", "size", "price", "comment", "kind")


def write_table(path, rows=90, delimiter=";"):
    generator = np.random.default_rng(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(TABLE_HEAD)
        for row in range(rows):
            colour = ["red", "green", "dark blue", ""][row % 4]
            size = "" if row % 7 == 3 else f"{generator.normal():.3f}".replace(".", ",")
            writer.writerow([colour, size, f"1.{row:03d},5", "words", ["plain", HOSTILE][int(row % 4 == 1)]])


@pytest.mark.parametrize("categories", ["one_hot", pytest.param("index", marks=pytest.mark.slow)])
def test_rows_of_a_table_are_encoded_filled_and_normalized_as_for_training(categories, tmp_path):
    """Categories with gaps, decimal commas, missing numbers, another order of columns, a class name full of traps."""
    write_table(tmp_path / "rows.csv")
    settings = {
        "file": "rows.csv",
        "target": "kind",
        "features": ("colour", "size", "price"),
        "missing": "mean",
        "categories": categories,
        "normalize": True,
    }
    network = train_and_export(classifier("data.table", tmp_path, 2, **settings), tmp_path)
    rows, expected = session_outputs(network, tmp_path)
    with (tmp_path / "rows.csv").open(encoding="utf-8") as file:
        lines = list(csv.reader(file, delimiter=";"))
    with (tmp_path / "asked.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";")
        for line in lines:
            writer.writerow([line[2], "extra", line[0], line[1]])
    answers, outputs = ask(tmp_path, tmp_path / "asked.csv")
    assert len(answers) == len(rows) == len(lines) - 1
    assert closest(outputs["scores"], expected) < 1e-5
    assert {answer["answer"]["scores"]["class"] for answer in answers} <= {"plain", HOSTILE}
    for answer, output in zip(answers, outputs["scores"], strict=True):
        chances = np.exp(output) / np.exp(output).sum()
        assert answer["answer"]["scores"]["probabilities"][HOSTILE] == pytest.approx(chances[0], rel=1e-4)
    assert HOSTILE not in (tmp_path / "out" / "predict.py").read_text("utf-8")


def test_wrong_rows_are_refused_with_their_place(tmp_path):
    write_table(tmp_path / "rows.csv")
    settings = {"file": "rows.csv", "target": "kind", "features": ("colour", "price"), "missing": "mean"}
    train_and_export(classifier("data.table", tmp_path, 2, **settings), tmp_path)
    wrong = {
        "unknown.csv": "colour;price\nred;1,5\npink;1,5\n",
        "text.csv": "colour;price\nred;dear\n",
        "column.csv": "color;price\nred;1,5\n",
        "short.csv": "colour;price\nred\n",
        "empty.csv": "colour;price\n",
    }
    for name, text in wrong.items():
        (tmp_path / name).write_text(text, "utf-8")
    out = run_without_netbuilder(
        tmp_path,
        f"""
enter({str(tmp_path / "out")!r})
import predict
for name in {list(wrong)!r} + ["absent.csv"]:
    sys.argv = ["predict.py", {str(tmp_path)!r} + "/" + name]
    try:
        predict.main()
    except SystemExit as error:
        print(str(error).replace({str(tmp_path)!r} + "/", ""))
""",
    )
    assert out.splitlines()[:5] == [
        "unknown.csv, line 3: colour is 'pink', which was not in the training data.",
        "text.csv, line 2: price needs a number, not 'dear'.",
        "column.csv has no column 'colour'; it needs colour, price",
        "short.csv, line 2: there are only 1 values.",
        "empty.csv has no rows.",
    ]
    assert out.splitlines()[5].startswith("absent.csv cannot be read")


def test_pictures_of_any_size_are_read_as_for_training(tmp_path):
    from PIL import Image

    generator = np.random.default_rng(0)
    files = []
    for number in range(24):
        folder = tmp_path / "pictures" / ["cats", "dogs"][number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        shape = (20 + number, 31, 3) if number % 3 else (17, 25)
        files.append(folder / f"{number}.png")
        Image.fromarray(generator.integers(0, 256, shape, dtype=np.uint8)).save(files[-1])
    deep = generator.integers(0, 65536, (19, 23), dtype=np.uint16)
    files.append(tmp_path / "pictures" / "cats" / "deep.png")
    Image.fromarray(deep).save(files[-1])
    settings = {"folder": "pictures", "height": 12, "width": 9, "normalize": True}
    network = train_and_export(classifier("data.images", tmp_path, 2, "image", **settings), tmp_path)
    _, expected = session_outputs(network, tmp_path)
    answers, outputs = ask(tmp_path, *files)
    assert len(answers) == len(files)
    assert {answer["answer"]["scores"]["class"] for answer in answers} <= {"cats", "dogs"}
    assert closest(outputs["scores"], expected) < 1e-5


def test_numbers_are_told_in_the_units_of_the_data(tmp_path):
    """A regression on a normalized target, asked with plain rows of numbers and with tensors."""
    import torch

    from netbuilder.templates import open_template

    network = train_and_export(open_template("diabetes"), tmp_path)
    rows, expected = session_outputs(network, tmp_path)
    (source,) = (each for each in network.document.graph.nodes.values() if each.type == "data.diabetes")
    prepared = prepare(source, tmp_path)
    scale, target = prepared.fitted["features"], prepared.fitted["target"]
    raw = rows * scale.std + scale.mean
    np.savetxt(tmp_path / "rows.csv", raw, delimiter=",", header="a,b", comments="")
    torch.save({"features": torch.from_numpy(raw)}, tmp_path / "rows.pt")
    for file in ("rows.csv", "rows.pt"):
        answers, outputs = ask(tmp_path, tmp_path / file)
        (name,) = outputs
        np.testing.assert_allclose(outputs[name], expected, rtol=1e-4, atol=1e-4)
        values = [answer["answer"][name] for answer in answers]
        np.testing.assert_allclose(values, (expected * target.std + target.mean)[:, 0], rtol=1e-4)
    assert 50 < np.mean(values) < 300


@pytest.mark.slow
def test_two_classes_told_by_one_number(tmp_path):
    """A logit with its target cast to a number: the class names come from the data all the same."""
    nodes = [
        node("data", "data.moons", samples=60),
        linear("logit", 1),
        node("number", "cast", dtype="float32"),
        node("column", "unsqueeze", axis=1),
        node("loss", "bce_with_logits"),
    ]
    links = [
        ("data.points", "logit.x"),
        ("data.label", "number.x"),
        ("number.y", "column.x"),
        ("logit.y", "loss.prediction"),
        ("column.y", "loss.target"),
    ]
    found = document(nodes, links, {"data": describe("data.moons", {"samples": 60})}, "Moons")
    network = train_and_export(found, tmp_path)
    rows, expected = session_outputs(network, tmp_path)
    np.savetxt(tmp_path / "rows.csv", rows, delimiter=",")
    answers, _ = ask(tmp_path, tmp_path / "rows.csv")
    classes = [answer["answer"]["logit"]["class"] for answer in answers]
    assert classes == [str(int(value > 0)) for value in expected[:, 0]]


def test_a_network_of_several_inputs_takes_tensors_only(tmp_path):
    import torch

    nodes = [
        node("left", "input", dims=(3,), layout="", dtype="float32"),
        node("right", "input", dims=(3,), layout="", dtype="float32"),
        node("sum", "add"),
        linear("out", 2),
    ]
    links = [("left.y", "sum.a"), ("right.y", "sum.b"), ("sum.y", "out.x")]
    found = document(nodes, links, title="Tensor")
    exported = export(Order(document=found, format="python", target=tmp_path / "out"))
    assert "There are no weights in it yet" in exported.notes[0]
    network = weigh(found)
    torch.save(network.model.state_dict(), tmp_path / "out" / "weights.pt")
    inputs = {"left": torch.randn(5, 3), "right": torch.randn(5, 3)}
    torch.save(inputs, tmp_path / "rows.pt")
    answers, outputs = ask(tmp_path, tmp_path / "rows.pt")
    np.testing.assert_allclose(outputs["out"], network.model(**inputs).numpy(), rtol=1e-6)
    assert answers[0]["answer"]["out"] == pytest.approx(outputs["out"][0].tolist())
    text = (tmp_path / "out" / "predict.py").read_text("utf-8")
    assert "csv" not in text
    assert "Pillow" not in text


def test_without_weights_it_says_what_to_do(tmp_path):
    found = classifier("data.iris", tmp_path, 3)
    export(Order(document=found, format="python", target=tmp_path / "out"))
    (tmp_path / "rows.csv").write_text("1,2,3,4\n")
    out = run_without_netbuilder(
        tmp_path,
        f"""
enter({str(tmp_path / "out")!r})
import predict
sys.argv = ["predict.py", {str(tmp_path / "rows.csv")!r}]
try:
    predict.main()
except SystemExit as error:
    print(error)
""",
    )
    assert out == "There are no weights yet: run train.py first.\n"


def test_a_run_on_other_data_is_noted(tmp_path):
    write_table(tmp_path / "rows.csv")
    settings = {"file": "rows.csv", "target": "kind", "features": ("price",)}
    network = train_and_export(classifier("data.table", tmp_path, 2, **settings), tmp_path)
    write_table(tmp_path / "rows.csv", rows=91)
    order = Order(
        document=network.document, format="python", target=tmp_path / "o", base=tmp_path, run=tmp_path / "run"
    )
    (note,) = export(order).notes
    assert note.startswith("data reads other rows or settings than the run did")


def test_the_script_is_formatted(tmp_path):
    """As the house style wants it, whatever it has to read."""
    import subprocess
    import sys

    table = {"header": None, "delimiter": ",", "width": 2, "columns": []}
    picture = {"dims": [3, 8, 8], "dtype": "float32", "layout": "CHW"}
    program = Project.new("spiral").program()
    (tmp_path / "model.py").write_text(program.source, "utf-8")
    for number, alone in enumerate(({**picture, "layout": "F", "table": table}, picture, {**picture, "layout": ""})):
        text = write_inference_script(program, {"inputs": {"x": alone}, "outputs": {}})
        (tmp_path / f"predict{number}.py").write_text(text, "utf-8")
    for command in (["format", "--diff"], ["check"]):
        arguments = [*command, "--isolated", "--line-length", "120", "--exclude", "model.py", "."]
        ruff = [sys.executable, "-m", "ruff", *arguments]
        done = subprocess.run(ruff, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
