"""A fault of ours must never become a fault of the user's."""

from __future__ import annotations

import functools
import logging
import traceback
from collections.abc import Callable
from time import perf_counter
from typing import Any

import torch

__all__ = ["Fuse"]

_log = logging.getLogger("collapse_doctor")


class Fuse:
    """Runs our callbacks; the first exception in one of them switches everything off.

    One warning is logged, and ``reason`` says what happened so that the diagnosis can repeat it.
    Only ``Exception`` is caught: KeyboardInterrupt and SystemExit belong to the user.

    Parameters
    ----------
    on_blow
        Called once with what went wrong.
    spend
        Told the seconds that each callback took.
    """

    def __init__(
        self, on_blow: Callable[[str], None], spend: Callable[[float], None] = lambda _seconds: None
    ) -> None:
        self.reason: str | None = None
        self._on_blow = on_blow
        self._spend = spend

    @property
    def blown(self) -> bool:
        """True once a callback has failed."""
        return self.reason is not None

    def guard(self, callback: Callable[..., None]) -> Callable[..., None]:
        """Return ``callback`` made harmless: it never raises, and is dead once the fuse blew."""

        @functools.wraps(callback)
        def guarded(*args: Any, **kwargs: Any) -> None:
            if self.reason is not None:
                return
            begun = perf_counter()
            try:
                # Neither our mode nor the user's (a default device) sees what we compute.
                with torch._C.DisableTorchFunction():
                    callback(*args, **kwargs)
            except Exception as error:
                self.blow(error)
            self._spend(perf_counter() - begun)

        return guarded

    def blow(self, error: Exception) -> None:
        """Switch off because of ``error``."""
        if self.reason is not None:
            return
        place = traceback.extract_tb(error.__traceback__)[-1:]
        at = f" at {place[0].name}:{place[0].lineno}" if place else ""
        self.reason = f"{type(error).__name__}{at}: {error}"
        _log.warning(
            "collapse_doctor switched itself off after a fault of its own (%s). "
            "Training is not affected; what was recorded until now can still be diagnosed.",
            self.reason,
        )
        try:
            self._on_blow(self.reason)
        except Exception as second:
            _log.warning("collapse_doctor could not clean up: %r", second)
