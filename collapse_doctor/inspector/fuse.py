"""A fault of ours must never become a fault of the user's."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import traceback
from collections.abc import Callable
from time import perf_counter
from typing import Any

from collapse_doctor.inspector.aside import Aside

__all__ = ["Fuse", "reason_of"]

_log = logging.getLogger("collapse_doctor")


class Fuse:
    """Runs our callbacks; the first exception in one of them switches everything off.

    One warning is logged, and ``reason`` says what happened so that the diagnosis can repeat it.
    Only ``Exception`` is caught: KeyboardInterrupt and SystemExit belong to the user. In a process
    forked from the one that watches (a loader's worker) the callbacks are dead.

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
        self._pid = os.getpid()

    @property
    def blown(self) -> bool:
        """True once a callback has failed."""
        return self.reason is not None

    def guard(self, callback: Callable[..., None]) -> Callable[..., None]:
        """Return ``callback`` made harmless: it never raises, and is dead once the fuse blew."""

        @functools.wraps(callback)
        def guarded(*args: Any, **kwargs: Any) -> None:
            if self.reason is not None or os.getpid() != self._pid:
                return
            begun = perf_counter()
            try:
                with Aside():
                    callback(*args, **kwargs)
            except Exception as error:
                self.blow(error)
            self._spend(perf_counter() - begun)

        return guarded

    def blow(self, error: Exception) -> None:
        """Switch off because of ``error``."""
        if self.reason is not None:
            return
        self.reason = _described(error)
        _warn(
            "collapse_doctor switched itself off after a fault of its own (%s). "
            "Training is not affected; what was recorded until now can still be diagnosed.",
            self.reason,
        )
        try:
            self._on_blow(self.reason)
        except Exception as second:
            _warn("collapse_doctor could not clean up: %s", _described(second))


def _warn(message: str, reason: str) -> None:
    with contextlib.suppress(Exception):  # a log handler is the user's, and may fail
        _log.warning(message, reason)


def reason_of(error: BaseException | None, at: str = "") -> str:
    """Return kind and words of an error, "" for none. Some cannot say what they are: no matter."""
    if error is None:
        return ""
    try:
        words = str(error)
    except Exception:
        words = "(without words)"
    return f"{type(error).__name__}{at}: {words}"


def _described(error: Exception) -> str:
    """Return kind, place and words of an error of ours."""
    place = traceback.extract_tb(error.__traceback__)[-1:]
    at = f" at {place[0].name}:{place[0].lineno}" if place else ""
    return reason_of(error, at)
