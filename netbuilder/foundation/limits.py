"""Limits: how large a file may be before it is refused, so that a hostile or broken one cannot exhaust the machine.

Each limit is far above what a person draws. They are checked while reading, never taken from what a header claims.
"""

from __future__ import annotations

from typing import Final

MEBIBYTE: Final = 1 << 20

DOCUMENT_BYTES: Final = 16 * MEBIBYTE
"""The size of a `.netb` file or of pasted text."""

JOURNAL_BYTES: Final = 64 * MEBIBYTE
"""The size of a journal of edits: a document, and the changes since."""

DOCUMENT_MARKS: Final = 1_000_000
"""Commas and opening brackets in a document's text: what bounds the values in it before any is made."""

DOCUMENT_DEPTH: Final = 64
"""How deeply lists and objects nest in a document's JSON."""

NODES: Final = 10_000
"""Nodes in a document, blocks included."""

EDGES: Final = 40_000
"""Links in a document, blocks included."""

WAYPOINTS: Final = 12
"""Points that one link is led through."""

FRAMES: Final = 2_000
"""Comment frames in a document."""

BLOCKS: Final = 1_000
"""Block definitions in a document."""

FIELDS: Final = 10_000
"""Fields of one data node."""

CLASSES: Final = 100_000
"""Class names of one field."""

PHASES: Final = 64
"""Phases of a training plan, and parameter groups of one phase."""

DIMENSIONS: Final = 32
"""Axes of one field."""

KEY_LENGTH: Final = 64
"""Characters of an id, a label, a layer's key."""

NAME_LENGTH: Final = 1_000
"""Characters of a port's name, a class name, a title."""

TEXT_LENGTH: Final = 100_000
"""Characters of a note, a description, a text parameter."""

COORDINATE: Final = 1e7
"""How far from the origin a node may lie, in pixels at 100 %."""
