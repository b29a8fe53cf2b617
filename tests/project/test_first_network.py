"""A first network for data of the user's own: it has no problems, and it can be trained."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from netbuilder.document import edits
from netbuilder.document.model import Document, Field, Node, Schema
from netbuilder.first_network import begin_with, draw, why_not
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.project import Project


def table(path, target):
    rows = "".join(f"{row};{row * 0.5};{target(row)}\n" for row in range(60))
    path.write_text(f"a;b;answer\n{rows}")
    return path


def pictures(folder, size):
    for place, label in enumerate(("cat", "dog", "owl")):
        (folder / label).mkdir(parents=True)
        for index in range(12):
            pixels = np.full((size, size, 3), 80 * place + index, dtype=np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{index}.png")
    return folder


@pytest.mark.parametrize(
    ("target", "loss", "units"), [(lambda row: "yes" if row % 3 else "no", "cross_entropy", 2), (float, "mse_loss", 1)]
)
def test_a_table_gets_a_network_that_fits_its_target(tmp_path, target, loss, units):
    project = Project(begin_with(table(tmp_path / "answers.csv", target)))
    assert project.document.about.title == "answers"
    checked = project.check()
    assert checked.problems == ()
    assert [node.type for node in checked.document.graph.nodes.values()][-1] == loss
    assert [n.parameters["units"] for n in checked.document.graph.nodes.values() if n.type == "linear"][-1] == units
    assert project.train(epochs=1, folder=tmp_path / "run").reason == "finished"


def test_a_folder_of_images_gets_a_convolutional_network(tmp_path):
    project = Project(begin_with(pictures(tmp_path / "animals", 20)))
    checked = project.check()
    assert checked.problems == ()
    types = [node.type for node in checked.document.graph.nodes.values()]
    assert types.count("conv2d") == 2
    assert types[-2:] == ["linear", "cross_entropy"]
    places = [checked.document.layout.places[id].x for id in checked.document.graph.nodes]
    assert all(132 < second - first < 300 for first, second in pairwise(places)), "side by side"
    assert project.train(epochs=1, folder=tmp_path / "run").reason == "finished"


@pytest.mark.parametrize("side", [1, 2, 7, 8, 28, 512])
def test_images_of_every_size_get_one_that_fits(side):
    schema = Schema(
        fields=(
            Field(name="image", dims=(1, side, side + 3), layout="CHW"),
            Field(name="label", dtype="int64", classes=("a", "b")),
        ),
        rows=9,
    )
    node = Node(id="n00000001", type="data.digits", label="data", parameters={})
    document = draw(edits.add_node(Document(), node, schema=schema), node.id)
    from netbuilder.compiler.shapes import ShapeInference

    assert ShapeInference().infer(document).problems == ()


def test_data_that_feeds_a_network_or_was_not_read_gets_none(tmp_path):
    document = begin_with(table(tmp_path / "t.csv", lambda row: row % 2))
    node = next(iter(document.schemas))
    assert "already" in why_not(document, node)
    with pytest.raises(NetbuilderError, match="already"):
        draw(document, node)
    bare = edits.add_node(Document(), Node(id="n1", type="data.table", label="t", parameters={}))
    assert "read" in why_not(bare, "n1")
