"""The closed reader of `.pt2` files: JSON and raw tensors, and nothing else of what such a file may hold.

Torch's own loader falls back to unpickling, which runs code; this one never does. It reads the program's JSON into
strict records, the tensors as bytes whose extent is checked, and refuses pickled members. Names of operators and
classes are text to it. Imports torch.

The format is that of `torch.export.save` since torch 2.9 (`torch/_export/serde/schema.py`, major version 8).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import msgspec
import torch
from msgspec import Meta, Struct
from torch import Tensor

from netbuilder.exchange.incoming.archive import Archive
from netbuilder.exchange.incoming.exported_graph import ExportedGraph, Ref, SizeRef, Step, Weight
from netbuilder.exchange.incoming.operation import Scope
from netbuilder.exchange.incoming.sizes import read_size
from netbuilder.foundation.job import Job
from netbuilder.foundation.limits import MEBIBYTE
from netbuilder.layers.tensor import Dim, TensorType

SCHEMA: Final = 8
"""The major version of the format that is read."""

JSON_BYTES: Final = 128 * MEBIBYTE
JSON_MARKS: Final = 8_000_000
STEPS: Final = 100_000
NESTING: Final = 4
"""How deeply graphs within graphs are read."""

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

INLINED: Final = ("higher_order.wrap_with_set_grad_enabled", "higher_order.wrap_with_autocast")
"""Calls of a graph of their own that compute what the graph does."""

S = TypeVar("S", bound=Struct)
Text = Annotated[str, Meta(max_length=2_000)]


class _SymbolicInt(Struct):
    as_name: Text | None = None
    as_int: int | None = None


class _Expression(Struct):
    expr_str: Annotated[str, Meta(max_length=10_000)] = ""


class _Extent(Struct):
    """A size: a number, or an expression."""

    as_int: int | None = None
    as_expr: _Expression | None = None

    @property
    def dim(self) -> Dim:
        if self.as_int is not None:
            return self.as_int
        return read_size(self.as_expr.expr_str) if self.as_expr is not None else None


class _TensorMeta(Struct):
    dtype: int
    sizes: Annotated[list[_Extent], Meta(max_length=64)]
    strides: Annotated[list[_Extent], Meta(max_length=64)] = []
    storage_offset: _Extent = msgspec.field(default_factory=lambda: _Extent(as_int=0))
    layout: int = 7


class _Named(Struct):
    name: Text


class _Input(Struct):
    name: Text
    arg: dict[str, msgspec.Raw]


class _Metadata(Struct):
    nn_module_stack: Annotated[str, Meta(max_length=100_000)] = ""


class _Node(Struct):
    target: Text
    inputs: Annotated[list[_Input], Meta(max_length=1_000)]
    outputs: Annotated[list[dict[str, msgspec.Raw]], Meta(max_length=10_000)]
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


class _Graph(Struct):
    inputs: list[dict[str, msgspec.Raw]]
    outputs: list[dict[str, msgspec.Raw]]
    nodes: Annotated[list[_Node], Meta(max_length=STEPS)]
    tensor_values: dict[str, _TensorMeta] = {}
    sym_int_values: dict[str, _Extent] = {}


class _GraphArgument(Struct):
    graph: _Graph


class _ToName(Struct):
    arg: _Named
    parameter_name: Text = ""
    buffer_name: Text = ""
    tensor_constant_name: Text = ""


class _UserInput(Struct):
    arg: dict[str, msgspec.Raw]


class _InputSpec(Struct):
    user_input: _UserInput | None = None
    parameter: _ToName | None = None
    buffer: _ToName | None = None
    tensor_constant: _ToName | None = None


class _OutputSpec(Struct):
    user_output: _UserInput | None = None


class _Signature(Struct):
    input_specs: list[_InputSpec]
    output_specs: list[_OutputSpec]


class _GraphModule(Struct):
    graph: _Graph
    signature: _Signature


class _Version(Struct):
    major: int
    minor: int = 0


class _Program(Struct):
    graph_module: _GraphModule
    schema_version: _Version


class _Payload(Struct):
    path_name: Text
    use_pickle: bool = False
    tensor_meta: _TensorMeta | None = None


class _PayloadConfig(Struct):
    config: dict[str, _Payload] = {}


class _Damaged(ValueError):
    """What is wrong, as the end of a sentence about the file."""


def read_pt2(path: Path, job: Job | None = None, data: bytes | None = None) -> ExportedGraph:
    """Read a `.pt2` file.

    Args:
        path: The file.
        data: Its bytes, when there is no file and `path` is only what messages call it.
        job: Is told the progress; stops the work when cancelled.

    Raises:
        NetbuilderError: When the file is missing, damaged, hostile, or of another version.
        Cancelled: When `job` was cancelled.
    """
    job = job or Job()
    with Archive(path, data) as archive:
        try:
            return _Reader(archive, job).read()
        except _Damaged as error:
            raise archive.refusal("import.damaged", str(error)) from error


class _Reader:
    """Reads one file."""

    def __init__(self, archive: Archive, job: Job) -> None:
        self.archive, self.job = archive, job
        self.steps: list[Step] = []
        self.types: dict[str, TensorType] = {}
        self.sizes: dict[str, Dim] = {}

    def read(self) -> ExportedGraph:
        """Read everything."""
        root, name = self._find_model()
        program = self._decode(f"{root}models/{name}.json", _Program)
        if program.schema_version.major != SCHEMA:
            found = f"{program.schema_version.major}.{program.schema_version.minor}"
            raise self.archive.refusal(
                "import.version",
                f"is of version {found} of the format, and {SCHEMA} is read: save it again with PyTorch 2.9 or later",
            )
        module = program.graph_module
        self._take_values(module.graph, "")
        entries, held = self._inputs(module)
        tensors = self._tensors(root, name)
        weights = {}
        for value, (key, learned) in held.items():
            if key not in tensors:
                raise _Damaged(f"lacks the values of {key[:80]!r}")
            weights[value] = Weight(key, tensors[key], learned)
        self._walk(module.graph, "", {}, 0)
        exits = tuple(self._exits(module))
        known = {*weights, *(value for _, value in entries), *(out for step in self.steps for out in step.outputs)}
        if not entries or not exits:
            raise _Damaged("has no tensor inputs or no outputs")
        if any(value not in known for value in exits):
            raise _Damaged("gives a value that nothing in it makes")
        return ExportedGraph(
            title=self.archive.path.stem,
            entries=tuple(entries),
            exits=exits,
            steps=tuple(self.steps),
            weights=weights,
            types=self.types,
            sizes=self.sizes,
        )

    def _find_model(self) -> tuple[str, str]:
        """Return the archive's root folder and the model's name."""
        found = [name for name in self.archive.names if name.count("/") == 2 and name.endswith(".json")]
        models = [name for name in found if name.split("/")[1] == "models"]
        if len(models) == 1:
            root, _, file = models[0].split("/")
            return f"{root}/", file.removesuffix(".json")
        if any(name.endswith("serialized_exported_program.json") for name in self.archive.names):
            raise self.archive.refusal(
                "import.version", "was written by an old PyTorch: save it again with PyTorch 2.9 or later"
            )
        what = "holds several programs" if models else "is no exported program: it has no models/*.json"
        raise self.archive.refusal("import.damaged", what)

    def _decode(self, member: str, kind: type[S]) -> S:
        data = self.archive.read(member, JSON_BYTES)
        if sum(data.count(mark) for mark in (b",", b"[", b"{")) > JSON_MARKS:
            raise self.archive.refusal("import.large", "has more values than any network that is read")
        return _convert(data, kind)

    # -- tensors -------------------------------------------------------------------------------------------------------

    def _tensors(self, root: str, name: str) -> dict[str, Tensor]:
        """Return all weights and constants by name."""
        found: dict[str, Tensor] = {}
        for folder, kind in (("weights", "weights"), ("constants", "constants")):
            member = f"{root}data/{folder}/{name}_{kind}_config.json"
            if member not in self.archive.names:
                continue
            config = self._decode(member, _PayloadConfig).config
            storages: dict[str, bytearray] = {}
            for number, (key, payload) in enumerate(config.items()):
                self.job.report(0.4 * number / len(config), "reading weights")
                if payload.use_pickle or payload.tensor_meta is None:
                    if folder == "constants":
                        continue  # objects of classes: what uses one says that it is missing
                    raise self.archive.refusal(
                        "import.pickled", f"holds {key[:80]!r} pickled, which could run code and is not read"
                    )
                place = f"{root}data/{folder}/{payload.path_name}"
                if place not in storages:
                    storages[place] = self.archive.read(place, self.archive.size)
                found[key] = _tensor(key, storages[place], payload.tensor_meta)
        return found

    # -- the graph -----------------------------------------------------------------------------------------------------

    def _take_values(self, graph: _Graph, prefix: str) -> None:
        for name, meta in graph.tensor_values.items():
            dtype = DTYPES.get(meta.dtype)
            if dtype is not None:
                dims = tuple(_checked_dim(extent.dim) for extent in meta.sizes)
                self.types[prefix + name] = TensorType(dims, str(dtype).removeprefix("torch."))
        for name, extent in graph.sym_int_values.items():
            self.sizes[prefix + name] = extent.dim

    def _inputs(self, module: _GraphModule) -> tuple[list[tuple[str, str]], dict[str, tuple[str, bool]]]:
        """Return the entries, and value -> (weight's name, whether it is learned)."""
        entries: list[tuple[str, str]] = []
        held: dict[str, tuple[str, bool]] = {}
        for spec in module.signature.input_specs:
            if spec.user_input is not None and "as_tensor" in spec.user_input.arg:
                name = _convert(spec.user_input.arg["as_tensor"], _Named).name
                entries.append((name, name))
            elif spec.parameter is not None:
                held[spec.parameter.arg.name] = spec.parameter.parameter_name, True
            elif spec.buffer is not None:
                held[spec.buffer.arg.name] = spec.buffer.buffer_name, False
            elif spec.tensor_constant is not None:
                held[spec.tensor_constant.arg.name] = spec.tensor_constant.tensor_constant_name, False
        return entries, held

    def _exits(self, module: _GraphModule) -> Iterator[str]:
        for spec in module.signature.output_specs:
            if spec.user_output is not None and "as_tensor" in spec.user_output.arg:
                yield _convert(spec.user_output.arg["as_tensor"], _Named).name

    def _walk(self, graph: _Graph, prefix: str, given: Mapping[str, str], depth: int) -> None:
        """Read a graph's calls; `given` tells what the names of an inner graph's inputs stand for outside."""
        for node in graph.nodes:
            if len(self.steps) > STEPS:
                raise self.archive.refusal("import.large", f"has more than {STEPS:,} operations")
            target = node.target.removeprefix("torch.ops.")
            arguments = {each.name or f"argument{index}": each.arg for index, each in enumerate(node.inputs)}
            if target.startswith(INLINED):
                self._inline(node, prefix, given, depth)
                continue
            values = {name: _argument(value, prefix, given) for name, value in arguments.items()}
            outputs = tuple(out for each in node.outputs for out in _outputs(each, prefix))
            self.steps.append(Step(target, values, outputs, _scopes(node.metadata.nn_module_stack)))

    def _inline(self, node: _Node, prefix: str, given: Mapping[str, str], depth: int) -> None:
        """Read the graph that a call of a graph holds, as if it stood here."""
        if depth >= NESTING:
            raise _Damaged("nests graphs too deeply")
        raws = [each.arg for each in node.inputs]
        place = next((index for index, raw in enumerate(raws) if "as_graph" in raw), None)
        if place is None:
            raise _Damaged(f"has a call of {node.target[:80]!r} without its graph")
        inner = _convert(raws[place]["as_graph"], _GraphArgument).graph
        mine = f"{prefix}{len(self.steps)}."
        self._take_values(inner, mine)
        passed: dict[str, str] = {}
        for parameter, raw in zip(inner.inputs, raws[place + 1 :], strict=False):
            value = _argument(raw, prefix, given)
            for name in _outputs(parameter, mine):
                if isinstance(value, (Ref, SizeRef)):
                    passed[name] = value.name
        self._walk(inner, mine, passed, depth + 1)
        results = [name for each in inner.outputs for name in _outputs(each, mine)]
        outputs = [name for each in node.outputs for name in _outputs(each, prefix)]
        for outer, name in zip(outputs, results, strict=False):
            source = passed.get(name, name)
            self.steps.append(Step("netbuilder.alias", {"self": Ref(source)}, (outer,)))


def _convert(data: bytearray | msgspec.Raw, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _Damaged(f"is damaged, or not what torch writes ({str(error)[:200]})") from error


def _plain(raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _Damaged(f"is damaged, or not what torch writes ({str(error)[:200]})") from error


def _checked_dim(dim: Dim) -> Dim:
    if isinstance(dim, int) and not 0 <= dim < 1 << 48:
        raise _Damaged(f"names a size of {dim}")
    return dim


def _number(extent: _Extent, what: str, most: int) -> int:
    number = extent.as_int
    if number is None or not 0 <= number <= most:
        raise _Damaged(f"says something impossible of {what[:80]!r}")
    return number


def _tensor(key: str, data: bytearray, meta: _TensorMeta) -> Tensor:
    """Return a tensor as its meta data says it lies in its bytes, which must hold all of it."""
    dtype = DTYPES.get(meta.dtype)
    if dtype is None or meta.layout != 7:
        raise _Damaged(f"holds {key[:80]!r} in a kind of numbers that is not read")
    item = torch.empty(0, dtype=dtype).element_size()
    count = len(data) // item
    sizes = [_number(extent, key, count) for extent in meta.sizes]
    if prod(sizes) == 0:
        return torch.zeros(sizes, dtype=dtype)
    strides = [_number(extent, key, count) for extent in meta.strides]
    offset = _number(meta.storage_offset, key, count)
    last = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=False))
    if len(strides) != len(sizes) or last >= count or prod(sizes) > count or len(data) % item:
        raise _Damaged(f"holds fewer bytes for {key[:80]!r} than it says")
    return torch.frombuffer(data, dtype=dtype).as_strided(sizes, strides, offset)


_LISTS: Final = {"as_ints", "as_floats", "as_bools", "as_strings"}
_SCALARS: Final[Mapping[str, tuple[type, ...]]] = {
    "as_int": (int,),
    "as_float": (int, float),
    "as_bool": (bool,),
    "as_string": (str,),
    "as_operator": (str,),
}
_NOT_FINITE: Final = {"Infinity": float("inf"), "-Infinity": float("-inf"), "NaN": float("nan")}


def _argument(raw: Mapping[str, msgspec.Raw], prefix: str, given: Mapping[str, str]) -> Any:
    """Return one argument as a plain value."""
    if len(raw) != 1:
        raise _Damaged("has an argument that is not one thing")
    ((kind, data),) = raw.items()
    value = _plain(data)
    if kind == "as_none":
        return None
    if kind == "as_tensor":
        return Ref(_name(value, prefix, given))
    if kind in ("as_tensors", "as_optional_tensors"):
        return [_optional(each, prefix, given) for each in _list(value)]
    if kind == "as_optional_tensor":
        return _optional(value, prefix, given)
    if kind == "as_sym_int":
        return _size(value, prefix, given)
    if kind == "as_sym_ints":
        return [_size(each, prefix, given) for each in _list(value)]
    if kind == "as_scalar_type":
        return DTYPES.get(value) if type(value) is int else None
    if kind == "as_float" and isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if kind in _SCALARS:
        if not isinstance(value, _SCALARS[kind]) or (type(value) is bool and kind != "as_bool"):
            raise _Damaged("has an argument of the wrong kind")
        return value
    if kind in _LISTS:
        if any(type(each) not in (int, float, bool, str) for each in _list(value)):
            raise _Damaged("has an argument of the wrong kind")
        return value
    return None if kind in ("as_device", "as_layout", "as_memory_format") else f"<{kind}>"


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > 10_000:
        raise _Damaged("has an argument that is no list")
    return value


def _name(value: Any, prefix: str, given: Mapping[str, str]) -> str:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise _Damaged("has an argument without a name")
    name = prefix + value["name"]
    return given.get(name, name)


def _optional(value: Any, prefix: str, given: Mapping[str, str]) -> Ref | None:
    if not isinstance(value, dict):
        raise _Damaged("has an argument without a name")
    if "as_none" in value:
        return None
    return Ref(_name(value.get("as_tensor", value), prefix, given))


def _size(value: Any, prefix: str, given: Mapping[str, str]) -> int | SizeRef:
    if isinstance(value, dict) and type(value.get("as_int")) is int:
        return int(value["as_int"])
    if isinstance(value, dict) and isinstance(value.get("as_name"), str):
        name = prefix + value["as_name"]
        return SizeRef(given.get(name, name))
    raise _Damaged("has a size that is neither a number nor a name")


def _outputs(raw: Mapping[str, msgspec.Raw], prefix: str) -> Sequence[str]:
    """Return the names of one output, a list laid out flat."""
    if len(raw) != 1:
        raise _Damaged("has an output that is not one thing")
    ((kind, data),) = raw.items()
    value = _plain(data)
    if kind == "as_tensor":
        return [_name(value, prefix, {})]
    if kind in ("as_tensors", "as_optional_tensors"):
        found = [_optional(each, prefix, {}) for each in _list(value)]
        return [each.name if each is not None else "" for each in found]
    if kind == "as_optional_tensor":
        one = _optional(value, prefix, {})
        return [one.name if one is not None else ""]
    if kind == "as_sym_int":
        size = _size(value, prefix, {})
        return [size.name] if isinstance(size, SizeRef) else [""]
    return [""]


def _scopes(stack: str) -> tuple[Scope, ...]:
    """Read the module stack: "key,path,class" a level, the levels apart by semicolons; the first is the network."""
    found = []
    for level in stack.split(";")[1:65]:
        _, _, rest = level.partition(",")
        path, _, kind = rest.partition(",")
        if path and kind:
            found.append(Scope(path[:500], kind.rpartition(".")[2][:100]))
    return tuple(found)
