"""How long a network takes from document to module, how that grows, and whether the module costs more than one by hand.

Compile time and shape time stand beside what PyTorch takes to build the same modules and to trace them with `torch.fx`.
The compiled module is held against the same network written by hand: the same operations, at the same speed.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.utils._python_dispatch import TorchDispatchMode

from netbuilder.compiler.cost import CostCounter
from netbuilder.compiler.meta import warm_up
from netbuilder.compiler.module import LoadedModule, load_module, release
from netbuilder.compiler.problems import find_problems
from netbuilder.compiler.program import Program, write_program
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.compiler.structure import Outline
from netbuilder.document.model import Document
from tests.builders import tiny_cnn, tiny_mlp
from tests.compiler.documents import long_chain, with_parameters

SIZES = (100, 1_000, 5_000)
ROUNDS = 3
PAIRS = 30
EDITS = 7


def milliseconds(action: Callable[[], object]) -> float:
    """Return the processor time of one call, which other programs on the machine do not lengthen."""
    start = time.process_time()
    action()
    return (time.process_time() - start) * 1e3


@pytest.fixture(autouse=True)
def ready() -> Iterator[None]:
    """One thread, everything loaded that is loaded once, and garbage collected between the measurements alone."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    warm_up()
    given = long_chain(10)
    write_program(given, ShapeInference().infer(given))
    gc.collect()
    gc.disable()
    yield
    gc.enable()
    torch.set_num_threads(threads)


def by_hand(length: int) -> nn.Sequential:
    """Build the modules of `long_chain` as one would by hand."""
    layers: list[nn.Module] = []
    channels = 1
    for index in range(length):
        kind = index % 5
        if kind in (0, 3):
            layers.append(nn.Conv2d(channels, 8 + index % 7, 3, padding=1))
            channels = 8 + index % 7
        elif kind == 1:
            layers.append(nn.BatchNorm2d(channels))
        elif kind == 2:
            layers.append(nn.ReLU())
        else:
            layers.append(nn.GroupNorm(1, channels))
    return nn.Sequential(*layers)


@dataclass(frozen=True)
class Times:
    """Processor time in milliseconds for one network."""

    shapes: float
    edit: float
    follow: float
    program: float
    load: float
    build: float
    hand: float
    trace: float

    @property
    def compile(self) -> float:
        """From known shapes to a module that can be trained."""
        return self.program + self.load + self.build

    def __str__(self) -> str:
        return (
            f"shapes {self.shapes:.0f}; after an edit {self.edit:.1f}, with problems and costs {self.follow:.1f}; "
            f"compile {self.compile:.0f} (write {self.program:.0f}, load {self.load:.0f}, construct {self.build:.0f}); "
            f"by hand {self.hand:.0f}, torch.fx {self.trace:.0f}"
        )


def measured(length: int) -> Times:
    """Measure a network of so many layers once."""
    given = long_chain(length)
    inference, outline, counter = ShapeInference(), Outline(), CostCounter()
    shapes_time = milliseconds(lambda: inference.infer(given))
    shapes = inference.infer(given)
    find_problems(given, shapes, outline)
    counter.count(given, shapes, outline)
    edits, follows = [], []
    for index in range(EDITS):
        changed = with_parameters(given, f"n{length // 10 * 5}", filters=20 + index)
        start = time.process_time()
        found = inference.infer(changed)
        edits.append((time.process_time() - start) * 1e3)
        find_problems(changed, found, outline)
        counter.count(changed, found, outline)
        follows.append((time.process_time() - start) * 1e3)
    programs: list[Program] = []
    loadeds: list[LoadedModule] = []
    program_time = milliseconds(lambda: programs.append(write_program(given, shapes)))
    load_time = milliseconds(lambda: loadeds.append(load_module(programs[0])))
    build_time = milliseconds(loadeds[0].new_network)
    hand_time = milliseconds(lambda: by_hand(length))
    model = by_hand(length)
    trace_time = milliseconds(lambda: fx.symbolic_trace(model))
    release(programs[0])
    gc.collect()
    return Times(
        shapes_time,
        statistics.median(edits),
        statistics.median(follows),
        program_time,
        load_time,
        build_time,
        hand_time,
        trace_time,
    )


def fastest(length: int, rounds: int) -> Times:
    """Return the fastest of some rounds, column by column."""
    rows = [measured(length) for _ in range(rounds)]
    return Times(*(min(column) for column in zip(*(vars(row).values() for row in rows), strict=True)))


@pytest.mark.benchmark
@pytest.mark.timeout(900)
def test_compile_and_shape_time_grow_with_the_network() -> None:
    times = {length: fastest(length, ROUNDS) for length in SIZES}
    for length, row in times.items():
        print(f"{length:,} layers, ms: {row}")
    for small, large in pairwise(SIZES):
        for name in ("shapes", "compile"):
            growth = getattr(times[large], name) / getattr(times[small], name)
            print(f"{name} from {small:,} to {large:,}: {growth:.1f} times")
            assert growth <= 1.4 * large / small, name
    assert times[5_000].follow <= 0.2 * times[5_000].hand, "an edit does not cost what the whole network does"


def test_the_measurement_measures_what_it_says() -> None:
    row = measured(20)
    assert all(number > 0 for number in vars(row).values())
    given = long_chain(20)
    program = write_program(given, ShapeInference().infer(given))
    ours = load_module(program).new_network()
    release(program)
    shapes = [tuple(weight.shape) for weight in ours.parameters()]
    assert shapes == [tuple(weight.shape) for weight in by_hand(20).parameters()]


# -- the compiled module against one by hand -----------------------------------------------------------------------


class HandMLP(nn.Module):
    """`tiny_mlp`, as a person writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(64, 32)
        self.scores = nn.Linear(32, 10)

    def forward(self, image: Tensor) -> Tensor:
        x = torch.flatten(image, 1)
        x = F.relu(self.hidden(x))
        return self.scores(x)


class HandCNN(nn.Module):
    """`tiny_cnn`, as a person writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.scores = nn.Linear(8 * 4 * 4, 10)

    def forward(self, image: Tensor) -> Tensor:
        act = F.relu(self.norm(self.stem(image)))
        x = self.conv(act) + act
        x = torch.flatten(self.pool(x), 1)
        return self.scores(x)


NETWORKS: tuple[tuple[str, Callable[[], Document], Callable[[], nn.Module]], ...] = (
    ("mlp", tiny_mlp, HandMLP),
    ("cnn", tiny_cnn, HandCNN),
)

Step = Callable[[], None]


def steps(document: Document, hand: nn.Module) -> tuple[Step, Step]:
    """Return a forward and backward pass of the compiled network, and one of the same written by hand."""
    program = write_program(document, ShapeInference().infer(document))
    loaded = load_module(program)
    compiled = loaded.new_network()
    hand.load_state_dict(compiled.state_dict())
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(64, 1, 8, 8, generator=generator)
    label = torch.randint(0, 10, (64,), generator=generator)

    def step_of(model: nn.Module) -> Step:
        weights = list(model.parameters())

        def step() -> None:
            for weight in weights:
                weight.grad = None
            F.cross_entropy(model(image), label).backward()

        return step

    ours, theirs = step_of(compiled), step_of(hand)
    release(program)
    return ours, theirs


class Operations(TorchDispatchMode):
    """Notes which operations torch carries out."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))


def operations(step: Step) -> list[str]:
    """Return the operations of one pass, in order."""
    with Operations() as seen:
        step()
    return seen.names


@pytest.mark.parametrize(("name", "document", "hand"), NETWORKS)
def test_the_same_operations_as_by_hand(
    name: str, document: Callable[[], Document], hand: Callable[[], nn.Module]
) -> None:
    ours, theirs = steps(document(), hand())
    found = operations(ours)
    assert found == operations(theirs)
    assert any("backward" in each for each in found)


def test_another_operation_would_be_noticed() -> None:
    ours, _ = steps(tiny_mlp(), HandMLP())
    _, theirs = steps(tiny_mlp(64), _Wider())
    assert len(operations(ours)) < len(operations(theirs))


class _Wider(HandMLP):
    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.scores = nn.Linear(64, 64), nn.Linear(64, 10)

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image) * 1.0


@pytest.mark.benchmark
@pytest.mark.parametrize(("name", "document", "hand"), NETWORKS)
def test_as_fast_as_by_hand(name: str, document: Callable[[], Document], hand: Callable[[], nn.Module]) -> None:
    ours, theirs = steps(document(), hand())

    def pair(first: Step, second: Step) -> tuple[float, float]:
        return milliseconds(lambda: repeat(first)), milliseconds(lambda: repeat(second))

    def repeat(step: Step) -> None:
        for _ in range(20):
            step()

    pair(ours, theirs)
    ratios = []
    for index in range(PAIRS):
        if index % 2:
            one, other = pair(ours, theirs)
        else:
            other, one = pair(theirs, ours)
        ratios.append(one / other)
    print(f"{name}: compiled to by hand, median of {PAIRS} pairs: {statistics.median(ratios):.3f}")
    assert statistics.median(ratios) <= 1.03
