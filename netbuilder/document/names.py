"""Names in code: labels that are identifiers, unique in their graph, and no name that the generated text needs."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Collection, Container
from operator import attrgetter
from typing import Final

from netbuilder.document.model import Graph
from netbuilder.foundation.limits import KEY_LENGTH

_MODULE: Final = frozenset(
    """
    add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval
    extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict
    modules mtia named_buffers named_children named_modules named_parameters parameters register_backward_hook
    register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook
    register_full_backward_pre_hook register_load_state_dict_post_hook register_load_state_dict_pre_hook
    register_module register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_
    set_extra_state set_submodule share_memory state_dict to to_empty train training type xpu zero_grad
    """.split()  # noqa: SIM905 (one name a line would be a page)
)
"""What `torch.nn.Module` has; a layer of that name would hide it. A test compares the list with torch's own."""

_BUILTINS: Final = frozenset(
    """
    abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod compile complex
    copyright credits delattr dict dir divmod enumerate eval exec exit filter float format frozenset getattr
    globals hasattr hash help hex id input int isinstance issubclass iter len license list locals map max
    memoryview min next object oct open ord pow print property quit range repr reversed round set setattr slice
    sorted staticmethod str sum super tuple type vars zip
    """.split()  # noqa: SIM905 (one name a line would be a page)
)
"""Python's built-in names, of every version from 3.11 on: fixed, so that a file is as good on one as on another."""

_KEYWORDS: Final = frozenset(word.lower() for word in [*keyword.kwlist, *keyword.softkwlist, "async", "await"])

RESERVED: Final = _MODULE | _BUILTINS | _KEYWORDS | {"self", "cls", "torch", "nn", "f", "math"}
"""Names that no label may take."""

_LABEL: Final = re.compile(r"[a-z][a-z0-9_]*\Z")
_WORD_STARTS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[A-Z]{2})(?=[A-Z][a-z])")
_OTHER: Final = re.compile(r"[^a-z0-9]+")


def is_label(text: str) -> bool:
    """Return whether `text` can stand as a node's label: ASCII snake_case, not reserved, of bounded length."""
    return len(text) <= KEY_LENGTH and _LABEL.match(text) is not None and text not in RESERVED


def identifier(text: str) -> str:
    """Turn any text into a legal label: "Conv 2D" -> "conv_2d", "LeakyReLU" -> "leaky_relu", "input" -> "input_1".

    A text that is a legal label already is returned unchanged.
    """
    if is_label(text):
        return text
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = _OTHER.sub("_", _WORD_STARTS.sub("_", plain).lower()).strip("_")[: KEY_LENGTH - 8].rstrip("_")
    if not words:
        return "node"
    if words[0].isdigit():
        words = "layer_" + words
    return words if is_label(words) else f"{words}_1"


def unique_label(graph: Graph, wish: str, besides: Collection[str] = ()) -> str:
    """Return a label like `wish` that no node of `graph` has.

    Args:
        graph: Where it must be unique.
        wish: Any text.
        besides: Ids of nodes whose labels do not count (the one being renamed).

    Returns:
        The wish as an identifier, numbered when it is taken: "conv" -> "conv_2" -> "conv_3".
    """
    nodes = graph.nodes.values()
    others = [node for node in nodes if node.id not in besides] if besides else nodes
    return free_label(set(map(attrgetter("label"), others)), wish)


def free_label(taken: Container[str], wish: str, last: dict[str, int] | None = None) -> str:
    """Return a label like `wish` that is not among those `taken`.

    Args:
        taken: Labels that are in use.
        wish: Any text.
        last: Base -> the last number given, kept from call to call where many labels are made; or None.
    """
    label = identifier(wish)
    if label not in taken:
        return label
    stem, separator, digits = label.rpartition("_")
    numbered = bool(separator) and digits.isdigit() and len(digits) < 7
    base, number = (stem, int(digits)) if numbered else (label[: KEY_LENGTH - 8].rstrip("_"), 1)
    last = {} if last is None else last
    number = max(number, last.get(base, 0))
    while (label := f"{base}_{number + 1}") in taken:
        number += 1
    last[base] = number + 1
    return label
