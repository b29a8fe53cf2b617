"""Losses: how far a prediction is from its target, as one number to be made small."""

from __future__ import annotations

from collections.abc import Callable

from netbuilder.foundation.parameter import Choice, Kind, Parameter, Values
from netbuilder.layers import targets
from netbuilder.layers.settings import choice, flag, number, torch_docs
from netbuilder.layers.spec import Check, Dtype, LayerSpec, Port, Task, Types
from netbuilder.layers.tensor import TensorType

PREDICTION = Port(name="prediction", help="What the network says.")
TARGET = Port(name="target", help="What it should have said.")
LOSS = (Port(name="loss", help="One number, averaged over the batch."),)

REDUCTION = choice(
    "reduction",
    "Reduction",
    (("mean", "mean", "The average: the same scale for every batch size."), ("sum", "sum", "The sum.")),
    "How the numbers of all samples become one.",
    advanced=True,
)


def scalar(values: Values, inputs: Types) -> Types:
    """Give the type of a loss: one number for the whole batch."""
    return {"loss": TensorType(())}


def _loss(
    key: str,
    title: str,
    call: str | Callable[[Values], str],
    summary: str,
    help: str,
    formula: str,
    page: str,
    task: Task | None,
    parameters: tuple[Parameter, ...] = (),
    keywords: tuple[str, ...] = (),
    prediction: Port = PREDICTION,
    target: Port = TARGET,
    checks: tuple[Check, ...] = (targets.same_as_target,),
    reduction: Parameter = REDUCTION,
) -> LayerSpec:
    return LayerSpec(
        key=key,
        title=title,
        category="loss",
        summary=summary,
        help=help,
        formula=formula,
        reference=torch_docs(page),
        keywords=("loss", "error", "criterion", *keywords),
        parameters=(*parameters, reduction),
        inputs=(prediction, target),
        outputs=LOSS,
        call=call,
        shape=scalar,
        checks=checks,
        task=task,
    )


def _weighted(call: str, argument: str, name: str) -> Callable[[Values], str]:
    """Return what writes a call, with weights as `argument` where there are any."""
    weighted = call.replace(", reduction", f", {argument}=prediction.new_tensor({name}), reduction", 1)
    return lambda values: weighted if values[name] else call


CLASS_WEIGHTS = Parameter(
    name="class_weights",
    title="Class weights",
    kind=Kind.FLOATS,
    default=(),
    minimum=0.0,
    maximum=1e9,
    advanced=True,
    help=(
        "How much a mistake counts, a number for each class in their order: more for rare ones. Train > Balance classes"
        " finds them. Empty means that all count alike."
    ),
)

POSITIVE_WEIGHTS = Parameter(
    name="positive_weights",
    title="Weight of yes",
    kind=Kind.FLOATS,
    default=(),
    minimum=0.0,
    maximum=1e9,
    advanced=True,
    help=(
        "How much more a missed yes counts than a missed no: one number, or one for each column. Train > Balance"
        " classes finds it. Empty means that they count alike."
    ),
)

_RANKS = (2, 3, 4, 5)
_INDEX = Port(name="target", dtype=Dtype.INT, ranks=(1, 2, 3, 4), help="Class indices, counted from 0.")

CROSS_ENTROPY = _loss(
    "cross_entropy",
    "CrossEntropyLoss",
    _weighted(
        "F.cross_entropy(prediction, target, reduction=reduction, label_smoothing=label_smoothing)",
        "weight",
        "class_weights",
    ),
    "For choosing one of several classes.",
    "Compares the network's scores, one a class, with the right class: it is small when the right class has by far "
    "the highest score. "
    "It applies the softmax itself, so its input must be plain scores (logits) from a Linear layer without a softmax "
    "behind it.",
    r"-\ln \frac{e^{x_t}}{\sum_c e^{x_c}}",
    "torch.nn.CrossEntropyLoss",
    Task.CLASSIFICATION,
    (
        number(
            "label_smoothing",
            "Label smoothing",
            0.0,
            "Takes this share of certainty from the right class and spreads it over all: guards against "
            "overconfidence.",
            0.0,
            1.0,
        ),
        CLASS_WEIGHTS,
    ),
    ("softmax", "classification", "categorical", "log loss", "logits"),
    prediction=Port(name="prediction", ranks=_RANKS, layout="NC", help="Scores (logits), the classes on axis 1."),
    target=_INDEX,
    checks=(targets.classes_of_target, targets.a_weight_for_each_class),
)

NLL = _loss(
    "nll_loss",
    "NLLLoss",
    _weighted("F.nll_loss(prediction, target, reduction=reduction)", "weight", "class_weights"),
    "Cross entropy for predictions that are log-probabilities already.",
    "The negative logarithm of the probability given to the right class. "
    "Use it behind a LogSoftmax layer; for plain scores take the cross entropy loss, which contains both.",
    r"-x_t",
    "torch.nn.NLLLoss",
    Task.CLASSIFICATION,
    (CLASS_WEIGHTS,),
    keywords=("negative log likelihood", "classification", "log softmax"),
    prediction=Port(name="prediction", ranks=_RANKS, layout="NC", help="Log-probabilities, the classes on axis 1."),
    target=_INDEX,
    checks=(targets.classes_of_target, targets.a_weight_for_each_class),
)

BCE_WITH_LOGITS = _loss(
    "bce_with_logits",
    "BCEWithLogitsLoss",
    _weighted(
        "F.binary_cross_entropy_with_logits(prediction, target.to(prediction.dtype), reduction=reduction)",
        "pos_weight",
        "positive_weights",
    ),
    "For yes or no, from a plain score.",
    "Compares a score with 0 or 1: above 0 the network says yes, below no. It applies the sigmoid itself, so its "
    "input must be a plain score (logit). "
    "With several outputs each is a question of its own, so that several labels can hold at once.",
    r"-t \ln \sigma(x) - (1 - t) \ln (1 - \sigma(x))",
    "torch.nn.BCEWithLogitsLoss",
    Task.BINARY,
    (POSITIVE_WEIGHTS,),
    keywords=("binary cross entropy", "sigmoid", "yes no", "multi label", "logits", "bce"),
    prediction=Port(name="prediction", help="Scores (logits), of any shape."),
    target=Port(name="target", dtype=Dtype.ANY, help="0 or 1, of the prediction's shape."),
    checks=(targets.two_classes, targets.same_as_target, targets.a_weight_for_each_answer),
)

MSE = _loss(
    "mse_loss",
    "MSELoss",
    "F.mse_loss(prediction, target, reduction=reduction)",
    "The mean of the squared differences.",
    "Squares the difference between prediction and target, so that large mistakes count much more than small ones. "
    "The usual loss for predicting numbers, and for pictures that should be reproduced.",
    r"(x - t)^2",
    "torch.nn.MSELoss",
    Task.REGRESSION,
    keywords=("mean squared error", "l2", "regression", "least squares"),
)

L1 = _loss(
    "l1_loss",
    "L1Loss",
    "F.l1_loss(prediction, target, reduction=reduction)",
    "The mean of the absolute differences.",
    "Takes the difference between prediction and target without its sign. "
    "A few wildly wrong targets (outliers) disturb it less than the squared error; it aims at the median.",
    r"|x - t|",
    "torch.nn.L1Loss",
    Task.REGRESSION,
    keywords=("mean absolute error", "mae", "regression"),
)

SMOOTH_L1 = _loss(
    "smooth_l1_loss",
    "SmoothL1Loss",
    "F.smooth_l1_loss(prediction, target, reduction=reduction, beta=beta)",
    "Squared near the target, absolute far from it.",
    "Behaves like the squared error for differences below beta and like the absolute error above it. "
    "It is smooth at the target and calm about outliers; object detectors use it for boxes.",
    r"\begin{cases} \frac{(x - t)^2}{2 \beta} & \text{if } |x - t| < \beta \\ "
    r"|x - t| - \frac{\beta}{2} & \text{else} \end{cases}",
    "torch.nn.SmoothL1Loss",
    Task.REGRESSION,
    (number("beta", "Beta", 1.0, "Where it changes from squared to absolute.", 0.0),),
    ("regression", "robust", "boxes"),
)

HUBER = _loss(
    "huber_loss",
    "HuberLoss",
    "F.huber_loss(prediction, target, reduction=reduction, delta=delta)",
    "Squared near the target, absolute far from it, scaled by delta.",
    "Behaves like the squared error for differences below delta and like delta times the absolute error above it. "
    "Choose it for numbers with outliers.",
    r"\begin{cases} \frac{(x - t)^2}{2} & \text{if } |x - t| < \delta \\ "
    r"\delta \left( |x - t| - \frac{\delta}{2} \right) & \text{else} \end{cases}",
    "torch.nn.HuberLoss",
    Task.REGRESSION,
    (number("delta", "Delta", 1.0, "Where it changes from squared to absolute.", 1e-12),),
    ("regression", "robust", "outliers"),
)

KL_DIVERGENCE = _loss(
    "kl_divergence",
    "KLDivLoss",
    "F.kl_div(prediction, target, reduction=reduction, log_target=log_target)",
    "How far one distribution is from another.",
    "Compares the network's log-probabilities with the probabilities they should be. "
    "Used to let a small network imitate a large one (distillation). Put a LogSoftmax before the prediction.",
    r"\sum_c t_c (\ln t_c - x_c)",
    "torch.nn.KLDivLoss",
    None,
    (flag("log_target", "Target is logarithmic", False, "Whether the target holds log-probabilities too."),),
    ("kullback leibler", "distillation", "distribution", "kl_div"),
    prediction=Port(name="prediction", help="Log-probabilities."),
    target=Port(name="target", help="Probabilities, of the prediction's shape."),
    reduction=choice(
        "reduction",
        "Reduction",
        (
            ("batchmean", "mean over samples", "The divergence as mathematics defines it, averaged over the batch."),
            ("sum", "sum", "The sum."),
        ),
        "How the numbers of all samples become one.",
        advanced=True,
    ),
)

_PROBABILITY = Port(name="prediction", help="Probabilities between 0 and 1, such as after a Sigmoid.")

BCE = _loss(
    "bce_loss",
    "BCELoss",
    "F.binary_cross_entropy(prediction, target.to(prediction.dtype), reduction=reduction)",
    "For yes or no, from a probability.",
    "Compares a probability with 0 or 1. The prediction must lie between 0 and 1, so put a Sigmoid before it; "
    "BCEWithLogitsLoss does both at once and more safely.",
    r"-t \ln x - (1 - t) \ln (1 - x)",
    "torch.nn.BCELoss",
    None,
    keywords=("binary cross entropy", "sigmoid", "yes no", "autoencoder", "bce"),
    prediction=_PROBABILITY,
    target=Port(name="target", dtype=Dtype.ANY, help="0 to 1, of the prediction's shape."),
    checks=(targets.two_classes, targets.same_as_target),
)

POISSON_NLL = _loss(
    "poisson_nll_loss",
    "PoissonNLLLoss",
    "F.poisson_nll_loss(prediction, target, log_input=log_input, reduction=reduction)",
    "For predicting counts.",
    "The loss for numbers of events: visitors an hour, mutations a gene. The prediction is the logarithm of the "
    "expected count, "
    "so it may be any number.",
    r"e^x - t x",
    "torch.nn.PoissonNLLLoss",
    None,  # the logarithm of a count is as far from the count as it may be: no error of it says anything
    (
        flag(
            "log_input",
            "Logarithmic prediction",
            True,
            "Whether the prediction is the logarithm of the expected count.",
        ),
    ),
    ("count", "rate", "regression"),
)

MULTI_MARGIN = _loss(
    "multi_margin_loss",
    "MultiMarginLoss",
    "F.multi_margin_loss(prediction, target, p=power, margin=margin, reduction=reduction)",
    "The hinge loss for several classes.",
    "Demands that the right class's score is larger than every other by a margin, and is content then: what is right "
    "by far no longer counts. "
    "It makes a network a support vector machine.",
    r"\frac{1}{C} \sum_{c \ne t} \max(0, m - x_t + x_c)^p",
    "torch.nn.MultiMarginLoss",
    Task.CLASSIFICATION,
    (
        Parameter(
            name="power",
            title="Power",
            kind=Kind.CHOICE,
            default=1,
            choices=(Choice(value=1, title="1"), Choice(value=2, title="2")),
            help="2 makes large violations count more.",
        ),
        number("margin", "Margin", 1.0, "By how much the right class must lead.", 0.0, 1000.0),
    ),
    ("hinge", "svm", "classification"),
    prediction=Port(name="prediction", ranks=(2,), layout="NC", help="Scores, one a class."),
    target=Port(name="target", dtype=Dtype.INT, ranks=(1,), layout="N", help="Class indices, counted from 0."),
    checks=(targets.classes_of_target,),
)

GAUSSIAN_NLL = LayerSpec(
    key="gaussian_nll_loss",
    title="GaussianNLLLoss",
    category="loss",
    summary="For predicting a number and how sure one is.",
    help="The network predicts a value and a variance; being wrong costs less where it said it was unsure, and being "
    "unsure costs a little too. "
    "Put a Softplus before the variance, which must be positive.",
    formula=r"\frac{1}{2} \left( \ln v + \frac{(x - t)^2}{v} \right)",
    reference=torch_docs("torch.nn.GaussianNLLLoss"),
    keywords=("loss", "error", "criterion", "uncertainty", "variance", "regression"),
    parameters=(REDUCTION,),
    inputs=(PREDICTION, TARGET, Port(name="variance", help="The predicted variance, above 0, of the same shape.")),
    outputs=LOSS,
    call="F.gaussian_nll_loss(prediction, target, variance, reduction=reduction)",
    shape=scalar,
    checks=(targets.same_as_target, targets.same_as_prediction("variance")),
    task=Task.REGRESSION,
)
