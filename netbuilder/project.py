"""The project: a document and its file, and what can be done with them without a window.

`netbuilder.load` returns one; the terminal and the tests use it, and the window shares its `declarations` and
`run_folder`. Importing this module loads no torch; checking, building and training do.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from netbuilder.data import sources
from netbuilder.data.places import placed
from netbuilder.document import edits
from netbuilder.document.adoption import fingerprint
from netbuilder.document.blocks import BLOCK
from netbuilder.document.files import read_document, write_document
from netbuilder.document.model import Document
from netbuilder.foundation.declaration import Declaration
from netbuilder.foundation.preferences import Preferences, SnapshotRoom, config_folder
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.layers.catalog import catalog
from netbuilder.layers.instances import spec_of
from netbuilder.library import Entry, Library
from netbuilder.templates import open_template
from netbuilder.training import readiness
from netbuilder.training.protocol import Start
from netbuilder.training.unattended import Outcome, Watcher, run_to_end

if TYPE_CHECKING:
    from torch import Tensor, nn

    from netbuilder.compiler.cost import Costs
    from netbuilder.compiler.program import Program
    from netbuilder.compiler.shapes import Shapes
    from netbuilder.exchange.incoming.weight_names import Matches
    from netbuilder.foundation.job import Job
    from netbuilder.training.trial import Row


@cache
def declarations() -> Mapping[str, Declaration]:
    """Return everything that a node can be, by its type: data sources first, then layers."""
    return MappingProxyType({item.key: item for item in (*sources.registry(), *catalog())})


def describe(node_type: str) -> Declaration | None:
    """Return what a node of this type is; None when this version does not know it."""
    return declarations().get(node_type)


def declaration_for(document: Document, node_type: str) -> Declaration | None:
    """Return what a node of this type is in a document, whose blocks count; None when nobody knows it."""
    if node_type.startswith(BLOCK):
        definition = document.blocks.get(node_type.removeprefix(BLOCK))
        return spec_of(definition) if definition is not None else None
    return describe(node_type)


class Vocabulary(Mapping[str, Declaration]):
    """Everything that a node of a document can be, as the document is now: its blocks are among them."""

    def __init__(self, document: Callable[[], Document], library: Library | None = None) -> None:
        """Follow a document.

        Args:
            document: Returns it as it is now.
            library: Blocks that can be added besides the document's own.
        """
        self._document = document
        self._library = library

    def __getitem__(self, key: str) -> Declaration:
        found = declaration_for(self._document(), key)
        if found is None:
            entry = self.entry(key)
            if entry is None:
                raise KeyError(key)
            found = spec_of(entry.definition, key)
        return found

    def __iter__(self) -> Iterator[str]:
        yield from declarations()
        document = self._document()
        yield from (BLOCK + key for key in document.blocks)
        if self._library is not None:
            held = {fingerprint(key, document.blocks) for key in document.blocks}
            yield from (key for key, entry in self._library.entries.items() if entry.mark not in held)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def entry(self, key: str) -> Entry | None:
        """Return the library's block of that key; None when the key is of something else."""
        return self._library.entries.get(key) if self._library is not None else None


def runs_folder(path: Path | None) -> Path:
    """Return the folder of a project's runs and weights: `x.runs` beside `x.netb`, the user's own when unsaved.

    Args:
        path: The project's file; None while it has none.
    """
    return path.absolute().with_suffix(".runs") if path else config_folder() / "runs" / "unsaved"


def run_folder(path: Path | None) -> Path:
    """Return a folder for a new run, which does not exist yet: in `x.runs` beside `x.netb`, in the user's when unsaved.

    Args:
        path: The project's file; None while it has none.
    """
    runs = runs_folder(path)
    stamp = time.strftime("%Y-%m-%d-%H%M%S")
    names = (stamp if number == 1 else f"{stamp}-{number}" for number in itertools.count(1))
    return next(folder for folder in (runs / name for name in names) if not folder.exists())


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What checking found.

    Attributes:
        document: The document, its schemas brought up to date.
        shapes: The types of all ports.
        costs: What its layers cost.
        problems: Errors first.
    """

    document: Document
    shapes: Shapes
    costs: Costs
    problems: tuple[Problem, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing prevents training."""
        return not any(problem.is_error for problem in self.problems)


@dataclass(slots=True)
class Project:
    """A document and the file that it came from.

    Attributes:
        document: What the user drew.
        path: Its file; None while it was never saved.
        weights: Weights to start from that have no file yet, by node path and name: those of an import. Saving writes
            them beside the project.
    """

    document: Document = field(default_factory=Document)
    path: Path | None = None
    weights: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str | Path) -> Project:
        """Open a project file.

        Raises:
            NetbuilderError: When the file is missing, damaged or not a project.
        """
        return cls(read_document(path), Path(path).absolute())

    @classmethod
    def from_module(cls, module: nn.Module, example_inputs: Any) -> Project:
        """Make a project of a module; see `netbuilder.from_module`."""
        from netbuilder.exchange.incoming.live_module import import_module

        imported = import_module(module, example_inputs)
        return cls(imported.document, weights=imported.weights)

    @classmethod
    def new(cls, template: str = "") -> Project:
        """Begin a project from a template; an empty one without.

        Raises:
            NetbuilderError: When there is no such template.
        """
        return cls(open_template(template) if template else Document())

    def save(self, path: str | Path | None = None) -> None:
        """Write the project to its file, or to another one, which becomes its file.

        Raises:
            NetbuilderError: When there is no file yet, or the system refuses; what was on the disk is as it was.
        """
        target = Path(path).absolute() if path else self.path
        if target is None:
            raise NetbuilderError(Problem(code="file.unnamed", message="The project has no file yet: name one."))
        if self.weights or self.document.plan.weights is not None:
            self.keep_weights(runs_folder(target))
        self.document = placed(self.document, self.base, target.parent)
        write_document(target, self.document)
        self.path = target

    def keep_weights(self, runs: Path) -> None:
        """See to it that the weights to start from have their file in a folder of runs.

        Raises:
            NetbuilderError: When it cannot be written.
        """
        from netbuilder.training.start_weights import carry_start, save_start

        if self.weights:
            start = save_start(runs, self.document, self.weights)
            self.document = edits.set_start_weights(self.document, start.file, start.sha256)
            self.weights = {}
        elif self.document.plan.weights is not None:
            carry_start(self.document.plan.weights, runs_folder(self.path), runs)

    @property
    def base(self) -> Path:
        """The folder that relative file names in the document are relative to."""
        return self.path.parent if self.path else Path.cwd()

    def refresh_schemas(self) -> tuple[Problem, ...]:
        """Bring up to date what each data node yields, where its settings or files changed.

        Returns:
            What stands in the way, such as a missing file; those nodes keep what was known.
        """
        self.document, problems = refresh(self.document, self.base)
        return problems

    def check(self) -> Checked:
        """Infer all shapes and find all problems, the plan's too; only data whose file changed is read."""
        import torch  # noqa: F401  # shapes wait for it

        from netbuilder.compiler.cost import count_costs
        from netbuilder.compiler.shapes import ShapeInference

        document, problems = refresh(self.document, self.base)
        shapes = ShapeInference().infer(document)
        found = (*self._weights_problems(), *readiness.review(document, shapes, problems))
        return Checked(document=document, shapes=shapes, costs=count_costs(document, shapes), problems=found)

    def _weights_problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with the file of the weights to start from."""
        if self.document.plan.weights is None:
            return ()
        from netbuilder.training.start_weights import load_start

        try:
            load_start(self.document.plan.weights, runs_folder(self.path))
        except NetbuilderError as error:
            return error.problems
        return ()

    def program(self) -> Program:
        """Write the network as PyTorch.

        Raises:
            NetbuilderError: With the errors that are in the way.
        """
        import torch  # noqa: F401

        from netbuilder.compiler.program import write_program
        from netbuilder.compiler.shapes import ShapeInference

        document, _ = refresh(self.document, self.base)
        return write_program(document, ShapeInference().infer(document))

    def build(self) -> nn.Module:
        """Return the network as a `torch.nn.Module`, with the weights to start from, or weights drawn from the seed.

        Raises:
            NetbuilderError: With the errors that are in the way.
        """
        from netbuilder.compiler.module import initialize, load_module
        from netbuilder.training.start_weights import adopt, load_start

        program = self.program()
        model = load_module(program).new_network()
        initialize(model, program, self.document.plan.seed)
        if self.document.plan.weights is not None:
            adopt(model, program, load_start(self.document.plan.weights, runs_folder(self.path)))
        adopt(model, program, self.weights)
        return model

    def load_weights(self, file: str | Path, job: Job | None = None) -> Matches:
        """Start from the weights in a file, matched by name and shape; saving the project writes them beside it.

        Args:
            file: A safetensors file, or one that `torch.save` wrote of a `state_dict`.
            job: Is told the progress; stops the work when cancelled.

        Returns:
            What matched, what did not, and why. When nothing did, nothing is changed.

        Raises:
            NetbuilderError: When the file cannot be read, or the network has errors.
        """
        from netbuilder.exchange.incoming.weight_files import read_weights
        from netbuilder.exchange.incoming.weight_names import match_weights
        from netbuilder.training.start_weights import held_by

        given = read_weights(Path(file), job)
        program = self.program()
        model = self.build()
        held = held_by(model, program)
        names = {
            f"{program.names[path]}.{name}": (path, name, tuple(tensor.shape))
            for path, own in held.items()
            for name, tensor in own.items()
        }
        matches = match_weights(names, given)
        if matches.matched:
            self.weights = {path: {**own, **matches.held.get(path, {})} for path, own in held.items()}
        return matches

    def train(
        self,
        *,
        epochs: int | None = None,
        device: str = "cpu",
        seed: int | None = None,
        folder: str | Path | None = None,
        snapshots: int | None = None,
        on_telemetry: Watcher | None = None,
    ) -> Outcome:
        """Train to the end; an interrupt (Ctrl-C) stops cleanly, and what was learned is saved.

        Args:
            epochs: Replaces the plan's.
            device: "cpu", "cuda:0", "mps"; "cuda x2" for several that share each batch.
            seed: Replaces the plan's.
            folder: The run's folder; None makes a new one beside the file.
            snapshots: How many megabytes the run's snapshots may take; 0 keeps none, None what the preferences say.
            on_telemetry: Is given what is new, about 20 times a second, and a last time after the end.

        Raises:
            NetbuilderError: When something is wrong with the document, its data or the device, or the loss explodes.
        """
        document = self._document_to_train(epochs, seed)
        place = Path(folder).absolute() if folder else run_folder(self.path)
        runs = str(runs_folder(self.path))
        room = _snapshot_room(snapshots)
        start = Start(
            document=document,
            folder=str(place),
            base=str(self.base),
            runs=runs,
            device=device,
            snapshots=room.run,
            snapshots_together=room.together,
        )
        return run_to_end(start, on_telemetry or (lambda telemetry: None))

    def resume(
        self,
        run: str = "",
        *,
        epochs: int | None = None,
        device: str = "cpu",
        snapshots: int | None = None,
        on_telemetry: Watcher | None = None,
    ) -> Outcome:
        """Go on with a run of this project from where it stopped, as if nothing had come between.

        It trains the document that it began with, not what the project has become since.

        Args:
            run: The run's id or name, or its folder when that is elsewhere; "" for the newest.
            epochs: So many more than are done; None for as many as the run was to do.
            device: "cpu", "cuda:0", "mps".
            snapshots: See `train`.
            on_telemetry: See `train`.

        Raises:
            NetbuilderError: When there is no such run or it cannot go on, and as `train`.
        """
        from netbuilder.training.resumable import choose, document_of

        runs, place = runs_folder(self.path), Path(run)
        is_elsewhere = bool(run) and place.is_dir()
        chosen = choose(place.absolute().parent, place.name) if is_elsewhere else choose(runs, run)
        room = _snapshot_room(snapshots)
        start = Start(
            document=document_of(chosen, epochs),
            folder=str(chosen.folder),
            base=str(self.base),
            runs=str(runs),
            device=device,
            snapshots=room.run,
            snapshots_together=room.together,
            resume=True,
        )
        return run_to_end(start, on_telemetry or (lambda telemetry: None))

    def find_fastest(self, *, device: str = "cpu", with_compile: bool = False, job: Job | None = None) -> Sequence[Row]:
        """Measure for some seconds how this computer trains the network fastest; see `training.trial`.

        Args:
            device: "cpu", "cuda:0", "mps".
            with_compile: Whether `torch.compile` is tried too, which takes longer.
            job: Is told the progress; stops the work when cancelled.

        Returns:
            What was found, the plain way first. `training.trial.fastest` picks one; its `values` are for `change_plan`.

        Raises:
            NetbuilderError: When something is wrong with the document, its data or the device.
        """
        from netbuilder.foundation.job import Job
        from netbuilder.training.trial import Trial

        document, runs = self._document_to_train(None, None), str(runs_folder(self.path))
        trial = Trial(document, base=str(self.base), runs=runs, device=device, with_compile=with_compile)
        return trial.run(job or Job())

    def _document_to_train(self, epochs: int | None, seed: int | None) -> Document:
        document, problems = refresh(self.document, self.base)
        linked = readiness.linked_nodes(document)
        problems = tuple(problem for problem in problems if problem.node in linked)
        if problems:
            raise NetbuilderError(problems)
        plan = document.plan
        plan = replace(plan, epochs=plan.epochs if epochs is None else epochs, seed=plan.seed if seed is None else seed)
        return replace(document, plan=plan)


def refresh(document: Document, base: Path) -> tuple[Document, tuple[Problem, ...]]:
    """Return the document with up-to-date schemas, and what stands in the way of that.

    Args:
        document: What to look at.
        base: The folder that relative file names are relative to.
    """
    problems: list[Problem] = []
    for node in document.graph.nodes.values():
        if node.type not in sources.registry():  # an unknown one is the compiler's to report
            continue
        reading = readiness.read(document, node, base)
        problems.extend(reading.problems)
        if reading.schema is not None:
            document = edits.set_schema(document, node.id, reading.schema)
    return document, tuple(problems)


def _snapshot_room(megabytes: int | None) -> SnapshotRoom:
    """Return how much room snapshots have: what was asked for a run, else what the preferences say."""
    room = Preferences().snapshot_room
    return room if megabytes is None else replace(room, run=megabytes << 20)
