"""Adam and its relatives: running means of each weight's gradient and of its size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.parameter import Kind, Parameter, Values
from netbuilder.training.optimizer_spec import BETAS, OptimizerSpec, epsilon, learning_rate, weight_decay

_DECOUPLED = Parameter(
    name="decoupled_weight_decay",
    title="Decoupled decay",
    kind=Kind.BOOL,
    default=False,
    advanced=True,
    shown_when=lambda values: values["weight_decay"] > 0,
    help="Shrinks the weights directly, as AdamW does, instead of adding the decay to their gradients.",
)


def _adam(values: Values) -> Mapping[str, Any]:
    return {
        "lr": values["learning_rate"],
        "betas": (values["beta1"], values["beta2"]),
        "eps": values["eps"],
        "weight_decay": values["weight_decay"],
    }


def _radam(values: Values) -> Mapping[str, Any]:
    return {**_adam(values), "decoupled_weight_decay": values["decoupled_weight_decay"]}


def _nadam(values: Values) -> Mapping[str, Any]:
    return {**_radam(values), "momentum_decay": values["momentum_decay"]}


ADAM = OptimizerSpec(
    key="adam",
    title="Adam",
    summary="Adapts the step size of every weight; a good first choice.",
    help=(
        "Keeps running means of each weight's gradient and of its square, and steps by their ratio. Works "
        "well with little tuning."
    ),
    formula=r"w \leftarrow w - \eta \frac{\hat{m}}{\sqrt{\hat{v}} + \epsilon}",
    reference=Reference(
        title="Kingma and Ba 2015, Adam: A method for stochastic optimization", url="https://arxiv.org/abs/1412.6980"
    ),
    keywords=("adaptive",),
    parameters=(learning_rate(0.001), weight_decay(), *BETAS, epsilon(1e-8)),
    callee="Adam",
    arguments=_adam,
    state=lambda values: 2,
    fused=("cpu", "cuda", "mps"),
)

ADAMW = OptimizerSpec(
    key="adamw",
    title="AdamW",
    summary="Adam with weight decay that does not pass through the adaptive step.",
    help="Like Adam, but decays the weights directly. The usual choice for transformers and for regularized training.",
    formula=r"w \leftarrow w - \eta \lambda w - \eta \frac{\hat{m}}{\sqrt{\hat{v}} + \epsilon}",
    reference=Reference(
        title="Loshchilov and Hutter 2019, Decoupled weight decay regularization",
        url="https://arxiv.org/abs/1711.05101",
    ),
    keywords=("adaptive", "decoupled"),
    parameters=(
        learning_rate(0.001),
        weight_decay(0.01, "Shrinks every weight by this share of the learning rate at each update."),
        *BETAS,
        epsilon(1e-8),
    ),
    callee="AdamW",
    arguments=_adam,
    state=lambda values: 2,
    fused=("cpu", "cuda", "mps"),
)

NADAM = OptimizerSpec(
    key="nadam",
    title="NAdam",
    summary="Adam that looks ahead along its momentum.",
    help="Adam with Nesterov's idea: the step already counts in where the momentum is about to lead.",
    formula=r"w \leftarrow w - \frac{\eta}{\sqrt{\hat{v}} + \epsilon} (\mu_{t+1} \hat{m} + (1 - \mu_t) \hat{g})",
    reference=Reference(
        title="Dozat 2016, Incorporating Nesterov momentum into Adam",
        url="https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ",
    ),
    keywords=("adaptive", "nesterov"),
    parameters=(
        learning_rate(0.002),
        weight_decay(),
        *BETAS,
        Parameter(
            name="momentum_decay",
            title="Momentum decay",
            kind=Kind.FLOAT,
            default=0.004,
            minimum=0.0,
            maximum=1.0,
            advanced=True,
            help="How quickly the momentum rises to beta 1 in the first updates.",
        ),
        epsilon(1e-8),
        _DECOUPLED,
    ),
    callee="NAdam",
    arguments=_nadam,
    state=lambda values: 2,
)

RADAM = OptimizerSpec(
    key="radam",
    title="RAdam",
    summary="Adam that is careful while it has seen few gradients.",
    help=(
        "Corrects for how uncertain Adam's step sizes are in the first updates, much as a warm-up does, and so mostly"
        " needs none."
    ),
    formula=r"w \leftarrow w - \eta r_t \frac{\hat{m}}{\sqrt{\hat{v}} + \epsilon}",
    reference=Reference(
        title="Liu et al. 2020, On the variance of the adaptive learning rate and beyond",
        url="https://arxiv.org/abs/1908.03265",
    ),
    keywords=("adaptive", "rectified", "warm-up"),
    parameters=(learning_rate(0.001), weight_decay(), *BETAS, epsilon(1e-8), _DECOUPLED),
    callee="RAdam",
    arguments=_radam,
    state=lambda values: 2,
)

ADAMAX = OptimizerSpec(
    key="adamax",
    title="Adamax",
    summary="Adam that divides by the largest recent gradient.",
    help=(
        "Like Adam, but measures a weight's gradients by their largest recent size instead of their mean square, which"
        " is steadier when gradients are rare and large."
    ),
    formula=r"w \leftarrow w - \eta \frac{\hat{m}}{\max(\beta_2 u, |g| + \epsilon)}",
    reference=Reference(
        title="Kingma and Ba 2015, Adam: A method for stochastic optimization", url="https://arxiv.org/abs/1412.6980"
    ),
    keywords=("adaptive", "infinity norm"),
    parameters=(learning_rate(0.002), weight_decay(), *BETAS, epsilon(1e-8)),
    callee="Adamax",
    arguments=_adam,
    state=lambda values: 2,
)
