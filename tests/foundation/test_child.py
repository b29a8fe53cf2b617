"""Work in a child process: it ends with its parent, and tells what it knows on the way."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from netbuilder.foundation.child import call_in_child
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import Problem

ROOT = Path(__file__).resolve().parents[2]
DIED = Problem(code="test.died", message="It died.")

PARENT = """
import sys
from netbuilder.foundation.child import call_in_child
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import Problem
from tests.foundation.test_child import stall
if __name__ == "__main__":
    call_in_child(stall, Job(), Problem(code="test.died", message="It died."))
"""


def stall(job: Job) -> None:
    """Say who this is, and compute for a minute as compiled code does, hearing nobody."""
    print(os.getpid(), flush=True)
    time.sleep(60)


def count(job: Job) -> int:
    """Find one thing after the other."""
    for number in range(3):
        job.learn(tuple(range(number + 1)))
    return 3


def test_what_is_known_so_far_arrives():
    seen = []

    class Noting(Job):
        def learn(self, known):
            seen.append(known)
            super().learn(known)

    job = Noting()
    assert call_in_child(count, job, DIED) == 3
    assert seen == [(0,), (0, 1), (0, 1, 2)]
    assert job.known == (0, 1, 2)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it ends with its next word")
def test_no_child_outlives_a_parent_that_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env=environment)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    assert child.is_running()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _, alive = psutil.wait_procs([child], timeout=5)
    assert not alive
