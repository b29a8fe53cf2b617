"""Edits: every way of changing a document, as pure functions that are also registered by name.

Each takes a document and returns a new one, which shares what did not change; the same one when there is nothing to
do. What cannot be done is refused with a `NetbuilderError`. Edits do not know the layer catalog: callers give
default parameters and port names.
"""

from netbuilder.document.edits.appearance import (
    add_frame,
    change_frame,
    move_frames,
    move_nodes,
    remove_frames,
    set_about,
    set_route,
)
from netbuilder.document.edits.blocks import (
    add_definitions,
    make_unique,
    move_port,
    promote_parameter,
    remove_block,
    set_block,
)
from netbuilder.document.edits.dissolving import dissolve_block
from netbuilder.document.edits.grouping import make_block
from netbuilder.document.edits.links import connect, disconnect, insert_layer
from netbuilder.document.edits.nodes import (
    add_node,
    duplicate,
    remove_and_heal,
    remove_nodes,
    rename,
    replace_type,
    set_bypassed,
    set_note,
    set_parameters,
    set_schema,
    set_values,
    tie_weights,
)
from netbuilder.document.edits.planning import (
    change_plan,
    set_optimizer,
    set_plan,
    set_schedule,
    set_start_weights,
)
from netbuilder.document.edits.rates import give_rate
from netbuilder.document.edits.registry import EDITS, apply, apply_several, edit

__all__ = [
    "EDITS",
    "add_definitions",
    "add_frame",
    "add_node",
    "apply",
    "apply_several",
    "change_frame",
    "change_plan",
    "connect",
    "disconnect",
    "dissolve_block",
    "duplicate",
    "edit",
    "give_rate",
    "insert_layer",
    "make_block",
    "make_unique",
    "move_frames",
    "move_nodes",
    "move_port",
    "promote_parameter",
    "remove_and_heal",
    "remove_block",
    "remove_frames",
    "remove_nodes",
    "rename",
    "replace_type",
    "set_about",
    "set_block",
    "set_bypassed",
    "set_note",
    "set_optimizer",
    "set_parameters",
    "set_plan",
    "set_route",
    "set_schedule",
    "set_schema",
    "set_start_weights",
    "set_values",
    "tie_weights",
]
