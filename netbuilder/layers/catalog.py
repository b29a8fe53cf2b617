"""The catalog: all layer specs of this package's modules, found by walking it."""

from __future__ import annotations

from functools import cache

import netbuilder.layers
from netbuilder.foundation.declaration import Registry
from netbuilder.layers.spec import LayerSpec


@cache
def catalog() -> Registry[LayerSpec]:
    """Return every layer spec by key; the same registry each time."""
    registry = Registry(LayerSpec)
    registry.discover(netbuilder.layers)
    return registry
