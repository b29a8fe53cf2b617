from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netbuilder.compiler import formulas
from netbuilder.compiler.formulas import Formulas

Shapes = list[tuple[tuple[int, ...], torch.dtype]]

VALID: list[tuple[str, Callable[..., Any], tuple[tuple[int, ...], ...]]] = [
    ("linear", F.linear, ((2, 5, 3), (4, 3), (4,))),
    ("linear_bare", F.linear, ((3,), (4, 3))),
    ("mm", torch.mm, ((2, 3), (3, 4))),
    ("addmm", torch.addmm, ((4,), (2, 3), (3, 4))),
    ("bmm", torch.bmm, ((2, 3, 4), (2, 4, 5))),
    ("matmul", torch.matmul, ((6, 1, 3, 4), (5, 4, 2))),
    ("conv1d", lambda x, w: F.conv1d(x, w, stride=2, padding=1, dilation=3), ((2, 3, 17), (4, 3, 5))),
    ("conv2d", lambda x, w, b: F.conv2d(x, w, b, (2, 1), (1, 0), (1, 2), 2), ((2, 4, 9, 8), (6, 2, 3, 3), (6,))),
    ("conv2d_same", lambda x, w: F.conv2d(x, w, padding="same"), ((2, 4, 9, 8), (6, 4, 3, 5))),
    ("conv2d_even", lambda x, w: F.conv2d(x, w, padding="valid"), ((2, 4, 9, 8), (6, 4, 2, 4))),
    ("conv3d", F.conv3d, ((2, 1, 5, 6, 7), (3, 1, 2, 3, 4))),
    ("conv_transpose1d", lambda x, w: F.conv_transpose1d(x, w, stride=3, output_padding=2), ((2, 3, 5), (3, 4, 4))),
    (
        "conv_transpose2d",
        lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1, 1, 2, 2),
        ((2, 4, 5, 6), (4, 3, 3, 3), (6,)),
    ),
    ("max_pool1d", lambda x: F.max_pool1d(x, 3, 2, 1), ((2, 3, 10),)),
    ("max_pool2d", lambda x: F.max_pool2d(x, (3, 2), (1, 2), (1, 0), (2, 1)), ((2, 3, 10, 9),)),
    ("max_pool2d_ceil", lambda x: F.max_pool2d(x, 2, ceil_mode=True), ((2, 3, 7, 9),)),
    ("max_pool3d", lambda x: F.max_pool3d(x, 2), ((2, 3, 6, 7, 8),)),
    ("avg_pool1d", lambda x: F.avg_pool1d(x, 2), ((2, 3, 9),)),
    ("avg_pool2d", lambda x: F.avg_pool2d(x, 3, 2, 1), ((2, 3, 9, 8),)),
    ("avg_pool3d", lambda x: F.avg_pool3d(x, 2, divisor_override=3), ((2, 3, 6, 7, 8),)),
    ("avg_pool3d_plain", lambda x: F.avg_pool3d(x, 2), ((2, 3, 6, 7, 8),)),
    ("mean", lambda x: x.mean((1, -1), keepdim=True), ((2, 3, 4),)),
    ("mean_dtype", lambda x: x.mean(1, dtype=torch.float64), ((2, 3, 4),)),
    ("sum", lambda x: x.sum(1), ((2, 3, 4),)),
    ("sum_all", lambda x: x.sum(()), ((2, 3, 4),)),
    ("amax", lambda x: x.amax(-2), ((2, 3, 4),)),
    ("amin", lambda x: x.amin((0, 1)), ((2, 3, 4),)),
    ("cat", lambda *x: torch.cat(x, -1), ((2, 3), (2, 4), (2, 1))),
    ("cat_empty", lambda *x: torch.cat(x, 1), ((0,), (2, 4))),
    ("stack", lambda *x: torch.stack(x, -1), ((2, 3), (2, 3))),
    ("add", lambda a, b: torch.add(a, b, alpha=2), ((2, 1, 3), (4, 1))),
    ("sub", torch.sub, ((2, 3), (3,))),
    ("mul", torch.mul, ((2, 3), ())),
    ("mul_number", lambda x: x * 2, ((2, 3),)),
    ("div", torch.div, ((1, 3), (2, 1))),
    ("maximum", torch.maximum, ((2, 3), (2, 3))),
    ("minimum", torch.minimum, ((2, 3), (2, 3))),
    ("mixed", lambda a, b: a + b.long(), ((2, 3), (2, 3))),
    ("whole", lambda a: a.long() / a.long(), ((2, 3),)),
    ("pow", lambda x: x**2, ((2, 3),)),
    ("softmax", lambda q: F.scaled_dot_product_attention(q, q, q), ((2, 4, 5, 6),)),
    ("dropout", lambda x: F.dropout(x, 0.5, True), ((2, 3),)),
    ("embedding", lambda w: F.embedding(torch.empty(3, 4, dtype=torch.int64, device=w.device), w), ((9, 5),)),
    ("arange", lambda x: torch.arange(1, 12, 3, device=x.device), ((1,),)),
    ("arange_start", lambda x: torch.arange(3, 9, device=x.device), ((1,),)),
    ("arange_floats", lambda x: torch.arange(4, dtype=x.dtype, device=x.device), ((1,),)),
    ("arange_steps", lambda x: torch.arange(0, 1, 0.25, device=x.device), ((1,),)),
    ("randn", lambda x: torch.randn(2, 3, device=x.device, dtype=torch.float64), ((1,),)),
    ("functions", lambda x: x.relu().abs().sign().exp().sin().cos(), ((2, 3),)),
]

INVALID: list[tuple[str, Callable[..., Any], tuple[tuple[int, ...], ...]]] = [
    ("linear", F.linear, ((2, 5), (4, 3))),
    ("linear_bias", F.linear, ((2, 3), (4, 3), (5,))),
    ("mm", torch.mm, ((2, 3), (4, 5))),
    ("bmm", torch.bmm, ((2, 3, 4), (3, 4, 5))),
    ("matmul", torch.matmul, ((2, 3, 4), (3, 4, 5))),
    ("conv2d_channels", F.conv2d, ((2, 4, 9, 9), (6, 3, 3, 3))),
    ("conv2d_small", F.conv2d, ((2, 3, 2, 2), (6, 3, 3, 3))),
    ("max_pool2d_small", lambda x: F.max_pool2d(x, 5), ((2, 3, 4, 4),)),
    ("max_pool2d_padding", lambda x: F.max_pool2d(x, 2, padding=2), ((2, 3, 4, 4),)),
    ("avg_pool2d_stride", lambda x: F.avg_pool2d(x, 2, 0), ((2, 3, 4, 4),)),
    ("mean_axis", lambda x: x.mean(3), ((2, 3),)),
    ("mean_twice", lambda x: x.mean((1, -1)), ((2, 3),)),
    ("mean_whole", lambda x: x.long().mean(1), ((2, 3),)),
    ("cat", lambda *x: torch.cat(x, 1), ((2, 3), (3, 3))),
    ("stack", lambda *x: torch.stack(x), ((2, 3), (2, 4))),
    ("add", torch.add, ((2, 3), (4,))),
]


def tensors(shapes: tuple[tuple[int, ...], ...]) -> list[Tensor]:
    return [torch.empty(shape, device="meta") for shape in shapes]


def shapes_of(result: Any) -> Shapes:
    results = result if isinstance(result, tuple) else (result,)
    return [(tuple(each.shape), each.dtype) for each in results if isinstance(each, Tensor)]


@torch.inference_mode()
def with_formulas(call: Callable[..., Any], shapes: tuple[tuple[int, ...], ...]) -> Shapes:
    with Formulas():
        return shapes_of(call(*tensors(shapes)))


@pytest.mark.parametrize(("call", "shapes"), [each[1:] for each in VALID], ids=[each[0] for each in VALID])
def test_formulas_say_what_torch_says(call: Callable[..., Any], shapes: tuple[tuple[int, ...], ...]) -> None:
    assert with_formulas(call, shapes) == shapes_of(call(*tensors(shapes)))


@pytest.mark.parametrize(("call", "shapes"), [each[1:] for each in INVALID], ids=[each[0] for each in INVALID])
def test_what_torch_refuses_is_refused(call: Callable[..., Any], shapes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises((RuntimeError, IndexError)):
        call(*tensors(shapes))
    with pytest.raises((RuntimeError, IndexError)):
        with_formulas(call, shapes)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize(("layers", "both", "bias"), [(1, False, True), (2, True, False), (3, True, True)])
def test_recurrent_layers(kind: type[nn.RNNBase], layers: int, both: bool, bias: bool) -> None:
    layer = kind(3, 4, num_layers=layers, bidirectional=both, bias=bias, batch_first=True)
    real = layer(torch.zeros(2, 5, 3))
    with torch.inference_mode(), Formulas():
        found = layer.to("meta")(torch.empty(2, 5, 3, device="meta"))
    assert shapes_of(found[0]) == shapes_of(real[0])
    assert shapes_of(found[1]) == shapes_of(real[1])


def test_every_formula_was_used_above(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: cases that fell through to torch would agree with it for nothing."""
    used = set()

    def watched(operation: Any, formula: Callable[..., Any]) -> Callable[..., Any]:
        def watch(*args: Any, **options: Any) -> Any:
            result = formula(*args, **options)
            if result is not None:
                used.add(operation)
            return result

        return watch

    watching = {operation: watched(operation, formula) for operation, formula in formulas._FORMULAS.items()}
    monkeypatch.setattr(formulas, "_FORMULAS", watching)
    for _, call, shapes in VALID:
        with_formulas(call, shapes)
    for kind in (nn.LSTM, nn.GRU, nn.RNN, lambda *sizes: nn.RNN(*sizes, nonlinearity="relu")):
        with torch.no_grad(), torch.device("meta"), Formulas():
            layer = kind(3, 4)
            nn.init.normal_(layer.weight_hh_l0)
        with torch.inference_mode(), Formulas():
            layer(torch.empty(5, 2, 3, device="meta"))
    assert watching.keys() - used == set()


def test_the_templates_need_neither_sympy_nor_torch_s_compiler() -> None:
    code = (
        "import sys\n"
        "from netbuilder.compiler.meta import warm_up\n"
        "from netbuilder.compiler.program import write_program\n"
        "from netbuilder.compiler.shapes import ShapeInference\n"
        "from netbuilder.templates import list_templates, open_template\n"
        "warm_up()\n"
        "for template in list_templates():\n"
        "    document = open_template(template.key)\n"
        "    shapes = ShapeInference().infer(document)\n"
        "    assert not shapes.problems and not shapes.pending\n"
        "    write_program(document, shapes)\n"
        "print([name for name in ('torch', 'sympy', 'torch._dynamo') if name in sys.modules])\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "['torch']"
