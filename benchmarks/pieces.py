"""How the benchmarks time: processor time of one thread, pieces in turn, medians."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def medians(pieces: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median cost of one call of each piece in µs.

    Processor time does not count what other programs take away, and turns spread what is left of
    their influence (shared caches, clock rate) evenly over the pieces.
    """
    taken: dict[str, list[int]] = {name: [] for name in pieces}
    for _ in range(3):
        for piece in pieces.values():
            piece()
    for _ in range(rounds):
        for name, piece in pieces.items():
            # A reading costs a third of a µs, so that short pieces are read ten calls at a time.
            begin = time.thread_time_ns()
            for _ in range(10):
                piece()
            taken[name].append(time.thread_time_ns() - begin)
    return {name: statistics.median(times) / 10_000 for name, times in taken.items()}
