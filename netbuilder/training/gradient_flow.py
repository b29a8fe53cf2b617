"""Gradient flow: how large the gradient of the loss is at every node's output, on the probe's samples.

The gradient is asked for the values alone (`torch.autograd.grad`), in eval mode: no parameter's `.grad`, buffer or
random number changes, so that measuring changes nothing in the training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from netbuilder.training.batches import Batch
from netbuilder.training.network import Network


@dataclass(frozen=True, slots=True)
class Flow:
    """What flows back, as scalars on the network's device.

    Attributes:
        norms: Node path -> the Euclidean norm of the loss's gradient at its output; the path of a data node has its
            field behind a point ("data.image"), that of a node with several outputs the port ("lstm.y").
        start: The largest of those at the outputs that the losses judge: what the others are compared with.
    """

    norms: Mapping[str, torch.Tensor]
    start: torch.Tensor


def measure(network: Network, batch: Batch) -> Flow | None:
    """Return how large the gradient is at every node's output; call within `Network.evaluating`.

    Of several phases, each of which has a loss of its own, the largest counts.

    Args:
        network: What to look into.
        batch: The samples. The losses are those of the batch, so that means are over its rows.

    Returns:
        None when no loss depends on anything that gradients reach.

    Raises:
        RuntimeError: When torch cannot take the gradient (memory, an operation without one).
    """
    norms: dict[str, torch.Tensor] = {}
    starts: list[torch.Tensor] = []
    # cuDNN's recurrent layers have no gradient in eval mode; torch's own have.
    with torch.inference_mode(False), torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        for phase in network.phases:
            values = _inputs(network, batch)
            inputs = {key: values.get(_input_path(network, key), tensor) for key, tensor in batch.items()}
            losses, outputs = network.tap_losses(phase, inputs, values.__setitem__, by_port=True)
            several = {path.rpartition(".")[0] for path in values if "." in path}
            values = {path: value for path, value in values.items() if path not in several}
            reached = {path: value for path, value in values.items() if value.requires_grad}
            judged = [output for output in outputs if output.requires_grad]
            total = torch.stack([loss.sum() for loss in losses.values()]).sum()
            if not reached or not judged or not total.requires_grad:
                continue
            gradients = torch.autograd.grad(total, [*reached.values(), *judged], allow_unused=True)
            for path, gradient in zip(reached, gradients[: len(reached)], strict=True):
                if gradient is not None:
                    norm = torch.linalg.vector_norm(gradient.float())
                    norms[path] = torch.maximum(norms[path], norm) if path in norms else norm
            starts += [torch.linalg.vector_norm(each.float()) for each in gradients[len(reached) :] if each is not None]
    return Flow(norms, torch.stack(starts).max()) if starts else None


def _inputs(network: Network, batch: Batch) -> dict[str, torch.Tensor]:
    """Return the data's numbers as values that gradients reach, by their path.

    They are copies of leaves rather than leaves: a layer may work in place on what it is given, not on a leaf.
    """
    return {
        _input_path(network, key): batch[key].detach().requires_grad_().clone()
        for key in network.program.fields
        if batch[key].is_floating_point()
    }


def _input_path(network: Network, key: str) -> str:
    port = network.program.sources[key]
    return f"{port.node}.{port.port}"
