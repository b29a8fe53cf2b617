"""Records: the JSON of an exported program as strict values. Imports torch, for its kinds of numbers.

They name what is read; all else in the file is skipped unseen. The names are those of torch's own schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar

import msgspec
import torch
from msgspec import Meta, Struct

from netbuilder.exchange.incoming.sizes import read_size
from netbuilder.layers.tensor import Dim

STEPS: Final = 100_000
"""Calls in one graph."""

DTYPES: Final[Mapping[int, torch.dtype]] = {
    1: torch.uint8,
    2: torch.int8,
    3: torch.int16,
    4: torch.int32,
    5: torch.int64,
    6: torch.float16,
    7: torch.float32,
    8: torch.float64,
    12: torch.bool,
    13: torch.bfloat16,
}
"""Numbers of the schema's `ScalarType`."""

S = TypeVar("S", bound=Struct)
Text = Annotated[str, Meta(max_length=2_000)]


class Expression(Struct):
    """The text of a size that varies."""

    expr_str: Annotated[str, Meta(max_length=10_000)] = ""


class Extent(Struct):
    """A size: a number, or an expression."""

    as_int: int | None = None
    as_expr: Expression | None = None

    @property
    def dim(self) -> Dim:
        """The size; None when it is no number and no expression that is understood."""
        if self.as_int is not None:
            return self.as_int
        return read_size(self.as_expr.expr_str) if self.as_expr is not None else None


class TensorMeta(Struct):
    """A tensor's kind, shape, and how it lies in its bytes."""

    dtype: int
    sizes: Annotated[list[Extent], Meta(max_length=64)]
    strides: Annotated[list[Extent], Meta(max_length=64)] = []
    storage_offset: Extent = msgspec.field(default_factory=lambda: Extent(as_int=0))
    layout: int = 7


class Named(Struct):
    """The name of a value."""

    name: Text


class InputRecord(Struct):
    """One argument of a call: an object of one key, which tells its kind."""

    name: Text
    arg: dict[str, msgspec.Raw]


class Metadata(Struct):
    """What torch noted of a call: the modules it was in."""

    nn_module_stack: Annotated[str, Meta(max_length=100_000)] = ""


class NodeRecord(Struct):
    """One call."""

    target: Text
    inputs: Annotated[list[InputRecord], Meta(max_length=1_000)]
    outputs: Annotated[list[dict[str, msgspec.Raw]], Meta(max_length=10_000)]
    metadata: Metadata = msgspec.field(default_factory=Metadata)


class GraphRecord(Struct):
    """A graph: its calls, its values and their types."""

    inputs: list[dict[str, msgspec.Raw]]
    outputs: list[dict[str, msgspec.Raw]]
    nodes: Annotated[list[NodeRecord], Meta(max_length=STEPS)]
    tensor_values: dict[str, TensorMeta] = {}
    sym_int_values: dict[str, Extent] = {}


class GraphArgument(Struct):
    """A graph that is an argument."""

    graph: GraphRecord


class ToName(Struct):
    """Which weight, buffer or constant an input of the graph is."""

    arg: Named
    parameter_name: Text = ""
    buffer_name: Text = ""
    tensor_constant_name: Text = ""


class UserInput(Struct):
    """An input or output that the user passes or gets."""

    arg: dict[str, msgspec.Raw]


class InputSpec(Struct):
    """What one input of the graph is; one of its fields is there."""

    user_input: UserInput | None = None
    parameter: ToName | None = None
    buffer: ToName | None = None
    tensor_constant: ToName | None = None


class OutputSpec(Struct):
    """What one output of the graph is; others than the user's are skipped."""

    user_output: UserInput | None = None


class Signature(Struct):
    """What the graph's inputs and outputs are."""

    input_specs: list[InputSpec]
    output_specs: list[OutputSpec]


class GraphModule(Struct):
    """A graph and its signature."""

    graph: GraphRecord
    signature: Signature


class Version(Struct):
    """The version of the format."""

    major: int
    minor: int = 0


class ProgramRecord(Struct):
    """A whole program."""

    graph_module: GraphModule
    schema_version: Version


class Payload(Struct):
    """Where one tensor's bytes are."""

    path_name: Text
    use_pickle: bool = False
    tensor_meta: TensorMeta | None = None


class PayloadConfig(Struct):
    """Where all tensors' bytes are."""

    config: dict[str, Payload] = {}


class Damaged(ValueError):
    """What is wrong, as the end of a sentence about the file."""


def convert(data: bytearray | msgspec.Raw, kind: type[S]) -> S:
    """Return JSON as a record.

    Raises:
        Damaged: When it is none.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Damaged(f"is damaged, or not what torch writes ({str(error)[:200]})") from error


def plain_value(raw: msgspec.Raw) -> Any:
    """Return JSON as plain values.

    Raises:
        Damaged: When it is none.
    """
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Damaged(f"is damaged, or not what torch writes ({str(error)[:200]})") from error
