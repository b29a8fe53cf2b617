"""The order: what a short run is made with, as plain values that travel to another process."""

from __future__ import annotations

from dataclasses import dataclass

from netbuilder.document.model import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a short run is made with.

    Attributes:
        document: What to train.
        base: The folder that relative file names in the document are relative to.
        runs: The project's folder of runs, in which the weights to start from are.
        device: Where.
        run: A run's folder, whose last weights to begin with; "" begins with fresh ones.
        trained: What that run trains: the document that its weights belong to; None when that is `document`.
    """

    document: Document
    base: str = ""
    runs: str = ""
    device: str = "cpu"
    run: str = ""
    trained: Document | None = None
