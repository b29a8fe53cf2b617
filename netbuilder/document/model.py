"""The document: everything a user edits, as one immutable value.

Frozen dataclasses over plain dicts that nobody mutates once they are in a document. An edit
(`netbuilder.document.edits`) returns a new `Document` that shares whatever it did not change, so that undo is
keeping the old one and a comparison of two documents is a comparison of identities first.

Every value has `extra`: the keys that a newer program wrote into the file at this place; kept on saving, never used.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

ROOT = ""
"""The scope of the main graph; any other scope is the key of a block definition."""


class PortRef(NamedTuple):
    """One port of one node: an edge's end."""

    node: str
    port: str


def new_id(prefix: str = "n") -> str:
    """Draw a fresh id: a letter and 8 random hex digits; drawn by the gesture, never reused."""
    return prefix + secrets.token_hex(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One layer, data source, loss, input or output on the canvas.

    Attributes:
        id: Unique in the whole document.
        type: The key of its `LayerSpec` (`conv2d`) or `SourceSpec` (`data.digits`); perhaps one this program lacks.
        label: Its name in code: an ASCII snake_case identifier, unique in its graph.
        parameters: Values by name, defaults included.
        tied_to: The id of the node whose weights it shares, or "".
        note: The user's comment, free text.
        bypassed: Whether it is left out, its first input handed on from its first output.
        extra: What a newer program wrote here; kept, never used.
    """

    id: str
    type: str
    label: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tied_to: str = ""
    note: str = ""
    bypassed: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Nodes by id, in the order they were added, and edges keyed by their target.

    Attributes:
        nodes: id -> node.
        edges: target port -> source port; an input takes one edge, an output feeds many.
    """

    nodes: Mapping[str, Node] = field(default_factory=dict)
    edges: Mapping[PortRef, PortRef] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A block: a graph with typed parameters of its own, instantiated by nodes of type `block.<key>`.

    Attributes:
        key: The stable name in files; also the scope of edits inside it.
        title: The class name's origin in code.
        graph: What it holds; its `input` and `output` nodes are its ports.
        parameters: Declared parameters as plain JSON (name, kind, default, help).
        description: What it does, in words for the palette and the inspector.
        reference: The paper or page it comes from: its title, or its address.
    """

    key: str
    title: str
    graph: Graph = field(default_factory=Graph)
    parameters: tuple[Mapping[str, Any], ...] = ()
    description: str = ""
    reference: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One column of data that a data node offers at an output port.

    Attributes:
        name: The port's name (`image`, `label`).
        dims: One sample's shape, without the batch axis; -1 where it varies (sequence length).
        dtype: torch's name: "float32", "int64", ...
        layout: "CHW", "TF", "F", "" (a scalar), ...
        classes: The class names when it is a class index, else ().
        vocabulary: The number of distinct tokens when it holds token indices, else 0.
    """

    name: str
    dims: tuple[int, ...] = ()
    dtype: str = "float32"
    layout: str = ""
    classes: tuple[str, ...] = ()
    vocabulary: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What a data node yields, kept in the document so that checking reads no data.

    Attributes:
        fields: The output ports in order.
        rows: How many samples there are in all; 0 when unknown.
        source: A fingerprint of the parameters (and the file) this was read from; a different one means stale.
    """

    fields: tuple[Field, ...] = ()
    rows: int = 0
    source: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A picked declaration with its values: an optimizer, a schedule."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A parameter group: which nodes a phase updates, and how much faster or slower than the rest.

    Attributes:
        nodes: Node (or block) ids; () means every trainable node.
        rate: Multiplies the learning rate.
        weight_decay: Replaces the optimizer's; None keeps it.
    """

    nodes: tuple[str, ...] = ()
    rate: float = 1.0
    weight_decay: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One way of updating: some losses, some parameters, one optimizer and schedule.

    Attributes:
        name: An identifier; the function in code is `<name>_losses`.
        losses: Ids of loss nodes; () means all of them.
        groups: What it updates.
        optimizer: A key of `training.optimizers`.
        schedule: A key of `training.schedules`.
        updates: Updates a step.
    """

    name: str = "train"
    losses: tuple[str, ...] = ()
    groups: tuple[Group, ...] = (Group(),)
    optimizer: Setting = Setting(key="adam")
    schedule: Setting = Setting(key="constant")
    updates: int = 1
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartWeights:
    """Weights to start from instead of drawn ones.

    Attributes:
        file: A checkpoint file in the project's folder of runs, relative to it, its parts apart by "/".
        sha256: What the file's SHA-256 must be, in hexadecimal.
    """

    file: str
    sha256: str
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to train.

    Attributes:
        phases: At least one.
        epochs: Passes over the driving data node's training part.
        batch_size: Samples a step.
        seed: Seeds weights, shuffling and dropout.
        clip_norm: Gradients are scaled down to this total norm; 0 means never.
        accumulation: Batches whose gradients make one update.
        ema_decay: How slowly the running average of the weights forgets; 0 means that there is none.
        patience: Stop after this many epochs without a better validation loss; 0 means never.
        monitor: What "better" means: "loss" or a metric's key, on the validation part.
        precision: What the network computes in: "float32", "bf16" or "fp16". Weights and losses are always float32.
        memory_format: How images lie in memory: torch's "contiguous", "channels_last", or "auto", a rule.
        compile: Whether `torch.compile` makes kernels for the training step.
        cuda_graphs: Whether an NVIDIA GPU is given these kernels all at once, as a recorded graph.
        threads: How many threads torch may use inside an operation; 0 is a rule.
        weights: What the weights start from, such as those that were imported; None draws them from the seed.
    """

    phases: tuple[Phase, ...] = (Phase(),)
    epochs: int = 20
    batch_size: int = 64
    seed: int = 0
    clip_norm: float = 0.0
    accumulation: int = 1
    ema_decay: float = 0.0
    patience: int = 0
    monitor: str = "loss"
    precision: str = "float32"
    memory_format: str = "auto"
    compile: bool = False
    cuda_graphs: bool = False
    threads: int = 0
    weights: StartWeights | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


class Place(NamedTuple):
    """Where a node's top-left corner lies, in scene units (pixels at 100 %)."""

    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A titled, coloured rectangle behind nodes that carries them when it is moved."""

    id: str
    title: str = ""
    color: str = ""
    x: float = 0.0
    y: float = 0.0
    width: float = 320.0
    height: float = 200.0
    note: str = ""
    scope: str = ROOT
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the document looks, apart from what it means: neither shapes nor training ever read it.

    Attributes:
        places: node id -> place.
        frames: frame id -> frame.
        routes: a link's target -> the points that it is led through, from its source on.
    """

    places: Mapping[str, Place] = field(default_factory=dict)
    frames: Mapping[str, Frame] = field(default_factory=dict)
    routes: Mapping[PortRef, tuple[Place, ...]] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the author says of the document."""

    title: str = ""
    description: str = ""
    template: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The whole project as a value.

    Attributes:
        graph: The main graph.
        blocks: Definitions by key.
        plan: How to train.
        schemas: data node id -> what it yields.
        layout: How it looks.
        about: Title and description.
        extra: Top-level keys that a newer program wrote; kept, never used.
    """

    graph: Graph = field(default_factory=Graph)
    blocks: Mapping[str, Definition] = field(default_factory=dict)
    plan: Plan = field(default_factory=Plan)
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    layout: Layout = field(default_factory=Layout)
    about: About = field(default_factory=About)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def scope(self, key: str = ROOT) -> Graph:
        """Return the main graph, or the graph of the block called `key`."""
        return self.graph if key == ROOT else self.blocks[key].graph

    def holds(self, node: str, scope: str = ROOT) -> bool:
        """Whether a node is in a graph, which may itself be gone."""
        return (scope == ROOT or scope in self.blocks) and node in self.scope(scope).nodes
