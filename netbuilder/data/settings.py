"""The settings that every data source shares: how its rows are split, and whether they are normalized."""

from __future__ import annotations

from netbuilder.foundation.parameter import Kind, Parameter, Values

_SPLIT = (
    Parameter(
        name="validation_percent",
        title="Validation",
        kind=Kind.INT,
        default=15,
        minimum=1,
        maximum=80,
        unit="%",
        help="How much of the data is kept aside to watch learning: after every epoch the network is tried on it.",
    ),
    Parameter(
        name="test_percent",
        title="Test",
        kind=Kind.INT,
        default=15,
        minimum=1,
        maximum=80,
        unit="%",
        help="How much of the data is looked at only once, after training, for an honest mark.",
    ),
    Parameter(
        name="split_seed",
        title="Split seed",
        kind=Kind.INT,
        default=0,
        minimum=0,
        maximum=2**31 - 1,
        advanced=True,
        help="Which rows fall into which part. The same seed always gives the same split.",
    ),
)

_STRATIFY = Parameter(
    name="stratify",
    title="Keep class proportions",
    kind=Kind.BOOL,
    default=True,
    advanced=True,
    help="Give each part the same share of every class, so that a rare class is not missing from one.",
)

_NORMALIZE = Parameter(
    name="normalize",
    title="Normalize",
    kind=Kind.BOOL,
    default=False,
    help="Shift and scale each feature to mean 0 and standard deviation 1, measured on the training part only.",
)

_NORMALIZE_TARGET = Parameter(
    name="normalize_target",
    title="Normalize the target",
    kind=Kind.BOOL,
    default=True,
    help="Scale the numbers to predict to mean 0 and standard deviation 1 as well. Training is far easier; R2 does not "
    "change; errors are then in standard deviations.",
    shown_when=lambda values: values.get("task") != "classification",
)

SHARED = frozenset(parameter.name for parameter in (*_SPLIT, _STRATIFY, _NORMALIZE, _NORMALIZE_TARGET))
"""The names of the settings in this module: they change how rows are prepared, never what a source yields."""


def shared_settings(*, classes: bool, target: bool = False, normalize: bool = False) -> tuple[Parameter, ...]:
    """Return the settings that end every source's parameters.

    Args:
        classes: Whether the source has classes, so that a split can keep their proportions.
        target: Whether the source has numbers to predict, which can be normalized too.
        normalize: The default of Normalize.
    """
    scale = Parameter(
        name=_NORMALIZE.name,
        title=_NORMALIZE.title,
        kind=_NORMALIZE.kind,
        default=normalize,
        help=_NORMALIZE.help,
    )
    return (*_SPLIT, *((_STRATIFY,) if classes else ()), scale, *((_NORMALIZE_TARGET,) if target else ()))


def normalized_fields(fields: tuple[str, ...], values: Values) -> tuple[str, ...]:
    """Return those of `fields` that these settings standardize; the field `target` has a switch of its own."""
    return tuple(name for name in fields if values.get("normalize_target" if name == "target" else "normalize", False))
