"""The templates: the files equal their descriptions, are sound, look tidy, and train to their marks as they are."""

import importlib.util
import json
import math
import sys
from itertools import combinations
from pathlib import Path

import pytest

from netbuilder.compiler.cost import count_costs
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document.block_files import SUFFIX, read_block
from netbuilder.document.blocks import block_key, is_block
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.foundation.resources import resource, resource_names
from netbuilder.project import Project, Vocabulary
from netbuilder.templates import STARTER, list_templates, open_template
from netbuilder.ui.canvas.content import Content
from netbuilder.ui.canvas.knowing import knowledge_of
from netbuilder.ui.sight import look
from netbuilder.ui.standpoint import Standpoint

_FILE = Path(__file__).resolve().parents[2] / "packaging" / "make_templates.py"
_SPEC = importlib.util.spec_from_file_location("make_templates", _FILE)
make_templates = importlib.util.module_from_spec(_SPEC)
sys.modules["make_templates"] = make_templates
_SPEC.loader.exec_module(make_templates)

RECIPES = {recipe.key: recipe for recipe in make_templates.RECIPES}
MARKS = {
    "digits-mlp": ("accuracy", 0.95),
    "digits-residual": ("accuracy", 0.98),
    "spiral": ("accuracy", 0.97),
    "digits-rows-lstm": ("accuracy", 0.93),
    "diabetes": ("r2", 0.40),
    "breast-cancer": ("accuracy", 0.95),
    "digits-transformer": ("accuracy", 0.95),
}


def test_every_promised_template_is_there():
    assert set(RECIPES) == set(MARKS)
    assert {key: (recipe.metric, recipe.mark) for key, recipe in RECIPES.items()} == MARKS
    assert [template.key for template in list_templates()] == list(RECIPES)
    assert set(resource_names("templates", ".netb")) == {f"templates/{key}.netb" for key in RECIPES}
    assert STARTER == "digits-residual"


def test_the_files_are_what_the_script_makes():
    for path, text in make_templates.files():
        assert path.read_text("utf-8") == text, f"{path.name}: run packaging/make_templates.py"


@pytest.mark.parametrize("key", RECIPES)
def test_a_template_is_sound_and_says_what_it_is(key):
    project = Project.new(key)
    checked = project.check()
    assert checked.problems == ()
    assert checked.document is project.document, "its schemas are up to date"
    assert project.path is None
    about = project.document.about
    recipe = RECIPES[key]
    assert (about.title, about.description, about.template) == (recipe.title, recipe.description, key)


def standpoints(document, at=None):
    """Yield the main graph and the inside of every block in it, at any depth."""
    at = at or Standpoint()
    yield at
    for node in document.scope(at.scope).nodes.values():
        if is_block(node):
            yield from standpoints(document, at.inside(node.id, block_key(node)))


@pytest.mark.parametrize("key", RECIPES)
def test_the_nodes_do_not_overlap_and_data_flows_to_the_right(key, qapp):
    found = open_template(key)
    places = found.layout.places
    graphs = (found.graph, *(block.graph for block in found.blocks.values()))
    assert set(places) == {id for graph in graphs for id in graph.nodes}
    shapes = ShapeInference().infer(found)
    for at in standpoints(found):
        content = Content(Vocabulary(lambda: found))
        sight = look(found, at, shapes, count_costs(found, shapes), [])
        content.show(found, knowledge_of(sight, {}, found.plan), at.scope)
        graph, sizes = content.graph, content.expected_sizes()
        for one, other in combinations(graph.nodes, 2):
            left, right = sorted((one, other), key=lambda id: places[id].x)
            above, below = sorted((one, other), key=lambda id: places[id].y)
            beside = places[left].x + sizes[left][0] + 8 <= places[right].x
            assert beside or places[above].y + sizes[above][1] <= places[below].y, (at, one, other)
        for target, source in graph.edges.items():
            assert places[source.node].x < places[target.node].x


def test_the_marks_shown_are_those_measured():
    entries = json.loads(resource("templates/marks.json").read_text("utf-8"))
    for template in list_templates():
        entry = entries[template.key]
        metric, mark = MARKS[template.key]
        assert entry["metric"] == metric
        assert entry["value"] >= mark
        shown = float(template.mark.removesuffix(" %").removeprefix("R² "))
        assert shown <= entry["value"] * (1 if metric == "r2" else 100)
        assert template.time == f"{math.ceil(entry['seconds'])} s on CPU"
        recipe = RECIPES[template.key]
        described = (template.title, template.subtitle, template.description, template.category)
        assert described == (recipe.title, recipe.subtitle, recipe.description, recipe.category)


def test_a_template_brings_the_shipped_blocks_that_it_is_made_of():
    found = open_template("digits-transformer")
    for node in found.graph.nodes.values():
        if is_block(node):
            shipped = read_block(resource(f"blocks/{block_key(node)}{SUFFIX}"))
            assert shipped.blocks.items() <= found.blocks.items()
            assert shipped.layout.places.items() <= found.layout.places.items()
    assert set(found.blocks) == {
        "patch_embedding",
        "transformer_encoder_block",
        "self_attention",
        "feed_forward",
    }, "and no more"


@pytest.mark.parametrize("key", RECIPES)
def test_a_template_has_a_picture(key):
    from PIL import Image

    with Image.open(resource(f"templates/{key}.png")) as picture:
        picture.load()
        assert picture.size == (456, 216)
        assert len(picture.convert("RGB").getcolors(456 * 216)) > 8, "an empty picture"


@pytest.mark.parametrize("key", RECIPES)
def test_a_template_trains_to_its_mark_with_its_own_settings(key, tmp_path):
    outcome = Project.new(key).train(folder=tmp_path / "run")
    metric, mark = MARKS[key]
    assert outcome.reason == "finished"
    assert outcome.test[metric] >= mark


@pytest.mark.gpu
@pytest.mark.parametrize("key", RECIPES)
def test_a_template_trains_to_its_mark_on_a_gpu(key, tmp_path):
    outcome = Project.new(key).train(folder=tmp_path / "run", device="cuda:0")
    metric, mark = MARKS[key]
    assert outcome.reason == "finished"
    assert outcome.test[metric] >= mark


def test_an_unknown_template_gets_a_suggestion():
    with pytest.raises(NetbuilderError, match="did you mean 'spiral'"):
        open_template("spirals")
