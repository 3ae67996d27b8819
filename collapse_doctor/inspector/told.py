"""What the user tells by ``inspector.step``: the loss and the labels of a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from collapse_doctor.inspector.labels import describe_labels, describe_loss
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.pacing.bringing import bring
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.recording.observations import Observation

__all__ = ["Told"]


class Told:
    """Takes in what the user told; what lies on a device is described when it has come over.

    What people pass is theirs to choose, so what is not understood is noted, and no fault.
    """

    def __init__(
        self,
        moment: Moment,
        later: Later,
        emit: Callable[[Observation], None],
        note: Callable[[str, str], None],
    ) -> None:
        self._moment = moment
        self._later = later
        self._emit = emit
        self._note = note

    def loss(self, loss: Any) -> None:
        """Take in the loss of the last forward pass: a number, or a tensor."""
        step = self._moment.labelled_step
        self._hear(loss, lambda value: describe_loss(value, step))

    def labels(self, labels: Any) -> None:
        """Take in the labels of the last forward pass."""
        told = self._moment.labelled_step, self._moment.batch, self._moment.sizes
        self._hear(labels, lambda value: describe_labels(value, *told))

    def _hear(self, value: Any, describe: Callable[[Any], Observation]) -> None:
        def hear(told: Any) -> None:
            try:
                self._emit(describe(told))
            except (TypeError, ValueError) as error:
                self._not_understood(error)

        try:
            bring(value, self._later, hear)
        except TypeError as error:
            self._not_understood(error)

    def _not_understood(self, error: Exception) -> None:
        self._note("inspector.step", f"an argument was not understood: {error}")
