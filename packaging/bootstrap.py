#!/usr/bin/env python3
"""Set up NetBuilder on a fresh machine, then start it or test it. Needs nothing but Python's standard library.

    python3 packaging/bootstrap.py run [FILE ...]     open the program (arguments go to `netbuilder`)
    python3 packaging/bootstrap.py test [ARG ...]     run every check; arguments go to pytest

Makes `.venv` in the checkout with the versions pinned in `constraints.txt`, makes sure that the libraries Qt needs on
Linux are there, and goes on. When nothing has changed since the last time, it installs nothing.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
EXE = ".exe" if os.name == "nt" else ""
OLDEST, NEWEST = (3, 11), (3, 13)

# What PySide6-Essentials loads on Linux and does not bring along: shared library -> Debian package.
QT_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xinerama.so.0": "libxcb-xinerama0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}
# What the tests run besides: command -> Debian package.
TEST_COMMANDS = {"Xvfb": "xvfb", "xdotool": "xdotool", "strace": "strace"}


def main(arguments: list[str]) -> int:
    """Set up, then start or test.

    Args:
        arguments: "run" or "test", then what is passed on.

    Returns:
        The exit status.
    """
    if not arguments or arguments[0] not in ("run", "test"):
        print(__doc__)
        return 2
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = ".".join(map(str, sys.version_info[:3]))
        print(f"NetBuilder needs Python 3.11, 3.12 or 3.13; this is {found}. Start this file with one of those.")
        return 2
    command, rest = arguments[0], arguments[1:]
    testing = command == "test"
    if sys.platform.startswith("linux") and not install_system_packages(testing):
        return 1
    if not install_packages(testing):
        return 1
    return run_checks(rest) if testing else run_program(rest)


def missing_system_packages(testing: bool) -> list[str]:
    """Return the Debian packages whose library or command is not on this machine."""
    missing = []
    for library, package in QT_LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(package)
    if testing:
        missing += [package for command, package in TEST_COMMANDS.items() if not shutil.which(command)]
    return missing


def install_system_packages(testing: bool) -> bool:
    """Install what is missing with apt-get when that is possible, else say how to.

    Returns:
        Whether to go on.
    """
    missing = missing_system_packages(testing)
    if not missing:
        return True
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    by_hand = "apt-get update && " + " ".join(install)
    if not shutil.which("apt-get"):
        print("These libraries are missing (Debian's names): " + " ".join(missing))
        print("Install them with this system's package manager, then start again.")
        return False
    if os.geteuid() != 0:
        print("Qt needs some system libraries. Install them with:\n\n    sudo sh -c '" + by_hand + "'\n")
        return False
    print("Installing " + " ".join(missing))
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "update", "-qq"], install):
        if subprocess.run(step, env=environment, stdout=subprocess.DEVNULL, check=False).returncode:
            print("That failed. By hand:\n\n    " + by_hand + "\n")
            return False
    return True


def fingerprint(testing: bool) -> str:
    """Return a text that changes whenever the installed set would."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "packaging/constraints.txt"):
        digest.update((ROOT / name).read_bytes())
    return f"{'test' if testing else 'run'} {sys.version_info[:3]} {ROOT} {digest.hexdigest()}"


def install_packages(testing: bool) -> bool:
    """Make `.venv` hold what pyproject.toml asks for, at the pinned versions; do nothing when it already does.

    Returns:
        Whether it worked.
    """
    stamp = VENV / "netbuilder-installed"
    wanted = fingerprint(testing)
    known = stamp.read_text().splitlines() if stamp.exists() else []
    python = BIN / f"python{EXE}"
    if wanted in known and python.exists():
        return True
    print("Setting up .venv: the first time this takes some minutes.", flush=True)
    if not python.exists():
        venv.create(VENV, with_pip=True, clear=VENV.exists())
    target = f"{ROOT}[test]" if testing else str(ROOT)
    constraints = str(ROOT / "packaging" / "constraints.txt")
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--no-compile"]
    if subprocess.run([*pip, "-c", constraints, "--editable", target], check=False).returncode:
        print("Installing failed; the reason stands above. Nothing outside .venv was changed.")
        return False
    # On every core; pip would take one. Some packages bring files for other versions of Python: they stay as they are.
    compiling = [str(python), "-m", "compileall", "-qq", "-j", "0", str(VENV), str(ROOT / "netbuilder")]
    subprocess.run(compiling, check=False)
    # Installing the test set satisfies a plain run too.
    stamp.write_text("\n".join({wanted, fingerprint(False)}) + "\n")
    return True


def run_program(arguments: list[str]) -> int:
    """Start the program and wait for it."""
    return subprocess.run([str(BIN / f"netbuilder{EXE}"), *arguments], check=False).returncode


def run_checks(arguments: list[str]) -> int:
    """Run style, types, layers and tests; every one runs, whatever the others say.

    Args:
        arguments: For pytest.

    Returns:
        0 when all passed.
    """
    checks = [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["lint-imports"],
        # A process a core: most tests wait for processes, threads and timers. Those of a file stay together.
        ["pytest", "-n", "logical", "--maxprocesses", "8", "--dist", "loadfile", *arguments],
    ]
    failed = []
    for name, *rest in checks:
        print(f"\n== {' '.join([name, *rest])}", flush=True)
        if subprocess.run([str(BIN / f"{name}{EXE}"), *rest], cwd=ROOT, check=False).returncode:
            failed.append(name)
    if failed:
        print("\nFailed: " + ", ".join(failed), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
