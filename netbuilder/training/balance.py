"""Balance: weights for the classes of a loss, from how many training rows each has.

A class of n_c rows among n of k classes weighs n / (k n_c), so that all classes together count alike and the weights
average 1 over the rows (King and Zeng 2001, Logistic regression in rare events data). A yes of n_1 among n_0 noes
weighs n_0 / n_1. The weights are plain numbers of the loss: its text has them, and a checkpoint does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from netbuilder.compiler.bypass import in_force
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.data.preparation import prepare
from netbuilder.data.spec import Array
from netbuilder.document.model import Document, Node, PortRef
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training.targets import REWRITINGS

PARAMETERS: Final[Mapping[str, str]] = {
    "cross_entropy": "class_weights",
    "nll_loss": "class_weights",
    "bce_with_logits": "positive_weights",
}
"""Loss -> its parameter with weights."""


@dataclass(frozen=True, slots=True)
class Count:
    """One class: its name, its training rows (or places, where each row has many), and what it is to weigh."""

    name: str
    rows: int
    weight: float


@dataclass(frozen=True, slots=True)
class Balance:
    """What balances one loss.

    Attributes:
        node: The loss.
        label: Its label.
        values: Its parameter and the weights, for `set_parameters`.
        counts: How they come about.
    """

    node: str
    label: str
    values: Mapping[str, tuple[float, ...]]
    counts: tuple[Count, ...]

    @property
    def is_even(self) -> bool:
        """Whether all classes have equally many rows, so that weights change nothing."""
        return all(count.weight == 1.0 for count in self.counts)


def find_balances(document: Document, nodes: Sequence[str], base: str, job: Job) -> tuple[Balance, ...]:
    """Count the classes of the training part, for each loss that takes weights.

    Args:
        document: The network; losses in blocks are left out.
        nodes: Which losses; () for all.
        base: The folder that relative file names are relative to.
        job: Is told the progress.

    Raises:
        NetbuilderError: When no loss takes weights, its target does not come from a data node, or that cannot be read.
        Cancelled: When the job was cancelled.
    """
    document = in_force(document)
    graph = document.graph
    losses = [node for node in graph.nodes.values() if node.type in PARAMETERS and (not nodes or node.id in nodes)]
    if not losses:
        message = "No loss here takes class weights: CrossEntropyLoss, NLLLoss and BCEWithLogitsLoss do."
        raise NetbuilderError(Problem(code="balance.none", message=message, expected="a loss with classes"))
    types = ShapeInference().infer(document).types
    found = []
    for loss in losses:
        origin = _origin(document, loss)
        source = graph.nodes[origin.node]
        job.report(None, f"Reading {source.label}")
        column = prepare(source, base, job).parts["train"].get(origin.port)
        if column is None:
            raise NetbuilderError(_unknown(loss))
        prediction = graph.edges.get(PortRef(loss.id, "prediction"))
        type_ = types.get(prediction) if prediction is not None else None
        outputs = type_.dims[1] if type_ is not None and type_.rank > 1 else 0
        names = _class_names(document, origin)
        if PARAMETERS[loss.type] == "class_weights":
            counts = count_classes(column, names, outputs if isinstance(outputs, int) else 0)
        else:
            counts = count_answers(column, loss)
        values = {PARAMETERS[loss.type]: tuple(count.weight for count in counts)}
        found.append(Balance(loss.id, loss.label, values, counts))
    return tuple(found)


def _origin(document: Document, loss: Node) -> PortRef:
    """Return the data node's port that a loss's target is, or is a mere rewriting of."""
    graph = document.graph
    port = graph.edges.get(PortRef(loss.id, "target"))
    while port is not None and graph.nodes[port.node].type in REWRITINGS:
        port = graph.edges.get(PortRef(port.node, "x"))
    if port is None or not graph.nodes[port.node].type.startswith("data."):
        raise NetbuilderError(_unknown(loss))
    return port


def _unknown(loss: Node) -> Problem:
    message = f"{loss.label} does not get its target straight from a data node, so its classes cannot be counted."
    return Problem(code="balance.target", message=message, node=loss.id, port="target")


def _class_names(document: Document, port: PortRef) -> tuple[str, ...]:
    schema = document.schemas.get(port.node)
    fields = schema.fields if schema is not None else ()
    return next((field.classes for field in fields if field.name == port.port), ())


def count_classes(column: Array, names: Sequence[str], outputs: int = 0) -> tuple[Count, ...]:
    """Return what each class weighs: n / (k n_c). A class without rows weighs 1, and does not count among the k.

    Args:
        column: Class indices, of any shape; negative ones stand for no class.
        names: The classes' names, as far as there are any.
        outputs: How many classes the network knows, if that is more.
    """
    indexes = column[column >= 0].astype(np.int64)
    counts = np.bincount(indexes.ravel(), minlength=max(len(names), outputs))
    total, present = int(counts.sum()), int((counts > 0).sum())
    return tuple(
        Count(
            name=names[number] if number < len(names) else str(number),
            rows=int(count),
            weight=_rounded(total / (present * int(count))) if count else 1.0,
        )
        for number, count in enumerate(counts)
    )


def count_answers(column: Array, loss: Node) -> tuple[Count, ...]:
    """Return what a yes weighs in each column: noes / yeses; 1 where there is no yes or no no.

    Args:
        column: 0 or 1, with or without an axis of columns.
        loss: The loss, for the problem.

    Raises:
        NetbuilderError: When there is something between 0 and 1.
    """
    answers: Any = column.reshape(len(column), -1) if column.ndim == 2 else column.reshape(-1, 1)
    if not np.isin(answers, (0, 1)).all():
        message = f"The target of {loss.label} has values other than 0 and 1, so there are no classes to balance."
        raise NetbuilderError(Problem(code="balance.soft", message=message, node=loss.id, port="target"))
    rows, yes = len(answers), answers.astype(np.int64).sum(axis=0).tolist()
    return tuple(
        Count(
            name="yes" if len(yes) == 1 else f"yes in column {number + 1}",
            rows=count,
            weight=_rounded((rows - count) / count) if 0 < count < rows else 1.0,
        )
        for number, count in enumerate(yes)
    )


def _rounded(weight: float) -> float:
    """Return a weight with four digits: it is read by people, in the form and in the code."""
    return float(f"{weight:.4g}")
