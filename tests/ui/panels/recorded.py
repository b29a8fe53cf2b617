"""A recorded run for panels: a digits network, and telemetry as a session would tell it, made with numpy alone."""

from __future__ import annotations

import numpy as np

from netbuilder.document import edits
from netbuilder.document.model import Document, Field, Node, Place, PortRef, Schema
from netbuilder.layers.catalog import catalog
from netbuilder.training.protocol import (
    Command,
    Event,
    Picture,
    PictureKind,
    Points,
    Progress,
    State,
    Telemetry,
)
from netbuilder.ui.workspace import Workspace

DIGITS = tuple("0123456789")
DATA, CONV, RELU, FLAT, HEAD, LOSS = "ndata0001", "nconv0001", "nrelu0001", "nflat0001", "nhead0001", "nloss0001"


def digits_document() -> Document:
    """Digits -> Conv2d -> ReLU -> Flatten -> Linear -> CrossEntropy."""
    schema = Schema(
        fields=(
            Field(name="image", dims=(1, 8, 8), layout="CHW"),
            Field(name="label", dtype="int64", classes=DIGITS),
        ),
        rows=1797,
    )
    document = edits.add_node(
        Document(), node=Node(id=DATA, type="data.digits", label="digits"), place=Place(0, 0), schema=schema
    )
    for index, (id, type, label, values) in enumerate(
        (
            (CONV, "conv2d", "stem", {"filters": 32}),
            (RELU, "relu", "relu", {}),
            (FLAT, "flatten", "flatten", {}),
            (HEAD, "linear", "head", {"units": 10}),
            (LOSS, "cross_entropy", "loss", {}),
        )
    ):
        known = catalog()[type].by_name
        values = {**catalog()[type].defaults(), **{name: value for name, value in values.items() if name in known}}
        node = Node(id=id, type=type, label=label, parameters=values)
        document = edits.add_node(document, node=node, place=Place(200 * index + 200, 0))
    links = (
        ((CONV, "x"), (DATA, "image")),
        ((RELU, "x"), (CONV, "y")),
        ((FLAT, "x"), (RELU, "y")),
        ((HEAD, "x"), (FLAT, "y")),
        ((LOSS, "prediction"), (HEAD, "y")),
        ((LOSS, "target"), (DATA, "label")),
    )
    for target, source in links:
        document = edits.connect(document, PortRef(*target), PortRef(*source))
    return document


class RecordedHost:
    """A session host that tells what it is given, and notes what it is commanded."""

    def __init__(self) -> None:
        self.state = State.RUNNING
        self.next = Telemetry()
        self.commands: list[Command] = []

    def send(self, command: Command) -> int:
        self.commands.append(command)
        return len(self.commands)

    def drain(self) -> Telemetry:
        telemetry, self.next = self.next, Telemetry(progress=self.next.progress)
        return telemetry

    def wait(self, timeout: float | None = None) -> bool:
        return True

    def close(self) -> None:
        self.next = Telemetry()


def attach(workspace: Workspace) -> RecordedHost:
    """Let a workspace follow a recorded run."""
    host = RecordedHost()
    workspace.trainer._host = host  # type: ignore[assignment]
    workspace.trainer._torch = True
    workspace.trainer._enter(State.RUNNING)
    return host


def tell(workspace: Workspace, host: RecordedHost, telemetry: Telemetry) -> None:
    """Let the run tell something, as the window's timer would fetch it, and all that is seen show it."""
    host.next = telemetry
    workspace.trainer.drain()
    workspace.turns.finish()


def points(start: int, values: np.ndarray, every: int = 1) -> Points:
    """Return points at every so many steps."""
    return Points((np.arange(len(values), dtype=np.int64) * every) + start, np.asarray(values, np.float64))


def curves(steps: int, *, start: int = 0, seed: int = 0) -> dict[str, Points]:
    """Return curves like those of a small network that learns."""
    random = np.random.default_rng(seed)
    at = np.arange(start, start + steps)
    train = 2.2 * np.exp(-at / 120) + 0.05 + random.gamma(2.0, 0.02, steps) * (1 + 2 * np.exp(-at / 200))
    epochs = np.arange(start, start + steps, 22)
    validation = 2.2 * np.exp(-epochs / 120) + 0.09 + random.normal(0, 0.008, len(epochs))
    accuracy = np.clip(0.985 - 0.85 * np.exp(-epochs / 90) + random.normal(0, 0.005, len(epochs)), 0, 1)
    norm = 0.3 * np.exp(-at / 300) + 0.01 + random.gamma(2.0, 0.004, steps)
    return {
        "loss/train": points(start, train),
        "loss/validation": points(start, validation, 22),
        "accuracy/validation": points(start, accuracy, 22),
        "f1/validation": points(start, accuracy - 0.01, 22),
        "learning_rate": points(start, np.full(steps, 1e-3)),
        f"gradient_norm/{CONV}": points(start, norm),
        f"gradient_norm/{HEAD}": points(start, 3 * norm),
    }


def glyph(kind: int) -> np.ndarray:
    """Return a blurry 8 x 8 stroke that looks a little like a digit."""
    y, x = np.mgrid[0:8, 0:8] / 7.0
    ring = np.exp(-(((np.hypot(x - 0.5, (y - 0.5) * (0.7 + 0.05 * kind)) - 0.3) / 0.13) ** 2))
    bar = np.exp(-(((x - 0.15 * (kind % 5) - 0.2 + 0.3 * (y - 0.5)) / 0.12) ** 2))
    return np.clip(ring * (kind % 3 != 0) + bar * (kind % 2), 0, 1).astype(np.float32)


def maps(count: int = 32, sample: int = 3) -> np.ndarray:
    """Return maps like those of a first convolution after ReLU."""
    random = np.random.default_rng(sample)
    made = []
    for _ in range(count):
        kernel = random.normal(0, 1, (3, 3))
        padded = np.pad(glyph(sample), 1)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
        made.append(np.maximum((windows * kernel).sum((2, 3)), 0))
    return np.stack(made).astype(np.float32)


def pictures(step: int = 600, sample: int = 0) -> tuple[Picture, ...]:
    """Return one picture of every kind that panels draw."""
    random = np.random.default_rng(1)
    drawn = maps()
    samples = np.stack([(glyph(k) * 255).astype(np.uint8) for k in range(16)])
    confusion = np.diag(random.integers(30, 40, 10)) + (random.random((10, 10)) < 0.06) * 2
    edges = random.normal(0, 1, 40_000)
    weights = np.histogram(edges * 0.12, 64, (-0.5, 0.5))[0].astype(np.float32)
    gradients = np.histogram(edges * 0.0007, 64, (-0.003, 0.003))[0].astype(np.float32)

    def make(
        kind: PictureKind, node: str, data: np.ndarray, extent: tuple[float, ...] = (), labels: tuple[str, ...] = ()
    ):
        of = sample if kind in (PictureKind.THUMBS, PictureKind.MAPS, PictureKind.VECTOR) else -1
        return Picture(kind=kind, node=node, step=step, data=data, extent=extent, labels=labels, sample=of)

    return (
        make(PictureKind.SAMPLES, DATA, samples),
        make(PictureKind.THUMBS, CONV, np.zeros((3, 8, 8), np.uint8)),
        make(PictureKind.MAPS, CONV, drawn, (float(drawn.min()), float(drawn.max()))),
        make(PictureKind.VECTOR, HEAD, random.normal(0, 2, 10).astype(np.float32), labels=DIGITS),
        make(PictureKind.KERNELS, CONV, random.normal(0, 0.3, (32, 3, 3)).astype(np.float32)),
        make(PictureKind.WEIGHTS, CONV, weights, (-0.5, 0.5)),
        make(PictureKind.GRADIENTS, CONV, gradients, (-0.003, 0.003)),
        make(PictureKind.WEIGHTS, HEAD, weights[::-1].copy(), (-0.4, 0.4)),
        make(PictureKind.GRADIENTS, HEAD, gradients, (-0.01, 0.01)),
        make(PictureKind.CONFUSION, "", confusion.astype(np.int64), labels=DIGITS),
    )


def boundary(step: int = 600) -> tuple[Picture, ...]:
    """Return a decision boundary over two spirals, and the points."""
    random = np.random.default_rng(2)
    turn = random.uniform(0.4, 3 * np.pi, 300)
    kind = np.arange(300) % 2
    x, y = turn * np.cos(turn + np.pi * kind) / 9, turn * np.sin(turn + np.pi * kind) / 9
    spiral = np.stack([x, y, kind], axis=1).astype(np.float32)
    gy, gx = np.mgrid[-1.1:1.1:64j, -1.1:1.1:64j]
    radius, angle = np.hypot(gx, gy), np.arctan2(gy, gx)
    field = (0.5 - 0.5 * np.cos(angle - 9 * radius)).astype(np.float32)
    extent = (-1.1, -1.1, 1.1, 1.1)
    return (
        Picture(kind=PictureKind.POINTS, node=DATA, step=step, data=spiral),
        Picture(kind=PictureKind.BOUNDARY, node="", step=step, data=field, extent=extent, labels=("inner", "outer")),
    )


def run(steps: int = 680, sample: int = 0) -> Telemetry:
    """Return everything that a run of so many steps has told, and its pictures of one sample."""
    return Telemetry(
        progress=Progress(state=State.RUNNING, step=steps, steps=800, epoch=18, epochs=30, rate=1842.0, device="CPU"),
        series=curves(steps),
        pictures=pictures(steps, sample),
        events=(
            Event(kind="log", text="Training on CPU, 800 steps in 30 epochs."),
            Event(kind="epoch", text="Epoch 18: loss 0.041, validation 0.098, accuracy 98.9 %", step=steps),
            Event(kind="checkpoint", text="Saved the best weights so far (validation loss 0.098)", step=steps),
        ),
    )


def open_digits(workspace: Workspace) -> None:
    """Open the digits network in a workspace."""
    workspace.open_unsaved(digits_document())
