"""Reading: the bytes of an ONNX file become a checked graph. Nothing of it runs, and nothing it names is looked up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import onnx
from google.protobuf.message import DecodeError
from onnx import AttributeProto, TensorProto, helper

from netbuilder.exchange.incoming.onnx.graph import (
    DEPTH,
    NODES,
    STANDARD,
    Branch,
    Declared,
    Function,
    OnnxGraph,
    OnnxNode,
    Reference,
    too_deep,
    too_many,
    write_out,
)
from netbuilder.exchange.incoming.onnx.tensors import AXES, TensorReader, plain
from netbuilder.exchange.incoming.onnx.values import Array
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError, Problem

FILE_BYTES: Final = (1 << 31) - 1
"""The size of the file itself; what a protocol buffer can be."""

SMALL: Final = 4096
"""Bytes of an initializer up to which shape inference looks into it: shapes to reshape to are never longer."""

OLDEST: Final = 7
"""The oldest version of the standard's operators that is read: since then they broadcast as numpy does."""


def read_graph(path: Path, job: Job) -> tuple[OnnxGraph, tuple[str, ...]]:
    """Return the graph of an ONNX file, and sentences for the user.

    Args:
        path: The file.
        job: Is told the progress; stops the work when cancelled.

    Raises:
        NetbuilderError: When the file is missing, damaged, hostile, too large or of a version that is not read.
        Cancelled: When `job` was cancelled.
    """
    model = _parse(path, _bytes(path))
    job.report(0.1, "reading operators")
    conversion = _Conversion(path, TensorReader.beside(path), job)
    return conversion.convert(model), conversion.notes()


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES + 1)
    except OSError as error:
        raise _refusal(path, "import.unreadable", f"cannot be read: {error.strerror}") from error
    except MemoryError as error:
        raise _refusal(path, "import.large", "does not fit into memory") from error
    if len(data) > FILE_BYTES:
        raise _refusal(path, "import.large", f"is larger than {FILE_BYTES:,} bytes")
    return data


def _parse(path: Path, data: bytes) -> Any:
    try:
        model = onnx.load_from_string(data)
    except (DecodeError, ValueError, TypeError, RuntimeError, RecursionError, MemoryError) as error:
        raise _refusal(path, "import.onnx.damaged", "is not an ONNX file, or is damaged") from error
    if not model.HasField("graph") or not model.graph.output:
        raise _refusal(path, "import.onnx.damaged", "is not an ONNX file, or is damaged: it holds no graph")
    return model


def _refusal(path: Path, code: str, what: str, expected: str = "", found: str = "") -> NetbuilderError:
    return NetbuilderError(
        Problem(code=code, message=f"{path.name} {what}.", expected=expected, found=found, file=str(path))
    )


def domain_kind(domain: str, op: str) -> str:
    """Return how an operator is called here: its own name, with the domain in front when it is not the standard's."""
    return plain(op) if plain(domain) in STANDARD else f"{plain(domain)}.{plain(op)}"


@dataclass(slots=True)
class _Conversion:
    """Turns one model into a graph."""

    path: Path
    tensors: TensorReader
    job: Job
    count: int = 0
    learned: set[str] = field(default_factory=set)

    def convert(self, model: Any) -> OnnxGraph:
        """Convert everything."""
        opset = self._opset(model)
        graph = model.graph
        functions = {
            domain_kind(each.domain, each.name): self._function(each)
            for each in model.functions
            if plain(each.domain) not in STANDARD
        }
        constants = self._constants(graph)
        nodes = write_out(self._nodes(graph.node, 0), functions)
        outputs = _names(graph.output)
        inputs = tuple(
            (plain(value.name), self._declared(value, "input"))
            for value in graph.input
            if plain(value.name) not in constants
        )
        self._check_order(nodes, {name for name, _ in inputs}, constants, outputs)
        return OnnxGraph(
            title=plain(graph.name)[:200],
            opset=opset,
            nodes=nodes,
            constants=constants,
            inputs=inputs,
            outputs=outputs,
            declared=self._all_declared((*graph.value_info, *graph.output)),
            inferred=lambda: self._inferred(model),
        )

    def _inferred(self, model: Any) -> dict[str, Declared]:
        """Return what follows for all values, as onnx works it out; large weights count by their shape only."""
        small = onnx.ModelProto()
        small.CopyFrom(model)
        kept = [tensor for tensor in model.graph.initializer if _is_small(tensor)]
        known = {value.name for value in model.graph.input}
        weights = [
            helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            for tensor in model.graph.initializer
            if tensor.name not in known and not _is_small(tensor)
        ]
        del small.functions[:]  # they are written out here under other names, and cost as much as they like there
        del small.graph.initializer[:]
        small.graph.initializer.extend(kept)
        small.graph.input.extend(weights)
        try:
            found = onnx.shape_inference.infer_shapes(small, data_prop=True)
        except (RuntimeError, ValueError, TypeError, onnx.shape_inference.InferenceError):
            return {}  # what is not known is shown as not known
        return self._all_declared((*found.graph.value_info, *found.graph.output))

    def notes(self) -> tuple[str, ...]:
        """Return what the user should know."""
        if not self.tensors.narrowed:
            return ()
        names = " and ".join(sorted(self.tensors.narrowed))
        return (f"The file holds {names}; the project computes in float32.",)

    def _opset(self, model: Any) -> int:
        versions = {plain(entry.domain): entry.version for entry in model.opset_import}
        version = next((versions[name] for name in versions if name in STANDARD), None)
        newest = onnx.defs.onnx_opset_version()
        if version is None or not OLDEST <= version <= newest:
            raise _refusal(
                self.path,
                "import.onnx.version",
                f"uses version {version or 'unknown'} of ONNX's operators; versions {OLDEST} to {newest} are read",
                f"{OLDEST} to {newest}",
                str(version),
            )
        return int(version)

    def _function(self, function: Any) -> Function:
        attributes: dict[str, Any] = dict.fromkeys(map(plain, function.attribute))
        for each in function.attribute_proto:
            attributes[plain(each.name)] = self._attribute(each, 0)
        return Function(
            inputs=tuple(map(plain, function.input)),
            outputs=tuple(map(plain, function.output)),
            attributes=attributes,
            nodes=tuple(self._nodes(function.node, 0)),
        )

    def _constants(self, graph: Any) -> dict[str, Array]:
        if graph.sparse_initializer:
            raise _refusal(self.path, "import.onnx.sparse", "holds sparse tensors, which are not read")
        constants = {}
        for number, tensor in enumerate(graph.initializer):
            if number % 256 == 0:
                self.job.report(None, "reading weights")
            constants[plain(tensor.name)] = self.tensors.read(tensor)
        return constants

    def _nodes(self, nodes: Iterable[Any], depth: int) -> list[OnnxNode]:
        return [self._node(node, depth) for node in nodes]

    def _node(self, node: Any, depth: int) -> OnnxNode:
        self.count += 1
        if self.count > NODES:
            raise too_many()
        if self.count % 1024 == 0:
            self.job.report(None, "reading operators")
        return OnnxNode(
            kind=domain_kind(node.domain, node.op_type),
            name=plain(node.name),
            inputs=tuple(map(plain, node.input)),
            outputs=tuple(map(plain, node.output)),
            attributes={plain(each.name): self._attribute(each, depth) for each in node.attribute},
            metadata={plain(entry.key): plain(entry.value) for entry in node.metadata_props},
        )

    def _attribute(self, attribute: Any, depth: int) -> Any:
        if attribute.ref_attr_name:
            return Reference(plain(attribute.ref_attr_name))
        kind = attribute.type
        if kind == AttributeProto.TENSOR:
            return self.tensors.read(attribute.t)
        if kind == AttributeProto.GRAPH:
            return self._branch(attribute.g, depth + 1)
        if kind == AttributeProto.STRING:
            return attribute.s.decode("utf-8", "replace")
        if kind == AttributeProto.STRINGS:
            return tuple(text.decode("utf-8", "replace") for text in attribute.strings)
        fields = {
            AttributeProto.FLOAT: "f",
            AttributeProto.INT: "i",
            AttributeProto.FLOATS: "floats",
            AttributeProto.INTS: "ints",
        }
        if kind not in fields:
            return None
        value = getattr(attribute, fields[kind])
        return value if isinstance(value, (int, float)) else tuple(value)

    def _branch(self, graph: Any, depth: int) -> Branch:
        if depth > DEPTH:
            raise too_deep()
        return Branch(
            nodes=tuple(self._nodes(graph.node, depth)),
            constants=self._constants(graph),
            outputs=_names(graph.output),
            inputs=_names(graph.input),
        )

    def _all_declared(self, values: Iterable[Any]) -> dict[str, Declared]:
        found = {}
        for value in values:
            declared = _declared(value)
            if declared is not None:
                found[plain(value.name)] = declared
        return found

    def _declared(self, value: Any, what: str) -> Declared:
        declared = _declared(value)
        if declared is None or len(declared.dims) > AXES:
            raise _refusal(
                self.path,
                "import.onnx.input",
                f"has the {what} {plain(value.name)[:80]!r} of a kind that no network here takes",
                "numbers with a known number of axes",
            )
        return declared

    def _check_order(
        self, nodes: Iterable[OnnxNode], inputs: set[str], constants: Mapping[str, Array], outputs: Iterable[str]
    ) -> None:
        """Check that each value is given once, and before it is read."""
        known = {*inputs, *constants, ""}
        for node in nodes:
            missing = next((name for name in node.inputs if name not in known), None)
            if missing is not None:
                raise self._unordered(f"the operator {(node.name or node.kind)[:80]!r} reads {missing[:80]!r}")
            again = next((name for name in node.outputs if name and name in known), None)
            if again is not None:
                raise _refusal(self.path, "import.onnx.damaged", f"is damaged: it gives {again[:80]!r} twice")
            known.update(node.outputs)
        for name in outputs:
            if name not in known or not name:
                raise self._unordered(f"the network gives {name[:80]!r}")

    def _unordered(self, who: str) -> NetbuilderError:
        return _refusal(self.path, "import.onnx.damaged", f"is damaged: {who}, which nothing before it gives")


def _names(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(plain(value.name) for value in values)


def _is_small(tensor: Any) -> bool:
    return bool(tensor.ByteSize() <= SMALL) and tensor.data_location != TensorProto.EXTERNAL


def _declared(value: Any) -> Declared | None:
    if value.type.WhichOneof("value") != "tensor_type" or not value.type.tensor_type.HasField("shape"):
        return None
    tensor = value.type.tensor_type
    dtype = _dtype(tensor.elem_type)
    if dtype is None:
        return None
    return Declared(tuple(_size(dim) for dim in tensor.shape.dim), dtype)


def _dtype(number: int) -> str | None:
    if number == TensorProto.BFLOAT16:
        return "bfloat16"
    try:
        name: str = helper.tensor_dtype_to_np_dtype(number).name
    except (KeyError, ValueError):
        return None
    plain = ("float", "int", "uint8", "bool")
    return name if name.startswith(plain) and not name.startswith("float8") else None


def _size(dim: Any) -> int | str | None:
    which = dim.WhichOneof("value")
    if which == "dim_param":
        return plain(dim.dim_param) or None
    return int(dim.dim_value) if which == "dim_value" and dim.dim_value >= 0 else None
