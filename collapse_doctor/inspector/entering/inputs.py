"""What enters a watched model, row by row: how many rows differ, and how far apart they lie.

A model that is given one row again and again can only return one. So what enters it is looked at
in the passes whose embeddings are measured, and of these the same rows: each is put down to a hash
of its numbers and to some of them, where the tensor is, and told when both have come over.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from collapse_doctor.inspector.embeddings import MEASURED_ROWS, MOST_FORWARDS, MOST_ROWS
from collapse_doctor.inspector.entering.rows import Hashing, are_masks, entered, few
from collapse_doctor.inspector.entering.variety import dispersion, extremes, runs
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.processes.letters import spread
from collapse_doctor.recording.observations import Intake, Observation

__all__ = ["Inputs"]

SAMPLE = 256
"""Numbers of each row that its spread is read from."""


@dataclass(frozen=True, eq=False)
class _Taken:
    """One pass: what is known of it, without its counts, and what is on its way.

    ``worded`` is true where whole numbers entered alone, or beside masks of their shape;
    ``masks`` says which tensors are masks.
    """

    head: Intake
    worded: bool
    masks: list[bool]
    hashes: Tensor
    sample: Tensor


class Inputs:
    """Takes what enters the watched models, and tells it once the step is over.

    Parameters
    ----------
    moment
        The present.
    later
        The queue of what is told between steps.
    emit
        Takes what is told.
    """

    def __init__(self, moment: Moment, later: Later, emit: Callable[[Observation], None]) -> None:
        self._moment = moment
        self._later = later
        self._emit = emit
        self._hashing = Hashing()
        self._pending: list[_Taken] = []
        self._trained: set[str] = set()
        self._last: dict[str, frozenset[int]] = {}

    @torch.no_grad()
    def take(
        self, model: str, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        """Take in what one forward pass was given; not of an evaluation between training steps."""
        if module.training:
            self._trained.add(model)
        if module.training != (model in self._trained) or self._is_enough(model):
            return
        given = entered(module, args, kwargs)
        if given is None:
            return
        parts, first = [few(tensor, MOST_ROWS) for tensor in given.tensors], given.tensors[0]
        head = Intake(
            step=self._moment.step,
            forward=self._moment.forwards_of(model),
            model=model,
            name=given.name,
            dtype=str(first.dtype).removeprefix("torch."),
            shape=tuple(first.shape),
            rows=0,
            distinct=0,
            least=0,
            batch=len(first),
            varied=False,
            whole=given.whole,
            learned=first.grad_fn is not None,
            training=module.training,
        )
        # An odd stride does not fall on one column of every line of a picture.
        sample = parts[0][:, :: (parts[0].shape[1] // SAMPLE) | 1][:, :SAMPLE].clone()
        worded = _is_worded(given.tensors) and sample.shape[1] == first[0].numel()
        masks = are_masks(given.tensors)
        self._pending.append(_Taken(head, worded, masks, self._hashing.of(parts), sample))

    def end_step(self, *, merge: bool) -> None:
        """Send what is pending on its way; ``merge`` joins all passes of one step."""
        pending, self._pending = self._pending, []
        groups: dict[Hashable, list[_Taken]] = {}
        for taken in pending:
            head = taken.head
            moment = head.step if merge else (head.step, head.forward)
            kind = head.model, moment, head.training, head.dtype, head.shape[1:], len(taken.masks)
            groups.setdefault((*kind, taken.hashes.device), []).append(taken)
        for passes in groups.values():
            values = [*(one.hashes for one in passes), *(one.sample for one in passes)]
            heads, worded = [one.head for one in passes], all(one.worded for one in passes)
            then = functools.partial(self._arrived, heads, worded, passes[0].masks)
            self._later.put(values, then)

    def _is_enough(self, model: str) -> bool:
        """Tell whether this pass is left out, as its embeddings are."""
        step = self._moment.step
        same = [t for t in self._pending if (t.head.model, t.head.step) == (model, step)]
        if len(same) < MOST_FORWARDS:
            return False
        if self._moment.is_counted_by_forwards:  # there is no step to wait for
            self.end_step(merge=False)
            self._later.work_off()
        return not self._moment.is_counted_by_forwards

    def _arrived(
        self, passes: list[Intake], worded: bool, masks: list[bool], values: list[Tensor]
    ) -> None:
        hashes = [set(part[:, 0].tolist()) for part in values[: len(passes)]]
        kept = spread(torch.cat(values[: len(passes)]), MEASURED_ROWS)
        counts = [len(set(column.tolist())) for column in kept.unbind(1)]
        # What is one number for all rows, such as a state to begin with, tells nothing either way.
        alone = [n for n, mask in zip(counts[1:], masks, strict=True) if not mask and n > 1]
        sample = spread(torch.cat(values[len(passes) :]), MEASURED_ROWS)
        head, last = passes[0], self._last.get(passes[0].model)
        rows = self._last[head.model] = frozenset().union(*hashes)
        low, high = extremes(sample)
        self._emit(
            Intake(
                step=head.step,
                forward=head.forward,
                model=head.model,
                name=head.name,
                dtype=head.dtype,
                shape=head.shape,
                rows=len(kept),
                distinct=counts[0],
                least=min(alone, default=counts[0]),
                batch=max(one.batch for one in passes),
                varied=any(len(part) > 1 for part in hashes),
                dispersion=dispersion(sample, math.prod(head.shape[1:])),
                low=low,
                high=high,
                runs=runs(sample) if worded else None,
                whole=all(one.whole for one in passes),
                learned=any(one.learned for one in passes),
                repeated=last is not None and rows <= last,
                training=head.training,
            )
        )


def _is_worded(tensors: Sequence[Tensor]) -> bool:
    """Tell whether rows are sequences of whole numbers, and what is beside them of their shape."""
    words = tensors[0]
    if words.dim() != 2 or words.dtype not in (torch.int64, torch.int32):
        return False
    return all(
        other.shape == words.shape and not other.is_floating_point() for other in tensors[1:]
    )
