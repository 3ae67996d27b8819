"""Whether the parameters of the watched models get a gradient, and whether they move.

At some steps of every optimizer, by the same schedule as comparisons: what gradient it found, some
hundred numbers of the weights before and after. Nothing is read back from a device; numbers are
compared when they have come over. Steps inside backward are left alone.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from torch import Tensor, nn
from torch.optim import Optimizer

from collapse_doctor.inspector.callsite import site_of, user_frame
from collapse_doctor.inspector.compiled import is_capturing
from collapse_doctor.inspector.later import Later, is_here
from collapse_doctor.inspector.parts import Entry, entries, made_at, same_shapes
from collapse_doctor.inspector.quiet import in_backward, this_thread
from collapse_doctor.inspector.relay import AFTER, BEFORE, Listener
from collapse_doctor.inspector.sampling import About, Gradients, Seen, Weights, parts_of
from collapse_doctor.inspector.schedule import Schedule
from collapse_doctor.recording.observations import CallSite, Update

__all__ = ["Movement"]

MOST_MISSING = 8
"""Names of parameters that are told of those that no optimizer holds."""
MOST_OPEN = 8
"""Steps under way, one inside the other; steps that failed are among them."""

Guard = Callable[[Callable[..., None]], Callable[..., None]]


@dataclass(eq=False)
class _Known:
    """An optimizer that was seen to step: how often, and which parameters it holds."""

    optimizer: weakref.ref[Optimizer]
    number: int
    groups: int
    held: frozenset[int]
    steps: int = 0


@dataclass(eq=False)
class _Open:
    """A step under way, of which the first half was looked at. Parameters are held weakly."""

    known: _Known
    closure: bool
    halves: list[_Half] = field(default_factory=list)


@dataclass(eq=False)
class _Half:
    update: Update
    rates: list[Tensor]
    names: tuple[str, ...]
    about: list[About]
    parameters: list[weakref.ref[nn.Parameter]]
    before: Weights
    gradients: Gradients | None


class Movement:
    """Looks at the parameters of the watched models around steps of optimizers.

    Parameters
    ----------
    models
        The models by name. Held weakly.
    schedule
        Says at which steps of an optimizer to look.
    later
        Where numbers wait until they have come over from the device.
    emit, note
        Take observations, and notices (what they are about, and their text).
    """

    def __init__(
        self,
        models: Mapping[str, nn.Module],
        schedule: Schedule,
        later: Later,
        emit: Callable[[Update], None],
        note: Callable[[str, str], None],
    ) -> None:
        self._models = {name: weakref.ref(model) for name, model in models.items()}
        self._schedule = schedule
        self._later = later
        self._emit = emit
        self._note = note
        self._thread = this_thread()
        self._known: dict[int, _Known] = {}
        self._ever: set[int] = set()  # ids of all parameters that any optimizer held
        self._seen = 0
        self._open: list[_Open] = []
        self._left: dict[str, dict[str, Any]] = {}  # how the last look left each parameter
        self._listeners: tuple[Listener, Listener] | None = None

    def start(self, guard: Guard) -> None:
        """Begin to listen; ``guard`` wraps the callbacks so that they cannot raise."""
        self._thread = this_thread()
        before, after = guard(self._before), guard(self._after)

        def listening(optimizer: Optimizer, *call: Any) -> None:  # free, but where a look is due
            if self._is_due(optimizer):
                before(optimizer, *call)

        def ending(*step: Any) -> None:
            if self._open:
                after(*step)

        self._listeners = (listening, ending)
        BEFORE.add(listening)
        AFTER.add(ending)

    def stop(self) -> None:
        """Stop listening. Safe to call twice."""
        if self._listeners is not None:
            BEFORE.remove(self._listeners[0])
            AFTER.remove(self._listeners[1])
        self._open.clear()

    def passed(self, model: str, forwards: int) -> None:
        """Look at a model in a forward pass, as long as no optimizer was seen to step at all."""
        if self._seen or not self._schedule.compares(forwards):
            return
        found = [entry for entry in self._entries(model) if entry.parameter.requires_grad]
        update = msgspec.structs.replace(self._about(model, found, None), step=forwards)
        half = self._half(update, found, [])
        readable = _readable(found)
        self._send(update, half, Gradients.of(readable, None), half.before)

    def finish(self, reached: Collection[str]) -> None:
        """At the end, look for an optimizer that was made for a model and never stepped.

        ``reached`` are the models to whose outputs a gradient came.
        """
        for name in sorted(reached) if not self._seen else ():
            found = [entry.parameter for entry in self._entries(name)]
            wanted = {id(parameter) for parameter in found}
            for thing in gc.get_objects():
                if issubclass(type(thing), Optimizer) and wanted & _held_by(thing):
                    kind = type(thing).__name__
                    trainable = sum(p.requires_grad for p in found)
                    self._emit(Update(0, name, kind, idle=True, trainable=trainable))
                    break

    # Around a step

    def _is_due(self, optimizer: Optimizer) -> bool:
        """Count a step, and tell whether it is looked at."""
        known = self._known.get(id(optimizer))
        if known is None or known.optimizer() is not optimizer:
            return True
        if known.groups != len(optimizer.param_groups):
            self._hold(known, optimizer)
        known.steps += 1
        return self._schedule.compares(known.steps - 1)

    def _before(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        known = self._of(optimizer)
        if in_backward() or is_capturing() or this_thread() != self._thread:
            return
        closure = any(map(callable, (*args[1:], kwargs.get("closure"))))
        under_way = _Open(known, closure)
        site = None
        for name in self._models:
            found = self._entries(name)
            own = [entry for entry in found if id(entry.parameter) in known.held]
            is_moved = any(id(entry.parameter) in self._ever for entry in found)
            if own or not is_moved:  # another optimizer's step tells nothing of a model that learns
                site = site or _site()
                looked_at = [e for e in own or found if e.parameter.requires_grad]
                update = self._about(name, found, (known, optimizer), site)
                half = self._half(update, looked_at, _rates(optimizer, looked_at))
                if not closure:
                    scale = getattr(optimizer, "grad_scale", None)
                    scale = scale if isinstance(scale, Tensor) else None
                    half.gradients = Gradients.of(_readable(looked_at), scale)
                under_way.halves.append(half)
        self._open = [*self._open, under_way][-MOST_OPEN:]

    def _after(self, optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        ended = [one for one in self._open if one.known.optimizer() is optimizer]
        if not ended:
            return
        self._open = self._open[: self._open.index(ended[-1])]  # what is inside it has failed
        for half in ended[-1].halves:
            parameters = [reference() for reference in half.parameters]
            again = [
                Entry("", parameter, about.part, about.depth)
                for parameter, about in zip(parameters, half.about, strict=True)
                if parameter is not None
            ]
            if len(again) != len(parameters):
                continue
            gradients = half.gradients or Gradients.of(again, None)
            self._send(half.update, half, gradients, Weights.of(again))

    def _of(self, optimizer: Optimizer) -> _Known:
        known = self._known.get(id(optimizer))
        if known is None or known.optimizer() is not optimizer:
            self._known = {k: v for k, v in self._known.items() if v.optimizer() is not None}
            known = _Known(weakref.ref(optimizer), self._seen, 0, frozenset(), 1)
            self._seen += 1
            self._known[id(optimizer)] = known
            self._hold(known, optimizer)
        return known

    def _hold(self, known: _Known, optimizer: Optimizer) -> None:
        known.groups, known.held = len(optimizer.param_groups), frozenset(_held_by(optimizer))
        self._ever |= known.held

    # One look

    def _entries(self, name: str) -> list[Entry]:
        model = self._models[name]()
        return [] if model is None else entries(model)

    def _about(
        self,
        name: str,
        found: Sequence[Entry],
        stepping: tuple[_Known, Optimizer] | None,
        site: CallSite | None = None,
    ) -> Update:
        """Say what can be said of a model and an optimizer without reading any number."""
        model = self._models[name]()
        trainable = [entry for entry in found if entry.parameter.requires_grad]
        held = [entry for entry in found if id(entry.parameter) in self._ever]
        absent = [
            entry.name
            for entry in trainable
            if entry.parameter.grad is not None and id(entry.parameter) not in self._ever
        ]
        update = Update(
            step=0,
            model=name,
            optimizer="",
            holds=False,
            held=bool(held),
            trainable=len(trainable),
            training=model is not None and model.training,
            missing=tuple(absent[:MOST_MISSING]),
            absent=len(absent),
            site=site,
        )
        if stepping is None:
            return update
        known, optimizer = stepping
        own = [entry.parameter for entry in found if id(entry.parameter) in known.held]
        groups = [g for g in optimizer.param_groups if not own or _meets(g, own)]
        rates = [g["lr"] for g in groups if "lr" in g]
        number = [float(r) for r in rates if not isinstance(r, Tensor) or is_here(r)]
        eps = [g["eps"] for g in groups if isinstance(g.get("eps"), float)]
        return msgspec.structs.replace(
            update,
            step=known.steps - 1,
            optimizer=type(optimizer).__name__,
            number=known.number,
            holds=bool(own),
            copied=not own and self._is_copied(optimizer, trainable),
            others=_others(optimizer, found),
            rate=max(number, default=None),
            eps=max(eps, default=None),
        )

    def _is_copied(self, optimizer: Optimizer, trainable: Sequence[Entry]) -> bool:
        """Tell whether an optimizer was made for parameters like these, of no watched model."""
        watched = {id(e.parameter) for name in self._models for e in self._entries(name)}
        return same_shapes(optimizer, [entry.parameter for entry in trainable], watched)

    def _half(self, update: Update, looked_at: Sequence[Entry], rates: list[Tensor]) -> _Half:
        readable = _readable(looked_at)
        if len(readable) < len(looked_at):
            text = "parameters of other kinds than plain tensors are not looked at for movement"
            self._note(update.model, text)
        return _Half(
            update,
            rates,
            tuple(entry.name for entry in readable),
            [About.of(entry) for entry in readable],
            [weakref.ref(entry.parameter) for entry in readable],
            Weights.of(readable),
            None,
        )

    def _send(self, update: Update, half: _Half, gradients: Gradients, after: Weights) -> None:
        before = half.before
        sent = (before.vectors, after.vectors, gradients.vectors, gradients.norms, half.rates)
        counts = [len(tensors) for tensors in sent]

        def arrived(values: list[Tensor]) -> None:
            split = [values[sum(counts[:i]) : sum(counts[: i + 1])] for i in range(len(counts))]
            vectors = (before.apart(split[0]), after.apart(split[1]), gradients.apart(split[2]))
            norms = gradients.norms_apart(split[3])
            left = self._left.setdefault(update.model, {})
            facts = zip(half.names, half.about, *vectors, norms, gradients.there, strict=True)
            seen = [
                Seen(about, one, other, left.get(name), gradient, norm, there)
                for name, about, one, other, gradient, norm, there in facts
            ]
            left.update(zip(half.names, vectors[1], strict=True))
            self._tell(update, seen, [float(rate.max()) for rate in split[4]])

        self._later.put([tensor for tensors in sent for tensor in tensors], arrived)

    def _tell(self, update: Update, seen: list[Seen], rates: list[float]) -> None:
        parts = parts_of(seen)
        known = [rate for rate in (update.rate, *rates) if rate is not None]
        update = msgspec.structs.replace(update, parts=parts, rate=max(known, default=None))
        if update.absent or not any(
            part.moved for part in parts
        ):  # something may be wrong: say who made it
            made = made_at(update.optimizer, update.site)
            update = msgspec.structs.replace(update, made=made)
        self._emit(update)


def _readable(found: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in found if entry.is_readable]


def _held_by(optimizer: Optimizer) -> set[int]:
    groups = getattr(optimizer, "param_groups", ())
    return {id(p) for group in groups for p in group["params"]}


def _meets(group: dict[str, Any], own: Sequence[Tensor]) -> bool:
    wanted = {id(parameter) for parameter in own}
    return any(id(parameter) in wanted for parameter in group["params"])


def _rates(optimizer: Optimizer, looked_at: Sequence[Entry]) -> list[Tensor]:
    """Return copies of the learning rates that lie on a device."""
    own = [entry.parameter for entry in looked_at]
    rates = [g.get("lr") for g in optimizer.param_groups if _meets(g, own)]
    return [
        r.detach().clone().reshape(1) for r in rates if isinstance(r, Tensor) and not is_here(r)
    ]


def _others(optimizer: Optimizer, found: Sequence[Entry]) -> int:
    """Count the optimizer's parameters beside a model that have a gradient: a head's, mostly.

    A single number (a temperature, a scale) is nothing that learns in the model's place, nor is
    what has a learning rate of zero.
    """
    own = {id(entry.parameter) for entry in found}
    return sum(
        p.grad is not None and p.numel() > 1
        for group in optimizer.param_groups
        if _may_move(group)
        for p in group["params"]
        if id(p) not in own
    )


def _may_move(group: dict[str, Any]) -> bool:
    rate = group.get("lr", 1.0)
    return not isinstance(rate, int | float) or rate != 0


def _site() -> CallSite | None:
    frame = user_frame()
    return site_of(frame) if frame is not None else None
