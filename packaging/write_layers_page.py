"""Write `docs/layers.md` from the catalog: `python packaging/write_layers_page.py`.

The page is never edited by hand; a test compares it with what this script makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from netbuilder.foundation.declaration import CATEGORIES
from netbuilder.foundation.parameter import Kind, Parameter
from netbuilder.layers.catalog import catalog
from netbuilder.layers.coverage import COVERED, LEFT_OUT, SONY
from netbuilder.layers.spec import LayerSpec, Port

PAGE = Path(__file__).resolve().parent.parent / "docs" / "layers.md"

_KINDS = {
    Kind.INT: "whole number",
    Kind.FLOAT: "number",
    Kind.BOOL: "yes or no",
    Kind.TEXT: "text",
    Kind.INTS: "whole numbers",
    Kind.CODE: "Python code",
}


def write_page() -> str:
    """Return the page's text."""
    return "\n".join([*_head(), *_layers(), *_left_out(), *_sony()]).rstrip() + "\n"


def _head() -> Iterator[str]:
    yield "# Layers"
    yield ""
    yield f"All {len(catalog())} layers, operations and losses of the palette, by category. This page is made from"
    yield "their declarations by `python packaging/write_layers_page.py`; the inspector shows the same."
    yield "Shapes begin with the batch (N). A parameter is written as: title (`name`), what it accepts, its default."
    yield ""
    for category, title in CATEGORIES.items():
        count = sum(spec.category == category for spec in catalog())
        if count:
            yield f"- [{title}](#{_anchor(title)}): {count}"
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
            yield from _layer(spec)


def _layer(spec: LayerSpec) -> Iterator[str]:
    values = spec.defaults()
    yield f"### {spec.title} (`{spec.key}`)"
    yield ""
    yield f"{spec.summary} {spec.help}".replace("<", "&lt;")
    yield ""
    if spec.formula:
        yield f"- Formula: `{spec.formula}`"
    inputs, outputs = spec.input_ports(values), spec.output_ports(values)
    if inputs:
        yield f"- In: {'; '.join(map(_port, inputs))}"
    if outputs:
        yield f"- Out: {'; '.join(map(_port, outputs))}"
    for parameter in spec.parameters:
        yield f"- {_parameter(parameter)}"
    code = spec.make_text(values) or spec.call_text(values)
    if code:
        yield f"- PyTorch: `{code}`"
    if spec.reference is not None:
        yield f"- Reference: [{spec.reference.title}]({spec.reference.url})"
    yield ""


def _port(port: Port) -> str:
    facts = [str(port.dtype)]
    if port.layout:
        facts.append(port.layout)
    elif port.ranks:
        facts.append(f"{' or '.join(map(str, port.ranks))} axes")
    if port.optional:
        facts.append("optional")
    return f"`{port.name}` ({', '.join(facts)})"


def _parameter(parameter: Parameter) -> str:
    return f"{parameter.title} (`{parameter.name}`): {_accepted(parameter)}; default {_default(parameter)}"


def _accepted(parameter: Parameter) -> str:
    if parameter.kind is Kind.CHOICE:
        return "one of " + ", ".join(choice.title for choice in parameter.choices)
    words = _KINDS[parameter.kind]
    if parameter.kind is Kind.INTS and parameter.length:
        words = f"{parameter.length} {words}" if parameter.length > 1 else "1 whole number"
    low, high = parameter.minimum, parameter.maximum
    if low is not None and high is not None:
        words += f" from {_shown(low)} to {_shown(high)}"
    elif low is not None:
        words += f" of at least {_shown(low)}"
    elif high is not None:
        words += f" of at most {_shown(high)}"
    return words + (f", or {parameter.none_title}" if parameter.optional else "")


def _shown(limit: float) -> str:
    return f"{int(limit):,}" if limit == int(limit) else f"{limit:g}"


def _default(parameter: Parameter) -> str:
    value = parameter.default
    if value is None:
        return parameter.none_title
    if parameter.kind is Kind.CHOICE:
        return next(choice.title for choice in parameter.choices if choice.value == value)
    if parameter.kind is Kind.CODE:
        return "an example"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, str):
        return f"`{value}`" if value else "empty"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _named(key: str) -> str:
    return f"{catalog()[key].title} (`{key}`)"


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
