"""Padding layers: a border around signals, pictures and volumes, one layer for each way to fill it."""

from __future__ import annotations

from collections.abc import Iterator

from netbuilder.foundation.parameter import Values
from netbuilder.layers import relations
from netbuilder.layers.settings import LAYOUTS, number, sizes, torch_docs
from netbuilder.layers.spec import Check, LayerSpec, Mismatch, Port, Types

_WHAT = {1: "signal", 2: "picture", 3: "volume"}
_SIDES = {1: "left, right", 2: "left, right, top, bottom", 3: "left, right, top, bottom, front, back"}


def _at_most(spare: int) -> Check:
    """Return the relation: no side is padded by more than the axis has entries, less `spare`."""

    def check(values: Values, inputs: Types) -> Iterator[Mismatch]:
        found = inputs["x"]
        for side, padding in enumerate(values["padding"]):
            size = found.dims[-1 - side // 2]
            if isinstance(size, int) and padding > size - spare:
                limits = [found.dims[-1 - index // 2] for index in range(len(values["padding"]))]
                fitting = tuple(
                    min(each, limit - spare) if isinstance(limit, int) else each
                    for each, limit in zip(values["padding"], limits, strict=True)
                )
                yield relations.expects("x", f"a padding of at most {size - spare}", str(padding), padding=fitting)
                return

    return check


_FAMILIES: tuple[tuple[str, str, str, str, str, tuple[Check, ...]], ...] = (
    (
        "zero_pad",
        "ZeroPad",
        "zeros",
        "Surrounds the {what} with zeros. A convolution behind it then reaches the border; most convolutions can do "
        "this by themselves (Padding), unless the two sides differ.",
        r"y_i = \begin{cases} x_{i - p} & \text{if } 0 \le i - p < k \\ 0 & \text{else} \end{cases}",
        (),
    ),
    (
        "constant_pad",
        "ConstantPad",
        "one number",
        "Surrounds the {what} with a number of your choice, such as the value that stands for silence, sky or nothing "
        "at all in your data.",
        r"y_i = \begin{cases} x_{i - p} & \text{if } 0 \le i - p < k \\ v & \text{else} \end{cases}",
        (),
    ),
    (
        "reflection_pad",
        "ReflectionPad",
        "its mirror image",
        "Continues the {what} beyond its border as in a mirror, without repeating the border itself. Generators use it "
        "because zeros would show as dark frames.",
        r"y_{p - i} = x_i, \quad y_{p + k - 1 + i} = x_{k - 1 - i}",
        (_at_most(1),),
    ),
    (
        "replication_pad",
        "ReplicationPad",
        "its border, repeated",
        "Repeats the outermost entries of the {what} outwards. Derivatives at the border become 0 instead of jumping.",
        r"y_i = x_{\min(\max(i - p, 0), k - 1)}",
        (),
    ),
    (
        "circular_pad",
        "CircularPad",
        "its other end",
        "Continues the {what} from its other end, as on a ring: for angles, hours of the day, panoramas and globes, "
        "which have no border.",
        r"y_i = x_{(i - p) \bmod k}",
        (_at_most(0),),
    ),
)
"""Key, title, what fills the border, help, formula and checks of each family."""


def _padding(
    key: str, title: str, fill: str, help: str, formula: str, checks: tuple[Check, ...], axes: int
) -> LayerSpec:
    constant = key == "constant_pad"
    port = {"ranks": (axes + 2,), "layout": LAYOUTS[axes]}
    side = sizes(
        "padding", "Padding", (1,) * (2 * axes), f"Entries added at each side: {_SIDES[axes]}.", 2 * axes, minimum=0
    )
    value = number("value", "Number", 0.0, "What the border holds.")
    return LayerSpec(
        key=f"{key}{axes}d",
        title=f"{title}{axes}d",
        category="shape",
        summary=f"Surrounds a {_WHAT[axes]} with {fill}.",
        help=help.format(what=_WHAT[axes]),
        formula=formula,
        reference=torch_docs(f"torch.nn.{title}{axes}d"),
        keywords=("pad", "padding", "border", "margin", fill),
        parameters=(side, value) if constant else (side,),
        inputs=(Port(name="x", **port),),  # type: ignore[arg-type]
        outputs=(Port(name="y", **port),),  # type: ignore[arg-type]
        make=f"nn.{title}{axes}d(padding{', value' if constant else ''})",
        checks=checks,
        brief=lambda values: ", ".join(map(str, values["padding"])),
    )


PADDINGS = tuple(_padding(*family, axes) for family in _FAMILIES for axes in (1, 2, 3))
