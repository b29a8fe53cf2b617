"""Schedules that fall smoothly: linear, exponential, polynomial, cosine, inverse square root."""

from __future__ import annotations

from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.parameter import Kind, Parameter
from netbuilder.training import schedule_factors as factors
from netbuilder.training.schedule_spec import WARM_UP, ScheduleSpec, end, percent

LINEAR = ScheduleSpec(
    key="linear",
    title="Linear",
    summary="Falls in a straight line.",
    help="Goes down evenly to the final rate; with a warm-up, the usual choice for fine-tuning transformers.",
    formula=r"1 - (1 - m) t",
    reference=Reference(
        title="Devlin et al. 2019, BERT: Pre-training of deep bidirectional transformers",
        url="https://arxiv.org/abs/1810.04805",
    ),
    keywords=("decay", "warm-up"),
    parameters=(end("end", 0.0), WARM_UP),
    factor=factors.linear,
)

EXPONENTIAL = ScheduleSpec(
    key="exponential",
    title="Exponential",
    summary="Loses the same share at every step.",
    help="Falls quickly at first and ever more slowly: every step multiplies the rate by the same number.",
    formula=r"m^t",
    keywords=("decay",),
    parameters=(end("end", 0.01, 1e-9), WARM_UP),
    factor=factors.exponential,
)

POLYNOMIAL = ScheduleSpec(
    key="polynomial",
    title="Polynomial",
    summary="Falls along a power of the time left.",
    help="Like a straight line, bent: powers above 1 fall quickly at first and gently at the end.",
    formula=r"m + (1 - m) (1 - t)^p",
    reference=Reference(title="Chen et al. 2018, DeepLab", url="https://arxiv.org/abs/1606.00915"),
    keywords=("decay", "poly"),
    parameters=(
        Parameter(
            name="power",
            title="Power",
            kind=Kind.FLOAT,
            default=2.0,
            minimum=0.01,
            maximum=100.0,
            help="1 is a straight line; more falls earlier.",
        ),
        end("end", 0.0),
        WARM_UP,
    ),
    factor=factors.polynomial,
)

COSINE = ScheduleSpec(
    key="cosine",
    title="Cosine",
    summary="Falls smoothly to nearly nothing.",
    help="Half a cosine from the full rate to the final one: slow at first, fast in the middle, gentle at the end.",
    formula=r"m + (1 - m) \frac{1 + \cos \pi t}{2}",
    reference=Reference(
        title="Loshchilov and Hutter 2017, SGDR: Stochastic gradient descent with warm restarts",
        url="https://arxiv.org/abs/1608.03983",
    ),
    keywords=("annealing", "warm-up"),
    parameters=(
        end("minimum", 0.0),
        WARM_UP,
    ),
    factor=factors.cosine,
)

INVERSE_SQRT = ScheduleSpec(
    key="inverse_sqrt",
    title="Inverse square root",
    summary="Rises, then falls with the root of the step.",
    help="The schedule of the first transformer: a warm-up, then 1 over the square root of the step; it never ends.",
    formula=r"\min(s / w, \sqrt{w / s})",
    reference=Reference(title="Vaswani et al. 2017, Attention is all you need", url="https://arxiv.org/abs/1706.03762"),
    keywords=("noam", "transformer", "warm-up"),
    parameters=(percent("Warm-up", 10.0, "The part of the run over which the rate rises to its full value."),),
    factor=factors.inverse_sqrt,
)
