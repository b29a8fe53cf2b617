"""One of those compared, in a process of its own: `python -m tests.benchmarks.peer_child lightning`.

It trains one network after another as it is told, a line of JSON each, and answers each with what an epoch took after
the first one, its validation included. Only "ours" and "tuned" need NetBuilder; the others need torch, numpy and their
own library, so that they can live in an environment of their own.

The peers are used leanly: no logger, no progress bar, no checkpoints, no metrics but what they always compute.
"hand" is the loop that tutorials show, with the loss and the accuracy of every batch.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

BATCH_SIZE = 64
RATE = 1e-3
DEVICE = os.environ.get("PEERS_DEVICE", "cpu")
"""Where "hand", "ours" and "tuned" train; the libraries train on the processor."""


@dataclass
class Clock:
    """When each epoch ended, and what it lost."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def tick(self, loss: float) -> None:
        """An epoch ended with this mean training loss."""
        self.cpu.append(time.process_time())
        self.wall.append(time.perf_counter())
        self.losses.append(float(loss))

    def result(self, steps: int, weights: int) -> dict[str, float]:
        """Return seconds a step after the first epoch, the last loss and how many weights were trained.

        Args:
            steps: Of one epoch.
            weights: Numbers that were trained.
        """
        done = steps * (len(self.cpu) - 1)
        return {
            "cpu": (self.cpu[-1] - self.cpu[0]) / done,
            "wall": (self.wall[-1] - self.wall[0]) / done,
            "loss": self.losses[-1],
            "steps": done,
            "weights": weights,
        }


# -- networks by hand --------------------------------------------------------------------------------------------------


def _torch_network(name: str) -> Any:
    from torch import nn

    class Residual(nn.Module):
        def __init__(self, inputs: int, filters: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, filters, 3, stride, 1)
            self.norm1 = nn.BatchNorm2d(filters)
            self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1)
            self.norm2 = nn.BatchNorm2d(filters)
            self.short = nn.Conv2d(inputs, filters, 1, stride) if stride > 1 else nn.Identity()

        def forward(self, x: Any) -> Any:
            y = self.norm1(self.conv1(x)).relu()
            return (self.norm2(self.conv2(y)) + self.short(x)).relu()

    class RowsLstm(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(28, 64, batch_first=True)
            self.scores = nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            _, (state, _) = self.lstm(x.squeeze(1))
            return self.scores(state[-1])

    class RowsTransformer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.widen = nn.Linear(28, 64)
            self.blocks = nn.Sequential(
                *(nn.TransformerEncoderLayer(64, 4, 256, dropout=0.0, batch_first=True) for _ in range(2))
            )
            self.scores = nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            return self.scores(self.blocks(self.widen(x.squeeze(1))).mean(1))

    if name == "mlp":
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    if name == "lenet":
        first = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
        second = [nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
        full = [nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
        return nn.Sequential(*first, *second, *full)
    if name == "resnet":
        stem = [nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU()]
        blocks = [Residual(16, 16, 1), Residual(16, 32, 2), Residual(32, 64, 2)]
        return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return RowsLstm() if name == "lstm" else RowsTransformer()


def _keras_network(name: str, shape: tuple[int, ...]) -> Any:
    import keras
    from keras import layers

    x = inputs = keras.Input(shape)
    if name == "mlp":
        x = layers.Dense(64, "relu")(layers.Flatten()(x))
    elif name == "lenet":
        x = layers.MaxPooling2D()(layers.Conv2D(6, 5, padding="same", activation="relu")(x))
        x = layers.MaxPooling2D()(layers.Conv2D(16, 5, activation="relu")(x))
        x = layers.Dense(84, "relu")(layers.Dense(120, "relu")(layers.Flatten()(x)))
    elif name == "resnet":
        x = _keras_residual(layers, layers.Conv2D(16, 3, padding="same")(x))
    elif name == "lstm":
        x = layers.LSTM(64)(layers.Reshape((28, 28))(x))
    else:
        x = layers.Dense(64)(layers.Reshape((28, 28))(x))
        for _ in range(2):
            x = layers.LayerNormalization()(x + layers.MultiHeadAttention(4, 16)(x, x))
            x = layers.LayerNormalization()(x + layers.Dense(64)(layers.Dense(256, "relu")(x)))
        x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(10)(x))


def _keras_residual(layers: Any, x: Any) -> Any:
    x = layers.ReLU()(layers.BatchNormalization(axis=1)(x))
    for number, filters in enumerate((16, 32, 64)):
        strides = 2 if number else 1
        y = layers.Conv2D(filters, 3, strides, padding="same")(x)
        y = layers.ReLU()(layers.BatchNormalization(axis=1)(y))
        y = layers.BatchNormalization(axis=1)(layers.Conv2D(filters, 3, padding="same")(y))
        x = layers.ReLU()(y + (layers.Conv2D(filters, 1, strides)(x) if number else x))
    return layers.GlobalAveragePooling2D()(x)


# -- those compared ----------------------------------------------------------------------------------------------------


def _tensors(rows: Mapping[str, np.ndarray], part: str) -> Any:
    import torch
    from torch.utils.data import TensorDataset

    return TensorDataset(torch.from_numpy(rows[f"{part}_image"]), torch.from_numpy(rows[f"{part}_label"]))


def _count(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def by_hand(name: str, rows: Mapping[str, np.ndarray], epochs: int, clock: Clock) -> int:
    """Train in the loop that tutorials show."""
    import torch
    from torch.utils.data import DataLoader

    batches = DataLoader(_tensors(rows, "train"), batch_size=BATCH_SIZE, shuffle=True)
    checks = DataLoader(_tensors(rows, "validation"), batch_size=256)
    model = _torch_network(name).to(DEVICE)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    criterion = torch.nn.CrossEntropyLoss()
    for _ in range(epochs):
        model.train()
        losses, right = [], 0
        for image, label in batches:
            image, label = image.to(DEVICE), label.to(DEVICE)
            optimizer.zero_grad()
            output = model(image)
            loss = criterion(output, label)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            right += (output.argmax(1) == label).sum().item()
        model.eval()
        held_out = 0.0
        with torch.no_grad():
            for image, label in checks:
                image, label = image.to(DEVICE), label.to(DEVICE)
                output = model(image)
                held_out += criterion(output, label).item() * len(label)
                right += (output.argmax(1) == label).sum().item()
        clock.tick(sum(losses) / len(losses))
    return _count(model)


def by_lightning(name: str, rows: Mapping[str, np.ndarray], epochs: int, clock: Clock) -> int:
    """Train with Lightning."""
    import logging
    import warnings

    import lightning
    import torch
    from torch.utils.data import DataLoader

    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = _torch_network(name)
            self.losses: list[Any] = []

        def training_step(self, batch: Any, _: int) -> Any:
            loss = torch.nn.functional.cross_entropy(self.network(batch[0]), batch[1])
            self.losses.append(loss.detach())
            return loss

        def validation_step(self, batch: Any, _: int) -> Any:
            return torch.nn.functional.cross_entropy(self.network(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=RATE)

        def on_train_epoch_end(self) -> None:
            clock.tick(torch.stack(self.losses).mean().item())
            self.losses.clear()

    trainer = lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    module = Module()
    training = DataLoader(_tensors(rows, "train"), batch_size=BATCH_SIZE, shuffle=True)
    trainer.fit(module, training, DataLoader(_tensors(rows, "validation"), batch_size=256))
    return _count(module)


def by_keras(name: str, rows: Mapping[str, np.ndarray], epochs: int, clock: Clock) -> int:
    """Train with Keras 3 on torch, channels first: what torch prefers."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    keras.config.set_image_data_format("channels_first")

    class Told(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            clock.tick(logs["loss"])

    model = _keras_network(name, rows["train_image"].shape[1:])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(RATE), loss)
    model.fit(
        rows["train_image"],
        rows["train_label"],
        batch_size=BATCH_SIZE,
        epochs=epochs,
        validation_data=(rows["validation_image"], rows["validation_label"]),
        validation_batch_size=256,
        verbose=0,
        callbacks=[Told()],
    )
    return int(sum(np.prod(weight.shape) for weight in model.trainable_weights))


def by_skorch(name: str, rows: Mapping[str, np.ndarray], epochs: int, clock: Clock) -> int:
    """Train with skorch."""
    import torch
    from skorch import NeuralNetClassifier
    from skorch.callbacks import Callback
    from skorch.dataset import Dataset
    from skorch.helper import predefined_split

    class Told(Callback):
        def on_epoch_end(self, net: Any, **_: Any) -> None:
            clock.tick(net.history[-1, "train_loss"])

    net = NeuralNetClassifier(
        _torch_network(name),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=RATE,
        batch_size=BATCH_SIZE,
        max_epochs=epochs,
        iterator_train__shuffle=True,
        iterator_valid__batch_size=256,
        train_split=predefined_split(Dataset(rows["validation_image"], rows["validation_label"])),
        callbacks=[("told", Told())],
        callbacks__print_log=None,
    )
    net.fit(rows["train_image"], rows["train_label"])
    return _count(net.module_)


@cache
def fastest_way(name: str, folder: Path) -> tuple[Mapping[str, Any], str]:
    """Return what the measured trial recommends for the plan, and its name; measured once."""
    from netbuilder.foundation.job import Job
    from netbuilder.training.trial import Trial, fastest
    from tests.benchmarks.peer_networks import NETWORKS

    compiles = DEVICE != "cpu"  # there the compiler's kernels are what is to be tried, CUDA graphs among them
    made = NETWORKS[name](folder)
    best = fastest(Trial(made, base=str(folder), device=DEVICE, with_compile=compiles).run(Job()))
    assert best is not None
    return best.values, best.title


def ours(
    name: str, rows: Mapping[str, np.ndarray], epochs: int, clock: Clock, folder: Path, *, tuned: bool = False
) -> int:
    """Train in a session without a window: run store, checkpoints, metrics and first pictures included.

    Args:
        name: The network.
        rows: Not needed: the document names its data.
        epochs: How many.
        clock: Is told of each epoch.
        folder: Where the images are.
        tuned: Whether to train in the way that the measured trial recommends.
    """
    from netbuilder.training.protocol import Start
    from netbuilder.training.thread_host import ThreadHost
    from netbuilder.training.trainer import Trainer
    from tests.benchmarks.peer_networks import NETWORKS

    made = NETWORKS[name](folder)
    way = fastest_way(name, folder)[0] if tuned else {}
    made = replace(made, plan=replace(made.plan, epochs=epochs, **way))
    end_epoch = Trainer.end_epoch
    weights = 0

    def timed(self: Trainer, *given: Any) -> bool:
        nonlocal weights
        ends = end_epoch(self, *given)
        weights = _count(self.network.model)
        clock.tick(0.0)  # the events tell it
        return ends

    host = ThreadHost()
    Trainer.end_epoch = timed  # type: ignore[method-assign]
    try:
        with tempfile.TemporaryDirectory() as run:
            host.send(Start(document=made, folder=str(Path(run) / "run"), base=str(folder), device=DEVICE))
            events = []
            while not host.wait(0.5):
                events += host.drain().events
            events += host.drain().events
            host.close()
    finally:
        Trainer.end_epoch = end_epoch  # type: ignore[method-assign]
    assert [event.data.get("reason") for event in events if event.kind == "end"] == ["finished"], events
    clock.losses = [event.data["train_loss"] for event in events if event.kind == "epoch"]
    return weights


PEERS: Mapping[str, Callable[[str, Mapping[str, np.ndarray], int, Clock], int]] = {
    "hand": by_hand,
    "lightning": by_lightning,
    "keras": by_keras,
    "skorch": by_skorch,
}


def main(mode: str, folder: str, threads: str) -> None:
    """Obey lines of JSON: {"network", "epochs"}; the rows are in `folder`."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print what they like
    import torch

    for line in sys.stdin:
        asked = json.loads(line)
        torch.set_num_threads(int(threads))
        torch.manual_seed(0)
        name, epochs, clock = asked["network"], asked["epochs"], Clock()
        with np.load(Path(folder) / f"{name}.npz") as file:
            rows = dict(file)
        if mode in PEERS:
            weights = PEERS[mode](name, rows, epochs, clock)
        else:
            weights = ours(name, rows, epochs, clock, Path(folder), tuned=mode == "tuned")
        found: dict[str, Any] = clock.result(-(-len(rows["train_label"]) // BATCH_SIZE), weights)
        if mode == "tuned":
            found["way"] = fastest_way(name, Path(folder))[1]
        print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
