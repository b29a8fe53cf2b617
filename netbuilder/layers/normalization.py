"""Normalization: activations are brought to a common scale, so that deep networks train faster and more safely."""

from __future__ import annotations

from netbuilder.foundation.parameter import Parameter, Values
from netbuilder.layers.settings import LAYOUTS, elements, flag, number, paper
from netbuilder.layers.spec import SCALES, LayerSpec, Port, Rule, Types

_EPS = number("eps", "Epsilon", 1e-5, "Added to the variance, against division by 0.", 0.0, 1.0, advanced=True)
_AFFINE = flag("affine", "Scale and shift", True, "Learns a factor and an offset for each channel, applied afterwards.")


def _scaled_macs(values: Values, inputs: Types, outputs: Types) -> int:
    return elements(outputs["y"])


def _batch_parameters(default: bool = True) -> tuple[Parameter, ...]:
    return (
        number(
            "momentum",
            "Momentum",
            0.1,
            "How fast the running mean and variance, used after training, follow the batches.",
            0.0,
            1.0,
        ),
        _EPS,
        _AFFINE if default else flag("affine", "Scale and shift", False, _AFFINE.help),
        flag(
            "track_running_stats",
            "Running statistics",
            default,
            "Remembers mean and variance for use after training; otherwise every batch is measured anew.",
            advanced=True,
        ),
        *SCALES,
    )


def _batch(axes: int) -> LayerSpec:
    ranks = (2, 3) if axes == 1 else (axes + 2,)
    layout = "" if axes == 1 else LAYOUTS[axes]
    return LayerSpec(
        key=f"batch_norm{axes}d",
        title=f"BatchNorm{axes}d",
        category="normalization",
        summary="Brings each channel to mean 0 and variance 1 over the batch.",
        help="Measures each channel's mean and variance over the batch, subtracts and divides, then applies a learned "
        "scale and shift. "
        "Networks train faster and bear larger learning rates. In use it takes running averages instead of the "
        "batch's; "
        "batches of a few samples make it noisy, and GroupNorm is better there.",
        formula=r"y = \gamma \frac{x - \mu_{\text{batch}}}{\sqrt{\sigma_{\text{batch}}^2 + \epsilon}} + \beta",
        reference=paper("Batch Normalization (Ioffe & Szegedy, 2015)", "1502.03167"),
        keywords=("bn", "norm", "normalize", "standardize"),
        parameters=_batch_parameters(),
        inputs=(Port(name="x", ranks=ranks, layout=layout, help="Channels on axis 1."),),
        outputs=(Port(name="y", ranks=ranks, layout=layout),),
        make=f"nn.BatchNorm{axes}d(num_features, eps=eps, momentum=momentum, affine=affine, "
        "track_running_stats=track_running_stats)",
        derived={"num_features": ("x", 1)},
        shape=Rule.SAME,
        weights=("weight",),
        macs=_scaled_macs,
    )


BATCH = tuple(_batch(axes) for axes in (1, 2, 3))
