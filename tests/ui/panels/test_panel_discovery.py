"""Panels are found by walking the package, cost little to import, and formulas are readable."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from pytestqt.qtbot import QtBot

from netbuilder.layers.catalog import catalog
from netbuilder.ui import panels
from netbuilder.ui.formula import formula_html
from netbuilder.ui.panels import Area
from netbuilder.ui.theme import ThemeController
from netbuilder.ui.workspace import Workspace


def test_every_panel_is_found_once_in_order() -> None:
    found = panels.discover()
    assert [spec.key for spec in found if spec.area is Area.BOTTOM] == [
        "curves",
        "activations",
        "weights",
        "problems",
        "log",
    ]
    assert {spec.key for spec in found} >= {"code", "inspector"}
    shortcuts = [spec.shortcut for spec in found if spec.shortcut]
    assert len(set(shortcuts)) == len(shortcuts)


def test_finding_the_panels_loads_neither_torch_nor_a_plotting_package() -> None:
    text = (
        "import sys; from netbuilder.ui import panels; panels.discover();"
        "print([name for name in ('torch', 'pyqtgraph', 'matplotlib', 'sklearn', 'polars') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("key", [spec.key for spec in panels.discover()])
def test_every_panel_shows_itself_without_document_or_run(
    qtbot: QtBot, workspace: Workspace, themes: ThemeController, key: str
) -> None:
    spec = next(spec for spec in panels.discover() if spec.key == key)
    widget = spec.make(workspace, themes)
    qtbot.addWidget(widget)
    widget.resize(700, 260)
    widget.show()
    qtbot.wait(20)
    assert not widget.grab().toImage().isNull()


@pytest.mark.parametrize("key", [spec.key for spec in catalog() if spec.formula])
def test_every_formula_of_the_catalog_becomes_readable(key: str) -> None:
    shown = formula_html(catalog()[key].formula)
    assert not re.search(r"[\\{}^]|_(?!<)", shown), shown
    assert shown.count("<sub>") == shown.count("</sub>")


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        (r"\frac{1}{1 + e^{-x}}", "1/(1 + e<sup>−x</sup>)"),
        (
            r"\begin{cases} x & x > 0 \\ 0 & \text{else} \end{cases}",
            "x &nbsp; <i>if</i> x &gt; 0<br>0 &nbsp; <i>else</i>",
        ),
        (r"\sqrt{d}", "√d"),
        ("N × 1 → N", "N × 1 → N"),
        (r"\frac{", "/"),
        ("<b>", "&lt;b&gt;"),
    ],
)
def test_formulas(formula: str, shown: str) -> None:
    assert formula_html(formula) == shown
