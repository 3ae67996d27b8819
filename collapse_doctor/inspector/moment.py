"""Where the training is right now: step, forward pass, and what went into the model last."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from torch import nn

from collapse_doctor.inspector.comparing.kinship import Now
from collapse_doctor.inspector.comparing.provenance import Fingerprint
from collapse_doctor.inspector.outputs import is_plain, local_part, tensors_in
from collapse_doctor.inspector.pacing.clock import StepClock

__all__ = ["Moment", "Tally"]

MOST_SHAPES = 64
MOST_LEADS = 8


class Tally:
    """How many outermost forward passes are over: of one model, or of all together."""

    __slots__ = ("passes",)

    def __init__(self) -> None:
        self.passes = 0


class Moment:
    """The present, as the parts of the Inspector need to know it.

    ``inputs`` is a fingerprint of what a watched model was last given; ``labelled_step`` and
    ``batch`` are the step and the number of rows of the last forward pass, to which labels told
    afterwards belong even when the optimizer has stepped in between; ``sizes`` are the numbers
    of rows, or of positions, that the forward passes of that step gave, alone and together;
    ``tells_sizes`` is true once somebody asked for them. ``leads`` are the first dimensions of the
    inputs of the last forward passes that were looked at: the sizes of their batches. ``tally``
    counts the passes of all models.
    """

    def __init__(self, models: Mapping[str, nn.Module], clock: StepClock) -> None:
        self._models = models
        self._clock = clock
        self._tallies = {model: Tally() for model in models}
        self.tally = Tally()
        self.inputs: Fingerprint | None = None
        self.labelled_step = 0
        self.tells_sizes = False
        self.batch: int | None = None
        self.leads: deque[int] = deque(maxlen=MOST_LEADS)
        self._shapes: list[tuple[int, ...]] = []
        self._shaped = 0  # the step that they are of
        self._weighed: tuple[int, tuple[Fingerprint, ...]] | None = None

    @property
    def step(self) -> int:
        """The current step, from 0: how often the optimizer has moved the watched models."""
        return self._clock.steps

    @property
    def forward(self) -> int:
        """The number of the forward pass that is under way or was the last, from 0."""
        return max(0, self.forwards - 1)

    @property
    def forwards(self) -> int:
        """How many outermost forward passes are over of the model that was called most."""
        return max((tally.passes for tally in self._tallies.values()), default=0)

    def forwards_of(self, model: str) -> int:
        """Return how many outermost forward passes of one model are over."""
        return self._tallies[model].passes

    def due(self, model: str) -> int:
        """Return the number the schedule goes by: steps, or forward passes where none count."""
        return self.forwards_of(model) if self.is_counted_by_forwards else self._clock.steps

    @property
    def is_counted_by_forwards(self) -> bool:
        """True while nothing but forward passes counts the steps."""
        return self._clock.kind == "forward"

    def entered(self, inputs: Any) -> None:
        """Take a fingerprint of the first tensor among the inputs of a forward pass."""
        found = (tensor for _, tensor in tensors_in(inputs, "inputs"))
        first = next((tensor for tensor in found if is_plain(tensor) and tensor.numel()), None)
        self.inputs = Fingerprint(first) if first is not None else None
        if first is not None and first.dim():
            self.leads.append(first.shape[0])

    @property
    def sizes(self) -> tuple[int, ...]:
        """All numbers of rows that labels of the labelled step may have."""
        self.tells_sizes = True
        shapes = self._shapes if self._shaped == self.labelled_step else []
        each = [size for shape in shapes for size in (*shape[:-1], math.prod(shape[:-1]))]
        together = [sum(shape[0] for shape in shapes)] if shapes else []
        return tuple(sorted({*each, *together}))

    def passed(self, model: str, shapes: Sequence[tuple[int, ...]]) -> None:
        """Count one outermost forward pass of ``model`` that gave tensors of these shapes."""
        if self._shaped != self._clock.steps:
            self._shapes.clear()
        self._shaped = self.labelled_step = self._clock.steps
        self.batch = shapes[0][0] if shapes else None
        if shapes:
            self._shapes = [*self._shapes, *shapes][-MOST_SHAPES:]
        self._tallies[model].passes += 1
        self.tally.passes += 1

    def counter(self, model: str) -> Callable[[], None]:
        """Return what counts one pass of ``model`` that is of no interest, as fast as can be."""
        tally, every, clock = self._tallies[model], self.tally, self._clock

        def count() -> None:
            tally.passes += 1
            every.passes += 1
            self.labelled_step = clock.steps
            self.batch = None

        return count

    def passed_part(self, model: str) -> None:
        """Count one pass of an outermost part of a model that is not called itself.

        Such passes are only seen when something is looked at, so no labels are held against them.
        """
        self._tallies[model].passes += 1
        self.tally.passes += 1

    def step_taken(self) -> None:
        """Take note of the step just taken, before a schedule changes its learning rate."""
        self._clock.note_rate()

    def wake(self) -> None:
        """Have the end of the next step told, whatever it seemed good for."""
        self._clock.wake()

    def now(self) -> Now:
        """Return this moment as a value that can be kept."""
        rate = self._clock.rate
        rate.fetch()
        needless = rate.is_known and rate.is_positive()  # then nobody asks for the weights
        weights = () if needless else self._weights()
        return Now(self.step, self.forward, self.inputs, weights, rate)

    def _weights(self) -> tuple[Fingerprint, ...]:
        """Return fingerprints of some trainable parameters of every watched model."""
        if self._weighed is None or self._weighed[0] != self.step:
            self._weighed = (self.step, tuple(self._weigh()))
        return self._weighed[1]

    def _weigh(self) -> Iterator[Fingerprint]:
        for model in self._models.values():
            held = [local_part(p) for p in model.parameters() if p.requires_grad]
            moving = [part for part in held if is_plain(part)]
            yield from (Fingerprint(p) for p in moving[:2] + moving[-2:] if p.numel())
