"""The networks of the comparison with other libraries, as documents, and the rows that all of them train on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from netbuilder.data.preparation import prepare
from netbuilder.data.schemas import describe
from netbuilder.document.model import Document, Node
from tests.builders import chain, conv2d, document, linear, node

BATCH_SIZE = 64
CLASSES = 10
IMAGES = 1800
"""Of each folder; 70 % are trained on: twenty steps an epoch."""


def write_images(folder: Path, size: int, color: bool) -> None:
    """Write a folder of images, one pattern a class with noise on it, unless it is there."""
    if folder.exists():
        return
    draw = np.random.default_rng(0)
    patterns = draw.integers(60, 196, (CLASSES, size, size, 3))
    for number in range(IMAGES):
        label = number % CLASSES
        pixels = np.clip(patterns[label] + draw.normal(0, 40, (size, size, 3)), 0, 255).astype(np.uint8)
        path = folder / f"class{label}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels if color else pixels[..., 0]).save(path)


def _gray(folder: Path) -> Node:
    write_images(folder / "gray", 28, color=False)
    return node("data", "data.images", folder=str(folder / "gray"), height=28, width=28, color="gray")


def _color(folder: Path) -> Node:
    write_images(folder / "color", 32, color=True)
    return node("data", "data.images", folder=str(folder / "color"), height=32, width=32, color="rgb")


def _classifier(data: Node, body: list[Node], links: list[tuple[str, str]] | None = None) -> Document:
    links = chain(*body) if links is None else links
    ends = [("data.image", f"{body[0].id}.x"), ("scores.y", "loss.prediction"), ("data.label", "loss.target")]
    schema = describe(data.type, data.parameters)
    made = document([data, *body, node("loss", "cross_entropy")], [*links, *ends], {"data": schema})
    return replace(made, plan=replace(made.plan, batch_size=BATCH_SIZE))


def mlp(folder: Path) -> Document:
    """Return 64 -> 64 -> 10 on the digits: about 0.4 ms a step, nearly all of it overhead."""
    body = [node("flat", "flatten"), linear("hidden", 64), node("act", "relu"), linear("scores", 10)]
    return _classifier(node("data", "data.digits"), body)


def lenet(folder: Path) -> Document:
    """Return LeNet-5 with ReLU and maximum pooling, 1 × 28 × 28."""
    body = [
        conv2d("conv1", 6, 5),
        node("act1", "relu"),
        node("pool1", "max_pool2d"),
        conv2d("conv2", 16, 5, padding="valid"),
        node("act2", "relu"),
        node("pool2", "max_pool2d"),
        node("flat", "flatten"),
        linear("full1", 120),
        node("act3", "relu"),
        linear("full2", 84),
        node("act4", "relu"),
        linear("scores", 10),
    ]
    return _classifier(_gray(folder), body)


def resnet(folder: Path) -> Document:
    """Return ResNet-8: a stem and three residual blocks of 16, 32 and 64 filters, 3 × 32 × 32."""
    body = [conv2d("stem", 16), node("norm", "batch_norm2d"), node("act", "relu")]
    links, last = chain(*body), "act"
    for number, filters in enumerate((16, 32, 64)):
        stride, p = (2, 2) if number else (1, 1), f"b{number}_"
        first = {"stride": stride, "padding": "explicit", "padding_size": (1, 1)} if number else {}
        way = [
            conv2d(f"{p}c1", filters, 3, **first),
            node(f"{p}n1", "batch_norm2d"),
            node(f"{p}a1", "relu"),
            conv2d(f"{p}c2", filters),
            node(f"{p}n2", "batch_norm2d"),
        ]
        added = [node(f"{p}sum", "add"), node(f"{p}out", "relu")]
        links += [(f"{last}.y", f"{p}c1.x"), *chain(*way), (f"{p}n2.y", f"{p}sum.a"), *chain(*added)]
        body += [*way, *added]
        if number:
            body.append(conv2d(f"{p}short", filters, 1, stride=stride, padding="valid"))
            links += [(f"{last}.y", f"{p}short.x"), (f"{p}short.y", f"{p}sum.b")]
        else:
            links.append((f"{last}.y", f"{p}sum.b"))
        last = f"{p}out"
    head = [node("pool", "global_avg_pool"), linear("scores", 10)]
    return _classifier(_color(folder), [*body, *head], [*links, (f"{last}.y", "pool.x"), *chain(*head)])


def lstm(folder: Path) -> Document:
    """Return an LSTM of 64 units that reads an image row by row."""
    body = [node("rows", "squeeze", axis=1), node("lstm", "lstm", units=64), linear("scores", 10)]
    return _classifier(_gray(folder), body, [("rows.y", "lstm.x"), ("lstm.state", "scores.x")])


def transformer(folder: Path) -> Document:
    """Return two transformer blocks of width 64 over an image's rows, averaged."""
    body = [
        node("rows", "squeeze", axis=1),
        linear("widen", 64),
        *(node(f"block{n}", "transformer_encoder_layer", heads=4, feedforward=256, dropout=0.0) for n in (1, 2)),
        node("mean", "mean", axes=(1,)),
        linear("scores", 10),
    ]
    return _classifier(_gray(folder), body)


NETWORKS: Mapping[str, Callable[[Path], Document]] = {
    "mlp": mlp,
    "lenet": lenet,
    "resnet": resnet,
    "lstm": lstm,
    "transformer": transformer,
}


def write_rows(made: Document, path: Path) -> None:
    """Write a document's training and validation rows for those who do not read documents."""
    parts = prepare(made.graph.nodes["data"]).parts
    columns = {f"{part}_{name}": parts[part][name] for part in ("train", "validation") for name in ("image", "label")}
    np.savez(path, **columns)
