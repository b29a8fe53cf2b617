"""Which layer computes the same as an ATen operator: sums, means, extremes, orders and running sums."""

from __future__ import annotations

from typing import Any

from netbuilder.exchange.incoming.aten_call import Call, maps, register
from netbuilder.exchange.incoming.aten_values import Unmapped, several
from netbuilder.layers.tensor import INTS, TensorType


def _axes(call: Call, rank: int, name: str = "dim") -> tuple[int, ...]:
    chosen = call.get(name)
    if chosen is None or chosen == []:
        return tuple(range(rank))
    return several(chosen, 1) if isinstance(chosen, int) else tuple(chosen)


def _reduce(call: Call, key: str) -> None:
    given = call.type("self")
    axes = _axes(call, given.rank)
    x = call.value("self")
    if key in ("sum", "mean") and not given.is_float and not (key == "sum" and given.dtype in INTS):
        cast = call.fresh("numbers", TensorType(given.dims))
        dtype = "float32" if call.result.is_float else "int64"
        call.emit("cast", {"x": x}, {"dtype": dtype}, outputs={"y": cast})
        x = cast
    call.emit(key, {"x": x}, {"axes": axes, "keepdim": bool(call.get("keepdim", False))})


for _target, _key in {
    "mean.dim": "mean",
    "mean.default": "mean",
    "sum.dim_IntList": "sum",
    "sum.default": "sum",
    "amax.default": "max",
    "amin.default": "min",
    "logsumexp.default": "log_sum_exp",
}.items():
    register([_target], _reduce, _key)


def _spread(call: Call, key: str) -> None:
    correction = call.get("correction", 1 if call.get("unbiased", True) else 0)
    if correction not in (0, None) or ("correction" not in call.arguments and call.get("unbiased", True)):
        raise Unmapped("divides by one less than the number of entries")
    _reduce(call, key)


for _key in ("var", "std"):
    register([f"{_key}.correction", f"{_key}.dim", f"{_key}.default"], _spread, _key)


def _along(call: Call, key: str, **more: Any) -> None:
    call.emit(key, {"x": call.value("self")}, {"axis": call.get("dim", -1), **more})


def _along_keeping(call: Call, key: str) -> None:
    _along(call, key, keepdim=bool(call.get("keepdim", False)))


def _running(call: Call, key: str) -> None:
    _along(call, key, **({"descending": bool(call.get("descending", False))} if key == "argsort" else {}))


for _target, _key in {
    "cumsum.default": "cumsum",
    "cumprod.default": "cumprod",
    "argsort.default": "argsort",
    "logcumsumexp.default": "log_cumsum_exp",
}.items():
    register([_target], _running, _key)


def _arg(call: Call, key: str) -> None:
    if call.get("dim") is None or call.get("keepdim"):
        raise Unmapped("finds a place among all entries, or keeps the axis")
    _along(call, key)


register(["argmax.default"], _arg, "argmax")
register(["argmin.default"], _arg, "argmin")
register(["prod.dim_int"], _along_keeping, "prod")
register(["any.dim"], _along_keeping, "any")
register(["all.dim"], _along_keeping, "all")


@maps("max.dim", "min.dim")
def _best(call: Call) -> None:
    key = "max" if call.step.target == "aten.max.dim" else "min"
    keep = bool(call.get("keepdim", False))
    x = {"x": call.value("self")}
    call.emit(key, x, {"axes": (call.get("dim"),), "keepdim": keep})
    if not keep:
        call.emit(f"arg{key}", x, {"axis": call.get("dim")}, outputs={"y": call.step.outputs[1]})


@maps("linalg_vector_norm.default", "norm.ScalarOpt_dim")
def _norm(call: Call) -> None:
    axes = _axes(call, call.type("self").rank)
    power = call.get("ord", call.get("p", 2))
    if len(axes) != 1:
        raise Unmapped("takes the norm along several axes")
    parameters = {"axis": axes[0], "keepdim": bool(call.get("keepdim", False)), "power": float(power or 2)}
    call.emit("norm", {"x": call.value("self")}, parameters)


@maps("topk.default")
def _top(call: Call) -> None:
    outputs = {"y": call.step.outputs[0], "indices": call.step.outputs[1]}
    parameters = {"axis": call.get("dim", -1), "count": call.get("k"), "largest": bool(call.get("largest", True))}
    call.emit("top_k", {"x": call.value("self")}, parameters, outputs=outputs)


@maps("sort.default")
def _sort(call: Call) -> None:
    outputs = {"y": call.step.outputs[0], "indices": call.step.outputs[1]}
    parameters = {"axis": call.get("dim", -1), "descending": bool(call.get("descending", False))}
    call.emit("sort", {"x": call.value("self")}, parameters, outputs=outputs)
