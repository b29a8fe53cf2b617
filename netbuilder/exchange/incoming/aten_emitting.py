"""Emitting: the operations that a translation writes, and the values that are made only when somebody reads them.

Imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from netbuilder.exchange.incoming.aten_values import Computed, Folded, Known, Learned, Unmapped
from netbuilder.exchange.incoming.exported_graph import ExportedGraph, Step
from netbuilder.exchange.incoming.operation import Operation, Scope
from netbuilder.layers.catalog import catalog
from netbuilder.layers.tensor import BATCH, Size, TensorType


@dataclass(slots=True)
class _Use:
    """Where a weight is used first: what layer, and under which key it is shared."""

    type: str
    shares: str


class Emitter:
    """Collects operations.

    Attributes:
        graph: What is translated.
        operations: What was written so far.
        known: Name -> what it stands for.
        types: Name -> its type, in N and T.
        notes: Sentences for the user.
    """

    def __init__(self, graph: ExportedGraph) -> None:
        """Begin with nothing written."""
        self.graph = graph
        self.operations: list[Operation] = []
        self.known: dict[str, Known] = {}
        self.types: dict[str, TensorType] = {}
        self.notes: list[str] = list(graph.notes)
        self.made: dict[tuple[str, bool], str] = {}
        self.uses: dict[str, _Use] = {}
        self.births: dict[int, tuple[Scope, ...]] = {}
        self.held: list[Folded] = []
        self.count = 0

    def fresh(self, hint: str, type: TensorType) -> str:
        """Return a new value's name."""
        self.count += 1
        name = f"{hint}.{self.count}"
        self.types[name] = type
        self.known[name] = Computed(name)
        return name

    def emit(
        self,
        step: Step,
        type: str,
        inputs: Mapping[str, str],
        parameters: Mapping[str, Any] | None = None,
        weights: Mapping[str, Learned | None] | None = None,
        outputs: Mapping[str, str] | None = None,
        label: str = "",
        scope: tuple[Scope, ...] | None = None,
    ) -> None:
        """Add an operation; see `Call.emit`."""
        held = {name: each for name, each in (weights or {}).items() if each is not None}
        learned = [each for each in held.values() if isinstance(each, Learned)]
        shares = "+".join(each.key for each in learned)
        self._note_sharing(type, shares, learned)
        outputs = {"y": step.outputs[0]} if outputs is None else outputs
        self.operations.append(
            Operation(
                type=type,
                origin=step.target,
                parameters=parameters or {},
                inputs=inputs,
                outputs=outputs,
                weights={name: each.tensor for name, each in held.items()},
                shares=shares,
                scope=step.scope if scope is None else scope,
                label=label or _label(type, learned, step),
            )
        )
        for name in outputs.values():
            if name in step.outputs:
                self.known[name] = Computed(name)

    def _note_sharing(self, type: str, shares: str, learned: Sequence[Learned]) -> None:
        for each in learned:
            if "|" in each.key:
                continue  # parts of one matrix are others than each other
            use = self.uses.setdefault(each.key, _Use(type, shares))
            if use.shares != shares:
                self.notes.append(
                    f"{each.key} served layers that cannot share weights here; each has a copy now, "
                    "and training changes them apart."
                )

    def make(self, value: Known, step: Step, whole: bool) -> str:
        """Return the name of a value, adding the node that gives it when it was only known until now.

        Args:
            value: What is wanted.
            step: Who wants it.
            whole: Whether a constant that is the same for all samples must be there once for each.

        Raises:
            Unmapped: When it cannot be given.
        """
        if isinstance(value, Computed):
            return value.name
        if isinstance(value, Learned):
            return self._make_learned(value, step)
        if isinstance(value, Folded):
            return self._make_folded(value, step, whole)
        raise Unmapped("reads states of several layers at once")

    def _make_learned(self, value: Learned, step: Step) -> str:
        key = (value.key, False)
        if key not in self.made:
            tensor = value.tensor.reshape(1) if value.tensor.ndim == 0 else value.tensor
            name = self.fresh(value.key, TensorType(tuple(tensor.shape)))
            own = Learned(value.key, tensor, value.module)
            given = {"dims": tuple(tensor.shape)}
            scope = tuple(each for each in step.scope if _holds(each.path, value.module))
            self.emit(step, "learned_tensor", {}, given, {"weight": own}, {"y": name}, scope=scope)
            self.made[key] = name
        return self.made[key]

    def _make_folded(self, value: Folded, step: Step, whole: bool) -> str:
        key = (str(id(value.one)), whole)
        if key in self.made:
            return self.made[key]
        self.held.append(value)  # so that its id stays its own
        tensor, axis = value.constant()
        scope = self.births.get(id(value.one), step.scope)
        if axis is not None and tensor.shape[axis] > 1:
            name = self._tiled(tensor, axis, step, scope)
        elif axis is not None and whole:
            name = self._expanded(tensor, axis, step, scope)
        else:
            name = self._fixed(tensor, step, scope)
        self.made[key] = name
        return name

    def _expanded(self, tensor: Tensor, axis: int, step: Step, scope: tuple[Scope, ...]) -> str:
        """Add a constant, and what repeats it for each sample along an axis of size 1."""
        once = self._fixed(tensor, step, scope)
        sizes = tuple(0 if index == axis else -1 for index in range(tensor.ndim))
        dims = tuple(BATCH if index == axis else size for index, size in enumerate(tensor.shape))
        name = self.fresh("expanded", TensorType(dims, self.types[once].dtype))
        inputs = {"x": once, "like": self.graph.entries[0][1]}
        self.emit(step, "expand_like", inputs, {"sizes": sizes}, None, {"y": name}, scope=scope)
        return name

    def _tiled(self, tensor: Tensor, axis: int, step: Step, scope: tuple[Scope, ...]) -> str:
        """Add a constant that has several entries for each sample, one sample's after the other."""
        if axis:
            raise Unmapped("repeats a constant for each sample on an axis that is not the first")
        every = self._expanded(tensor.unsqueeze(0), 0, step, scope)
        dims = (Size(BATCH.symbol, tensor.shape[0]), *tensor.shape[1:])
        name = self.fresh("tiled", TensorType(dims, self.types[every].dtype))
        self.emit(step, "view", {"x": every}, {"shape": (-1, *tensor.shape[1:])}, None, {"y": name}, scope=scope)
        return name

    def _fixed(self, tensor: Tensor, step: Step, scope: tuple[Scope, ...]) -> str:
        """Add the node that holds a constant."""
        tensor = tensor.reshape(1) if tensor.ndim == 0 else tensor
        dtype = "bool" if tensor.dtype is torch.bool else "float32" if tensor.is_floating_point() else "int64"
        tensor = tensor.to(getattr(torch, dtype)).contiguous()
        name = self.fresh("constant", TensorType(tuple(tensor.shape), dtype))
        values: dict[str, Any] = {"dims": tuple(tensor.shape), "dtype": dtype}
        row = _spacing(tensor)
        if row is not None:
            values |= {"start": row[0], "step": row[1]}
        weights = None if row is not None else {"value": tensor}
        self.operations.append(
            Operation(
                type="fixed_tensor",
                origin=step.target,
                parameters=values,
                outputs={"y": name},
                weights=weights or {},
                scope=scope,
                label="constant",
            )
        )
        return name


def _holds(path: str, module: str) -> bool:
    """Whether a module's path is that of a scope, or below it."""
    return module == path or module.startswith(f"{path}.")


def _spacing(tensor: Tensor) -> tuple[float, float] | None:
    """Return the first number and the distance of numbers that are equally spaced; None when they are not."""
    flat = tensor.flatten()
    if not flat.numel() or not torch.isfinite(flat.float()).all():
        return None
    start = float(flat[0])
    step = float(flat[1]) - start if flat.numel() > 1 and tensor.dtype is not torch.bool else 0.0
    again = (start + step * torch.arange(flat.numel())).to(tensor.dtype)
    return (start, step) if torch.equal(again, flat) else None


def _label(type: str, learned: Sequence[Learned], step: Step) -> str:
    """Return what to call a layer: as the attribute that held it, so far as that says anything."""
    modules = [each.module for each in learned if each.module]
    path = modules[0] if modules else ""
    if step.scope and step.scope[-1].kind == catalog()[type].title:
        path = step.scope[-1].path
    last = path.rpartition(".")[2]
    return last if last and not last.isdigit() else type
