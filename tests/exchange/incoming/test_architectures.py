"""Export -> import -> equal outputs, for architectures of the transformers library and for the shipped templates.

The fast run takes one of each kind; `pytest -m slow -s` takes all, and prints what was met and what became of it.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from netbuilder.exchange.incoming.formats import import_file
from netbuilder.project import Project
from netbuilder.templates import list_templates
from tests.exchange.incoming.architectures import ARCHITECTURES, architecture
from tests.exchange.incoming.comparing import TOLERANCE, check_import, difference, larger

SAMPLE = ("distilbert",)


def export(module: nn.Module, inputs: tuple[torch.Tensor, ...], path: Path) -> None:
    """Write a `.pt2` as anybody would."""
    shapes = torch.export.ShapesCollection()
    for each in inputs:
        shapes[each] = {0: torch.export.Dim.AUTO}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(module, inputs, dynamic_shapes=shapes)
        torch.export.save(program, path)


def check_architecture(name: str, folder: Path) -> None:
    module, inputs = architecture(name)
    export(module, inputs, folder / f"{name}.pt2")
    imported = import_file(folder / f"{name}.pt2")
    print(f"\n{name}: {imported.coverage.summary}\n{imported.coverage.table()}")
    assert not imported.coverage.opaque
    built = Project(imported.document, weights=imported.weights).build()
    assert difference(module, built, inputs) <= TOLERANCE
    assert difference(module, built, larger(inputs)) <= TOLERANCE
    assert imported.document.blocks


@pytest.mark.parametrize("name", SAMPLE)
def test_an_architecture_comes_back_the_same(name: str, tmp_path: Path) -> None:
    check_architecture(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_comes_back_the_same(name: str, tmp_path: Path) -> None:
    check_architecture(name, tmp_path)


TEMPLATES = [template.key for template in list_templates()]


def check_template(key: str) -> None:
    project = Project.new(key)
    checked = project.check()
    program = project.program()
    torch.manual_seed(1)
    inputs = []
    for field in program.fields:
        type_ = checked.shapes.types[program.sources[field]]
        sizes = [3, *(size if isinstance(size, int) else 5 for size in type_.dims[1:])]
        whole = torch.randint(0, max(type_.vocabulary, 2), sizes)
        inputs.append(torch.rand(sizes) if type_.is_float else whole)
    again = check_import(project.build(), *inputs)
    weights = sum(parameter.numel() for parameter in project.build().parameters())
    assert sum(parameter.numel() for parameter in again.build().parameters()) == weights


@pytest.mark.parametrize("key", ["digits-residual"])
def test_a_template_comes_back_the_same(key: str) -> None:
    check_template(key)


@pytest.mark.slow
@pytest.mark.parametrize("key", TEMPLATES)
def test_every_template_comes_back_the_same(key: str) -> None:
    check_template(key)
