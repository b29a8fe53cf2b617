"""The text of an exported `train.py`: the session's loop, written out for one document.

It needs torch, `model.py` and `data.pt`. From equal weights it makes the same updates as the session, in the
same order.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from netbuilder.compiler.program import Loss, Program
from netbuilder.compiler.shapes import Shapes
from netbuilder.document.model import Document, Group, Phase, Plan, PortRef
from netbuilder.exchange import training_script_texts as texts
from netbuilder.layers.spec import Task
from netbuilder.training import optimizers, schedules
from netbuilder.training.memory import evaluation_rows, has_channels_last, suits_channels_last
from netbuilder.training.optimizer_spec import OptimizerSpec

_DEVICES = frozenset({"cpu", "cuda"})
"""Where the script may run."""

_DTYPES = {"bf16": "bfloat16", "fp16": "float16"}
"""The plan's precision -> torch's name of it."""

_TAKEN = frozenset(
    {
        "ACCUMULATION",
        "Batch",
        "DEVICE",
        "DTYPE",
        "EMA_DECAY",
        "EPOCHS",
        "FOLDER",
        "Iterator",
        "PATIENCE",
        "Path",
        "SEED",
        "SOURCES",
        "Sequence",
        "Tensor",
    }
)
"""Names of the script that a network's title may give its class as well."""


def write_script(
    document: Document,
    program: Program,
    shapes: Shapes,
    shuffling: Mapping[str, int],
    deviations: Mapping[PortRef, Sequence[float]],
    *,
    shared: bool = False,
    starts: bool = False,
) -> str:
    """Return the text of `train.py`.

    Args:
        document: What is trained.
        program: Its network and losses as text.
        shapes: Its shapes, all known.
        shuffling: Data node id -> the seed of the generator that shuffles its rows, in the order of use.
        deviations: Data field -> what normalizing divided its numbers by; fields that were not normalized are left out.
        shared: Whether processes that torchrun starts share each batch.
        starts: Whether it begins with the weights in `start.pt`.
    """
    functions = [
        texts.LOAD,
        texts.BATCHES,
        *([texts.UPDATES] if document.plan.accumulation > 1 else []),
        *([texts.AVERAGE] if document.plan.ema_decay else []),
        *([texts.PRECISION] if document.plan.precision in _DTYPES else []),
        *_schedule_functions(document),
        _new_optimizers(document, program),
        *([texts.SCALERS] if document.plan.precision == "fp16" else []),
        *([texts.SHARING] if shared else []),
        _step(document, program, shared=shared),
    ]
    functions += [
        *_scores(program, deviations),
        _evaluate(program),
        _flush_left(_alone_or_shared(_fit(document, program, shapes), shared=shared)),
        _main(document, program, shared=shared, starts=starts),
    ]
    text = _head(document, program, shapes, shuffling, shared=shared) + "".join(
        f"\n\n{_flush_left(function)}" for function in functions
    )
    ast.parse(text)  # a slip of ours is found here, not on the user's machine
    return text


def _flush_left(text: str) -> str:
    return textwrap.dedent(text).strip("\n") + "\n"


def _alone_or_shared(text: str, *, shared: bool) -> str:
    """Put in what one process and several do differently."""
    text = text.replace("FIRST_SEED", "SEED + RANK" if shared else "SEED")  # dropout draws in each its own numbers
    return text.replace("EVALUATION", "evaluate_once" if shared else "evaluate").replace(
        "PRINT", "say" if shared else "print"
    )


def _main(document: Document, program: Program, *, shared: bool, starts: bool) -> str:
    text = _flush_left(texts.MAIN)
    normalizes = any(line in program.source for line in ("nn.BatchNorm1d(", "nn.BatchNorm2d(", "nn.BatchNorm3d("))
    for place, lines in (
        ("BEGINNING", "the weights in start.pt" if starts else "fresh weights"),
        ("JOIN", texts.JOIN if shared else ""),
        ("START", texts.START if starts else ""),
        ("CONVERT", texts.CONVERT if shared and normalizes else ""),
        ("SAVING", texts.LEAVE if shared else texts.SAVE),
    ):
        text = text.replace(place, _indented_less(lines))
    return _alone_or_shared(text, shared=shared).replace("CLASS", _class_name(program))


def _indented_less(lines: str) -> str:
    """Return lines of a text as they stand once its functions begin at the margin."""
    return lines.replace("\n    ", "\n")


def _head(document: Document, program: Program, shapes: Shapes, shuffling: Mapping[str, int], *, shared: bool) -> str:
    plan = document.plan
    fields = {node: [f'"{key}"' for key, port in program.sources.items() if port.node == node] for node in shuffling}
    sources = ", ".join(f"({', '.join(names)}{',' if len(names) == 1 else ''})" for names in fields.values())
    names = ", ".join([_class_import(program), *dict.fromkeys(program.phases.values())])
    run = "`python train.py`" + (",\nor with `torchrun --nproc_per_node=N train.py`" if shared else "")
    more = "import torch.distributed as dist\n" if shared else ""
    return f'''"""Train the network in model.py on the rows in data.pt: a plain PyTorch loop.

Needs torch alone. Run it with {run}; the trained weights are saved as weights.pt.
"""

import argparse
import copy
{_imports(document, shared=shared)}from pathlib import Path

import torch
{more}from torch import Tensor, nn

from model import {names}

Batch = dict[str, Tensor]

FOLDER = Path(__file__).resolve().parent
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
EPOCHS = {plan.epochs}
BATCH_SIZE = {plan.batch_size}
ROWS_AT_ONCE = {evaluation_rows(document, shapes)}  # in an evaluation
{_averaging_constants(plan)}SEED = {plan.seed}
PATIENCE = {plan.patience}  # epochs without a better validation result after which training ends; 0 never ends early
SOURCES = [{sources}]  # fields that share rows
SHUFFLING = {list(shuffling.values())!r}  # one seed each
{texts.SHARED_CONSTANTS if shared else ""}{_speed_constants(plan, program)}'''


def _imports(document: Document, *, shared: bool) -> str:
    """Return the lines that import what only some scripts need, and the iterables."""
    functions = "".join(_schedule_functions(document))
    lines = ["import itertools"] if document.plan.accumulation > 1 else []
    lines += ["import math"] if "math." in functions else []
    lines += ["import os"] if shared else []
    iterables = "Iterator, Sequence" if "Sequence[" in functions else "Iterator"
    return "\n".join([*lines, f"from collections.abc import {iterables}", ""])


def _averaging_constants(plan: Plan) -> str:
    lines = []
    if plan.accumulation > 1:
        lines.append(f"ACCUMULATION = {plan.accumulation}  # batches an update\n")
    if plan.ema_decay:
        lines.append(f"EMA_DECAY = {plan.ema_decay!r}  # of the averaged weights, which are evaluated and kept\n")
    return "".join(lines)


def _speed_constants(plan: Plan, program: Program) -> str:
    """Return the lines that say what the network computes in, with how many threads and which kernels."""
    lines = []
    if plan.precision in _DTYPES:
        lines.append(
            f"DTYPE = torch.{_DTYPES[plan.precision]}  # what the network computes in; its weights are float32\n"
        )
    if plan.compile:
        mode = ', mode="reduce-overhead"' if plan.cuda_graphs and plan.accumulation == 1 else ""
        lines += [f"compiled_{name} = torch.compile({name}, dynamic=False{mode})\n" for name in program.phases.values()]
    if plan.threads:
        lines.append(f"\ntorch.set_num_threads({plan.threads})\n")
    return "".join(lines)


def _class_name(program: Program) -> str:
    return "Network" if program.class_name in _TAKEN else program.class_name


def _class_import(program: Program) -> str:
    """Return what imports the network's class, under another name where this script uses its own."""
    name = _class_name(program)
    return name if name == program.class_name else f"{program.class_name} as {name}"


def _phases(document: Document, program: Program) -> list[Phase]:
    """Return the phases that have losses."""
    return [phase for phase in document.plan.phases if phase.name in program.phases]


def _schedule_functions(document: Document) -> list[str]:
    return list(dict.fromkeys(schedules.source(phase.schedule) for phase in document.plan.phases))


def _watches_losses(document: Document) -> bool:
    """Whether a schedule asks for the loss after each epoch."""
    return any(schedules.call_drops(phase.schedule) for phase in document.plan.phases)


def _modules(program: Program, nodes: Sequence[str]) -> list[str]:
    """Return what reads the modules that lie in `nodes` (or in blocks of these ids) from the model."""
    return [_reading(name) for path, name in program.names.items() if any(part in nodes for part in path.split("/"))]


def _reading(attribute: str) -> str:
    """Return a dotted attribute as Python reads it: "stage.0.conv" -> "stage[0].conv"."""
    return re.sub(r"\.(\d+)", r"[\1]", attribute)


def _parameters(modules: Sequence[str]) -> str:
    listed = ", ".join(f"model.{name}" for name in modules)
    return f"[p for module in [{listed}] for p in module.parameters() if p.requires_grad]"


def _groups(phase: Phase, program: Program) -> Iterator[tuple[Group, str]]:
    """Yield each group that has weights, with the expression of its parameters."""
    if len(phase.groups) == 1 and not phase.groups[0].nodes:
        yield phase.groups[0], "[p for p in model.parameters() if p.requires_grad]"
        return
    named = [node for group in phase.groups for node in group.nodes]
    taken = _modules(program, named)
    for group in phase.groups:
        inside = (
            _modules(program, group.nodes)
            if group.nodes
            else [n for n in map(_reading, program.names.values()) if n not in taken]
        )
        if inside:
            yield group, _parameters(inside)


def _new_optimizers(document: Document, program: Program) -> str:
    lines = ["def new_optimizers(model: nn.Module) -> list[torch.optim.Optimizer]:"]
    lines.append('    """Return the optimizer of each phase."""')
    made = []
    for phase in _phases(document, program):
        spec, values = optimizers.find(phase.optimizer)
        groups = list(_groups(phase, program))
        if len(groups) == 1 and groups[0][0].rate == 1 and groups[0][0].weight_decay is None:
            parameters = groups[0][1]
        else:
            parameters = "[" + ", ".join(_group(group, text, values["learning_rate"]) for group, text in groups) + "]"
        lines.append(f"    {phase.name}_parameters = {parameters}")
        made.append(optimizers.source(phase.optimizer, f"{phase.name}_parameters", fused=_fused(spec)))
    lines += ["    return [", *(f"        {call}," for call in made), "    ]"]
    return "\n".join(lines)


def _fused(spec: OptimizerSpec) -> str:
    """Return the expression for whether the script's device can update all weights in one kernel."""
    able = sorted(_DEVICES.intersection(spec.fused))
    return "True" if len(able) == len(_DEVICES) else f"DEVICE in {able!r}"


def _group(group: Group, parameters: str, rate: float) -> str:
    decay = "" if group.weight_decay is None else f', "weight_decay": {group.weight_decay!r}'
    return f'{{"params": {parameters}, "lr": {rate * group.rate!r}{decay}}}'


def _step(document: Document, program: Program, *, shared: bool) -> str:
    phases = _phases(document, program)
    taken = ["model: nn.Module", "optimizers: list[torch.optim.Optimizer]", "step: int", "total: int"]
    taken.insert(2, "batches: list[Batch]" if document.plan.accumulation > 1 else "batch: Batch")
    if _watches_losses(document):
        taken.append("losses: list[float]")
    if document.plan.precision == "fp16":
        taken.append("scalers: list[torch.amp.GradScaler]")
    lines = [
        f"def step({', '.join(taken)}) -> float:",
        '    """Do the updates of one step and return its loss."""',
        "    value = 0.0",
    ]
    if shared and document.plan.accumulation == 1:
        lines.append("    batch, part = own_rows(batch)")
    for number, phase in enumerate(phases):
        lines += _phase(number, phase, program, document.plan, alone=len(phases) == 1, shared=shared)
    return "\n".join([*lines, "    return value"])


def _phase(number: int, phase: Phase, program: Program, plan: Plan, *, alone: bool, shared: bool) -> Iterator[str]:
    _, values = optimizers.find(phase.optimizer)
    rates = [values["learning_rate"] * group.rate for group, _ in _groups(phase, program)]
    yield f"    optimizer = optimizers[{number}]"
    yield f"    factor = {schedules.call(phase.schedule, drops=schedules.call_drops(phase.schedule))}"
    yield f"    for group, rate in zip(optimizer.param_groups, {rates!r}):"
    yield '        group["lr"] = rate * factor'
    if not alone:  # each phase's losses reach its own weights only
        yield "    model.requires_grad_(False)"
        yield "    for group in optimizer.param_groups:"
        yield '        for parameter in group["params"]:'
        yield "            parameter.requires_grad_(True)"
    indent = "    "
    if phase.updates > 1:
        yield f"    for _ in range({phase.updates}):"
        indent += "    "
    yield f"{indent}optimizer.zero_grad()"
    function = ("compiled_" if plan.compile else "") + program.phases[phase.name]
    loss = f"loss = sum({function}(model, batch).values())"
    scaled = plan.precision == "fp16"
    if scaled:
        yield f"{indent}scaler = scalers[{number}]"
    if plan.accumulation > 1:
        yield f"{indent}rows, mean = sum(len(next(iter(batch.values()))) for batch in batches), 0.0"
        yield f"{indent}for batch in batches:"
        yield f"{indent}    share = len(next(iter(batch.values()))) / rows"
        if shared:
            yield f"{indent}    batch, part = own_rows(batch)"
        yield f"{indent}    {loss}"
        weight = "share * part" if shared else "share"
        total = f"scaler.scale(loss * {weight})" if scaled else f"(loss * {weight})"
        yield f"{indent}    {total}.backward()"
        yield f"{indent}    mean += loss.item() * {weight}"
    else:
        yield f"{indent}{loss}{' * part' if shared else ''}"
        yield f"{indent}{'scaler.scale(loss)' if scaled else 'loss'}.backward()"
    found = "mean" if plan.accumulation > 1 else "loss.item()"
    if shared:
        yield f"{indent}total = add_up(optimizer, {found})"
        found = "total"
    if scaled and plan.clip_norm:
        yield f"{indent}scaler.unscale_(optimizer)"
    if plan.clip_norm:
        yield f'{indent}parameters = [p for group in optimizer.param_groups for p in group["params"]]'
        yield f"{indent}nn.utils.clip_grad_norm_(parameters, {plan.clip_norm!r})"
    if scaled:
        yield f"{indent}scaler.step(optimizer)  # not when a gradient is not finite: then the scale falls"
        yield f"{indent}scaler.update()"
    else:
        yield f"{indent}optimizer.step()"
    yield f"    value += {found}"


def _scored(program: Program) -> Loss | None:
    """Return the loss whose predictions are scored: the first with a task."""
    return next((loss for loss in program.losses if loss.task and loss.prediction and loss.target), None)


def _scores(program: Program, deviations: Mapping[PortRef, Sequence[float]]) -> list[str]:
    scored = _scored(program)
    if not scored or not scored.task:
        return []
    normalized = deviations.get(program.sources[scored.target])
    errors = "(prediction - target).abs()"
    if normalized:
        errors = f"({errors} * target.new_tensor({list(normalized)!r}))"
    text = texts.SCORES[scored.task].replace("ERRORS", errors)
    return [text.replace("UNITS", " in the units of the data" if normalized else "")]


def _evaluate(program: Program) -> str:
    calls = [f"{function}(model, batch)" for function in program.phases.values()]
    losses = calls[0] if len(calls) == 1 else "{" + ", ".join(f"**{call}" for call in calls) + "}"
    text = _flush_left(texts.EVALUATE).replace("LOSSES", losses)
    scored = _scored(program)
    if scored is None:
        return (
            text.replace(", predictions = 0.0, []", " = 0.0").replace("        PREDICT\n", "").replace(", **SCORED", "")
        )
    fields = ", ".join(f'{name}=batch["{name}"]' for name in program.fields)
    output = f"[{program.outputs.index(scored.prediction)}]" if len(program.outputs) > 1 else ""
    text = text.replace("PREDICT", f"predictions.append(model({fields}){output})")
    return text.replace("SCORED", f'scores(torch.cat(predictions), rows["{scored.target}"])')


def _fit(document: Document, program: Program, shapes: Shapes) -> str:
    monitor = document.plan.monitor
    scored = _scored(program)
    higher = {Task.CLASSIFICATION: ("accuracy",), Task.BINARY: ("accuracy",), Task.REGRESSION: ("r2",)}
    is_higher = bool(scored and scored.task and monitor in higher[scored.task])
    if not is_higher and not (monitor == "mae" and scored and scored.task is Task.REGRESSION):
        monitor = "loss"
    better = f'found["{monitor}"] {">" if is_higher else "<"} best'
    text = _flush_left(texts.FIT).replace("WORST", 'float("-inf")' if is_higher else 'float("inf")')
    text = text.replace("FORMAT", _placing(document, shapes))
    scaled = document.plan.precision == "fp16"
    text = text.replace("SCALER_LIST", "\n    scalers = new_scalers(optimizers)" if scaled else "")
    several = document.plan.accumulation > 1
    text = text.replace("EPOCH_BATCHES", "updates" if several else "batches")
    text = text.replace("TAKEN", "several" if several else "batch")
    for place, line in texts.AVERAGING.items():
        text = text.replace(place, line if document.plan.ema_decay else "")
    watches = _watches_losses(document)
    text = text.replace("LOSS_LIST", "\n    losses: list[float] = []" if watches else "")
    text = text.replace("KEEP_LOSS", '\n        losses.append(found["loss"])' if watches else "")
    text = text.replace("LOSSES", (", losses" if watches else "") + (", scalers" if scaled else ""))
    return text.replace("IS_BETTER", better).replace("MONITOR", monitor).replace("RESTING", _resting(document, program))


def _placing(document: Document, shapes: Shapes) -> str:
    """Return what prepares the model: the order of its images in memory, and what it computes in."""
    plan = document.plan
    lines = texts.COMPUTE if plan.precision in _DTYPES else ""
    if plan.memory_format == "auto" and suits_channels_last(document, shapes):
        return lines + texts.CHANNELS_LAST_ON_CPU
    return lines + (texts.CHANNELS_LAST if has_channels_last(document, shapes, "cpu") else "")


def _resting(document: Document, program: Program) -> str:
    """Return what puts into eval the modules that no phase updates, such as a frozen batch normalization."""
    updated: set[str] = set()
    for phase in document.plan.phases:
        named = [node for group in phase.groups for node in group.nodes]
        everything = any(not group.nodes for group in phase.groups)
        updated.update(map(_reading, program.names.values()) if everything else _modules(program, named))
    resting = [
        name
        for path, name in ((path, _reading(attribute)) for path, attribute in program.names.items())
        if name not in updated or path in program.frozen
    ]
    return "".join(f"\n            model.{name}.eval()  # not trained" for name in resting)
