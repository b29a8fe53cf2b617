"""Resources: found in a checkout and in an installed package, and nothing outside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from netbuilder.foundation import resources
from netbuilder.foundation.resources import resource, resource_names


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a package and resources beside it."""
    (tmp_path / "netbuilder").mkdir()
    icons = tmp_path / "resources" / "icons"
    icons.mkdir(parents=True)
    for name in ("b.svg", "a.svg", "c.txt", ".hidden.svg"):
        (icons / name).write_text(name)
    (icons / "folder.svg").mkdir()
    (tmp_path / "secret").write_text("x")
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "netbuilder")
    return tmp_path


def test_the_real_ones_are_found() -> None:
    assert resources.folder().is_dir()


def test_beside_the_package_in_a_checkout_and_inside_it_when_installed(tree: Path) -> None:
    assert resource("icons/a.svg").read_text() == "a.svg"
    (tree / "resources").rename(tree / "netbuilder" / "resources")
    assert resource("icons/a.svg").parent.parent.parent.name == "netbuilder"


def test_names_are_listed_sorted(tree: Path) -> None:
    assert resource_names("icons", ".svg") == ["icons/a.svg", "icons/b.svg"]
    assert resource_names("icons") == ["icons/a.svg", "icons/b.svg", "icons/c.txt"]


@pytest.mark.parametrize(
    "name", ["../secret", "icons/../../secret", "/etc/passwd", "", ".", "icons//a.svg", "c:/x", "icons\\..\\x"]
)
def test_names_that_lead_elsewhere_are_refused(tree: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no resource's name"):
        resource(name)


def test_missing_ones_are_told(tree: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no resource called"):
        resource("icons/z.svg")
    (tree / "resources").rename(tree / "gone")
    with pytest.raises(FileNotFoundError, match="incomplete"):
        resource("icons/a.svg")
