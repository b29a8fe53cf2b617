"""A part of the workspace: knows the workspace that it belongs to, without keeping it alive."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

if TYPE_CHECKING:
    from netbuilder.ui.workspace import Workspace


class Part(QObject):
    """What a workspace is made of. There is no circle of references: a workspace goes when nobody holds it."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._owner = weakref.ref(workspace)

    @property
    def _workspace(self) -> Workspace:
        found = self._owner()
        assert found is not None, "who asks belongs to the workspace"
        return found
