"""Relations: what must hold between a layer's inputs and parameters, checked before torch is asked.

Torch's meta device accepts much that fails later (whole numbers into Linear) or trains to nonsense (an N × 1 prediction
against an N target), and what it refuses it explains in its own words. These rules run first and say it plainly, with
what would mend it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import gcd
from typing import Any

from netbuilder.foundation.parameter import Values
from netbuilder.layers.remedies import Insert, cast, for_broadcast, for_port, for_shape, is_larger
from netbuilder.layers.spec import Check, Dtype, LayerSpec, Mismatch, Port, Task, Types, other_input
from netbuilder.layers.tensor import INTS, Dim, Size, TensorType
from netbuilder.layers.tensor import may_equal as may_equal

AXES: Mapping[str, str] = {
    "N": "N",
    "NF": "N × features",
    "NC": "N × classes",
    "NT": "N × time",
    "NCL": "N × channels × length",
    "NTF": "N × time × features",
    "NCHW": "N × channels × height × width",
    "NCDHW": "N × channels × depth × height × width",
}
"""Layout -> its axes in words."""


def check_ports(spec: LayerSpec, values: Values, inputs: Types) -> Iterator[Mismatch]:
    """Yield what the ports' declared ranks and dtypes refuse; for every node, before its `spec.checks`.

    Args:
        spec: The layer's declaration.
        values: Its resolved parameters.
        inputs: The types of its connected input ports.
    """
    for port in spec.input_ports(values):
        found = inputs.get(port.name)
        if found is None:
            continue
        mismatch = (
            _dtype_mismatch(spec, port, found)
            or _rank_mismatch(port, found)
            or _batch_mismatch(spec, port, found)
            or _empty_mismatch(port, found)
        )
        if mismatch is not None:
            yield mismatch


def check_all(spec: LayerSpec, values: Values, inputs: Types) -> Mismatch | None:
    """Return the first mismatch of the ports and of the spec's own checks; None when torch may be asked.

    Own checks look at all inputs, so they run only when every port that is not optional is connected.
    """
    for mismatch in check_ports(spec, values, inputs):
        return mismatch
    if any(port.name not in inputs and not port.optional for port in spec.input_ports(values)):
        return None
    for check in spec.checks:
        for mismatch in check(values, inputs):
            return mismatch
    return None


def expects(port: str, expected: str, found: TensorType | str, *insert: Insert, **set: Any) -> Mismatch:
    """Return the mismatch that says "expects ..., got ..."."""
    return Mismatch(
        port=port,
        message=f"expects {expected}, got {found}",
        expected=expected,
        found=str(found),
        insert=insert,
        set=set,
    )


def settings_clash(port: str, expected: str, found: str, **set: Any) -> Mismatch:
    """Return the mismatch that says "expects ..., got ..." of a setting of the layer itself."""
    return replace(expects(port, expected, found, **set), own=True)


def counts_samples(found: TensorType) -> bool:
    """Whether axis 0 counts the samples, or a multiple of them; fixed tables and values turned time first do not."""
    return bool(found.dims) and (
        found.dims[0] is None or (isinstance(found.dims[0], Size) and found.dims[0].symbol == "N")
    )


def _batch_mismatch(spec: LayerSpec, port: Port, found: TensorType) -> Mismatch | None:
    """Return what is wrong where the axes have a meaning and the first is not the samples, nor 1 for all alike."""
    if found.dims and (counts_samples(found) or found.dims[0] == 1 or not (port.layout or spec.is_loss)):
        return None
    return expects(port.name, "something for each sample (N × …)", found)


def _empty_mismatch(port: Port, found: TensorType) -> Mismatch | None:
    return expects(port.name, "at least one entry along every axis", found) if 0 in found.dims else None


_INDICES = ("int64", "int32")
_INDICES_IN = ("x", "indices")
"""Ports through which layers read indices that a table may hold as numbers."""
_FOR_CLASSES = ("cross_entropy",)
"""The loss that is meant where classes are compared with numbers."""
_EMBEDDED = ("linear", "recurrent", "attention")
"""Categories of layers that are often meant to read tokens."""


def _dtype_mismatch(spec: LayerSpec, port: Port, found: TensorType) -> Mismatch | None:
    whole = found.dtype in INTS
    wanted = port.dtype
    if wanted is Dtype.ANY or (wanted is Dtype.NUMBER and found.dtype != "bool"):
        return None
    to_float = cast("float32")
    if wanted in (Dtype.FLOAT, Dtype.NUMBER):
        if found.is_float:
            wrong_weights = bool(spec.make) and found.dtype != "float32"
            return expects(port.name, "32-bit floating-point numbers", found.dtype, to_float) if wrong_weights else None
        if spec.is_loss and found.classes > 2:
            classes = expects(port.name, "floating-point numbers", f"classes ({found.dtype})", ("one_hot", {}))
            return replace(classes, become=_FOR_CLASSES if port.name == "target" else ())
        embeds = found.dtype in _INDICES and (found.vocabulary or found.rank <= 2) and spec.category in _EMBEDDED
        fixes = (("embedding", {}), to_float) if embeds and found.vocabulary else (to_float, ("embedding", {}))
        return expects(
            port.name,
            "floating-point numbers",
            f"whole numbers ({found.dtype})" if whole else found.dtype,
            *(fixes if embeds else (to_float,)),
        )
    if wanted is Dtype.BOOL:
        return None if found.dtype == "bool" else expects(port.name, "true or false (bool)", found.dtype, cast("bool"))
    if whole:
        return None
    words = f"floating-point numbers ({found.dtype})" if found.is_float else found.dtype
    # What counts something else than indices (a place, a length) is not mended by cutting off what follows the point.
    mends = port.name in _INDICES_IN or spec.task is Task.CLASSIFICATION
    inserts = (cast("int64"),) if mends else ()
    if spec.task is Task.CLASSIFICATION and found.is_float and found.rank > 1 and found.dims[1] != 1:
        inserts = (("argmax", {"axis": 1}), *inserts)  # a row of zeros with a one where the class is
    return expects(port.name, "whole numbers", words, *inserts)


def _rank_mismatch(port: Port, found: TensorType) -> Mismatch | None:
    if not port.ranks or found.rank in port.ranks:
        return None
    return expects(port.name, shape_words(port), found, *for_port(port, found))


def shape_words(port: Port) -> str:
    """Say which shapes a port takes."""
    words = AXES.get(port.layout)
    if words is not None:
        return words
    counts = sorted(port.ranks)
    if len(counts) == 1:
        return f"{counts[0]} axes" if counts[0] != 1 else "N"
    if counts == list(range(counts[0], counts[-1] + 1)) and len(counts) > 2:
        return f"{counts[0]} to {counts[-1]} axes"
    return " or ".join(map(str, counts)) + " axes"


# -- relations between inputs ----------------------------------------------------------------------------


def _pairs(inputs: Types) -> Iterator[tuple[str, str]]:
    first, *others = inputs
    for other in others:
        yield first, other


def unlike(expected: str, port: str, against: str, inputs: Types, *insert: Insert, **set: Any) -> Mismatch:
    """Return the mismatch that says "expects <expected> the input <against> (its type), got ..." of a port.

    Args:
        expected: What is expected of it, e.g. "the shape of".
        port: The input that is wrong.
        against: The input that it is held against.
        inputs: The types of the inputs.
        insert: Layers before `port` that would mend it.
        set: Parameter values that would mend it.
    """
    wanted = f"{expected} {other_input(against)} ({inputs[against]})"
    return replace(expects(port, wanted, inputs[port], *insert, **set), against=against)


def same_shape(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """All inputs have one shape."""
    for first, other in _pairs(inputs):
        a, b = inputs[first], inputs[other]
        if a.rank != b.rank or not all(map(may_equal, a.dims, b.dims)):
            port, against = (first, other) if a.rank > b.rank or is_larger(a, b) else (other, first)
            yield unlike("the shape of", port, against, inputs, *for_shape(inputs[port], inputs[against]))


def broadcastable(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """All inputs have equal sizes axis by axis, or 1; what has samples never lacks an axis.

    Torch aligns a missing axis on the wrong side: (N, 1) + (N) is (N, N), every sample added to every other. A fixed
    table has no samples, and may leave out its first axes.
    """
    (name, first), *others = inputs.items()
    sizes = list(first.dims)
    for other, found in others:
        shown = TensorType(tuple(sizes))
        if len(sizes) != found.rank and counts_samples(found if found.rank < len(sizes) else shown):
            yield _axes_missing(inputs, name, other, shown)
            return
        rank = max(len(sizes), found.rank)
        one: list[Dim] = [1]
        sizes = one * (rank - len(sizes)) + sizes
        dims = one * (rank - found.rank) + list(found.dims)
        if rank and not may_equal(sizes[0], dims[0]) and 1 not in (sizes[0], dims[0]):
            yield unlike("as many samples as", other, name, inputs)
            return
        if not all(may_equal(a, b) or 1 in (a, b) for a, b in zip(sizes, dims, strict=True)):
            yield _sizes_differ(inputs, name, other, shown)
            return
        sizes = [b if a == 1 else a for a, b in zip(sizes, dims, strict=True)]


def _axes_missing(inputs: Types, first: str, other: str, shown: TensorType) -> Mismatch:
    """Return the mismatch of two inputs of which one lacks an axis."""
    found = inputs[other]
    if shown.dims != inputs[first].dims and found.rank < shown.rank:
        inserts = for_broadcast(found, shown)
        return expects(other, f"as many axes as the inputs before it ({shown})", found, *inserts)
    port, against = (other, first) if found.rank < inputs[first].rank else (first, other)
    return unlike("as many axes as", port, against, inputs, *for_broadcast(inputs[port], inputs[against]))


def _sizes_differ(inputs: Types, first: str, other: str, shown: TensorType) -> Mismatch:
    """Return the mismatch of two inputs that cannot be taken together number by number."""
    if shown.dims != inputs[first].dims:  # it meets what several inputs before it are together
        inserts = for_shape(inputs[other], shown)
        return expects(other, f"the sizes of the inputs before it, or 1 ({shown})", inputs[other], *inserts)
    port, against = (first, other) if is_larger(inputs[first], inputs[other]) else (other, first)
    return unlike("the sizes of", port, against, inputs, *for_shape(inputs[port], inputs[against]))


def same_except(axis: str) -> Check:
    """Return the relation: all inputs have one shape but for the axis that the parameter called `axis` gives."""

    def check(values: Values, inputs: Types) -> Iterator[Mismatch]:
        for first, other in _pairs(inputs):
            a, b = inputs[first], inputs[other]
            if a.rank != b.rank:
                port, against = (first, other) if a.rank > b.rank else (other, first)
                rows: tuple[Insert, ...] = (("flatten", {}),) if inputs[against].rank == 2 else ()
                inserts = rows or for_shape(inputs[port], inputs[against])
                yield unlike("as many axes as", port, against, inputs, *inserts)
                continue
            free = values[axis] % a.rank if a.rank else 0
            unequal = [index for index, pair in enumerate(zip(a.dims, b.dims, strict=True)) if not may_equal(*pair)]
            if set(unequal) - {free}:
                yield _joined(inputs, first, other, free, unequal, axis)

    return check


def _joined(inputs: Types, first: str, other: str, free: int, unequal: list[int], axis: str) -> Mismatch:
    """Return the mismatch of two inputs that differ on more than the axis along which they are joined."""
    a, b = inputs[first], inputs[other]
    alone = len(unequal) == 1 and unequal[0] > 0  # along that axis they could be joined as they are
    wanted = TensorType((*a.dims[:free], b.dims[free], *a.dims[free + 1 :]), a.dtype)
    inserts = () if alone and a.rank < 4 else for_shape(b, wanted)
    found = unlike("the sizes of", other, first, inputs, *inserts, **({axis: unequal[0]} if alone else {}))
    words = f"{found.expected} on every axis but {free}"
    return replace(found, expected=words, message=f"expects {words}, got {b}")


def axis_exists(*names: str, batch: bool = False, extra: int = 0) -> Check:
    """Return the relation: the parameters called `names` are axes of the first input.

    Args:
        names: Parameters that hold an axis, or several.
        batch: Whether the batch axis (0) is allowed.
        extra: How many axes more than the input has may be named (a new axis).
    """

    def check(values: Values, inputs: Types) -> Iterator[Mismatch]:
        port, found = next(iter(inputs.items()))
        rank = found.rank + extra
        free = batch or not counts_samples(found)
        if rank < 2 and not free:
            yield expects(port, "at least one axis besides the samples", found)
            return
        for name in names:
            chosen = values[name] if isinstance(values[name], tuple) else (values[name],)
            for axis in chosen:
                if not -rank <= axis < rank:
                    nearest = rank - 1 if values[name] == axis else tuple(each for each in chosen if abs(each) < rank)
                    yield expects(
                        port,
                        f"an axis from {0 if free else 1} to {rank - 1}",
                        f"axis {axis} of {found}",
                        **{name: nearest if nearest != () else (rank - 1,)},
                    )
                elif axis % rank == 0 and not free:
                    yield Mismatch(
                        port=port,
                        message="expects axis 1 or later, since axis 0 counts the samples",
                        expected="axis 1 or later",
                        found="axis 0",
                        set={name: 1} if values[name] == axis else {},
                    )

    return check


# -- parameters against sizes ----------------------------------------------------------------------------


def indices_exist(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """No index reaches beyond the axis that they count along, so far as is known how many different ones there are."""
    x, indices = inputs["x"], inputs["indices"]
    size = x.dims[values["axis"] % x.rank]
    if isinstance(size, int) and indices.vocabulary > size:
        yield expects("indices", f"indices below {size}", f"{indices.vocabulary} different ones")


def per_axis(value: object, count: int) -> tuple[int, ...]:
    """Return a parameter's value for each of `count` axes."""
    return tuple(value) if isinstance(value, tuple) else (int(value),) * count  # type: ignore[call-overload]


def kernel_fits(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """The kernel, spread by its dilation, is no larger than the padded input."""
    found = inputs["x"]
    kernel = per_axis(values["kernel_size"], found.rank - 2)
    dilation = per_axis(values.get("dilation", 1), len(kernel))
    padding = padding_of(values, len(kernel))
    if padding is None:
        return
    sizes = found.dims[2:]
    rooms = [size + 2 * p if isinstance(size, int) else None for size, p in zip(sizes, padding, strict=True)]
    for axis, (room, k, d, p) in enumerate(zip(rooms, kernel, dilation, padding, strict=True), start=2):
        reach = d * (k - 1) + 1
        if room is None or reach <= room:
            continue
        smaller = tuple(
            k if room is None else min(k, (room - 1) // d + 1)
            for k, d, room in zip(kernel, dilation, rooms, strict=True)
        )
        yield expects(
            "x",
            f"at least {reach - 2 * p} along axis {axis} for a kernel that reaches over {reach}",
            found,
            kernel_size=smaller,
        )
        return


def padding_of(values: Values, count: int) -> tuple[int, ...] | None:
    """Return the padding on each side of each axis; None when it is chosen so that the kernel always fits."""
    mode = values.get("padding", 0)
    if mode == "same":
        return None
    if mode == "valid":
        return (0,) * count
    return per_axis(values["padding_size"] if mode == "explicit" else mode, count)


def divisible(size: Dim, count: int) -> bool:
    """Whether `count` divides a size, whatever its symbol stands for, so far as is known."""
    if isinstance(size, Size):
        return size.factor % count == 0 and size.offset % count == 0
    return size is None or size % count == 0


def divides(divisor: str, what: str, axis: int = 1, port: str = "x", also: str = "") -> Check:
    """Return the relation: the parameter called `divisor` divides the size of `axis`.

    Args:
        divisor: The parameter's name.
        what: What is divided, for the message: "channels".
        axis: The axis of the input.
        port: The input port.
        also: Another parameter that it must divide, which the fix heeds; "" for none.
    """

    def check(values: Values, inputs: Types) -> Iterator[Mismatch]:
        found = inputs[port]
        size, count = found.dims[axis], values[divisor]
        if isinstance(size, int) and size % count:
            whole = gcd(size, values[also]) if also else size
            best = max(number for number in range(1, min(count, whole) + 1) if whole % number == 0)
            yield expects(port, f"a number of {what} that {count} divides", f"{size}", **{divisor: best})

    return check
