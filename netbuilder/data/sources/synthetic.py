"""Points in the plane, drawn by formulas: the quickest way to see a network bend its decision boundary."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np

from netbuilder.data.settings import shared_settings
from netbuilder.data.spec import Array, Dataset, SourceSpec
from netbuilder.document.model import Field, Schema
from netbuilder.foundation.job import Job
from netbuilder.foundation.parameter import Kind, Parameter, Values

Draw: TypeAlias = "Callable[[Values, np.random.Generator], tuple[Array, Array]]"
"""Values and a generator -> points (n, 2) without noise, and the class or value of each.

As text, since numpy.random is imported with the first draw only.
"""


def _common(samples: int, noise: float) -> tuple[Parameter, ...]:
    return (
        Parameter(
            name="samples",
            title="Points",
            kind=Kind.INT,
            default=samples,
            minimum=10,
            maximum=1_000_000,
            help="How many points are drawn.",
        ),
        Parameter(
            name="noise",
            title="Noise",
            kind=Kind.FLOAT,
            default=noise,
            minimum=0,
            maximum=10,
            help="How far points stray: the standard deviation of what is added to both coordinates.",
        ),
        Parameter(
            name="seed",
            title="Seed",
            kind=Kind.INT,
            default=0,
            minimum=0,
            maximum=2**31 - 1,
            advanced=True,
            help="Which points are drawn. The same seed always gives the same points.",
        ),
    )


def _class_count(name: str, title: str, default: int, help: str) -> Parameter:
    return Parameter(name=name, title=title, kind=Kind.INT, default=default, minimum=2, maximum=10, help=help)


def _moons(values: Values, _generator: np.random.Generator) -> tuple[Array, Array]:
    labels = np.arange(values["samples"]) % 2
    angle = np.pi * _spread(labels)
    upper, lower = (np.cos(angle), np.sin(angle)), (1 - np.cos(angle), 0.5 - np.sin(angle))
    points = np.where(labels[:, None] == 0, np.stack(upper, 1), np.stack(lower, 1))
    return points - np.array([0.5, 0.25]), labels


def _circles(values: Values, _generator: np.random.Generator) -> tuple[Array, Array]:
    labels = np.arange(values["samples"]) % 2
    angle = 2 * np.pi * _spread(labels, ends=False)
    radius = np.where(labels == 0, 1.0, values["factor"])
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1), labels


def _blobs(values: Values, generator: np.random.Generator) -> tuple[Array, Array]:
    count = values["centers"]
    labels = np.arange(values["samples"]) % count
    angle = 2 * np.pi * (np.arange(count) + generator.uniform(0, 1)) / count
    centers = np.stack([np.cos(angle), np.sin(angle)], 1)
    return centers[labels], labels


def _spiral(values: Values, _generator: np.random.Generator) -> tuple[Array, Array]:
    arms = values["arms"]
    labels = np.arange(values["samples"]) % arms
    radius = np.sqrt(_spread(labels))  # the root spreads the points evenly over the arm's length
    angle = 2 * np.pi * (values["turns"] * radius + labels / arms)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1), labels


def _surface(values: Values, generator: np.random.Generator) -> tuple[Array, Array]:
    points = generator.uniform(-1, 1, (values["samples"], 2))
    x, y = np.pi * points[:, 0], np.pi * points[:, 1]
    return points, np.sin(x) * np.cos(y) + 0.3 * points[:, 0]


def _spread(labels: Array, *, ends: bool = True) -> Array:
    """Return for each point how far along its class's curve it lies, 0 to 1, evenly."""
    place = np.zeros(len(labels))
    for label in np.unique(labels):
        chosen = labels == label
        place[chosen] = np.linspace(0, 1, int(chosen.sum()), endpoint=ends)
    return place


def _class_schema(count: Callable[[Values], int], values: Values) -> Schema:
    return Schema(
        fields=(
            Field(name="points", dims=(2,), layout="F"),
            Field(name="label", dtype="int64", classes=tuple(str(index) for index in range(count(values)))),
        ),
        rows=values["samples"],
    )


def _surface_schema(values: Values) -> Schema:
    return Schema(
        fields=(Field(name="points", dims=(2,), layout="F"), Field(name="target", dims=(1,), layout="F")),
        rows=values["samples"],
    )


def _read_classes(draw: Draw, count: Callable[[Values], int], values: Values, job: Job) -> Dataset:
    job.report(0.0, "Drawing points")
    generator = np.random.default_rng(values["seed"])
    points, labels = draw(values, generator)
    points = points + generator.normal(0, values["noise"], points.shape)
    columns: dict[str, Array] = {
        "points": np.ascontiguousarray(points, dtype=np.float32),
        "label": np.ascontiguousarray(labels, dtype=np.int64),
    }
    return Dataset(schema=_class_schema(count, values), columns=columns, stratify="label")


def _read_surface(values: Values, job: Job) -> Dataset:
    job.report(0.0, "Drawing points")
    generator = np.random.default_rng(values["seed"])
    points, heights = _surface(values, generator)
    heights = heights + generator.normal(0, values["noise"], heights.shape)
    columns: dict[str, Array] = {
        "points": np.ascontiguousarray(points, dtype=np.float32),
        "target": np.ascontiguousarray(heights[:, None], dtype=np.float32),
    }
    return Dataset(schema=_surface_schema(values), columns=columns)


def _classes_source(
    key: str,
    title: str,
    summary: str,
    help: str,
    draw: Draw,
    count: Callable[[Values], int],
    own: tuple[Parameter, ...],
    *,
    noise: float,
    keywords: tuple[str, ...] = (),
) -> SourceSpec:
    return SourceSpec(
        key=key,
        title=title,
        category="data",
        summary=summary,
        help=help,
        keywords=("synthetic", "points", "toy", *keywords),
        parameters=(*_common(1000, noise), *own, *shared_settings(classes=True)),
        describe=partial(_class_schema, count),
        read=partial(_read_classes, draw, count),
        normalizes=("points",),
        brief=lambda values: f"{values['samples']:,} points",
    )


SOURCES = (
    _classes_source(
        "data.moons",
        "Moons",
        "Two half circles that reach into each other",
        "Two classes of points on two interleaved half circles. A straight line cannot part them, a small network can.",
        _moons,
        lambda _values: 2,
        (),
        noise=0.1,
    ),
    _classes_source(
        "data.circles",
        "Circles",
        "One circle inside another",
        "Two classes of points on two circles, one inside the other. Only a closed boundary parts them.",
        _circles,
        lambda _values: 2,
        (
            Parameter(
                name="factor",
                title="Inner radius",
                kind=Kind.FLOAT,
                default=0.5,
                minimum=0,
                maximum=0.99,
                help="The radius of the inner circle; the outer one has radius 1.",
            ),
        ),
        noise=0.08,
        keywords=("rings",),
    ),
    _classes_source(
        "data.blobs",
        "Blobs",
        "Round clouds of points, one a class",
        "Each class is a round cloud around its own centre. The easiest of the synthetic tasks, until the noise makes "
        "the clouds overlap.",
        _blobs,
        lambda values: int(values["centers"]),
        (_class_count("centers", "Clouds", 3, "How many clouds, and so how many classes."),),
        noise=0.25,
        keywords=("clusters", "gaussian"),
    ),
    _classes_source(
        "data.spiral",
        "Spiral",
        "Arms wound around each other",
        "Each class is one arm of a spiral. Hard for a shallow network, and beautiful to watch: the boundary has to "
        "wind itself up.",
        _spiral,
        lambda values: int(values["arms"]),
        (
            _class_count("arms", "Arms", 2, "How many arms, and so how many classes."),
            Parameter(
                name="turns",
                title="Turns",
                kind=Kind.FLOAT,
                default=1.5,
                minimum=0.1,
                maximum=5,
                help="How often each arm winds around the centre. More turns are harder.",
            ),
        ),
        noise=0.02,
        keywords=("swirl", "two spirals"),
    ),
    SourceSpec(
        key="data.surface",
        title="Regression surface",
        category="data",
        summary="A wavy surface to fit: one number over the plane",
        help=(
            "Points in a square, each with the height of a wavy surface above it. The network learns the height, a "
            "number, from the place."
        ),
        formula=r"z = \sin(\pi x) \cos(\pi y) + 0.3 x",
        keywords=("synthetic", "points", "toy", "regression", "function"),
        parameters=(*_common(2000, 0.05), *shared_settings(classes=False, target=True)),
        describe=_surface_schema,
        read=_read_surface,
        normalizes=("points", "target"),
        brief=lambda values: f"{values['samples']:,} points",
    ),
)
