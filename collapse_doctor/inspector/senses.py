"""All that is observed of one training, made when its block is entered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from collapse_doctor.inspector.activations import ACTIVE, Activations
from collapse_doctor.inspector.comparing.operands import SEEN, Operands
from collapse_doctor.inspector.comparing.provenance import Provenance
from collapse_doctor.inspector.dimensions.seen import SHAPING, Shapes
from collapse_doctor.inspector.embeddings import BACKLOG, Embeddings
from collapse_doctor.inspector.entering.inputs import Inputs
from collapse_doctor.inspector.losses.objectives import LOSSES, Objectives
from collapse_doctor.inspector.memory.lost import Lost
from collapse_doctor.inspector.memory.wrappers import Wrappers
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.outline import Outline
from collapse_doctor.inspector.pacing.budget import Budget
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.pacing.schedule import Schedule
from collapse_doctor.inspector.processes.letters import Block
from collapse_doctor.inspector.processes.ranks import Ranks
from collapse_doctor.inspector.told import Told
from collapse_doctor.inspector.wiring.gradients import CUTS
from collapse_doctor.inspector.wiring.wayback import WayBack

__all__ = ["WANTED", "Senses"]

WANTED = SEEN | LOSSES | SHAPING | ACTIVE | CUTS.keys()
"""The functions that somebody here wants to see called."""

MOST_PATIENT = 1024
"""Looks at gradients, weights, losses, inputs and activations that wait to be judged; beyond it,
they no longer wait."""


class Senses:
    """What sees, and the queues in which what was seen waits to be judged.

    In a step things are only taken. ``prompt`` judges them as soon as they have come over from
    the device; what depends on nothing but its own numbers is patient: it waits for time, or for
    the end, if ``postpones``.

    Parameters
    ----------
    models, schedule, moment, budget, outline
        Of the watch.
    ranks
        Takes what is observed.
    prompt
        The queue of what is judged soon.
    postpones
        Whether nobody reads the recording before the end of the training.
    hook
        Puts a guarded hook on a module.
    note
        Tells, with a subject and a text, what could not be examined.
    lost
        Follows what is put into buffers.
    """

    def __init__(
        self,
        models: Mapping[str, nn.Module],
        schedule: Schedule,
        moment: Moment,
        budget: Budget,
        outline: Outline,
        ranks: Ranks,
        prompt: Later,
        *,
        postpones: bool,
        hook: Callable[[nn.Module, Callable[..., None]], None],
        note: Callable[[str, str], None],
        lost: Lost,
    ) -> None:
        patient = Later() if postpones else prompt
        provenance, append = Provenance(), ranks.append
        self.provenance = provenance
        self.wrappers = Wrappers(provenance, hook)
        self.embeddings = Embeddings(ranks, budget, moment, outline.doubles)
        self.inputs = Inputs(moment, patient, append)
        self.operands = Operands(moment, provenance, prompt, patient, append, lost)
        self.objectives = Objectives(moment, provenance, patient, append)
        self.shapes = Shapes(moment, provenance, prompt, patient, append)
        self.activations = Activations(models, moment, patient, append)
        self.heard = Told(moment, prompt, append, note)
        self.way_back = WayBack(models, schedule, moment, provenance, patient, append, note)
        self._moment = moment
        self._budget = budget
        self._ranks = ranks
        self._prompt = prompt
        self._patient = patient

    @property
    def is_behind(self) -> bool:
        """Whether anything waits for time."""
        return self.embeddings.is_behind or bool(len(self._patient))

    def called(self, func: Any, args: Any, kwargs: Any, result: Any) -> None:
        """See one call of a function of PyTorch."""
        self.way_back.called(func, args)
        if func in SEEN:
            self.operands.seen(func, args, kwargs, result)
        if func in LOSSES:
            self.objectives.seen(func, args, kwargs, result)
        if func in SHAPING:
            self.shapes.seen(func, args, kwargs, result)
        if func in ACTIVE:
            self.activations.seen(func, args, kwargs, result)

    def end_step(self, steps: int) -> None:
        """Take in what a step gave that was looked at; ``steps`` are over."""
        self.way_back.end_step()
        self.activations.end_step()
        self.embeddings.end_step(merge=True)
        self.inputs.end_step(merge=True)
        self.embeddings.put(self._ranks.tick(steps))
        self._prompt.work_off()
        self.provenance.sweep()
        self.operands.end_step()
        self.shapes.sweep()

    def work(self) -> None:
        """Measure rows and judge what is patient, as far as the budget allows."""
        self.embeddings.work()
        waiting = self._patient
        while len(waiting) and (
            self._budget.has_time(waiting.pace)
            or waiting.held > BACKLOG
            or len(waiting) > MOST_PATIENT
        ):
            took = waiting.work()
            if took is None:
                return
            self._budget.use(took)

    def finish(self) -> None:
        """At the end, see to the numbers that tell what was missing, then look for it."""
        self._prompt.drain()
        self.way_back.finish()

    def take_in(self) -> None:
        """At the end, take in the last step, and leave for later what can be measured later."""
        self.inputs.end_step(merge=self._merges)
        self._prompt.drain()
        if self.way_back.needs_modules:
            self._patient.drain()
        self.way_back.remember_files()
        self.embeddings.end_step(merge=self._merges)

    def tell(self, blocks: Sequence[Block] = ()) -> None:
        """Judge and measure all that was taken; ``blocks`` are what other processes sent."""
        self.inputs.end_step(merge=self._merges)
        self._prompt.drain()
        self.measure(blocks)

    def measure(self, blocks: Sequence[Block] = ()) -> None:
        """Measure what was taken, and what was joined from several processes."""
        self._patient.drain()
        self.embeddings.tell(merge=self._merges)
        self.embeddings.put(blocks)
        self.embeddings.tell(merge=True)

    @property
    def _merges(self) -> bool:
        """Whether all passes of a step belong together."""
        return not self._moment.is_counted_by_forwards
