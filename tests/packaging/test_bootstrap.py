"""The set-up script: what it asks for, what it prints, and that a second start installs nothing."""

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "packaging" / "bootstrap.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a checkout to the script, so that the real .venv is left alone."""
    (tmp_path / "packaging").mkdir()
    for name in ("pyproject.toml", "packaging/constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "BIN", tmp_path / ".venv" / "bin")
    return tmp_path


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Record commands instead of running them; each succeeds."""
    ran: list[list[str]] = []

    def record(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", record)
    return ran


def installs(commands: list[list[str]]) -> list[list[str]]:
    return [command for command in commands if "install" in command]


def make_environment(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def create(folder: Path, **_: object) -> None:
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").touch()

    monkeypatch.setattr(bootstrap.venv, "create", create)


def test_second_start_installs_nothing(
    bootstrap: ModuleType, project: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_environment(bootstrap, monkeypatch)
    assert bootstrap.install_packages(False)
    assert len(installs(commands)) == 1
    assert "compileall" in commands[-1]
    ran = len(commands)
    assert bootstrap.install_packages(False)
    assert len(commands) == ran


def test_a_changed_requirement_installs_again(
    bootstrap: ModuleType, project: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_environment(bootstrap, monkeypatch)
    bootstrap.install_packages(False)
    with (project / "packaging" / "constraints.txt").open("a") as pins:
        pins.write("# another pin\n")
    bootstrap.install_packages(False)
    assert len(installs(commands)) == 2


def test_the_test_set_serves_a_run_but_not_the_other_way(
    bootstrap: ModuleType, project: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_environment(bootstrap, monkeypatch)
    bootstrap.install_packages(False)
    bootstrap.install_packages(True)
    assert len(installs(commands)) == 2
    assert installs(commands)[1][-1].endswith("[test]")
    bootstrap.install_packages(False)
    assert len(installs(commands)) == 2


def test_a_failed_install_is_tried_again(
    bootstrap: ModuleType, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_environment(bootstrap, monkeypatch)
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1))
    assert not bootstrap.install_packages(False)
    assert "Installing failed" in capsys.readouterr().out
    assert not (project / ".venv" / "netbuilder-installed").exists()


def test_missing_libraries_without_root_print_the_exact_command(
    bootstrap: ModuleType,
    commands: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(bootstrap, "missing_system_packages", lambda testing: ["libegl1", "xvfb"])
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not bootstrap.install_system_packages(True)
    assert commands == []
    assert "apt-get update && apt-get install -y --no-install-recommends libegl1 xvfb" in capsys.readouterr().out


def test_missing_libraries_as_root_are_installed(
    bootstrap: ModuleType, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "missing_system_packages", lambda testing: ["libegl1"])
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert bootstrap.install_system_packages(False)
    assert commands[-1][-1] == "libegl1"


def test_a_library_that_is_not_there_is_missed(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "QT_LIBRARIES", {"libnot-there-at-all.so.9": "libnot-there9"})
    assert bootstrap.missing_system_packages(False) == ["libnot-there9"]


def test_an_old_python_is_told_what_is_needed(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Version(tuple[int, ...]):
        __slots__ = ()

    monkeypatch.setattr(sys, "version_info", Version((3, 9, 1)))
    assert bootstrap.main(["run"]) == 2
    assert "needs Python 3.11, 3.12 or 3.13; this is 3.9.1" in capsys.readouterr().out


def test_every_check_runs_though_the_first_fails(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = []

    def fail_first(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        ran.append(Path(command[0]).name)
        return subprocess.CompletedProcess(command, len(ran) == 1)

    monkeypatch.setattr(subprocess, "run", fail_first)
    assert bootstrap.run_checks(["-q"]) == 1
    assert ran == ["ruff", "ruff", "mypy", "lint-imports", "pytest"]
    assert "Failed: ruff" in capsys.readouterr().err


def test_metadata_excludes_the_binding_that_crashes() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert "PySide6-Essentials>=6.10,<6.12; python_version < '3.12'" in text


@pytest.mark.pins
def test_the_wheel_holds_the_resources(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(tmp_path), str(ROOT)], check=True
    )
    (wheel,) = tmp_path.glob("netbuilder-*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    resources = [path for path in (ROOT / "resources").rglob("*") if path.is_file()]
    assert resources
    for path in resources:
        assert f"netbuilder/{path.relative_to(ROOT).as_posix()}" in inside
