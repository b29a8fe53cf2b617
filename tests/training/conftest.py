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
        kinds = ["thread"] if here_only else ["thread", "process"]
        metafunc.parametrize("where", kinds, indirect=True, scope="module")


@pytest.fixture(scope="module", autouse=True)
def shared_process(request: pytest.FixtureRequest) -> Iterator[ProcessHost | None]:
    """A process host that a module's tests use one after the other; there before any of them counts threads."""
    host = ProcessHost() if getattr(request.module, "BOTH_HOSTS", False) else None
    while host is not None and not host.is_ready:
        time.sleep(0.02)
    yield host
    if host is not None:
        host.leave()


@pytest.fixture(scope="module", autouse=True)
def where(request: pytest.FixtureRequest, shared_process: ProcessHost | None) -> Iterator[str]:
    """Where sessions run; for fixtures of a module, too."""
    kind: str = getattr(request, "param", "thread")
    with pytest.MonkeyPatch.context() as patch:
        if kind == "process":
            assert shared_process is not None
            patch.setattr(documents, "new_host", lambda: shared_process)
        yield kind


@pytest.fixture(autouse=True)
def idle_process(shared_process: ProcessHost | None) -> None:
    """Let no test hear what an earlier one was told, or find its run in progress."""
    if shared_process is not None:
        assert shared_process.wait(30), "an earlier test left its run in progress"
        shared_process.drain()


@pytest.fixture
def own() -> Iterator[ProcessHost]:
    """A host whose process may be harmed."""
    made = ProcessHost()
    yield made
    made.leave()
