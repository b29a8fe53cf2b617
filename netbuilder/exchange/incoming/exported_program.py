"""The closed reader of `.pt2` files: JSON and raw tensors, and nothing else of what such a file may hold.

Torch's own loader falls back to unpickling, which runs code; this one never does. It reads the program's JSON into
strict records, the tensors as bytes whose extent is checked, and refuses pickled members. Names of operators and
classes are text to it. Imports torch.

The format is that of `torch.export.save` since torch 2.9 (`torch/_export/serde/schema.py`, major version 8).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from torch import Tensor

from netbuilder.exchange.incoming.archive import Archive
from netbuilder.exchange.incoming.exported_arguments import (
    argument_from,
    checked_dim,
    output_names,
    scopes_from,
    tensor_from,
)
from netbuilder.exchange.incoming.exported_graph import ExportedGraph, Ref, SizeRef, Step, Weight
from netbuilder.exchange.incoming.exported_records import (
    DTYPES,
    STEPS,
    Damaged,
    GraphArgument,
    GraphModule,
    GraphRecord,
    Named,
    NodeRecord,
    PayloadConfig,
    ProgramRecord,
    S,
    convert,
)
from netbuilder.foundation.job import Job
from netbuilder.foundation.limits import MEBIBYTE
from netbuilder.layers.tensor import Dim, TensorType

SCHEMA: Final = 8
"""The major version of the format that is read."""

JSON_BYTES: Final = 128 * MEBIBYTE
JSON_MARKS: Final = 8_000_000
NESTING: Final = 4
"""How deeply graphs within graphs are read."""

INLINED: Final = ("higher_order.wrap_with_set_grad_enabled", "higher_order.wrap_with_autocast")
"""Calls of a graph of their own that compute what the graph does."""


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
        except Damaged as error:
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
        program = self._decode(f"{root}models/{name}.json", ProgramRecord)
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
                raise Damaged(f"lacks the values of {key[:80]!r}")
            weights[value] = Weight(key, tensors[key], learned)
        self._walk(module.graph, "", {}, 0)
        exits = tuple(self._exits(module))
        known = {*weights, *(value for _, value in entries), *(out for step in self.steps for out in step.outputs)}
        if not entries or not exits:
            raise Damaged("has no tensor inputs or no outputs")
        if any(value not in known for value in exits):
            raise Damaged("gives a value that nothing in it makes")
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
        return convert(data, kind)

    # -- tensors -------------------------------------------------------------------------------------------------------

    def _tensors(self, root: str, name: str) -> dict[str, Tensor]:
        """Return all weights and constants by name."""
        found: dict[str, Tensor] = {}
        for folder, kind in (("weights", "weights"), ("constants", "constants")):
            member = f"{root}data/{folder}/{name}_{kind}_config.json"
            if member not in self.archive.names:
                continue
            config = self._decode(member, PayloadConfig).config
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
                found[key] = tensor_from(key, storages[place], payload.tensor_meta)
        return found

    # -- the graph -----------------------------------------------------------------------------------------------------

    def _take_values(self, graph: GraphRecord, prefix: str) -> None:
        for name, meta in graph.tensor_values.items():
            dtype = DTYPES.get(meta.dtype)
            if dtype is not None:
                dims = tuple(checked_dim(extent.dim) for extent in meta.sizes)
                self.types[prefix + name] = TensorType(dims, str(dtype).removeprefix("torch."))
        for name, extent in graph.sym_int_values.items():
            self.sizes[prefix + name] = extent.dim

    def _inputs(self, module: GraphModule) -> tuple[list[tuple[str, str]], dict[str, tuple[str, bool]]]:
        """Return the entries, and value -> (weight's name, whether it is learned)."""
        entries: list[tuple[str, str]] = []
        held: dict[str, tuple[str, bool]] = {}
        for spec in module.signature.input_specs:
            if spec.user_input is not None and "as_tensor" in spec.user_input.arg:
                name = convert(spec.user_input.arg["as_tensor"], Named).name
                entries.append((name, name))
            elif spec.parameter is not None:
                held[spec.parameter.arg.name] = spec.parameter.parameter_name, True
            elif spec.buffer is not None:
                held[spec.buffer.arg.name] = spec.buffer.buffer_name, False
            elif spec.tensor_constant is not None:
                held[spec.tensor_constant.arg.name] = spec.tensor_constant.tensor_constant_name, False
        return entries, held

    def _exits(self, module: GraphModule) -> Iterator[str]:
        for spec in module.signature.output_specs:
            if spec.user_output is not None and "as_tensor" in spec.user_output.arg:
                yield convert(spec.user_output.arg["as_tensor"], Named).name

    def _walk(self, graph: GraphRecord, prefix: str, given: Mapping[str, str], depth: int) -> None:
        """Read a graph's calls; `given` tells what the names of an inner graph's inputs stand for outside."""
        for node in graph.nodes:
            if len(self.steps) > STEPS:
                raise self.archive.refusal("import.large", f"has more than {STEPS:,} operations")
            target = node.target.removeprefix("torch.ops.")
            arguments = {each.name or f"argument{index}": each.arg for index, each in enumerate(node.inputs)}
            if target.startswith(INLINED):
                self._inline(node, prefix, given, depth)
                continue
            values = {name: argument_from(value, prefix, given) for name, value in arguments.items()}
            outputs = tuple(out for each in node.outputs for out in output_names(each, prefix))
            self.steps.append(Step(target, values, outputs, scopes_from(node.metadata.nn_module_stack)))

    def _inline(self, node: NodeRecord, prefix: str, given: Mapping[str, str], depth: int) -> None:
        """Read the graph that a call of a graph holds, as if it stood here."""
        if depth >= NESTING:
            raise Damaged("nests graphs too deeply")
        raws = [each.arg for each in node.inputs]
        place = next((index for index, raw in enumerate(raws) if "as_graph" in raw), None)
        if place is None:
            raise Damaged(f"has a call of {node.target[:80]!r} without its graph")
        inner = convert(raws[place]["as_graph"], GraphArgument).graph
        mine = f"{prefix}{len(self.steps)}."
        self._take_values(inner, mine)
        passed: dict[str, str] = {}
        for parameter, raw in zip(inner.inputs, raws[place + 1 :], strict=False):
            value = argument_from(raw, prefix, given)
            for name in output_names(parameter, mine):
                if isinstance(value, (Ref, SizeRef)):
                    passed[name] = value.name
        self._walk(inner, mine, passed, depth + 1)
        results = [name for each in inner.outputs for name in output_names(each, mine)]
        outputs = [name for each in node.outputs for name in output_names(each, prefix)]
        for outer, name in zip(outputs, results, strict=False):
            source = passed.get(name, name)
            self.steps.append(Step("netbuilder.alias", {"self": Ref(source)}, (outer,)))
