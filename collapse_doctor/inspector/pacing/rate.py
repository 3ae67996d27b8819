"""The learning rate of a step, which may be a tensor on the device."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from torch import Tensor

from collapse_doctor.inspector.pacing.later import Transfer, is_here, send

__all__ = ["LearningRate"]


class LearningRate:
    """The learning rates that one step was taken with.

    A capturable optimizer may hold them as tensors on the device. Those are copied there, since
    the scheduler writes into them, and come over only if somebody asks (:meth:`fetch`).

    Parameters
    ----------
    groups
        The parameter groups of the optimizer; none before the first step.
    """

    def __init__(self, groups: Sequence[dict[str, Any]] = ()) -> None:
        rates = [group.get("lr", 1.0) for group in groups]
        away = [rate for rate in rates if isinstance(rate, Tensor) and not is_here(rate)]
        known = [_number(rate) for rate in rates if not any(rate is other for other in away)]
        self._largest = max(known, default=0.0)
        self._away = [rate.detach().clone() for rate in away] if self._largest <= 0 else []

    @property
    def is_known(self) -> bool:
        """Whether it needs nothing from a device to tell if it is above zero."""
        return not self._away

    def fetch(self) -> None:
        """Let what lies on the device come over."""
        if self._away:
            self._sent  # noqa: B018  # looking at it sends it, once

    def is_positive(self) -> bool:
        """Tell whether any was above zero; waits for what was not fetched long enough ago."""
        return self._largest > 0 or any(float(rate.max()) > 0 for rate in self._arrived)

    @property
    def _arrived(self) -> list[Tensor]:
        return self._sent.read() if self._away else []

    @cached_property
    def _sent(self) -> Transfer:
        return send(self._away)


def _number(rate: Any) -> float:
    """Return a rate as a number; 1 where it is none, for somebody's own optimizer."""
    return float(rate) if isinstance(rate, int | float | Tensor) else 1.0
