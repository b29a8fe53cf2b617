"""A folder of images: one subfolder a class."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np

from netbuilder.data.files import list_files, refusal, require_folder
from netbuilder.data.settings import shared_settings
from netbuilder.data.spec import Array, Dataset, Preview, SourceSpec
from netbuilder.document.model import Field, Schema
from netbuilder.foundation.job import Job
from netbuilder.foundation.parameter import Choice, Kind, Parameter, Values
from netbuilder.foundation.problem import NetbuilderError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"})

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
"""Only these decoders are tried: the library has rare ones that start programs."""

MAX_PIXELS = 89_000_000
"""An image with more pixels is refused before it is decoded."""

MAX_BYTES = 4 << 30
"""All images together may not need more memory."""

PARAMETERS = (
    Parameter(
        name="folder",
        title="Folder",
        kind=Kind.FOLDER,
        default="",
        help="A folder with one subfolder for each class; the subfolders' names are the class names.",
    ),
    Parameter(
        name="height",
        title="Height",
        kind=Kind.INT,
        default=32,
        minimum=1,
        maximum=2048,
        unit="px",
        help="Every image is resized to this height.",
    ),
    Parameter(
        name="width",
        title="Width",
        kind=Kind.INT,
        default=32,
        minimum=1,
        maximum=2048,
        unit="px",
        help="Every image is resized to this width.",
    ),
    Parameter(
        name="color",
        title="Colour",
        kind=Kind.CHOICE,
        default="rgb",
        choices=(Choice(value="rgb", title="in colour"), Choice(value="gray", title="in grey")),
        help="Grey images are smaller; choose colour when it tells the classes apart.",
    ),
    Parameter(
        name="skip_unreadable",
        title="Skip unreadable images",
        kind=Kind.BOOL,
        default=False,
        advanced=True,
        help="Leave damaged files out, with a note that names them, instead of stopping at the first.",
    ),
)


def _list_images(values: Values) -> tuple[tuple[str, ...], list[tuple[str, int]]]:
    """Return the class names, and each image's path and class."""
    folder = require_folder(values["folder"], "The image folder")
    entries = [entry for entry in list_files(folder) if Path(entry.name).suffix.lower() in SUFFIXES]
    classes = tuple(sorted({Path(entry.path).parent.name for entry in entries}))
    if not classes:
        loose = any(Path(name).suffix.lower() in SUFFIXES for name in os.listdir(folder))
        hint = " The images lie loose in it." if loose else ""
        raise refusal(
            "data.no_classes",
            f"{folder.name} has no subfolders with images: put the images of each class into a subfolder.{hint}",
            folder,
            "folder",
        )
    if len(classes) < 2:
        raise refusal(
            "data.classes",
            f"{folder.name} has images of one class only, {classes[0]!r}: to tell classes apart, it needs a subfolder "
            "for each.",
            folder,
            "folder",
        )
    places = {name: index for index, name in enumerate(classes)}
    return classes, [(entry.path, places[Path(entry.path).parent.name]) for entry in entries]


def _schema(classes: tuple[str, ...], rows: int, values: Values) -> Schema:
    channels = 3 if values["color"] == "rgb" else 1
    return Schema(
        fields=(
            Field(name="image", dims=(channels, values["height"], values["width"]), layout="CHW"),
            Field(name="label", dtype="int64", classes=classes),
        ),
        rows=rows,
    )


def _describe(values: Values) -> Schema:
    classes, images = _list_images(values)
    return _schema(classes, len(images), values)


def _read(values: Values, job: Job) -> Dataset:
    classes, images = _list_images(values)
    dims = _schema(classes, len(images), values).fields[0].dims
    if len(images) * int(np.prod(dims, dtype=np.int64)) * 4 > MAX_BYTES:
        raise refusal(
            "data.too_large",
            f"{len(images):,} images of this size need more than 4 GiB of memory: choose a smaller height and width.",
            values["folder"],
            "height",
        )
    pixels = np.empty((len(images), *dims), dtype=np.float32)
    kept: list[int] = []
    skipped: list[str] = []
    for index, (path, _label) in enumerate(images):
        if index % 16 == 0:
            job.report(index / len(images), f"Reading {Path(path).name}")
        try:
            pixels[len(kept)] = read_image(path, dims)
            kept.append(index)
        except NetbuilderError as error:
            if not values["skip_unreadable"]:
                raise
            skipped.append(error.problems[0].message)
    labels = np.array([images[index][1] for index in kept], dtype=np.int64)
    _require_all_classes(classes, labels, values["folder"])
    schema = _schema(classes, len(kept), values)
    columns: dict[str, Array] = {"image": pixels[: len(kept)], "label": labels}
    return Dataset(schema=schema, columns=columns, stratify="label", notes=_notes(skipped))


def _require_all_classes(classes: tuple[str, ...], labels: Array, folder: str) -> None:
    for index, name in enumerate(classes):
        if not (labels == index).any():
            raise refusal("data.classes", f"No image of class {name!r} can be read.", folder, "folder")


def _notes(skipped: list[str]) -> tuple[str, ...]:
    if not skipped:
        return ()
    more = f" and {len(skipped) - 10} more" if len(skipped) > 10 else ""
    return (f"{len(skipped)} images were left out: " + " ".join(skipped[:10]) + more,)


def read_image(path: str, dims: tuple[int, ...]) -> Array:
    """Read one image as float32 (channels, height, width) from 0 to 1.

    Args:
        path: Its file.
        dims: Channels (1 or 3), height and width.

    Raises:
        NetbuilderError: When it cannot be read or is too large; names the file.
    """
    from PIL import Image, ImageOps

    channels, height, width = dims
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # doubtful metadata does not matter here
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise refusal(
                        "data.too_large",
                        f"{_name(path)} has {image.width:,} × {image.height:,} pixels, more than 89 million.",
                        path,
                    )
                upright = ImageOps.exif_transpose(image)
                if upright.mode.startswith("I;16"):  # the library would clip 16 bits to 8
                    upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
                resized = upright.convert("RGB" if channels == 3 else "L").resize(
                    (width, height), Image.Resampling.BILINEAR
                )
    except NetbuilderError:
        raise
    except Exception as error:  # a decoder fed with damage raises anything: SyntaxError, struct.error, ...
        raise refusal("data.damaged", f"{_name(path)} cannot be read: {_reason(error)}.", path, "folder") from error
    array = np.asarray(resized, dtype=np.float32) / np.float32(255)
    return array.transpose(2, 0, 1) if channels == 3 else array[None]


def _name(path: str) -> str:
    return f"{Path(path).parent.name}/{Path(path).name}"


def _reason(error: Exception) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "it is not an image"
    if isinstance(error, FileNotFoundError):
        return "it is no longer there"
    return "it is damaged" if not isinstance(error, PermissionError) else "reading it is not allowed"


def _preview(values: Values, rows: int) -> Preview:
    """Return pictures spread over the classes."""
    classes, images = _list_images(values)
    dims = _schema(classes, len(images), values).fields[0].dims
    chosen = [images[index] for index in np.unique(np.linspace(0, len(images) - 1, min(rows, len(images)), dtype=int))]
    pictures, captions = [], []
    for path, label in chosen:
        try:
            picture = read_image(path, dims)
        except NetbuilderError:
            if not values["skip_unreadable"]:
                raise
            continue
        pixels = (picture * 255).round().astype(np.uint8)
        pictures.append(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
        captions.append(classes[label])
    return Preview(pictures=np.stack(pictures) if pictures else None, captions=tuple(captions))


def _brief(values: Values) -> str:
    name = Path(values["folder"]).name if values["folder"] else "no folder yet"
    return f"{name} · {values['height']}×{values['width']}"


SOURCE = SourceSpec(
    key="data.images",
    title="Image folder",
    category="data",
    summary="Your own pictures, one subfolder a class",
    help="Reads all images of a folder whose subfolders are the classes, and resizes them to one size. The pixels lie "
    "between 0 and 1.",
    keywords=("pictures", "photos", "jpeg", "png", "own data", "imagefolder"),
    parameters=(*PARAMETERS, *shared_settings(classes=True)),
    describe=_describe,
    read=_read,
    preview=_preview,
    normalizes=("image",),
    brief=_brief,
)
