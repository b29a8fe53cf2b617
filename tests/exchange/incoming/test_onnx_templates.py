"""The shipped templates leave as ONNX and come back: equal outputs, no operator left over; and the terminal's way."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch

from netbuilder.cli import main
from netbuilder.compiler.module import initialize, load_module
from netbuilder.document.files import read_document
from netbuilder.exchange.incoming.formats import import_file
from netbuilder.project import Project
from netbuilder.templates import list_templates
from tests.exchange.incoming.networks import run
from tests.exchange.incoming.onnx_files import layers
from tests.exchange.incoming.test_onnx_catalog import export, outputs

TEMPLATES = tuple(template.key for template in list_templates())


def exported(key: str, path: Path) -> tuple[dict[str, torch.Tensor], list[torch.Tensor], Counter[str]]:
    """Write a template as ONNX; return inputs, what it gives for them, and how many layers of each type it has."""
    project = Project.new(key)
    checked = project.check()
    program = project.program()
    model = load_module(program).new_network()
    initialize(model, program, 0)
    model.eval()
    torch.manual_seed(0)
    shapes = {name: checked.shapes.types[program.sources[name]] for name in program.fields}
    inputs = {
        name: torch.randn(3, *[size if isinstance(size, int) else 6 for size in found.dims[1:]])
        for name, found in shapes.items()
    }
    export(model, inputs, path)
    with torch.no_grad():
        results = outputs(model(**inputs))
    return inputs, results, Counter(node.type for node in checked.document.graph.nodes.values())


@pytest.mark.parametrize("key", TEMPLATES)
def test_a_template_comes_back(key: str, tmp_path: Path):
    inputs, results, before = exported(key, tmp_path / "t.onnx")
    found = import_file(tmp_path / "t.onnx")
    assert not found.coverage.opaque, found.coverage.table()
    for one, other in zip(results, run(found, inputs), strict=True):
        torch.testing.assert_close(other, one, atol=1e-5, rtol=1e-5)
    after = Counter(layers(found))
    for layer in ("linear", "conv2d", "lstm", "relu"):
        assert after[layer] >= before[layer]  # more where a layer is written in pieces: attention


def test_the_terminal_imports_a_file_with_its_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    inputs, results, _ = exported("digits-residual", tmp_path / "t.onnx")
    target = tmp_path / "t.netb"
    assert main(["import", str(tmp_path / "t.onnx"), "-o", str(target), "--weights"]) == 0
    assert "onnx.Conv" in capsys.readouterr().out
    assert read_document(target).graph.nodes
    model = Project.load(target).build().eval()
    with torch.no_grad():
        for one, other in zip(results, outputs(model(**inputs)), strict=True):
            torch.testing.assert_close(other, one, atol=1e-5, rtol=1e-5)
