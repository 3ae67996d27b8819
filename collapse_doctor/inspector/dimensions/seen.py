"""What the shapes and dimensions of calls show, beside the operands that meet in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from collapse_doctor.inspector.comparing.provenance import Provenance
from collapse_doctor.inspector.dimensions.attention import ATTENDING, Attention
from collapse_doctor.inspector.dimensions.axes import REARRANGING, Axes
from collapse_doctor.inspector.dimensions.batchfirst import Told
from collapse_doctor.inspector.dimensions.columns import COLUMNWISE, Columns
from collapse_doctor.inspector.dimensions.defaults import DEFAULTING, Defaults
from collapse_doctor.inspector.dimensions.elementwise import tensors_among
from collapse_doctor.inspector.dimensions.numbers import Scores
from collapse_doctor.inspector.dimensions.softmaxes import SOFTMAXING, Softmaxes
from collapse_doctor.inspector.dimensions.spreads import SPREADING, Spreads
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.recording.observations import AlongBatch, Spread

__all__ = ["SHAPING", "Shapes"]

SHAPING: frozenset[Callable[..., Any]] = (
    SPREADING | COLUMNWISE | SOFTMAXING | REARRANGING | ATTENDING | DEFAULTING
)
MOST_DIMENSIONS = 4
"""Of the tensors that are looked at: feature maps of images have as many, all pairs fewer."""


class Shapes:
    """Tells what broadcast to all pairs, and what worked along the batch, where rows were meant.

    Attributes
    ----------
    scores
        Where the results of comparisons of row i with row i are announced.
    """

    def __init__(
        self,
        moment: Moment,
        provenance: Provenance,
        later: Later,
        patient: Later,
        emit: Callable[[Spread | AlongBatch], None],
    ) -> None:
        self.scores = Scores(provenance)
        told = Told(moment, provenance, emit)
        self._spreads = Spreads(moment, self.scores, emit)
        self._columns = Columns(provenance, patient, told)
        self._axes = Axes(provenance, later, told)
        self._defaults = Defaults(provenance, later, told)
        self._softmaxes = Softmaxes(provenance, later, told)
        self._attention = Attention(later, told)

    def seen(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """Take note of one call of a function in ``SHAPING``."""
        tensors = tensors_among(args, kwargs)
        if tensors and func in ATTENDING and tensors[0].dim() > 2:
            self._attention.seen(func, tensors, args, kwargs, result)
        if not tensors or tensors[0].dim() >= MOST_DIMENSIONS:
            return
        if func in SPREADING:
            self._spreads.seen(func, tensors, args, kwargs, result)
        if func in COLUMNWISE:
            self._columns.seen(func, tensors, args, kwargs, result)
        if func in DEFAULTING:
            self._defaults.seen(func, args, kwargs, result)
        if func in REARRANGING:
            self._axes.seen(func, tensors, args, kwargs, result)
        if func in SOFTMAXING:
            self._softmaxes.seen(func, tensors, args, kwargs, result)

    def sweep(self) -> None:
        """Forget tensors that no longer exist. Called once a step."""
        for part in (self.scores, self._spreads, self._columns, self._axes, self._defaults):
            part.sweep()
        self._softmaxes.sweep()
        self._attention.sweep()
