"""Objectives: checks of what the losses are given, beyond shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from netbuilder.compiler.flow import TARGET, Flow, is_entry, spec_of
from netbuilder.compiler.shapes import Shapes
from netbuilder.compiler.structure import Structure
from netbuilder.compiler.wording import insertion, offering, setting
from netbuilder.document.model import Document, Node, PortRef
from netbuilder.foundation.problem import Fix, Problem, Severity
from netbuilder.layers.spec import Task

_A_SOFTMAX: Final = dict.fromkeys(("softmax", "log_softmax", "sigmoid"), "a softmax")
_THE_SIGMOID: Final = dict.fromkeys(("sigmoid", "softmax", "logsigmoid"), "the sigmoid")
_TWICE: Final[Mapping[str, Mapping[str, str]]] = {
    "cross_entropy": _A_SOFTMAX,
    "ctc_loss": _A_SOFTMAX,
    "bce_with_logits": _THE_SIGMOID,
    "binary_focal_loss": _THE_SIGMOID,
    "dice_loss": _THE_SIGMOID,
    "multilabel_soft_margin_loss": _THE_SIGMOID,
    "nll_loss": {"softmax": ""},
}
"""Loss -> what should not stand before it -> what the loss does itself."""

_SIZES: Final = ("units", "filters", "out_features", "out_channels")
"""Parameters that say how many outputs a layer has."""

Links = Mapping[str, Sequence[tuple[str, PortRef]]]


def check_objectives(document: Document, shapes: Shapes, structure: Structure) -> Iterator[Problem]:
    """Yield what is wrong or odd about losses and phases.

    Args:
        document: What to look at, written out.
        shapes: Its shapes.
        structure: Its structure.
    """
    links, flow = structure.links, structure.flow
    for id in flow.losses:
        node = document.graph.nodes[id]
        linked = dict(links.get(id, ()))
        yield from _itself(node, linked)
        yield from _activation(document, node, linked)
        yield from _spare_outputs(document, shapes, node, linked, links)
        yield from _untouched(document, node, linked)
    yield from _nothing_to_learn(shapes, flow)
    yield from _phases(document)


def _itself(node: Node, linked: Mapping[str, PortRef]) -> Iterator[Problem]:
    """A loss that compares a value with itself is always satisfied."""
    if "prediction" in linked and linked.get(TARGET) == linked["prediction"]:
        message = f"{node.label} compares a value with itself: link its target to what should have been predicted."
        yield Problem(code="loss.itself", message=message, node=node.id, port=TARGET)


def _untouched(document: Document, node: Node, linked: Mapping[str, PortRef]) -> Iterator[Problem]:
    source = linked.get("prediction")
    if source is None or not is_entry(document.graph.nodes[source.node]) or linked.get(TARGET) == source:
        return
    target = linked.get(TARGET)
    swapped = target is not None and not is_entry(document.graph.nodes[target.node])
    hint = "prediction and target seem to be swapped" if swapped else "link it to the network's last layer"
    message = f"{node.label} takes its prediction straight from {document.graph.nodes[source.node].label}: {hint}."
    yield Problem(code="loss.prediction", message=message, node=node.id, port="prediction", severity=Severity.WARNING)


def _activation(document: Document, node: Node, linked: Mapping[str, PortRef]) -> Iterator[Problem]:
    """An activation that the loss contains already, or one that it misses."""
    source = linked.get("prediction")
    if source is None:
        return
    before = document.graph.nodes[source.node]
    done = _TWICE.get(node.type, {}).get(before.type)
    if done:
        message = (
            f"{node.label} applies {done} itself, so {before.label} before it makes training slow and weak: remove it."
        )
        fix = Fix(title=f"Remove {before.label}", edit="remove_and_heal", arguments={"nodes": [before.id]})
        yield Problem(
            code="loss.activation",
            message=message,
            node=node.id,
            port="prediction",
            severity=Severity.WARNING,
            fixes=(fix,),
        )
    elif node.type == "nll_loss" and before.type != "log_softmax":
        insert = insertion(node.id, "prediction", "log_softmax", {})
        message = f"{node.label} expects log-probabilities, but {before.label} does not give them: insert LogSoftmax."
        yield Problem(
            code="loss.activation",
            message=message,
            node=node.id,
            port="prediction",
            severity=Severity.WARNING,
            fixes=(insert,) if insert else (),
        )


def _spare_outputs(
    document: Document, shapes: Shapes, node: Node, linked: Mapping[str, PortRef], links: Links
) -> Iterator[Problem]:
    """More outputs than classes: the rest can only be learned to stay small."""
    spec = spec_of(node)
    found = _counts(shapes, linked)
    if spec is None or spec.task is not Task.CLASSIFICATION or found is None:
        return
    outputs, classes = found
    if outputs > classes:
        origin = document.graph.nodes[linked["prediction"].node].label
        message = (
            f"{node.label} gets {outputs} outputs from {origin} for {classes} classes: "
            f"{outputs - classes} of them stand for nothing."
        )
        yield Problem(
            code="loss.classes",
            message=message,
            node=node.id,
            port="prediction",
            severity=Severity.WARNING,
            expected=f"{classes} outputs",
            found=str(outputs),
            fixes=_resize(document, shapes, linked["prediction"], classes, links),
        )


def with_class_fixes(document: Document, shapes: Shapes, problem: Problem, structure: Structure) -> Problem:
    """Return a problem of too few outputs for the classes with the fix that gives the last layer enough.

    Args:
        document: What it is about, written out.
        shapes: Its shapes.
        problem: Any problem; others are returned as they are.
        structure: The document's structure.
    """
    node = document.graph.nodes.get(problem.node)
    if problem.code != "shape.mismatch" or node is None:
        return problem
    spec = spec_of(node)
    if spec is None or not spec.is_loss:
        return problem
    links = structure.links
    linked = dict(links.get(node.id, ()))
    if spec.task is Task.CLASSIFICATION:
        found = _counts(shapes, linked)
        wanted = found[1] if found is not None and found[0] < found[1] else None
    else:
        wanted = _columns(shapes, linked)
    if wanted is None:
        return problem
    fixes = _resize(document, shapes, linked["prediction"], wanted, links)
    return offering(problem, (*fixes, *problem.fixes)) if fixes else problem


def _counts(shapes: Shapes, linked: Mapping[str, PortRef]) -> tuple[int, int] | None:
    """Return how many outputs a prediction has and how many classes its target."""
    if "prediction" not in linked or TARGET not in linked:
        return None
    prediction, target = shapes.types.get(linked["prediction"]), shapes.types.get(linked[TARGET])
    if prediction is None or target is None or prediction.rank < 2 or not target.classes:
        return None
    outputs = prediction.dims[1]
    return (outputs, target.classes) if isinstance(outputs, int) else None


def _columns(shapes: Shapes, linked: Mapping[str, PortRef]) -> int | None:
    """Return how many columns a target has where the prediction differs from it in nothing else."""
    if "prediction" not in linked or TARGET not in linked:
        return None
    prediction, target = shapes.types.get(linked["prediction"]), shapes.types.get(linked[TARGET])
    if prediction is None or target is None or prediction.rank != target.rank or target.rank < 2:
        return None
    same = prediction.dims[:1] == target.dims[:1] and prediction.dims[2:] == target.dims[2:]
    columns = target.dims[1]
    return columns if same and isinstance(columns, int) else None


def _resize(document: Document, shapes: Shapes, port: PortRef, size: int, links: Links) -> tuple[Fix, ...]:
    """Return the fix that gives `port` another number of outputs, at the layer upstream that decides it."""
    seen: set[str] = set()
    while port.node not in seen:
        seen.add(port.node)
        node = document.graph.nodes[port.node]
        spec = spec_of(node)
        if spec is None:
            return ()
        for name in _SIZES:
            if name in spec.by_name:
                return (setting(node, {name: size}),)
        sources = links.get(node.id, ())
        type_ = shapes.types.get(port)
        if len(sources) != 1 or type_ is None:
            return ()
        before = shapes.types.get(sources[0][1])
        if before is None or before.dims[1:2] != type_.dims[1:2]:
            return ()
        port = sources[0][1]
    return ()


def _nothing_to_learn(shapes: Shapes, flow: Flow) -> Iterator[Problem]:
    if not flow.losses or shapes.pending:
        return
    trained = any(id in shapes.weights and shapes.weights[id].trainable for id in flow.forward)
    if not trained and set(flow.forward) <= shapes.done and not _learns_outside(shapes, flow):
        message = "No layer on the way to a loss has weights that training may change: there is nothing to learn."
        yield Problem(code="weights.none", message=message, severity=Severity.WARNING)


def _learns_outside(shapes: Shapes, flow: Flow) -> bool:
    """Whether a layer between the network and a loss has weights that training may change."""
    return any(id in shapes.weights and shapes.weights[id].trainable for _, ids in flow.phases for id in ids)


def _phases(document: Document) -> Iterator[Problem]:
    names = [phase.name for phase in document.plan.phases]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            message = f"Two phases of the plan are called {name!r}: give each a name of its own."
            yield Problem(code="plan.phases", message=message, field="phases")
