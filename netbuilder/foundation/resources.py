"""Resources: the icons, templates and themes that come with the program.

They lie beside the package in a checkout and inside it once installed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parent.parent


def folder() -> Path:
    """Return the folder that holds all resources.

    Raises:
        FileNotFoundError: When the installation is incomplete.
    """
    for candidate in (_PACKAGE / "resources", _PACKAGE.parent / "resources"):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError("the installation is incomplete: NetBuilder's resources are missing")


def resource(name: str) -> Path:
    """Return the path of a resource.

    Args:
        name: Its name below the resources' folder, with slashes: "templates/digits_mlp.netb".

    Raises:
        ValueError: When the name leads out of the folder.
        FileNotFoundError: When there is no such resource.
    """
    parts = name.split("/")
    if any(part in ("", ".", "..") or "\\" in part or ":" in part for part in parts):
        raise ValueError(f"{name!r} is no resource's name")
    path = folder().joinpath(*parts)
    if not path.exists():
        raise FileNotFoundError(f"there is no resource called {name!r}")
    return path


def resource_names(folder_name: str, suffix: str = "") -> list[str]:
    """Return the names of the files in a folder of resources, sorted, ready for `resource`.

    Args:
        folder_name: The folder, such as "templates".
        suffix: Only files with this ending.
    """
    return sorted(
        f"{folder_name}/{path.name}"
        for path in resource(folder_name).iterdir()
        if path.is_file() and path.name.endswith(suffix) and not path.name.startswith(".")
    )
