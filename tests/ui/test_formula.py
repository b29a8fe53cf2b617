"""Formulas: every one that is declared is read, laid out within an inspector and drawn, and mistakes are found."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QGuiApplication, QImage
from pytestqt.qtbot import QtBot

from netbuilder.data import sources
from netbuilder.foundation.declaration import Declaration
from netbuilder.layers.catalog import catalog
from netbuilder.training import optimizers, schedules
from netbuilder.ui.formula.box import SMALLEST
from netbuilder.ui.formula.latex import FormulaError, Symbol, read_formula
from netbuilder.ui.formula.lines import lay_out_lines
from netbuilder.ui.formula.speech import spoken
from netbuilder.ui.formula.typesetting import lay_out
from netbuilder.ui.formula.view import FormulaView

NARROW = 240
"""The width that the narrowest inspector leaves for a formula, in pixels."""


def declared() -> list[Declaration]:
    """Return everything that has a formula."""
    registries = (catalog(), sources.registry(), optimizers.registry(), schedules.registry())
    return [each for registry in registries for each in registry if each.formula]


def inked(image: QImage) -> list[tuple[int, int]]:
    """Return the points that differ from the corner's colour."""
    empty = image.pixel(image.width() - 1, image.height() - 1)
    return [(x, y) for x in range(image.width()) for y in range(image.height()) if image.pixel(x, y) != empty]


def test_all_declarations_have_readable_formulas() -> None:
    assert len(declared()) > 300
    for each in declared():
        said = spoken(read_formula(each.formula))
        assert said, each.key
        assert not set(said) & set("\\{}&$"), (each.key, said)


def test_all_formulas_fit_the_inspector_in_letters_that_can_be_read(qapp: QGuiApplication) -> None:
    for each in declared():
        row = read_formula(each.formula)
        assert lay_out_lines(row, 15, NARROW).width <= NARROW, each.key
        assert lay_out_lines(row, 11, NARROW).width <= NARROW, each.key


def test_a_formula_is_drawn_within_its_widget(qtbot: QtBot) -> None:
    for key in ("sigmoid", "lstm", "layer_norm", "multihead_attention", "lp_pool2d", "huber_loss", "std", "selu"):
        view = FormulaView(catalog()[key].formula)
        qtbot.addWidget(view)
        view.resize(NARROW, view.heightForWidth(NARROW))
        points = inked(view.grab().toImage())
        assert len(points) > 100, key
        assert min(y for _, y in points) >= 1, key
        assert max(y for _, y in points) <= view.height() - 1, key
        assert max(x for x, _ in points) < NARROW, key


def test_a_narrower_view_is_higher(qtbot: QtBot) -> None:
    view = FormulaView(catalog()["positional_encoding"].formula)
    qtbot.addWidget(view)
    assert view.heightForWidth(150) > view.heightForWidth(800)
    assert view.accessibleName().startswith("y_(t,2i) = x_(t,2i) + sin")


def test_its_menu_copies_the_source(qtbot: QtBot) -> None:
    view = FormulaView(r"\frac{1}{x}")
    qtbot.addWidget(view)
    (action,) = view.actions()
    action.trigger()
    assert QGuiApplication.clipboard().text() == r"\frac{1}{x}"


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        (r"\frac{1}{1 + e^{-x}}", "1/(1 + e^(−x))"),
        (r"\begin{cases} x & \text{if } x > 0 \\ 0 & \text{else} \end{cases}", "x, if x > 0; 0, else"),
        (r"\sqrt{d}", "√d"),
        (r"N \times 1 \to N", "N × 1 → N"),
        (r"h' = \tanh(W x)", "h′ = tanh (Wx)"),
        (r"\sum_{j \le i} x_j^2", "∑_(j ≤ i) x_j^2"),
        (r"\left\lfloor \hat{x} \right\rfloor", "⌊hat(x)⌋"),
        (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", "a = b; c = d"),
        (r"\begin{matrix} 1 & 0 \\ 0 & 1 \end{matrix}", "1 0; 0 1"),
        (r"-a - (-b)", "−a − (−b)"),
    ],
)
def test_formulas_are_said_in_words(formula: str, said: str) -> None:
    assert spoken(read_formula(formula)) == said


@pytest.mark.parametrize(
    "formula",
    [
        r"\frac{",
        r"\frac{1}",
        r"\nosuch",
        r"x_1_2",
        r"a } b",
        r"\left( x",
        r"\left x \right)",
        r"\begin{cases} x",
        r"\begin{cases} x \end{aligned}",
        r"\begin{nosuch} x \end{nosuch}",
        "a & b",
        "x → y",
        "x^",
        r"\text{no end",
    ],
)
def test_what_is_not_known_is_a_mistake(formula: str) -> None:
    with pytest.raises(FormulaError):
        read_formula(formula)


def test_signs_have_room_only_between_two_things(qapp: QGuiApplication) -> None:
    minus, x = Symbol("−"), Symbol("x", italic=True)
    bare = lay_out(minus, 15).width + lay_out(x, 15).width
    assert lay_out(read_formula("-x"), 15).width == pytest.approx(bare)
    assert lay_out(read_formula("x-x"), 15).width > bare + lay_out(x, 15).width + 5


def test_brackets_grow_with_what_they_hold(qapp: QGuiApplication) -> None:
    small, large = (lay_out(read_formula(rf"\left( {body} \right)"), 15) for body in ("x", r"\frac{x}{y}"))
    assert large.height > small.height * 1.3


def test_letters_stay_readable(qapp: QGuiApplication) -> None:
    towers = lay_out(read_formula("x^{x^{x^{x^x}}}"), SMALLEST)
    assert towers.height < 10 * SMALLEST
    wide = read_formula("x" * 200)
    assert lay_out_lines(wide, 15, 50).width > 50, "one piece cannot be broken; it keeps the smallest letters"
