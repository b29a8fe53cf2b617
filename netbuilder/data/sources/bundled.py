"""The small real data sets that come with scikit-learn, read from its files without importing it.

Importing `sklearn.datasets` takes seconds and some 60 MB; its data files are plain text. Where they lie elsewhere, its
own loader is asked.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from netbuilder.data.settings import shared_settings
from netbuilder.data.spec import Array, Dataset, SourceSpec
from netbuilder.document.model import Field, Schema
from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.job import Job
from netbuilder.foundation.parameter import Values

DIGITS = Schema(
    fields=(
        Field(name="image", dims=(1, 8, 8), layout="CHW"),
        Field(name="label", dtype="int64", classes=tuple("0123456789")),
    ),
    rows=1797,
)


def _classes(features: int, rows: int, *classes: str) -> Schema:
    return Schema(
        fields=(
            Field(name="features", dims=(features,), layout="F"),
            Field(name="label", dtype="int64", classes=classes),
        ),
        rows=rows,
    )


IRIS = _classes(4, 150, "setosa", "versicolor", "virginica")
WINE = _classes(13, 178, "class_0", "class_1", "class_2")
BREAST_CANCER = _classes(30, 569, "malignant", "benign")
DIABETES = Schema(
    fields=(Field(name="features", dims=(10,), layout="F"), Field(name="target", dims=(1,), layout="F")), rows=442
)


def _bundled_file(name: str) -> Path | None:
    found = importlib.util.find_spec("sklearn")
    for place in (found.submodule_search_locations or ()) if found else ():
        path = Path(place) / "datasets" / "data" / name
        if path.is_file():
            return path
    return None


def _load(name: str, **options: object) -> tuple[Array, Array]:
    loader = getattr(importlib.import_module("sklearn.datasets"), f"load_{name}")
    data, target = loader(return_X_y=True, **options)
    return np.asarray(data), np.asarray(target)


def _table(name: str, file: str) -> tuple[Array, Array]:
    path = _bundled_file(file)
    if path is None:
        return _load(name)
    numbers = np.loadtxt(path, delimiter=",", skiprows=1)
    return numbers[:, :-1], numbers[:, -1]


def _digits() -> tuple[Array, Array]:
    path = _bundled_file("digits.csv.gz")
    if path is None:
        return _load("digits")
    numbers = np.loadtxt(path, delimiter=",")
    return numbers[:, :-1], numbers[:, -1]


def _diabetes() -> tuple[Array, Array]:
    data, target = _bundled_file("diabetes_data_raw.csv.gz"), _bundled_file("diabetes_target.csv.gz")
    if data is None or target is None:
        return _load("diabetes", scaled=False)
    return np.loadtxt(data), np.loadtxt(target)


def _read(schema: Schema, load: Callable[[], tuple[Array, Array]], scale: float, _values: Values, job: Job) -> Dataset:
    job.report(0.0, "Reading")
    inputs, outputs = load()
    first, second = schema.fields
    columns = {
        first.name: np.ascontiguousarray(inputs.reshape(-1, *first.dims), dtype=np.float32) * np.float32(scale),
        second.name: np.ascontiguousarray(outputs.reshape(-1, *second.dims), dtype=second.dtype),
    }
    job.report(1.0, "Reading")
    return Dataset(schema=schema, columns=columns, stratify=second.name if second.classes else "")


def _source(
    key: str,
    title: str,
    summary: str,
    help: str,
    schema: Schema,
    load: Callable[[], tuple[Array, Array]],
    *,
    scale: float = 1.0,
    normalize: bool = True,
    brief: str = "",
    keywords: tuple[str, ...] = (),
) -> SourceSpec:
    first, second = schema.fields
    return SourceSpec(
        key=key,
        title=title,
        category="data",
        summary=summary,
        help=help,
        reference=Reference(
            title="scikit-learn: Toy datasets", url="https://scikit-learn.org/stable/datasets/toy_dataset.html"
        ),
        keywords=("dataset", "sklearn", *keywords),
        parameters=shared_settings(classes=bool(second.classes), target=not second.classes, normalize=normalize),
        describe=lambda _values: schema,
        read=partial(_read, schema, load, scale),
        normalizes=(first.name,) if second.classes else (first.name, second.name),
        brief=lambda _values: brief or f"{schema.rows} rows",
    )


SOURCES = (
    _source(
        "data.digits",
        "Digits",
        "1,797 handwritten digits, 8×8 pixels",
        "Small grey pictures of handwritten digits, each with the digit it shows. The pixels lie between 0 and 1. "
        "Learning to "
        "tell the ten digits apart is the classic first task for a neural network.",
        DIGITS,
        _digits,
        scale=1 / 16,
        normalize=False,
        brief="1,797 images",
        keywords=("mnist", "handwriting", "images", "numbers"),
    ),
    _source(
        "data.iris",
        "Iris",
        "150 flowers, 4 measurements, 3 species",
        "Length and width of sepals and petals of three species of iris, in centimetres. One species is easy to tell "
        "from "
        "the others; the other two overlap a little.",
        IRIS,
        partial(_table, "iris", "iris.csv"),
        keywords=("flowers", "classification"),
    ),
    _source(
        "data.wine",
        "Wine",
        "178 wines, 13 chemical measurements, 3 growers",
        "Chemical measurements of wines from one region of Italy, grown by three different growers. The features have "
        "very "
        "different scales, so Normalize matters.",
        WINE,
        partial(_table, "wine", "wine_data.csv"),
        keywords=("chemistry", "classification"),
    ),
    _source(
        "data.breast_cancer",
        "Breast cancer",
        "569 tumours, 30 measurements, malignant or benign",
        "Measurements of cell nuclei in microscope pictures of breast tumours, with the diagnosis: malignant (0) or "
        "benign "
        "(1). The features have very different scales, so Normalize matters.",
        BREAST_CANCER,
        partial(_table, "breast_cancer", "breast_cancer.csv"),
        keywords=("medical", "wisconsin", "classification"),
    ),
    _source(
        "data.diabetes",
        "Diabetes",
        "442 patients, 10 measurements, progress after a year",
        "Age, sex, body mass index, blood pressure and six blood values of diabetes patients; the target is how far "
        "the disease "
        "progressed one year later, as a number.",
        DIABETES,
        _diabetes,
        keywords=("medical", "regression"),
    ),
)
