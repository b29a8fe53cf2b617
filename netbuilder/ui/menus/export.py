"""The Export menu."""

from __future__ import annotations

from netbuilder.exchange.formats import FORMATS
from netbuilder.ui.action_spec import ActionSpec, action, is_drawn

_FORMAT_ENTRIES = (
    ("&Python project", "Ctrl+E"),
    ("&ONNX file", "Ctrl+Shift+E"),
    ("PyTorch pro&gram (.pt2)", "Ctrl+Alt+E"),
    ("&Weights (.safetensors)", "Ctrl+Alt+W"),
)
"""What the menu calls each of `FORMATS`, and its keys."""

EXPORT: tuple[ActionSpec, ...] = (
    *(
        action(
            f"export.{form.key}",
            f"{title}…",
            "E&xport",
            f"exports.{form.key}",
            *keys,
            icon="code" if form.key == "python" else "",
            enabled=is_drawn,
            tip=form.summary,
        )
        for form, (title, *keys) in zip(FORMATS.values(), _FORMAT_ENTRIES, strict=True)
    ),
    action(
        "export.picture",
        "P&icture of the network…",
        "E&xport",
        "exports.picture",
        "Ctrl+Alt+P",
        enabled=is_drawn,
        tip="PNG, SVG or PDF of the whole network",
        line=True,
    ),
)
