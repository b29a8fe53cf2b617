"""Regularization: disturbances while training, so that the network does not learn its data by heart."""

from __future__ import annotations

from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.parameter import Values
from netbuilder.layers.settings import number, paper, torch_docs
from netbuilder.layers.spec import LayerSpec, Port, Rule


def _share(values: Values) -> str:
    return f"{values['p']:g}"


_EACH = r"y = \frac{m}{1 - p} x, \quad m \sim \text{Bernoulli}(1 - p)"
_CHANNELS = r"y_{n,c} = \frac{m_{n,c}}{1 - p} x_{n,c}, \quad m_{n,c} \sim \text{Bernoulli}(1 - p)"
_LEVEL = (
    r"y = a (m x + (1 - m) v) + b, \quad m \sim \text{Bernoulli}(1 - p), \quad v = -1.758, "
    r"\quad a = \frac{1}{\sqrt{(1 - p)(1 + p v^2)}}, \quad b = -a p v"
)
"""What stands in place of a dropped number is what SELU tends to, and mean and variance are kept."""


def _dropout(
    key: str,
    title: str,
    default: float,
    summary: str,
    help: str,
    formula: str,
    ranks: tuple[int, ...] = (),
    layout: str = "",
    reference: Reference | None = None,
) -> LayerSpec:
    return LayerSpec(
        key=key,
        title=title,
        category="regularization",
        summary=summary,
        help=help,
        formula=formula,
        reference=reference or torch_docs(f"torch.nn.{title}"),
        keywords=("dropout", "regularize", "overfitting", "noise"),
        parameters=(
            number("p", "Probability", default, "How likely each is dropped: 0.5 drops every other one.", 0.0, 1.0),
        ),
        inputs=(Port(name="x", ranks=ranks, layout=layout),),
        outputs=(Port(name="y", ranks=ranks, layout=layout),),
        make=f"nn.{title}(p)",
        shape=Rule.SAME,
        brief=_share,
    )


DROPOUTS = (
    _dropout(
        "dropout",
        "Dropout",
        0.5,
        "Sets random numbers to 0 while training.",
        "Drops each number with a fixed probability while training and enlarges the rest to make up for it; in use it "
        "changes nothing. "
        "No unit can rely on a single other one, so the network overfits less. Usual shares are 0.1 to 0.5.",
        _EACH,
        reference=Reference(
            title="Dropout (Srivastava et al., 2014)", url="https://jmlr.org/papers/v15/srivastava14a.html"
        ),
    ),
    _dropout(
        "dropout1d",
        "Dropout1d",
        0.2,
        "Sets random channels of a signal to 0 while training.",
        "Drops whole channels: neighbouring entries of a signal are so alike that dropping single ones would hide "
        "nothing.",
        _CHANNELS,
        (3,),
        "NCL",
    ),
    _dropout(
        "dropout2d",
        "Dropout2d",
        0.2,
        "Sets random channels of a picture to 0 while training.",
        "Drops whole feature maps: neighbouring pixels are so alike that dropping single ones would hide nothing. "
        "Use it between convolutions.",
        _CHANNELS,
        (4,),
        "NCHW",
    ),
    _dropout(
        "dropout3d",
        "Dropout3d",
        0.2,
        "Sets random channels of a volume to 0 while training.",
        "Drops whole channels of volumes or films, whose neighbouring entries are too alike to be dropped one by one.",
        _CHANNELS,
        (5,),
        "NCDHW",
    ),
    _dropout(
        "alpha_dropout",
        "AlphaDropout",
        0.1,
        "Dropout for networks with SELU.",
        "Replaces dropped numbers by SELU's lowest value and rescales, so that mean and variance stay as they were. "
        "Plain dropout would destroy what SELU keeps.",
        _LEVEL,
        reference=paper("Self-Normalizing Neural Networks (Klambauer et al., 2017)", "1706.02515"),
    ),
    _dropout(
        "feature_alpha_dropout",
        "FeatureAlphaDropout",
        0.1,
        "AlphaDropout of whole channels.",
        "Drops whole channels like Dropout2d and keeps mean and variance like AlphaDropout. For convolutions with "
        "SELU.",
        _LEVEL,
        (3, 4, 5),
    ),
)

_NOISE = '''class GaussianNoise(nn.Module):
    """Adds normal noise while training."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return x + self.std * torch.randn_like(x) if self.training else x
'''

GAUSSIAN_NOISE = LayerSpec(
    key="gaussian_noise",
    title="GaussianNoise",
    category="regularization",
    summary="Adds normal noise while training.",
    help="Adds a random number to each value while training; in use it changes nothing. On the input it works like "
    "more data, "
    "and a network that restores the clean input is a denoising autoencoder.",
    formula=r"y = x + \epsilon, \quad \epsilon \sim \mathcal{N}(0, \sigma^2)",
    reference=torch_docs("torch.randn_like"),
    keywords=("noise", "denoising", "augment", "regularize"),
    parameters=(number("std", "Strength", 0.1, "The noise's standard deviation.", 0.0, 100.0),),
    make="GaussianNoise(std)",
    shape=Rule.SAME,
    support=_NOISE,
    brief=lambda values: f"± {values['std']:g}",
)

_DROP_PATH = '''class DropPath(nn.Module):
    """Drops the whole value of random samples while training (stochastic depth)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        keep = torch.rand([x.shape[0]] + [1] * (x.ndim - 1), dtype=x.dtype, device=x.device) >= self.p
        return x * keep / (1.0 - self.p)
'''

DROP_PATH = LayerSpec(
    key="drop_path",
    title="DropPath",
    category="regularization",
    summary="Switches a branch off for random samples while training.",
    help="Put it at the end of a residual branch, before the Add: for some samples only the shortcut counts, as if "
    "the network were shorter. "
    "Very deep networks train faster and overfit less (stochastic depth).",
    formula=r"y_n = \frac{m_n}{1 - p} x_n, \quad m_n \sim \text{Bernoulli}(1 - p)",
    reference=paper("Deep Networks with Stochastic Depth (Huang et al., 2016)", "1603.09382"),
    keywords=("stochastic depth", "dropout", "residual", "branch"),
    parameters=(number("p", "Probability", 0.1, "How likely the branch is off for a sample.", 0.0, 0.99),),
    make="DropPath(p)",
    shape=Rule.SAME,
    support=_DROP_PATH,
    brief=_share,
)
