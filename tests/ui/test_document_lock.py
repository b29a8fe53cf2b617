"""Promise 25: two processes on one file: one of them has it, the other knows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from PySide6.QtCore import QSysInfo

from netbuilder.document.sidecar import FOLDER
from netbuilder.ui.document_lock import DocumentLock

ROOT = Path(__file__).resolve().parents[2]

HOLDER = """
import sys, time
from pathlib import Path
from netbuilder.ui.document_lock import DocumentLock

lock = DocumentLock()
print(lock.take(Path(sys.argv[1])), flush=True)
time.sleep(60)
"""


def race(kind: str, count: int, folder: Path) -> Counter[str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.ui.lock_racers", kind, str(count), str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    return Counter(done.stdout.split())


@pytest.mark.skipif(sys.platform == "win32", reason="the racers are forked")
class TestRaces:
    def test_one_has_the_file(self, tmp_path: Path) -> None:
        assert race("real", 20, tmp_path) == {"1": 20}

    @pytest.mark.slow
    def test_one_has_the_file_two_hundred_times(self, tmp_path: Path) -> None:
        assert race("real", 200, tmp_path) == {"1": 200}

    def test_looking_before_writing_is_no_lock(self, tmp_path: Path) -> None:
        """The control."""
        assert any(int(holders) > 1 for holders in race("naive", 20, tmp_path))


def hold(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "True"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_the_holder_is_told(tmp_path: Path) -> None:
    path = tmp_path / "net.netb"
    process = hold(path)
    try:
        lock = DocumentLock()
        assert not lock.take(path)
        assert lock.path is None
        holder = lock.holder(path)
        assert holder is not None
        assert (holder.process, holder.host, holder.is_here) == (process.pid, QSysInfo.machineHostName(), True)
        assert abs(holder.since - time.time()) < 60
        assert holder.user == path.parent.owner()
    finally:
        end(process)
    assert lock.holder(path) is None, "whoever was killed holds nothing"
    assert lock.take(path)


def test_releasing_leaves_nothing_behind(tmp_path: Path) -> None:
    path, other = tmp_path / "net.netb", tmp_path / "other.netb"
    lock = DocumentLock()
    assert lock.take(path)
    assert lock.take(path)
    assert lock.take(other)
    assert [each.name for each in (tmp_path / FOLDER).iterdir()] == ["other.netb.lock"]
    lock.release()
    assert not (tmp_path / FOLDER).exists()


def test_two_ways_to_one_file_are_one_lock(tmp_path: Path) -> None:
    path, link = tmp_path / "net.netb", tmp_path / "link.netb"
    path.write_text("")
    link.symlink_to(path)
    first, second = DocumentLock(), DocumentLock()
    assert first.take(link)
    assert not second.take(path)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_has_no_lock(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        lock = DocumentLock()
        assert not lock.take(tmp_path / "net.netb")
        assert lock.holder(tmp_path / "net.netb") is None
    finally:
        tmp_path.chmod(0o700)


def test_a_lock_from_another_computer_can_be_broken(tmp_path: Path) -> None:
    path = tmp_path / "net.netb"
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "net.netb.lock").write_text("12\nnetbuilder\nfar-away\n\n\n")
    lock = DocumentLock()
    assert not lock.take(path)
    holder = lock.holder(path)
    assert holder is not None
    assert (holder.host, holder.is_here) == ("far-away", False)
    lock.break_lock(path)
    assert lock.take(path)
