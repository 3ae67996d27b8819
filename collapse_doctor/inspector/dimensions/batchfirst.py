"""Which dimension is the batch, and what is told of work along it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from torch import Tensor

from collapse_doctor.inspector.comparing.names import written
from collapse_doctor.inspector.comparing.provenance import Known, Provenance
from collapse_doctor.inspector.dimensions.broadcasting import expressions_of, name_of, operand_of
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.source.callsite import site_of, user_frame
from collapse_doctor.recording.observations import AlongBatch, CallSite

__all__ = ["Told", "is_centred", "is_turned"]

TURNS = frozenset({"T", "t", "transpose", "permute", "movedim"})
CENTRING = frozenset({"sub", "__sub__", "batch_norm"})
JOINING = frozenset({"cat", "concat", "vstack"})
MOST_LOOKS = 8
"""Times that values which meet at one line are looked at."""

Span = tuple[float, float] | None


def is_turned(known: Known) -> bool:
    """Tell whether dimensions changed places between a model's output and a tensor."""
    return not TURNS.isdisjoint(known.origin.path)


def is_centred(known: Known) -> bool:
    """Tell whether something was taken off a model's output: it may be the mean of the batch."""
    return not CENTRING.isdisjoint(known.origin.path)


class Told:
    """What is told of work along the batch, each line once.

    Where the columns of an output are correlated, the batch is worked along on purpose, and
    nothing is told of that output.
    """

    def __init__(
        self, moment: Moment, provenance: Provenance, emit: Callable[[AlongBatch], None]
    ) -> None:
        self._moment = moment
        self._provenance = provenance
        self._emit = emit
        self._looks: dict[tuple[CallSite, int], int] = {}
        self._correlated: set[tuple[str, str]] = set()
        self._told: set[tuple[str, CallSite]] = set()

    def has_batch_first(self, shape: Sequence[int], known: Known) -> bool:
        """Tell whether the rows of a tensor of that shape are samples.

        They are if there are as many as a model was given, or as parts of that (halves of a
        batch), or several times as many where outputs were joined (both views in one tensor). For
        three dimensions either of the first two may be the batch.
        """
        if is_turned(known) or min(shape) < 2:
            return False
        leads = self._moment.leads
        if shape[0] in leads or (len(shape) == 3 and shape[1] in leads):
            return True
        if not JOINING.isdisjoint(known.origin.path) and self._are_batches(shape[0]):
            return True
        return shape[1] not in leads and any(not lead % shape[0] for lead in leads)

    def has_samples(self, size: int) -> bool:
        """Tell whether a dimension of that size is the batch that a model was given."""
        return size in self._moment.leads

    def _are_batches(self, size: int) -> bool:
        return any(lead > 1 and not size % lead for lead in self._moment.leads)

    def has_rows(self, shape: Sequence[int]) -> bool:
        """Tell whether a matrix has the batch, or several of it, as its rows and not its columns.

        Dimensions that changed places among three leave features where they were.
        """
        rows, columns = map(self._are_batches, shape)
        return rows and not columns

    def correlated(self, known: Known) -> None:
        """Take note that the columns of an output are correlated on purpose."""
        self._correlated.add((known.origin.model, known.origin.layer))

    def is_enough(self, site: CallSite, place: int = 0) -> bool:
        """Count a look at one line; tell whether there were enough before."""
        count = self._looks.get((site, place), 0)
        self._looks[site, place] = count + 1
        return count >= MOST_LOOKS

    def described(
        self,
        func: Callable[..., Any],
        kind: Any,
        tensor: Tensor,
        parameters: Sequence[str] = (),
        place: int = 0,
    ) -> AlongBatch | None:
        """Return what would be told of the present call, or None outside of anybody's source."""
        frame = user_frame()
        if frame is None:
            return None
        names = written(frame, func, parameters)
        expression = names[place] if parameters else expressions_of(frame, func, 1)[0]
        return AlongBatch(
            step=self._moment.step,
            forward=self._moment.forward,
            function=name_of(func),
            kind=kind,
            site=site_of(frame),
            operand=operand_of(tensor, expression, self._provenance.of(tensor)),
        )

    def tell(
        self,
        told: AlongBatch,
        known: Known | None,
        met: CallSite | None = None,
        columns: Span = None,
        rows: Span = None,
    ) -> None:
        """Tell it, once for its line."""
        if known is not None:
            if (known.origin.model, known.origin.layer) in self._correlated:
                return
            if told.operand.origin is None:  # an output of a model, which made it inside
                operand = msgspec.structs.replace(told.operand, origin=known.origin)
                told = msgspec.structs.replace(told, operand=operand)
        if (told.kind, told.site) not in self._told:
            self._told.add((told.kind, told.site))
            self._emit(msgspec.structs.replace(told, met=met, columns=columns, rows=rows))
