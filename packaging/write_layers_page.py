"""Write `docs/layers.md` from the catalog: `python packaging/write_layers_page.py`.

The page is never edited by hand; a test compares it with what this script makes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from netbuilder.foundation.declaration import CATEGORIES
from netbuilder.foundation.parameter import Parameter
from netbuilder.layers.about.coverage import COVERED, LEFT_OUT, SONY
from netbuilder.layers.about.deviations import DEVIATIONS
from netbuilder.layers.about.documentation import Documentation, ParameterText, describe_parameter, document
from netbuilder.layers.about.onnx_support import NOT_IN_ONNX
from netbuilder.layers.catalog import catalog
from netbuilder.layers.spec import SCALES, WEIGHTS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "layers.md"

_WEIGHTS = "Settings of weights"


def write_page() -> str:
    """Return the page's text."""
    parts = (_head, _layers, _weights, _deviations, _onnx, _left_out, _sony)
    return "\n".join(line for part in parts for line in part()).rstrip() + "\n"


def _head() -> Iterator[str]:
    yield "# Layers"
    yield ""
    yield f"All {len(catalog())} layers, operations and losses of the palette, by category. This page is made from"
    yield "their declarations by `python packaging/write_layers_page.py`; the inspector shows the same."
    yield ""
    yield "Shapes begin with the batch (N); C is channels, L length, T time, F features, D, H, W depth, height, width."
    yield ""
    yield "A formula without a left side is the output y; that of a loss is one sample's part, which Reduction averages"
    yield "or adds up. In it x is the first input or the prediction, t the target; i and j count along every axis, k is"
    yield "a size, s a stride, d a dilation, p a padding or a probability, and [ ] around a test is true or false."
    yield ""
    yield "A parameter is written as: title (`name`), what it accepts, its default, what it does."
    yield ""
    for category, title in CATEGORIES.items():
        count = sum(spec.category == category for spec in catalog())
        if count:
            yield f"- [{title}](#{_anchor(title)}): {count}"
    yield f"- [{_WEIGHTS}](#{_anchor(_WEIGHTS)})"
    yield "- [Defaults that are not torch's](#defaults-that-are-not-torchs)"
    yield "- [Layers that ONNX cannot express](#layers-that-onnx-cannot-express)"
    yield "- [Left out, and why](#left-out-and-why)"
    yield "- [Sony's components](#sonys-components)"
    yield ""


def _anchor(title: str) -> str:
    return title.casefold().replace(" ", "-").replace("'", "").replace(",", "")


def _layers() -> Iterator[str]:
    for category, title in CATEGORIES.items():
        specs = [spec for spec in catalog() if spec.category == category]
        if specs:
            yield f"## {title}"
            yield ""
        for spec in specs:
            yield from _layer(document(spec))


def _layer(layer: Documentation) -> Iterator[str]:
    yield f"### {layer.title} (`{layer.key}`)"
    yield ""
    yield f"{layer.summary} {layer.help}".replace("<", "&lt;")
    yield ""
    if layer.formula:
        yield from _formula(layer.formula)
    for side, ports in (("In", layer.inputs), ("Out", layer.outputs)):
        for port in ports:
            yield f"- {side} `{port.name}`: {port.facts}"
    for parameter in layer.parameters:
        yield _parameter(parameter)
    if layer.shared:
        yield f"- {', '.join(each.title for each in layer.shared)}: see [{_WEIGHTS}](#{_anchor(_WEIGHTS)})"
    if layer.code:
        yield f"- PyTorch: `{layer.code}`"
    if layer.keywords:
        yield f"- Also found as: {', '.join(layer.keywords)}".replace("<", "&lt;").replace("*", "\\*")
    if layer.reference is not None:
        yield f"- Reference: [{layer.reference.title}]({layer.reference.url})"
    yield ""


def _formula(text: str) -> Iterator[str]:
    """Yield a block that code hosts draw; they forbid `operatorname`, which TeX makes of these two anyway."""
    yield "```math"
    yield re.sub(r"\\operatorname\{(\w+)\}", r"\\mathop{\\mathrm{\1}}", text)
    yield "```"
    yield ""


def _parameter(parameter: ParameterText) -> str:
    text = f"- {parameter.title} (`{parameter.name}`): {parameter.accepted}; default {parameter.default}. "
    return text + parameter.help.replace("<", "&lt;")


def _weights() -> Iterator[str]:
    yield f"## {_WEIGHTS}"
    yield ""
    yield "The last two settings of every layer with weights. The weights of a normalization and other scales have one"
    yield f"number a feature, so that only {_titles(SCALES[0])} suit them."
    yield ""
    for parameter in WEIGHTS:
        yield _parameter(describe_parameter(parameter))
    yield ""


def _titles(parameter: Parameter) -> str:
    *most, last = (choice.title for choice in parameter.choices)
    return f"{', '.join(most)} and {last}"


def _deviations() -> Iterator[str]:
    yield "## Defaults that are not torch's"
    yield ""
    yield "Every other default of a fresh layer is torch's own, wherever torch has one."
    yield ""
    yield "| Layer | Argument | Torch | Here | Why |"
    yield "|---|---|---|---|---|"
    for each in DEVIATIONS:
        layers = ", ".join(catalog()[key].title for key in each.layers)
        yield f"| {layers} | `{each.argument}` | `{each.torch}` | `{each.here}` | {each.why} |"
    yield ""


def _named(key: str) -> str:
    return f"{catalog()[key].title} (`{key}`)"


def _onnx() -> Iterator[str]:
    yield "## Layers that ONNX cannot express"
    yield ""
    able = len(catalog()) - len(NOT_IN_ONNX)
    yield f"{able} of {len(catalog())} layers leave as ONNX with a free batch size, and onnxruntime computes what"
    yield f"PyTorch does. These {len(NOT_IN_ONNX)} do not; a test tries each again, so that the list shrinks."
    yield ""
    yield "| Layer | Why |"
    yield "|---|---|"
    for key, why in NOT_IN_ONNX.items():
        yield f"| {_named(key)} | {why} |"
    yield ""


def _left_out() -> Iterator[str]:
    yield "## Left out, and why"
    yield ""
    yield "Every public class of `torch.nn` has a layer of its name, or stands here."
    yield ""
    yield "| Class | Here |"
    yield "|---|---|"
    rows = {name: f"{_named(key)}. {how}" for name, (key, how) in COVERED.items()} | dict(LEFT_OUT)
    for name, text in sorted(rows.items()):
        yield f"| `{name}` | {text} |"
    yield ""
    yield "Ports carry real numbers, whole numbers and true or false. Complex numbers are left out: the Fourier layers"
    yield "give real and imaginary parts as two entries of a last axis, or only sizes."
    yield ""


def _sony() -> Iterator[str]:
    yield "## Sony's components"
    yield ""
    yield "Every component of Sony's Neural Network Console, with our equivalent or the reason for none."
    yield ""
    yield "| Group | Component | Here |"
    yield "|---|---|---|"
    for group, components in SONY.items():
        for name, text in components.items():
            key, _, how = text.removeprefix("=").partition(" ")
            shown = f"{_named(key)}{'. ' + how if how else ''}" if text.startswith("=") else text
            yield f"| {group} | {name} | {shown} |"


if __name__ == "__main__":
    PAGE.write_text(write_page(), encoding="utf-8")
