"""Normalization: activations are brought to a common scale, so that deep networks train faster and more safely."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Literal

from netbuilder.foundation.parameter import Parameter, Values
from netbuilder.layers import relations
from netbuilder.layers.settings import LAYOUTS, choice, elements, flag, number, paper, torch_docs, whole
from netbuilder.layers.spec import SCALES, LayerSpec, Mismatch, Port, Rule, Types

_EPS = number("eps", "Epsilon", 1e-5, "Added to the variance, against division by 0.", 1e-12, 1.0, advanced=True)
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


def _many_places(values: Values, inputs: Types) -> Iterator[Mismatch]:
    found = inputs["x"]
    places = [size for size in found.dims[2:] if isinstance(size, int)]
    if len(places) == found.rank - 2 and prod(places) == 1:
        yield relations.expects("x", "more than one place a channel, to measure a spread", found)


def _instance(axes: int) -> LayerSpec:
    return LayerSpec(
        key=f"instance_norm{axes}d",
        title=f"InstanceNorm{axes}d",
        category="normalization",
        summary="Brings each channel of each sample to mean 0 and variance 1.",
        help="Normalizes every channel of every sample by itself, so that brightness and contrast do not matter. "
        "Style transfer and other networks that make pictures use it; a classifier may miss what it removes.",
        formula=r"y = \frac{x - \mu_{n,c}}{\sqrt{\sigma_{n,c}^2 + \epsilon}}",
        reference=paper("Instance Normalization (Ulyanov et al., 2016)", "1607.08022"),
        keywords=("norm", "normalize", "style transfer", "contrast"),
        parameters=_batch_parameters(False),
        inputs=(Port(name="x", ranks=(axes + 2,), layout=LAYOUTS[axes], help="Channels on axis 1."),),
        outputs=(Port(name="y", ranks=(axes + 2,), layout=LAYOUTS[axes]),),
        make=f"nn.InstanceNorm{axes}d(num_features, eps=eps, momentum=momentum, affine=affine, "
        "track_running_stats=track_running_stats)",
        derived={"num_features": ("x", 1)},
        shape=Rule.SAME,
        checks=(_many_places,),
        weights=("weight",),
        macs=_scaled_macs,
    )


INSTANCE = tuple(_instance(axes) for axes in (1, 2, 3))

_LAST_AXES = whole("axes", "Axes", 1, "How many of the last axes are normalized together.", maximum=3, advanced=True)
_ELEMENTWISE = flag("elementwise_affine", "Scale", True, "Learns a factor for each feature, applied afterwards.")


def _normalized_shape(values: Values) -> str:
    """Write the normalized shape from derived sizes: `features`, or a tuple of the last axes."""
    names = ("features", "before", "first")[: values["axes"]]
    return names[0] if len(names) == 1 else f"({', '.join(reversed(names))})"


_LAST_SIZES: dict[str, tuple[str, int | Literal["vocabulary"]]] = {
    "features": ("x", -1),
    "before": ("x", -2),
    "first": ("x", -3),
}


def _enough_axes(values: Values, inputs: Types) -> Iterator[Mismatch]:
    found = inputs["x"]
    if found.rank <= values["axes"]:
        yield relations.expects("x", f"more than {values['axes']} axes", found, axes=max(found.rank - 1, 1))


LAYER_NORM = LayerSpec(
    key="layer_norm",
    title="LayerNorm",
    category="normalization",
    summary="Brings the features of each sample, or step, to mean 0 and variance 1.",
    help="Normalizes over the features of one position and looks at no other sample, so it works at any batch size "
    "and in sequences. "
    "Transformers have one at each block. On pictures set Axes to 3, or use GroupNorm.",
    formula=r"y = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta",
    reference=paper("Layer Normalization (Ba et al., 2016)", "1607.06450"),
    keywords=("ln", "norm", "normalize", "transformer"),
    parameters=(
        _LAST_AXES,
        _EPS,
        _ELEMENTWISE,
        flag("bias", "Shift", True, "Learns an offset for each feature as well.", advanced=True),
        *SCALES,
    ),
    inputs=(Port(name="x", ranks=(2, 3, 4, 5), help="Features on the last axis."),),
    make=lambda values: (
        f"nn.LayerNorm({_normalized_shape(values)}, eps=eps, elementwise_affine=elementwise_affine, bias=bias)"
    ),
    derived=_LAST_SIZES,
    shape=Rule.SAME,
    checks=(_enough_axes,),
    weights=("weight",),
    macs=_scaled_macs,
    brief=lambda values: "" if values["axes"] == 1 else f"{values['axes']} axes",
)

RMS_NORM = LayerSpec(
    key="rms_norm",
    title="RMSNorm",
    category="normalization",
    summary="Divides the features by their size; LayerNorm without the mean.",
    help="Divides the features of one position by the root of their mean square. Simpler and a little faster than "
    "LayerNorm, and as good: "
    "large language models use it.",
    formula=r"y = \gamma \frac{x}{\sqrt{\frac{1}{k} \sum_i x_i^2 + \epsilon}}",
    reference=paper("Root Mean Square Layer Normalization (Zhang & Sennrich, 2019)", "1910.07467"),
    keywords=("rms", "norm", "normalize", "llama", "transformer"),
    parameters=(_LAST_AXES, _EPS, _ELEMENTWISE, *SCALES),
    inputs=(Port(name="x", ranks=(2, 3, 4, 5), help="Features on the last axis."),),
    make=lambda values: f"nn.RMSNorm({_normalized_shape(values)}, eps=eps, elementwise_affine=elementwise_affine)",
    derived=_LAST_SIZES,
    shape=Rule.SAME,
    checks=(_enough_axes,),
    weights=("weight",),
    macs=_scaled_macs,
    brief=lambda values: "" if values["axes"] == 1 else f"{values['axes']} axes",
)

GROUP_NORM = LayerSpec(
    key="group_norm",
    title="GroupNorm",
    category="normalization",
    summary="Normalizes groups of channels of each sample.",
    help="Divides the channels into groups and brings each group of each sample to mean 0 and variance 1. "
    "It does not depend on the batch, so it is the choice for small batches, detection and diffusion.",
    formula=r"y = \gamma \frac{x - \mu_{n,g}}{\sqrt{\sigma_{n,g}^2 + \epsilon}} + \beta",
    reference=paper("Group Normalization (Wu & He, 2018)", "1803.08494"),
    keywords=("gn", "norm", "normalize", "small batch"),
    parameters=(
        whole("groups", "Groups", 8, "How many groups the channels form; it must divide their number."),
        _EPS,
        _AFFINE,
        *SCALES,
    ),
    inputs=(Port(name="x", ranks=(2, 3, 4, 5), help="Channels on axis 1."),),
    make="nn.GroupNorm(groups, num_channels, eps=eps, affine=affine)",
    derived={"num_channels": ("x", 1)},
    shape=Rule.SAME,
    checks=(relations.divides("groups", "channels"),),
    weights=("weight",),
    macs=_scaled_macs,
    brief=lambda values: f"{values['groups']} groups",
)

LOCAL_RESPONSE_NORM = LayerSpec(
    key="local_response_norm",
    title="LocalResponseNorm",
    category="normalization",
    summary="Damps a channel where its neighbours are strong.",
    help="Divides each value by the strength of the neighbouring channels at the same place: they compete. "
    "AlexNet used it; batch normalization has replaced it.",
    formula=r"y_c = x_c \left( k + \frac{\alpha}{n} \sum_{|c' - c| \le n / 2} x_{c'}^2 \right)^{-\beta}",
    reference=torch_docs("torch.nn.LocalResponseNorm"),
    keywords=("lrn", "alexnet", "norm", "inhibition"),
    parameters=(
        whole("size", "Channels", 5, "How many neighbouring channels compete."),
        number("alpha", "Alpha", 1e-4, "How strongly they damp.", 0.0, 10.0),
        number("beta", "Beta", 0.75, "How strongly the neighbours hold a channel down.", 0.0, 10.0),
        number("k", "K", 1.0, "Keeps the division safe.", 1e-6, 100.0),
    ),
    inputs=(Port(name="x", ranks=(3, 4, 5), help="Channels on axis 1."),),
    make="nn.LocalResponseNorm(size, alpha=alpha, beta=beta, k=k)",
    shape=Rule.SAME,
    brief=lambda values: f"{values['size']} channels",
)

_LAYER_SCALE = '''class LayerScale(nn.Module):
    """Multiplies each feature along an axis by a learned factor."""

    def __init__(self, features: int, axis: int, start: float) -> None:
        super().__init__()
        self.axis = axis
        self.weight = nn.Parameter(torch.full((features,), start))

    def forward(self, x: Tensor) -> Tensor:
        shape = [1] * x.ndim
        shape[self.axis] = -1
        return x * self.weight.view(shape)
'''

LAYER_SCALE = LayerSpec(
    key="layer_scale",
    title="LayerScale",
    category="normalization",
    summary="Multiplies each feature by a learned factor.",
    help="Learns one factor a feature. At the end of a residual branch, starting small, it lets very deep "
    "transformers train: "
    "at first only the shortcuts count.",
    formula=r"y_f = \gamma_f x_f",
    reference=paper("Going deeper with Image Transformers (Touvron et al., 2021)", "2103.17239"),
    keywords=("gamma", "gain", "factor", "residual", "learned scale"),
    parameters=(
        choice(
            "features",
            "Features",
            (("last", "on the last axis", "As in transformers."), ("channels", "on axis 1", "As in convolutions.")),
            "Which axis holds the features.",
        ),
        number("start", "Start", 0.1, "The factors before training.", -100.0, 100.0),
        *SCALES,
    ),
    inputs=(Port(name="x", ranks=(2, 3, 4, 5)),),
    make=lambda values: (
        "LayerScale(size, -1, start)" if values["features"] == "last" else "LayerScale(channels, 1, start)"
    ),
    derived={"size": ("x", -1), "channels": ("x", 1)},
    shape=Rule.SAME,
    weights=("weight",),
    support=_LAYER_SCALE,
)
