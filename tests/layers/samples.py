"""One-node networks of every spec, with inputs that fit: what the tests that walk the catalog are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from netbuilder.document.model import Document, Graph, Node, PortRef
from netbuilder.layers.catalog import catalog
from netbuilder.layers.spec import Dtype, LayerSpec, Port
from netbuilder.layers.tensor import BATCH, TIME, TensorType

SAMPLES = 3
"""The batch size of the real forward."""

LENGTH = 9
"""What a length that varies is in the real forward, unless a test takes another."""

VOCABULARY = 12

_BY_LAYOUT: Mapping[str, tuple[int, ...]] = {
    "N": (),
    "NT": (6,),
    "NF": (8,),
    "NC": (VOCABULARY,),
    "NCL": (8, 12),
    "NTF": (6, 8),
    "NCHW": (8, 12, 12),
    "NCDHW": (8, 6, 6, 6),
}
_BY_RANK: Mapping[int, tuple[int, ...]] = {1: (), 2: (8,), 3: (8, 12), 4: (8, 12, 12), 5: (8, 6, 6, 6)}


@dataclass(frozen=True)
class Sample:
    """What enters one port: one sample's sizes, -1 for a length that varies, and of what kind its values are."""

    dims: tuple[int, ...]
    dtype: str = "float32"
    vocabulary: int = 0
    lowest: float = 0.01
    """The smallest number that is drawn; the largest lies 0.98 above it."""
    mixed: bool = False
    """Whether true and false take turns; a mask of padding is false throughout."""

    @property
    def type(self) -> TensorType:
        """The type that shape inference sees."""
        dims = (TIME if size == -1 else size for size in self.dims)
        return TensorType((BATCH, *dims), self.dtype, vocabulary=self.vocabulary)

    def tensor(self, seed: int = 0, samples: int = SAMPLES, length: int = LENGTH) -> torch.Tensor:
        """Draw values, between 0 and 1 for numbers: most functions of the catalog are defined there.

        Args:
            seed: Of the values.
            samples: The batch size.
            length: What stands for a length that varies.
        """
        generator = torch.Generator().manual_seed(seed)
        shape = (samples, *(length if size == -1 else size for size in self.dims))
        if self.dtype == "int64":
            return torch.randint(0, self.vocabulary or 8, shape, generator=generator)
        if self.dtype == "bool":
            return torch.rand(shape, generator=generator) < (0.5 if self.mixed else 0.0)
        return torch.rand(shape, generator=generator) * 0.98 + self.lowest


@dataclass(frozen=True)
class Case:
    """A spec with some parameters that are not defaults, and inputs that are not what its ports suggest."""

    values: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    lowest: float = 0.01
    mixed: bool = False


EXCEPTIONS: Mapping[str, Case] = {
    "bilinear": Case(inputs={"a": (8,), "b": (5,)}),
    "cross_entropy": Case(inputs={"target": ()}),
    "nll_loss": Case(inputs={"target": ()}),
    "reshape": Case({"shape": (-1, 4)}),
    "squeeze": Case(inputs={"x": (1, 8)}),
    "permute": Case({"order": (3, 1, 2)}),
    "sequence_to_image": Case({"height": 3}),
    "matmul": Case(inputs={"a": (5, 8), "b": (8, 4)}),
    "power": Case({"exponent": 3.0}, lowest=0.5),
    "scale": Case({"factor": 2.0, "offset": -1.0}),
    "slice": Case({"start": 2, "stop": -1}),
    "argmax": Case({"axis": 1}),
    "acosh": Case(lowest=1.1),
    "scaled_dot_product_attention": Case(
        inputs={"query": (2, 6, 8), "key": (2, 5, 8), "value": (2, 5, 4), "mask": (2, 6, 5)}
    ),
    "index_select": Case(inputs={"x": (VOCABULARY, 4)}),
    "permute_axes": Case({"order": (2, 0, 3, 1)}),
    "expand_like": Case({"sizes": (0, -1, 6)}, inputs={"x": (4, 1)}),
    "where": Case(mixed=True),
    "masked_fill": Case(mixed=True),
    "multilabel_soft_margin_loss": Case(inputs={"target": (VOCABULARY,)}),
    "dice_loss": Case(inputs={"prediction": (8, 8), "target": (8, 8)}),
    "ctc_loss": Case(inputs={"prediction": (9, VOCABULARY), "target": (3,)}),
    **dict.fromkeys(
        ("inverse", "pseudo_inverse", "determinant", "log_determinant", "trace", "matrix_exp", "matrix_power"),
        Case(inputs={"x": (4, 4)}),
    ),
    "cross": Case(inputs={"a": (3,), "b": (3,)}),
    "cdist": Case(inputs={"a": (5, 8), "b": (4, 8)}),
    "einsum": Case(inputs={"a": (5, 8), "b": (8, 4)}),
    "prod": Case(inputs={"x": (4,)}),
    "gather": Case(inputs={"x": (VOCABULARY, 4), "indices": (6, 4)}),
    "tile": Case({"counts": (2, 3)}, inputs={"x": (4, 5)}),
    "expand": Case(inputs={"x": (1, 8)}),
    "fold": Case(inputs={"x": (32, 9)}),
    "grid_sample": Case(inputs={"grid": (5, 6, 2)}),
    "affine_grid": Case(inputs={"x": (2, 3)}),
    "irfft": Case(inputs={"x": (3, 7, 2)}),
    "ifft2": Case(inputs={"x": (3, 6, 4, 2)}),
    "spectrogram": Case(inputs={"x": (40,)}),
    "rnn_cell": Case({"units": 8}),
    "lstm_cell": Case({"units": 8}),
    "gru_cell": Case({"units": 8}),
    "max_unpool1d": Case(inputs={"x": (2, 6), "places": (2, 6)}),
    "max_unpool2d": Case(inputs={"x": (2, 4, 4), "places": (2, 4, 4)}),
    "max_unpool3d": Case(inputs={"x": (2, 2, 2, 2), "places": (2, 2, 2, 2)}),
}
"""Spec key -> what the walk uses instead of defaults."""


def sample(port: Port) -> Sample:
    """Return inputs that fit a port."""
    if port.layout in _BY_LAYOUT and (not port.ranks or len(_BY_LAYOUT[port.layout]) + 1 in port.ranks):
        dims = _BY_LAYOUT[port.layout]
    else:
        dims = _BY_RANK[4 if not port.ranks else 3 if 3 in port.ranks else port.ranks[0]]
    if port.dtype is Dtype.INT:
        return Sample(dims if port.ranks else (6,), "int64", VOCABULARY)
    return Sample(dims, "bool" if port.dtype is Dtype.BOOL else "float32")


def values_of(spec: LayerSpec, **values: Any) -> dict[str, Any]:
    """Return resolved parameters: what is given, what `EXCEPTIONS` says, else defaults."""
    case = EXCEPTIONS.get(spec.key, Case())
    return spec.resolve({**case.values, **values})


def samples_of(spec: LayerSpec, values: Mapping[str, Any]) -> dict[str, Sample]:
    """Return an input for every port."""
    case = EXCEPTIONS.get(spec.key, Case())
    found = {}
    for port in spec.input_ports(values):
        fitting = sample(port)
        dims = case.inputs.get(port.name, fitting.dims)
        found[port.name] = Sample(dims, fitting.dtype, fitting.vocabulary, case.lowest, case.mixed)
    return found


LAYER = "nffffffff"
"""The id of the one layer in `document_of`."""


def document_of(spec: LayerSpec, values: Mapping[str, Any], inputs: Mapping[str, Sample]) -> Document:
    """Return a network of one layer between an Input for each input port and an Output for each output port.

    A loss has an Identity before each input but its target, since a network without a layer has nothing to train.
    """
    nodes = {LAYER: Node(id=LAYER, type=spec.key, label="layer", parameters=values)}
    edges = {}

    def add(id: str, key: str, label: str, **parameters: Any) -> str:
        resolved = catalog()[key].resolve(parameters)
        nodes[id] = Node(id=id, type=key, label=label, parameters=resolved)
        return id

    for index, (port, given) in enumerate(inputs.items()):
        entry = add(
            f"na{index:07x}", "input", f"in_{port}", dims=given.dims, dtype=given.dtype, vocabulary=given.vocabulary
        )
        source = PortRef(entry, "y")
        if spec.is_loss and port != "target":
            edges[PortRef(add(f"nb{index:07x}", "identity", f"{port}_layer"), "x")] = source
            source = PortRef(f"nb{index:07x}", "y")
        edges[PortRef(LAYER, port)] = source
    if not spec.is_loss:
        for index, port in enumerate(spec.output_ports(values)):
            edges[PortRef(add(f"nc{index:07x}", "output", f"out_{port.name}"), "x")] = PortRef(LAYER, port.name)
    return Document(graph=Graph(nodes=nodes, edges=edges))


LAYERS = tuple(spec for spec in catalog() if spec.key not in ("input", "output"))
"""Every spec that stands between inputs and outputs."""
