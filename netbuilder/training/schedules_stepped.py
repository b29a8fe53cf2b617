"""Schedules that stay where they are between drops: constant, warm-up, step, multi-step, reduce on plateau."""

from __future__ import annotations

from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.parameter import Kind, Parameter
from netbuilder.training import schedule_factors as factors
from netbuilder.training.schedule_spec import WARM_UP, ScheduleSpec, gamma, percent

CONSTANT = ScheduleSpec(
    key="constant",
    title="Constant",
    summary="The same learning rate throughout.",
    help="Keeps the learning rate as it is set. Easy to understand; a falling rate often ends a little better.",
    factor=factors.constant,
)

WARMUP = ScheduleSpec(
    key="warmup",
    title="Warm-up",
    summary="Rises in a straight line, then stays.",
    help=(
        "Starts with small steps while the optimizer's running means settle. Helps transformers and large "
        "learning rates."
    ),
    reference=Reference(
        title="Goyal et al. 2017, Accurate, large minibatch SGD", url="https://arxiv.org/abs/1706.02677"
    ),
    keywords=("warm up", "linear"),
    parameters=(percent("Warm-up", 10.0, "The part of the run over which the rate rises to its full value."),),
    factor=factors.warmup,
)

STEP = ScheduleSpec(
    key="step",
    title="Step",
    summary="Drops by a factor at evenly spaced moments.",
    help="Multiplies the learning rate by the factor a few times during the run: large steps first, fine ones later.",
    keywords=("decay", "drop", "warm-up"),
    parameters=(
        Parameter(
            name="drops",
            title="Drops",
            kind=Kind.INT,
            default=2,
            minimum=1,
            maximum=1000,
            help="How many times the rate drops, evenly spaced over the run.",
        ),
        gamma(),
        WARM_UP,
    ),
    factor=factors.step_decay,
)

MULTI_STEP = ScheduleSpec(
    key="multi_step",
    title="Multi-step",
    summary="Drops by a factor at moments of your choice.",
    help="Multiplies the learning rate by the factor at each moment: the classic recipe of residual networks.",
    reference=Reference(
        title="He et al. 2016, Deep residual learning for image recognition", url="https://arxiv.org/abs/1512.03385"
    ),
    keywords=("decay", "drop", "milestones"),
    parameters=(
        Parameter(
            name="milestones",
            title="Moments",
            kind=Kind.INTS,
            default=(50, 75),
            minimum=0,
            maximum=100,
            unit="% of the run",
            help="When the rate drops.",
        ),
        gamma(),
        WARM_UP,
    ),
    factor=factors.multi_step,
)

PLATEAU = ScheduleSpec(
    key="plateau",
    title="Reduce on plateau",
    summary="Drops when the validation loss stops falling.",
    help=(
        "Watches the validation loss (the training loss where there is no validation part) after each epoch and drops"
        " the rate when it has not become better for a while."
    ),
    reference=Reference(
        title="PyTorch, ReduceLROnPlateau",
        url="https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html",
    ),
    keywords=("adaptive", "reduce", "patience"),
    parameters=(
        Parameter(
            name="patience",
            title="Patience",
            kind=Kind.INT,
            default=5,
            minimum=0,
            maximum=1_000_000,
            unit="epochs",
            help="How many epochs without a better loss are waited for before the rate drops.",
        ),
        gamma(),
        Parameter(
            name="threshold",
            title="Better by",
            kind=Kind.FLOAT,
            default=0.0001,
            minimum=0.0,
            maximum=0.9999,
            logarithmic=True,
            advanced=True,
            help="A loss counts as better when it is smaller by more than this share.",
        ),
        Parameter(
            name="cooldown",
            title="Rest after a drop",
            kind=Kind.INT,
            default=0,
            minimum=0,
            maximum=1_000_000,
            unit="epochs",
            advanced=True,
            help="Epochs after a drop that do not count as waiting.",
        ),
        Parameter(
            name="minimum",
            title="Lowest rate",
            kind=Kind.FLOAT,
            default=0.0,
            minimum=0.0,
            maximum=1.0,
            help="What part of the learning rate is always left.",
        ),
        WARM_UP,
    ),
    factor=factors.plateau,
    drops=factors.count_drops,
)
