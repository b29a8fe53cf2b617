"""Losses about margins, pairs, overlaps and alignments: what is alike, what comes first, what was said when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.parameter import Parameter, Values
from netbuilder.layers import relations, targets
from netbuilder.layers.losses import LOSS, PREDICTION, REDUCTION, TARGET, scalar
from netbuilder.layers.settings import number, paper, torch_docs, whole
from netbuilder.layers.spec import Check, Dtype, LayerSpec, Mismatch, Port, Task, Types


def _loss(
    key: str,
    title: str,
    call: str,
    summary: str,
    help: str,
    formula: str,
    reference: Reference,
    keywords: tuple[str, ...],
    parameters: tuple[Parameter, ...] = (),
    inputs: tuple[Port, ...] = (PREDICTION, TARGET),
    checks: tuple[Check, ...] = (targets.same_as_target,),
    task: Task | None = None,
    reduced: bool = True,
) -> LayerSpec:
    return LayerSpec(
        key=key,
        title=title,
        category="loss",
        summary=summary,
        help=help,
        formula=formula,
        reference=reference,
        keywords=("loss", "error", "criterion", *keywords),
        parameters=(*parameters, REDUCTION) if reduced else parameters,
        inputs=inputs,
        outputs=LOSS,
        call=call,
        shape=scalar,
        checks=checks,
        task=task,
    )


_SIGNS = "torch.where(target > 0, 1.0, -1.0)"
"""The target as torch wants it: it takes only 1 and -1, and data mostly has 1 and 0."""

_SIGN = Port(name="target", dtype=Dtype.ANY, help="1 for yes, 0 or -1 for no, of the prediction's shape.")
_YES_NO = Port(name="target", dtype=Dtype.ANY, help="0 or 1, of the prediction's shape.")
_VECTORS = (2,)
_MARGIN = number("margin", "Margin", 1.0, "By how much they must be apart.", 0.0, 1000.0)

MARGINS = (
    _loss(
        "soft_margin_loss",
        "SoftMarginLoss",
        f"F.soft_margin_loss(prediction, {_SIGNS}, reduction=reduction)",
        "For yes or no, by the sign of the score.",
        "A score above 0 says yes, one below no: the loss is small when the sign is right, and shrinks smoothly the "
        "surer the score. What is not above 0 in the target counts as no.",
        r"\ln(1 + e^{-t x})",
        torch_docs("torch.nn.SoftMarginLoss"),
        ("binary", "logistic", "margin"),
        inputs=(PREDICTION, _SIGN),
    ),
    _loss(
        "hinge_embedding_loss",
        "HingeEmbeddingLoss",
        f"F.hinge_embedding_loss(prediction, {_SIGNS}, margin=margin, reduction=reduction)",
        "Makes distances small for pairs that belong together, large for others.",
        "Takes a distance and whether the two things belong together (1) or not (0 or -1). Those that do are pulled "
        "together, those that do not are pushed apart until the margin. Put a PairwiseDistance before it.",
        r"\begin{cases} x & \text{if } t = 1 \\ \max(0, m - x) & \text{else} \end{cases}",
        torch_docs("torch.nn.HingeEmbeddingLoss"),
        ("pairs", "siamese", "contrastive", "hinge"),
        (_MARGIN,),
        inputs=(Port(name="prediction", help="A distance for each pair."), _SIGN),
    ),
    _loss(
        "hinge_loss",
        "HingeLoss",
        f"F.relu(margin - {_SIGNS} * prediction).mean()",
        "The support vector machine's loss for yes or no.",
        "Demands that a score has the right sign and is at least as large as the margin, and is content then. GANs use "
        "it to train their discriminator.",
        r"\max(0, m - t x)",
        paper("Geometric GAN (Lim and Ye, 2017)", "1705.02894"),
        ("svm", "binary", "margin", "gan"),
        (_MARGIN,),
        inputs=(PREDICTION, _SIGN),
        reduced=False,
    ),
)

_ROW_TARGET = Port(name="target", dtype=Dtype.INT, ranks=_VECTORS, layout="NC", help="The labels' indices, then -1.")


def _label_lists(values: Values, inputs: Types) -> Iterator[Mismatch]:
    if inputs["target"].dtype != "int64":
        yield relations.expects("target", "class indices (int64)", inputs["target"].dtype, ("cast", {"dtype": "int64"}))
        return
    yield from targets.same_as_target(values, inputs)


LABELS = (
    _loss(
        "multilabel_margin_loss",
        "MultiLabelMarginLoss",
        "F.multilabel_margin_loss(prediction, target, reduction=reduction)",
        "The hinge loss for several labels at once.",
        "Demands that every class that holds has a larger score than every one that does not, by 1. The target lists "
        "the indices of the classes that hold, filled up with -1 to as many columns as there are classes.",
        r"\frac{1}{C} \sum_{t, c \ne t} \max(0, 1 - x_t + x_c)",
        torch_docs("torch.nn.MultiLabelMarginLoss"),
        ("multi label", "hinge", "svm"),
        inputs=(Port(name="prediction", ranks=_VECTORS, layout="NC", help="Scores, one a class."), _ROW_TARGET),
        checks=(_label_lists,),
    ),
    _loss(
        "multilabel_soft_margin_loss",
        "MultiLabelSoftMarginLoss",
        "F.multilabel_soft_margin_loss(prediction, target.to(prediction.dtype), reduction=reduction)",
        "Several yes-or-no questions at once, averaged over the classes.",
        "Each class is a question of its own, answered by a plain score: above 0 is yes. It differs from "
        "BCEWithLogitsLoss only in how its sum is taken.",
        r"-\frac{1}{C} \sum_c \left( t_c \ln q_c + (1 - t_c) \ln(1 - q_c) \right), \quad q_c = \sigma(x_c)",
        torch_docs("torch.nn.MultiLabelSoftMarginLoss"),
        ("multi label", "binary", "tags"),
        inputs=(Port(name="prediction", ranks=_VECTORS, layout="NC", help="Scores, one a class."), _YES_NO),
        task=Task.BINARY,
    ),
)


def _one_sign_each(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """Two rows of features a sample, and one number for the pair."""
    yield from targets.same_as_prediction("other")(values, inputs)
    if not relations.may_equal(inputs["prediction"].dims[0], inputs["target"].dims[0]):
        yield relations.expects("target", f"one number for each sample of {inputs['prediction']}", inputs["target"])


PAIRS = (
    _loss(
        "cosine_embedding_loss",
        "CosineEmbeddingLoss",
        f"F.cosine_embedding_loss(prediction, other, {_SIGNS}, margin=margin, reduction=reduction)",
        "Turns two vectors the same way if they belong together, else apart.",
        "Takes the vectors that a network made of two things, and whether they belong together (1) or not (0 or -1). "
        "Only "
        "directions count, not lengths. Searches by likeness and siamese networks learn with it.",
        r"\begin{cases} 1 - \cos(x, o) & \text{if } t = 1 \\ \max(0, \cos(x, o) - m) & \text{else} \end{cases}",
        torch_docs("torch.nn.CosineEmbeddingLoss"),
        ("pairs", "siamese", "similarity", "embedding"),
        (number("margin", "Margin", 0.0, "How alike unrelated things may be.", -1.0, 1.0),),
        inputs=(
            Port(name="prediction", ranks=_VECTORS, layout="NF", help="The first thing's vector."),
            Port(name="target", dtype=Dtype.ANY, ranks=(1,), layout="N", help="1 for a pair, else 0 or -1."),
            Port(name="other", ranks=_VECTORS, layout="NF", help="The second thing's vector."),
        ),
        checks=(_one_sign_each,),
    ),
    _loss(
        "margin_ranking_loss",
        "MarginRankingLoss",
        f"F.margin_ranking_loss(prediction, other, {_SIGNS}, margin=margin, reduction=reduction)",
        "Teaches which of two things should have the higher score.",
        "Takes the scores of two things and which should win: 1 for the first, 0 or -1 for the second. Rankings are "
        "learned "
        "from such comparisons, which people find easier than grades.",
        r"\max(0, -t (x - o) + m)",
        torch_docs("torch.nn.MarginRankingLoss"),
        ("rank", "preference", "compare", "order"),
        (number("margin", "Margin", 0.0, "By how much the winner must lead.", 0.0, 1000.0),),
        inputs=(PREDICTION, _SIGN, Port(name="other", help="The second thing's score.")),
        checks=(targets.same_as_target, targets.same_as_prediction("other")),
    ),
    _loss(
        "triplet_margin_loss",
        "TripletMarginLoss",
        "F.triplet_margin_loss(prediction, target, negative, margin=margin, p=power, reduction=reduction)",
        "Brings a vector closer to its like than to its unlike.",
        "Takes the vectors of a thing (the anchor), of one like it and of one unlike it, and demands that the like one "
        "is closer by a margin. Faces are recognized this way.",
        r"\max(0, \lVert x - t \rVert - \lVert x - n \rVert + m)",
        torch_docs("torch.nn.TripletMarginLoss"),
        ("triplet", "anchor", "siamese", "metric learning", "embedding"),
        (
            replace(_MARGIN, minimum=1e-6),
            number("power", "Power", 2.0, "2 is the usual distance, 1 the sum of differences.", 1.0, 16.0),
        ),
        inputs=(
            Port(name="prediction", ranks=_VECTORS, layout="NF", help="The anchor's vector."),
            Port(name="target", ranks=_VECTORS, layout="NF", help="The vector of one like it."),
            Port(name="negative", ranks=_VECTORS, layout="NF", help="The vector of one unlike it."),
        ),
        checks=(targets.same_as_target, targets.same_as_prediction("negative")),
    ),
    _loss(
        "cosine_loss",
        "CosineLoss",
        "(1 - F.cosine_similarity(prediction, target, dim=-1)).mean()",
        "Turns a vector into the target's direction.",
        "One minus the cosine of the angle between prediction and target: only the direction counts. For imitating the "
        "embeddings of another network.",
        r"1 - \frac{x \cdot t}{\lVert x \rVert \lVert t \rVert}",
        torch_docs("torch.nn.functional.cosine_similarity"),
        ("angle", "direction", "embedding", "similarity"),
        inputs=(
            Port(name="prediction", ranks=(2, 3), help="Vectors on the last axis."),
            Port(name="target", ranks=(2, 3), help="Vectors on the last axis."),
        ),
        reduced=False,
    ),
)

ROBUST = (
    _loss(
        "log_cosh_loss",
        "LogCoshLoss",
        "(F.softplus(-2 * (prediction - target)) + prediction - target - math.log(2)).mean()",
        "Squared near the target, absolute far from it, smooth everywhere.",
        "The logarithm of the hyperbolic cosine of the difference. Like the Huber loss it is calm about outliers, with "
        "nothing to set.",
        r"\ln \cosh(x - t)",
        torch_docs("torch.cosh"),
        ("regression", "robust", "huber"),
        task=Task.REGRESSION,
        reduced=False,
    ),
    _loss(
        "epsilon_insensitive_loss",
        "EpsilonInsensitiveLoss",
        "F.relu((prediction - target).abs() - tolerance).mean()",
        "The absolute difference, less what is tolerated.",
        "Differences below the tolerance count as none, those above it by what is beyond. Support vector regression "
        "learns with it, and data with a known error of measurement.",
        r"\max(0, |x - t| - \epsilon)",
        torch_docs("torch.nn.functional.relu"),
        ("regression", "svr", "tolerance"),
        (number("tolerance", "Tolerance", 0.1, "Differences up to it cost nothing.", 0.0),),
        task=Task.REGRESSION,
        reduced=False,
    ),
)

_SCORES = Port(name="prediction", help="Scores (logits), of any shape.")

OVERLAPS = (
    _loss(
        "dice_loss",
        "DiceLoss",
        "1 - ((2 * (torch.sigmoid(prediction) * target).flatten(1).sum(1) + 1) / "
        "(torch.sigmoid(prediction).flatten(1).sum(1) + target.flatten(1).sum(1) + 1)).mean()",
        "How little a predicted region overlaps the right one.",
        "For marking a region in a picture: counts the overlap of what was marked and what should be, as a share of "
        "both. A small organ in a large picture counts as much as a large one. Its input is plain scores.",
        r"1 - \frac{2 \sum_i \sigma(x_i) t_i + 1}{\sum_i \sigma(x_i) + \sum_i t_i + 1}",
        paper("V-Net (Milletari et al., 2016)", "1606.04797"),
        ("segmentation", "overlap", "mask", "medical"),
        inputs=(Port(name="prediction", ranks=(2, 3, 4, 5), help="Scores (logits)."), _YES_NO),
        checks=(targets.two_classes, targets.same_as_target),
        task=Task.BINARY,
        reduced=False,
    ),
    _loss(
        "binary_focal_loss",
        "BinaryFocalLoss",
        "(F.binary_cross_entropy_with_logits(prediction, target.to(prediction.dtype), reduction='none') * "
        "(target.to(prediction.dtype) - torch.sigmoid(prediction)).abs() ** focus).mean()",
        "For yes or no when one of them is rare.",
        "The binary cross entropy in which what is right already hardly counts, so that thousands of easy cases do not "
        "drown the few hard ones. Object detectors learn with it. Its input is plain scores.",
        r"-|t - q|^{\gamma} (t \ln q + (1 - t) \ln(1 - q)), \quad q = \sigma(x)",
        paper("Focal Loss for Dense Object Detection (Lin et al., 2017)", "1708.02002"),
        ("imbalance", "rare", "detection", "binary"),
        (number("focus", "Focus", 2.0, "0 is the plain cross entropy; more looks at hard cases only.", 0.0, 10.0),),
        inputs=(_SCORES, _YES_NO),
        checks=(targets.two_classes, targets.same_as_target),
        task=Task.BINARY,
        reduced=False,
    ),
)


def _room_for_labels(values: Values, inputs: Types) -> Iterator[Mismatch]:
    prediction, target = inputs["prediction"], inputs["target"]
    if target.dtype != "int64":
        yield relations.expects("target", "labels (int64)", target.dtype, ("cast", {"dtype": "int64"}))
    elif not relations.may_equal(prediction.dims[0], target.dims[0]):
        yield relations.expects("target", f"as many samples as the prediction ({prediction})", target)
    elif isinstance(prediction.dims[2], int) and values["blank"] >= prediction.dims[2]:
        yield relations.expects("prediction", f"a class for the blank ({values['blank']})", prediction, blank=0)
    elif isinstance(prediction.dims[2], int) and prediction.dims[2] < (target.vocabulary or target.classes):
        count = target.vocabulary or target.classes
        yield relations.expects("prediction", f"at least {count} classes on axis 2", prediction)


CTC = _loss(
    "ctc_loss",
    "CTCLoss",
    "F.ctc_loss(F.log_softmax(prediction, dim=2).transpose(0, 1), target, "
    "torch.full((prediction.shape[0],), prediction.shape[1], dtype=torch.long), "
    "(target != blank).sum(1), blank=blank, reduction=reduction, zero_infinity=True)",
    "For text from sound or handwriting, where nobody says which part is which letter.",
    "The network gives scores for every step, and the target is a shorter row of labels: the loss adds up all ways to "
    "stretch the labels over the steps. The blank stands between letters in the prediction, and fills up the target "
    "at its end. It applies the softmax itself.",
    r"-\ln \sum_{\pi \in \text{alignments}(t)} p(\pi \mid x)",
    torch_docs("torch.nn.CTCLoss"),
    ("speech", "handwriting", "ocr", "alignment", "sequence"),
    (whole("blank", "Blank", 0, "The index of the class that stands for no label.", minimum=0),),
    inputs=(
        Port(name="prediction", ranks=(3,), layout="NTF", help="Scores: N × steps × classes."),
        Port(name="target", dtype=Dtype.INT, ranks=(2,), layout="NT", help="Labels, filled up with the blank."),
    ),
    checks=(_room_for_labels,),
)
