"""What PyTorch has and the catalog lacks is named with its reason, and the page of layers is what the catalog says."""

from __future__ import annotations

import importlib.util
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest
from torch import nn

from netbuilder.foundation.declaration import CATEGORIES
from netbuilder.layers.about.coverage import COVERED, LEFT_OUT, SONY
from netbuilder.layers.catalog import catalog

ROOT = Path(__file__).resolve().parents[2]
SONYS = 218
"""How many components Sony's console has, its pretrained pipelines included."""


OPERATIONS = {
    "arithmetic": "add subtract multiply divide pow remainder add_scalar multiply_scalar divide_scalar",
    "comparison and where": "equal not_equal greater greater_equal less less_equal where masked_fill",
    "matmul, einsum": "matmul einsum dot outer",
    "reduce": "sum mean max min prod std var norm median any all argmax argmin log_sum_exp count_nonzero",
    "reshape family": "reshape flatten unflatten permute transpose squeeze unsqueeze expand tile repeat",
    "slice, gather, split, concat, stack": "slice select gather split concat stack windows",
    "pad, interpolate, one-hot": "pad upsample one_hot grid_sample",
    "cumulative": "cumsum cumprod cummax cummin log_cumsum_exp diff",
    "clamp, roll, flip, sort, top-k": "clamp roll flip rot90 sort argsort top_k",
    "attention": "scaled_dot_product_attention multihead_attention",
    "Fourier": "rfft irfft fft2 ifft2",
    "random noise": "random_normal random_uniform random_bernoulli gaussian_noise sample_normal gumbel_softmax",
    "constants, learnable parameters": "constant learned_constant learned_bias layer_scale",
}
"""Operations that people draw -> the layers that make them."""


def page_module() -> ModuleType:
    """Return the script that writes the page."""
    spec = importlib.util.spec_from_file_location("write_layers_page", ROOT / "packaging" / "write_layers_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def unexplained(titles: set[str]) -> list[str]:
    """Return the public classes of torch.nn that have neither a layer of their name nor a word about them."""
    classes = [name for name in dir(nn) if not name.startswith("_") and inspect.isclass(getattr(nn, name))]
    return [name for name in classes if name not in titles | set(COVERED) | set(LEFT_OUT)]


def titles() -> set[str]:
    """Return the names of torch's classes that the catalog's layers carry and construct or call."""
    return {spec.title for spec in catalog()}


def test_every_class_of_torch_is_covered_or_left_out_for_a_reason() -> None:
    assert unexplained(titles()) == []


def test_a_class_without_a_word_would_be_noticed() -> None:
    assert unexplained(titles() - {"Conv2d", "LSTM"}) == ["Conv2d", "LSTM"]


def test_nothing_is_both_here_and_left_out() -> None:
    assert not titles() & {*COVERED, *LEFT_OUT} - {"Parameter"}
    assert not set(COVERED) & set(LEFT_OUT)
    assert all(hasattr(nn, name) for name in {*COVERED, *LEFT_OUT})
    assert all(key in catalog() for key, _ in COVERED.values())
    assert all(len(reason) > 20 and reason.endswith(".") for reason in LEFT_OUT.values())


def test_every_component_of_sony_has_a_layer_or_a_reason() -> None:
    for components in SONY.values():
        for name, text in components.items():
            if text.startswith("="):
                assert text[1:].split(" ")[0] in catalog(), name
            else:
                assert len(text) > 20, name
                assert text.endswith("."), name
    assert sum(map(len, SONY.values())) == SONYS


def test_every_operation_that_people_draw_is_there() -> None:
    assert [key for keys in OPERATIONS.values() for key in keys.split() if key not in catalog()] == []


def test_the_catalog_has_its_size() -> None:
    assert len(catalog()) >= 250


def test_the_page_is_what_the_catalog_says() -> None:
    module = page_module()
    written = module.PAGE.read_text(encoding="utf-8")
    assert written == module.write_page(), "run: python packaging/write_layers_page.py"


def test_the_page_shows_every_layer() -> None:
    text = page_module().write_page()
    for spec in catalog():
        assert f"### {spec.title} (`{spec.key}`)\n" in text
    for category, title in CATEGORIES.items():
        shown = f"## {title}\n" in text
        assert shown == any(spec.category == category for spec in catalog())
    assert len(re.findall(r"^### ", text, re.MULTILINE)) == len(catalog())


@pytest.mark.parametrize("name", ["CHANGELOG.md"])
def test_the_count_of_layers_is_told_rightly(name: str) -> None:
    (count,) = re.findall(r"(\d+) layers, operations and losses", (ROOT / name).read_text(encoding="utf-8"))
    assert int(count) == len(catalog())
