"""What the newer layers compute, where torch has no function of the same name, and what their relations say."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netbuilder.compiler.callables import template_function
from netbuilder.compiler.template import plain_values
from netbuilder.layers.catalog import catalog
from netbuilder.layers.spec import names_in
from tests.layers.test_relations import first, of, wrong


def compute(key: str, settings: dict[str, Any] | None = None, **inputs: Tensor) -> Any:
    """Evaluate a layer without weights as its templates say, on real values."""
    spec = catalog()[key]
    values = spec.resolve(settings or {})
    bindings: dict[str, Any] = {**plain_values(spec, values), **inputs}

    def evaluate(template: str) -> Any:
        names = tuple(sorted(name for name in names_in(template) if name in bindings))
        return template_function(template, spec.support, names)(*[bindings[name] for name in names])

    if spec.make_text(values):
        bindings["me"] = evaluate(spec.make_text(values))
    return evaluate(spec.call_text(values))


X = torch.tensor([[-2.0, -0.5, 0.0, 0.5, 2.0]])
T = torch.tensor([[1.0, 0.0, 1.0, 0.0, 1.0]])


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("log_cosh_loss", lambda: torch.log(torch.cosh(X - T)).mean()),
        ("epsilon_insensitive_loss", lambda: ((X - T).abs() - 0.1).clamp(min=0).mean()),
        ("hinge_loss", lambda: (1 - (2 * T - 1) * X).clamp(min=0).mean()),
        ("soft_margin_loss", lambda: F.soft_margin_loss(X, 2 * T - 1)),
        ("cosine_loss", lambda: 1 - (X * T).sum() / (X.norm() * T.norm())),
        ("multilabel_soft_margin_loss", lambda: F.binary_cross_entropy_with_logits(X, T)),
        (
            "binary_focal_loss",
            lambda: (F.binary_cross_entropy_with_logits(X, T, reduction="none") * (T - X.sigmoid()).square()).mean(),
        ),
    ],
)
def test_losses_are_what_their_formulas_say(key: str, wanted: Callable[[], Tensor]) -> None:
    torch.testing.assert_close(compute(key, prediction=X, target=T), wanted())


def test_log_cosh_bears_large_differences() -> None:
    found = compute("log_cosh_loss", prediction=torch.tensor([[1e4, -1e4]]), target=torch.zeros(1, 2))
    torch.testing.assert_close(found, torch.tensor(1e4 - math.log(2)))


def test_dice_is_nothing_for_the_right_region_and_much_for_another() -> None:
    mask = torch.zeros(2, 1, 4, 4)
    mask[:, :, :2] = 1
    sure = 50 * (2 * mask - 1)
    assert compute("dice_loss", prediction=sure, target=mask) < 1e-5
    assert compute("dice_loss", prediction=-sure, target=mask) > 0.9


def test_ctc_takes_the_target_up_to_its_blanks() -> None:
    torch.manual_seed(0)
    scores, target = torch.randn(2, 7, 5), torch.tensor([[1, 2, 3], [4, 0, 0]])
    steps = F.log_softmax(scores, 2).transpose(0, 1)
    wanted = F.ctc_loss(steps, target, torch.tensor([7, 7]), torch.tensor([3, 1]))
    torch.testing.assert_close(compute("ctc_loss", prediction=scores, target=target), wanted)


@pytest.mark.parametrize("pair", [("rfft", "irfft", (2, 3, 8)), ("fft2", "ifft2", (2, 3, 6, 8))])
@pytest.mark.parametrize("norm", ["backward", "ortho", "forward"])
def test_fourier_transforms_undo_each_other(pair: tuple[str, str, tuple[int, ...]], norm: str) -> None:
    there, back, shape = pair
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    spectrum = compute(there, {"norm": norm}, x=x)
    assert spectrum.shape[-1] == 2
    torch.testing.assert_close(compute(back, {"norm": norm}, x=spectrum), x)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_unpooling_puts_numbers_back_where_they_stood(axes: int) -> None:
    x = torch.rand((2, 3, *[4] * axes), generator=torch.Generator().manual_seed(0)) + 1
    pooled, places = compute(f"max_pool_places{axes}d", x=x)
    back = compute(f"max_unpool{axes}d", x=pooled, places=places)
    assert back.shape == x.shape
    assert torch.equal(back[back != 0], x[back != 0])
    assert int((back != 0).sum()) == pooled.numel()


def test_fold_undoes_unfold() -> None:
    x = torch.rand(2, 3, 12, 12)
    assert torch.equal(compute("fold", x=compute("unfold", x=x)), x)


def test_steps_have_the_slope_of_their_smooth_neighbour() -> None:
    for key, values in (("binary_tanh", {-1.0, 1.0}), ("binary_sigmoid", {0.0, 1.0})):
        x = X.clone().requires_grad_()
        y = compute(key, x=x)
        assert set(y.detach().flatten().tolist()) == values
        y.sum().backward()
        assert x.grad is not None
        assert x.grad[0, 0] == 0
        assert x.grad[0, 1] > 0
    assert compute("quantize", {"step": 0.5}, x=torch.tensor([[0.6, -0.3]])).tolist() == [[0.5, -0.5]]


def test_choice_and_mask_take_what_they_say() -> None:
    chosen = compute("where", condition=X > 0, a=X, b=torch.zeros_like(X))
    assert torch.equal(chosen, X.clamp(min=0))
    assert torch.equal(compute("masked_fill", {"value": 9.0}, x=X, where=X < 0), torch.where(X < 0, 9.0, X))


def test_a_spectrogram_shows_a_tone_at_its_frequency() -> None:
    tone = torch.sin(2 * math.pi * torch.arange(64) * 4 / 16).unsqueeze(0)
    assert (compute("spectrogram", {"logarithmic": False}, x=tone)[0].mean(1).argmax()) == 4


def test_cells_make_the_steps_of_the_whole_layer() -> None:
    torch.manual_seed(0)
    layer, cell = nn.GRU(3, 4, batch_first=True), nn.GRUCell(3, 4)
    cell.load_state_dict({name.removesuffix("_l0"): weight for name, weight in layer.state_dict().items()})
    x, state = torch.randn(2, 5, 3), None
    call = template_function(catalog()["gru_cell"].call_text({}), "", ("me", "state", "x"))
    for step in range(5):
        state = call(cell, state, x[:, step])
    torch.testing.assert_close(state, layer(x)[0][:, -1])


# -- what the relations say ----------------------------------------------------------------------------------


def test_an_equation_is_checked_before_it_reaches_torch() -> None:
    assert first("einsum", a=of(5, 8), b=of(8, 4)) is None
    for equation in ("", "ij,jk", "nij,njk->nik;import os", "nii,nij->nj", "nij,njk->nix", "nij,njk->ink", "...a,b->a"):
        assert wrong("einsum", {"equation": equation}, a=of(5, 8), b=of(8, 4)).set == {"equation": "nij,njk->nik"}
    assert wrong("einsum", a=of(5, 8), b=of(7, 4)).expected == "8 entries on the axis j"
    assert wrong("einsum", a=of(5, 8), b=of(7)).port == "b"


def test_operations_name_what_does_not_fit() -> None:
    assert wrong("top_k", {"count": 9}, x=of(4)).set == {"count": 4}
    assert wrong("diff", x=of(1)).expected == "at least two entries on axis -1"
    assert wrong("inverse", x=of(3, 4)).expected == "as many rows as columns"
    assert wrong("cross", a=of(4), b=of(4)).expected == "vectors of 3 numbers on the last axis"
    assert wrong("irfft", x=of(5, 3)).expected == "real and imaginary parts on a last axis of two entries"
    assert wrong("spectrogram", x=of(6)).set == {"window": 11}
    assert wrong("expand", {"axis": 1}, x=of(4, 1)).set == {"axis": 2}
    assert wrong("tile", {"counts": (2,)}, x=of(4, 1)).set == {"counts": (1, 1)}
    assert wrong("windows", {"length": 9}, x=of(5)).set == {"length": 5}
    assert wrong("fold", x=of(30, 9)).expected == "a number of rows that 16 (the window) divides"
    assert wrong("fold", x=of(32, 8)).expected == "9 windows on axis 2 for this output size"


def test_borders_are_no_wider_than_what_they_mirror() -> None:
    assert wrong("reflection_pad1d", {"padding": (5, 1)}, x=of(2, 4)).set == {"padding": (3, 1)}
    assert wrong("circular_pad2d", {"padding": (1, 1, 9, 0)}, x=of(2, 4, 4)).set == {"padding": (1, 1, 4, 0)}
    assert first("replication_pad1d", {"padding": (50, 1)}, x=of(2, 4)) is None


def test_indices_fit_what_they_point_into() -> None:
    assert first("gather", x=of(9, 4), indices=of(3, 4, dtype="int64")) is None
    assert wrong("gather", x=of(9, 4), indices=of(3, 5, dtype="int64")).port == "indices"
    too_many = wrong("gather", x=of(9, 4), indices=of(3, 4, dtype="int64", vocabulary=12))
    assert too_many.expected == "indices below 9"


def test_cells_and_losses_name_the_port_that_is_wrong() -> None:
    assert wrong("gru_cell", {"units": 8}, x=of(3), state=of(5)).set == {"units": 5}
    assert first("gru_cell", {"units": 8}, x=of(3)) is None
    assert wrong("triplet_margin_loss", prediction=of(8), target=of(8), negative=of(7)).port == "negative"
    assert wrong("cosine_embedding_loss", prediction=of(8), target=of(), other=of(7)).port == "other"
    assert wrong("ctc_loss", {"blank": 9}, prediction=of(20, 5), target=of(3, dtype="int64")).set == {"blank": 0}
    assert wrong("ctc_loss", prediction=of(20, 5), target=of(3)).port == "target"
    assert wrong("transformer", source=of(6, 8), target=of(5, 4)).insert == (("linear", {"units": 8}),)
    assert wrong("multilabel_margin_loss", prediction=of(4), target=of(3, dtype="int64")).port == "prediction"


def test_costs_count_every_block_and_gate() -> None:
    spec = catalog()["transformer_encoder"]
    types = {"x": of(6, 8)}
    assert spec.macs is not None
    block = catalog()["transformer_encoder_layer"]
    assert block.macs is not None
    one = block.macs(block.defaults(), types, {})
    assert spec.macs(spec.resolve({"layers": 5}), types, {}) == 5 * one
    cell = catalog()["lstm_cell"]
    assert cell.macs is not None
    assert cell.macs(cell.resolve({"units": 10}), {"x": of(3)}, {}) == 4 * 10 * 13
    product = catalog()["einsum"]
    assert product.macs is not None
    assert product.macs(product.defaults(), {"a": of(5, 8), "b": of(8, 4)}, {}) == 5 * 8 * 4
