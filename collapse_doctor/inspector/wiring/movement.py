"""Whether the parameters of the watched models get a gradient, and whether they move.

At some steps of every optimizer, by the same schedule as comparisons: what gradient it found, some
hundred numbers of the weights before and after. Nothing is read back from a device; numbers are
compared when they have come over. Steps inside backward are left alone.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from torch import Tensor, nn
from torch.optim import Optimizer

from collapse_doctor.inspector.compiler.compiled import is_capturing
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.pacing.relay import AFTER, BEFORE, Listener
from collapse_doctor.inspector.pacing.schedule import Schedule
from collapse_doctor.inspector.quiet import in_backward, this_thread
from collapse_doctor.inspector.source.callsite import site_of, user_frame
from collapse_doctor.inspector.source.faultlines import (
    assigned_at,
    cleared_at,
    frozen_at,
    hooked_at,
    renewed_at,
    replaced_at,
    scheduled_at,
    unfrozen_at,
)
from collapse_doctor.inspector.source.layerlines import files_of
from collapse_doctor.inspector.wiring.parts import (
    Entry,
    Kept,
    entries,
    hidden_entries,
    made_at,
    unfrozen_in_vain,
)
from collapse_doctor.inspector.wiring.sampling import About, Gradients, Seen, Weights, parts_of
from collapse_doctor.inspector.wiring.steep import Steepness
from collapse_doctor.inspector.wiring.steppers import (
    Known,
    Steppers,
    idle_optimizer,
    own_groups,
    rates_away,
)
from collapse_doctor.inspector.wiring.unregistered import Hidden, find_hidden
from collapse_doctor.recording.observations import CallSite, Part, Update

__all__ = ["Movement"]

MOST_OPEN = 8
"""Steps under way, one inside the other; steps that failed are among them."""

RENEWED = 4
"""Looks after which the parameters of a model are looked for again."""

Guard = Callable[[Callable[..., None]], Callable[..., None]]


@dataclass(eq=False)
class _Open:
    """A step under way, of which the first half was looked at. Parameters are held weakly."""

    known: Known
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
    readable: list[Entry]  # held for a moment only


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
    steepness
        Knows which lines may be to blame for uneven gradients.
    """

    def __init__(
        self,
        models: Mapping[str, nn.Module],
        schedule: Schedule,
        later: Later,
        emit: Callable[[Update], None],
        note: Callable[[str, str], None],
        steepness: Steepness,
    ) -> None:
        self._models = {name: weakref.ref(model) for name, model in models.items()}
        self._schedule = schedule
        self._steppers = Steppers(schedule)
        self._steepness = steepness
        self._written: dict[str, tuple[str, ...]] = {}
        self._later = later
        self._emit = emit
        self._note = note
        self._thread = this_thread()
        self._open: list[_Open] = []
        self._left: dict[str, dict[str, Any]] = {}  # how the last look left each parameter
        self._hidden: dict[str, list[Hidden]] = {}
        self._vain: dict[str, str] = {}
        self._kept: dict[str, tuple[int, list[Kept]]] = {}
        self._listeners: tuple[Listener, Listener] | None = None

    def start(self, guard: Guard) -> None:
        """Begin to listen; ``guard`` wraps the callbacks so that they cannot raise."""
        self._thread = this_thread()
        before, after = guard(self._before), guard(self._after)

        def listening(optimizer: Optimizer, *call: Any) -> None:  # free, but where a look is due
            if self._steppers.is_due(optimizer):
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
        self._hidden.clear()
        self._kept.clear()

    @property
    def needs_modules(self) -> bool:
        """Whether modules are held, to which what is yet to be told will point."""
        return any(self._hidden.values())

    def passed(self, model: str, forwards: int) -> None:
        """Look at a model in a forward pass, as long as no optimizer was seen to step at all."""
        if self._steppers.seen or not self._schedule.compares(forwards):
            return
        found = [entry for entry in self._entries(model) if entry.parameter.requires_grad]
        update = msgspec.structs.replace(self._about(model, found), step=forwards)
        half = self._half(update, found, [])
        self._send(update, half, Gradients.of(half.readable, None), half.before)
        half.readable = []

    def finish(self, reached: Collection[str]) -> None:
        """At the end, look for an optimizer that was made for a model and never stepped.

        ``reached`` are the models to whose outputs a gradient came.
        """
        for name in sorted(reached):
            found = [entry.parameter for entry in self._entries(name)]
            if not self._steppers.ever.isdisjoint(map(id, found)):
                continue
            idle = idle_optimizer(found)
            if idle is not None:
                trainable = sum(p.requires_grad for p in found)
                kind = type(idle).__name__
                made = made_at(kind, _site())
                self._emit(Update(0, name, kind, idle=True, trainable=trainable, made=made))

    # Around a step

    def _before(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        known = self._steppers.known(optimizer)
        if in_backward() or is_capturing() or this_thread() != self._thread:
            return
        closure = any(map(callable, (*args[1:], kwargs.get("closure"))))
        under_way = _Open(known)
        site = None
        for name in self._models:
            found = self._entries(name)
            own = [entry for entry in found if id(entry.parameter) in known.held]
            is_moved = any(id(entry.parameter) in self._steppers.ever for entry in found)
            if own or not is_moved:  # another optimizer's step tells nothing of a model that learns
                site = site or _site()
                looked_at = [e for e in own or found if e.parameter.requires_grad]
                update = self._about(name, found, optimizer)
                update = msgspec.structs.replace(update, site=site)
                half = self._half(update, looked_at, rates_away(own_groups(optimizer, own)))
                if not closure:
                    scale = getattr(optimizer, "grad_scale", None)
                    scale = scale if isinstance(scale, Tensor) else None
                    half.gradients = Gradients.of(half.readable, scale)
                half.readable = []
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

    # One look

    def _entries(self, name: str) -> list[Entry]:
        """Return the parameters of a model, which are looked for anew at every fourth look.

        To go through a model costs more than to look at its parameters. Held weakly in between.
        """
        model = self._models[name]()
        if model is None:
            return []
        asked, kept = self._kept.get(name, (0, []))
        found = [known for known in (keep.entry() for keep in kept) if known is not None]
        gone = len(found) < len(kept) or any(entry.is_freed for entry in found)
        if asked % RENEWED == 0 or gone:
            if name not in self._hidden:  # looked for once: it goes through all a model keeps
                self._hidden[name] = find_hidden(model)
            found = entries(model)
            frozen = any(not entry.parameter.requires_grad for entry in found)
            self._vain[name] = unfrozen_in_vain(model) if frozen else ""
            found += hidden_entries(self._hidden[name], found)
            kept = [Kept(e.name, weakref.ref(e.parameter), e.part, e.depth) for e in found]
        self._kept[name] = asked + 1, kept
        return found

    def _about(
        self, name: str, found: Sequence[Entry], optimizer: Optimizer | None = None
    ) -> Update:
        """Say what can be said of a model and an optimizer without reading any number."""
        model = self._models[name]()
        update = self._steppers.standing(found)
        training = model is not None and model.training
        in_vain = self._vain.get(name, "") if update.trainable < len(found) else ""
        update = msgspec.structs.replace(update, model=name, training=training, in_vain=in_vain)
        if optimizer is None:
            return update
        return self._steppers.holding(update, optimizer, found, self._watched)

    def _watched(self) -> set[int]:
        return {id(e.parameter) for name in self._models for e in self._entries(name)}

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
            readable,
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
        with_lines = self._steepness.told(update, self._files_of(update))
        self._emit(msgspec.structs.replace(with_lines, wrong=self._wrong(update, parts)))

    def remember_files(self) -> None:
        """See to the files of the models while they are there: looks may be judged later."""
        for name, model in self._models.items():
            alive = model()
            if alive is not None and name not in self._written:
                self._written[name] = files_of(alive, None)

    def _files_of(self, update: Update) -> tuple[str, ...]:
        """Return the files of a step and of the model's classes; none where these are unknown."""
        self.remember_files()
        if update.model not in self._written:
            return ()
        step = () if update.site is None else (update.site.file,)
        return tuple(dict.fromkeys((*step, *self._written[update.model])))

    def _wrong(self, update: Update, parts: Sequence[Part]) -> CallSite | None:
        """Return the line that may be to blame for a look at which something rests."""
        hidden = self._hidden.get(update.model, ())
        unknown = [one for one in hidden if any(n.startswith(one.name) for n in update.missing)]
        if unknown:
            return assigned_at(unknown[0].owner, unknown[0].attribute)
        if update.in_vain:
            return unfrozen_at(self._files_of(update))
        if not update.held and update.made is not None:
            renewed = renewed_at(update.made, copied=update.copied)
            return renewed or replaced_at(self._files_of(update), update.missing)
        if update.site is None or not update.holds:
            return None
        if update.absent and update.step:  # from the first step on, they were never held
            return replaced_at(self._files_of(update), update.missing)
        if update.rate == 0.0 and update.scheduled:
            return scheduled_at(update.site.file)
        if all(part.tensors == part.scalars for part in parts):
            return frozen_at(update.site.file)
        if not any(part.pulled or part.moved for part in parts):
            zeros = any(part.graded for part in parts)
            hooked = hooked_at(update.site.file) if zeros else None
            return cleared_at(update.site, zeros=zeros) or hooked
        return None


def _readable(found: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in found if entry.is_readable]


def _site() -> CallSite | None:
    frame = user_frame()
    return site_of(frame) if frame is not None else None
