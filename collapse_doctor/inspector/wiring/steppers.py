"""The optimizers that were seen to step: how often they did, and which parameters they hold."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from torch import Tensor
from torch.optim import Optimizer

from collapse_doctor.inspector.pacing.later import is_here
from collapse_doctor.inspector.pacing.schedule import Schedule
from collapse_doctor.inspector.wiring.parts import Entry, same_shapes
from collapse_doctor.recording.observations import Update

__all__ = ["Known", "Steppers", "idle_optimizer", "own_groups", "rates_away"]

MOST_MISSING = 8
"""Names of parameters that are told of those that no optimizer holds."""


MOST_ENDS = 4
"""Times that a learning rate becomes 0 at which a step is looked at for it."""


@dataclass(eq=False)
class Known:
    """An optimizer that was seen to step: how often, and which parameters it holds.

    ``number`` tells it from others of its class; parameters are known by their id; before step
    ``next`` nothing is due, if there were as many ``alerts`` when that was found. ``resting`` is
    whether its learning rate was 0 by then, ``ends`` how often it has become so.
    """

    optimizer: weakref.ref[Optimizer]
    number: int
    groups: int
    held: frozenset[int]
    steps: int = 0
    next: int = 0
    alerts: int = 0
    resting: bool = False
    ends: int = 0


class Steppers:
    """Counts the steps of every optimizer of this process.

    Attributes
    ----------
    ever
        The ids of all parameters that any optimizer held that was seen to step.
    seen
        How many optimizers that were.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.ever: set[int] = set()
        self.seen = 0
        self._schedule = schedule
        self._known: dict[int, Known] = {}

    def is_due(self, optimizer: Optimizer) -> bool:
        """Count a step, and tell whether it is looked at. Nearly free: called at every step."""
        known = self._known.get(id(optimizer))
        if known is None or known.optimizer() is not optimizer:
            return True
        if known.groups != len(optimizer.param_groups):
            self._hold(known, optimizer)
        known.steps += 1
        step = known.steps - 1
        if known.ends < MOST_ENDS and _is_resting(optimizer) != known.resting:
            known.resting = not known.resting
            known.ends += known.resting
            if known.resting:  # seen at once: nothing else tells when its learning has ended
                return True
        if step < known.next and known.alerts == self._schedule.alerts:
            return False
        known.next = self._schedule.next_compared(step + 1)
        known.alerts = self._schedule.alerts
        return self._schedule.compares(step)

    def known(self, optimizer: Optimizer) -> Known:
        """Return what is known of an optimizer that steps, now for the first time perhaps."""
        known = self._known.get(id(optimizer))
        if known is None or known.optimizer() is not optimizer:
            self._known = {k: v for k, v in self._known.items() if v.optimizer() is not None}
            known = Known(weakref.ref(optimizer), self.seen, 0, frozenset(), 1)
            self.seen += 1
            self._known[id(optimizer)] = known
            self._hold(known, optimizer)
        return known

    def standing(self, found: Sequence[Entry]) -> Update:
        """Return how the parameters of a model stand to all optimizers that were seen to step."""
        trainable = [entry for entry in found if entry.parameter.requires_grad]
        graded = [entry for entry in trainable if entry.parameter.grad is not None]
        absent = [entry.name for entry in graded if id(entry.parameter) not in self.ever]
        return Update(
            step=0,
            model="",
            optimizer="",
            holds=False,
            held=any(id(entry.parameter) in self.ever for entry in found),
            trainable=len(trainable),
            missing=tuple(absent[:MOST_MISSING]),
            absent=len(absent),
        )

    def holding(
        self,
        update: Update,
        optimizer: Optimizer,
        found: Sequence[Entry],
        watched: Callable[[], Collection[int]],
    ) -> Update:
        """Add how they stand to one optimizer that steps; ``watched`` gives those of all models."""
        known = self.known(optimizer)
        own = [entry for entry in found if id(entry.parameter) in known.held]
        wanted = [entry.parameter for entry in found if entry.parameter.requires_grad]
        groups = own_groups(optimizer, own) if own else optimizer.param_groups
        rates = [group["lr"] for group in groups if "lr" in group]
        here = [float(r) for r in rates if not isinstance(r, Tensor) or is_here(r)]
        eps = [group["eps"] for group in groups if isinstance(group.get("eps"), float)]
        return msgspec.structs.replace(
            update,
            step=known.steps - 1,
            optimizer=type(optimizer).__name__,
            number=known.number,
            holds=bool(own),
            copied=not own and same_shapes(optimizer, wanted, watched()),
            others=_others(optimizer, {id(entry.parameter) for entry in found}),
            rate=max(here, default=None),
            scheduled=bool(here) and max(here) != optimizer.defaults.get("lr"),
            eps=max(eps, default=None),
        )

    def _hold(self, known: Known, optimizer: Optimizer) -> None:
        known.groups, known.held = len(optimizer.param_groups), frozenset(_ids(optimizer))
        self.ever |= known.held


def idle_optimizer(parameters: Sequence[Tensor]) -> Optimizer | None:
    """Return an optimizer of this process that holds one of some parameters, or None.

    It looks at everything that Python keeps track of: some ten milliseconds, at the end only.
    """
    wanted = {id(parameter) for parameter in parameters}
    for thing in gc.get_objects():
        if issubclass(type(thing), Optimizer) and not wanted.isdisjoint(_ids(thing)):
            found: Optimizer = thing
            return found
    return None


def own_groups(optimizer: Optimizer, own: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return the groups of an optimizer that hold some of these parameters."""
    wanted = {id(entry.parameter) for entry in own}
    groups = optimizer.param_groups
    return [group for group in groups if any(id(p) in wanted for p in group["params"])]


def rates_away(groups: Sequence[dict[str, Any]]) -> list[Tensor]:
    """Return copies of the learning rates that lie on a device, where schedules rewrite them."""
    rates = [group.get("lr") for group in groups]
    away = [rate for rate in rates if isinstance(rate, Tensor) and not is_here(rate)]
    return [rate.detach().clone().reshape(1) for rate in away]


def _others(optimizer: Optimizer, beside: Collection[int]) -> int:
    """Count the optimizer's parameters beside some that have a gradient: a head's, mostly.

    A single number (a temperature, a scale) is nothing that learns in a model's place, nor is
    what has a learning rate of zero.
    """
    moving = (group for group in optimizer.param_groups if _may_move(group))
    return sum(
        p.is_leaf and p.grad is not None and p.numel() > 1
        for group in moving
        for p in group["params"]
        if id(p) not in beside
    )


def _is_resting(optimizer: Optimizer) -> bool:
    """Tell whether the learning rate is 0, as the first group has it. One on a device is not read.

    Called at every step.
    """
    groups = optimizer.param_groups
    rate = groups[0].get("lr") if groups else None
    return isinstance(rate, int | float) and rate == 0


def _may_move(group: dict[str, Any]) -> bool:
    rate = group.get("lr", 1.0)
    return not isinstance(rate, int | float) or rate != 0


def _ids(optimizer: Optimizer) -> Iterator[int]:
    for group in getattr(optimizer, "param_groups", ()):
        yield from (id(p) for p in group["params"])
