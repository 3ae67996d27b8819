"""How far the training came, what watching it cost, and what the reader must know of both."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

__all__ = ["Clock", "Cost", "Notice", "Tick"]

Clock = Literal["optimizer", "manual", "forward"]
"""What counted the steps: optimizers, ``inspector.step()``, or outermost forward passes."""


class Tick(Struct, frozen=True, gc=False, tag="tick"):
    """How far the training has come; written now and then and at the end."""

    steps: int
    forwards: int
    clock: Clock
    ended: bool = False
    reason: str = ""


class Cost(Struct, frozen=True, gc=False, tag="cost"):
    """What watching has cost the training so far; written now and then and at the end.

    ``elapsed`` are the seconds since the watched block was entered, ``spent`` those of them that
    passed inside the Inspector's own callbacks, both measured; ``budget`` is the share of the time
    it was to keep to (0.005 is half a per cent). ``limited`` is true when keeping to it made the
    Inspector look less often than its schedule.
    """

    step: int
    elapsed: float
    spent: float
    budget: float
    limited: bool = False


class Notice(Struct, frozen=True, gc=False, tag="notice"):
    """Something the reader of a report must know: pooled, not observable, switched off."""

    about: str
    text: str
    step: int | None = None
