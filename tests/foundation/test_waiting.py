"""OpenMP's threads wait asleep, unless the user has chosen otherwise."""

import os

import pytest

from netbuilder.foundation.waiting import PASSIVE, wait_passively


def test_threads_wait_asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PASSIVE:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    wait_passively()
    assert {name: os.environ[name] for name in PASSIVE} == {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    wait_passively()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
    assert os.environ["GOMP_SPINCOUNT"] == "7"
