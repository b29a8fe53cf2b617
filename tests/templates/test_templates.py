"""The templates: the files equal their descriptions, are sound, look tidy, and train to their marks as they are."""

import importlib.util
import json
import math
import sys
from pathlib import Path

import pytest

from netbuilder.foundation.problem import NetbuilderError
from netbuilder.foundation.resources import resource, resource_names
from netbuilder.project import Project
from netbuilder.templates import STARTER, list_templates, open_template

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


@pytest.mark.parametrize("key", RECIPES)
def test_the_nodes_do_not_overlap_and_data_flows_to_the_right(key):
    found = open_template(key)
    places = found.layout.places
    assert set(places) == set(found.graph.nodes)
    boxes = list(places.values())
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            assert abs(one.x - other.x) >= 132 + 16 or abs(one.y - other.y) >= 132
    for target, source in found.graph.edges.items():
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
