"""The watch over one training: attaches, listens, lets go, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Self

import torch
from torch import nn

from collapse_doctor.errors import UsageError
from collapse_doctor.inspector.aside import Aside
from collapse_doctor.inspector.blindspots import blind_spots, unread
from collapse_doctor.inspector.compiler.compiled import (
    anything_compiled,
    compiled_parts,
    is_capturing,
)
from collapse_doctor.inspector.compiler.compiling import Compiling
from collapse_doctor.inspector.compiler.fastpath import FastPaths
from collapse_doctor.inspector.copies import finished
from collapse_doctor.inspector.fuse import Fuse, reason_of
from collapse_doctor.inspector.layers import choose_all
from collapse_doctor.inspector.listener import Listener
from collapse_doctor.inspector.memory.lost import Lost
from collapse_doctor.inspector.memory.wrappers import unwrapped
from collapse_doctor.inspector.mode import ModeWindow
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.outline import Outline, checked
from collapse_doctor.inspector.pacing.attention import Attention
from collapse_doctor.inspector.pacing.budget import Budget
from collapse_doctor.inspector.pacing.clock import PATIENCE, StepClock
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.pacing.pulse import Pulse
from collapse_doctor.inspector.pacing.rhythm import Rhythm
from collapse_doctor.inspector.pacing.schedule import Schedule
from collapse_doctor.inspector.parts import forward_of, parts_of
from collapse_doctor.inspector.probing.prober import Prober
from collapse_doctor.inspector.processes.joining import WeightsDigest
from collapse_doctor.inspector.processes.placement import place, plan_of
from collapse_doctor.inspector.processes.ranks import Ranks
from collapse_doctor.inspector.senses import WANTED, Senses
from collapse_doctor.inspector.sharing.memory import MemoryWatch
from collapse_doctor.inspector.sharing.networks import find_shared, find_suspects
from collapse_doctor.inspector.source.callsite import user_frame
from collapse_doctor.inspector.wiring.fresh import find_fresh
from collapse_doctor.recording.memory import Recording
from collapse_doctor.recording.observations import Notice, Role, Tick
from collapse_doctor.recording.writer import RecordingWriter

__all__ = ["Watch"]

OFF = "switched itself off after a fault of its own: "

REST = 16
"""Steps between two turns of tidying up while nothing is looked at."""
TICK_EVERY = 64
"""Steps between two notes of how far the training has come."""


class Watch:
    """Watches one or several models while a block of code trains them.

    Every callback is guarded (:class:`Fuse`), timed (:class:`Budget`) and runs aside of the user's
    modes (:class:`Aside`). In a step things are only taken; they are judged and measured between
    steps, when there is time and they have come over from the device, and the rest at the end.

    Parameters
    ----------
    models
        The models by name. They are not changed, and not kept alive beyond the block.
    layers
        Names, glob patterns or modules to watch beside the outputs; None for the main blocks.
    every
        Measure every n-th step; None adapts (see :class:`Schedule`).
    out
        Folder for the recording, written by process 0 of a training; None keeps it in memory.
    probe
        A batch for active tests for some or all of the models, by name: see :class:`Prober`.

    Raises
    ------
    UsageError
        For something that is no model, a layer that matches nothing, an ``every`` below 1, a
        ``probe`` that is no batch.
    """

    def __init__(
        self,
        models: Mapping[str, nn.Module],
        *,
        layers: Sequence[str | nn.Module] | None = None,
        every: int | None = None,
        out: str | Path | None = None,
        probe: Mapping[str, Any] | None = None,
    ) -> None:
        self._given = checked(models)
        self._models = unwrapped(self._given)
        self._schedule = Schedule(every)
        self._blocks = choose_all(self._models, layers)
        self._role: Role = "block" if layers is None else "chosen"
        self._prober = Prober(self._models, self._blocks, self._role, probe)
        self._outline = Outline(self._models, self._blocks, self._role)
        self._out = Path(out) if out is not None else None
        self._budget = Budget()
        self._fuse = Fuse(self._blown, self._budget.spend)
        self._lost = Lost()
        self._window = ModeWindow(
            WANTED,
            self._fuse.guard(self._called),
            self._lost,
            self._fuse.guard(self._lost.called),
        )
        self._compiling = Compiling(
            self._models, self._blocks, self._window, self._fuse.guard, self._note
        )
        self._fast_paths = FastPaths(self._window, self._fuse.guard)
        self._clock = StepClock(self._models.values(), self._ticked, self._other_stepped)
        self._moment = Moment(self._models, self._clock)
        self._attention = Attention(self._schedule, self._budget, self._moment)
        self._rhythm = Rhythm(self._moment.tally, self._models.values())
        self._prompt = Later()
        self._memory = MemoryWatch()
        self._sink: Recording | RecordingWriter | None = None
        self._ranks: Ranks
        self._senses: Senses
        self._hearing: Listener
        self._idle = False
        self._turned = 0
        self._strangers = (0, 0)  # passes of watched models, and steps of other trainings since
        self._ended = False
        self._is_behind = False  # rows are left to be measured when somebody asks

    def __enter__(self) -> Self:
        """Attach. Raises only for what cannot work at all, such as a folder that is taken."""
        if self._sink is not None:
            raise UsageError(
                "a fresh Inspector for each training",
                "one that was entered before",
                remedy="make a new Inspector(model)",
            )
        self._budget.start()
        self._fuse.guard(self._look_at_weights)()
        with Aside():
            manifest = self._outline.manifest()
        out = self._out if place().rank == 0 else None  # one recording, of all processes
        sink = Recording(manifest) if out is None else RecordingWriter(out, manifest)
        self._sink = sink
        weigh = partial(WeightsDigest, self._models.values())
        self._ranks = ranks = Ranks(sink, plan_of(manifest), weigh)
        if self._fuse.reason is not None:  # there was nowhere yet to say it
            self._note("inspector", OFF + self._fuse.reason)
        self._senses = Senses(
            self._models,
            self._schedule,
            self._moment,
            self._budget,
            self._outline,
            ranks,
            self._prompt,
            postpones=isinstance(sink, Recording) and place().world == 1,
            hook=self._hook,
            note=self._note,
            lost=self._lost,
        )
        try:
            self._fuse.guard(ranks.join)()
            self._fuse.guard(self._attach)()
            self._fuse.guard(self._prober.announce)(ranks.append)
        except BaseException:  # an interrupt: there will be no __exit__
            self._let_go()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of everything. An exception of the user's passes through untouched."""
        let_go = Fuse(self._blown).guard(self._let_go)  # also after our own fuse blew
        reason = reason_of(error)
        with ExitStack() as last:  # from below, and all of it, though an interrupt comes
            last.callback(self._forget)
            last.callback(Fuse(self._blown).guard(self._close), reason)
            last.callback(self._probe, error)
            last.callback(Fuse(self._blown).guard(self._leave_ranks), reason)
            last.callback(let_go)  # again, for it may have been interrupted
            last.callback(let_go)
            last.callback(self._fuse.guard(self._take_in))
            last.callback(self._fuse.guard(self._finish))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle as what was recorded so far: a copy watches nothing."""
        empty = self._sink is None
        recording = Recording(self._outline.manifest()) if empty else self.recording
        return finished, (type(self), recording)

    def step(self, *, loss: Any = None, labels: Any = None) -> None:
        """Tell what cannot be seen from outside, once per step, wherever it suits the loop.

        Parameters
        ----------
        loss
            The loss of this step: a number, or a tensor (which is averaged).
        labels
            The labels of this step as the loss uses them: a scalar, or one per row.
        """
        if not torch.compiler.is_compiling():  # called inside a function that is compiled
            self._fuse.guard(self._told)(loss, labels)

    @property
    def recording(self) -> Recording:
        """What was recorded so far, complete up to the present step."""
        if self._sink is None:
            raise UsageError(
                "an Inspector that has watched something",
                "one that was never entered",
                remedy="wrap the training in `with Inspector(model) as inspector:`",
            )
        if self._ended:
            self._catch_up()
        else:
            self._fuse.guard(self._tell)(waiting=True)
        return self._sink.recording if isinstance(self._sink, RecordingWriter) else self._sink

    # Attaching and letting go

    def _attach(self) -> None:
        guard = self._fuse.guard
        self._clock.start(guard)
        listener = self._hearing = self._listener()
        inside = []
        self._compiling.on_begin.append(self._senses.way_back.rest)
        self._compiling.start()
        self._senses.way_back.start(guard, steps=not self._compiling.happened)
        for name, model in self._models.items():
            for layer in self._compiling.observable(name):
                hook = guard(listener.on_block(name, layer.name, self._role, forward_of(model)))
                inside.append(self._compiling.attach(layer.module, hook, self._attention.inner))
            given = self._given[name]
            compiled = compiled_parts(given) or compiled_parts(model) or anything_compiled([model])
            # compiled code would be compiled anew for a hook
            for part, hook in () if compiled else self._senses.operands.captured.hooked(model):
                self._compiling.attach(part, guard(hook), self._attention.inner)
            on_model = guard(listener.on_model(name))
            self._compiling.attach(model, on_model, glance=listener.glance(name))
            if given is not model:
                self._senses.wrappers.add(name, given)
        self._fast_paths.start(self._models.values(), inside)

    def _hear_parts(self) -> None:
        """Listen to the parts of models whose outputs are not compared, as the first step shows."""
        if self._compiling.happened:  # a hook would compile its code anew
            return
        for name in self._hearing.in_parts:
            for part in parts_of(self._models[name]):
                hook = self._fuse.guard(self._hearing.on_part(name, part))
                self._compiling.attach(part.module, hook, self._attention.inner)

    def _listener(self) -> Listener:
        return Listener(
            self._moment,
            self._attention,
            self._rhythm.signs,
            self._window,
            self._senses,
            Pulse(self._prompt, self._attention.changed),
            self._returned,
        )

    def _hook(self, module: nn.Module, callback: Callable[..., None]) -> None:
        self._compiling.attach(module, self._fuse.guard(callback))

    def _let_go(self) -> None:
        self._clock.stop()
        if self._sink is not None:
            self._senses.way_back.stop()
        self._fast_paths.stop()
        self._compiling.stop()

    def _blown(self, reason: str) -> None:
        self._let_go()
        self._note("inspector", OFF + reason)

    def _forget(self) -> None:
        """Keep no model alive: an Inspector may be kept long after its training."""
        self._given.clear()
        self._models.clear()
        self._blocks.clear()
        self._prober.forget()

    def _close(self, reason: str) -> None:
        if self._ended or self._sink is None:
            return
        self._ended = True
        compiled = self._compiling.happened
        for about, text in blind_spots(self._moment, self._window, compiled=compiled):
            self._note(about, text)
        self._tell_time(ended=True, reason=reason)
        self._sink.close()

    # Listening

    def _returned(self, model: str, name: str) -> None:
        """Take note of the name of an embedding that a model returned, when it is a new one."""
        if self._outline.returned(model, name) and self._sink is not None:
            self._sink.describe(self._outline.manifest())

    def _look_at_weights(self) -> None:
        for name, model in self._models.items():
            find_fresh(model, self._prompt, partial(self._found_fresh, name))
        frame = user_frame()
        self._outline.found_shared(find_shared(self._given, frame))
        self._memory.begin(find_suspects(self._given, frame))

    def _look_at_memory(self, steps: int) -> None:
        """Tell of networks whose weights were one memory in the step that is over."""
        shared = tuple(self._memory.look())
        if shared and self._sink is not None:
            self._outline.found_shared(shared, step=steps - 1)
            self._sink.describe(self._outline.manifest())

    def _found_fresh(self, name: str) -> None:
        self._outline.found_fresh(name)
        if self._sink is not None:  # weights on a device are known to be when they have come over
            self._sink.describe(self._outline.manifest())

    def _called(self, func: Any, args: Any, kwargs: Any, result: Any) -> None:
        self._senses.called(func, args, kwargs, result)

    def _ticked(self, steps: int) -> None:
        """Do what takes more than a note: the step is over, the next one not begun."""
        if is_capturing():  # what is pending is told after it
            return
        if steps == 1:
            self._hear_parts()
        unseen = not (self._window.is_wanted or self._window.is_open)
        if self._rhythm.is_new(steps - 1, unseen=unseen) and steps > self._schedule.window:
            self._attention.must_change(before=True)
        self._budget.turn(max(1, steps - self._turned))
        self._turned = steps
        self._fast_paths.reset()
        self._look_at_memory(steps)
        idle, self._idle = self._idle, self._attention.is_idle
        if not idle or self._senses.embeddings.is_pending or steps % REST == 0:
            self._end_look(steps)
        elif self._ranks.are_several:
            self._senses.embeddings.put(self._ranks.tick(steps))
        self._senses.work()
        if not self._idle:
            self._begin_look(steps)
        self._attention.turn(settled=not self._window.is_pending)
        if self._is_free:
            self._clock.sleep_until(self._attention.next_turn, self._stirs)

    def _other_stepped(self) -> None:
        """Step aside for another training of some length, until a watched model is called."""
        passes, (then, steps) = self._moment.tally.passes, self._strangers
        self._strangers = (passes, steps + 1 if passes == then else 1)
        if self._strangers[1] >= PATIENCE:
            self._window.go_away()

    def _stirs(self) -> bool:
        """Tell, after a step that is only counted, whether it was unlike those before.

        Not under a mode of the user's, which would see what is read for it: then it is looked at
        aside.
        """
        if torch._C._len_torch_function_stack():
            return True
        return self._rhythm.is_new(self._clock.steps, unseen=True) or self._memory.stirs()

    @property
    def _is_free(self) -> bool:
        """Whether the ends of the next steps are nothing to us, up to the next turn."""
        return (
            self._idle
            and not self._senses.embeddings.is_pending
            and not self._ranks.are_several
            and not (self._senses.is_behind and self._budget.has_share())
        )

    def _end_look(self, steps: int) -> None:
        """Take in what a step gave that was looked at."""
        self._budget.spend(self._window.cost())
        self._senses.end_step(steps)
        self._attention.look_ahead()
        self._idle = self._attention.is_idle
        if self._idle:
            self._compiling.set_window(False)
            self._compiling.rest(True)
        if steps % TICK_EVERY == 0:
            self._tell_time()

    def _begin_look(self, step: int) -> None:
        """Open what is due in the step that begins."""
        self._moment.step_taken()
        self._attention.look_ahead()
        wanted = self._attention.compares
        if wanted and not self._window.is_wanted:
            self._senses.operands.begin(step)
        self._compiling.rest(False)
        self._compiling.set_window(wanted)
        self._prober.look()

    def _told(self, loss: Any, labels: Any) -> None:
        if self._sink is None or self._ended:
            return
        if loss is not None:
            self._senses.heard.loss(loss)
        if labels is not None:
            self._senses.heard.labels(labels)
        self._clock.tick_by_hand()

    # Telling

    def _finish(self) -> None:
        """See to the numbers that tell what was missing, then look for it."""
        if self._sink is not None and not self._ended:
            self._senses.finish()

    def _take_in(self) -> None:
        """At the end, take in the last step; what there is no file to write can be measured later.

        Whoever asks for the recording has the time, and who never asks need not wait for it.
        """
        if isinstance(self._sink, Recording) and not self._ranks.are_several:
            self._senses.take_in()
            self._is_behind = True
            self._tell_time()
        else:
            self._tell()

    def _catch_up(self) -> None:
        """Measure what was left at the end of the training, also after our own fuse blew."""
        if self._is_behind:
            self._is_behind = False
            Fuse(self._blown).guard(self._senses.measure)()
            for about, text in unread():
                self._note(about, text)

    def _tell(self, *, waiting: bool = False) -> None:
        """Judge and measure all that was taken; ``waiting``: also what waits for other ranks."""
        if self._sink is not None:
            self._senses.tell(self._ranks.present() if waiting else ())
            self._tell_time()

    def _tell_time(self, *, ended: bool = False, reason: str = "") -> None:
        """Tell how far the training has come, and what watching it has cost."""
        if self._sink is not None:
            clock = self._clock
            self._sink.append(self._budget.cost(clock.steps))
            self._sink.append(Tick(clock.steps, self._moment.forwards, clock.kind, ended, reason))

    def _probe(self, error: BaseException | None) -> None:
        """Make the active tests: not aside, for models run as their users have set things up."""
        begun = perf_counter()
        if self._sink is not None and not self._ended:
            self._prober.run(self._ranks.append, error, off=self._fuse.blown)
        self._budget.spend(perf_counter() - begun)

    def _leave_ranks(self, reason: str) -> None:
        if self._sink is not None:
            blocks = self._ranks.leave(reason)
            if not self._is_behind:
                self._senses.measure(blocks)

    def _note(self, about: str, text: str) -> None:
        if self._sink is not None:
            self._ranks.append(Notice(about=about, text=text, step=self._clock.steps))
