"""A clock that stands still while a process waits for its turn.

An Inspector keeps its share of the time that passes. If it saw the time in which other runs have
their turn, it would think itself cheaper than it is, and look more often.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

__all__ = ["StandingClock"]


class StandingClock:
    """Seconds since some point in the past, less those spent in ``standing``."""

    def __init__(self) -> None:
        self._running = time.perf_counter
        self._stood = 0.0

    def __call__(self) -> float:
        return self._running() - self._stood

    def install(self) -> None:
        """Be ``time.perf_counter`` of this process. Call it before anything else is imported."""
        time.perf_counter = self

    @contextlib.contextmanager
    def standing(self) -> Iterator[None]:
        """Stand still inside the block."""
        begun = self._running()
        yield
        self._stood += self._running() - begun
