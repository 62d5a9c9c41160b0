"""Timing things in turn: what is slow for a moment on a busy machine is slow for all of them."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Clock = Literal["processor", "wall"]
READ: Mapping[Clock, Callable[[], float]] = {
    "processor": time.process_time,  # what others do with the cores does not count
    "wall": time.perf_counter,
}
LEAST_ROUNDS = 5


@dataclass(frozen=True)
class Spread:
    """The median of several measurements, and the quartiles about it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """Of at least one value."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


@dataclass(frozen=True)
class Rounds:
    """Seconds of each thing in each round, in the order of the rounds."""

    seconds: dict[str, list[float]]

    def spread(self, name: str) -> Spread:
        """Seconds of one thing."""
        return Spread.of(self.seconds[name])

    def ratio(self, over: str, under: str) -> Spread:
        """Of two things, taken within each round, so that a slow round counts for both."""
        pairs = zip(self.seconds[over], self.seconds[under], strict=True)
        return Spread.of([one / other for one, other in pairs])

    def more(self, over: str, under: str) -> Spread:
        """How much more one takes than the other, in parts of the other."""
        found = self.ratio(over, under)
        return Spread(found.median - 1.0, found.low - 1.0, found.high - 1.0)

    def difference(self, over: str, under: str) -> Spread:
        """Seconds that one takes more than the other, within each round."""
        pairs = zip(self.seconds[over], self.seconds[under], strict=True)
        return Spread.of([one - other for one, other in pairs])

    @property
    def count(self) -> int:
        """How many rounds there were."""
        return len(next(iter(self.seconds.values())))


def in_turn(
    things: Mapping[str, Callable[[], object]],
    seconds: float,
    clock: Clock,
    wait: Callable[[], None] = lambda: None,
) -> Rounds:
    """Do all things in turn, round after round, for about so many seconds by the wall clock.

    Every other round goes backwards, so that nothing always follows the same neighbour.

    Args:
        things: by name, what is timed.
        seconds: there are `LEAST_ROUNDS` rounds, however long they take.
        clock: processor seconds of this process, or those of the wall.
        wait: until the device has done what was asked of it.
    """
    read = READ[clock]
    for thing in things.values():  # the first time allocates, and chooses algorithms
        thing()
    wait()
    found: dict[str, list[float]] = {name: [] for name in things}
    begun, count = time.perf_counter(), 0
    while count < LEAST_ROUNDS or time.perf_counter() - begun < seconds:
        order = list(things.items())
        for name, thing in order if count % 2 == 0 else reversed(order):
            before = read()
            thing()
            wait()
            found[name].append(read() - before)
        count += 1
    return Rounds(found)
