"""What a file or a folder that the user opens, drops or names can become."""

from __future__ import annotations

from enum import Enum, auto
from pathlib import Path

from netbuilder.first_network import TABLES

NETWORKS = (".onnx", ".pt2")
WEIGHTS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
PROJECT = ".netb"


class Opening(Enum):
    """What it is."""

    PROJECT = auto()
    NETWORK = auto()
    WEIGHTS = auto()
    TABLE = auto()
    IMAGES = auto()
    UNKNOWN = auto()


def recognize(path: Path) -> Opening:
    """Say what a path is, by its ending; a folder is taken for images, one subfolder a class."""
    if path.is_dir():
        return Opening.IMAGES
    suffix = path.suffix.lower()
    if suffix == PROJECT:
        return Opening.PROJECT
    if suffix in NETWORKS:
        return Opening.NETWORK
    if suffix in WEIGHTS:
        return Opening.WEIGHTS
    return Opening.TABLE if suffix in TABLES else Opening.UNKNOWN
