"""The data sources, one module a family; `registry()` finds them by walking this package."""

from __future__ import annotations

import sys
from functools import cache

from netbuilder.data.spec import SourceSpec
from netbuilder.foundation.declaration import Registry


@cache
def registry() -> Registry[SourceSpec]:
    """Return every data source by key (`data.digits`)."""
    found: Registry[SourceSpec] = Registry(SourceSpec)
    found.discover(sys.modules[__name__])
    return found
