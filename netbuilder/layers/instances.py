"""Instances of blocks as layers: the declaration that a definition amounts to, in the catalog's own form.

Palette, faces, forms and searches ask for a node's declaration and need to know nothing of blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from netbuilder.document.blocks import BLOCK, REPEAT, signature
from netbuilder.document.expressions import is_expression, text_of
from netbuilder.document.model import Definition
from netbuilder.foundation.brief import in_words
from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.parameter import Parameter, Values
from netbuilder.layers.settings import times
from netbuilder.layers.spec import Dtype, LayerSpec, Port

CATEGORY: Final = "block"

_SHOWN: Final = 2
"""How many parameters stand on an instance's face."""


def spec_of(definition: Definition, key: str = "") -> LayerSpec:
    """Return what the instances of a definition are.

    Args:
        definition: The block.
        key: The declaration's key; "" takes the type of instances.
    """
    key = key or BLOCK + definition.key
    known = _specs.get(key)
    if known is not None and known[0] is definition:
        return known[1]
    declared = signature(definition)
    lines = definition.description.strip()
    spec = LayerSpec(
        key=key,
        title=definition.title,
        category=CATEGORY,
        summary=lines.partition(". ")[0].rstrip(".") + "." if lines else "",
        help=lines or "A block of this project. Double-click it to see what is in it.",
        reference=_reference(definition.reference),
        keywords=tuple(dict.fromkeys(("block", definition.key.replace("_", " ")))),
        parameters=declared.parameters,
        inputs=tuple(Port(name=name, dtype=Dtype.ANY) for name in declared.inputs),
        outputs=tuple(Port(name=name, dtype=Dtype.ANY) for name in declared.outputs),
        call="",
        brief=lambda values: _brief(declared.parameters, values),
    )
    if len(_specs) >= _MOST:
        _specs.clear()
    _specs[key] = definition, spec
    return spec


_specs: Final[dict[str, tuple[Definition, LayerSpec]]] = {}
_MOST: Final = 2_000


def _brief(parameters: Sequence[Parameter], values: Values) -> str:
    """Return the first parameters and how often the block is repeated: "filters 64 · ×3"."""
    own = [each for each in parameters if each.name != REPEAT]
    words = [f"{each.name} {_text(values, each.name)}" for each in own[:_SHOWN]]
    repeat = values[REPEAT]
    return " · ".join([*words, *([f"×{_text(values, REPEAT)}"] if repeat != 1 else [])])


def _text(values: Values, name: str) -> str:
    value = values[name]
    if is_expression(value):
        return text_of(value)
    if isinstance(value, bool):
        return in_words(values, name, "on" if value else "off")
    return times(value) if isinstance(value, tuple) else str(value)


def _reference(text: str) -> Reference | None:
    if not text:
        return None
    return Reference(title=text, url=text if text.startswith(("https://", "http://")) else "")
