"""Numbers and times as people read them."""

from __future__ import annotations

import time

import pytest

from netbuilder.ui.text import ago, compact, counted, duration, grouped, speed


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (320, "320"),
        (18_432, "18,432"),
        (630_000, "0.63 M"),
        (4_100_000, "4.1 M"),
        (3.2e9, "3.2 G"),
        (5e12, "5 T"),
    ],
)
def test_large_numbers_are_short(number: float, text: str) -> None:
    assert compact(number) == text


def test_counts_are_grouped_and_agree() -> None:
    assert grouped(30_058) == "30,058"
    assert counted(1, "node") == "1 node"
    assert counted(0, "link") == "0 links"


@pytest.mark.parametrize(("seconds", "text"), [(-1, "0:00"), (7.4, "0:07"), (750, "12:30"), (3725, "1:02:05")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_speeds_keep_their_meaning_when_slow() -> None:
    assert speed(1842.4) == "1,842 steps/s"
    assert speed(0.4212) == "0.42 steps/s"


def test_ago() -> None:
    now = time.mktime((2026, 11, 20, 15, 0, 0, 0, 0, -1))
    assert ago(now - 12, now) == "12 s ago"
    assert ago(now - 200, now) == "3 min ago"
    assert ago(now - 4 * 3600, now) == "4 h ago"
    assert ago(now - 25 * 3600, now) == "yesterday"
    assert ago(now - 3 * 86400, now) == "Tuesday"
    assert ago(now - 8 * 86400, now) == "12 Nov"
    assert ago(now + 5, now) == "just now"
