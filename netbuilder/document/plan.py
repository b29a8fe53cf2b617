"""The plan's settings, declared once: the form, the ranges that edits and files check, the help."""

from __future__ import annotations

from netbuilder.foundation.parameter import Choice, Kind, Parameter

MOST_ACCUMULATED = 10_000
"""An update is made of at most so many batches."""

PLAN_PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        name="epochs",
        title="Epochs",
        kind=Kind.INT,
        default=20,
        minimum=1,
        maximum=1_000_000,
        help="How often training goes through all training rows.",
    ),
    Parameter(
        name="batch_size",
        title="Batch size",
        kind=Kind.INT,
        default=64,
        minimum=1,
        maximum=1_000_000,
        help="How many rows each step looks at. Larger is steadier and faster a row, smaller learns more a row.",
    ),
    Parameter(
        name="seed",
        title="Seed",
        kind=Kind.INT,
        default=0,
        minimum=0,
        maximum=2**32 - 1,
        help="Starts the random numbers for weights, shuffling and dropout: equal seeds give equal runs.",
    ),
    Parameter(
        name="clip_norm",
        title="Clip gradients to",
        kind=Kind.FLOAT,
        default=0.0,
        minimum=0.0,
        maximum=1e9,
        help="Scales gradients down to this total norm, which tames sudden jumps. 0 never does.",
    ),
    Parameter(
        name="accumulation",
        title="Batches an update",
        kind=Kind.INT,
        default=1,
        minimum=1,
        maximum=MOST_ACCUMULATED,
        advanced=True,
        help=(
            "Adds up the gradients of this many batches before the weights move, as if they were one large batch, but"
            " with the memory of a small one."
        ),
    ),
    Parameter(
        name="ema_decay",
        title="Average weights",
        kind=Kind.FLOAT,
        default=0.0,
        minimum=0.0,
        maximum=0.999999,
        advanced=True,
        help=(
            "Keeps a running average of the weights, which validation, test and the best checkpoint use: often a little"
            " better and steadier. 0.999 forgets over about a thousand updates; 0 keeps none."
        ),
    ),
    Parameter(
        name="patience",
        title="Patience",
        kind=Kind.INT,
        default=0,
        minimum=0,
        maximum=1_000_000,
        unit="epochs",
        help="Stops after this many epochs without a better validation result. 0 never stops early.",
    ),
    Parameter(
        name="monitor",
        title="Watch",
        kind=Kind.TEXT,
        default="loss",
        help='What "better" means: "loss" or a metric, on the validation part.',
        advanced=True,
    ),
    Parameter(
        name="precision",
        title="Compute in",
        kind=Kind.CHOICE,
        default="float32",
        choices=(
            Choice(value="float32", title="float32", help="What torch does by itself."),
            Choice(value="bf16", title="bfloat16", help="As wide a range, two to three digits."),
            Choice(value="fp16", title="float16", help="More digits, small range: the loss is scaled."),
        ),
        advanced=True,
        help=(
            "Layers that gain from it compute in 16 bits: faster where the processor knows them, a little less exact."
            " Weights, losses and updates stay float32."
        ),
    ),
    Parameter(
        name="memory_format",
        title="Memory format",
        kind=Kind.CHOICE,
        default="auto",
        choices=(
            Choice(value="auto", title="automatic", help="Channels innermost on a CPU where all layers gain from it."),
            Choice(value="contiguous", title="channels first", help="torch.contiguous_format."),
            Choice(value="channels_last", title="channels last", help="torch.channels_last."),
        ),
        advanced=True,
        help="How torch lays out images between layers. It changes the speed, and the last digits.",
    ),
    Parameter(
        name="compile",
        title="Compile",
        kind=Kind.BOOL,
        default=False,
        advanced=True,
        help=(
            "torch.compile makes kernels for this very network. That takes seconds to minutes at the start; where it"
            " fails, training goes on without."
        ),
    ),
    Parameter(
        name="cuda_graphs",
        title="CUDA graphs",
        kind=Kind.BOOL,
        default=False,
        advanced=True,
        help=(
            "With Compile, on an NVIDIA GPU: the kernels of a step are recorded once and started together, which small"
            " networks gain from. Elsewhere, and with several batches an update, it changes nothing."
        ),
    ),
    Parameter(
        name="threads",
        title="Threads",
        kind=Kind.INT,
        default=0,
        minimum=0,
        maximum=1024,
        advanced=True,
        help=(
            "How many threads torch may use inside an operation. 0 takes one for small networks, else all cores but"
            " one."
        ),
    ),
)
"""The plan's plain fields; phases, optimizer and schedule have declarations of their own."""

GROUP_PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        name="rate",
        title="Rate",
        kind=Kind.FLOAT,
        default=0.1,
        minimum=0.0,
        maximum=1e9,
        unit="× the rate",
        logarithmic=True,
        help=(
            "Multiplies the optimizer's learning rate for these layers. Layers that were trained before take 0.1 or"
            " less."
        ),
    ),
    Parameter(
        name="weight_decay",
        title="Weight decay",
        kind=Kind.FLOAT,
        default=None,
        minimum=0.0,
        maximum=1e9,
        optional=True,
        none_title="the optimizer's",
        logarithmic=True,
        help="Pulls these layers' weights towards 0, in place of the optimizer's weight decay.",
    ),
)
"""What a parameter group sets for its layers."""
