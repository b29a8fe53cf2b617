"""Memory: how a network's images lie in it, and how many rows fit in a processor's caches.

Both follow from the document alone, never from a timed trial: equal seeds give equal losses on one machine, and an
exported loop does the same as the session. What was measured stands in docs/performance.md.
"""

from __future__ import annotations

from typing import Final

from netbuilder.compiler.cost import count_costs
from netbuilder.compiler.flow import is_entry, is_loss
from netbuilder.compiler.shapes import Shapes
from netbuilder.document.model import Document, Node

IMAGE_RANK: Final = 4
"""Axes of a batch of images: N × C × H × W."""

CONVOLUTIONS: Final = frozenset({"conv2d", "conv_transpose2d"})

_ELEMENTWISE: Final = """
    add subtract multiply divide maximum minimum concat identity dropout dropout2d
    relu relu6 leaky_relu elu celu selu gelu silu mish hardswish hardsigmoid hardtanh sigmoid tanh softplus softsign
"""
_SPATIAL: Final = """
    batch_norm2d max_pool2d avg_pool2d lp_pool2d adaptive_max_pool2d adaptive_avg_pool2d global_max_pool
    global_avg_pool upsample pixel_shuffle zero_pad2d constant_pad2d reflection_pad2d replication_pad2d flatten output
"""
CHANNELS_LAST: Final = CONVOLUTIONS | frozenset((_ELEMENTWISE + _SPATIAL).split())
"""Layers that torch computes at least as fast on the CPU when an image's channels lie innermost.

Group, instance and layer normalization are slower (0.4 to 0.7 times) and hand back the other format, so that everything
around them is copied to and fro; a layer of the user's own may rely on the usual format. A network with an image in any
layer that is not named here keeps the usual one.
"""

EVALUATION_BYTES: Final = 512 << 10
"""How large one layer's output may be in an evaluation.

Larger ones leave the caches, and the C library gives their memory back to the system after each layer: the digits CNN
took 12 ms instead of 7 for 256 rows at once.
"""


def has_channels_last(document: Document, shapes: Shapes, device: str) -> bool:
    """Return whether a network is to be trained with the channels of its images innermost, as its plan says.

    "auto" follows `suits_channels_last` on a CPU; on other devices it was not measured.

    Args:
        document: The network.
        shapes: Its shapes, all known.
        device: The device's type.
    """
    wish = document.plan.memory_format
    return wish == "channels_last" or (wish == "auto" and device == "cpu" and suits_channels_last(document, shapes))


def suits_channels_last(document: Document, shapes: Shapes) -> bool:
    """Return whether all of a network's layers gain on a CPU from images with channels innermost.

    Args:
        document: The network.
        shapes: Its shapes, all known.
    """
    flat = shapes.expansion.of(document).graph.nodes
    images = {port.node for port, type_ in shapes.types.items() if type_.rank >= IMAGE_RANK}
    nodes = [flat[path] for path in images & flat.keys()]
    return any(node.type in CONVOLUTIONS for node in nodes) and all(map(_is_at_ease, nodes))


def _is_at_ease(node: Node) -> bool:
    return node.type in CHANNELS_LAST or is_entry(node) or is_loss(node)


def evaluation_rows(document: Document, shapes: Shapes) -> int:
    """Return how many rows an evaluation takes at once; at least as many as a step of the training.

    Args:
        document: The network.
        shapes: Its shapes, all known.
    """
    costs = count_costs(document, shapes).nodes
    layers = costs.keys() & shapes.expansion.of(document).graph.nodes  # a block's cost is the sum of what is in it
    widest = max((costs[path].bytes for path in layers), default=0)
    return max(document.plan.batch_size, EVALUATION_BYTES // max(widest, 1))
