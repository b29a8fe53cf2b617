"""Which layers cannot leave as ONNX, and why; `docs/layers.md` counts them.

A test exports every layer of the catalog and compares onnxruntime with torch: a layer that is not named here must
agree, and one that is named must not, so that the table shrinks as soon as torch learns more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NOT_IN_ONNX: Final[Mapping[str, str]] = {}
"""Layer's key -> why torch's exporter or onnxruntime does not compute the same."""
