"""Schedules that rise and fall: one cycle, triangular, cosine with restarts."""

from __future__ import annotations

from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.parameter import Kind, Parameter
from netbuilder.training import schedule_factors as factors
from netbuilder.training.schedule_spec import WARM_UP, ScheduleSpec, cycles, end, percent

COSINE_RESTARTS = ScheduleSpec(
    key="cosine_restarts",
    title="Cosine with restarts",
    summary="Falls smoothly and jumps back up, several times.",
    help="Each restart shakes the weights out of where they settled, so that several good places are visited.",
    reference=Reference(
        title="Loshchilov and Hutter 2017, SGDR: Stochastic gradient descent with warm restarts",
        url="https://arxiv.org/abs/1608.03983",
    ),
    keywords=("annealing", "warm restarts", "sgdr"),
    parameters=(
        cycles(3),
        Parameter(
            name="growth",
            title="Growth",
            kind=Kind.FLOAT,
            default=1.0,
            minimum=0.1,
            maximum=10.0,
            advanced=True,
            help="How many times as long each cycle is as the one before.",
        ),
        end("minimum", 0.0),
        WARM_UP,
    ),
    factor=factors.cosine_restarts,
)

ONE_CYCLE = ScheduleSpec(
    key="one_cycle",
    title="One cycle",
    summary="Up to the full rate, then down to almost zero.",
    help=(
        "Rises to a high learning rate and falls again within one run. Often trains in fewer epochs, with the"
        " rate set higher than usual."
    ),
    reference=Reference(title="Smith and Topin 2018, Super-convergence", url="https://arxiv.org/abs/1708.07120"),
    keywords=("1cycle", "super-convergence", "warm-up"),
    parameters=(
        percent("Rise", 30.0, "The part of the run over which the rate rises."),
        Parameter(
            name="start",
            title="Rate at the start",
            kind=Kind.FLOAT,
            default=0.04,
            minimum=0.0,
            maximum=1.0,
            advanced=True,
            help="What part of the learning rate the run starts with.",
        ),
        Parameter(
            name="end",
            title="Rate at the end",
            kind=Kind.FLOAT,
            default=0.0001,
            minimum=0.0,
            maximum=1.0,
            logarithmic=True,
            advanced=True,
            help="What part of the learning rate is left at the end.",
        ),
    ),
    factor=factors.one_cycle,
)

TRIANGULAR = ScheduleSpec(
    key="triangular",
    title="Triangular",
    summary="Rises and falls in straight lines, again and again.",
    help="Moves between a low and the full rate, which spares looking for the one best rate.",
    reference=Reference(
        title="Smith 2017, Cyclical learning rates for training neural networks", url="https://arxiv.org/abs/1506.01186"
    ),
    keywords=("cyclic", "cyclical", "clr"),
    parameters=(
        cycles(4),
        Parameter(
            name="minimum",
            title="Lowest rate",
            kind=Kind.FLOAT,
            default=0.1,
            minimum=0.0,
            maximum=1.0,
            help="What part of the learning rate each cycle begins and ends with.",
        ),
        Parameter(
            name="decay",
            title="Next peak",
            kind=Kind.FLOAT,
            default=1.0,
            minimum=0.0,
            maximum=1.0,
            advanced=True,
            help="How high each peak is, as a part of the one before; 1 keeps them.",
        ),
        WARM_UP,
    ),
    factor=factors.triangular,
)
