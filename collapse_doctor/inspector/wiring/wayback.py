"""The way back: from the loss through the embeddings to the parameters, and their steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from collapse_doctor.inspector.comparing.provenance import Provenance
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.pacing.schedule import Schedule
from collapse_doctor.inspector.wiring.gradients import CUTS, Returns
from collapse_doctor.inspector.wiring.movement import Movement
from collapse_doctor.inspector.wiring.steep import Steepness
from collapse_doctor.recording.observations import Comparison, Origin, Reach, Update

__all__ = ["WayBack"]


class WayBack:
    """Watches gradients at the outputs of the models, and steps of optimizers at their weights.

    Parameters
    ----------
    models
        The models by name. Held weakly.
    schedule, moment
        When to look, and where the training is.
    provenance
        Knows which tensors are outputs, or were made of one.
    later
        Where numbers wait until they have come over from the device.
    emit, note
        Take observations, and notices (what they are about, and their text).
    """

    def __init__(
        self,
        models: Mapping[str, nn.Module],
        schedule: Schedule,
        moment: Moment,
        provenance: Provenance,
        later: Later,
        emit: Callable[[Reach | Update | Comparison], None],
        note: Callable[[str, str], None],
    ) -> None:
        self._schedule = schedule
        self._moment = moment
        self._provenance = provenance
        steepness = Steepness()
        self._movement = Movement(models, schedule, later, emit, note, steepness)
        self._returns = Returns(provenance, later, emit, steepness.noted, models)
        self._is_resting = False

    def start(
        self, guard: Callable[[Callable[..., None]], Callable[..., None]], *, steps: bool
    ) -> None:
        """Begin to listen; ``guard`` wraps the callbacks so that they cannot raise.

        ``steps`` says whether steps of optimizers are looked at as well.
        """
        self._is_resting = not steps
        if steps:
            self._movement.start(guard)
        self._returns.start(guard)

    def stop(self) -> None:
        """Stop listening. Safe to call twice."""
        self._movement.stop()

    @property
    def needs_modules(self) -> bool:
        """Whether modules are held that what is yet to be told will point to, until the end."""
        return self._movement.needs_modules

    def remember_files(self) -> None:
        """See to what later judgements ask of the models, while these are there."""
        self._movement.remember_files()

    def rest(self) -> None:
        """Look at no more steps: a compiled one depends on which hooks there were before it."""
        self._is_resting = True
        self._movement.stop()

    def passed(self, model: str, rows: Sequence[tuple[str, Tensor]]) -> None:
        """Take note of a forward pass, and of the embeddings among what it returned."""
        forwards = self._moment.forwards_of(model)
        if not self._is_resting and any(tensor.requires_grad for _, tensor in rows):
            self._movement.passed(model, forwards)
        if not self._schedule.compares(self._moment.due(model)):
            return
        for name, tensor in rows:
            known = self._provenance.of(tensor)
            origin = Origin(model, name, self._moment.step, forwards)
            self._returns.watch(origin, tensor, known)

    def inside(self, model: str, layer: str, tensor: Tensor) -> None:
        """Take note of what a block returned, in a pass that is looked at."""
        if tensor.requires_grad and self._schedule.compares(self._moment.due(model)):
            forwards = self._moment.forwards_of(model)
            self._returns.inside(Origin(model, layer, self._moment.step, forwards), tensor)

    def called(self, func: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """Take note of a function of :data:`CUTS` that was called."""
        if func in CUTS:
            self._returns.called(func, args)

    def end_step(self) -> None:
        """Tell what came back in the step that is over."""
        self._returns.end_step()

    def finish(self) -> None:
        """Look at the end for what should have been seen and was not."""
        self._returns.end_step()
        if not self._is_resting:
            self._movement.finish(self._returns.reached)
