"""Weights as a safetensors file: readable keys, and in the metadata which node each belongs to. Imports torch."""

from __future__ import annotations

from pathlib import Path

from netbuilder.exchange.weighted import WeightedNetwork
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.training.checkpoints import Checkpoint, save_checkpoint


def write_weights(network: WeightedNetwork, path: Path) -> None:
    """Write a network's weights in the checkpoints' format, all or nothing.

    The keys are those of the module's `state_dict`, so that `load_state_dict(safetensors.torch.load_file(path))` reads
    them. The metadata hold the node path of each key, and as `about` the title, the class and the text's hash.

    Raises:
        NetbuilderError: When the network has no weights, or the file cannot be written.
    """
    tensors = network.model.state_dict()
    if not tensors:
        message = "The network has no weights to write: no layer of it learns anything."
        raise NetbuilderError(Problem(code="export.weightless", message=message))
    about: dict[str, object] = {
        "title": network.document.about.title,
        "class": network.program.class_name,
        "program": network.digest,
        "weights": str(network.origin),
    }
    if network.origin.epoch is not None:
        about["epoch"] = network.origin.epoch
    save_checkpoint(path, Checkpoint(tensors=tensors, paths=network.key_paths, about=about))
