"""What the program asks of Qt's binding for Python as a whole."""

from __future__ import annotations

import builtins
import linecache

import PySide6.QtCore  # noqa: F401  # puts its own `__import__` in place


def import_plainly() -> None:
    """Put Python's own `__import__` back in place of the binding's.

    The binding's reads the source text of every module that is imported after it, to see whether the module might use
    `from __feature__ import ...`, and all that text stays in `linecache`: 40 MB and a third of a second for torch's
    modules alone. Nothing here uses such features.
    """
    original = getattr(builtins, "__orig_import__", None)  # where the binding keeps it; it may stop doing this one day
    if original is not None:
        builtins.__import__ = original
        linecache.clearcache()  # 3 MB of what was imported so far; a traceback reads again what it shows
