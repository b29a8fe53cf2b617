"""Which layers cannot leave as ONNX, and why; `docs/layers.md` counts them.

A test exports every layer of the catalog and compares onnxruntime with torch: a layer that is not named here must
agree, and one that is named must not, so that the table shrinks as soon as torch learns more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_NO_OPERATOR = "ONNX has no such operator, and torch's exporter does not make it of others."
_DRAWN = "It draws numbers, and no two programs draw the same ones."

NOT_IN_ONNX: Final[Mapping[str, str]] = {
    "rrelu": "Torch's exporter does not know it; in use it is LeakyReLU with the mean of both slopes.",
    "lgamma": _NO_OPERATOR,
    "inverse": _NO_OPERATOR,
    "pseudo_inverse": _NO_OPERATOR,
    "log_determinant": _NO_OPERATOR,
    "matrix_exp": _NO_OPERATOR,
    "cdist": "Torch's exporter does not know it; Subtract and Norm make it.",
    "hypot": "Torch's exporter does not know it; Square, Add and Sqrt make it.",
    "median": "Torch's exporter does not know it; Sort and Select make it.",
    "cumprod": _NO_OPERATOR,
    "cummax": _NO_OPERATOR,
    "cummin": _NO_OPERATOR,
    "gaussian_nll_loss": "It looks at the variances while it runs, to refuse negative ones, which cannot be traced.",
    "ctc_loss": "It takes the targets apart by their lengths, sizes that depend on values.",
    "random_normal": _DRAWN,
    "random_uniform": _DRAWN,
    "random_bernoulli": _DRAWN,
    "sample_normal": _DRAWN,
    "gumbel_softmax": _DRAWN,
    "fractional_max_pool2d": _DRAWN,
    "fractional_max_pool3d": _DRAWN,
}
"""Layer's key -> why torch's exporter or onnxruntime does not compute the same."""
