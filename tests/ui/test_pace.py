"""Drains are paced by what they cost."""

from netbuilder.ui.pace import FASTEST, SHARE, SHARE_APART, SLOWEST, Clocks, Pace


class Machine:
    """Clocks that the test turns."""

    def __init__(self, speed: float = 1.0) -> None:
        self.now = Clocks(0.0, 0.0, 0.0)
        self.speed = speed
        self.pace = Pace(lambda: self.now)

    def spend(self, cost: float, wall: float = 0.1) -> None:
        """Let Qt's thread compute for `cost` seconds in an interval in which the program gets `speed` processors."""
        thread, process, before = self.now
        self.now = Clocks(thread + cost, process + wall * self.speed, before + wall)

    def waits(self, cost: float, count: int = 60, *, apart: bool = False) -> list[int]:
        """Return the waits after drains that take `cost` seconds each."""
        found = []
        for _ in range(count):
            self.spend(cost)
            found.append(self.pace.wait(apart=apart))
        return found


def test_cheap_drains_come_fast() -> None:
    assert Machine().waits(0.001) == [FASTEST] * 60


def test_costly_drains_take_their_share_and_no_more() -> None:
    assert abs(Machine().waits(0.01)[-1] - 10 / SHARE) <= 1


def test_on_a_busy_machine_the_share_is_of_what_the_program_gets() -> None:
    assert abs(Machine(speed=0.7).waits(0.007)[-1] - 10 / SHARE) <= 1


def test_a_program_that_waits_is_not_starved() -> None:
    assert Machine(speed=0.01).waits(0.001)[-1] == FASTEST


def test_more_than_one_processor_does_not_make_the_window_greedy() -> None:
    assert abs(Machine(speed=4.0).waits(0.01)[-1] - 10 / SHARE) <= 1


def test_beside_a_process_the_window_takes_its_share_of_another_processor() -> None:
    assert abs(Machine(speed=0.1).waits(0.02, apart=True)[-1] - 20 / SHARE_APART) <= 1
    assert Machine(speed=0.1).waits(0.5, apart=True)[-1] == SLOWEST


def test_the_window_stays_alive_however_slow_drawing_is() -> None:
    assert Machine().waits(0.5)[-1] == SLOWEST


def test_one_long_paint_is_soon_forgotten() -> None:
    machine = Machine()
    assert machine.waits(2.0, 1)[0] < SLOWEST / 2
    assert machine.waits(0.001, 8)[-1] == FASTEST


def test_what_was_spent_between_runs_does_not_count() -> None:
    machine = Machine()
    machine.spend(5.0)
    machine.pace.restart()
    machine.spend(0.001)
    assert machine.pace.wait() == FASTEST
