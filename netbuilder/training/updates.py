"""Updates: one phase's losses, backward pass, clipping, learning rate and optimizer step.

No update is made with a loss or a gradient that is not finite. In float16 a gradient may leave the range because the
loss was scaled up: that update is left out and the scale halved, and only what happens without a scale ends a run.
What is left unseen is an update that makes weights overflow out of finite gradients (a learning rate of 1e10): the next
step's loss tells of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

import torch
from torch import nn

from netbuilder.document.model import Group, Phase
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training import optimizers, schedules
from netbuilder.training.batches import Batch, count_rows
from netbuilder.training.optimizer_memory import Remembered
from netbuilder.training.precision import new_scaler

WARM_UP: Final = 100
"""Steps over which the rate of a parameter rises that came in the middle of a run: a layer that was put in as the
identity would else throw the loss up within some steps."""

Losses: TypeAlias = Callable[[nn.Module, Batch], Mapping[str, torch.Tensor]]
"""A generated `<phase>_losses` function."""

Divide: TypeAlias = Callable[["Updater", nn.Module, Batch, float], Mapping[str, float]]
"""Does what `Updater.backward` does together with other processes (`netbuilder.training.team`)."""


class NonFiniteError(Exception):
    """A loss or a gradient became infinite or not a number; the update that would have spread it was not made.

    Attributes:
        phase: The phase whose loss it was.
        values: Loss label (or "gradient_norm") -> value.
        batch: The batch that it came from, the last one of those that made the update.
    """

    def __init__(self, phase: str, values: Mapping[str, float], batch: Batch) -> None:
        """Tell which losses of `phase` had which values on which batch."""
        super().__init__(f"{phase}: {dict(values)}")
        self.batch = batch
        self.phase = phase
        self.values = dict(values)


@dataclass(frozen=True, slots=True)
class UpdateSettings:
    """What all phases share.

    Attributes:
        clip_norm: The total norm that gradients are scaled down to; 0 means never.
        steps: Steps in the whole run, for the schedules.
        precision: What the network computes in; float16 needs a scaler.
    """

    clip_norm: float
    steps: int
    precision: str = "float32"


class Updater:
    """Runs one phase's updates.

    Attributes:
        divide: What computes gradients in place of `backward`, where several devices share the work.
    """

    def __init__(
        self,
        phase: Phase,
        losses: Losses,
        groups: Sequence[tuple[Group, Sequence[nn.Parameter]]],
        settings: UpdateSettings,
    ) -> None:
        """Make the optimizer of a phase.

        Args:
            phase: The phase.
            losses: Its generated function.
            groups: Which parameters it updates, by group; none empty.
            settings: What all phases share.

        Raises:
            NetbuilderError: When the optimizer's or the schedule's settings are wrong.
        """
        self.name = phase.name
        self.divide: Divide | None = None
        self.setting = phase.optimizer
        self.losses = losses
        self.parameters = [parameter for _, parameters in groups for parameter in parameters]
        self._settings = settings
        self._updates = phase.updates
        _, values = optimizers.find(phase.optimizer)
        self._rates = [values["learning_rate"] * group.rate for group, _ in groups]
        self._begun: list[int | None] = [None] * len(groups)
        self._warming: dict[nn.Parameter, int] = {}
        self.optimizer = optimizers.make(
            phase.optimizer,
            [
                _torch_group(group, parameters, rate)
                for (group, parameters), rate in zip(groups, self._rates, strict=True)
            ],
        )
        spec, self._schedule = schedules.find(phase.schedule)
        self._course = partial(spec.factor, total=settings.steps, **schedules.choose(spec.factor, self._schedule))
        self._drops = spec.drops
        self._last_factor = 1.0
        self.base_rate = float(values["learning_rate"])
        self.gradient_norm = 0.0
        device = self.parameters[0].device
        self._scaler = new_scaler(settings.precision, device.type)
        self._spoiled, self._one = torch.zeros(1, device=device), torch.ones(1, device=device)

    @property
    def learning_rate(self) -> float:
        """The rate of a group with multiplier 1, as of the last update."""
        return self.base_rate * self._last_factor

    @property
    def loss_scale(self) -> float:
        """What losses are multiplied by before the backward pass; 1 unless the network computes in float16."""
        return self._scaler.get_scale() if self._scaler is not None else 1.0

    def run(self, model: nn.Module, batches: Sequence[Batch], step: int) -> Mapping[str, float]:
        """Do the phase's updates on the batches of one step.

        Args:
            model: The network.
            batches: One or several, whose gradients are averaged over their rows as if they were one.
            step: How many steps were done before.

        Returns:
            Loss label -> mean over the batches' rows; of the last update when there are several.

        Raises:
            NonFiniteError: Before the update that would have spread it.
        """
        self._set_rate(step)
        for _ in range(self._updates):
            values = self._update(model, batches)
        return values

    def end_epoch(self, losses: Sequence[float]) -> None:
        """Let a schedule that watches the loss look at it.

        Args:
            losses: The loss after each epoch so far.
        """
        if self._drops:
            drops = self._drops(losses, **schedules.choose(self._drops, self._schedule))
            self._course = partial(self._course, drops=drops)

    def follow(self, before: Updater) -> None:
        """Go on where another updater of the same phase was, the optimizer's memory apart."""
        self.gradient_norm = before.gradient_norm
        if before._scaler is not None:
            self._scaler = before._scaler

    @property
    def warming(self) -> Mapping[nn.Parameter, int]:
        """Parameters whose rate still rises -> the steps done when they came."""
        return self._warming

    def warm(self, parameters: Mapping[nn.Parameter, int]) -> None:
        """Let the rate of parameters that came in the middle of a run rise in a straight line over `WARM_UP` steps.

        Args:
            parameters: Which -> the steps done when they came. Those that are not updated here are left out.
        """
        for number, group in enumerate(list(self.optimizer.param_groups)):
            for begun in dict.fromkeys(parameters[each] for each in group["params"] if each in parameters):
                chosen = [each for each in group["params"] if parameters.get(each) == begun]
                self._warming |= dict.fromkeys(chosen, begun)
                if len(chosen) == len(group["params"]):
                    self._begun[number] = begun
                    break
                group["params"] = [each for each in group["params"] if parameters.get(each) != begun]
                self.optimizer.param_groups.append({**group, "params": chosen})
                self._rates.append(self._rates[number])
                self._begun.append(begun)

    def state(self, names: Mapping[int, str]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Return what the optimizer remembers, and where its schedule stands.

        Args:
            names: A parameter's `id` -> its key.

        Returns:
            ``<parameter key>/<name>`` -> the optimizer's own tensor, and plain values.
        """
        tensors = {
            f"{names[id(parameter)]}/{name}": value
            for parameter, remembered in self.optimizer.state.items()
            for name, value in remembered.items()
        }
        warming = {names[id(parameter)]: begun for parameter, begun in self._warming.items()}
        about = {"optimizer": self.setting.key, "factor": self._last_factor, "warming": warming}
        if self._scaler is not None:
            about["scaler"] = self._scaler.state_dict()
        return tensors, about

    def put_back(self, tensors: Mapping[str, torch.Tensor], about: Mapping[str, Any], names: Mapping[int, str]) -> None:
        """Remember what `state` returned; parameters that it does not know begin afresh.

        Args:
            tensors: Are copied; they fit (`netbuilder.training.state_fit`).
            about: Its plain values.
            names: A parameter's `id` -> its key.
        """
        remembered, needed = by_parameter(tensors), Remembered(self.setting)
        self._begun = [None] * len(self._rates)
        self._warming.clear()
        warming = about["warming"]
        self.warm({each: warming[names[id(each)]] for each in self.parameters if names[id(each)] in warming})
        groups = self.optimizer.state_dict()["param_groups"]
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        state = {
            number: {name: _laid_out(value, parameter) for name, value in needed.completed(parameter, own).items()}
            for number, parameter in enumerate(parameters)
            if (own := remembered.get(names[id(parameter)]))
        }
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})
        if self._scaler is not None and "scaler" in about:
            self._scaler.load_state_dict(about["scaler"])
        self._last_factor = float(about["factor"])
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * self._last_factor  # of those that warm up the next step tells

    def _update(self, model: nn.Module, batches: Sequence[Batch]) -> Mapping[str, float]:
        for parameter in self.parameters:
            parameter.grad = (
                None  # not zero: Adam moves weights whose gradient is zero, and a fresh one needs no adding
            )
        values = self._add_gradients(model, batches[0]) if len(batches) == 1 else self._accumulate(model, batches)
        if self._scaler is not None:
            self._step_scaled(self._scaler, batches[-1])
            return values
        self._look_at_gradients(batches[-1])
        self.optimizer.step()
        return values

    def _look_at_gradients(self, batch: Batch) -> None:
        if self._settings.clip_norm:
            self._clip(batch)
        else:
            self._check(batch)

    def _step_scaled(self, scaler: torch.amp.GradScaler, batch: Batch) -> None:
        """Make the update, unless a gradient left the range of float16: then the next one is scaled less.

        Raises:
            NonFiniteError: When a gradient is not finite although its loss was not scaled up.
        """
        scaler.unscale_(self.optimizer)
        try:
            self._look_at_gradients(batch)
        except NonFiniteError:
            scale = scaler.get_scale()
            scaler.update()
            if scale <= 1.0 or scaler.get_scale() >= scale:
                raise
            return
        scaler.step(self.optimizer)
        scaler.update()

    def _accumulate(self, model: nn.Module, batches: Sequence[Batch]) -> Mapping[str, float]:
        """Add up the gradients of several batches, each by its share of the rows."""
        rows = sum(map(count_rows, batches))
        values: dict[str, float] = {}
        for batch in batches:
            share = count_rows(batch) / rows
            for name, value in self._add_gradients(model, batch, share).items():
                values[name] = values.get(name, 0.0) + value * share
        return values

    def _add_gradients(self, model: nn.Module, batch: Batch, share: float = 1.0) -> Mapping[str, float]:
        if self.divide is not None:
            return self.divide(self, model, batch, share)
        return self.backward(model, batch, share)

    def backward(self, model: nn.Module, batch: Batch, share: float = 1.0) -> Mapping[str, float]:
        """Add the gradients of the phase's losses on a batch to those there are.

        Args:
            model: The network.
            batch: The rows.
            share: What the losses are multiplied by first.

        Returns:
            Loss label -> mean over the rows, not multiplied.

        Raises:
            NonFiniteError: When a loss is not finite.
        """
        losses = self.losses(model, batch)
        total = sum_losses(losses)
        if not total.requires_grad:
            raise NetbuilderError(_unreached(self.name))
        if share != 1.0:
            total = total * share
        if self._scaler is not None:
            total = self._scaler.scale(total)
        total.backward()  # type: ignore[no-untyped-call]
        # Asked for after the backward pass was queued: on a GPU the wait then covers work that is under way.
        values = {name: loss.item() for name, loss in losses.items()}
        if not all(map(math.isfinite, values.values())):
            raise NonFiniteError(self.name, values, batch)
        return values

    def _clip(self, batch: Batch) -> None:
        gradients = self._gradients()
        norm = nn.utils.get_total_norm(gradients)
        self.gradient_norm = float(norm)
        if not math.isfinite(self.gradient_norm):  # before it spoils the gradients of all layers
            raise NonFiniteError(self.name, {"gradient_norm": self.gradient_norm}, batch)
        nn.utils.clip_grads_with_norm_(self.parameters, self._settings.clip_norm, norm)

    def _check(self, batch: Batch) -> None:
        """Look whether all gradients are finite."""
        gradients = self._gradients()
        # What GradScaler uses: one call for all of them, three microseconds where their norm takes twenty. It also
        # multiplies each by one, which changes none.
        torch._amp_foreach_non_finite_check_and_unscale_(gradients, self._spoiled, self._one)
        if self._spoiled.item():
            self._spoiled.zero_()
            norm = float(nn.utils.get_total_norm(gradients))
            raise NonFiniteError(self.name, {"gradient_norm": norm}, batch)

    def _gradients(self) -> list[torch.Tensor]:
        return [parameter.grad for parameter in self.parameters if parameter.grad is not None]

    def _set_rate(self, step: int) -> None:
        factor = self._course(step)
        if factor != self._last_factor or self._warming:
            self._last_factor = factor
            for group, rate, begun in zip(self.optimizer.param_groups, self._rates, self._begun, strict=True):
                group["lr"] = rate * factor * (1.0 if begun is None else min(1.0, (step - begun + 1) / WARM_UP))
            if self._warming and step - max(self._warming.values()) >= WARM_UP:
                self._warming.clear()  # the last one has reached its full rate


def _unreached(phase: str) -> Problem:
    return Problem(
        code="plan.unreached",
        message=f"None of the weights that {phase!r} updates lead to its losses, so there is nothing to learn.",
        expected="a trainable layer between the data and the loss",
    )


def sum_losses(losses: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return the sum of a phase's losses; the only one as it is."""
    first, *rest = losses.values()
    for loss in rest:
        first = first + loss
    return first


def by_parameter(tensors: Mapping[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    """Return what `Updater.state` returned as parameter key -> name -> tensor."""
    found: dict[str, dict[str, torch.Tensor]] = {}
    for place, tensor in tensors.items():
        key, _, name = place.rpartition("/")
        found.setdefault(key, {})[name] = tensor
    return found


def _laid_out(value: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """Return a copy of what an optimizer remembers, lying in memory as its parameter does: kernels rely on that."""
    if value.shape == parameter.shape:
        return torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)
    return value.clone()


def _torch_group(group: Group, parameters: Sequence[nn.Parameter], rate: float) -> dict[str, Any]:
    options: dict[str, Any] = {"params": list(parameters), "lr": rate}
    if group.weight_decay is not None:
        options["weight_decay"] = group.weight_decay
    return options
