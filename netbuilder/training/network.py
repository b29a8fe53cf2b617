"""The network in training: the compiled module, what each phase updates, which blocks rest, and looks inside."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from netbuilder.compiler.bypass import in_force
from netbuilder.compiler.cost import count_costs
from netbuilder.compiler.module import explain, initialize, load_module, release
from netbuilder.compiler.problems import find_problems
from netbuilder.compiler.program import Loss, write_program
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document.model import Document, Field, Group, Phase, PortRef
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.layers.spec import Task
from netbuilder.training import metrics
from netbuilder.training.batches import Batch
from netbuilder.training.dead_units import rest_of
from netbuilder.training.memory import evaluation_rows, has_channels_last
from netbuilder.training.precision import compute_in, in_precision
from netbuilder.training.start_weights import adopt, load_start
from netbuilder.training.targets import raw_target
from netbuilder.training.updates import Losses


@dataclass(frozen=True, slots=True)
class Scored:
    """A loss whose predictions are scored by its task's metrics.

    Attributes:
        name: The loss's key in what its phase's function returns.
        task: What it trains for.
        output: Which of the network's outputs it judges.
        target: The batch's key of the truth.
        classes: Class names.
    """

    name: str
    task: Task
    output: int
    target: str
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Observed:
    """One forward pass: every phase's losses, and the network's outputs."""

    losses: Mapping[str, torch.Tensor]
    outputs: tuple[torch.Tensor, ...]


class Network:
    """A document's network on a device.

    Attributes:
        document: What it was made from.
        device: Where it is.
        model: The module.
        program: Its text, and what stands where.
        is_channels_last: Whether the channels of its images lie innermost in memory.
        macs: Multiply-adds of one sample's forward pass.
        evaluation_rows: How many rows an evaluation takes at once.
        data_nodes: Ids of the data nodes that it reads.
        fields: (data node id, field) -> the batch's key.
        scored: Losses with metrics; the first one's metrics have plain names.
        rests: Node path of each activation whose units can die -> where they rest then.
    """

    def __init__(self, document: Document, device: torch.device, runs: Path = Path()) -> None:
        """Compile and initialize.

        Args:
            document: What to make.
            device: Where it is.
            runs: The project's folder of runs, in which the weights to start from are.

        Raises:
            NetbuilderError: With all the errors that are in the way.
        """
        document = in_force(document)
        shapes = ShapeInference().infer(document)
        errors = [problem for problem in find_problems(document, shapes) if problem.is_error]
        if errors:
            raise NetbuilderError(errors)
        self.document = document
        self.device = device
        self.program = program = write_program(document, shapes)
        self._loaded = load_module(program)
        weakref.finalize(self, release, program)
        self.model = self._loaded.new_network()
        initialize(self.model, program, document.plan.seed)
        if document.plan.weights is not None:
            adopt(self.model, program, load_start(document.plan.weights, runs))
        self.model.to(device)
        compute_in(self.model, document.plan.precision, device.type)
        self.is_channels_last = has_channels_last(document, shapes, device.type)
        if self.is_channels_last:
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.macs = count_costs(document, shapes).total.macs
        self.evaluation_rows = evaluation_rows(document, shapes)
        self.data_nodes = tuple(dict.fromkeys(port.node for port in program.sources.values()))
        self.fields = {(port.node, port.port): key for key, port in program.sources.items()}
        self._losses = {loss.name: loss for loss in program.losses}  # one that several phases train for counts once
        self.scored = tuple(filter(None, map(self._score, self._losses.values())))
        flat = shapes.expansion.flat.graph.nodes
        self.rests = {path: rest for path, node in flat.items() if (rest := rest_of(node)) is not None}
        self._modules = {path: self.model.get_submodule(attribute) for path, attribute in program.names.items()}
        self._updated: list[list[nn.Parameter]] = []
        self._resting: list[nn.Module] = []

    # -- what is updated -----------------------------------------------------------------------------------------------

    def losses(self, phase: Phase) -> Losses:
        """Return a phase's generated function.

        Raises:
            NetbuilderError: When no loss of the phase is left in the graph.
        """
        function = self._loaded.losses.get(phase.name)
        if function is None:
            raise NetbuilderError(
                Problem(code="plan.no_loss", message=f"The phase {phase.name!r} has no loss.", expected="a loss node")
            )
        return function

    def groups(self, phase: Phase) -> list[tuple[Group, list[nn.Parameter]]]:
        """Return what a phase updates: each group with its trainable parameters, none empty.

        A node that a group names belongs to it; all others belong to the group without names, if there is one.

        Raises:
            NetbuilderError: When nothing is left to update.
        """
        named = {node: index for index, group in enumerate(phase.groups) for node in group.nodes}
        rest = next((index for index, group in enumerate(phase.groups) if not group.nodes), None)
        chosen: list[list[nn.Parameter]] = [[] for _ in phase.groups]
        for path, module in self._modules.items():
            index = next((named[part] for part in path.split("/") if part in named), rest)
            if index is not None:
                chosen[index] += [parameter for parameter in module.parameters() if parameter.requires_grad]
        groups = [(group, parameters) for group, parameters in zip(phase.groups, chosen, strict=True) if parameters]
        if not groups:
            raise NetbuilderError(
                Problem(
                    code="plan.nothing_to_train",
                    message="There is nothing to train: no layer with trainable weights is updated.",
                    expected="at least one trainable layer",
                )
            )
        return groups

    def thaw(self) -> None:
        """Let all parameters require gradients again that are not frozen: as `groups` finds them in a new network."""
        for path, module in self._modules.items():
            module.requires_grad_(path not in self.program.frozen)

    @property
    def parameter_names(self) -> dict[nn.Parameter, tuple[str, str]]:
        """Parameter -> its node's path and its name in the node's module."""
        return {
            parameter: (path, name)
            for path, module in self._modules.items()
            for name, parameter in module.named_parameters()
        }

    def set_updated(self, phases: Sequence[Sequence[nn.Parameter]]) -> None:
        """Tell which parameters each phase updates: exactly those require gradients; layers without any rest in eval.

        So does a frozen layer that has statistics and no weights.

        Args:
            phases: Each phase's parameters.
        """
        self._updated = [list(parameters) for parameters in phases]
        every = {id(parameter) for parameters in phases for parameter in parameters}
        for parameter in self.model.parameters():
            parameter.requires_grad_(id(parameter) in every)
        self._resting = [
            module
            for path, module in self._modules.items()
            if not any(id(parameter) in every for parameter in module.parameters())
            and (path in self.program.frozen or any(True for _ in module.parameters()))
        ]

    def train_only(self, phase: int) -> None:
        """Let gradients reach exactly the parameters that the phase of this number updates."""
        for parameters in self._updated:
            for parameter in parameters:
                parameter.requires_grad_(False)
        for parameter in self._updated[phase]:
            parameter.requires_grad_(True)

    def model_train(self) -> None:
        """Put the model into training mode, blocks that no phase updates into eval."""
        self.model.train()
        for module in self._resting:
            module.eval()

    # -- looks inside --------------------------------------------------------------------------------------------------

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Put the model into eval without gradients; afterwards modes and random numbers are as before.

        Looks are taken by the clock; were random numbers drawn in one, equal seeds would not give equal runs.
        """
        modes = [(module, module.training) for module in self.model.modules()]
        cuda = [self.device] if self.device.type == "cuda" else []
        self.model.eval()
        try:
            with torch.inference_mode(), torch.random.fork_rng(devices=cuda):
                yield
        finally:
            for module, training in modes:
                module.training = training

    def observe(self, batch: Batch) -> Observed:
        """Return all losses and outputs for a batch; call within `evaluating`."""
        results: list[object] = []
        hook = self.model.register_forward_hook(lambda _, __, result: results.append(result))
        try:
            losses: dict[str, torch.Tensor] = {}
            for function in self._loaded.losses.values():
                losses |= function(self.model, batch)
            if not results:
                self.predict(batch)
        finally:
            hook.remove()
        result = results[-1]
        return Observed(losses, result if isinstance(result, tuple) else (result,))

    def predict(self, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Return the network's outputs; call within `evaluating`."""
        result = self.model(**{key: batch[key] for key in self.program.fields})
        return result if isinstance(result, tuple) else (result,)

    def tap(self, batch: Batch, tap: Callable[[str, torch.Tensor], None]) -> None:
        """Run a forward pass that shows every node's value; call within `evaluating`."""
        self._tapped(_nodes_only(tap), **{key: batch[key] for key in self.program.fields})

    @property
    def phases(self) -> tuple[str, ...]:
        """Names of the phases that have a loss."""
        return tuple(self._loaded.losses)

    def phase_losses(self, phase: str, batch: Batch) -> Mapping[str, torch.Tensor]:
        """Return a phase's losses on a batch.

        Args:
            phase: One of `phases`.
            batch: The batch.
        """
        return self._loaded.losses[phase](self.model, batch)

    def tap_losses(
        self, phase: str, batch: Batch, tap: Callable[[str, torch.Tensor], None], *, by_port: bool = False
    ) -> tuple[Mapping[str, torch.Tensor], tuple[torch.Tensor, ...]]:
        """Return a phase's losses and the network's outputs from a forward pass that shows every node's value.

        Args:
            phase: One of `phases`.
            batch: The batch.
            tap: Called with each node's path and value.
            by_port: Whether it is called for each output of a node with several, too: "<path>.<port>".
        """
        tapped = _Tapped(self.model, self._tapped, tap if by_port else _nodes_only(tap))
        losses = self._loaded.losses[phase](cast("nn.Module", tapped), batch)
        return losses, tapped.outputs

    @property
    def _tapped(self) -> Callable[..., Any]:
        return in_precision(self._loaded.tapped(self.model), self.document.plan.precision, self.device.type)

    def first_not_finite(self, batch: Batch, losses: Sequence[str]) -> tuple[str, str]:
        """Return the path and label of the first node whose value is not finite on a batch.

        Args:
            batch: The batch.
            losses: Keys of the losses that were not finite: to blame when everything before them is.
        """
        for key, port in self.program.sources.items():
            if not _is_finite(batch[key]):
                return port.node, self._label(port.node)
        found: list[str] = []

        def look(path: str, value: torch.Tensor) -> None:
            if not found and not _is_finite(value):
                found.append(path)

        modes = [(module, module.training) for module in self.model.modules()]
        with self.evaluating():
            for module, training in modes:  # as it was when it happened: batch statistics, not running ones
                module.training = training
            self.tap(batch, look)
        found += [loss.node for loss in self.program.losses if loss.name in losses]
        return (found[0], self._label(found[0])) if found else ("", "")

    def first_gradient_not_finite(self) -> tuple[str, str]:
        """Return the path and label of the layer nearest to the losses whose gradient is not finite, if there is one.

        Gradients travel from the losses to the data, and what is spoiled spoils all before it.
        """
        for path, module in reversed(self._modules.items()):
            if any(parameter.grad is not None and not _is_finite(parameter.grad) for parameter in module.parameters()):
                return path, self._label(path)
        return "", ""

    def explain(self, error: BaseException) -> Problem | None:
        """Return an error raised by the network's text as a problem of its node; None when it came from elsewhere."""
        problem = explain(error, self.program)
        return problem if problem.node else None

    # -- names ---------------------------------------------------------------------------------------------------------

    @property
    def key_paths(self) -> dict[str, str]:
        """State key -> node path."""
        return {
            f"{attribute}.{key}": path
            for path, attribute in self.program.names.items()
            for key in self._modules[path].state_dict()
        }

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Keys of what an evaluation yields."""
        names = ["loss"]
        for number, scored in enumerate(self.scored):
            names += [name if number == 0 else f"{scored.name}.{name}" for name in metrics.BY_TASK[scored.task]]
        if len(self._losses) > 1:
            names += [f"{name}.loss" for name in self._losses]
        return tuple(names)

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """Node path -> the node's module."""
        return self._modules

    def field(self, port: PortRef) -> Field | None:
        """Return what the document says of a data node's field."""
        schema = self.document.schemas.get(port.node)
        return next((field for field in schema.fields if field.name == port.port), None) if schema else None

    def _label(self, path: str) -> str:
        return self.program.labels.get(path, path)

    def _score(self, loss: Loss) -> Scored | None:
        target = loss.target or raw_target(self.document, self.program, loss.node)
        if loss.task is None or not loss.prediction or not target:
            return None
        field = self.field(self.program.sources[target])
        classes = field.classes if field else ()
        return Scored(loss.name, loss.task, self.program.outputs.index(loss.prediction), target, classes)


class _Tapped:
    """Stands in for a model in a loss's function: its forward pass is the one that shows every value."""

    def __init__(
        self, model: nn.Module, forward: Callable[..., object], tap: Callable[[str, torch.Tensor], None]
    ) -> None:
        self._model = model
        self._forward = forward
        self._tap = tap
        self.outputs: tuple[torch.Tensor, ...] = ()

    def __call__(self, **batch: torch.Tensor) -> object:
        result = self._forward(self._tap, **batch)
        self.outputs += result if isinstance(result, tuple) else (result,)
        return result

    def __getattr__(self, name: str) -> object:
        # Losses that have weights are the model's own modules.
        return getattr(self._model, name)


def _nodes_only(tap: Callable[[str, torch.Tensor], None]) -> Callable[[str, torch.Tensor], None]:
    """Return a tap that passes over the single outputs of nodes with several."""

    def whole(path: str, value: torch.Tensor) -> None:
        if "." not in path:
            tap(path, value)

    return whole


def _is_finite(value: torch.Tensor) -> bool:
    return not value.is_floating_point() or bool(torch.isfinite(value).all())
