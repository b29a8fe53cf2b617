"""Samples: pictures of the data itself, made once when a run begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from netbuilder.data.spec import Array, Prepared
from netbuilder.document.model import Field
from netbuilder.training import pictures
from netbuilder.training.batches import Batch
from netbuilder.training.network import Network
from netbuilder.training.plane import original
from netbuilder.training.protocol import Picture, PictureKind

POINTS = 600
"""Points of a data node's cloud, at most."""


def slim(data: Prepared) -> Prepared:
    """Return what pictures and scores need of a data node's rows when the network becomes another one."""
    columns = data.parts.get("train", {})
    few = {name: column for name, column in columns.items() if column[:1].size <= 2}
    return replace(data, parts={"train": few})


def data_pictures(network: Network, prepared: Mapping[str, Prepared], batch: Batch) -> Iterator[Picture]:
    """Yield the pictures of all data nodes: samples of images, clouds of points in the plane.

    Args:
        network: Whose data it is.
        prepared: Data node id -> its rows.
        batch: The probe's fixed samples.
    """
    for node, data in prepared.items():
        for field in data.schema.fields:
            key = network.fields.get((node, field.name))
            if field.layout == "CHW" and key is not None:
                yield _images(node, batch[key].cpu().numpy())
                break
            if field.dims == (2,) and field.dtype == "float32":
                yield _points(node, field, data)
                break


def _images(node: str, images: Array) -> Picture:
    return Picture(kind=PictureKind.SAMPLES, node=node, step=0, data=pictures.frozen(image_bytes(images)))


def image_bytes(images: Array) -> Array:
    """Return images (k, channels, h, w), one or three channels, as bytes (k, h, w) or (k, h, w, 3)."""
    data = pictures.to_bytes(images.reshape(len(images), -1, images.shape[-1])).reshape(images.shape)
    return data.transpose(0, 2, 3, 1) if images.shape[1] == 3 else data[:, 0]


def _points(node: str, field: Field, data: Prepared) -> Picture:
    part = data.parts["train"]
    other = next((each for each in data.schema.fields if each.name != field.name and each.dims in ((), (1,))), None)
    rows = slice(0, POINTS)
    places = original(part[field.name][rows], data.fitted.get(field.name))
    values = np.zeros(len(places), np.float32)
    if other is not None:
        values = original(part[other.name][rows].reshape(len(places), -1), data.fitted.get(other.name))[:, 0]
    cloud = np.column_stack([places, values]).astype(np.float32)
    labels = other.classes if other is not None else ()
    return Picture(kind=PictureKind.POINTS, node=node, step=0, data=pictures.frozen(cloud), labels=labels)
