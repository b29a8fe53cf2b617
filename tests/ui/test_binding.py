"""The binding's own `__import__` is out of the way."""

import builtins
import importlib
import linecache
import sys
from pathlib import Path

import pytest

import netbuilder.ui  # noqa: F401
from netbuilder.ui.binding import import_plainly


def test_importing_a_module_does_not_read_its_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plainly_imported.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = set(linecache.cache)
    from plainly_imported import VALUE  # type: ignore[import-not-found]

    try:
        assert VALUE == 1
        assert not [name for name in set(linecache.cache) - before if name.endswith("plainly_imported.py")]
    finally:
        del sys.modules["plainly_imported"]
        importlib.invalidate_caches()


def test_a_binding_that_keeps_no_original_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    current = builtins.__import__
    monkeypatch.delattr(builtins, "__orig_import__")
    import_plainly()
    assert builtins.__import__ is current


def test_the_text_that_was_read_so_far_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtins, "__orig_import__", builtins.__import__, raising=False)
    assert linecache.getline(__file__, 1)
    assert __file__ in linecache.cache
    import_plainly()
    assert __file__ not in linecache.cache
