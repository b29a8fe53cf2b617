"""Draw the pictures on the templates' cards: `python packaging/draw_template_pictures.py [KEY ...]`.

Every picture shows something real: a template's data, or what its network makes of them once trained.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent))

from make_templates import FOLDER, RECIPES

from netbuilder.data.preparation import prepare
from netbuilder.project import Project
from netbuilder.training.checkpoints import load_checkpoint
from netbuilder.ui.colors import GRAY, VIRIDIS

SIZE = (456, 216)
BACK = (24, 27, 33)
PURPLE, PINK, TEAL, MUTED = (139, 123, 255), (224, 100, 168), (43, 179, 163), (90, 98, 114)
SCALE = 4
"""Lines are drawn this many times larger and then reduced, which smooths them."""

Pixels = NDArray[np.uint8]
Rows = Mapping[str, torch.Tensor]


def trained(project: Project) -> nn.Module:
    """Return a template's network with the best weights of a training by its own settings."""
    with tempfile.TemporaryDirectory() as folder:
        outcome = project.train(folder=Path(folder) / "run")
        weights = load_checkpoint(outcome.folder / "best.safetensors").tensors
    model = project.build()
    model.load_state_dict(dict(weights))
    return model.eval()


def test_rows(project: Project) -> Rows:
    """Return the test part of a template's only data node."""
    node = next(node for node in project.document.graph.nodes.values() if node.type.startswith("data."))
    return {name: torch.from_numpy(column) for name, column in prepare(node).parts["test"].items()}


def colored(values: NDArray[np.float32], table: Pixels = VIRIDIS) -> Image.Image:
    """Return a matrix as a picture, its smallest number dark and its largest bright."""
    low, high = float(values.min()), float(values.max())
    return Image.fromarray(table[((values - low) / max(high - low, 1e-9) * 255).astype(np.uint8)])


def mosaic(pictures: list[Image.Image], columns: int = 4, side: int = 98, gap: int = 4) -> Image.Image:
    """Return pictures side by side in the middle of a card."""
    card = Image.new("RGB", SIZE, BACK)
    lines = -(-len(pictures) // columns)
    left = (SIZE[0] - columns * side - (columns - 1) * gap) // 2
    top = (SIZE[1] - lines * side - (lines - 1) * gap) // 2
    for index, picture in enumerate(pictures):
        line, column = divmod(index, columns)
        place = (left + column * (side + gap), top + line * (side + gap))
        card.paste(picture.resize((side, side), Image.Resampling.BICUBIC), place)
    return card


def draw_filters(project: Project) -> Image.Image:
    """Draw what eight filters of the residual network answer to a digit each."""
    model, rows = trained(project), test_rows(project)
    seen: dict[str, torch.Tensor] = {}
    hooks = [
        getattr(model, name).register_forward_hook(lambda _, __, value, name=name: seen.update({name: value.relu()}))
        for name in ("conv1", "conv2")
    ]
    chosen = [int((rows["label"] == digit).nonzero()[0]) for digit in (3, 8, 5, 2, 4, 6, 0, 9)]
    with torch.no_grad():
        model(image=rows["image"][chosen])
    for hook in hooks:
        hook.remove()
    maps = (seen["conv1"] + seen["conv2"]).numpy()
    # The eight filters whose answers differ most over a picture, a different one for each digit.
    order = np.argsort(-maps.std(axis=(2, 3)).mean(axis=0))
    return mosaic([colored(maps[index, order[index]]) for index in range(8)])


def draw_digits(project: Project) -> Image.Image:
    """Draw eight digits as they are."""
    rows = test_rows(project)
    chosen = [int((rows["label"] == digit).nonzero()[1]) for digit in (3, 8, 5, 2, 7, 9, 0, 6)]
    return mosaic([colored(rows["image"][index, 0].numpy(), GRAY) for index in chosen])


def draw_boundary(project: Project) -> Image.Image:
    """Draw the probability of the second class over the plane, and the test points."""
    model, rows = trained(project), test_rows(project)
    width, height, reach = 400, 204, 1.12
    wide = reach * width / height
    x, y = np.meshgrid(np.linspace(-wide, wide, width), np.linspace(reach, -reach, height))
    points = torch.from_numpy(np.stack([x.ravel(), y.ravel()], 1).astype(np.float32))
    with torch.no_grad():
        chance = model(points=points).softmax(1)[:, 1].reshape(height, width).numpy()
    picture = Image.fromarray(VIRIDIS[(20 + chance * 190).astype(np.uint8)])
    large = picture.resize((width * SCALE, height * SCALE), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(large)
    for (across, up), label in zip(rows["points"].tolist(), rows["label"].tolist(), strict=True):
        middle = ((across / wide + 1) / 2 * width * SCALE, (1 - up / reach) / 2 * height * SCALE)
        pen.circle(middle, 2.4 * SCALE, fill=(253, 231, 37) if label else (38, 12, 60), outline=BACK)
    card = Image.new("RGB", SIZE, BACK)
    card.paste(
        large.resize((width, height), Image.Resampling.LANCZOS), ((SIZE[0] - width) // 2, (SIZE[1] - height) // 2)
    )
    return card


def draw_network(project: Project) -> Image.Image:
    """Draw a layered network: its links as strong as some of the trained weights."""
    model = trained(project)
    first, second = (
        layer.weight.detach().numpy() for layer in (model.get_submodule("hidden"), model.get_submodule("scores"))
    )
    order = np.argsort(-np.abs(second).sum(0))[:7]
    inputs = np.argsort(-np.abs(first[order]).sum(0))[:6]
    matrices = [first[np.ix_(order, inputs)], second[:, order]]
    large = Image.new("RGB", (SIZE[0] * SCALE, SIZE[1] * SCALE), BACK)
    pen = ImageDraw.Draw(large)
    columns = [_column(x, count) for x, count in ((90, 6), (228, 7), (366, 2))]
    for left, right, weights in zip(columns, columns[1:], matrices, strict=False):
        strongest = np.abs(weights).max()
        for i, end in enumerate(right):
            for j, start in enumerate(left):
                strength = abs(float(weights[i, j])) / strongest
                pen.line(
                    [start, end],
                    fill=_blend(PURPLE, 0.15 + 0.75 * strength),
                    width=round(SCALE * (0.5 + 1.5 * strength)),
                )
    for column, color in zip(columns, (TEAL, PURPLE, PINK), strict=True):
        for middle in column:
            pen.circle(middle, 9 * SCALE, fill=BACK, outline=color, width=2 * SCALE)
    return large.resize(SIZE, Image.Resampling.LANCZOS)


def draw_memory(project: Project) -> Image.Image:
    """Draw a digit, row by row, and beside each row what the LSTM holds after reading it."""
    model, rows = trained(project), test_rows(project)
    index = int((rows["label"] == 3).nonzero()[0])
    image = rows["image"][index : index + 1]
    with torch.no_grad():
        sequence = model.get_submodule("memory")(image.reshape(1, 8, 8))[0][0].numpy()
    units = np.argsort(sequence[-1])  # by what they hold at the end, so that the picture shows the memory filling
    card = Image.new("RGB", SIZE, BACK)
    height, gap = 20, 4
    for line in range(8):
        top = 14 + line * (height + gap)
        pixels = colored(np.concatenate([image[0, 0, line].numpy(), [0, 1]])[None].astype(np.float32), GRAY).crop(
            (0, 0, 8, 1)
        )
        card.paste(pixels.resize((8 * height, height), Image.Resampling.NEAREST), (28, top))
        held = Image.fromarray(VIRIDIS[((sequence[line, units] + 1) / 2 * 255).astype(np.uint8)][None])
        card.paste(held.resize((216, height), Image.Resampling.NEAREST), (212, top))
    return card


def draw_predictions(project: Project) -> Image.Image:
    """Draw what was predicted over what was true for the test part, and the line where both are equal."""
    model, rows = trained(project), test_rows(project)
    with torch.no_grad():
        predicted = model(features=rows["features"])[:, 0].tolist()
    truth = rows["target"][:, 0].tolist()
    large = Image.new("RGB", (SIZE[0] * SCALE, SIZE[1] * SCALE), BACK)
    pen = ImageDraw.Draw(large)
    low, high = min(truth + predicted) - 0.2, max(truth + predicted) + 0.2

    def place(x: float, y: float) -> tuple[float, float]:
        across, up = (x - low) / (high - low), (y - low) / (high - low)
        return (40 + across * (SIZE[0] - 80)) * SCALE, (SIZE[1] - 14 - up * (SIZE[1] - 28)) * SCALE

    pen.line([place(low, low), place(high, high)], fill=MUTED, width=2 * SCALE)
    for x, y in zip(truth, predicted, strict=True):
        pen.line([place(x, y), place(x, x)], fill=(52, 58, 70), width=SCALE)
    for x, y in zip(truth, predicted, strict=True):
        pen.circle(place(x, y), 4 * SCALE, fill=PURPLE, outline=BACK, width=SCALE)
    return large.resize(SIZE, Image.Resampling.LANCZOS)


def draw_attention(project: Project) -> Image.Image:
    """Draw a digit in patches, and at the place of each how strongly it looks at all of them, in one head."""
    model, rows = trained(project), test_rows(project)
    index = int((rows["label"] == 5).nonzero()[1])
    image = rows["image"][index : index + 1]
    looks = torch.cat([heads[0] for heads in attention(model, image)])  # head × patch that looks × patch looked at
    # The head in which it matters most who looks: the mutual information of the patch that looks and the one looked at.
    shared = torch.xlogy(looks, looks / looks.mean(dim=1, keepdim=True)).sum(dim=-1).mean(dim=-1)
    chosen = looks[int(shared.argmax())].numpy()
    card = Image.new("RGB", SIZE, BACK)
    patch, gap = 44, 4
    digit = colored(image[0, 0].numpy(), GRAY)
    for place in range(16):
        line, column = divmod(place, 4)
        top = 14 + line * (patch + gap)
        cut = digit.crop((2 * column, 2 * line, 2 * column + 2, 2 * line + 2))
        card.paste(cut.resize((patch, patch), Image.Resampling.NEAREST), (27 + column * (patch + gap), top))
        seen = colored(chosen[place].reshape(4, 4))
        card.paste(seen.resize((patch, patch), Image.Resampling.NEAREST), (241 + column * (patch + gap), top))
    return card


def attention(model: nn.Module, image: torch.Tensor) -> list[torch.Tensor]:
    """Return softmax(q kᵀ / √d) of each encoder block, N × heads × patches × patches (Vaswani et al., 2017)."""
    blocks = [block.get_submodule("attention") for block in model.get_submodule("encoder").children()]
    held: dict[tuple[int, str], torch.Tensor] = {}
    hooks = [
        block.get_submodule(name).register_forward_hook(
            lambda _, __, value, key=(number, name): held.update({key: value})
        )
        for number, block in enumerate(blocks)
        for name in ("query", "key")
    ]
    with torch.no_grad():
        model(image=image)
    for hook in hooks:
        hook.remove()
    weights = []
    for number, block in enumerate(blocks):
        query, key = (held[number, name].unflatten(-1, (block.heads, -1)).transpose(1, 2) for name in ("query", "key"))
        weights.append((query @ key.mT / query.shape[-1] ** 0.5).softmax(dim=-1))
    return weights


def _column(x: int, count: int) -> list[tuple[float, float]]:
    step = min(30, 176 / count) * SCALE
    return [(x * SCALE, SIZE[1] * SCALE / 2 + (index - (count - 1) / 2) * step) for index in range(count)]


def _blend(color: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    mixed = [round(back + (front - back) * share) for front, back in zip(color, BACK, strict=True)]
    return mixed[0], mixed[1], mixed[2]


PICTURES: dict[str, Callable[[Project], Image.Image]] = {
    "digits-residual": draw_filters,
    "spiral": draw_boundary,
    "breast-cancer": draw_network,
    "digits-mlp": draw_digits,
    "digits-rows-lstm": draw_memory,
    "diabetes": draw_predictions,
    "digits-transformer": draw_attention,
}


def main() -> None:
    """Draw the pictures that were asked for, or all."""
    assert set(PICTURES) == {recipe.key for recipe in RECIPES}
    for key in sys.argv[1:] or PICTURES:
        path = FOLDER / f"{key}.png"
        PICTURES[key](Project.load(FOLDER / f"{key}.netb")).save(path, optimize=True)
        print(path.name, f"{path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
