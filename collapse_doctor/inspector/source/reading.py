"""Source that is read otherwise than it was written: the line is given up, and not the watch.

People write Python in more ways than anybody who reads it foresees. A line is a help in a finding,
never what a finding rests on.
"""

from __future__ import annotations

import functools
import os
import threading
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar, cast

__all__ = ["given_up", "reading"]

F = TypeVar("F", bound=Callable[..., Any])

tells = False
"""Whether faults are raised all the same: for our own tests, which are to see them."""

_faults: deque[tuple[int, str]] = deque(maxlen=64)


def reading(otherwise: Callable[[], object]) -> Callable[[F], F]:
    """Return a decorator for what reads source: at a fault it returns ``otherwise()``.

    ``NoneType``, ``bool``, ``list`` and the like are such: called, they give None, False, [].
    """

    def decorate(read: F) -> F:
        @functools.wraps(read)
        def reads(*args: Any, **kwargs: Any) -> Any:
            try:
                return read(*args, **kwargs)
            except Exception as error:
                if tells:
                    raise
                place = traceback.extract_tb(error.__traceback__)[-1]
                said = (
                    f"{type(error).__name__} at {os.path.basename(place.filename)}:{place.lineno}"
                )
                _faults.append((threading.get_ident(), said))
                return otherwise()

        return cast(F, reads)

    return decorate


def given_up() -> tuple[str, ...]:
    """Return what went wrong in this thread since this was last asked, each fault once."""
    mine = threading.get_ident()
    found = [fault for fault in tuple(_faults) if fault[0] == mine]
    for fault in found:
        _faults.remove(fault)
    return tuple(dict.fromkeys(said for _, said in found))
