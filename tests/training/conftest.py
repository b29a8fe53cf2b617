"""Sessions' tests run over both hosts: a thread, and a process that the tests of a module share."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator

import pytest

from netbuilder.training.process_host import ProcessHost
from tests.training import documents


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a module's tests over both hosts where it says so; what patches this process cannot reach the other."""
    if getattr(metafunc.module, "BOTH_HOSTS", False):
        here_only = "monkeypatch" in inspect.signature(metafunc.function).parameters
        here_only = here_only or metafunc.definition.get_closest_marker("thread_only") is not None
        metafunc.parametrize("where", ["thread"] if here_only else ["thread", "process"], indirect=True)


@pytest.fixture(scope="module", autouse=True)
def shared_process(request: pytest.FixtureRequest) -> Iterator[ProcessHost | None]:
    """A process host that a module's tests use one after the other; there before any of them counts threads."""
    host = ProcessHost() if getattr(request.module, "BOTH_HOSTS", False) else None
    while host is not None and not host.is_ready:
        time.sleep(0.02)
    yield host
    if host is not None:
        host.leave()


@pytest.fixture(autouse=True)
def where(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, shared_process: ProcessHost | None) -> str:
    """Where sessions run."""
    kind: str = getattr(request, "param", "thread")
    if kind == "process":
        assert shared_process is not None
        shared_process.drain()
        monkeypatch.setattr(documents, "new_host", lambda: shared_process)
    return kind
