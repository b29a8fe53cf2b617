"""Saving: old or new, never a third state, whatever the disk does."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netbuilder.foundation import save
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.foundation.save import TEMPORARY, atomic_save, read_limited, save_together, sweep_temporaries
from tests.faults import ACTIONS, Injection, Outcome, Subject, on_own_disk, run_python

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="strace and RLIMIT_FSIZE are for Linux")

OLD = b"old " * 2_000
PIECES = [bytes([65 + number]) * 3_000 for number in range(8)]
NEW = b"".join(PIECES)

ATOMIC = """
from netbuilder.foundation.save import atomic_save

def save():
    atomic_save(sys.argv[1], (bytes([65 + number]) * 3_000 for number in range(8)))
"""

NAIVE = """
def save():
    with open(sys.argv[1], "wb", buffering=0) as file:
        for number in range(8):
            file.write(bytes([65 + number]) * 3_000)
        os.fsync(file.fileno())
"""


def temporaries(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir() if entry.name.endswith(TEMPORARY)]


def strike_everywhere(code: str, folder: Path) -> tuple[int, list[str]]:
    """Return how many faults were injected into a save, and what went wrong."""
    home = folder / "disk"
    home.mkdir()
    target = home / "project.netb"
    target.write_bytes(OLD)
    subject = Subject(code, [str(target)], folder)
    injections = [Injection(*point, action) for point in subject.points() for action in ACTIONS]
    wrong = []
    for injection in injections:
        target.write_bytes(OLD)
        outcome = subject.strike(injection)
        wrong += [f"{injection}: {fault}" for fault in faults(outcome, target)]
        sweep_temporaries(home)
        if temporaries(home):
            wrong.append(f"{injection}: a temporary file is left for good")
            for name in temporaries(home):
                (home / name).unlink()
    return len(injections), wrong


def faults(outcome: Outcome, target: Path) -> list[str]:
    """Return in which ways the outcome of one save breaks the promise."""
    content = target.read_bytes() if target.exists() else None
    if content not in (OLD, NEW):
        return [f"a third state: {'no file' if content is None else f'{len(content)} bytes'}"]
    if outcome.status == 0 and content != NEW:
        return ["an acknowledged save is lost"]
    if outcome.status == 3:
        found = []
        if content != OLD and "was written, but" not in outcome.errors:
            found.append("a refused save has replaced the file: " + outcome.errors)
        if "NetbuilderError" not in outcome.errors:
            found.append("refused without a problem: " + outcome.errors)
        return found
    return [] if outcome.status in (0, -9) else [f"ended with {outcome.status}: {outcome.errors}"]


@linux
def test_a_save_is_all_or_nothing_at_every_call_and_fault(tmp_path: Path) -> None:
    count, wrong = strike_everywhere(ATOMIC, tmp_path)
    assert count >= 60
    assert wrong == []


@linux
def test_control_the_same_faults_break_a_naive_save(tmp_path: Path) -> None:
    _, wrong = strike_everywhere(NAIVE, tmp_path)
    assert sum("a third state" in each for each in wrong) >= 10


@linux
def test_the_file_is_flushed_before_it_is_renamed_and_the_folder_after(tmp_path: Path) -> None:
    target = tmp_path / "project.netb"
    target.write_bytes(OLD)
    calls = [line for line in Subject(ATOMIC, [str(target)], tmp_path).calls() if "write(" not in line]
    order = [line.split("(")[0] for line in calls if line.split("(")[0] in ("fsync", "rename")]
    assert order == ["fsync", "rename", "fsync"]
    flushes = [line for line in calls if line.startswith("fsync")]
    assert TEMPORARY in flushes[0]
    assert flushes[1].split("<")[1].startswith(f"{tmp_path}>")


LIMITED = """
import json, resource
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
path = sys.argv[1]
code = message = ""
try:
    {save}
except Exception as error:
    message = str(error)
    code = error.problems[0].code if hasattr(error, "problems") else type(error).__name__
print(json.dumps([code, message]))
"""
BY_US = "from netbuilder.foundation.save import atomic_save; atomic_save(path, b'n' * 50_000)"
BY_HAND = "open(path, 'wb').write(b'n' * 50_000)"


@linux
def test_a_file_size_limit_is_told_and_the_old_file_is_intact(tmp_path: Path) -> None:
    target = tmp_path / "project.netb"
    target.write_bytes(OLD)
    outcome = run_python(LIMITED.format(save=BY_US), str(target))
    code, message = json.loads(outcome.output)
    assert code == "save.limit"
    assert "project.netb could not be saved" in message
    assert target.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["project.netb"]


@linux
def test_control_a_file_size_limit_destroys_the_old_file_of_a_naive_save(tmp_path: Path) -> None:
    target = tmp_path / "project.netb"
    target.write_bytes(OLD)
    run_python(LIMITED.format(save=BY_HAND), str(target))
    assert target.read_bytes() != OLD


ON_DISK = """
import json
path = sys.argv[1] + "/project.netb"
if not os.path.exists(path):
    open(path, "wb").write(b"old " * 2_000)
code = message = ""
try:
    {save}
except Exception as error:
    message = str(error)
    code = error.problems[0].code if hasattr(error, "problems") else type(error).__name__
print(json.dumps([code, message, open(path, "rb").read() == b"old " * 2_000, os.listdir(sys.argv[1])]))
"""
MUCH = "from netbuilder.foundation.save import atomic_save; atomic_save(path, b'n' * 500_000)"
LITTLE = "from netbuilder.foundation.save import atomic_save; atomic_save(path, b'n')"


def test_a_full_and_a_read_only_disk_are_told_and_the_old_file_is_intact() -> None:
    outcome = on_own_disk(ON_DISK.format(save=MUCH), read_only_code=ON_DISK.format(save=LITTLE))
    assert outcome.status == 0, outcome.errors
    full, read_only = (json.loads(line) for line in outcome.output.splitlines())
    assert full[0] == "save.full"
    assert "the disk is full" in full[1]
    assert full[2:] == [True, ["project.netb"]]
    assert read_only[0] == "save.read_only"
    assert "read-only" in read_only[1]
    assert read_only[2:] == [True, ["project.netb"]]


def test_control_a_full_disk_destroys_the_old_file_of_a_naive_save() -> None:
    outcome = on_own_disk(ON_DISK.format(save="open(path, 'wb').write(b'n' * 500_000)"))
    assert outcome.status == 0, outcome.errors
    code, _, intact, _ = json.loads(outcome.output)
    assert code == "OSError"
    assert not intact


def test_saving_writes_bytes_or_pieces(tmp_path: Path) -> None:
    target = tmp_path / "a.netb"
    atomic_save(target, b"one")
    assert target.read_bytes() == b"one"
    atomic_save(str(target), iter([b"t", b"", b"wo"]))
    assert target.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["a.netb"]


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")
def test_permissions_of_an_existing_file_are_kept_and_a_new_one_obeys_the_umask(tmp_path: Path) -> None:
    target = tmp_path / "a.netb"
    old = os.umask(0o027)
    try:
        atomic_save(target, b"one")
    finally:
        os.umask(old)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    target.chmod(0o604)
    atomic_save(target, b"two")
    assert stat.S_IMODE(target.stat().st_mode) == 0o604


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "real.netb", tmp_path / "link.netb"
    target.write_bytes(OLD)
    link.symlink_to(target)
    atomic_save(link, NEW)
    assert link.is_symlink()
    assert target.read_bytes() == NEW


@pytest.mark.parametrize("defect", [KeyError, ValueError, KeyboardInterrupt])
def test_a_failing_producer_leaves_everything_as_it_was(tmp_path: Path, defect: type[BaseException]) -> None:
    target = tmp_path / "a.netb"
    target.write_bytes(OLD)

    def pieces() -> Iterator[bytes]:
        yield b"begin"
        raise defect("our own")

    with pytest.raises(defect):
        atomic_save(target, pieces())
    assert target.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["a.netb"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("gone/a.netb", "save.folder"),
        ("file/a.netb", "save.folder"),
        ("folder", "save.folder"),
        ("x" * 300, "save.name"),
        ("a\0b", "save.name"),
    ],
)
def test_impossible_places_are_told_in_words(tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(NetbuilderError, match="could not be saved") as caught:
        atomic_save(tmp_path / name, b"new")
    assert caught.value.problems[0].code == code
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_a_write_protected_file_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.netb"
    target.write_bytes(OLD)
    whole = os.open

    def protected(path: object, flags: int, *rest: int) -> int:  # as root, nothing is protected in earnest
        if flags == os.O_WRONLY:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return whole(path, flags, *rest)

    monkeypatch.setattr(os, "open", protected)
    with pytest.raises(NetbuilderError) as caught:
        atomic_save(target, NEW)
    assert caught.value.problems[0].code == "save.permission"
    assert target.read_bytes() == OLD


def test_an_unknown_refusal_is_told_in_the_system_s_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: object, target: object) -> None:
        raise OSError(99999, "the disk sulks")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(NetbuilderError, match="the disk sulks") as caught:
        atomic_save(tmp_path / "a.netb", NEW)
    assert caught.value.problems[0].code == "save.failed"
    assert os.listdir(tmp_path) == []


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: whole(descriptor, bytes(data)[:7]))
    atomic_save(tmp_path / "a", NEW)
    monkeypatch.undo()
    assert (tmp_path / "a").read_bytes() == NEW


def test_only_what_dead_processes_left_is_swept(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = tmp_path / f".a.netb.{dead.pid}.12345678{TEMPORARY}"
    alive = tmp_path / f".a.netb.{os.getpid()}.12345678{TEMPORARY}"
    foreign = tmp_path / f"mine{TEMPORARY}"
    for path in (left, alive, foreign):
        path.write_bytes(b"x")
    assert sweep_temporaries(tmp_path) == [left]
    assert sorted(tmp_path.iterdir()) == sorted([alive, foreign])
    assert sweep_temporaries(tmp_path / "nowhere") == []


def test_limited_reading_stops_one_byte_past_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100)
    assert sum(map(len, read_limited(path, 100))) == 100
    assert sum(map(len, read_limited(path, 99))) == 100
    assert sum(map(len, read_limited(path, 10))) == 11


def test_a_folder_that_cannot_be_flushed_leaves_the_new_file_unconfirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.netb"
    target.write_bytes(OLD)

    def fail(folder: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(save, "_flush_folder", fail)
    with pytest.raises(NetbuilderError, match="was written, but the disk did not confirm it") as caught:
        atomic_save(target, NEW)
    assert caught.value.problems[0].code == "save.unconfirmed"
    assert target.read_bytes() == NEW


def test_where_folders_cannot_be_opened_nor_permissions_set_saving_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("O_DIRECTORY", "fchmod"):
        monkeypatch.delattr(os, name, raising=False)
    (tmp_path / "a.netb").write_bytes(OLD)
    atomic_save(tmp_path / "a.netb", NEW)
    assert (tmp_path / "a.netb").read_bytes() == NEW


def test_a_disk_without_permissions_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, mode: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refuse, raising=False)
    (tmp_path / "a.netb").write_bytes(OLD)
    atomic_save(tmp_path / "a.netb", NEW)
    assert (tmp_path / "a.netb").read_bytes() == NEW


def test_a_private_file_is_never_readable_while_it_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.netb"
    target.write_bytes(OLD)
    target.chmod(0o600)
    seen = []

    def pieces() -> Iterator[bytes]:
        seen.extend(stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir())
        yield NEW

    atomic_save(target, pieces())
    assert seen == [0o600, 0o600]


def test_several_files_are_saved_together(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    save_together({tmp_path / "a": b"one", tmp_path / "b": b"two"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == {"a": b"one", "b": b"two"}


@pytest.mark.parametrize("name", ["folder", "no/such/file", "with\0zero"])
def test_when_one_of_several_cannot_be_saved_none_is(tmp_path: Path, name: str) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(NetbuilderError, match="left as they were"):
        save_together({tmp_path / "a": b"one", tmp_path / name: b"two", tmp_path / "c": b"three"})
    assert (tmp_path / "a").read_bytes() == b"old"
    assert sorted(tmp_path.rglob("*")) == before


def test_what_was_replaced_already_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = os.replace

    def fail(source: Path, target: Path) -> None:
        if target.name == "b":
            raise OSError(errno.EIO, "broken")
        replace(source, target)

    monkeypatch.setattr(save.os, "replace", fail)
    with pytest.raises(NetbuilderError, match="Some of the other files were replaced already"):
        save_together({tmp_path / "a": b"one", tmp_path / "b": b"two"})
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["a"]
