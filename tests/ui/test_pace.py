"""Drains are paced by what they cost."""

from netbuilder.ui.pace import FASTEST, SHARE, SLOWEST, Pace


class Clock:
    """Processor time that the test spends."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def waits(cost: float, count: int = 60) -> list[int]:
    """Return the waits after drains that take `cost` seconds each."""
    clock = Clock()
    pace, found = Pace(clock), []
    for _ in range(count):
        clock.now += cost
        found.append(pace.wait())
    return found


def test_cheap_drains_come_fast() -> None:
    assert waits(0.001) == [FASTEST] * 60


def test_costly_drains_take_their_share_and_no_more() -> None:
    assert abs(waits(0.01)[-1] - 10 / SHARE) <= 1


def test_the_window_stays_alive_however_slow_drawing_is() -> None:
    assert waits(0.5)[-1] == SLOWEST


def test_one_long_paint_is_soon_forgotten() -> None:
    clock = Clock()
    pace = Pace(clock)
    clock.now += 2.0
    first = pace.wait()
    later = []
    for _ in range(8):
        clock.now += 0.002
        later.append(pace.wait())
    assert first < SLOWEST / 2
    assert later[-1] == FASTEST


def test_what_was_spent_between_runs_does_not_count() -> None:
    clock = Clock()
    pace = Pace(clock)
    clock.now += 5.0
    pace.restart()
    assert pace.wait() == FASTEST
